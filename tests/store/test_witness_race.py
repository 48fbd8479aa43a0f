"""64 callers at one witness at once: one history, whatever they offer, on each dialect."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    sign_checkpoint,
    verify_cosignature,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import Frontier, consistency_proof, leaf_hash
from node.errors import ConflictError
from node.exchangelog.witness import AddCheckpoint, encode_add_checkpoint
from node.failpoints import NoFailpoints
from node.federation.witness import add_checkpoint
from node.ids import MemberId
from node.store.runner import Store
from tests.support.acts import rows
from tests.support.databases import KEYRING, HandClock
from tests.support.office import MovingClock

ORIGIN = "bad-saeckingen.example/log/1"
LOG = SigningKey.from_seed(b"\x61" * 32)
LOG_KEY = NoteKey(ORIGIN, LOG.public, ED25519)
NAME = "wehr.example/witness/1"
WITNESS_KEY = NoteKey(NAME, KEYRING.witness.public, COSIGNATURE)
PEER = MemberId("08337096-stadt-bad-saeckingen")
SIZES = 24


@dataclass(frozen=True)
class Branch:
    """One history of the log: hashes and roots of all its sizes."""

    salt: bytes
    fork_at: int

    def leaf(self, index: int) -> bytes:
        own = self.salt if index >= self.fork_at else b""
        return leaf_hash(b"\x01" + own + index.to_bytes(4, "big"))

    def frontier(self, size: int) -> Frontier:
        frontier = Frontier()
        for index in range(size):
            frontier = frontier.append(self.leaf(index))
        return frontier

    def read(self, level: int, start: int) -> bytes:
        """The hash of a complete subtree."""
        first = start << level
        frontier = Frontier()
        for index in range(first, first + (1 << level)):
            frontier = frontier.append(self.leaf(index))
        return frontier.root()

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, self.frontier(size).root())


TRUE, FALSE = Branch(b"", SIZES + 1), Branch(b"other", 9)


class OneMember:
    """A directory that lists one log."""

    def members(self):
        keys = SimpleNamespace(newest=LOG_KEY, name=ORIGIN)
        return (SimpleNamespace(id=PEER, log=keys),)

    def log_key(self, _member):
        return LOG_KEY


def office():
    return SimpleNamespace(
        directory=OneMember,
        clock=HandClock(),
        failpoints=NoFailpoints(),
        keyring=KEYRING,
        witness_name=NAME,
        log_origin="wehr.example/log/1",
    )


def body(branch: Branch, old: int, size: int) -> bytes:
    head = branch.head(size)
    path = consistency_proof(old, size, branch.read) if 0 < old < size else ()
    note = sign_checkpoint(head, LOG)
    return encode_add_checkpoint(AddCheckpoint(old, path, note))


def ask(store: Store, branch: Branch, size: int):
    """One caller, who corrects its size as often as it is told another."""
    old = 0
    for _ in range(70):
        if old > size:
            return None
        try:
            status, text, _ = store.write_sync(
                add_checkpoint, office(), body(branch, old, size)
            )
        except ConflictError:
            continue
        if status == 200:
            note = sign_checkpoint(branch.head(size), LOG) + text
            assert verify_cosignature(note, WITNESS_KEY) is not None
            return branch.head(size)
        if status != 409 or not text:
            return None
        old = int(text)
    raise AssertionError("it never came to an end")


@pytest.mark.spec("EL-11")
def test_64_callers_never_get_two_inconsistent_cosignatures(store: Store) -> None:
    store.write_sync(_start)
    offers = [(TRUE, 1 + n % SIZES) for n in range(32)]
    offers += [(FALSE, 10 + n % (SIZES - 10)) for n in range(32)]
    offers.sort(key=lambda offer: (offer[1] * 7919) % 64)
    with ThreadPoolExecutor(64) as callers:
        cosigned = list(callers.map(lambda offer: ask(store, *offer), offers))
    heads = {head for head in cosigned if head is not None}
    assert heads
    one_of = [
        {branch.head(size) for size in range(1, SIZES + 1)} for branch in (TRUE, FALSE)
    ]
    assert any(heads <= history for history in one_of), "two histories were cosigned"
    kept = rows(store, "SELECT size, root FROM witness_past ORDER BY size")
    assert {Checkpoint(ORIGIN, size, bytes(root)) for size, root in kept} == heads
    ((size,),) = rows(store, "SELECT size FROM witness_head")
    assert size == max(head.size for head in heads)
    # Afterwards as well one history goes on and the other one never does.
    last = [ask(store, branch, SIZES) for branch in (TRUE, FALSE)]
    assert last.count(None) == 1


def _start(uow) -> None:
    with uow:
        uow.start_log(MovingClock().now())
        uow.commit()
