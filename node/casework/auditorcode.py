"""An auditor at the command line: a code from the page, typed once within ten minutes.

Enters: who asks for a code; a code that was typed. Leaves: the code's digest in the store;
the account that a command acts under. Must never happen: a command that shows opened
entries without an account behind it; a code that opens twice. Implements exchange-log 8.
"""

from datetime import datetime

from node.accounts.code import CODE_LIFE, AuditorCode
from node.accounts.policy import Actor, actor_of, require
from node.accounts.ports import StaffUnit
from node.cases.days import local_day
from node.errors import ForbiddenError


def issue_code(
    uow: StaffUnit, code: AuditorCode, at: datetime, *, by: Actor
) -> datetime:
    """Keep a code for the account that asks; its older ones end.

    Returns:
        Until when it works.

    Raises:
        ForbiddenError: This account may not read the log.
    """
    require(by, "log.read")
    assert by.account is not None
    until = at + CODE_LIFE
    with uow:
        uow.accounts.keep_code(code.digest, by.account, until)
        uow.commit()
    return until


def redeem_code(uow: StaffUnit, code: AuditorCode, at: datetime) -> Actor:
    """Whose code this is; from now on it opens nothing.

    Raises:
        ForbiddenError: Unknown, used or over, or its account may not read the log (any
            more): all look the same.
    """
    with uow:
        account = uow.accounts.take_code(code.digest, at)
        # Crash here: the code is used up and nothing was shown; the page gives another.
        uow.commit()
        if account is None:
            raise ForbiddenError("log.read")
        by = actor_of(uow.accounts.get(account), on=local_day(at))
    require(by, "log.read")
    return by
