"""The clerk of the demo: writes records as the office would have written them.

Enters: a resident, a day, values. Leaves: ``Record`` values with ids of their own. Must
never happen: a record younger than the day it tells of. Implements the field document,
3.1 (conventions of every record).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from node.cases.model import Record
from node.demo.chance import Chance
from node.demo.residents import Resident
from node.ids import Ags, MemberId, RecordId
from node.strictjson import Json


@dataclass(frozen=True, slots=True)
class Place:
    """A town with an office. ``mark`` begins its local case numbers."""

    member: MemberId
    ags: Ags
    name: str
    postcode: str
    mark: str

    @property
    def slug(self) -> str:
        """The town's name as it stands in a mail address."""
        return self.name.lower().replace("ä", "ae").replace(" ", "-")


def office_hours(day: date) -> datetime:
    """When the office wrote down what happened on this day: early, before a demo begins."""
    return datetime.combine(day, time(5), UTC)


class Clerk:
    """Writes records of one town; ids come from a stream of their own."""

    def __init__(self, place: Place, chance: Chance) -> None:
        """Serve one town."""
        self.place = place
        self.chance = chance
        self._ids = chance.of("record ids")

    def new_id(self) -> RecordId:
        """An id nobody else has."""
        return RecordId.of(self._ids.bytes(16))

    def write(
        self,
        resident: Resident,
        kind: str,
        day: date,
        values: Mapping[str, Json],
        *,
        record: RecordId | None = None,
    ) -> Record:
        """A record of this person, written on this day; empty values are left out."""
        return Record(
            case=resident.case,
            id=record or self.new_id(),
            kind=kind,
            values={k: v for k, v in values.items() if v not in (None, "", [])},
            recorded_at=office_hours(day),
            recorded_by=resident.caseworker,
        )
