"""Which cases a transfer brought, each with the tag by which its sender speaks of it.

Enters: cases in the transaction that imports them. Leaves: the same, and which transfers
brought a case. Must never happen: a row for a case that was not imported. Implements a part
of ``InboundRepository``; HO-23.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, insert, select

from node.ids import CaseId, TransferId
from node.store.erasuretables import transfer_past
from node.store.tables import inbound_case as _came
from node.store.tables import inbound_transfer as _in
from node.store.work import Work

_CAME = (
    select(_came).where(_came.c.transfer == bindparam("id_")).order_by(_came.c.case_id)
)
_CAME_ADD = insert(_came)
_CAME_BY = (
    select(_in.c.id)
    .join(_came, _came.c.transfer == _in.c.id)
    .where(_came.c.case_id == bindparam("case"))
    .order_by(_in.c.offered_at, _in.c.id)
)
_PAST = select(transfer_past.c.id).where(transfer_past.c.id == bindparam("id_"))


class SqlBrought:
    """What transfers brought, inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def keep_cases(
        self, transfer: TransferId, cases: Iterable[tuple[CaseId, bytes | None]]
    ) -> None:
        """Remember which cases it brought, each with its sender's tag."""
        rows = [{"transfer": transfer, "case_id": c, "tag": tag} for c, tag in cases]
        self._work.change(_CAME_ADD, rows)

    def cases(self, transfer: TransferId) -> Sequence[tuple[CaseId, bytes | None]]:
        """The cases it brought with their tags, ordered by case."""
        rows = self._work.rows(_CAME, {"id_": transfer})
        return [(CaseId(row.case_id), row.tag) for row in rows]

    def of_case(self, case: str) -> Sequence[TransferId]:
        """Ids of all transfers that brought this case, oldest first."""
        return [TransferId(r[0]) for r in self._work.rows(_CAME_BY, {"case": case})]

    def is_past(self, transfer: TransferId) -> bool:
        """Whether it was here once, and its record has gone after its years (P2)."""
        return self._work.row(_PAST, {"id_": transfer}) is not None
