"""Heads of third logs that peers tell of: compared, kept, or evidence of two histories."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from node.crypto.checkpoint import Checkpoint, sign_checkpoint
from node.crypto.keys import SigningKey
from node.errors import UnknownNodeError
from node.exchangelog.attachment import MAX_GOSSIP, Attachment
from node.exchangelog.witness import AddCheckpoint, encode_add_checkpoint
from node.federation.witness import add_checkpoint
from node.ids import MemberId
from node.store.runner import Store
from node.sync.gossip import beside, listen
from node.sync.limits import EVIDENCE_KEPT, GOSSIP_KEPT
from node.sync.rows import Head
from tests.store.test_witness_race import (
    FALSE,
    LOG,
    LOG_KEY,
    ORIGIN,
    TRUE,
    body,
    office,
)
from tests.support.acts import rows, write
from tests.support.build import AT

TELLER = "wutoeschingen.example/log/1"
OWN = "wehr.example/log/1"


class Members:
    """A directory with several logs, all under one test key."""

    def __init__(self, *names: str) -> None:
        self.named = {
            MemberId(f"0833709{n}-stadt-{n}0"): replace(LOG_KEY, name=name)
            for n, name in enumerate(names)
        }

    def members(self):
        return [
            SimpleNamespace(id=m, log=SimpleNamespace(newest=k))
            for m, k in self.named.items()
        ]

    def log_key(self, member):
        if member not in self.named:
            raise UnknownNodeError("no such member")
        return self.named[member]


DIRECTORY = Members(ORIGIN, TELLER, OWN)
OFFICE = office()
OFFICE.directory = lambda: DIRECTORY


def note(size: int, branch=TRUE, key: SigningKey = LOG) -> str:
    return sign_checkpoint(branch.head(size), key)


def begin(store: Store) -> None:
    def start(uow) -> None:
        with uow:
            uow.start_log(AT)
            uow.commit()

    store.write_sync(start)


def remember(store: Store, size: int) -> None:
    head = TRUE.head(size)
    row = Head(ORIGIN, size, head.root, note(size))
    write(store, lambda uow: uow.heads.remember(row, AT))


def hear(store: Store, *notes: str) -> None:
    write(store, lambda uow: listen(uow, OFFICE, TELLER, notes))


def conflicts(store: Store):
    lines = store.read_sync(lambda uow: uow.log_view.lines(0))
    entries = [line for line in lines if line.type == "witness.conflict"]
    return len(entries), len(store.read_sync(lambda uow: uow.heads.evidence()))


def paused(store: Store) -> bool:
    member = next(iter(DIRECTORY.named))
    return store.read_sync(lambda uow: uow.chains.quarantined(member))


@pytest.mark.spec("LR-18", "WIT-20")
def test_two_heads_of_one_size_are_evidence_an_entry_and_a_pause(store: Store) -> None:
    begin(store)
    remember(store, 12)
    hear(store, note(12, FALSE))
    assert (conflicts(store), paused(store)) == ((1, 1), True)
    # Told again, nothing more is written: nobody can fill the log with it.
    hear(store, note(12, FALSE), note(12, FALSE))
    hear(store, note(12, FALSE) + "\u2014 x AAAAAAA=\n")
    assert conflicts(store) == (1, 1)


@pytest.mark.spec("LR-18")
def test_two_peers_that_were_shown_two_histories_find_out(store: Store) -> None:
    begin(store)
    hear(store, note(15))
    assert conflicts(store) == (0, 0)
    hear(store, note(15, FALSE))
    assert (conflicts(store), paused(store)) == ((1, 1), True)


@pytest.mark.spec("LR-19", "WIT-19")
@pytest.mark.parametrize(
    "told",
    [
        note(12),
        note(12, FALSE, SigningKey.from_seed(b"\x62" * 32)),
        sign_checkpoint(Checkpoint("nobody.example/log/1", 12, bytes(32)), LOG),
        sign_checkpoint(Checkpoint(OWN, 12, bytes(32)), LOG),
        sign_checkpoint(Checkpoint(TELLER, 12, bytes(32)), LOG),
        "no note",
        "",
    ],
    ids=["same", "forged", "unlisted", "ours", "its own", "garbage", "empty"],
)
def test_a_claim_that_proves_nothing_does_nothing(store: Store, told: str) -> None:
    begin(store)
    remember(store, 12)
    hear(store, told)
    assert (conflicts(store), paused(store)) == ((0, 0), False)
    assert rows(store, "SELECT * FROM gossip_head") == []


def test_the_owner_of_a_log_cannot_fill_ours_with_forks(store: Store) -> None:
    begin(store)
    for size in range(1, EVIDENCE_KEPT + 4):
        remember(store, size)
        head = Checkpoint(ORIGIN, size, bytes([size]) * 32)
        hear(store, sign_checkpoint(head, LOG))
    assert conflicts(store) == (EVIDENCE_KEPT, EVIDENCE_KEPT)


@pytest.mark.spec("WIT-20")
def test_only_a_few_heads_of_one_log_are_kept(store: Store) -> None:
    begin(store)
    for size in range(1, GOSSIP_KEPT + 5):
        hear(store, note(size))
    kept = store.read_sync(lambda uow: uow.quorums.heard_of(ORIGIN))
    assert len(kept) == GOSSIP_KEPT


def test_what_goes_out_is_bare_bounded_and_never_the_readers_own(store: Store) -> None:
    begin(store)
    names = [f"town{n}.example/log/1" for n in range(MAX_GOSSIP + 2)]
    members = Members(ORIGIN, *names)
    others = office()
    others.directory = lambda: members
    remember(store, 12)
    for name in names:
        head = Checkpoint(name, 3, bytes([3]) * 32)
        signed = sign_checkpoint(head, LOG) + "\u2014 stranger AAAAAAA=\n"
        row = Head(name, 3, head.root, signed)
        write(store, lambda uow, row=row: uow.heads.remember(row, AT))
    reader = next(iter(members.named))
    found = store.read_sync(beside, others, reader)
    made = found.into(Attachment(""))
    assert len(made.gossip) == MAX_GOSSIP
    assert all(ORIGIN not in item and "stranger" not in item for item in made.gossip)
    assert made.seen_note.startswith(note(12))
    assert found.without_third.into(Attachment("")).gossip == ()


@pytest.mark.spec("LR-18")
@pytest.mark.parametrize("size", [12, 15], ids=["past", "newest"])
def test_a_fork_offered_at_add_checkpoint_is_kept_once(store: Store, size: int) -> None:
    begin(store)
    for known in (12, 15):
        remember(store, known)
    asked = encode_add_checkpoint(AddCheckpoint(min(15, size), (), note(size, FALSE)))
    for _ in range(2):
        status, _, _ = store.write_sync(add_checkpoint, OFFICE, asked)
        assert status == 409
    assert (conflicts(store), paused(store)) == ((1, 1), True)


@pytest.mark.spec("LR-16")
def test_a_witness_that_does_not_speak_answers_503(store: Store) -> None:
    begin(store)
    asked = body(TRUE, 0, 3)
    status, text, _ = store.write_sync(add_checkpoint, OFFICE, asked, speaking=False)
    assert (status, text) == (503, "")
    assert rows(store, "SELECT * FROM witness_head") == []
