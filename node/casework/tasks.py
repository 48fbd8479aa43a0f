"""Tasks that the program gave to people: seen, and put aside.

Enters: who acts, the kind of task and what it is about. Leaves: the task is settled. Must
never happen: a task put aside by somebody whose case it is not.
"""

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.casework.cases import own_case
from node.errors import ForbiddenError
from node.ids import CaseId, TransferId
from node.sync.ports import UnitOfWork


def put_aside(
    uow: UnitOfWork,
    kind: str,
    *,
    case: CaseId | None,
    transfer: TransferId | None,
    by: Actor,
) -> None:
    """Settle one task.

    Raises:
        NotFoundError: It is about a case in other hands.
        ForbiddenError: It is about no case, and these roles have no caseload.
    """
    with uow:
        cases = [case] if case is not None else []
        if transfer is not None:
            found = uow.outbound.find(transfer)
            cases += [member.case for member in found.members] if found else []
        for each in cases:
            own_case(uow, by, each, "case.edit")
        if not cases and Role.CASEWORKER not in by.roles:
            raise ForbiddenError("case.edit")
        uow.tasks.settle(kind, case=case, transfer=transfer)
        uow.commit()
