"""What waits for an approver as the second person about somebody's case.

Enters: who asks, the day. Leaves: the wishes they may decide. Must never happen: a wish
shown to whoever made it. Implements chapter 6 of the field document (four eyes).
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.casework import earlyerasure, statutes
from node.report.readings import ReadingUnit, TaskRow

KINDS: Final = frozenset({earlyerasure.TASK, statutes.TASK})


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
