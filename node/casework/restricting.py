"""Restriction on request: a case that is readable only to answer the person (Art. 18 GDPR).

Enters: who acts, why. Leaves: the day in the case file, the reason in a record, a notice to
every holder. Must never happen: a lock that ends before the person was told; a lock lifted
that we told another body is there (FR-24). Implements chapter 4 of the field document
(rights), Art. 18 and 19 GDPR.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import UNSEEN, CaseFile, Record
from node.casework.cases import new_record, own_case
from node.casework.erasable import check_reason, is_on_the_way, lifted
from node.casework.withdrawals import read_aftermath
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import CaseId
from node.sync import onward
from node.sync.logbook import Who
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import OutboundTransfer
from node.sync.words import Answer, Cause

ACTION: Final = "case.restrict"
RESTRICTION: Final = "restriction"


@dataclass(frozen=True, slots=True)
class Lock:
    """How a case stands: locked by which record, and whether people here may lift it.

    ``hindrance`` says why it cannot be locked or unlocked now, empty if it can.
    """

    file: CaseFile
    name: str
    record: Record | None
    hindrance: str
    holders: Sequence[OutboundTransfer]


def look_lock(uow: UnitOfWork, case: CaseId, *, by: Actor) -> Lock:
    """Whether a case is locked and why, for whose case it is.

    Raises:
        ForbiddenError: No caseworker.
        NotFoundError: No such case, not theirs, or nothing is left of it here.
    """
    file = own_case(uow, by, case, ACTION)
    if not by.owns(file.caseworker) or file.baton in UNSEEN:
        raise NotFoundError("case")
    content = uow.cases.content(case)
    standing = [r for r in content.of(RESTRICTION) if not r.text("lifted_on")]
    record = standing[-1] if standing and file.restricted_on is not None else None
    if file.restricted_on is None:
        hindrance = _no_lock(uow, file)
    else:
        is_bound = record is None or _was_answered(uow, case)
        hindrance = "answered" if is_bound else ""
    return Lock(file, content.name, record, hindrance, onward.holders(uow, case))


def lock(
    uow: UnitOfWork, office: Office, case: CaseId, *, reason: str, by: Actor
) -> None:
    """Lock a case because the person asked; every holder is told.

    Raises:
        InputError: No reason, or a handover or an answer comes first.
        ConflictError: It is locked.
        As ``look_lock``.
    """
    with uow:
        found = look_lock(uow, case, by=by)
        if found.file.restricted_on is not None:
            raise ConflictError("locked before")
        check_reason(reason)
        if found.hindrance:
            raise InputError("case", found.hindrance)
        today = local_day(office.clock.now())
        uow.cases.replace(found.file, replace(found.file, restricted_on=today))
        said = {"restricted_on": today.isoformat(), "reason": reason.strip()}
        uow.cases.put([new_record(office, case, RESTRICTION, said, by=by.account)])
        who = Who("caseworker", by.account)
        onward.tell_holders(uow, office, case, why=Cause.RESTRICTION, who=who)
        uow.commit()


def lift_lock(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    *,
    reason: str,
    was_told: bool,
    by: Actor,
) -> None:
    """Unlock a case; the person was told before (Art. 18(3) GDPR).

    Raises:
        InputError: No reason, the person was not told, or we said that it stays locked.
        ConflictError: It is not locked.
        As ``look_lock``.
    """
    with uow:
        found = look_lock(uow, case, by=by)
        if found.file.restricted_on is None:
            raise ConflictError("not locked")
        if found.hindrance or found.record is None:
            raise InputError("case", found.hindrance)
        check_reason(reason)
        if not was_told:
            raise InputError("told", "missing")
        uow.cases.replace(found.file, replace(found.file, restricted_on=None))
        uow.cases.put([lifted(office, found.record, reason, by=by.account)])
        uow.commit()


def _no_lock(uow: UnitOfWork, file: CaseFile) -> str:
    if is_on_the_way(uow, file):
        return "under_way"
    return "duty" if uow.tasks.is_open(onward.DUTY, case=file.id) else ""


def _was_answered(uow: UnitOfWork, case: CaseId) -> bool:
    """Whether we told who sent the case that it is locked here; then it stays so."""
    for number in uow.inbound.of_case(case):
        tags = {tag for known, tag in uow.inbound.cases(number) if known == case}
        for notice in read_aftermath(uow, number, is_ours=False).notices:
            if any(
                answer.body.answer is Answer.RESTRICTED
                and (tags & set(answer.body.tags) or tags == {None})
                for answer in notice.answers
            ):
                return True
    return False
