"""The index of one Kreis: which body answers for which AGS.

Enters: the bytes of ``routes/<kreis>.json``. Leaves: frozen ``Routes``. Must never
happen here: an entry for a place of another Kreis. The record is the truth, the index
only finds it (HO-107). Implements handover 11.2 and 11.5.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from node import strictjson
from node.errors import DirectoryFileError, MalformedMessageError
from node.ids import Ags, MemberId
from node.trust.fields import Fields, day_text
from node.trust.member import Member, Served

MAX_ROUTES_BYTES: Final = 512 * 1024
KREIS: Final = re.compile(r"(0[1-9]|1[0-6])[0-9]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the index."""

    place: Served
    member: MemberId


@dataclass(frozen=True, slots=True)
class Routes:
    """All lines of one Kreis."""

    kreis: str
    entries: tuple[Route, ...]

    def at(self, ags: Ags, on: date) -> list[Route]:
        """Every line for the place whose period contains the day."""
        return [
            entry
            for entry in self.entries
            if entry.place.ags == ags and entry.place.covers(on)
        ]

    @classmethod
    def of(cls, kreis: str, members: Iterable[Member]) -> Self:
        """Compute the index of a Kreis from the records."""
        return cls(
            kreis,
            tuple(
                sorted(
                    (
                        Route(place, member.id)
                        for member in members
                        for place in member.serves
                        if place.ags.kreis == kreis
                    ),
                    key=lambda route: (
                        route.place.ags,
                        route.place.since,
                        route.member,
                    ),
                )
            ),
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an index.

        Raises:
            MalformedMessageError: The schema is broken.
            DirectoryFileError: An entry names a place of another Kreis.
        """
        if len(data) > MAX_ROUTES_BYTES:
            raise MalformedMessageError("routes: too long")
        fields = Fields(strictjson.parse(data, depth=4, members=20_000), "routes")
        fields.version()
        kreis = fields.text("kreis")
        if KREIS.fullmatch(kreis) is None:
            raise MalformedMessageError("routes.kreis")
        entries = tuple(
            _parse_route(entry) for entry in fields.inners("routes", most=2_000)
        )
        fields.end()
        if any(entry.place.ags.kreis != kreis for entry in entries):
            raise DirectoryFileError("route outside the Kreis")
        return cls(kreis, entries)

    def encode(self) -> bytes:
        """The index as it is published."""
        return strictjson.encode(
            {
                "v": 1,
                "kreis": self.kreis,
                "routes": [
                    {
                        "ags": entry.place.ags,
                        "member": entry.member,
                        "from": day_text(entry.place.since),
                        "until": day_text(entry.place.until),
                    }
                    for entry in self.entries
                ],
            }
        )


def _parse_route(fields: Fields) -> Route:
    ags, member = Ags(fields.text("ags")), MemberId(fields.text("member"))
    route = Route(Served(ags, fields.day("from"), fields.day_or_none("until")), member)
    fields.end()
    return route
