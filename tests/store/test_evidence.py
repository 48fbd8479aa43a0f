"""What evidence reads from the log's tables, on both databases."""

import hashlib

import pytest

from node.crypto.checkpoint import Checkpoint, cosign, sign_checkpoint, signature_lines
from node.crypto.commit import opening
from node.crypto.keys import SigningKey
from node.exchangelog.tlogproof import TlogProof
from node.exchangelog.witness import Extension
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync.rows import Head
from tests.store.test_log_check import draft
from tests.support.acts import tamper, write
from tests.support.build import AT
from tests.support.exchangelog import START, TRANSFER

WITNESS = SigningKey.from_seed(b"\x55" * 32)
NAME = "b.example/witness/1"
PEER = "bad-saeckingen.example/log/1"
SALT = bytes(32)


def begin(store: Store, count: int) -> None:
    def fill(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.start_log(START)
            for _ in range(count - 1):
                uow.log.append(draft(None))
            uow.commit()

    store.write_sync(fill)


def sign(store: Store, size: int) -> str:
    """A checkpoint of this size, signed by a key of the test."""
    root = store.read_sync(lambda uow: uow.evidence.root(size))
    assert root is not None
    head = Checkpoint("wehr.example/log/1", size, root)
    note = sign_checkpoint(head, SigningKey.from_seed(b"\x01" * 32))
    write(store, lambda uow: uow.log_rows.add_checkpoint(head, note, AT))
    return note


def witness(store: Store, size: int, note: str, time_s: int) -> None:
    line = cosign(note, NAME, WITNESS, time_s)
    write(store, lambda uow: uow.log.add_cosignatures(size, {NAME: line}, AT))


@pytest.mark.spec("LR-29")
def test_the_heads_around_an_entry_are_those_somebody_cosigned(store: Store) -> None:
    begin(store, 9)
    for size in (2, 4, 6, 8):
        note = sign(store, size)
        if size in {2, 6}:
            witness(store, size, note, 1_800_000_000 + size)
    found = [
        store.read_sync(lambda uow, i=index: uow.evidence.bracket(i))
        for index in (0, 1, 2, 5, 6, 8)
    ]
    assert found == [(2,), (2,), (2, 6), (2, 6), (6,), (6,)]
    over = [
        store.read_sync(lambda uow, i=index: uow.evidence.signed_over(i))
        for index in (0, 5, 6, 7, 8)
    ]
    assert over == [6, 6, 8, 8, None]


def test_a_note_has_the_first_and_the_newest_line_of_each_witness(store: Store) -> None:
    begin(store, 3)
    note = sign(store, 3)
    for time_s in (1_800_000_000, 1_800_000_600, 1_800_001_200):
        witness(store, 3, note, time_s)
    found = store.read_sync(lambda uow: uow.evidence.note(3))
    assert found is not None
    expected = [cosign(note, NAME, WITNESS, t) for t in (1_800_000_000, 1_800_001_200)]
    assert list(signature_lines(found)[1:]) == expected
    assert store.read_sync(lambda uow: uow.evidence.note(2)) is None


def test_leaves_come_by_index(store: Store) -> None:
    begin(store, 5)
    found = store.read_sync(lambda uow: uow.evidence.leaves(2, 9))
    assert [index for index, _ in found] == [2, 3, 4]
    for index, c in found:
        assert store.read_sync(lambda uow, c=c: uow.log.index_of(c)) == index


def head(size: int) -> Head:
    return Head(PEER, size, bytes([size]) * 32, "note")


@pytest.mark.spec("LR-16", "EVD-6")
def test_the_chain_of_another_log_says_how_each_head_goes_on(store: Store) -> None:
    path = (b"\x07" * 32, b"\x08" * 32)
    for size, shown in (
        (3, None),
        (7, Extension(3, path)),
        (9, Extension(7, ())),
        (9, Extension(9, ())),
        (12, Extension(0, ())),
    ):
        item = head(size)
        write(store, lambda uow, h=item, s=shown: uow.heads.remember(h, AT, s))
    found = store.read_sync(lambda uow: uow.evidence.chain(PEER, 3))
    assert [(h.size, h.former, h.path) for h in found] == [
        (3, None, ()),
        (7, 3, path),
        (9, 7, ()),
        (12, None, ()),
    ]
    assert len(store.read_sync(lambda uow: uow.evidence.chain(PEER, 9))) == 2
    assert store.read_sync(lambda uow: uow.evidence.chain("x/log/1", 0)) == []


def keep(store: Store, c: bytes, proof: str, shown: bytes | None) -> None:
    write(
        store,
        lambda uow: uow.log.keep_peer_entry(
            PEER, c, index=0, opening=shown, proof=proof, group=f"transfer:{TRANSFER}"
        ),
    )


def test_what_does_not_open_or_is_no_proof_is_not_shown(store: Store) -> None:
    begin(store, 2)
    proof = TlogProof(0, (), sign(store, 1))
    told = b'{"canary":1}'
    c = hashlib.sha256(b"staffelstab/log/entry/v1\0" + SALT + told).digest()
    keep(store, c, proof.encode(), opening(SALT, told))
    keep(store, b"\x01" * 32, proof.encode(), opening(SALT, told))
    keep(store, b"\x02" * 32, "p", None)
    keep(store, b"\x03" * 32, proof.encode(), None)
    found = store.read_sync(lambda uow: uow.evidence.kept(TRANSFER))
    assert {(k.c, k.opening, k.proof) for k in found} == {
        (c, opening(SALT, told), proof),
        (b"\x03" * 32, None, proof),
    }
    tamper(store, "DELETE FROM peer_entry")
    assert store.read_sync(lambda uow: uow.evidence.kept(TRANSFER)) == []
