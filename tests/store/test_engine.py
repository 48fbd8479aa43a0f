"""Opening a database: nothing that loses an acknowledged commit is accepted."""

import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import text

from node.errors import ConfigError, StoreError
from node.store import engine as room
from node.store.engine import Engines, open_engine, purge
from node.store.runner import Store
from node.store.work import Means
from tests.support.databases import Postgres, Wakes
from tests.support.transfers import inbound

WANTED = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
    "temp_store": 2,
}


def _add(uow, number: int) -> None:
    with uow:
        uow.inbound.add(inbound(number, offer={"marker": "find-me-on-disk"}))
        uow.commit()


class TestSqlite:
    @pytest.fixture
    def dialect(self) -> str:
        return "sqlite"

    @pytest.mark.spec("P18")
    def test_every_connection_keeps_the_settings(self, engines: Engines) -> None:
        for opened, query_only in ((engines.writer, 0), (engines.reader, 1)):
            pooled = [opened.raw_connection() for _ in range(2)]
            for connection in pooled:
                found = {
                    name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in (*WANTED, "query_only")
                }
                assert found == WANTED | {"query_only": query_only}
                connection.close()

    @pytest.mark.spec("P18")
    @pytest.mark.parametrize(
        ("name", "value"),
        [("secure_delete", 5), ("journal_mode", "other"), ("synchronous", 9)],
    )
    def test_a_setting_that_is_not_kept_stops_the_start(
        self,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: object,
    ) -> None:
        monkeypatch.setitem(room._SQLITE, name, value)
        engines = open_engine(database_url)
        with pytest.raises(ConfigError, match=name):
            engines.writer.connect()
        engines.close()

    def test_a_file_that_is_no_database_is_not_opened(
        self, tmp_path: Path, means: Means
    ) -> None:
        (tmp_path / "text.db").write_bytes(b"this is no database" * 300)
        engines = open_engine(f"sqlite:///{tmp_path / 'text.db'}")
        with pytest.raises(StoreError):
            Store(engines, means, listener=Wakes())
        engines.close()

    @pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p"])
    def test_a_network_file_system_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        mounts = tmp_path / "mounts"
        mounts.write_text(
            f"/dev/sda1 / ext4 rw 0 0\nhost:/a {tmp_path}/with\\040space {kind} rw 0 0\n"
        )
        monkeypatch.setattr(room, "_MOUNTS", mounts)
        open_engine(f"sqlite:///{tmp_path}/node.db").close()
        with pytest.raises(ConfigError, match=kind):
            open_engine(f"sqlite:///{tmp_path}/with space/deep/node.db")

    def test_without_a_list_of_mounts_nothing_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "_MOUNTS", tmp_path / "none")
        open_engine(f"sqlite:///{tmp_path}/node.db").close()

    @pytest.mark.spec("SR-K5")
    def test_purged_rows_are_not_in_the_files(
        self, store: Store, engines: Engines, tmp_path: Path
    ) -> None:
        store.write_sync(_add, 1)

        def delete(uow) -> None:
            with uow:
                uow._work.change(text("DELETE FROM inbound_transfer"))
                uow.commit()

        store.write_sync(delete)
        assert purge(engines)
        left = b"".join(path.read_bytes() for path in tmp_path.glob("node.db*"))
        assert b"find-me-on-disk" not in left

    def test_a_reader_keeps_purging_waiting(
        self, store: Store, engines: Engines, tmp_path: Path
    ) -> None:
        with closing(sqlite3.connect(tmp_path / "node.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM chain").fetchall()
            store.write_sync(_add, 1)
            with engines.writer.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA busy_timeout=1")
            assert not purge(engines)


@pytest.mark.postgres
class TestPostgres:
    @pytest.fixture
    def dialect(self) -> str:
        return "postgresql"

    @pytest.mark.spec("P18")
    def test_a_server_that_does_not_sync_is_refused(
        self, database_url: str, means: Means
    ) -> None:
        engines = open_engine(database_url)
        with pytest.raises(ConfigError, match="fsync"):
            Store(engines, means, listener=Wakes())
        engines.close()

    @pytest.mark.spec("P18")
    @pytest.mark.parametrize("value", ["off", "local"])
    def test_a_database_that_commits_before_it_is_durable_is_refused(
        self,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
        value: str,
    ) -> None:
        monkeypatch.setattr(room, "_POSTGRES", ("synchronous_commit",))
        options = f"&options=-c%20synchronous_commit%3D{value}"
        for url, is_refused in ((database_url, False), (database_url + options, True)):
            engines = open_engine(url)
            with pytest.raises(ConfigError) if is_refused else nullcontext():
                engines.writer.connect().close()
            engines.close()

    def test_purging_works_beside_a_running_store(
        self, store: Store, engines: Engines
    ) -> None:
        store.write_sync(_add, 1)
        assert purge(engines, rewritten=["lease"])

    def test_a_server_that_is_not_there_is_a_store_error(
        self, tmp_path: Path, means: Means
    ) -> None:
        engines = open_engine(f"postgresql://postgres@/node?host={tmp_path}")
        with pytest.raises(StoreError):
            Store(engines, means, listener=Wakes())
        engines.close()

    def test_an_unmigrated_database_says_so_without_values(
        self, postgres: Postgres, means: Means
    ) -> None:
        name = postgres.empty()
        engines = open_engine(postgres.url(name), durable=False)
        store = Store(engines, means, listener=Wakes())
        with pytest.raises(Exception, match="42P01"):
            store.write_sync(_add, 1)
        store.close()
        postgres.drop(name)
