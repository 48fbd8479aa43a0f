"""Holds, orders and erasures in SQL: the rows, their locks, and the destruction itself.

Enters: groups by their tag, commitments of entries. Leaves: rows, counts. Must never happen:
a key destroyed before its line in the deletion register is synced (SR-K6); a body removed
without its row in ``log_erased``; a key in a variable longer than its digest needs.
Implements ``node.report.keepview.Keeping`` but for the lists, which ``keeplists`` reads.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from node.errors import ErasedError, LogError, NotFoundError
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import Basis, HoldBasis, State
from node.ids import AccountId
from node.report.keepview import Begun, Order, Running
from node.store.casetables import consent
from node.store.groupkeys import GroupKeys, group_key_place
from node.store.keeplists import KeepLists
from node.store.keeptables import log_erasing, log_erasure, log_hold, log_order
from node.store.logtables import log_body, log_cosig, log_erased, log_key, peer_entry
from node.store.logtree import LogTree
from node.store.register import Destroyed, RegisterLine
from node.store.weekkeys import unwrap
from node.store.work import Work

_Row = Row[*tuple[Any, ...]]

_OF_TAG: Final[BindParameter[Any]] = bindparam("tag")
_LOCK: Final = (
    select(log_key.c.key_id).where(log_key.c.key_id == _OF_TAG).with_for_update()
)
_INDEXES: Final = (
    select(log_body.c.idx)
    .where(log_body.c.key_id == _OF_TAG, log_body.c.idx >= bindparam("start"))
    .order_by(log_body.c.idx)
)
_OPEN_HOLDS: Final = select(log_hold.c.id, log_hold.c.basis).where(
    log_hold.c.key_id == _OF_TAG, log_hold.c.released_entry.is_(None)
)
_ADD_HOLD: Final = insert(log_hold)
_RELEASE: Final = (
    update(log_hold)
    .where(log_hold.c.id == bindparam("id_"), log_hold.c.released_entry.is_(None))
    .values(released_entry=bindparam("entry"))
)
_ADD_ORDER: Final = insert(log_order)
_ORDERS: Final = select(log_order).order_by(log_order.c.ordered_at, log_order.c.id)
_REMOVE_ORDER: Final = delete(log_order).where(log_order.c.id == bindparam("id_"))
_BEGIN: Final = insert(log_erasure)
_ADD_GROUP: Final = insert(log_erasing)
_RUNNING: Final = select(log_erasure).where(log_erasure.c.state != State.DONE)
_LOCKED: Final = _RUNNING.where(log_erasure.c.id == bindparam("id_")).with_for_update()
_OF_GROUP: Final = _RUNNING.join(
    log_erasing, log_erasing.c.erasure_id == log_erasure.c.id
).where(log_erasing.c.key_id == _OF_TAG)
_GROUPS: Final = (
    select(log_erasing.c.key_id, log_erasing.c.named_to)
    .where(log_erasing.c.erasure_id == bindparam("id_"))
    .order_by(log_erasing.c.key_id)
)
_NAMED: Final = (
    update(log_erasing)
    .where(log_erasing.c.erasure_id == bindparam("id_"))
    .values(named_to=bindparam("to"))
)
_INTENT: Final = (
    update(log_erasure)
    .where(log_erasure.c.id == bindparam("id_"))
    .values(intent=bindparam("entry"))
)
_MOVE: Final = (
    update(log_erasure)
    .where(
        log_erasure.c.id == bindparam("id_"), log_erasure.c.state == bindparam("before")
    )
    .values(state=bindparam("after"), done=bindparam("entry"))
)
_WITNESSED: Final = select(func.max(log_cosig.c.size)).where(
    log_cosig.c.name != bindparam("own")
)
_WRAPPED: Final = select(log_key.c.wrapped).where(log_key.c.key_id == _OF_TAG)
_ALL_KEYS: Final = select(log_key.c.key_id, log_key.c.wrapped)
# One statement on both dialects.
_MARK: Final = text(
    "INSERT INTO log_erased (idx, erasure_id) "
    "SELECT idx, :id FROM log_body WHERE key_id = :tag"
)
_REMOVALS: Final = (
    delete(log_body).where(log_body.c.key_id == _OF_TAG),
    delete(peer_entry).where(peer_entry.c.key_id == _OF_TAG),
    delete(log_key).where(log_key.c.key_id == _OF_TAG),
    delete(log_erasing).where(log_erasing.c.key_id == _OF_TAG),
)
_ERASED: Final = (
    select(log_erased.c.idx)
    .where(log_erased.c.erasure_id == bindparam("id_"))
    .order_by(log_erased.c.idx)
)
_CONSENTING: Final = (
    select(consent.c.case_id)
    .where(
        consent.c.withdrawn_at.is_(None),
        consent.c.replaced_by.is_(None),
        consent.c.valid_until >= bindparam("day"),
    )
    .distinct()
)


class SqlKeeping(KeepLists):
    """Holds and erasures inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        super().__init__(work)
        self._work = work
        self._keys = GroupKeys(work)
        self._tree = LogTree(work)

    def tag(self, group: GroupName) -> bytes:
        """The name of a group's rows."""
        return self._keys.tag(group)

    def lock(self, tag: bytes) -> bool:
        """Keep a group as it is until the commit; False if it has no key.

        Whoever is about to add a body to it waits: the body's foreign key says so.
        """
        return self._work.row(_LOCK, {"tag": tag}) is not None

    def indexes(self, tag: bytes, start: int = 0) -> Sequence[int]:
        """The places of a group's entries from an index on that still have a body."""
        found = self._work.rows(_INDEXES, {"tag": tag, "start": start})
        return [int(row.idx) for row in found]

    # ---- Holds and orders ----------------------------------------------------------

    def is_held(self, tag: bytes) -> bool:
        """Whether a hold on the group is open."""
        return self._work.row(_OPEN_HOLDS, {"tag": tag}) is not None

    def open_holds(self, tag: bytes) -> Sequence[tuple[bytes, HoldBasis]]:
        """Ids and reasons of a group's open holds."""
        found = self._work.rows(_OPEN_HOLDS, {"tag": tag})
        return [(row.id, HoldBasis(row.basis)) for row in found]

    def add_hold(self, hold: bytes, tag: bytes, basis: HoldBasis, entry: bytes) -> None:
        """Keep a hold. ConflictError if there is an open one for the same reason."""
        row = {"id": hold, "key_id": tag, "basis": basis, "set_entry": entry}
        self._work.change(_ADD_HOLD, row)

    def release(self, hold: bytes, entry: bytes) -> None:
        """End an open hold. ConflictError if it is not open."""
        self._work.move(_RELEASE, {"id_": hold, "entry": entry})

    def add_order(self, order: Order) -> None:
        """Keep an order. ConflictError if one waits for the same group."""
        self._work.change(
            _ADD_ORDER,
            {
                "id": order.id,
                "group_name": order.group,
                "basis": order.basis,
                "order_ref": order.reference,
                "ordered_by": order.ordered_by,
                "ordered_at": order.ordered_at,
            },
        )

    def orders(self) -> Sequence[Order]:
        """All orders, oldest first."""
        return [
            Order(
                row.id,
                GroupName(row.group_name),
                Basis(row.basis),
                row.order_ref,
                AccountId(row.ordered_by),
                row.ordered_at,
            )
            for row in self._work.rows(_ORDERS)
        ]

    def remove_order(self, order: bytes) -> None:
        """It was carried out, taken back or has lapsed. ConflictError if it is gone."""
        self._work.move(_REMOVE_ORDER, {"id_": order})

    # ---- Erasures ------------------------------------------------------------------

    def begin(self, begun: Begun, groups: Sequence[tuple[bytes, int]]) -> None:
        """Keep an erasure of groups, each with the index below which all is named."""
        state = State.REPLAYED if begun.intent is None else State.INTENT
        self._work.change(
            _BEGIN,
            {
                "id": begun.id,
                "basis": begun.basis,
                "order_ref": begun.reference,
                "state": state,
                "intent": begun.intent,
                "ordered_by": begun.ordered_by,
                "second": begun.second,
            },
        )
        for tag, named_to in groups:
            row = {"key_id": tag, "erasure_id": begun.id, "named_to": named_to}
            self._work.change(_ADD_GROUP, row)

    def erasure_of(self, tag: bytes) -> Running | None:
        """The erasure under way that has this group."""
        row = self._work.row(_OF_GROUP, {"tag": tag})
        return None if row is None else self._running(row)

    def running(self) -> Sequence[Running]:
        """Erasures that are not done."""
        return [self._running(row) for row in self._work.rows(_RUNNING)]

    def locked(self, erasure: bytes) -> Running:
        """One of them, locked. NotFoundError if it is done or never was."""
        row = self._work.row(_LOCKED, {"id_": erasure})
        if row is None:
            raise NotFoundError("erasure")
        return self._running(row)

    def groups_of(self, erasure: bytes) -> Sequence[tuple[bytes, int]]:
        """Its groups, and below which index their entries are named in the tree."""
        found = self._work.rows(_GROUPS, {"id_": erasure})
        return [(row.key_id, int(row.named_to)) for row in found]

    def renamed(self, erasure: bytes, intent: bytes, to: int) -> None:
        """A newer ``log.erasure`` names everything below this index too."""
        self._work.move(_INTENT, {"id_": erasure, "entry": intent})
        self._work.change(_NAMED, {"id_": erasure, "to": to})

    def move(
        self, erasure: bytes, before: State, after: State, done: bytes | None = None
    ) -> None:
        """Compare-and-set of the state. ConflictError if it moved."""
        row = {"id_": erasure, "before": before, "after": after, "entry": done}
        self._work.move(_MOVE, row)

    def is_witnessed(self, entry: bytes, own: str) -> bool:
        """Whether a witness of another name than ``own`` cosigned a head over an entry."""
        index = self._tree.index_of(entry)
        row = self._work.row(_WITNESSED, {"own": own})
        size = 0 if row is None or row[0] is None else int(row[0])
        return index is not None and index < size

    def register(self, erasure: bytes) -> None:
        """Write its keys into the deletion register, synced before this returns.

        A key whose week key is gone cannot come back with any backup and has no line.

        Raises:
            StoreError: The disk did not take it; then the keys must not go.
        """
        for tag, _ in self.groups_of(erasure):
            row = self._work.row(_WRAPPED, {"tag": tag})
            with suppress(ErasedError):
                if row is not None:
                    digest = self._digest(tag, row.wrapped)
                    line = RegisterLine(Destroyed.LOG_KEY, tag.hex(), digest)
                    self._work.register.append(line)

    def destroy(self, erasure: bytes) -> int:
        """Remove keys, bodies and foreign entries of its groups; gives the entries."""
        count = 0
        for tag, _ in self.groups_of(erasure):
            found = self._work.change(_MARK, {"id": erasure, "tag": tag})
            removed, *_ = [self._work.change(q, {"tag": tag}) for q in _REMOVALS]
            if removed != found:
                raise LogError("an entry came while its group was destroyed")
            count += removed
        return count

    def erased_by(self, erasure: bytes) -> Sequence[int]:
        """The places of the entries it destroyed."""
        return [int(row.idx) for row in self._work.rows(_ERASED, {"id_": erasure})]

    def outlived(self) -> Sequence[bytes]:
        """Groups whose key is here although the register says it was destroyed."""
        lines = {
            (line.id, line.digest)
            for line in self._work.register.replay()
            if line.kind is Destroyed.LOG_KEY
        }
        found = []
        for tag, wrapped in self._work.rows(_ALL_KEYS) if lines else ():
            with suppress(ErasedError):
                if (tag.hex(), self._digest(tag, wrapped)) in lines:
                    found.append(tag)
        return found

    def consenting(self, on: date) -> Sequence[bytes]:
        """Tags of the consent chains in which a consent is in force on a day or later."""
        found = self._work.rows(_CONSENTING, {"day": on})
        return [self._keys.tag(f"consent:{row.case_id}") for row in found]

    def _running(self, row: _Row) -> Running:
        intent = None if row.intent is None else self.told(row.intent)
        return Running(
            row.id,
            Basis(row.basis),
            row.order_ref,
            State(row.state),
            row.intent,
            None if intent is None else intent.entry.at,
        )

    def _digest(self, tag: bytes, wrapped: bytes) -> bytes:
        key = unwrap(self._work, wrapped, group_key_place(tag))
        return hashlib.sha256(key).digest()
