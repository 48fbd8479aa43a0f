"""Sealed exports in SQL: who they are for, the code's hash, the tombstones of imports.

Enters: ``Export`` and ``TakenIn`` values. Leaves: the same. Must never happen: a name or an
address readable in the file (SR-K1); a receipt code here. Implements ``Exports``.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update

from node.errors import NotFoundError
from node.ids import AccountId, Ags, MemberId, TransferId
from node.store.exporttables import export, taken_in
from node.store.work import Work
from node.strictjson import encode
from node.sync.exportports import Address, Export, TakenIn

_ADD: Final = insert(export)
_GET: Final = (
    select(export).where(export.c.transfer == bindparam("of")).with_for_update()
)
_SET: Final = update(export).where(export.c.transfer == bindparam("of"))
_TAKE: Final = insert(taken_in)
_TAKEN: Final = select(taken_in).where(taken_in.c.transfer == bindparam("of"))
_NOT_DURABLE: Final = (
    select(taken_in)
    .where(taken_in.c.durable_at.is_(None), taken_in.c.imported_at < bindparam("at"))
    .order_by(taken_in.c.imported_at, taken_in.c.transfer)
)
_DURABLE: Final = update(taken_in).where(taken_in.c.transfer == bindparam("of"))


def address_place(transfer: str) -> bytes:
    """Where a sealed address belongs."""
    return f"export.sealed\0{transfer}".encode()


class SqlExports:
    """Sealed exports inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, export: Export) -> None:
        """Insert one. ConflictError if it is there."""
        self._work.change(_ADD, {"transfer": export.transfer} | self._row(export))

    def get(self, transfer: TransferId) -> Export:
        """One, locked.

        Raises:
            NotFoundError: No such export, or its week key is gone.
        """
        row = self._work.row(_GET, {"of": transfer})
        text = None
        if row is not None and row.sealed is not None:
            text = self._work.unseal(address_place(transfer), row.sealed)
        if row is None or text is None:
            raise NotFoundError("export")
        return _to_export(row, text)

    def replace(self, export: Export) -> None:
        """Write it anew; its transfer's version guards it."""
        self._work.move(_SET, {"of": export.transfer} | self._row(export))

    def take_in(self, taken: TakenIn) -> None:
        """Keep the tombstone of an import. ConflictError on a second one."""
        self._work.change(
            _TAKE,
            {
                "transfer": taken.transfer,
                "sender": taken.sender,
                "manifest": taken.manifest,
                "imported_at": taken.imported_at,
                "imported_by": taken.imported_by,
                "entry": taken.entry,
                "durable_at": taken.durable_at,
            },
        )

    def taken_in(self, transfer: TransferId) -> TakenIn | None:
        """The tombstone of an import, or None."""
        row = self._work.row(_TAKEN, {"of": transfer})
        return None if row is None else _to_taken(row)

    def not_durable(self, before: datetime) -> Sequence[TakenIn]:
        """Imports from before an instant of which no ``durable`` was said."""
        return [_to_taken(row) for row in self._work.rows(_NOT_DURABLE, {"at": before})]

    def durable(self, transfer: TransferId, at: datetime) -> None:
        """``durable`` was said for this import."""
        self._work.move(_DURABLE, {"of": transfer, "durable_at": at})

    def _row(self, export: Export) -> dict[str, Any]:
        address = export.address
        text = encode(
            {
                "name": address.name,
                "lines": list(address.lines),
                "told": list(address.told),
            }
        )
        return {
            "ags": address.ags,
            "code": export.code,
            "failures": export.failures,
            "next_try_at": export.next_try_at,
            "shown_until": export.shown_until,
            "shown_to": export.shown_to,
            "asked": export.asked,
            "asked_by": export.asked_by,
            "sealed": self._work.seal(address_place(export.transfer), text),
        }


def _to_export(row: Row[*tuple[Any, ...]], text: bytes) -> Export:
    found = json.loads(text)
    return Export(
        transfer=TransferId(row.transfer),
        address=Address(
            found["name"], tuple(found["lines"]), Ags(row.ags), tuple(found["told"])
        ),
        code=row.code,
        failures=row.failures,
        next_try_at=row.next_try_at,
        shown_until=row.shown_until,
        shown_to=AccountId(row.shown_to) if row.shown_to else None,
        asked=row.asked,
        asked_by=AccountId(row.asked_by) if row.asked_by else None,
    )


def _to_taken(row: Row[*tuple[Any, ...]]) -> TakenIn:
    return TakenIn(
        transfer=TransferId(row.transfer),
        sender=MemberId(row.sender),
        manifest=row.manifest,
        imported_at=row.imported_at,
        imported_by=AccountId(row.imported_by) if row.imported_by else None,
        entry=row.entry,
        durable_at=row.durable_at,
    )
