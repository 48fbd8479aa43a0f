"""A process that appends to a log until it is killed; ``logkills`` starts and kills it.

Four threads write through one store, so that group commit is at work. Each commitment is
told to the parent once it is durable.
"""

import os
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from node.exchangelog.kinds import EntryType
from node.store.engine import open_engine
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync.rows import EntryDraft
from tests.support.townlog import HandClock, means_of

THREADS: Final = 4


def append_forever(folder: str, pipe: Connection) -> None:
    """Append, and tell each commitment once it is durable, with the WAL's length then."""
    place = Path(folder)
    store = Store(
        open_engine(f"sqlite:///{place / 'node.db'}"),
        means_of(place, HandClock(), os.urandom),
        listener=lambda what, key: None,
    )
    door = threading.Lock()

    def work() -> None:
        while True:
            entries = store.write_sync(_unit, os.urandom(1)[0] % 5 + 1)
            length = (place / "node.db-wal").stat().st_size
            with door:
                pipe.send_bytes(length.to_bytes(8, "big") + b"".join(entries))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _unit(uow: SqlUnitOfWork, count: int) -> list[bytes]:
    with uow:
        entries = [uow.log.append(_draft()) for _ in range(count)]
        uow.commit()
    return entries


def _draft() -> EntryDraft:
    return EntryDraft(
        type=EntryType.AUDIT_EXPORTED,
        at=HandClock().at,
        group="audit:2026-02",
        fields={"digest": os.urandom(32).hex()},
    )
