"""EL-4: what was erased is in no live file, and opens in no old copy (byte scan, attempts)."""

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from node.crypto.casekey import CaseKey
from node.errors import SealError
from node.failpoints import NoFailpoints
from node.store.engine import Engines
from node.store.groupkeys import group_key_place
from node.store.runner import Store
from node.store.weekkeys import WeekKeys
from node.store.weekturn import Backups, WeekTurn
from node.store.work import Means
from tests.support.acts import rows
from tests.support.databases import Postgres, Wakes
from tests.support.erasures import DAY, Keeper, keeper, number

MASTER = b"\x31" * 32
FIRST = "2026-W07"
ONE = number(1)


@dataclass
class Scene:
    node: Keeper
    keys: WeekKeys
    files: Path
    """Where the database keeps its files."""

    def wrapped(self) -> bytes:
        tag = self.node.tag(ONE)
        query = "SELECT wrapped FROM log_key WHERE key_id = :tag"
        return bytes(rows(self.node.store, query, tag=tag)[0][0])

    def sealed(self) -> list[bytes]:
        tag = self.node.tag(ONE)
        query = "SELECT sealed FROM log_body WHERE key_id = :tag"
        return [bytes(row[0]) for row in rows(self.node.store, query, tag=tag)]

    def opened(self, wrapped: bytes) -> bytes | None:
        """What a thief with every week key that is left gets out of a wrapped key."""
        place = group_key_place(self.node.tag(ONE))
        for week in self.keys.weeks:
            key = self.keys.get(week)
            assert key is not None
            try:
                return CaseKey.unwrap(key, place, wrapped).raw
            except SealError:
                continue
        return None

    def turn(self) -> None:
        """The next week, with a key backup."""
        week_keys = self.keys
        backups = Backups(lambda _: True, lambda: None, lambda: None, lambda _: None)
        WeekTurn(
            self.node.store,
            week_keys,
            backups,
            clock=self.node.means.clock,
            randomness=secrets.token_bytes,
            failpoints=NoFailpoints(),
        )()


@pytest.fixture
def scene(
    engines: Engines,
    means: Means,
    tmp_path: Path,
    wakes: Wakes,
    dialect: str,
    request: pytest.FixtureRequest,
) -> Iterator[Scene]:
    keys = WeekKeys(tmp_path / "week", MASTER)
    keys.make(FIRST, secrets.token_bytes)
    means = replace(means, week_keys=keys, randomness=secrets.token_bytes)
    store = Store(engines, means, listener=wakes)
    node = keeper(store, means, tmp_path)
    node.deny(ONE)
    node.deny(number(2))
    files = tmp_path
    if dialect == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        server.flush()
        files = Path(server._server.pgdata)
    yield Scene(node, keys, files)
    store.close()


def scan(folder: Path, *needles: bytes) -> int:
    """How often any of the byte strings stands in any file below a folder."""
    return sum(
        content.count(needle)
        for path in folder.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
        for needle in needles
    )


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.spec("EL-4", "LR-39")
def test_no_live_file_of_sqlite_holds_a_byte_of_it(scene: Scene) -> None:
    wrapped, sealed = scene.wrapped(), scene.sealed()
    key = scene.opened(wrapped)
    assert key is not None
    assert scan(scene.files, key) == 0
    assert scan(scene.files, wrapped) > 0
    assert all(scan(scene.files, body) > 0 for body in sealed)
    scene.node.erase(ONE)
    assert scan(scene.files, key, wrapped, *sealed) == 0
    assert (scene.files / "node.db").stat().st_size > 0


@pytest.mark.spec("EL-4", "LR-3")
def test_no_copy_of_either_database_opens_once_the_week_key_is_gone(
    scene: Scene, tmp_path: Path
) -> None:
    """A copy from before the erasure, and for PostgreSQL also the heap and its WAL."""
    node, wrapped = scene.node, scene.wrapped()
    copies = tmp_path / "copies"
    copies.mkdir()
    if scene.files == tmp_path:
        copy_sqlite(tmp_path / "node.db", copies / "node.db")
    else:
        (copies / "log_key").write_bytes(b"".join(all_wrapped(node)))
    assert scan(scene.files, wrapped) > 0
    node.erase(ONE)
    assert attempts(scene, copies) > 0
    assert scene.opened(wrapped) is not None
    node.pass_time(7 * DAY)
    scene.turn()
    node.pass_time(27 * DAY)
    scene.turn()
    assert scene.opened(wrapped) is not None
    node.pass_time(1 * DAY)
    scene.turn()
    assert FIRST not in scene.keys.weeks
    assert scene.opened(wrapped) is None
    assert attempts(scene, copies) == attempts(scene, scene.files) == 0
    assert "missing" not in dict(node.codes())
    assert node.report().checked.opened > 3


def all_wrapped(node: Keeper) -> list[bytes]:
    return [bytes(row[0]) for row in rows(node.store, "SELECT wrapped FROM log_key")]


def copy_sqlite(source: Path, target: Path) -> None:
    """A content backup as an operator makes it."""
    with (
        closing(sqlite3.connect(source)) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there)


def attempts(scene: Scene, folder: Path) -> int:
    """How many places that look like a wrapped key give the erased group's key."""
    head = bytes([1, len(FIRST)]) + FIRST.encode()
    length = 2 + len(FIRST) + 24 + 48  # head, nonce, box over 32 bytes
    good = 0
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        at = content.find(head)
        while at >= 0:
            good += scene.opened(content[at : at + length]) is not None
            at = content.find(head, at + 1)
    return good


def test_the_scan_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"xxneedlexx")
    assert scan(tmp_path, b"needle", b"other") == 1
    shutil.rmtree(tmp_path / "deep")
    assert scan(tmp_path, b"needle") == 0
