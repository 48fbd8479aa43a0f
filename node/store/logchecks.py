"""The newest daily check of the log, as one row.

Enters: results. Leaves: the newest. Must never happen: a result taken for evidence; it only
says when somebody looked last. Serves ``node.report.logaudit.LogAudit``.
"""

from typing import Final

from sqlalchemy import insert, select, update

from node.report.logaudit import SelfCheck
from node.store.logtables import log_check
from node.store.work import Work

_GET: Final = select(log_check)
_ADD: Final = insert(log_check)
_RENEW: Final = update(log_check)


class LogChecks:
    """The newest check inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def last_check(self) -> SelfCheck | None:
        """The newest daily check."""
        row = self._work.row(_GET)
        if row is None:
            return None
        return SelfCheck(row.at, row.size, row.verdict, row.findings)

    def keep_check(self, check: SelfCheck) -> None:
        """Put a newer one in its place."""
        row = {
            "at": check.at,
            "size": check.size,
            "verdict": check.verdict,
            "findings": check.findings,
        }
        if self._work.change(_RENEW, row) == 0:
            self._work.change(_ADD, row | {"id": 1})
