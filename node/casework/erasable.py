"""What goes with a case that is erased here, what hinders it, and the end of its keys.

Enters: a case. Leaves: how much lies in it and the digest of all that, why it cannot go now,
or nothing that could be read. Must never happen: a case erased that is on its way, under a
duty to answer, or on hold; a case erased that is not what somebody saw. Shared by early
erasure and by the end of a closed case. Implements chapter 4 of the field document, DO-33,
I8.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from node import strictjson
from node.cases.days import local_day
from node.cases.matchports import Merge
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.cases.retention import NO_ACTIVITY, is_on_hold
from node.cases.tally import tally_of
from node.casework.merging import BUSY
from node.casework.sidenotes import NOTE_CHARACTERS
from node.errors import InputError
from node.ids import AccountId, CaseId
from node.sync import onward
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import Inbound, Outbound, OutboundTransfer

_SECURED: Final = frozenset({Outbound.DURABLE, Outbound.ERASED})


@dataclass(frozen=True, slots=True)
class Extent:
    """Whose case, how much would go, who got it; ``seen`` is the digest of all that."""

    name: str
    entries: int
    documents: int
    merged: int
    holders: Sequence[OutboundTransfer]
    seen: str


def extent_of(uow: UnitOfWork, content: CaseContent) -> Extent:
    """What would go with this case, resting cases that were merged into it as well."""
    file = content.file
    # Records about the rights themselves do not change what would be erased.
    records = [r for r in content.records if r.kind not in NO_ACTIVITY]
    merges = _merges(uow, file.id)
    holders = [
        transfer
        for case in (file.id, *(merge.absorbed for merge in merges))
        for transfer in onward.holders(uow, case)
    ]
    digest = hashlib.sha256(
        strictjson.encode(
            {
                "case": str(file.id),
                "epoch": file.epoch,
                "baton": str(file.baton),
                "records": {str(r.id): r.version for r in records},
                "merged": sorted(str(merge.absorbed) for merge in merges),
                "holders": sorted(str(transfer.id) for transfer in holders),
            }
        )
    )
    return Extent(
        name=content.name,
        entries=sum(r.kind not in {"person", "document"} for r in records),
        documents=sum(r.kind == "document" for r in records),
        merged=len(merges),
        holders=holders,
        seen=digest.hexdigest(),
    )


def hindrance(uow: UnitOfWork, content: CaseContent, on: date) -> str:
    """Why the case cannot go now, as a code; empty if it can."""
    file = content.file
    if is_on_the_way(uow, file):
        return "under_way"
    if uow.tasks.is_open(onward.DUTY, case=file.id):
        return "duty"
    if is_on_hold(content.of("person"), on):
        return "hold"
    return "" if file.baton is Baton.ACTIVE or _is_secured(uow, file) else "not_secured"


def is_on_the_way(uow: UnitOfWork, file: CaseFile) -> bool:
    """Whether a transfer holds the case, waits to, or has just brought it."""
    return (
        file.baton not in {Baton.ACTIVE, Baton.HANDED_OVER}
        or any(t.state in BUSY for t in uow.outbound.of_case(file.id))
        or any(
            uow.inbound.get(t).state is Inbound.IMPORTED
            for t in uow.inbound.of_case(file.id)
        )
    )


def lifted(
    office: Office, record: Record, reason: str, *, by: AccountId | None
) -> Record:
    """The record of a lock or hold that has ended: when, why, by whom."""
    now = office.clock.now()
    said = {
        **record.values,
        "lifted_on": local_day(now).isoformat(),
        "lift_reason": reason.strip(),
    }
    return replace(record, values=said, recorded_at=now, recorded_by=by)


def check_reason(reason: str, field: str = "reason") -> None:
    """A reason is needed, as long as a note at most."""
    if not reason.strip():
        raise InputError(field, "missing")
    if len(reason) > NOTE_CHARACTERS:
        raise InputError(field, "too_long")


def resting(uow: UnitOfWork, case: CaseId) -> Sequence[CaseId]:
    """Cases that were merged into this one and would go with it."""
    return [merge.absorbed for merge in _merges(uow, case)]


def erase_here(uow: UnitOfWork, office: Office, case: CaseId) -> None:
    """The tally first, which reads the rows; then every key, and with it the content."""
    now = office.clock.now()
    # What was united is counted where it lies, so the resting cases add no line.
    uow.tally.add(tally_of(uow.tally.history(case)), local_day(now))
    for merge in _merges(uow, case):
        _shred(uow, merge.absorbed)
        _end(uow, merge, now)
    _shred(uow, case)


def _is_secured(uow: UnitOfWork, file: CaseFile) -> bool:
    """I8: our copy goes early only once the next holder has the case for certain."""
    assert file.transfer is not None
    gone = uow.outbound.get(file.transfer)
    # A body without a node never says more than that it has the case.
    return gone.state in _SECURED or (
        gone.body is not None and gone.state is Outbound.CLOSED
    )


def _merges(uow: UnitOfWork, case: CaseId) -> list[Merge]:
    """Merges into this case that could still be undone, those before them as well."""
    found = [
        merge
        for merge in uow.matches.merges(case)
        if merge.survivor == case and merge.is_running
    ]
    return found + [more for merge in found for more in _merges(uow, merge.absorbed)]


def _end(uow: UnitOfWork, merge: Merge, now: datetime) -> None:
    uow.matches.put_merge(replace(merge, ended_at=now), None)


def _shred(uow: UnitOfWork, case: CaseId) -> None:
    file = uow.cases.file(case)
    gone = replace(
        file, baton=Baton.SHREDDED, transfer=None, household=None, restricted_on=None
    )
    uow.cases.replace(file, gone)
