"""The third table: which lines there are, and what no order of events can do."""

from itertools import pairwise

import pytest

from node.errors import TransitionError
from node.exchangelog.kinds import EntryType
from node.sync.exported import EXPORTED
from node.sync.transfer import HOLDING, OUTBOUND, Effect, Outbound, OutEvent

S, E, F = Outbound, OutEvent, Effect
STATES = {s for s, _, _ in EXPORTED.pairs()} | {
    rule.enters for _, _, rule in EXPORTED.pairs() if rule.enters
}


def ways(limit=7):
    """Every way from held, without repetitions of the same state."""
    found, open_ = [], [((S.HELD,), ())]
    while open_:
        states, done = open_.pop()
        found.append((states, done))
        for state, _, rule in EXPORTED.pairs():
            if state is states[-1] and rule.enters and len(states) < limit:
                open_.append(((*states, rule.enters), (*done, *rule.does)))
    return found


@pytest.mark.spec("TRF-40")
def test_the_states_are_those_of_chapter_13():
    assert {
        *(S.HELD, S.EXPORTED, S.TOLD, S.CANCELLED),
        *(S.CLOSED, S.REJECTED, S.DURABLE, S.ERASED),
    } == STATES


@pytest.mark.spec("HO-5")
def test_exported_and_told_hold_the_case():
    assert {S.EXPORTED, S.TOLD} == HOLDING & STATES


@pytest.mark.spec("HO-115")
def test_after_the_words_were_told_the_own_side_cannot_end_it():
    for event in (E.STOPPED, E.WITHHELD, E.PERMITTED, E.RECLAIMED, E.EXPORTED):
        with pytest.raises(TransitionError):
            EXPORTED.step(S.TOLD, event)


@pytest.mark.parametrize(
    "event", [E.RECEIPT_CODE, E.NOT_OPENED, E.CONFIRMED, E.IMPORTED]
)
def test_before_the_words_were_told_nothing_can_have_been_opened(event):
    for state in (S.HELD, S.EXPORTED):
        with pytest.raises(TransitionError):
            EXPORTED.step(state, event)


@pytest.mark.spec("TRF-40")
@pytest.mark.parametrize(
    "event", [E.STORED, E.OPEN_REQUEST, E.GRANTED, E.LOST, E.REJECTED, E.RECALLED]
)
def test_what_only_a_node_says_has_no_line(event):
    assert not any(EXPORTED.allows(state, event) for state in STATES)


@pytest.mark.parametrize(
    "event", [E.EXPORTED, E.TOLD, E.RECEIPT_CODE, E.NOT_OPENED, E.CONFIRMED]
)
def test_a_transfer_to_a_node_knows_no_event_of_an_export(event):
    assert not any(OUTBOUND.allows(state, event) for state in Outbound)


def test_every_way_moves_the_case_once_to_one_home():
    for states, done in ways():
        batons = [e for e in done if e in {F.UNFREEZE, F.TAKE_BACK, F.HAND_OVER}]
        assert len(batons) == (states[-1] not in {S.HELD, S.EXPORTED, S.TOLD}) * (
            S.EXPORTED in states
        )
        if F.HAND_OVER in done or F.TAKE_BACK in done:
            assert F.MARK_GRANTED in done


def test_the_passphrase_is_gone_on_every_way_on_which_the_case_comes_back():
    for _, done in ways():
        if F.UNFREEZE in done or F.TAKE_BACK in done:
            assert F.DESTROY_SHARE_B in done


def test_no_copy_is_erased_before_the_other_side_was_shown_to_have_it():
    for states, _ in ways():
        if S.ERASED in states:
            assert states == (S.HELD, S.EXPORTED, S.TOLD, S.CLOSED, S.DURABLE, S.ERASED)
        assert all(a is not b for a, b in pairwise(states))


@pytest.mark.spec("LR-6")
def test_every_line_that_moves_a_case_stands_in_the_log():
    moving = {F.FREEZE, F.UNFREEZE, F.MARK_GRANTED, F.HAND_OVER, F.TAKE_BACK, F.ERASE}
    for rule in EXPORTED.rules:
        if moving & set(rule.does):
            assert EntryType(rule.logs or "")
