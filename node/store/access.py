"""The read log: who opened which case (SR-D5).

Enters: readings as values. Leaves: the same, for the auditor and for the person concerned.
Must never happen: a reason, which is free text, in a clear column; a line that is changed.
Implements ``node.accounts.ports.ReadLog``. Lines are kept for two years.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select

from node.accounts.looking import AREA, LookSession
from node.accounts.model import Reading
from node.errors import ErasedError, NotFoundError
from node.ids import AccountId, CaseId
from node.store.stafftables import access_log, look_session
from node.store.work import Work

_IN_ORDER: Final = select(access_log).order_by(access_log.c.at, access_log.c.id)

_ADD: Final = insert(access_log)
_OF_CASE: Final = _IN_ORDER.where(access_log.c.case_id == bindparam("of"))
_SINCE: Final = _IN_ORDER.where(access_log.c.at >= bindparam("since"))
_OF_ACCOUNT: Final = _IN_ORDER.where(
    access_log.c.account == bindparam("by"),
    access_log.c.at > bindparam("since"),
    access_log.c.action.startswith(AREA),
)
_LINE: Final = select(access_log).where(access_log.c.id == bindparam("at_line"))
_LOOKERS: Final = (
    select(access_log.c.account).where(access_log.c.action.startswith(AREA)).distinct()
)
_ADD_SESSION: Final = insert(look_session)
_SESSIONS: Final = select(look_session).order_by(
    look_session.c.last_at, look_session.c.entry
)
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DROP: Final = delete(access_log).where(access_log.c.at < bindparam("before"))


class SqlReadLog:
    """The read log inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, reading: Reading) -> None:
        """One more line."""
        line, reason = self._work.randomness(16).hex(), reading.reason
        self._work.change(
            _ADD,
            {
                "id": line,
                "account": reading.account,
                "case_id": reading.case,
                "at": reading.at,
                "action": reading.action,
                "reason": None
                if reason is None
                else self._work.seal(reason_place(line), reason.encode()),
            },
        )

    def of_case(self, case: CaseId) -> Sequence[Reading]:
        """All lines about one case, oldest first."""
        return [self._from_row(row) for row in self._work.rows(_OF_CASE, {"of": case})]

    def since(self, at: datetime) -> Sequence[Reading]:
        """All lines from this instant on, oldest first."""
        return [self._from_row(row) for row in self._work.rows(_SINCE, {"since": at})]

    def looks_of(self, account: AccountId, since: datetime | None) -> Sequence[Reading]:
        """Its looks into the exchange log after an instant, oldest first."""
        place = {"by": account, "since": since or _EVER}
        return [self._from_row(row) for row in self._work.rows(_OF_ACCOUNT, place)]

    def line(self, line: str) -> Reading:
        """One line by its id.

        Raises:
            NotFoundError: No such line.
        """
        row = self._work.row(_LINE, {"at_line": line})
        if row is None:
            raise NotFoundError("line of the read log")
        return self._from_row(row)

    def lookers(self) -> Sequence[AccountId]:
        """Every account that ever looked into the exchange log."""
        return [AccountId(row.account) for row in self._work.rows(_LOOKERS)]

    def add_session(self, session: LookSession) -> None:
        """A session of looks that an entry of the log now names."""
        self._work.change(
            _ADD_SESSION,
            {
                "entry": session.entry,
                "account": session.account,
                "first_at": session.first_at,
                "last_at": session.last_at,
            },
        )

    def sessions(self) -> Sequence[LookSession]:
        """All of them, oldest first."""
        return [
            LookSession(row.entry, AccountId(row.account), row.first_at, row.last_at)
            for row in self._work.rows(_SESSIONS)
        ]

    def remove_before(self, at: datetime) -> int:
        """End lines older than their two years; gives their number."""
        return self._work.change(_DROP, {"before": at})

    def _from_row(self, row: Row[*tuple[Any, ...]]) -> Reading:
        return Reading(
            account=AccountId(row.account),
            case=CaseId(row.case_id),
            at=row.at,
            action=row.action,
            reason=None if row.reason is None else self._reason(row.id, row.reason),
            id=row.id,
        )

    def _reason(self, line: str, sealed: bytes) -> str:
        plain = self._work.unseal(reason_place(line), sealed)
        if plain is None:
            raise ErasedError("the key of a reason was destroyed")
        return plain.decode()


def reason_place(line: str) -> bytes:
    """Where a reason opens: in its line."""
    return b"access_log\0reason\0" + line.encode("ascii")
