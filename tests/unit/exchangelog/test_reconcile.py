"""Both logs compared, against a generator that knows the truth about each transfer."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.cases.days import local_day
from node.crypto.checkpoint import Checkpoint
from node.exchangelog.consent import Fault, Moment, check_consent
from node.exchangelog.finding import Verdict
from node.exchangelog.kinds import EntryType as T
from node.exchangelog.reconcile import RECEIPT_DUE, Class, classify, worst
from node.exchangelog.sample import draw
from node.exchangelog.shared import Gone
from node.ids import TransferId
from tests.support.reconciling import (
    ALL,
    NOW,
    OFFERED,
    SEEDED,
    WHOLE,
    Story,
    found_in,
    generate,
)


def story(number=1, seed=1, **changes):
    return Story(Random(seed), number, **changes)


@pytest.mark.spec("EL-7", "EL-8", "REC-4", "REC-7", "REC-8", "REC-13")
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_each_seeded_class_is_found_and_nothing_else(seed):
    for wanted, shared in generate(60, seed, odd=0.7):
        assert found_in(shared) == {wanted}, (wanted, shared.transfer)


@pytest.mark.spec("EL-7")
@pytest.mark.parametrize("wanted", list(Class))
def test_every_class_can_be_seeded_and_is_found(wanted):
    for number in range(40):
        shared = SEEDED[wanted](story(number, seed=number))
        assert found_in(shared) == {wanted}, number


@pytest.mark.spec("EL-7", "REC-5")
def test_a_finding_carries_the_proofs_of_both_sides():
    shared = SEEDED[Class.PACKET_DIFFERS](story())
    [found] = classify(shared, NOW, local_day)
    for side, named in (
        (shared.sender, found.sender),
        (shared.recipient, found.recipient),
    ):
        assert [(n.log, n.c, n.index) for n in named] == [
            (side.log, item.c, item.index) for item in side.items
        ]
        assert all(n.head_size is not None and n.head_root for n in named)


@pytest.mark.spec("REC-3")
def test_what_was_only_not_shown_accuses_nobody():
    told = story(complete=False)
    told.run(*ALL)
    shared = told.end()
    hidden = tuple(
        replace(i, entry=None, gone=Gone.UNSHOWN) for i in shared.recipient.items[:1]
    )
    theirs = replace(shared.recipient, items=hidden + shared.recipient.items[1:])
    assert found_in(replace(shared, recipient=theirs)) == {Class.MATCHED}


@pytest.mark.spec("REC-3")
def test_an_unshown_receipt_of_delivery_is_missed_only_in_a_whole_list():
    told = story()
    told.run(*ALL)
    shared = told.end()
    short = replace(shared.recipient, items=shared.recipient.items[1:])
    first = short.items[0]
    short = replace(
        short,
        items=(replace(first, entry=replace(first.entry, prev=None)), *short.items[1:]),
    )
    assert found_in(replace(shared, recipient=short)) == {Class.SENDER_ONLY}
    partly = replace(short, is_complete=False)
    assert found_in(replace(shared, recipient=partly)) == {Class.MATCHED}


def test_a_receipt_is_missing_from_its_deadline_on_and_open_before():
    told = story()
    told.run(*WHOLE[:-1])
    shared, at = told.end(), told.at
    for after, wanted in (
        (RECEIPT_DUE, Class.OPEN),
        (RECEIPT_DUE + timedelta(seconds=1), Class.RECEIPT_MISSING),
    ):
        [found] = classify(shared, at + after, local_day)
        assert found.found is wanted


def test_an_import_that_the_sender_took_back_is_not_matched():
    told = story()
    told.run(*WHOLE, T.TRANSFER_RECALLED)
    assert Class.RECIPIENT_ONLY in found_in(told.end())


@pytest.mark.spec("REC-2")
def test_an_entry_of_another_transfer_is_the_peers_contradiction():
    told = story()
    told.run(*OFFERED)
    told.do(T.TRANSFER_APPROVED, transfer="f" * 32)
    assert Class.PEER_LOG_INCONSISTENT in found_in(told.end())


@pytest.mark.spec("REC-12")
def test_a_peers_list_that_does_not_continue_its_log_proves_nothing():
    told = story()
    told.run(*ALL)
    shared = told.end()
    bare = tuple(replace(i, proven_at=None) for i in shared.recipient.items)
    cut = replace(shared, recipient=replace(shared.recipient, items=bare))
    assert found_in(cut) == {Class.PEER_LOG_INCONSISTENT}


@pytest.mark.spec("REC-6")
def test_the_verdict_over_many_is_the_gravest():
    def of(*kinds):
        told = [
            classify(SEEDED[k](story(n)), NOW, local_day) for n, k in enumerate(kinds)
        ]
        return worst(tuple(d for found in told for d in found))

    assert of(Class.MATCHED, Class.OPEN) is Verdict.VERIFIED
    assert of(Class.MATCHED, Class.LATE) is Verdict.INCOMPLETE
    assert of(Class.LATE, Class.DUPLICATE, Class.MATCHED) is Verdict.TAMPERED


# -- Consent -----------------------------------------------------------------------------


def faults(shared):
    return {s.moment: set(s.faults) for s in check_consent(shared, local_day)}


@pytest.mark.spec("EL-8")
def test_a_withdrawal_one_entry_before_the_grant_is_found_at_the_grant_alone():
    told = story()
    told.run(*OFFERED, T.TRANSFER_APPROVED)
    more = {"consent": told.consent["consent"], "outcome": "withdrawn"}
    told.chain.append(told.s.put(T.CONSENT_WITHDRAWN, told.at, more, chained=False))
    told.run(T.TRANSFER_GRANTED)
    assert faults(told.end()) == {
        Moment.SENT: set(),
        Moment.GRANTED: {Fault.WITHDRAWN},
    }


@pytest.mark.spec("EL-8")
def test_a_withdrawal_one_entry_after_the_sending_stops_nothing_before():
    told = story()
    told.do(T.TRANSFER_SENT)
    more = {"consent": told.consent["consent"], "outcome": "withdrawn"}
    told.chain.append(told.s.put(T.CONSENT_WITHDRAWN, told.at, more, chained=False))
    assert faults(told.end()) == {Moment.SENT: set()}


@pytest.mark.spec("EL-8")
@pytest.mark.parametrize(
    "recipients",
    [["member:08337999-anderswo"], ["ags:09"], ["member:08337116-stadt-wehr"]],
)
def test_a_consent_for_somebody_else_covers_nothing(recipients):
    told = story()
    told.consent["recipients"] = recipients
    told.run(*ALL)
    assert all(found == {Fault.SCOPE} for found in faults(told.end()).values())


@pytest.mark.spec("EL-8")
@pytest.mark.parametrize(
    "recipients",
    [["member:08337096-stadt-bad-saeckingen"], ["ags:08337"], ["ags:08337096"]],
)
def test_a_consent_for_this_office_or_its_district_covers_it(recipients):
    told = story()
    told.consent["recipients"] = recipients
    told.run(*ALL)
    assert all(found == set() for found in faults(told.end()).values())


@pytest.mark.spec("EL-8")
def test_one_persons_consent_does_not_stand_for_two():
    told = story()
    told.do(T.TRANSFER_SENT, persons=2)
    assert Fault.MISSING in faults(told.end())[Moment.SENT]


@pytest.mark.spec("EL-8")
def test_another_persons_consent_is_no_consent():
    told = story(of_member=False)
    told.run(*ALL)
    assert all(Fault.MISSING in found for found in faults(told.end()).values())


@pytest.mark.spec("EL-8", "REC-14")
def test_a_clock_set_back_does_not_revive_an_expired_consent():
    told = story()
    told.consent["valid_until"] = told.at.date().isoformat()
    told.run(T.TRANSFER_SENT)
    shared = told.end()
    [item] = shared.sender.items
    later = item.bracket.after + timedelta(days=3)
    late = replace(item, bracket=replace(item.bracket, after=later))
    moved = replace(shared, sender=replace(shared.sender, items=(late,)))
    assert faults(moved)[Moment.SENT] == {Fault.EXPIRED, Fault.LATE}


@pytest.mark.spec("REC-15")
def test_an_erased_consent_is_open_and_no_fault():
    told = story()
    told.chain = [replace(told.chain[0], entry=None, gone=Gone.LAWFUL)]
    told.run(*ALL)
    standings = check_consent(told.end(), local_day)
    assert [(s.faults, s.open) for s in standings] == [((), True), ((), True)]


def test_a_consent_gone_without_ground_is_missing():
    told = story()
    told.chain = [replace(told.chain[0], entry=None, gone=Gone.UNLAWFUL)]
    told.run(*ALL)
    assert all(Fault.MISSING in found for found in faults(told.end()).values())


# -- Sample ------------------------------------------------------------------------------

HEAD = Checkpoint("wehr.example/log/1", 500, b"\x07" * 32)
STARTS = {TransferId(f"{n:032x}"): n * 3 for n in range(200)}


@pytest.mark.spec("EL-18", "REC-16")
def test_a_sample_depends_on_seed_and_head_and_on_nothing_else():
    drawn = draw(STARTS, 20, "a", HEAD)
    turned = dict(reversed(STARTS.items()))
    assert draw(turned, 20, "a", HEAD) == drawn
    assert draw(STARTS, 200, "a", HEAD)[:20] == drawn
    assert draw(STARTS, 20, "b", HEAD) != drawn
    other = Checkpoint(HEAD.origin, HEAD.size, b"\x08" * 32)
    assert draw(STARTS, 20, "a", other) != drawn


@pytest.mark.spec("REC-16")
def test_a_sample_leaves_out_what_its_head_does_not_cover():
    drawn = draw(STARTS, 1000, "a", HEAD)
    assert all(each.index < HEAD.size for each in drawn)
    assert len(drawn) == sum(index < HEAD.size for index in STARTS.values())
    grown = {**STARTS, TransferId("e" * 32): 700}
    assert draw(grown, 1000, "a", HEAD) == drawn
