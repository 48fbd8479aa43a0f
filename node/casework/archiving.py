"""The end of a closed case: its years are over, the archive is asked, then it is erased.

Enters: the clock, the years that the town has set; who records the archive's answer. Leaves:
a task for whose case it is, shown to who assigns cases once nobody has it in hand; then, in
one transaction, the tally, the end of the case key and a row that says when and why. Must
never happen: a case erased that nobody offered to the archive; one that is worked with again,
locked, on hold or on its way; a date believed that nobody confirms (SR-K7). Implements the
retention table of the field document, chapter 4; I8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from node.accounts.policy import Action, Actor, allowed
from node.cases.days import day_start, local_day
from node.cases.erased import YEARS_OVER, Archive, ErasedCase
from node.cases.model import UNSEEN, CaseContent
from node.cases.retention import Keeping, is_closed, keeping_of
from node.casework.cases import own_case
from node.casework.deputies import in_hands
from node.casework.erasable import Extent, erase_here, extent_of, hindrance
from node.casework.eraser import Runs
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import AccountId, CaseId
from node.report.readings import ReadingUnit
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.sourceend import is_clock_confirmed

TASK: Final = "case.archive"
ANSWER_WITHIN: Final = timedelta(days=90)
"""How long the archive has before the worklist calls its answer late; nothing goes then."""
REFERENCE_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Ending:
    """A closed case whose years are over: since when, and what would go.

    ``hindrance`` says why it cannot go now, empty if it can.
    """

    case: CaseId
    keeping: Keeping
    extent: Extent
    hindrance: str


def keeping_for(
    uow: UnitOfWork, office: Office, content: CaseContent
) -> Keeping | None:
    """How long a case stays; None unless it is closed."""
    if not is_closed(content):
        return None
    consents = uow.consents.of_case(content.file.id)
    return keeping_of(content, consents, years=office.town().closed_case_years)


def offer_closed(store: Runs, office: Office) -> None:
    """A task for each case that is due, and none any more for one that is not.

    Every quiet case is examined by a reading unit; a writer is needed for what changed.
    """
    for case in store.read_sync(changed, office):
        store.write_sync(set_task, office, case)


def changed(uow: ReadingUnit, office: Office) -> Sequence[CaseId]:
    """Cases whose task is not as it must be; none while the own clock is not confirmed."""
    now = office.clock.now()
    if not is_clock_confirmed(uow, office, now):
        return ()
    today = local_day(now)
    # In such a case nothing was written for as many whole years; the rest is decided there.
    first = date(today.year - office.town().closed_case_years, 1, 1)
    quiet = uow.cases.quiet_since(day_start(first))
    due = {case for case in quiet if _is_due(uow, office, case, today)}
    tasks = uow.readings.tasks()
    asked = {task.case for task in tasks if task.kind == TASK and task.case}
    return sorted(due ^ asked)


def set_task(uow: UnitOfWork, office: Office, case: CaseId) -> None:
    """The task of one case as it must be now."""
    now = office.clock.now()
    with uow:
        # Race: whoever worked with the case, or erased it, since it was looked for.
        if not is_clock_confirmed(uow, office, now):
            return
        if _is_due(uow, office, case, local_day(now)):
            last = local_day(now + ANSWER_WITHIN)
            uow.tasks.add(TASK, at=now, case=case, due=last)
        else:
            uow.tasks.settle(TASK, case=case)
        uow.commit()


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Closed cases that wait for the archive and that nobody has in hand any more."""

    owner: AccountId
    name: str
    cases: int


def abandoned(uow: UnitOfWork, on: date, *, by: Actor) -> Sequence[Abandoned]:
    """What a leaver left behind, for who may put it on another desk.

    No case is named: who assigns sees numbers alone, and of these only how many.
    """
    if not allowed(by, Action.CASE_ASSIGN):
        return ()
    waiting = uow.tasks.on_desks(TASK)
    nobodys = waiting.keys() - in_hands(uow.accounts, on) if waiting else ()
    return [
        Abandoned(owner, uow.accounts.get(owner).name, waiting[owner])
        for owner in sorted(nobodys)
    ]


def look(uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor) -> Ending:
    """What would go, for the caseworker whose case it is.

    Raises:
        ForbiddenError: No caseworker.
        NotFoundError: No such case, not theirs, or its years are not over.
        RestrictedError: It is locked.
    """
    file = own_case(uow, by, case, Action.CASE_ERASE_DUE)
    if not by.owns(file.caseworker) or file.baton in UNSEEN:
        raise NotFoundError("case")
    now = office.clock.now()
    content = uow.cases.content(case)
    keeping = keeping_for(uow, office, content)
    if keeping is None or local_day(now) < keeping.due:
        raise NotFoundError("ending")
    return Ending(
        case, keeping, extent_of(uow, content), _hindrance(uow, office, content)
    )


def end(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    *,
    archive: str,
    reference: str,
    seen: str,
    by: Actor,
) -> None:
    """The archive has answered: the case is gone with this transaction.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        case: Which one.
        archive: A code of ``Archive``.
        reference: By which the town finds the archive's letter again; no name in it.
        seen: The digest of what was shown.
        by: Who records the answer.

    Raises:
        InputError: No answer, no reference, or the case cannot go now.
        ConflictError: It is not what was seen.
        As ``look``.
    """
    now = office.clock.now()
    with uow:
        found = look(uow, office, case, by=by)
        if archive not in set(Archive):
            raise InputError("archive", "missing")
        reference = reference.strip()
        if not reference or len(reference) > REFERENCE_CHARACTERS:
            raise InputError("reference", "too_long" if reference else "missing")
        if found.extent.seen != seen:
            raise ConflictError("not what was seen")
        if found.hindrance:
            raise InputError("case", found.hindrance)
        assert by.account is not None
        uow.tasks.settle(TASK, case=case)
        erase_here(uow, office, case)
        uow.erased_cases.add(
            ErasedCase(
                case,
                YEARS_OVER,
                asked_by=by.account,
                asked_at=now,
                agreed_by=None,
                agreed_at=now,
                archive=Archive(archive),
                reference=reference,
            )
        )
        uow.commit()


def _is_due(uow: UnitOfWork, office: Office, case: CaseId, today: date) -> bool:
    """Whether a case is closed, its years are over and nothing holds it."""
    file = uow.cases.find_file(case)
    if file is None or file.baton in UNSEEN:
        return False
    content = uow.cases.content(case)
    keeping = keeping_for(uow, office, content)
    if keeping is None or today < keeping.due:
        return False
    return not _stops(uow, content, today)


def _hindrance(uow: UnitOfWork, office: Office, content: CaseContent) -> str:
    now = office.clock.now()
    found = _stops(uow, content, local_day(now))
    return found or ("" if is_clock_confirmed(uow, office, now) else "clock")


def _stops(uow: UnitOfWork, content: CaseContent, on: date) -> str:
    """What stops it, whatever the clock says."""
    if content.file.restricted_on is not None:
        return "locked"
    return hindrance(uow, content, on)
