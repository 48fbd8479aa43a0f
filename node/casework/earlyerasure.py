"""Erasing a case before its time: asked by one, agreed by another (Art. 17 GDPR).

Enters: who asks, on what ground and why; what the second person saw. Leaves: the wish within
the case, and a task; then, in one transaction, notices to every holder, the tally and the end
of the case key. Must never happen: one account that does both; a case erased that is on its
way, on hold, or not what both people saw; a wish that still counts after seven days.
Implements chapter 6 of the field document (``case.erase_early``, four eyes), DO-33, I8, Art.
17 and 19 GDPR.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.accounts.policy import Action, Actor, Relation, needs_second
from node.cases.codes import code_list
from node.cases.days import local_day
from node.cases.erased import GROUNDS, ErasedCase
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.casework.cases import new_record
from node.casework.erasable import (
    check_reason,
    erase_here,
    extent_of,
    hindrance,
    resting,
)
from node.casework.seconds import (
    ask_second,
    has_lapsed,
    open_to_second,
    require_two,
)
from node.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    InputError,
    NotFoundError,
)
from node.ids import AccountId, CaseId
from node.strictjson import Json
from node.sync import onward
from node.sync.logbook import Who
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import OutboundTransfer
from node.sync.words import Cause

TASK: Final = Action.CASE_ERASE_EARLY
DECLINED: Final = "case.erase_declined"
"""The task of whoever asked: the second person said no."""
WISH: Final = "erasure_wish"


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish that still counts; ``seen`` is the digest of what its author saw."""

    record: Record
    asked_by: AccountId
    asked_at: datetime
    ground: str
    reason: str
    seen: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What both people see: whose case, how much would go, who would be told.

    ``hindrance`` says why it cannot go now, empty if it can. ``seen`` is the digest of all
    that would be erased.
    """

    file: CaseFile
    name: str
    entries: int
    documents: int
    merged: int
    holders: Sequence[OutboundTransfer]
    seen: str
    hindrance: str
    wish: Wish | None

    @property
    def is_changed(self) -> bool:
        """Whether the case is not any more what the first person saw."""
        return self.wish is not None and self.wish.seen != self.seen


def look(uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor) -> Sight:
    """What would be erased, for the caseworker whose case it is.

    Raises:
        ForbiddenError: No caseworker.
        NotFoundError: No such case, not theirs, or another case holds it.
        ErasedError: It is gone; says since when and why.
    """
    return _sight(uow, _own(uow, case, by), office.clock.now())


def ask_erasure(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    *,
    ground: str,
    reason: str,
    seen: str,
    has_written: bool = False,
    by: Actor,
) -> None:
    """Ask that a case is erased; nothing goes until a second person agrees.

    Raises:
        InputError: No ground, no reason, it cannot go now, or a holder without a node
            has no letter yet: afterwards nobody here knows whom it is about.
        ConflictError: Not what was seen, or a wish stands.
        As ``look``.
    """
    with uow:
        file = _own(uow, case, by)
        if ground not in code_list(GROUNDS).codes:
            raise InputError("ground", "missing")
        check_reason(reason)
        now = office.clock.now()
        sight = _sight(uow, file, now)
        if sight.seen != seen or (sight.wish is not None and not sight.is_changed):
            raise ConflictError("not what was seen, or asked before")
        if sight.hindrance:
            raise InputError("case", sight.hindrance)
        if not has_written and any(t.body is not None for t in sight.holders):
            raise InputError("written", "missing")
        _forget(uow, case)
        said: Mapping[str, Json] = {
            "ground": ground,
            "asked_at": now.isoformat(),
            "asked_by": str(by.account),
            "reason": reason.strip(),
            "seen": seen,
        }
        uow.cases.put([new_record(office, case, WISH, said, by=by.account)])
        uow.tasks.settle(DECLINED, case=case)
        ask_second(uow, TASK, case, at=now, by=by)
        uow.commit()


def take_back(uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor) -> None:
    """Whose case it is wants it erased no more.

    Raises:
        NotFoundError: Nobody asks; else as ``look``.
    """
    with uow:
        file = _own(uow, case, by)
        if _wish(uow.cases.content(file.id), office.clock.now()) is None:
            raise NotFoundError("wish")
        _forget(uow, case)
        uow.commit()


def open_wish(uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor) -> Sight:
    """What the second person sees: the same, and nothing else of the case.

    Raises:
        ForbiddenError: Not a role that may be second.
        NotFoundError: Nobody asks, or it lapsed.
    """
    file = open_to_second(uow, TASK, case, by=by)
    sight = _sight(uow, file, office.clock.now())
    if sight.wish is None:
        raise NotFoundError("wish")
    return sight


def decide_erasure(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    *,
    agrees: bool,
    seen: str,
    version: int,
    by: Actor,
) -> None:
    """The second person's word: the case is gone with this transaction, or stays.

    Raises:
        ForbiddenError: Who asked cannot be the second; nor who is no approver.
        ConflictError: It is not what both people saw.
        InputError: It cannot go now.
        NotFoundError: Nobody asks any more.
    """
    now = office.clock.now()
    with uow:
        sight = open_wish(uow, office, case, by=by)
        wish = sight.wish
        assert wish is not None
        require_two(uow, TASK, wish.asked_by, on=local_day(now), by=by)
        if not agrees:
            _forget(uow, case)
            uow.tasks.add(DECLINED, at=now, case=case)
            uow.commit()
            return
        if wish.record.version != version or not seen == wish.seen == sight.seen:
            raise ConflictError("not what both people saw")
        if sight.hindrance:
            raise InputError("case", sight.hindrance)
        assert by.account is not None
        who = Who("caseworker", wish.asked_by, by.account)
        uow.tasks.settle(TASK, case=case)
        _erase(uow, office, case, who)
        uow.erased_cases.add(
            ErasedCase(case, wish.ground, wish.asked_by, wish.asked_at, by.account, now)
        )
        uow.commit()


def _own(uow: UnitOfWork, case: CaseId, by: Actor) -> CaseFile:
    """The first hand: an emergency access is none."""
    if not needs_second(by, TASK, relation=Relation.OWN):
        raise ForbiddenError(TASK)
    file = uow.cases.find_file(case)
    if file is None or not by.owns(file.caseworker) or file.baton is Baton.ABSORBED:
        raise NotFoundError("case")
    if file.baton is Baton.SHREDDED:
        decided = uow.erased_cases.newest(case)
        if decided is None:
            raise ErasedError("case")
        on = local_day(decided.agreed_at)
        raise ErasedError("case", on=on, ground=decided.ground)
    return file


def _sight(uow: UnitOfWork, file: CaseFile, now: datetime) -> Sight:
    content = uow.cases.content(file.id)
    extent = extent_of(uow, content)
    return Sight(
        file=file,
        name=extent.name,
        entries=extent.entries,
        documents=extent.documents,
        merged=extent.merged,
        holders=extent.holders,
        seen=extent.seen,
        hindrance=hindrance(uow, content, local_day(now)),
        wish=_wish(content, now),
    )


def _wish(content: CaseContent, now: datetime) -> Wish | None:
    for record in content.of(WISH):
        asked_at = datetime.fromisoformat(record.text("asked_at"))
        if not has_lapsed(asked_at, now):
            return Wish(
                record=record,
                asked_by=AccountId(record.text("asked_by")),
                asked_at=asked_at,
                ground=record.text("ground"),
                reason=record.text("reason"),
                seen=record.text("seen"),
            )
    return None


def _forget(uow: UnitOfWork, case: CaseId) -> None:
    """No wish stands any more; a task about one neither."""
    wishes = uow.cases.content(case).of(WISH)
    if wishes:
        uow.cases.remove(case, wishes)
    uow.tasks.settle(TASK, case=case)


def _erase(uow: UnitOfWork, office: Office, case: CaseId, who: Who) -> None:
    """Holders first, who read the case's tags."""
    for each in (case, *resting(uow, case)):
        onward.tell_holders(uow, office, each, why=Cause.ERASURE, who=who)
    erase_here(uow, office, case)
