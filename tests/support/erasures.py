"""Rows of the tables of erasure, as they lie there after one."""

from node.store.runner import Store
from tests.support.acts import tamper

ERASURE = b"\x0e" * 16


def plant_erased(store: Store, index: int) -> None:
    """A row of ``log_erased``, with the erasure that it names."""
    tamper(
        store,
        "INSERT INTO log_erasure (id, basis, state, intent, done) "
        "VALUES (:id, 'order', 'done', :c, :c) ON CONFLICT DO NOTHING",
        id=ERASURE,
        c=bytes(32),
    )
    tamper(
        store,
        "INSERT INTO log_erased (idx, erasure_id) VALUES (:idx, :id)",
        idx=index,
        id=ERASURE,
    )
