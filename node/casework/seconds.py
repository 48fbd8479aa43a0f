"""The second person about somebody's case: asked by one, an approver agrees or not.

Enters: who asks for what, the day. Leaves: a task, the wishes that one may decide. Must never
happen: a wish shown to whoever made it; one account that does both; a wish that still counts
after seven days. Implements chapter 6 of the field document (four eyes).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Action, Actor, Relation, actor_of, require
from node.cases.days import local_day
from node.cases.model import UNSEEN, CaseFile
from node.errors import ForbiddenError, NotFoundError
from node.ids import AccountId, CaseId
from node.report.readings import ReadingUnit, TaskRow
from node.sync.ports import UnitOfWork

LAPSES_AFTER: Final = timedelta(days=7)
KINDS: Final = frozenset({Action.CASE_ERASE_EARLY, Action.STATUTE_RECORD})
"""Actions that wait for an approver as tasks of the same name."""


def ask_second(
    uow: UnitOfWork, action: Action, case: CaseId, *, at: datetime, by: Actor
) -> None:
    """A task for the second person; whoever asks is named in it and never sees it."""
    uow.tasks.add(
        action,
        at=at,
        case=case,
        for_role="approver",
        due=local_day(at + LAPSES_AFTER),
        codes=[str(by.account)],
    )


def waiting(uow: ReadingUnit, on: date, *, by: Actor) -> Sequence[TaskRow]:
    """Wishes that wait for this person as the second one, soonest end first."""
    if Role.APPROVER not in by.roles:
        return []
    return [
        task
        for task in uow.readings.tasks()
        if task.kind in KINDS
        and task.due is not None
        and on <= task.due
        and str(by.account) not in task.codes
    ]


def open_to_second(
    uow: UnitOfWork, action: Action, case: CaseId, *, by: Actor
) -> CaseFile:
    """The file of a case somebody asks a second person about.

    Raises:
        ForbiddenError: Not a role that may be second.
        NotFoundError: No such case, or nothing is left of it here.
    """
    if Role.APPROVER not in by.roles:
        raise ForbiddenError(action)
    file = uow.cases.find_file(case)
    if file is None or file.baton in UNSEEN:
        raise NotFoundError("case")
    return file


def require_two(
    uow: UnitOfWork, action: Action, asked_by: AccountId, *, on: date, by: Actor
) -> None:
    """Go on only if the table lets both together, each being at work today.

    Raises:
        ForbiddenError: Who asked cannot be the second, or may ask no more.
    """
    first = actor_of(uow.accounts.get(asked_by), on=on)
    require(first, action, relation=Relation.OWN, second=by)


def has_lapsed(asked_at: datetime, now: datetime) -> bool:
    """Whether a wish does not count any more."""
    return now - asked_at > LAPSES_AFTER
