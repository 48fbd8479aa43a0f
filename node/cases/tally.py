"""The tally: what is left of an erased case, so that reports of its years stay true.

Enters: a case about to be erased. Leaves: nameless lines, one for each record that an
indicator counts: its kind, its day, its codes. Must never happen: a text, a name, contact
data, a language, a citizenship or a year of birth in a line; a line that names its case.
Only own records count, and none that was voided. Implements the tally of the field
document, chapters 4 and 5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.cases.dictionary import health_records
from node.cases.model import CaseContent, Origin, Record
from node.ids import AccountId
from node.strictjson import Json

# Per kind: the day it counts on, and the codes that an indicator asks for.
_COUNTED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "contact": (
        "date",
        ("kind", "form", "topics", "interpreter", "outcome", "referred_to"),
    ),
    "plan": ("agreed_on", ("plan_version", "status", "end_reason")),
    "goal": ("target_date", ("area", "status")),
    "review": ("reviewed_on", ()),
    "care_status": ("valid_from", ("care_status", "closure_reason")),
}
_CLASSES: Final = (15, 30, 60)


@dataclass(frozen=True, slots=True)
class TallyLine:
    """One counted record; ``kind`` ``responsibility`` is the time the case was ours."""

    kind: str
    on: date | None
    codes: Mapping[str, Json]
    worker: AccountId | None


def tally_of(content: CaseContent) -> tuple[TallyLine, ...]:
    """The lines of one case."""
    own = [
        record
        for record in content.records
        if record.origin is Origin.OWN and not record.values.get("voided_on")
    ]
    file = content.file
    until = file.responsible_until
    ours = TallyLine(
        "responsibility",
        file.responsible_from or file.opened_on,
        {"until": until.isoformat()} if until else {},
        file.caseworker,
    )
    return (ours, *_lines(own))


def _lines(records: Iterable[Record]) -> Iterable[TallyLine]:
    listed = tuple(records)
    # What an area of health says of a person is not kept.
    hidden = health_records(listed)
    for record in listed:
        if record.kind not in _COUNTED:
            continue
        day, names = _COUNTED[record.kind]
        codes = {
            name: record.values[name]
            for name in names
            if name in record.values and not (name == "area" and record.id in hidden)
        }
        minutes = record.values.get("minutes")
        if record.kind == "contact" and isinstance(minutes, int):
            codes["minutes"] = next((m for m in _CLASSES if minutes <= m), 0)
        yield TallyLine(record.kind, _day(record.text(day)), codes, record.recorded_by)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
