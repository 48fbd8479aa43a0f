"""The inbox: every statement taken from a peer, with the result it got; kept for ever (P2).

The words of a statement go with the record of its transfer (``remainders``).

Enters: a statement in the transaction that takes it. Leaves: the stored result, for a
repetition. Must never happen: one statement taken twice, or two at one place (P2, HO-44).
Implements ``Inbox``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, insert, or_, select

from node.ids import MemberId, MessageId, TransferId
from node.store.tables import taken as _taken
from node.store.work import Work
from node.sync.chain import Position
from node.sync.rows import TakenRow

_FIND: Final = select(_taken.c.digest, _taken.c.result).where(
    _taken.c.issuer == bindparam("from_"), _taken.c.jti == bindparam("id_")
)
_ADD: Final = insert(_taken)
_OF_TRANSFER: Final = (
    select(_taken.c.jws)
    .where(_taken.c.transfer == bindparam("id_"))
    .order_by(_taken.c.issuer, _taken.c.inc, _taken.c.seq)
)

_TAKEN_OF: Final = _OF_TRANSFER.where(_taken.c.result == bindparam("taken"))
_AFTER: Final = (
    select(_taken.c.jws)
    .where(
        _taken.c.issuer == bindparam("from_"),
        _taken.c.jws.is_not(None),
        or_(
            _taken.c.inc > bindparam("past_inc"),
            and_(
                _taken.c.inc == bindparam("past_inc"),
                _taken.c.seq > bindparam("past_seq"),
            ),
        ),
    )
    .order_by(_taken.c.inc, _taken.c.seq)
    .limit(bindparam("most"))
)


class SqlInbox:
    """Statements of peers; rows are inserted, and never removed."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def find(self, issuer: MemberId, jti: MessageId) -> TakenRow | None:
        """The stored result of a statement taken before."""
        row = self._work.row(_FIND, {"from_": issuer, "id_": jti})
        return None if row is None else TakenRow(jti, row.digest, row.result)

    def add(
        self,
        issuer: MemberId,
        jti: MessageId,
        *,
        position: Position,
        type: str,  # noqa: A002 - the claim's name
        jws: str,
        result: str,
        transfer: TransferId | None,
        at: datetime,
    ) -> None:
        """Keep a statement with its result.

        Raises:
            ConflictError: A second one with this jti, or at this place.
        """
        self._work.change(
            _ADD,
            {
                "issuer": issuer,
                "jti": jti,
                "inc": position.inc,
                "seq": position.seq,
                "digest": position.digest,
                "type": type,
                "jws": jws,
                "result": result,
                "transfer": transfer,
                "taken_at": at,
            },
        )

    def after(
        self, issuer: MemberId, inc: int, seq: int, *, limit: int
    ) -> Sequence[str]:
        """The JWS of a peer's statements after a place, in chain order (recovery)."""
        place = {"from_": issuer, "past_inc": inc, "past_seq": seq, "most": limit}
        return [row.jws for row in self._work.rows(_AFTER, place)]

    def of_transfer(self, transfer: TransferId) -> Sequence[str]:
        """The JWS of all statements about one transfer, in chain order."""
        return [row.jws for row in self._work.rows(_OF_TRANSFER, {"id_": transfer})]

    def taken_of(self, transfer: TransferId) -> Sequence[str]:
        """As ``of_transfer``, without those that were refused: they changed nothing."""
        values = {"id_": transfer, "taken": "taken"}
        return [row.jws for row in self._work.rows(_TAKEN_OF, values)]
