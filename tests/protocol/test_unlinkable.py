"""Nobody who knows every event to the second learns anything from the log's rows (EL-3)."""

import random
from hashlib import sha256
from math import sqrt

import pytest
from sqlalchemy import inspect, text

from node.crypto.commit import GroupKey, commitment, leaf_input
from node.crypto.merkle import Frontier, leaf_hash
from node.exchangelog.entry import encode_entry, entry
from node.exchangelog.kinds import EntryType
from node.store.engine import open_engine
from node.store.migrate import upgrade
from tests.support.exchangelog import MemoryLog, digest, facts, recorded, sent
from tests.support.townlog import LOG_KEY, WITNESSES, build, opened, template

TRIALS = 10_000
# What lies in the tables of the log without being sealed, blinded or a hash.
CLEAR = {
    "log_head": {"id", "origin", "size", "incarnation"},
    "log_leaf": {"idx"},
    "log_tile": {"level", "n"},
    "log_key": {"retention"},
    "log_body": {"idx"},
    "log_checkpoint": {"size", "note", "signed_at"},
    "log_cosig": {"size", "name", "first_at", "last_at", "first_line", "last_line"},
    "log_erased": {"idx"},
}


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlinkable")
    return build(folder / "log", template(folder), seed=5, size=1200)


def two_events():
    """Two acts that differ in everything: what a tester knows to the second."""
    log, peer = MemoryLog(), MemoryLog("bad-saeckingen.example", 2)
    consent = recorded(log)
    return consent.spelled, sent(log, peer, consent).spelled


def guesses(leaf, events):
    """What a tester can try without a key: bits of the leaf, and hashes of what he knows.

    Each guess says whether the leaf is that of the first event.
    """
    yield bool(leaf[1] & 1)
    yield leaf[1] < 128
    yield leaf[-1] < 128
    yield leaf_hash(leaf) < leaf_hash(b"\x01" + digest("x"))
    yield bytes(leaf[1:]) < digest(str(events[0]))
    for salt in (b"", bytes(32)):
        known = [GroupKeyless.commit(salt, event) for event in events]
        near = [
            sum((a ^ b).bit_count() for a, b in zip(leaf[1:], c, strict=True))
            for c in known
        ]
        yield near[0] < near[1]


class GroupKeyless:
    """The commitment as somebody computes it who has no key."""

    @staticmethod
    def commit(salt, event):
        return sha256(b"staffelstab/log/entry/v1\0" + salt + event).digest()


@pytest.mark.spec("EL-3", "LR-1")
def test_a_tester_who_knows_every_event_cannot_tell_two_leaves_apart():
    chance, events = random.Random(3), two_events()
    hits = None
    for _ in range(TRIALS):
        first = chance.random() < 0.5
        event = events[0] if first else events[1]
        key = GroupKey(chance.randbytes(32))
        leaf = leaf_input(commitment(key, chance.randbytes(16), event))
        tried = [guess is first for guess in guesses(leaf, events)]
        hits = (
            tried if hits is None else [a + b for a, b in zip(hits, tried, strict=True)]
        )
    # Five standard deviations of a fair coin, for each of the seven ways to guess.
    within = 5 * sqrt(TRIALS) / 2
    assert all(abs(hit - TRIALS / 2) < within for hit in hits), hits


@pytest.mark.spec("EL-3")
def test_the_tester_would_notice_a_leaf_without_its_salt():
    chance, events = random.Random(3), two_events()
    hits = 0
    for _ in range(500):
        first = chance.random() < 0.5
        bare = GroupKeyless.commit(bytes(32), events[0] if first else events[1])
        hits += list(guesses(b"\x01" + bare, events))[-1] is first
    assert hits == 500


@pytest.mark.spec("EL-3")
def test_equal_events_give_unequal_leaves_in_one_group_and_in_two():
    log, peer = MemoryLog(), MemoryLog("bad-saeckingen.example", 2)
    act = log.act()
    event = encode_entry(entry(EntryType.AUDIT_EXPORTED, act, {"digest": "ab" * 32}))
    chance = random.Random(1)
    group = GroupKey(chance.randbytes(32))
    one = {commitment(group, chance.randbytes(16), event) for _ in range(2000)}
    two = {
        commitment(GroupKey(chance.randbytes(32)), bytes(16), event)
        for _ in range(2000)
    }
    assert len(one | two) == 4000
    assert facts(peer).peer == peer.host


@pytest.mark.spec("EL-3")
def test_sealed_bodies_tell_no_more_than_a_length_in_blocks(town):
    with opened(town.folder) as store:
        lengths = store.read_sync(
            lambda uow: {len(row.sealed) for row in uow.log_rows.export(LOG_KEY).bodies}
        )
    assert {(length - 24 - 16) % 512 for length in lengths} == {0}
    assert len(lengths) <= 3


@pytest.mark.spec("EL-3")
def test_every_column_of_the_log_is_a_hash_sealed_or_listed_as_harmless(tmp_path):
    engines = open_engine(f"sqlite:///{tmp_path / 'node.db'}")
    upgrade(engines)
    tables = inspect(engines.reader)
    hidden = {
        "frontier",
        "input",
        "root",
        "data",
        "key_id",
        "wrapped",
        "event_id",
        "sealed",
    }
    for table, clear in CLEAR.items():
        columns = {column["name"] for column in tables.get_columns(table)}
        assert columns - hidden - {"erasure_id"} == clear, table
    engines.close()


@pytest.mark.spec("EL-3")
def test_no_row_of_the_log_shows_type_peer_or_time_of_an_entry(town):
    types = [str(kind).encode() for kind in EntryType]
    engines = open_engine(f"sqlite:///{town.folder / 'node.db'}")
    with engines.reader.connect() as base:
        for table in CLEAR:
            for row in base.execute(text(f"SELECT * FROM {table}")):
                for column, value in row._mapping.items():
                    if (table, column) == ("log_cosig", "name"):
                        continue  # a witness is named; it is no peer of an act
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    assert not any(kind in raw for kind in types), (table, column)
                    assert b"2026-02-" not in raw or column.endswith("_at"), (
                        table,
                        column,
                    )
                    is_line = column.endswith("_line")
                    assert is_line or b"bad-saeckingen" not in raw, (table, column)
    engines.close()


@pytest.mark.spec("EL-3")
def test_what_witnesses_and_mirrors_get_is_33_bytes_a_leaf(town):
    with opened(town.folder) as store:
        export = store.read_sync(
            lambda uow: [row.input for row in uow.log_rows.export(LOG_KEY).leaves]
        )
    assert {(len(leaf), leaf[0]) for leaf in export} == {(33, 1)}
    assert len(set(export)) == town.size
    frontier = Frontier().extend(map(leaf_hash, export[: town.auditor.size]))
    assert frontier.root() == town.auditor.root
    assert len(WITNESSES) == 2
