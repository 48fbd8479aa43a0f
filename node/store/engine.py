"""Opening the database: the only place where the two dialects differ.

Enters: a database URL. Leaves: ``Engines``, one that writes and one that only reads.
Must never happen: a connection that acknowledges a commit before it is durable, that
ignores foreign keys, or that leaves deleted rows readable in the file; so every setting
is set and read back on each connection. Implements P18, P19 (HO-37), SR-D2.
Sources: SQLite, PRAGMA and WAL documentation; PostgreSQL, chapter "Reliability".
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    QueuePool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from node.errors import ConfigError, NodeError, StoreError

READERS: Final = 4
WRITERS: Final = 8
_BUSY_S: Final = 30
_SQLITE: Final = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL
    "foreign_keys": 1,
    "secure_delete": 1,
    "temp_store": 2,  # MEMORY
    "trusted_schema": 0,
}
_POSTGRES: Final = ("fsync", "full_page_writes", "synchronous_commit")
_MOUNTS: Final = Path("/proc/self/mounts")
# WAL needs memory shared between processes and honest locks.
_NETWORK_FILES: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
    | {"fuse.glusterfs", "fuse.sshfs"}
)


@dataclass(frozen=True, slots=True)
class Engines:
    """One database, opened for writing and for reading.

    ``one_writer``: SQLite, where all writing goes through a single connection.
    """

    writer: Engine
    reader: Engine
    one_writer: bool

    def close(self) -> None:
        """Give up all connections."""
        self.writer.dispose()
        self.reader.dispose()


def open_engine(url: str, *, durable: bool = True, readers: int = READERS) -> Engines:
    """Open a database.

    Args:
        url: ``sqlite:////folder/file.db`` or ``postgresql://…``.
        durable: False accepts a PostgreSQL server without durable commits; demo and
            tests only.
        readers: How many reads of a SQLite file go side by side, each by a connection
            that stays open; whoever comes then waits.

    Raises:
        ConfigError: Another kind of database, a network file system under SQLite, a
            setting that the database does not keep. Most show at the first connection.
    """
    try:
        parts = make_url(url)
    except ArgumentError:
        # The text may hold a password, so it is not quoted.
        raise ConfigError("database is no URL") from None
    match parts.get_backend_name():
        case "sqlite":
            return _open_sqlite(parts, readers)
        case "postgresql":
            return _open_postgres(parts, durable=durable)
        case other:
            raise ConfigError(f"no support for databases of kind {other}")


def changes(connection: Connection) -> int:
    """How many rows this SQLite connection ever changed; -1 once its transaction is gone.

    SQLite itself rolls back when the disk is full or broken.
    """
    driver: Any = connection.connection.driver_connection
    return int(driver.total_changes) if driver.in_transaction else -1


def purge(engines: Engines, *, rewritten: Sequence[str] = ()) -> bool:
    """Take deleted rows out of the files, as far as a database can.

    It only tidies up: what makes erased values unreadable is that their key is destroyed.

    Args:
        engines: The database; nothing else of this thread is open on it.
        rewritten: Tables that PostgreSQL writes anew (it locks them meanwhile).

    Returns:
        False if a reader kept SQLite from it; try again later.
    """
    if engines.one_writer:
        with engines.writer.connect() as connection:
            # Past SQLAlchemy, which would begin a transaction that forbids it.
            driver: Any = connection.connection.driver_connection
            is_busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not is_busy
    quote = engines.writer.dialect.identifier_preparer.quote
    outside = engines.writer.execution_options(isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        for name in rewritten:
            connection.exec_driver_sql(f"VACUUM (FULL) {quote(name)}")
        connection.exec_driver_sql("VACUUM")
    return True


@contextmanager
def unguarded(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Let rows of insert-only tables go, inside this transaction and nowhere else.

    What goes wrong meanwhile undoes it with everything else. Only the end of a log needs
    this: its rows were copied first.
    """
    quote = connection.dialect.identifier_preparer.quote
    if connection.dialect.name == "postgresql":
        for name in tables:
            connection.exec_driver_sql(
                f"ALTER TABLE {quote(name)} DISABLE TRIGGER USER"
            )
        yield
        for name in tables:
            connection.exec_driver_sql(f"ALTER TABLE {quote(name)} ENABLE TRIGGER USER")
        return
    found = connection.exec_driver_sql(
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).all()
    guards = [row for row in found if row.tbl_name in tables]
    for guard in guards:
        connection.exec_driver_sql(f"DROP TRIGGER {quote(guard.name)}")
    yield
    for guard in guards:
        connection.exec_driver_sql(guard.sql)


def lock_schema(connection: Connection) -> None:
    """Let one process at a time change the schema; SQLite's writers wait anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7783)")


def transaction_mark(connection: Connection) -> str | None:
    """PostgreSQL's number of this transaction, None while it has written nothing."""
    return connection.exec_driver_sql(
        "SELECT pg_current_xact_id_if_assigned()::text"
    ).scalar()


def transaction_outcome(engine: Engine, mark: str) -> str | None:
    """What became of a transaction: ``committed``, ``aborted`` or ``in progress``.

    Raises:
        StoreError: The database cannot be asked just now.
    """
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(
                "SELECT pg_xact_status(%(mark)s::xid8)", {"mark": mark}
            ).scalar()
    except DBAPIError:
        raise StoreError("database is not reachable") from None


def _open_sqlite(url: URL, readers: int) -> Engines:
    if not url.database or url.database == ":memory:":
        raise ConfigError("a database of a node is a file")
    _refuse_network_files(Path(url.database))
    return Engines(
        writer=_sqlite_engine(url, begin="BEGIN IMMEDIATE", query_only=0, pool=2),
        reader=_sqlite_engine(url, begin="BEGIN", query_only=1, pool=readers),
        one_writer=True,
    )


def _sqlite_engine(url: URL, *, begin: str, query_only: int, pool: int) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,
        # The driver begins late, and an upgrade of a read lock fails: we begin ourselves.
        connect_args={
            "isolation_level": None,
            "timeout": _BUSY_S,
            "cached_statements": 512,
        },
    )
    wanted = {**_SQLITE, "query_only": query_only}

    _on_connect(engine, lambda driver: _set_and_read_back(driver, wanted))

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Past SQLAlchemy, which would take longer for it than SQLite.
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(begin)
        except sqlite3.OperationalError as error:
            raise OperationalError(begin, None, error) from None

    return engine


def _set_and_read_back(driver: Any, wanted: Mapping[str, object]) -> None:
    for name, value in wanted.items():
        try:
            driver.execute(f"PRAGMA {name}={value}")
            found = driver.execute(f"PRAGMA {name}").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(f"not opened: {error.sqlite_errorname}") from None
        if found != value:
            raise ConfigError(f"SQLite does not keep {name}={value}")


def _refuse_network_files(database: Path) -> None:
    """Look the folder's file system up where the system lists its mounts, if it does."""
    if not _MOUNTS.exists():
        return
    folder, best, kind = database.resolve().parent, Path("/"), ""
    for line in _MOUNTS.read_text("utf-8", "surrogateescape").splitlines():
        _, place, found, *_ = line.split(" ")
        point = Path(place.replace("\\040", " "))
        if folder.is_relative_to(point) and point.is_relative_to(best):
            best, kind = point, found
    if kind in _NETWORK_FILES:
        raise ConfigError(f"SQLite must not lie on a network file system ({kind})")


class _WithoutLocks(PGCompiler):
    """Leaves ``FOR UPDATE`` out, which a read-only transaction refuses."""

    def for_update_clause(self, select: Any, **_: Any) -> str:  # noqa: ARG002
        return ""


def _open_postgres(url: URL, *, durable: bool) -> Engines:
    url = url.set(drivername="postgresql+psycopg")
    writer = _postgres_engine(url, durable=durable, pool=WRITERS)
    reader = _postgres_engine(url, durable=durable, pool=READERS)
    reader.dialect.statement_compiler = _WithoutLocks
    return Engines(
        writer=writer,
        # All queries of one reading unit see one state of the database.
        reader=reader.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ),
        one_writer=False,
    )


def _postgres_engine(url: URL, *, durable: bool, pool: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        use_native_hstore=False,
        isolation_level="READ COMMITTED",
        # Else the number of rows of an INSERT … ON CONFLICT is lost.
        execution_options={"preserve_rowcount": True},
    )

    _on_connect(engine, _refuse_forgetful if durable else lambda _: None)
    return engine


def _refuse_forgetful(driver: Any) -> None:
    """A commit that is acknowledged must be on the disk."""
    for name in _POSTGRES:
        value = driver.execute(f"SHOW {name}").fetchone()[0]
        if value in {"off", "local"}:
            raise ConfigError(f"PostgreSQL has {name}={value}")
    driver.rollback()


def _on_connect(engine: Engine, check: Callable[[Any], None]) -> None:
    """Look at each new connection before anybody uses it."""

    @event.listens_for(engine, "connect")
    def _check(driver: Any, _record: object) -> None:
        try:
            check(driver)
        except NodeError:
            # The pool has not seen it yet, so nobody else closes it.
            driver.close()
            raise
