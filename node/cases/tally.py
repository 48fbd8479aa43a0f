"""The tally: what is left of an erased case, so that reports of its years stay true.

Enters: the history of a case about to be erased: every version of its records in clear
columns, and the days it was ours. Leaves: nameless lines, one for each version of a record
that an indicator counts: its kind, its day, its codes, and from when until when the office
knew it so. Must never happen: a text, a name, contact data, a language, a citizenship or a
year of birth in a line; a line that names its case. Only own records count; of care alone
the state counts whoever wrote it. Implements the tally of the field document, chapters 4
and 5; DO-33, DO-38.

An entry about several persons counts once (FR-7): while a copy of it lives in another case,
the line here says ``shared`` and counts its person only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from node.cases.dictionary import health_records
from node.cases.model import Origin, Record
from node.ids import AccountId, RecordId
from node.strictjson import Json

# Per kind: the day it counts on, and the codes that an indicator asks for.
_COUNTED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "contact": (
        "date",
        (
            *("kind", "form", "topics", "interpreter", "outcome", "referred_to"),
            *("voided_on", "counted"),
        ),
    ),
    "plan": ("agreed_on", ("plan_version", "status", "end_reason", "ended_on")),
    "goal": ("target_date", ("area", "status")),
    "review": ("reviewed_on", ()),
    "care_status": ("valid_from", ("care_status", "closure_reason", "closed_on")),
}
_CLASSES: Final = (15, 30, 60)
_LONGER: Final = 61


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a record with its clear columns alone; the last one has no end."""

    record: Record
    superseded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Days on which the case was ours, and in whose hands, as known at a time."""

    first: date
    last: date | None
    caseworker: AccountId | None
    known_at: datetime
    known_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What a case leaves to count. ``elsewhere``: entries that live on in another case."""

    versions: tuple[Version, ...]
    periods: tuple[Period, ...]
    elsewhere: frozenset[RecordId] = frozenset()


@dataclass(frozen=True, slots=True)
class TallyLine:
    """One counted version; ``kind`` ``responsibility`` is a time the case was ours.

    Lines with the same ``entry`` are versions of one record. ``known_at`` is when the
    office learned it, ``known_until`` when it learned better.
    """

    kind: str
    on: date | None
    codes: Mapping[str, Json]
    worker: AccountId | None
    entry: int
    known_at: datetime
    known_until: datetime | None = None


def tally_of(history: History) -> tuple[TallyLine, ...]:
    """The lines of one case."""
    ours = (
        TallyLine(
            "responsibility",
            period.first,
            {"until": period.last.isoformat()} if period.last else {},
            period.caseworker,
            -1,
            period.known_at,
            period.known_until,
        )
        for period in history.periods
    )
    return (*ours, *_lines(history))


def _lines(history: History) -> Iterable[TallyLine]:
    # What an area of health says of a person is not kept.
    hidden = health_records(version.record for version in history.versions)
    entries: dict[str, int] = {}
    plans: dict[str, int] = {}
    for version in history.versions:
        record = version.record
        if record.kind not in _COUNTED:
            continue
        is_own = record.origin is not Origin.TRANSFER
        if not is_own and record.kind != "care_status":
            continue
        day, names = _COUNTED[record.kind]
        codes = {
            name: record.values[name]
            for name in names
            if name in record.values and not (name == "area" and record.id in hidden)
        }
        codes |= _special(record, plans)
        if record.origin is Origin.LIST:
            codes["listed"] = True
        if not is_own:
            codes = {name: codes[name] for name in ("care_status",) if name in codes}
        if record.id in history.elsewhere:
            codes["shared"] = True
        yield TallyLine(
            record.kind,
            _day(record.text(day) or record.text("start")),
            codes,
            _worker(record),
            entries.setdefault(record.id, len(entries)),
            record.recorded_at,
            version.superseded_at,
        )


def _special(record: Record, plans: dict[str, int]) -> dict[str, Json]:
    """How long it took, as a class; which plan of the person it is, as a number."""
    minutes = record.values.get("minutes")
    if record.kind == "contact" and isinstance(minutes, int):
        return {"minutes": next((m for m in _CLASSES if minutes <= m), _LONGER)}
    if record.kind == "plan":
        name = record.text("plan") or str(record.id)
        return {"plan": str(plans.setdefault(name, len(plans)))}
    return {}


def _worker(record: Record) -> AccountId | None:
    held_by = record.text("caseworker") if record.kind == "contact" else ""
    return AccountId(held_by) if held_by else record.recorded_by


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
