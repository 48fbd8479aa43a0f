"""The log as it lies in a real database: checked whole, attacked with SQL, found out."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from node.crypto.checkpoint import COSIGNATURE, ED25519, Checkpoint, NoteKey, cosign
from node.crypto.keys import SigningKey
from node.crypto.merkle import Frontier
from node.exchangelog.audit import check_export
from node.exchangelog.finding import Report, Verdict
from node.exchangelog.kinds import EntryType
from node.failpoints import NoFailpoints
from node.store.engine import Engines
from node.store.mark import Mark, write_mark
from node.store.publisher import Publisher
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.rows import EntryDraft
from tests.support.exchangelog import START, TRANSFER, digest

WITNESS = SigningKey.from_seed(b"\x55" * 32)
WITNESS_KEY = NoteKey("b.example/witness/1", WITNESS.public, COSIGNATURE)
COUNT = 270


def draft(prev: bytes | None) -> EntryDraft:
    fields = {
        "transfer": str(TRANSFER),
        "attempt": 1,
        "peer": "b.example",
        "epoch": 1,
        "packet": digest("packet").hex(),
        "statement": None,
        "peer_cp": None,
        "outcome": None,
    }
    return EntryDraft(
        type=EntryType.TRANSFER_DENIED,
        at=START,
        group=f"transfer:{TRANSFER}",
        fields=fields,
        prev=prev,
    )


def write(uow: SqlUnitOfWork, count: int) -> None:
    with uow:
        uow.start_log(START)
        prev = None
        for _ in range(count - 1):
            prev = uow.log.append(draft(prev))
        uow.commit()


def witness(uow: SqlUnitOfWork) -> None:
    with uow:
        newest = uow.log.newest()
        assert newest is not None
        at = int(START.timestamp())
        line = cosign(newest.note, WITNESS_KEY.name, WITNESS, at)
        uow.log.add_cosignatures(newest.size, {WITNESS_KEY.name: line}, START)
        uow.commit()


@pytest.fixture
def log(store: Store, means: Means, tmp_path: Path) -> Store:
    """A log of 270 entries, signed and cosigned."""
    write_mark(tmp_path / "log.mark", Mark(means.log_origin, 1, Frontier()))
    store.write_sync(write, COUNT)
    publisher = Publisher(
        store, means, tmp_path / "log.mark", failpoints=NoFailpoints()
    )
    assert publisher.publish()
    store.write_sync(witness)
    return store


def report(store: Store, means: Means, outside: tuple[Checkpoint, ...] = ()) -> Report:
    key = NoteKey(means.log_origin, means.keyring.log.public, ED25519)

    def check(uow: SqlUnitOfWork) -> Report:
        rows = uow.log_rows.export(key, witnesses=(WITNESS_KEY,), outside=outside)
        return check_export(rows)

    return store.read_sync(check)


def attack(engines: Engines, *statements: str) -> None:
    """What an administrator can do who switches the guards off."""
    with engines.writer.connect() as connection:
        if engines.one_writer:
            # Past SQLAlchemy, because inside a transaction it would change nothing.
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys = OFF")
            names = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).scalars()
            for name in list(names):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            new = {"new": bytes(33)} if ":new" in statement else {}
            connection.execute(text(statement), new)
        connection.commit()


@pytest.mark.spec("EL-1", "EL-9")
def test_an_untouched_log_is_verified(log, means):
    found = report(log, means)
    assert found.findings == ()
    assert found.verdict is Verdict.VERIFIED
    assert found.witnessed_size == COUNT
    assert found.checked.opened == COUNT
    assert found.checked.cosignatures == 1


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            [
                "DELETE FROM log_body WHERE idx = 7",
                "DELETE FROM log_leaf WHERE idx = 7",
            ],
            ("leaf_missing", 7),
        ),
        (["DELETE FROM log_body WHERE idx = 7"], ("missing", 7)),
        (["UPDATE log_leaf SET input = :new WHERE idx = 9"], ("leaf_changed", 9)),
        (["UPDATE log_leaf SET input = :new WHERE idx = 260"], ("leaf_changed", 260)),
        (["UPDATE log_body SET sealed = :new WHERE idx = 4"], ("body_changed", 4)),
        (["UPDATE log_body SET event_id = :new WHERE idx = 4"], ("body_changed", 4)),
        (
            [
                "DELETE FROM log_body WHERE idx >= 265",
                "DELETE FROM log_leaf WHERE idx >= 265",
            ],
            ("tail_cut", 265),
        ),
        (
            ["UPDATE log_tile SET root = (SELECT root FROM log_checkpoint)"],
            ("tile_differs", 0),
        ),
        (["DELETE FROM log_tile"], ("tile_differs", 0)),
        (
            ["UPDATE log_checkpoint SET root = (SELECT root FROM log_tile)"],
            ("checkpoint_signature_bad", COUNT),
        ),
        (["DELETE FROM log_checkpoint"], ("cosignature_bad", COUNT)),
        (["UPDATE log_cosig SET last_line = 'x'"], ("cosignature_bad", COUNT)),
        (["UPDATE log_head SET size = size + 1"], ("tile_differs", COUNT + 1)),
        (["UPDATE log_key SET wrapped = :new"], ("body_changed", 0)),
        (["DELETE FROM log_key"], ("missing", 0)),
    ],
)
@pytest.mark.spec("EL-1", "LR-37")
def test_what_an_administrator_does_with_sql_is_found(
    log, means, engines, statements, expected
):
    attack(engines, *statements)
    found = report(log, means).findings[0]
    assert (str(found.code), found.index) == expected


@pytest.mark.spec("EL-1", "EL-5")
def test_a_younger_head_that_somebody_remembers_shows_an_old_database(log, means):
    later = Checkpoint(means.log_origin, COUNT + 5, digest("later"))
    found = report(log, means, (later,)).findings[0]
    assert (str(found.code), found.index) == ("tail_cut", COUNT)
    fork = Checkpoint(means.log_origin, COUNT, digest("other"))
    codes = {str(f.code) for f in report(log, means, (fork,)).findings}
    assert {"fork", "rewritten"} & codes


def test_the_standing_is_told_without_a_check(log, means):
    standing = log.read_sync(lambda uow: uow.log_rows.standing())
    assert (standing.size, standing.signed_size) == (COUNT, COUNT)
    assert [(w.name, w.size) for w in standing.witnessed] == [(WITNESS_KEY.name, COUNT)]
    assert standing.origin == means.log_origin
