"""The official list of places: AGS and name.

Enters: the shipped list of a Landkreis, or the text of another list in the same form.
Leaves: names by AGS. Must never happen: a body admitted for a place that is on no list.
The names are those of the official municipality register.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from node.errors import MalformedMessageError
from node.ids import Ags

_SHIPPED = "places/landkreis-waldshut.csv"
_KREISE = {"08337": "Landkreis Waldshut"}


def parse_places(text: str) -> Mapping[Ags, str]:
    """Read a list: a header line with ``ags,name`` first, further columns are ignored.

    Raises:
        MalformedMessageError: No such header, no AGS, an empty name or a place twice.
    """
    rows = list(csv.reader(text.splitlines()))
    if not rows or rows[0][:2] != ["ags", "name"]:
        raise MalformedMessageError("places: header")
    places: dict[Ags, str] = {}
    for row in rows[1:]:
        if len(row) < 2 or not row[1]:
            raise MalformedMessageError("places: row")
        ags = Ags(row[0])
        if ags in places:
            raise MalformedMessageError("places: twice")
        places[ags] = row[1]
    return MappingProxyType(places)


@cache
def shipped_places() -> Mapping[Ags, str]:
    """The 32 towns of the Landkreis Waldshut."""
    return parse_places(
        resources.files("node.trust").joinpath(_SHIPPED).read_text("utf-8")
    )


def kreis_name(ags: Ags) -> str:
    """The Kreis of a place, so that two places of one name can be told apart."""
    return _KREISE.get(ags.kreis, "")
