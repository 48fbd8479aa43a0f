"""The memory of other logs: it grows, and never moves from two heads at once."""

import pytest
from sqlalchemy.exc import DBAPIError

from node.errors import ConflictError, HistoryConflictError
from node.ids import MemberId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync.rows import Head
from tests.support.acts import rows, tamper, write
from tests.support.build import AT

ORIGIN = "bad-saeckingen.example/log/1"
PEER = MemberId("08337096-stadt-bad-saeckingen")


def head(size: int, *, root: int | None = None, note: str = "note") -> Head:
    return Head(ORIGIN, size, bytes([size if root is None else root]) * 32, note)


def seen(store: Store) -> Head | None:
    return store.read_sync(lambda uow: uow.heads.seen(ORIGIN))


def remember(store: Store, item: Head) -> None:
    write(store, lambda uow: uow.heads.remember(item, AT))


@pytest.mark.spec("LR-16")
def test_the_newest_head_is_remembered_and_every_one_before_it(store: Store) -> None:
    assert seen(store) is None
    for size in (3, 7, 9):
        remember(store, head(size))
    assert seen(store) == head(9)
    past = store.read_sync(lambda uow: [uow.heads.past(ORIGIN, n) for n in (3, 7, 8)])
    assert past == [head(3).root, head(7).root, None]


@pytest.mark.spec("EL-11")
def test_a_smaller_head_is_refused(store: Store) -> None:
    remember(store, head(7))
    with pytest.raises(ConflictError):
        remember(store, head(3))
    assert seen(store) == head(7)


@pytest.mark.spec("EL-11")
def test_another_root_at_a_remembered_size_is_refused(store: Store) -> None:
    remember(store, head(3))
    with pytest.raises(HistoryConflictError):
        remember(store, head(3, root=99))
    remember(store, head(7))
    with pytest.raises(HistoryConflictError):
        remember(store, head(7, root=99))
    assert seen(store) == head(7)


def test_the_same_head_again_renews_its_note(store: Store) -> None:
    remember(store, head(3))
    remember(store, head(3, note="with a cosignature"))
    assert seen(store) == head(3, note="with a cosignature")


@pytest.mark.spec("LR-16")
def test_who_checked_against_an_older_head_must_check_again(store: Store) -> None:
    remember(store, head(3))

    def act(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.heads.seen(ORIGIN)
            # Somebody else was faster: on SQLite only another program can be.
            uow._work._connection.exec_driver_sql(
                "UPDATE witness_head SET size = 5 WHERE size = 3"
            )
            uow.heads.remember(head(7), AT)

    with pytest.raises(ConflictError):
        store.write_sync(act)
    assert seen(store) == head(3)


def test_two_heads_in_one_unit_follow_each_other(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.heads.remember(head(3), AT)
        uow.heads.remember(head(7), AT)

    write(store, act)
    assert seen(store) == head(7)


def test_an_undone_unit_leaves_no_memory(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.heads.remember(head(3), AT)
            raise ConflictError("somebody else")

    with pytest.raises(ConflictError):
        store.write_sync(act)
    assert seen(store) is None


@pytest.mark.spec("LR-18", "LR-37")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM witness_evidence",
        "UPDATE witness_evidence SET known = 'x'",
        "DELETE FROM witness_past",
        "UPDATE witness_past SET size = 4",
    ],
)
def test_evidence_of_two_histories_stays(store: Store, statement: str) -> None:
    remember(store, head(3))
    write(
        store,
        lambda uow: uow.heads.keep_evidence(
            ORIGIN, reason="fork", known="note a", offered="note b", at=AT
        ),
    )
    with pytest.raises(DBAPIError, match="refuses"):
        tamper(store, statement)
    query = "SELECT origin, reason, known, offered FROM witness_evidence"
    assert rows(store, query) == [(ORIGIN, "fork", "note a", "note b")]


def test_what_a_peer_has_seen_of_us_is_remembered(store: Store) -> None:
    assert store.read_sync(lambda uow: uow.heads.shown(PEER)) == 0
    for size in (4, 9):
        write(store, lambda uow, n=size: uow.heads.set_shown(PEER, n))
        assert store.read_sync(lambda uow: uow.heads.shown(PEER)) == size
