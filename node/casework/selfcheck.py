"""The daily check of the own log at six, and sessions of looks that have ended.

Enters: the clock, the signer's mark. Leaves: the newest result, which the pages show; an
entry ``audit.viewed`` per ended session. Must never happen: a day whose check is skipped
because the node was down at six; a result kept that was not computed from the raw rows.
Implements exchange-log 8 (``verify``, "by itself daily at 06:00") and 3.3 (``audit.viewed``).
"""

from collections.abc import Callable
from datetime import datetime, time
from typing import Final

from node.accounts.policy import OPERATOR
from node.cases.days import BERLIN, local_day
from node.casework.auditing import check_log
from node.casework.looking import LookUnit, ended, tie_ended
from node.crypto.checkpoint import Checkpoint
from node.exchangelog.finding import Report
from node.report.logaudit import LogAuditUnit, SelfCheck
from node.sync.courier import Runner
from node.sync.office import Office

AT: Final = time(6)


async def run_due(
    run: Runner, office: Office, mark: Callable[[], Checkpoint | None]
) -> None:
    """Do what is due; called every minute by the one process that leads."""
    if await run.read(ended, office):
        await run.write(tie_ended, office)
    now = office.clock.now()
    if is_due(await run.read(last_check), now):
        report: Report = await run.read(check_log, office, mark(), OPERATOR)
        await run.write(keep_check, report, now)


def is_due(last: SelfCheck | None, now: datetime) -> bool:
    """Whether six o'clock has passed since the last check."""
    if last is None:
        return True
    today = datetime.combine(local_day(now), AT, BERLIN)
    return now >= today > last.at


def last_check(uow: LogAuditUnit) -> SelfCheck | None:
    """The newest result, None before the first."""
    return uow.log_audit.last_check()


def keep_check(uow: LookUnit, report: Report, at: datetime) -> None:
    """Keep a result for the state line."""
    with uow:
        found = SelfCheck(at, report.size, str(report.verdict), len(report.findings))
        uow.log_audit.keep_check(found)
        uow.commit()
