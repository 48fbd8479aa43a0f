"""A connection that breaks during COMMIT: the outcome is read back, never guessed (HO-38)."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from node.errors import OutcomeUnknownError, StoreError
from node.store import writer
from node.store.engine import Engines, open_engine
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.ports import UnitOfWork
from tests.support.databases import Postgres, Wakes
from tests.support.transfers import outbound, transfer_id

pytestmark = pytest.mark.postgres


class Cutter:
    """A wire to PostgreSQL that breaks at the next COMMIT: before or after it is sent.

    ``dead``: after it is sent, and nobody gets through any more.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self._server = str(server)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / ".s.PGSQL.5432"))
        self._door.listen()
        self.cut: str | None = None
        self._is_dead = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(
                    target=self._carry, args=(client,), daemon=True
                ).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._server)
            while not self._is_dead:
                for end in select.select([client, server], [], [], 10)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    if end is client and b"COMMIT\0" in data and self.cut:
                        self._break(server, data)
                        return
                    (server if end is client else client).sendall(data)

    def _break(self, server: socket.socket, data: bytes) -> None:
        how, self.cut = self.cut, None
        self._is_dead = how == "dead"
        if how != "before":
            server.sendall(data)
            assert b"COMMIT" in server.recv(65536)

    def close(self) -> None:
        self._door.close()


def _add(uow: UnitOfWork, number: int) -> int:
    with uow:
        uow.outbound.add(outbound(number))
        uow.commit()
    return number


@pytest.fixture
def dialect() -> str:
    return "postgresql"


@pytest.fixture
def wire(postgres: Postgres, tmp_path: Path) -> Iterator[Cutter]:
    cutter = Cutter(tmp_path, postgres.socket)
    yield cutter
    cutter.close()


@pytest.fixture
def distant(
    wire: Cutter, database_url: str, tmp_path: Path, means: Means
) -> Iterator[Store]:
    """A store at the other end of the wire."""
    parts = make_url(database_url).set(query={"host": str(tmp_path)})
    engines = open_engine(parts.render_as_string(hide_password=False), durable=False)
    store = Store(engines, means, listener=Wakes())
    yield store
    store.close()


def _kept(engines: Engines) -> list[str]:
    with engines.reader.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id FROM outbound_transfer ORDER BY id"
        )
        return [row[0] for row in rows]


@pytest.mark.spec("HO-38")
def test_a_commit_that_arrived_counts_although_its_answer_was_lost(
    wire: Cutter, distant: Store, engines: Engines
) -> None:
    wire.cut = "after"
    assert distant.write_sync(_add, 1) == 1
    assert _kept(engines) == [transfer_id(1)]
    assert distant.write_sync(_add, 2) == 2


@pytest.mark.spec("HO-38")
def test_a_commit_that_did_not_arrive_is_an_error_and_nothing_is_kept(
    wire: Cutter, distant: Store, engines: Engines
) -> None:
    wire.cut = "before"
    with pytest.raises(StoreError) as caught:
        distant.write_sync(_add, 1)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert _kept(engines) == []
    assert distant.write_sync(_add, 2) == 2


@pytest.mark.spec("HO-38")
def test_an_outcome_that_nobody_can_read_back_is_called_unknown(
    wire: Cutter, distant: Store, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_READ_BACK_S", (0.0, 0.01))
    wire.cut = "dead"
    with pytest.raises(OutcomeUnknownError):
        distant.write_sync(_add, 1)
    assert _kept(engines) == [transfer_id(1)]


def test_a_unit_that_wrote_nothing_has_nothing_to_read_back(
    wire: Cutter, distant: Store
) -> None:
    def nothing(uow: UnitOfWork) -> None:
        with uow:
            assert uow.outbound.find(transfer_id(1)) is None
            uow.commit()

    wire.cut = "before"
    with pytest.raises(StoreError):
        distant.write_sync(nothing)


def test_a_connection_lost_before_the_commit_keeps_nothing(
    distant: Store, engines: Engines
) -> None:
    def lose(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.outbound.add(outbound(1))
            pid = uow._work._connection.exec_driver_sql(
                "SELECT pg_backend_pid()"
            ).scalar()
            with engines.writer.begin() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 1000)")
            uow.outbound.find(transfer_id(1))
            uow.commit()

    with pytest.raises(StoreError):
        distant.write_sync(lose)
    assert _kept(engines) == []
    assert distant.write_sync(_add, 2) == 2
