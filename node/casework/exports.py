"""What people decide about a sealed export: to whom, told, opened, filed, or given up.

Enters: decisions of people with their rights, a code that somebody read out. Leaves: events
for ``outward``, each with its entry. Must never happen: the words told without the gate's
yes in the same transaction; a code tried without end; one hand where two are asked for.
Implements chapter 13, HO-115, HO-118, FR-27, DO-28, and 5.1 for exported and told.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from functools import partial
from typing import Final

from node.accounts.policy import Actor, require
from node.cases.days import local_day
from node.casework.cases import own_case
from node.crypto.passphrase import code_digest, spell_code
from node.errors import ForbiddenError, InputError, NotFoundError, TransitionError
from node.failpoints import Point
from node.ids import AccountId, TransferId
from node.sync import exportend, onward, outward, permission
from node.sync.exportports import Address, Export
from node.sync.logbook import Act, Who
from node.sync.office import Office
from node.sync.onward import WITHDRAWN
from node.sync.ports import UnitOfWork
from node.sync.rows import StoredFile
from node.sync.transfer import Outbound, OutboundTransfer, OutEvent

SHOWN_FOR: Final = timedelta(minutes=10)
CODE_TRIES: Final = 5
CODE_PAUSE: Final = timedelta(minutes=15)
PAPER: Final = "paper"
"""The fact of a handover on paper; it stands among the states' facts (HO-118)."""

ANSWERED: Final = "withdrawal-answered"
"""The fact of an answer by letter to a withdrawal."""

ANSWERS: Final = ("erased", "restricted", "kept")
_LONGEST_NAME: Final = 120
_LINES: Final = 4


@unique
class Claim(StrEnum):
    """What two persons say together of a letter that came (chapter 13)."""

    NOT_OPENED = "not_opened"
    FILED = "filed"


_CLAIMED: Final = {
    Claim.NOT_OPENED: (Outbound.TOLD, OutEvent.NOT_OPENED, "not-opened"),
    Claim.FILED: (Outbound.CLOSED, OutEvent.CONFIRMED, "filed"),
}


def _own(
    uow: UnitOfWork, transfer_id: TransferId, by: Actor, action: str
) -> OutboundTransfer:
    transfer = uow.outbound.get(transfer_id)
    for member in transfer.members:
        own_case(uow, by, member.case, action)
    if transfer.body is None:
        raise NotFoundError("export")
    return transfer


# -- Before the file: to whom, or on paper -----------------------------------------------


def address(
    uow: UnitOfWork, transfer_id: TransferId, to: Address, *, by: Actor
) -> None:
    """Say which body shall get the sealed file; nothing is made before it is confirmed.

    Raises:
        InputError: No name, or more than fits on a letter.
        TransitionError: It is not held any more.
    """
    if not to.name.strip():
        raise InputError("name", "missing")
    long = [line for line in (to.name, *to.lines) if len(line) > _LONGEST_NAME]
    if long or not to.lines or len(to.lines) > _LINES:
        raise InputError("lines", "missing" if not to.lines else "too_long")
    with uow:
        transfer = _own(uow, transfer_id, by, "transfer.prepare")
        if transfer.state is not Outbound.HELD:
            raise TransitionError("not held")
        # What was ticked was ticked for another body.
        after = replace(transfer, body=to.ags, policy="confirm", second=None)
        uow.outbound.replace(transfer, after)
        try:
            uow.exports.replace(replace(uow.exports.get(transfer_id), address=to))
        except NotFoundError:
            uow.exports.add(Export(transfer_id, to))
        uow.tasks.settle("relocation.no_route", case=transfer.members[0].case)
        uow.commit()


def on_paper(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, by: Actor
) -> OutboundTransfer:
    """Record that the file went on paper: nothing leaves from here (HO-118)."""
    with uow:
        transfer = _own(uow, transfer_id, by, "transfer.prepare")
        facts = {**transfer.facts, PAPER: office.clock.now()}
        after = outward.apply(
            uow,
            office,
            replace(transfer, facts=facts),
            OutEvent.STOPPED,
            outward.Cause(codes=(PAPER,)),
            stored=transfer,
        )
        uow.tasks.settle("relocation.no_route", case=transfer.members[0].case)
        uow.commit()
    return after


# -- The file ----------------------------------------------------------------------------


def sealed_file(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, by: Actor
) -> StoredFile:
    """The age file, once its entry is witnessed (LR-32); a reading unit.

    Raises:
        TransitionError: There is none, or none any more, or it waits for a witness.
    """
    transfer = _own(uow, transfer_id, by, "transfer.send")
    file = uow.secrets.container(transfer_id)
    is_ready = transfer.state in {Outbound.EXPORTED, Outbound.TOLD}
    if file is None or not is_ready:
        raise TransitionError("no file")
    if transfer.state is Outbound.EXPORTED and not exportend.may_leave(
        uow, office, transfer
    ):
        raise TransitionError("waits for a witness")
    return file


# -- The words ---------------------------------------------------------------------------


def tell(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, name: str, by: Actor
) -> OutboundTransfer:
    """TOLD: the gate once more, then the words may be read out for ten minutes.

    This commit is to a sealed export what the grant is to a packet.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer_id: T.
        name: Who is on the phone.
        by: Who reads the words out.

    Returns:
        The transfer: ``told``, or ``cancelled`` if the gate said no before the first time.

    Raises:
        InputError: No name.
        TransitionError: Not exported, waits for a witness, or its basis is gone.
    """
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise InputError("told_to", "missing")
    with uow:
        transfer = _own(uow, transfer_id, by, "transfer.send")
        first = transfer.state is Outbound.EXPORTED
        if first and not exportend.may_leave(uow, office, transfer):
            raise TransitionError("waits for a witness")
        stop = permission.stop_cause(uow, office, transfer)
        if stop is not None:
            if not first:
                raise TransitionError("its basis is gone")
            after = outward.apply(uow, office, transfer, OutEvent.STOPPED, stop)
            uow.commit()
            return after
        who = Who("caseworker", by.account)
        act = Act(who=who, more=exportend.grounds(uow, office, transfer))
        after = outward.apply(
            uow, office, transfer, OutEvent.TOLD, outward.Cause(act=act)
        )
        kept = uow.exports.get(transfer_id)
        told = (*kept.address.told, name.strip())
        uow.exports.replace(
            replace(
                kept,
                address=replace(kept.address, told=told),
                shown_until=office.clock.now() + SHOWN_FOR,
                shown_to=by.account,
            )
        )
        uow.quorums.drop(transfer_id)
        office.failpoints.reach(Point.TOLD_BEFORE_COMMIT)
        # Crash here: the words count as told although nobody saw them; show them again.
        uow.after_commit(partial(office.failpoints.reach, Point.TOLD_AFTER_COMMIT))
        uow.commit()
    return after


def shown_words(
    uow: UnitOfWork, at: datetime, transfer_id: TransferId, *, by: Actor
) -> str | None:
    """The passphrase while this person may see it, else None; a reading unit."""
    transfer = _own(uow, transfer_id, by, "transfer.send")
    kept = uow.exports.get(transfer_id)
    words = uow.secrets.share_b(transfer_id)
    in_time = kept.shown_until is not None and at < kept.shown_until
    if transfer.state is not Outbound.TOLD or not in_time or words is None:
        return None
    return words.decode() if kept.shown_to == by.account else None


# -- The receipt code --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WrongCode:
    """It was another code; ``next_try_at`` is set when it was one too many."""

    next_try_at: datetime | None


def acknowledge(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, code: str, by: Actor
) -> OutboundTransfer | WrongCode:
    """RECEIPT_CODE: who names it has opened the file, so the case is handed over.

    Returns:
        The closed transfer, or that the code is another one; five in a row cost a quarter
        of an hour, in which no code is looked at.

    Raises:
        TransitionError: The words were not told, or it is over.
    """
    now = office.clock.now()
    with uow:
        transfer = _own(uow, transfer_id, by, "transfer.send")
        if transfer.state is not Outbound.TOLD:
            raise TransitionError("not told")
        kept = uow.exports.get(transfer_id)
        if kept.next_try_at is not None and now < kept.next_try_at:
            return WrongCode(kept.next_try_at)
        digest = code_digest(office.keyring.tag_key, transfer_id, spell_code(code))
        if kept.code is None or not hmac.compare_digest(digest, kept.code):
            failures = kept.failures + 1
            pause = now + CODE_PAUSE if failures % CODE_TRIES == 0 else None
            uow.exports.replace(replace(kept, failures=failures, next_try_at=pause))
            uow.commit()
            return WrongCode(pause)
        who = Who("caseworker", by.account)
        more = exportend.grounds(uow, office, transfer)
        cause = outward.Cause(
            act=Act(outcome="receipt-code", who=who, more=more),
            last_day=local_day(now) - timedelta(days=1),
        )
        after = outward.apply(uow, office, transfer, OutEvent.RECEIPT_CODE, cause)
        onward.tell_former(uow, office, after, local_day(now))
        uow.exports.replace(replace(kept, shown_until=None, asked=None, asked_by=None))
        uow.after_commit(
            partial(office.failpoints.reach, Point.ACKNOWLEDGED_AFTER_COMMIT)
        )
        uow.commit()
    return after


# -- Letters, and two persons ------------------------------------------------------------


def claim(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, what: Claim, *, by: Actor
) -> None:
    """The first person says what a letter on file here says; nothing moves yet.

    Raises:
        TransitionError: That cannot be said in this state.
    """
    with uow:
        transfer = _own(uow, transfer_id, by, "transfer.call_back")
        if transfer.state is not _CLAIMED[what][0] or by.account is None:
            raise TransitionError("not in this state")
        kept = uow.exports.get(transfer_id)
        uow.exports.replace(replace(kept, asked=what, asked_by=by.account))
        uow.tasks.add(
            "export.second",
            at=office.clock.now(),
            transfer=transfer_id,
            for_role="approver",
            codes=(what,),
        )
        uow.commit()


def confirm_claim(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, what: Claim, *, by: Actor
) -> OutboundTransfer:
    """The second person has seen the letter too: NOT_OPENED or CONFIRMED.

    Raises:
        ForbiddenError: Not with these roles, or the same person.
        TransitionError: Nobody asked, or it is over.
    """
    require(by, "transfer.second")
    with uow:
        transfer = uow.outbound.get(transfer_id)
        state, event, outcome = _CLAIMED[what]
        kept = uow.exports.get(transfer_id)
        if transfer.state is not state or kept.asked != what:
            raise TransitionError("nobody asked")
        if by.account is None or by.account == kept.asked_by:
            raise ForbiddenError("transfer.second")
        who = _both(kept.asked_by, by.account)
        cause = outward.Cause(act=Act(outcome=outcome, who=who), codes=(outcome,))
        after = outward.apply(uow, office, transfer, event, cause)
        uow.exports.replace(replace(kept, shown_until=None, asked=None, asked_by=None))
        uow.tasks.settle("export.second", transfer=transfer_id)
        uow.commit()
    return after


def _both(first: AccountId | None, second: AccountId) -> Who:
    return Who("caseworker", first, second)


def answered(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, answer: str, *, by: Actor
) -> OutboundTransfer:
    """WITHDRAWAL_ANSWER: what the body wrote back about a withdrawal, by hand.

    Raises:
        InputError: None of the answers.
        TransitionError: Nothing was withdrawn after the words were told.
    """
    if answer not in ANSWERS:
        raise InputError("answer", "unknown")
    with uow:
        transfer = _own(uow, transfer_id, by, "transfer.send")
        if WITHDRAWN not in transfer.facts:
            raise TransitionError("nothing was withdrawn")
        act = Act(outcome=answer, who=Who("caseworker", by.account))
        facts = {**transfer.facts, ANSWERED: office.clock.now()}
        after = outward.apply(
            uow,
            office,
            replace(transfer, facts=facts),
            OutEvent.WITHDRAWAL_ANSWER,
            outward.Cause(act=act, codes=(answer,)),
            stored=transfer,
        )
        uow.commit()
    return after
