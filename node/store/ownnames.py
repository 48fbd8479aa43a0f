"""Under which names this node's log and witness go now: they grow with each recovery.

Enters: a database, the names of the first log. Leaves: the present ones. Must never happen:
an old name after a new one was told; who reads an old database is met by its mark and by
its peers. Implements LR-26 to LR-28.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from node.crypto.checkpoint import Checkpoint
from node.store.engine import Engines
from node.store.logtables import log_head
from node.store.pasttables import past_log
from node.store.tables import node_state
from node.store.work import translated

_ORIGIN: Final = select(log_head.c.origin)
_INCARNATION: Final = select(node_state.c.incarnation)
_CONTINUED: Final = (
    select(
        past_log.c.continued_origin,
        past_log.c.continued_size,
        past_log.c.continued_root,
    )
    .order_by(past_log.c.ended_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class OwnNames:
    """Origin of the log, name of the witness, and the head that the log continues."""

    log_origin: str
    witness_name: str
    continues: Checkpoint | None = None


def own_names(engines: Engines, first: OwnNames) -> OwnNames:
    """The names as the database has them; ``first`` where no log was begun yet.

    The witness's number is the incarnation: each recovery takes a new key (LR-27).

    Raises:
        StoreError: The database cannot be read.
    """
    try:
        with engines.reader.begin() as connection:
            origin = connection.scalar(_ORIGIN)
            incarnation = connection.scalar(_INCARNATION)
            former = connection.execute(_CONTINUED).first()
    except SQLAlchemyError as error:
        raise translated(error) from None
    return OwnNames(
        origin or first.log_origin,
        witness_of(first.witness_name, incarnation or 1),
        None if former is None else Checkpoint(*former),
    )


def witness_of(name: str, incarnation: int) -> str:
    """The name that a witness has in an incarnation; in the first one the founding's."""
    if incarnation == 1:
        return name
    return f"{name.rpartition('/')[0]}/{incarnation}"
