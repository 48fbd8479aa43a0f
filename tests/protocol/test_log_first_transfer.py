"""The first transfer ever between two fresh nodes, in every order that matters (6.3).

Nobody else is there, so each proof must come from the two logs alone, and nothing may wait
in a circle: cosigning writes no entry and needs no head of its own (LR-17).
"""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.exchangelog.kinds import EntryType
from node.exchangelog.policy import cosigners, met
from node.exchangelog.proof import GateCode, Heads, PeerBehind, Proven, Unproven, check
from node.exchangelog.witness import Accepted, AddCheckpoint, Declined, ask, decide
from tests.support.exchangelog import (
    MemoryLog,
    expect,
    facts,
    opened,
    received,
    recorded,
    sent,
    tell,
)


def fresh():
    a, b = MemoryLog("wehr.example", 1), MemoryLog("bad-saeckingen.example", 2)
    opened(a)
    opened(b)
    return a, b


def add_checkpoint(log, witness):
    """Ask for a cosignature, answering 409 by one more round trip (LR-22)."""
    signed = log.newest()
    old = 0
    for _ in range(2):
        request = ask(signed, old, log.tree)
        answer = decide(request, log.log_key, witness.memory.get(log.origin))
        if isinstance(answer, Accepted):
            witness.remember(answer.memory)
            log.cosigned_by(witness)
            return
        assert answer == Declined(409, size=witness.memory[log.origin].size)
        old = answer.size
    raise AssertionError("a witness does not come to rest")


def floor_is_met(log, recipient, item):
    signed = log.newest()
    known = cosigners(signed.note, [log.witness_key, recipient.witness_key])
    return met(
        signed.head,
        known,
        recipient=recipient.witness_key,
        own=log.witness_key,
        index=item.index,
    )


def run(pause=lambda a, b: None):
    """Rows 0 to 10 of the table; ``pause`` may do anything between any two of them."""
    a, b = fresh()
    pause(a, b)
    consent = recorded(a)  # 1
    offer = sent(a, b, consent)
    pause(a, b)
    a.sign()  # 2
    pause(a, b)
    assert not floor_is_met(a, b, offer) or a.memory or b.memory
    add_checkpoint(a, b)  # 3
    pause(a, b)
    assert floor_is_met(a, b, offer)
    assert isinstance(tell(b, a, "offer", offer, consent), Proven)  # 4
    receipt = received(b, a)  # 5
    b.sign()
    pause(a, b)
    assert isinstance(tell(a, b, "stored", receipt), Proven)  # 6
    a.append_transfer(EntryType.TRANSFER_DELIVERED, facts(b))
    pause(a, b)
    approved = b.append_transfer(  # 7
        EntryType.TRANSFER_APPROVED, facts(a), {"scope": ["K01"]}
    )
    b.sign()
    pause(a, b)
    assert isinstance(tell(a, b, "open-request", approved), Proven)  # 8
    granted = a.append_transfer(EntryType.TRANSFER_GRANTED, facts(b), {"consents": []})
    a.sign()
    pause(a, b)
    assert isinstance(tell(b, a, "grant", granted), Proven)  # 9
    more = {"persons": 1, "scope": ["K01"]}
    imported = b.append_transfer(EntryType.TRANSFER_IMPORTED, facts(a), more)
    b.sign()
    pause(a, b)
    assert isinstance(tell(a, b, "imported", imported), Proven)  # 10
    a.append_transfer(EntryType.TRANSFER_COMPLETED, facts(b))
    a.sign()
    pause(a, b)
    return a, b


@pytest.mark.spec("EL-2", "LR-20")
def test_two_fresh_nodes_complete_a_transfer_with_nobody_else():
    a, b = run()
    assert (len(a.written), len(b.written)) == (6, 4)


@given(st.lists(st.integers(0, 3), min_size=11, max_size=11))
@settings(max_examples=60, deadline=None)
@pytest.mark.spec("LR-17", "LR-23")
def test_heartbeats_between_any_two_steps_change_nothing(beats):
    left = list(beats)

    def pause(a, b):
        beat = left.pop(0) if left else 0
        for bit, log, witness in ((1, a, b), (2, b, a)):
            if beat & bit:
                log.sign()
                add_checkpoint(log, witness)

    a, b = run(pause)
    assert (len(a.written), len(b.written)) == (6, 4)


@pytest.mark.spec("LR-17")
def test_the_two_nodes_come_to_rest():
    a, b = run()
    for _ in range(3):
        add_checkpoint(a, b)
        add_checkpoint(b, a)
    assert a.memory[b.origin].size == len(b.written)
    assert b.memory[a.origin].size == len(a.written)
    assert (len(a.written), len(b.written)) == (6, 4)


@pytest.mark.spec("LR-20", "HO-46")
def test_no_packet_leaves_before_the_recipient_cosigned_its_entry():
    a, b = fresh()
    a.sign()
    add_checkpoint(a, b)
    offer = sent(a, b, recorded(a))
    a.sign()
    assert not floor_is_met(a, b, offer)
    add_checkpoint(a, b)
    assert floor_is_met(a, b, offer)


def test_an_offer_overtaken_by_a_heartbeat_is_still_proven():
    a, b = fresh()
    consent = recorded(a)
    offer = sent(a, b, consent)
    a.sign()
    add_checkpoint(a, b)
    attachment, claims = a.attach(offer, consent, since=0), a.claims(offer, b)
    recorded(a, "consent:another")
    a.sign()
    add_checkpoint(a, b)
    verdict = judge(b, a, claims, attachment)
    assert isinstance(verdict, Proven)
    assert not verdict.advanced


def test_an_offer_whose_old_head_nobody_cosigned_asks_for_a_fresh_attachment():
    a, b = fresh()
    consent = recorded(a)
    offer = sent(a, b, consent)
    a.sign()
    attachment, claims = a.attach(offer, consent, since=0), a.claims(offer, b)
    recorded(a, "consent:another")
    a.sign()
    add_checkpoint(a, b)
    # A knows this note, so nothing is wrong: it attaches its newest head and is proven.
    verdict = judge(b, a, claims, attachment)
    assert isinstance(verdict, PeerBehind)
    assert a.contains(Heads(a.log_key).open(verdict.note).head)
    assert isinstance(tell(b, a, "offer", offer, consent), Proven)


@pytest.mark.spec("HO-20")
def test_a_statement_that_comes_twice_is_proven_twice_and_moves_nothing():
    a, b = fresh()
    consent = recorded(a)
    offer = sent(a, b, consent)
    a.sign()
    assert tell(b, a, "offer", offer, consent).advanced
    assert not tell(b, a, "offer", offer, consent).advanced


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_attachments_made_under_three_heads_may_arrive_in_any_order(order):
    a, b = fresh()
    a.sign()
    add_checkpoint(a, b)
    parcels = []
    for _ in range(3):
        item = a.append_transfer(EntryType.TRANSFER_RECALLED, facts(b))
        a.sign()
        parcels.append((a.claims(item, b), a.attach(item, since=1)))
    results = []
    for number in order:
        claims, attachment = parcels[number]
        verdict = judge(b, a, claims, attachment, "recall")
        if isinstance(verdict, Proven):
            b.remember(verdict.memory)
        results.append(verdict)
    # Whoever comes first is proven; a later head needs a proof from the newer memory, an
    # earlier one is behind. Both are cured by the fresh attachment of the next attempt.
    assert isinstance(results[0], Proven)
    for verdict in results[1:]:
        assert isinstance(verdict, PeerBehind) or verdict == Unproven(GateCode.SINCE)
    for item in a.written[1:]:
        assert isinstance(tell(b, a, "recall", item), Proven)


def test_a_node_that_lost_its_witness_memory_takes_the_head_as_first_contact():
    a, b = run()
    b.memory.clear()
    b.past.clear()
    assert isinstance(tell(b, a, "closed", a.written[-1]), Proven)


@pytest.mark.spec("EL-5", "LR-18")
def test_a_node_restored_and_writing_on_cannot_get_another_history_proven():
    a, b = run()
    add_checkpoint(a, b)
    # The same keys and origin, another history: yesterday's copy that went on by itself.
    other = MemoryLog("wehr.example", 1)
    other.now += timedelta(hours=1)
    opened(other)
    consent = recorded(other)
    offer = sent(other, b, consent)
    while len(other.written) < 8:
        other.sign()
        since = min(len(other.written), b.memory[a.origin].size)
        attachment = other.attach(offer, consent, since=since)
        verdict = judge(b, other, other.claims(offer, b), attachment)
        assert not isinstance(verdict, Proven)
        request = AddCheckpoint(6, attachment.since.path, other.newest().note)
        refused = decide(request, a.log_key, b.memory[a.origin])
        assert isinstance(refused, Declined)
        recorded(other, "consent:x")


def judge(reader, writer, claims, attachment, statement="offer"):
    return check(
        claims,
        attachment,
        Heads(writer.log_key),
        knowledge=reader.knowledge_of(writer),
        expected=expect(statement, reader),
    )
