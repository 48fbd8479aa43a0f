"""What becomes of data whose consent was withdrawn after it had come here.

Enters: who decides, and one of three answers. Leaves: the case erased, restricted or kept,
and the signed answer to who sent it, in one transaction. Must never happen: "erased" said
while the data is here; a fourth answer; a case erased that nobody else holds for certain.
Implements FR-24, DO-23, handover 5.1 (granted and later), I8.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor, Relation, allowed, require
from node.cases.days import local_day
from node.cases.matchports import Merge
from node.cases.model import Baton, CaseContent, CaseFile, Origin, Record
from node.cases.tally import tally_of
from node.errors import (
    InputError,
    MalformedMessageError,
    NotFoundError,
    TransitionError,
)
from node.ids import CaseId, TransferId
from node.report.readings import ReadingUnit, TaskRow
from node.sync import again, inward, onward
from node.sync.aftermath import Aftermath, Notice, aftermath_of
from node.sync.bodies import WithdrawalAnswerBody
from node.sync.inward import offer_of
from node.sync.logbook import Act, Who
from node.sync.offer import PARAGRAPH, OfferBody
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import InboundTransfer, InEvent, MemberScope, Outbound
from node.sync.words import Answer

_OWN_WORK: Final = frozenset(
    {"contact", "plan", "goal", "measure", "review", "assessment", "document"}
)
"""Kinds of records of our own that keep a case here when what came is erased."""
_WHO_IT_IS: Final = frozenset({"family_name", "given_names", "birth_date"})
_UNDER_WAY: Final = frozenset({Baton.FROZEN, Baton.GRANTED})


@dataclass(frozen=True, slots=True)
class Concerned:
    """One case that a notice names, as far as its reader may decide about it.

    ``has_own`` says that entries of our own rest on the case and stay.
    """

    case: CaseId
    baton: Baton
    has_own: bool


@dataclass(frozen=True, slots=True)
class Duty:
    """A transfer to us with everything that came after the key.

    ``cases`` are those this reader may decide about, ``open`` those of them that wait.
    ``is_free`` says that they could go on or back now.
    """

    transfer: InboundTransfer
    offer: OfferBody
    aftermath: Aftermath
    cases: tuple[Concerned, ...]
    open: tuple[Concerned, ...]
    due: date | None
    is_free: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """One of the three answers; a paragraph if the data is kept."""

    answer: Answer
    paragraph: str | None = None


def read_aftermath(
    uow: UnitOfWork, transfer: TransferId, *, is_ours: bool
) -> Aftermath:
    """What both ends said about a transfer after its key had left.

    Args:
        uow: A transaction.
        transfer: T.
        is_ours: Whether this node sent it.
    """
    ours = [row.jws for row in uow.outbox.of_transfer(transfer)]
    theirs = uow.inbox.taken_of(transfer)
    return aftermath_of(ours, theirs) if is_ours else aftermath_of(theirs, ours)


def duty(uow: ReadingUnit, transfer_id: TransferId, *, by: Actor) -> Duty:
    """What waits for an answer about a transfer that came here.

    Raises:
        NotFoundError: No such transfer, or it is about other people's cases.
    """
    transfer = uow.inbound.get(transfer_id)
    seen = read_aftermath(uow, transfer_id, is_ours=False)
    mine = _mine(uow, transfer, by)
    still_open = _open_cases(uow, transfer, seen.open_notices)
    dues = [t.due for t in overdue_or_not(uow, transfer_id) if t.due is not None]
    files = [uow.cases.file(case) for case in sorted(mine)]
    concerned = tuple(Concerned(f.id, f.baton, _has_own(uow, f)) for f in files)
    brought = [
        MemberScope(case, 0, frozenset(), frozenset(), "")
        for case, _ in uow.inbound.cases(transfer_id)
    ]
    return Duty(
        transfer=transfer,
        offer=offer_of(transfer),
        aftermath=seen,
        cases=concerned,
        open=tuple(one for one in concerned if one.case in still_open),
        due=min(dues, default=None),
        is_free=len(mine) == len(brought) and again.is_free(uow, brought),
    )


def overdue_or_not(uow: ReadingUnit, transfer: TransferId) -> list[TaskRow]:
    """The open duties about one transfer."""
    tasks = uow.readings.tasks()
    return [t for t in tasks if t.kind == onward.DUTY and t.transfer == transfer]


@dataclass(frozen=True, slots=True)
class Overdue:
    """A notice whose answer is late: ours to give, or theirs."""

    transfer: TransferId
    is_ours: bool
    due: date


def overdue(uow: ReadingUnit, on: date) -> Sequence[Overdue]:
    """Every answer that is late on this day, ours and theirs; both auditors see it."""
    found = {
        (t.transfer, t.kind): Overdue(t.transfer, t.kind == onward.DUTY, t.due)
        for t in uow.readings.tasks()
        if t.kind in {onward.DUTY, onward.ANSWER_DUE}
        and t.transfer is not None
        and t.due is not None
        and t.due < on
    }
    return sorted(found.values(), key=lambda late: late.due)


def answer(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    decision: Decision,
    *,
    by: Actor,
) -> InboundTransfer:
    """Decide about every case of the open notices that this person may decide about.

    Raises:
        NotFoundError: Nothing here waits for this person.
        InputError: No paragraph; or the case is just being handed on and stays until then.
        TransitionError: It was answered meanwhile.
    """
    with uow:
        transfer = uow.inbound.get(transfer_id)
        mine = _mine(uow, transfer, by)
        seen = read_aftermath(uow, transfer_id, is_ours=False)
        still_open = _open_cases(uow, transfer, seen.open_notices)
        cases = [case for case in still_open if case in mine]
        if not cases:
            raise TransitionError("answered before")
        tags = _tags(uow, transfer, seen.open_notices, cases)
        later = onward.later_transfers(uow, transfer, cases)
        try:
            body = WithdrawalAnswerBody(
                tags=tags,
                answer=decision.answer,
                passed_on=any(t.state in onward.GRANTED for t in later),
                paragraph=_paragraph(office, decision),
            )
        except MalformedMessageError:
            raise InputError("paragraph", "missing") from None
        for case in cases:
            _carry_out(uow, office, case, decision.answer)
        role = "caseworker" if Role.CASEWORKER in by.roles else "approver"
        act = Act(outcome=str(decision.answer), who=Who(role, by.account))
        after = inward.apply(
            uow,
            office,
            transfer,
            InEvent.WITHDRAWAL_ANSWERED,
            inward.Cause(act=act, body=body),
        )
        for case in cases:
            uow.tasks.settle(onward.DUTY, case=case, transfer=transfer_id)
        if set(cases) == set(still_open):
            uow.tasks.settle(onward.DUTY, transfer=transfer_id)
        uow.commit()
    return after


def _mine(uow: UnitOfWork, transfer: InboundTransfer, by: Actor) -> frozenset[CaseId]:
    """The cases of the transfer about which this person may decide.

    Raises:
        NotFoundError: None of them.
    """
    require(by, "notice.answer", relation=Relation.OWN)
    brought = [case for case, _ in uow.inbound.cases(transfer.id)]
    if allowed(by, "notice.answer"):
        return frozenset(brought)
    own = [c for c in brought if by.owns(uow.cases.file(c).caseworker)]
    if not own or by.account is None:
        raise NotFoundError("transfer")
    return frozenset(own)


def _open_cases(
    uow: UnitOfWork, transfer: InboundTransfer, notices: Sequence[Notice]
) -> tuple[CaseId, ...]:
    tags = {tag for notice in notices for tag in notice.open_tags}
    return onward.cases_of(uow, transfer, tags) if tags else ()


def _tags(
    uow: UnitOfWork,
    transfer: InboundTransfer,
    notices: Sequence[Notice],
    cases: Sequence[CaseId],
) -> tuple[bytes, ...]:
    """How the sender calls these cases."""
    told = {tag for notice in notices for tag in notice.open_tags}
    known = {
        tag for case, tag in uow.inbound.cases(transfer.id) if case in cases and tag
    }
    return tuple(sorted(told & known or told))


def _paragraph(office: Office, decision: Decision) -> str | None:
    if decision.answer is not Answer.KEPT:
        return None
    text = (decision.paragraph or "").strip()
    try:
        PARAGRAPH.read(text, "paragraph")
    except MalformedMessageError:
        raise InputError("paragraph", "missing") from None
    if office.statutes and text not in office.statutes:
        raise InputError("paragraph", "unknown")
    return text


# -- Erase, restrict, keep ---------------------------------------------------------------


def _carry_out(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    said: Answer,
) -> None:
    if said is Answer.KEPT:
        return
    merged = next((m for m in uow.matches.merges(case) if m.holds(case)), None)
    if merged is not None:
        _carry_out_merged(uow, office, merged, said)
        return
    file = uow.cases.file(case)
    if file.baton is Baton.SHREDDED:
        return
    if file.baton in _UNDER_WAY:
        raise InputError("answer", "under_way")
    if said is Answer.RESTRICTED:
        today = local_day(office.clock.now())
        uow.cases.replace(file, replace(file, restricted_on=today))
        return
    if file.baton is Baton.HANDED_OVER:
        _check_secured(uow, file)
    content = uow.cases.content(case)
    if file.baton is Baton.ACTIVE and _rests(uow, content):
        _erase_what_came(uow, content)
        return
    lines = tally_of(uow.tally.history(case))
    uow.tally.add(lines, local_day(office.clock.now()))
    gone = replace(file, baton=Baton.SHREDDED, transfer=None, household=None)
    uow.cases.replace(file, gone)


def _carry_out_merged(
    uow: UnitOfWork, office: Office, merged: Merge, said: Answer
) -> None:
    """The case was united with another one: what came with it lies there now.

    Erased goes what came with the transfer, there and in the resting case; no undo brings it
    back. Restricted is the case that holds it.
    """
    holder = uow.cases.file(merged.survivor)
    if holder.baton in _UNDER_WAY:
        raise InputError("answer", "under_way")
    further = next(
        (m for m in uow.matches.merges(holder.id) if m.holds(holder.id)), None
    )
    if said is Answer.ERASED:
        if holder.baton is not Baton.SHREDDED:
            _erase_moved(uow, uow.cases.content(holder.id), merged)
        resting = uow.cases.file(merged.absorbed)
        if resting.baton is Baton.ABSORBED:
            uow.cases.replace(resting, replace(resting, baton=Baton.SHREDDED))
            ended = replace(merged, ended_at=office.clock.now())
            uow.matches.put_merge(ended, None)
    elif further is None and holder.baton is not Baton.SHREDDED:
        today = local_day(office.clock.now())
        uow.cases.replace(holder, replace(holder, restricted_on=today))
    if further is not None:
        onward_merge = replace(
            further, moved=merged.moved, taken=merged.taken, absorbed=holder.id
        )
        _carry_out_merged(uow, office, onward_merge, said)


def _erase_moved(uow: UnitOfWork, content: CaseContent, merged: Merge) -> None:
    came = [
        record
        for record in content.records
        if record.id in merged.moved and record.origin is Origin.TRANSFER
    ]
    uow.cases.remove(content.file.id, came)
    person = content.person
    if person is not None:
        gone = frozenset(merged.taken) - _WHO_IT_IS
        left = {n: v for n, v in person.values.items() if n not in gone}
        uow.cases.put([replace(person, values=left)])


def _check_secured(uow: UnitOfWork, file: CaseFile) -> None:
    """I8: our copy goes early only once the next holder's backup has the case."""
    assert file.transfer is not None
    if uow.outbound.get(file.transfer).state not in {Outbound.DURABLE, Outbound.ERASED}:
        raise InputError("answer", "under_way")


def _has_own(uow: UnitOfWork, file: CaseFile) -> bool:
    if file.baton is not Baton.ACTIVE:
        return False
    return _rests(uow, uow.cases.content(file.id))


def _rests(uow: UnitOfWork, content: CaseContent) -> bool:
    """Whether something of our own rests on the case: entries, or a consent given here."""
    own = any(
        record.origin is not Origin.TRANSFER and record.kind in _OWN_WORK
        for record in content.records
    )
    return own or any(
        consent.withdrawn_at is None and not consent.declined_on
        for consent in uow.consents.of_case(content.file.id)
    )


def _erase_what_came(uow: UnitOfWork, content: CaseContent) -> None:
    """Everything that came goes; of the person only who it is stays with our entries."""
    came = [r for r in content.records if r.origin is Origin.TRANSFER]
    uow.cases.remove(content.file.id, came)
    person = content.person
    if person is not None and person in came:
        uow.cases.put([_only_who(person)])


def _only_who(person: Record) -> Record:
    kept = {n: v for n, v in person.values.items() if n in _WHO_IT_IS}
    clock = {n: v for n, v in person.values.items() if n == "counselling_start"}
    return replace(
        person, values={**kept, **clock}, origin=Origin.OWN, origin_node=None
    )
