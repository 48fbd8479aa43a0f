"""The end of our copy: erasing what was handed over, once nobody can lose it any more.

Enters: transfers that are ``durable``, the own clock, signed times of others. Leaves: the
intent, then the act, then the done entry, one transaction each. Must never happen: content
gone here before the recipient's verified backup holds it and the retention date is past
(I8, P10); a date believed that nobody confirms (SR-K7); a case erased that came back.
Implements P10, HO-15, SR-K5, DO-33; crash points 33 to 35.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from node.cases.days import local_day
from node.cases.model import Baton
from node.cases.retention import is_on_hold
from node.cases.tally import tally_of
from node.failpoints import Point
from node.ids import CaseId, TransferId
from node.sync.logbook import Act, record
from node.sync.office import Office
from node.sync.outward import Cause, apply, subject_of
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.schedule import clock_confirmed, erasable_from
from node.sync.transfer import Outbound, OutboundTransfer, OutEvent

BEGUN: Final = "erasing"
"""The fact of the intent; it stands among the states' facts."""
_ACT: Final = Act(more={"basis": "retention"})


def is_clock_confirmed(uow: UnitOfWork, office: Office, now: datetime) -> bool:
    """Whether others have signed a time that bears the own clock out (SR-K7)."""
    return clock_confirmed(uow.heads.signed_times(office.witness_name), now)


def erasable(uow: UnitOfWork, office: Office) -> Sequence[TransferId]:
    """Transfers whose content may go now, and those that were begun (P10).

    None while the own clock is not confirmed: what was begun waits as well.
    """
    now = office.clock.now()
    if not is_clock_confirmed(uow, office, now):
        return ()
    durable = (uow.outbound.get(t) for t in uow.outbound.in_states([Outbound.DURABLE]))
    return [transfer.id for transfer in durable if _is_due(transfer, office, now)]


def begin(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """The intent, in the log before anything is destroyed; once."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        now = office.clock.now()
        if _is_begun(transfer) or not _is_due(transfer, office, now):
            return
        if any(_is_on_hold(uow, member.case, now) for member in transfer.members):
            return
        kind = "source.erasing"
        entry = record(uow, office, kind, subject_of(transfer), act=_ACT, at=now)
        facts = {**transfer.facts, BEGUN: now}
        uow.outbound.replace(transfer, replace(transfer, last_entry=entry, facts=facts))
        uow.wake(Wake.PUBLISH, "")
        # Crash here: the intent stands, the next run goes on.
        uow.after_commit(partial(office.failpoints.reach, Point.SOURCE_INTENT))
        uow.commit()


def destroy(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """Share B, case keys, rows; each key's line is in the register before (P16).

    A case that is active here again, or was moved on by a later transfer, stays.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if not _is_begun(transfer):
            return
        # Crash here: keys and rows are gone, the sweeper removes the files.
        uow.after_commit(partial(office.failpoints.reach, Point.SOURCE_KEY_DESTROYED))
        uow.secrets.destroy_share_b(transfer.id)
        uow.outbox.drop_packet(transfer.id)
        for member in transfer.members:
            _shred(uow, office, member.case, transfer.id)
        uow.commit()


def finish(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> bool:
    """ERASED: the done entry, once everything is gone; whether it was written now."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if not _is_begun(transfer):
            return False
        apply(uow, office, transfer, OutEvent.ERASED, Cause(act=_ACT))
        uow.wake(Wake.PUBLISH, "")
        office.failpoints.reach(Point.SOURCE_BEFORE_DONE)
        uow.commit()
    return True


def _shred(uow: UnitOfWork, office: Office, case: CaseId, transfer: TransferId) -> None:
    file = uow.cases.file(case)
    if file.baton is not Baton.HANDED_OVER or file.transfer != transfer:
        return
    lines = tally_of(uow.tally.history(case))
    uow.tally.add(lines, local_day(office.clock.now()))
    gone = replace(file, baton=Baton.SHREDDED, transfer=None, household=None)
    uow.cases.replace(file, gone)


def _is_due(transfer: OutboundTransfer, office: Office, now: datetime) -> bool:
    """``imported`` and ``durable`` are there, and the date is past."""
    facts = transfer.facts
    if transfer.state is not Outbound.DURABLE or Outbound.CLOSED not in facts:
        return False
    return _is_begun(transfer) or now >= erasable_from(
        facts[Outbound.DURABLE], office.town().handed_over
    )


def _is_on_hold(uow: UnitOfWork, case: CaseId, now: datetime) -> bool:
    """A legal hold of the person stands; its last day counts."""
    if uow.cases.file(case).baton is Baton.SHREDDED:
        return False
    return is_on_hold(uow.cases.person_content(case).of("person"), local_day(now))


def _is_begun(transfer: OutboundTransfer) -> bool:
    """The intent stands; one from before a ``lost`` counts no more."""
    facts = transfer.facts
    if transfer.state is not Outbound.DURABLE or BEGUN not in facts:
        return False
    return facts[BEGUN] >= facts[Outbound.DURABLE]
