"""The publisher: nothing is signed that was not read back, and nothing twice."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from node.crypto.checkpoint import ED25519, NoteKey, open_checkpoint
from node.crypto.merkle import Frontier, MemoryTree, leaf_hash, root_of
from node.errors import LogError
from node.exchangelog.audit import check_export
from node.exchangelog.finding import Report
from node.failpoints import NoFailpoints, Point
from node.store.mark import Mark, read_mark, write_mark
from node.store.publisher import Publisher
from node.store.runner import Store
from node.store.work import Means
from node.sync.rows import EntryDraft
from tests.support.acts import rows, tamper, write
from tests.support.build import AT
from tests.support.erasures import plant_erased

ORIGIN = "wehr.example/log/1"


class Killed(Exception):  # noqa: N818 - what a failpoint does, not an error of ours
    """The process is gone."""


class KillAt:
    def __init__(self, point: Point) -> None:
        self._point = point

    def reach(self, point: Point) -> None:
        if point is self._point:
            raise Killed


def draft(number: int) -> EntryDraft:
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    fields = {"target": f"peer-{number}", "digest": digest}
    return EntryDraft("peer.changed", AT, "operation:2026-02", fields)


def many(store: Store, count: int) -> None:
    write(store, lambda uow: [uow.log.append(draft(n)) for n in range(count)])


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "log.mark"
    path.parent.mkdir()
    write_mark(path, Mark(ORIGIN, 1, Frontier()))
    return path


@pytest.fixture
def publisher(store: Store, means: Means, mark: Path) -> Publisher:
    write(store, lambda uow: uow.start_log(AT))
    return Publisher(store, means, mark, failpoints=NoFailpoints())


def sizes(store: Store) -> list[int]:
    found = rows(store, "SELECT size FROM log_checkpoint ORDER BY size")
    return [row[0] for row in found]


def unguard(store: Store, dialect: str, trigger: str, table: str) -> None:
    on = f" ON {table}" if dialect == "postgresql" else ""
    tamper(store, f"DROP TRIGGER {trigger}{on}")


def audit(store: Store, means: Means, mark: Path | None = None) -> Report:
    key = NoteKey(ORIGIN, means.keyring.log.public, ED25519)
    known = None if mark is None else read_mark(mark)
    head = None if known is None else known.head
    return store.read_sync(
        lambda uow: check_export(uow.log_rows.export(key, mark=head))
    )


@pytest.mark.spec("LR-10")
def test_what_is_committed_is_signed_and_the_mark_moves(
    store: Store, means: Means, mark: Path, publisher: Publisher
) -> None:
    many(store, 4)
    assert publisher.publish()
    head = store.read_sync(lambda uow: uow.log.newest())
    assert head is not None
    assert head.size == 5
    key = NoteKey(ORIGIN, means.keyring.log.public, ED25519)
    assert open_checkpoint(head.note, key).root == head.root
    leaves = rows(store, "SELECT input FROM log_leaf ORDER BY idx")
    tree = MemoryTree([leaf_hash(bytes(row[0])) for row in leaves])
    assert head.root == root_of(5, tree)
    moved = read_mark(mark)
    assert moved is not None
    assert (moved.head.size, moved.head.root) == (5, head.root)


def test_without_news_nothing_is_signed(store: Store, publisher: Publisher) -> None:
    assert publisher.publish()
    assert not publisher.publish()
    assert sizes(store) == [1]
    many(store, 1)
    assert publisher.publish()
    assert sizes(store) == [1, 2]


@pytest.mark.spec("LR-10", "LR-11", "EL-5")
@pytest.mark.parametrize(
    "point", [Point.CHECKPOINT_MARKED, Point.CHECKPOINT_SIGNED, Point.CHECKPOINT_STORED]
)
def test_a_crash_signs_the_same_head_again_never_another_of_its_size(
    store: Store, means: Means, mark: Path, publisher: Publisher, point: Point
) -> None:
    many(store, 2)
    dying = Publisher(store, means, mark, failpoints=KillAt(point))
    with pytest.raises(Killed):
        dying.publish()
    marked = read_mark(mark)
    assert marked is not None
    assert marked.head.size == 3
    assert publisher.publish() == (point is not Point.CHECKPOINT_STORED)
    head = store.read_sync(lambda uow: uow.log.newest())
    assert head is not None
    assert (head.size, head.root) == (3, marked.head.root)
    assert sizes(store) == [3]


@pytest.mark.spec("LR-10")
def test_entries_after_a_crash_are_signed_over_the_mark(
    store: Store, means: Means, mark: Path, publisher: Publisher
) -> None:
    dying = Publisher(store, means, mark, failpoints=KillAt(Point.CHECKPOINT_MARKED))
    with pytest.raises(Killed):
        dying.publish()
    many(store, 3)
    assert publisher.publish()
    assert sizes(store) == [4]


def test_publishers_at_once_sign_each_size_once(
    store: Store, means: Means, mark: Path, publisher: Publisher
) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        own = Publisher(store, means, mark, failpoints=NoFailpoints())
        try:
            for n in range(5):
                many(store, n + 1)
                own.publish()
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    publisher.publish()
    assert sizes(store)[-1] == 46
    assert audit(store, means, mark).findings == ()


def _drop_mark(store: Store, mark: Path, dialect: str) -> None:
    mark.unlink()


def _break_mark(store: Store, mark: Path, dialect: str) -> None:
    mark.write_bytes(mark.read_bytes()[:-3])


def _other_incarnation(store: Store, mark: Path, dialect: str) -> None:
    known = read_mark(mark)
    assert known is not None
    write_mark(mark, Mark(ORIGIN, 2, known.frontier))


def _other_origin(store: Store, mark: Path, dialect: str) -> None:
    known = read_mark(mark)
    assert known is not None
    write_mark(mark, Mark("other.example/log/1", 1, known.frontier))


def _mark_ahead(store: Store, mark: Path, dialect: str) -> None:
    known = read_mark(mark)
    assert known is not None
    leaves = [bytes([n]) * 32 for n in range(9)]
    write_mark(mark, Mark(ORIGIN, 1, known.frontier.extend(leaves)))


def _mark_elsewhere(store: Store, mark: Path, dialect: str) -> None:
    write_mark(mark, Mark(ORIGIN, 1, Frontier().extend([b"\x01" * 32] * 3)))


def _change_leaf(store: Store, mark: Path, dialect: str) -> None:
    unguard(store, dialect, "log_leaf_no_update", "log_leaf")
    tamper(
        store,
        "UPDATE log_leaf SET input = :input WHERE idx = 4",
        input=b"\x01" + b"\x99" * 32,
    )


def _swap_bodies(store: Store, mark: Path, dialect: str) -> None:
    unguard(store, dialect, "log_body_no_update", "log_body")
    tamper(
        store,
        """UPDATE log_body SET sealed = (SELECT sealed FROM log_body WHERE idx = 5)
        WHERE idx = 4""",
    )


def _drop_body(store: Store, mark: Path, dialect: str) -> None:
    unguard(store, dialect, "log_body_no_delete", "log_body")
    tamper(store, "DELETE FROM log_body WHERE idx = 4")


def _drop_last(store: Store, mark: Path, dialect: str) -> None:
    unguard(store, dialect, "log_body_no_delete", "log_body")
    unguard(store, dialect, "log_leaf_no_delete", "log_leaf")
    tamper(store, "DELETE FROM log_body WHERE idx = 6")
    tamper(store, "DELETE FROM log_leaf WHERE idx = 6")


def _drop_middle(store: Store, mark: Path, dialect: str) -> None:
    unguard(store, dialect, "log_body_no_delete", "log_body")
    unguard(store, dialect, "log_leaf_no_delete", "log_leaf")
    tamper(store, "DELETE FROM log_body WHERE idx = 4")
    tamper(store, "DELETE FROM log_leaf WHERE idx = 4")


def _change_frontier(store: Store, mark: Path, dialect: str) -> None:
    ((frontier,),) = rows(store, "SELECT frontier FROM log_head")
    changed = bytes(frontier[:-1]) + bytes([frontier[-1] ^ 1])
    tamper(store, "UPDATE log_head SET frontier = :frontier", frontier=changed)


def _change_size(store: Store, mark: Path, dialect: str) -> None:
    tamper(store, "UPDATE log_head SET size = size - 1")


def _yesterday(store: Store, mark: Path, dialect: str) -> None:
    """The database of before the last checkpoint, with the mark of today."""
    frontier = Frontier().extend([b"\x01" * 32] * 2)
    tamper(
        store,
        "UPDATE log_head SET size = 2, frontier = :frontier",
        frontier=frontier.encode(),
    )


@pytest.mark.spec("LR-10", "LR-12", "EL-5")
@pytest.mark.parametrize(
    "attack",
    [
        _drop_mark,
        _break_mark,
        _other_incarnation,
        _other_origin,
        _mark_ahead,
        _mark_elsewhere,
        _change_leaf,
        _swap_bodies,
        _drop_body,
        _drop_last,
        _drop_middle,
        _change_frontier,
        _change_size,
        _yesterday,
    ],
)
def test_what_differs_is_not_signed(
    store: Store,
    mark: Path,
    publisher: Publisher,
    dialect: str,
    attack: Callable[[Store, Path, str], None],
) -> None:
    many(store, 2)
    assert publisher.publish()
    many(store, 4)
    attack(store, mark, dialect)
    before = mark.read_bytes() if mark.exists() else None
    with pytest.raises(LogError):
        publisher.publish()
    assert sizes(store) == [3]
    assert (mark.read_bytes() if mark.exists() else None) == before


@pytest.mark.spec("LR-12")
def test_a_checkpoint_beyond_the_log_stops_the_signer(
    store: Store, publisher: Publisher
) -> None:
    tamper(
        store,
        "INSERT INTO log_checkpoint (size, root, note, signed_at) "
        "VALUES (9, :root, 'note', 1)",
        root=bytes(32),
    )
    with pytest.raises(LogError):
        publisher.publish()


@pytest.mark.spec("LR-41")
def test_a_lawfully_erased_body_does_not_stop_the_signer(
    store: Store, means: Means, mark: Path, publisher: Publisher
) -> None:
    many(store, 3)
    plant_erased(store, 2)
    tamper(store, "DELETE FROM log_body WHERE idx = 2")
    assert publisher.publish()
    assert sizes(store) == [4]


@pytest.mark.spec("EL-1", "EL-9")
def test_a_sound_log_is_exported_and_checked_without_a_finding(
    store: Store, means: Means, mark: Path, publisher: Publisher
) -> None:
    many(store, 300)
    publisher.publish()
    many(store, 100)
    publisher.publish()
    report = audit(store, means, mark)
    assert report.findings == ()
    assert (report.size, report.checked.opened, report.checked.checkpoints) == (
        401,
        401,
        2,
    )


@pytest.mark.spec("EL-1")
@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (_change_leaf, "leaf_changed"),
        (_swap_bodies, "body_changed"),
        (_drop_body, "missing"),
        (_drop_last, "tail_cut"),
    ],
)
def test_an_export_tells_what_was_done(
    store: Store,
    means: Means,
    mark: Path,
    publisher: Publisher,
    dialect: str,
    attack: Callable[[Store, Path, str], None],
    code: str,
) -> None:
    many(store, 6)
    publisher.publish()
    attack(store, mark, dialect)
    found = [finding.code for finding in audit(store, means, mark).findings]
    assert code in found
