"""What follows a case that was handed over: notes kept apart, requests to correct.

Enters: at the sender a case with its permit, at the recipient what a verified packet holds.
Leaves: an extract of the added records; records to append to the case that lives there.
Must never happen: an edit of what the recipient has; a second home for the case.
Implements HO-9, DO-35.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from node.cases.consent import Permit
from node.cases.extract import Extract, select
from node.cases.intake import Arrival, NewCase, NewCases, StaleEpoch, plan_intake
from node.cases.model import Baton, CaseContent
from node.ids import CaseId, MemberId
from node.strictjson import JsonObject

SIDE_NOTE: Final = "side_note"
CORRECTION: Final = "correction"
ADDED: Final = frozenset({SIDE_NOTE, CORRECTION})
_NAMES: Final = frozenset({"family_name", "given_names", "birth_date"})


def added(content: CaseContent, permit: Permit, *, home: MemberId) -> Extract:
    """The added records that the permit covers, and whom they are about; nothing else.

    Raises:
        As ``select``.
    """
    whole = select(content, permit, home=home)
    parts: dict[str, tuple[JsonObject, ...]] = {}
    for category, records in whole.parts.items():
        kept = tuple(_named(r) for r in records if r["kind"] in {*ADDED, "person"})
        if kept and (category == "K01" or any(r["kind"] in ADDED for r in kept)):
            parts[category] = kept
    return replace(whole, parts=parts, papers=(), role=None)


def _named(record: JsonObject) -> JsonObject:
    """Of the person only who it is: the rest is there already."""
    if record["kind"] != "person":
        return record
    values = {n: v for n, v in record["values"].items() if n in _NAMES}
    return {**record, "values": values}


def plan_addendum(
    arrivals: Iterable[Arrival],
    known: Mapping[CaseId, CaseContent],
    *,
    taken: frozenset[str],
    at: datetime,
    sender: MemberId,
) -> NewCases | StaleEpoch:
    """Append to cases that live here; arguments as ``plan_intake``.

    A case that is not active here, or did not come at a later epoch than the addendum
    names, is stale: its present home is elsewhere.
    """
    listed = tuple(arrivals)
    stale = tuple(a.case for a in listed if not _lives_here(a, known.get(a.case)))
    if stale:
        return StaleEpoch(stale)
    plan = plan_intake(listed, {}, taken=taken, at=at, sender=sender)
    assert isinstance(plan, NewCases)
    return replace(
        plan, cases=tuple(_append(case, known[case.file.id]) for case in plan.cases)
    )


def _lives_here(arrival: Arrival, here: CaseContent | None) -> bool:
    return (
        here is not None
        and here.file.baton is Baton.ACTIVE
        and here.file.epoch > arrival.epoch
    )


def _append(case: NewCase, here: CaseContent) -> NewCase:
    """Only what is new: an id that is here already, of whatever kind, stays as it is."""
    ids = {record.id for record in here.records}
    records = tuple(r for r in case.records if r.kind in ADDED and r.id not in ids)
    return NewCase(here.file, here.file, records, {}, None)
