"""Relocations in SQL, and the answers that repeated calls get again.

Enters: relocations as values, requests by their digest. Leaves: the same. Must never
happen: a repeated call with one idempotency key that has a second effect (SR-F7).
Implements ``node.cases.ports.RelocationRepository``.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, insert, select

from node.cases.relocation import Relocation, Routing, Source
from node.errors import NotFoundError
from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, TransferId
from node.store.casetables import idempotency, relocation, relocation_case
from node.store.work import Work

_ADD: Final = insert(relocation)
_ADD_CASES: Final = insert(relocation_case)
_GET: Final = select(relocation).where(relocation.c.id == bindparam("relocation"))
_CASES: Final = (
    select(relocation_case.c.case_id)
    .where(relocation_case.c.relocation == bindparam("of"))
    .order_by(relocation_case.c.position)
)
_OF_CASE: Final = (
    select(relocation.c.id)
    .join(relocation_case, relocation_case.c.relocation == relocation.c.id)
    .where(relocation_case.c.case_id == bindparam("of"))
    .order_by(relocation.c.recorded_at, relocation.c.id)
)
_ANSWER: Final = select(idempotency.c.request, idempotency.c.answer).where(
    idempotency.c.caller == bindparam("by"), idempotency.c.key == bindparam("under")
)
_REMEMBER: Final = insert(idempotency)


class SqlRelocations:
    """Relocations inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, relocation: Relocation) -> None:
        """Insert one.

        Raises:
            ConflictError: The id is taken, or a case is not here.
        """
        self._work.change(
            _ADD,
            {
                "id": relocation.id,
                "ags": relocation.ags,
                "move_on": relocation.move_on,
                "source": relocation.source,
                "routing": relocation.routing,
                "recorded_at": relocation.recorded_at,
                "recorded_by": relocation.recorded_by,
                "recipient": relocation.recipient,
                "transfer": relocation.transfer,
            },
        )
        cases = [
            {"relocation": relocation.id, "position": position, "case_id": case}
            for position, case in enumerate(relocation.cases)
        ]
        if cases:
            self._work.change(_ADD_CASES, cases)

    def get(self, relocation: RecordId) -> Relocation:
        """One relocation.

        Raises:
            NotFoundError: No such relocation.
        """
        row = self._work.row(_GET, {"relocation": relocation})
        if row is None:
            raise NotFoundError("relocation")
        cases = self._work.rows(_CASES, {"of": relocation})
        return Relocation(
            id=RecordId(row.id),
            cases=tuple(CaseId(case.case_id) for case in cases),
            ags=Ags(row.ags),
            move_on=row.move_on,
            source=Source(row.source),
            routing=Routing(row.routing),
            recorded_at=row.recorded_at,
            recorded_by=AccountId(row.recorded_by) if row.recorded_by else None,
            recipient=MemberId(row.recipient) if row.recipient else None,
            transfer=TransferId(row.transfer) if row.transfer else None,
        )

    def of_case(self, case: CaseId) -> Sequence[Relocation]:
        """All relocations of one case, oldest first."""
        rows = self._work.rows(_OF_CASE, {"of": case})
        return [self.get(RecordId(row.id)) for row in rows]

    def by_idempotency(self, caller: str, key: str) -> tuple[bytes, bytes] | None:
        """(digest of the request, stored answer) of an earlier call with this key."""
        row = self._work.row(_ANSWER, {"by": caller, "under": key})
        return None if row is None else (row.request, row.answer)

    def remember(self, caller: str, key: str, *, request: bytes, answer: bytes) -> None:
        """Store the answer under the caller's key, for repeats.

        Raises:
            ConflictError: The key is taken: a call with it was faster.
        """
        row = {"caller": caller, "key": key, "request": request, "answer": answer}
        self._work.change(_REMEMBER, row | {"at": self._work.now()})
