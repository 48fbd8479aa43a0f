"""The first word: who may speak after a start, and what shows that a node is behind."""

from datetime import timedelta

import pytest

from node.crypto.checkpoint import ED25519, Checkpoint, NoteKey, sign_checkpoint
from node.crypto.keys import SigningKey
from node.exchangelog.proof import OwnLog
from node.exchangelog.standing import (
    Reason,
    Said,
    Stand,
    Standing,
    after_answers,
    at_start,
    judge_note,
    may_declare,
    to_ask,
)
from node.ids import MemberId
from tests.support.build import AT

KEY = SigningKey.from_seed(b"\x01" * 32)
OTHER = SigningKey.from_seed(b"\x02" * 32)
ORIGIN = "wehr.example/log/2"
A, B, C = (MemberId(f"0833711{n}-stadt-{n}") for n in range(3))
DAY = timedelta(days=1)


def own(size=5):
    return OwnLog(
        NoteKey(ORIGIN, KEY.public, ED25519),
        contains=lambda head: head.size <= size and head.root == root(head.size),
    )


def root(size):
    return bytes([size]) * 32


def note(size, origin=ORIGIN, *, key=KEY, of=None):
    return sign_checkpoint(Checkpoint(origin, size, of or root(size)), key)


@pytest.mark.spec("LR-25")
def test_nothing_remembered_is_an_answer():
    assert judge_note(None, own()) is Said.NOTHING


def test_a_head_that_our_log_contains_is_known():
    assert judge_note(note(3), own()) is Said.KNOWN


@pytest.mark.spec("LR-19")
@pytest.mark.parametrize(
    "shown",
    [
        note(9, key=OTHER),
        note(9, origin="other.example/log/2"),
        note(9).replace("\n9\n", "\n8\n"),
        "no note at all",
        "",
    ],
    ids=["another key", "another log", "another size", "text", "empty"],
)
def test_without_our_own_valid_signature_nothing_counts(shown):
    assert judge_note(shown, own()) is Said.VOID


@pytest.mark.spec("LR-19", "EL-5")
@pytest.mark.parametrize(
    "shown", [note(9), note(3, of=root(4))], ids=["newer", "other"]
)
def test_our_signature_under_a_head_that_we_lack_shows_us_behind(shown):
    assert judge_note(shown, own()) is Said.AHEAD


def test_a_later_log_of_ours_shows_us_behind_and_a_former_one_does_not():
    assert judge_note(note(1, "wehr.example/log/3"), own()) is Said.AHEAD
    assert judge_note(note(9, "wehr.example/log/1"), own()) is Said.KNOWN


@pytest.mark.parametrize("fault", list(Reason))
def test_a_bad_mark_puts_a_node_into_quarantine_whoever_it_met(fault):
    assert at_start(mark=fault, to_ask=()) is Standing.QUARANTINE


def test_who_never_met_anybody_speaks_at_once():
    assert at_start(mark=None, to_ask=()) is Standing.SPEAKING
    assert at_start(mark=None, to_ask={A}) is Standing.WAITING


@pytest.mark.spec("LR-25", "SR-R4")
def test_only_those_met_within_180_days_and_still_listed_are_asked():
    met = {A: AT - 179 * DAY, B: AT - 181 * DAY, C: AT}
    assert to_ask(met, {A, B}, AT) == {A}
    assert to_ask(met, None, AT) == {A, C}


@pytest.mark.spec("LR-25")
@pytest.mark.parametrize(
    ("asked", "said", "expected"),
    [
        ({A}, {}, Standing.WAITING),
        ({A}, {A: Said.NOTHING}, Standing.SPEAKING),
        ({A, B}, {A: Said.KNOWN}, Standing.WAITING),
        ({A, B, C}, {A: Said.KNOWN, B: Said.NOTHING}, Standing.SPEAKING),
        # A claim without our signature is no answer, and no accusation either.
        ({A, B}, {A: Said.VOID, B: Said.KNOWN}, Standing.WAITING),
        # Who was never met cannot speak for those who were.
        ({A, B}, {C: Said.NOTHING, A: Said.NOTHING}, Standing.WAITING),
        # But whoever shows our own signature is heard.
        ({A, B}, {C: Said.AHEAD}, Standing.QUARANTINE),
        ({A}, {A: Said.AHEAD}, Standing.QUARANTINE),
        (set(), {}, Standing.SPEAKING),
    ],
)
def test_how_answers_lead_on(asked, said, expected):
    assert after_answers(Standing.WAITING, frozenset(asked), said) is expected


def test_no_answer_leads_out_of_quarantine():
    said = {A: Said.KNOWN, B: Said.KNOWN}
    after = after_answers(Standing.QUARANTINE, frozenset({A, B}), said)
    assert after is Standing.QUARANTINE


@pytest.mark.spec("LR-24")
@pytest.mark.parametrize(
    ("standing", "waited", "may"),
    [
        (Standing.WAITING, timedelta(minutes=59), False),
        (Standing.WAITING, timedelta(hours=1), True),
        (Standing.SPEAKING, timedelta(hours=9), False),
        (Standing.QUARANTINE, timedelta(hours=9), False),
    ],
)
def test_two_persons_may_declare_only_after_an_hour_of_waiting(standing, waited, may):
    reason = Reason.AHEAD if standing is Standing.QUARANTINE else None
    assert may_declare(Stand(standing, AT - waited, reason), AT) is may
