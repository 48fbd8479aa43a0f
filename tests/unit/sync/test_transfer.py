"""The two tables: what they take, refuse and remember."""

from datetime import UTC, date, datetime

import pytest

from node.errors import TransitionError, UsageError
from node.ids import Ags, MemberId, TransferId
from node.sync.machine import Machine, Rule
from node.sync.transfer import (
    HOLDING,
    INBOUND,
    OUTBOUND,
    Effect,
    Inbound,
    InboundTransfer,
    InEvent,
    Outbound,
    OutboundTransfer,
    OutEvent,
    Why,
)

NOW = datetime(2026, 4, 20, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 4, 21, 9, 30, tzinfo=UTC)
T = TransferId("00112233445566778899aabbccddeeff")
WEHR = MemberId("08337116-stadt-wehr")


def outbound(state: Outbound, why: Why | None = None) -> OutboundTransfer:
    return OutboundTransfer(
        id=T,
        state=state,
        recipient=WEHR,
        ags=Ags("08337116"),
        move_on=date(2026, 5, 1),
        reason="move",
        members=(),
        created_at=NOW,
        created_by=None,
        why=why,
        facts={Outbound.HELD: NOW},
    )


def inbound(state: Inbound) -> InboundTransfer:
    return InboundTransfer(
        id=T,
        state=state,
        sender=WEHR,
        offer={},
        offer_digest=bytes(32),
        offered_at=NOW,
        expires_at=LATER,
    )


def test_a_step_leaves_the_transfer_it_started_from_alone():
    before = outbound(Outbound.HELD)
    step = before.on(OutEvent.PERMITTED, at=LATER)
    assert before.state is Outbound.HELD
    assert step.after.state is Outbound.QUEUED
    assert step.after.facts == {"held": NOW, "queued": LATER}
    assert step.effects[-1] is Effect.SEND_OFFER
    assert step.logs == "transfer.sent"


def test_a_repetition_changes_nothing():
    before = outbound(Outbound.ASKED)
    step = before.on(OutEvent.OPEN_REQUEST, at=LATER)
    assert step.after == before
    assert step.effects == ()


@pytest.mark.spec("HO-11")
def test_a_pair_without_a_line_is_refused():
    with pytest.raises(TransitionError):
        outbound(Outbound.GRANTED).on(OutEvent.STOPPED, at=LATER)
    with pytest.raises(TransitionError):
        inbound(Inbound.EXPIRED).on(InEvent.APPROVED, at=LATER)


@pytest.mark.spec("TRF-1")
def test_the_first_reason_of_a_recall_stays():
    stopped = outbound(Outbound.ASKED).on(
        OutEvent.STOPPED, at=LATER, why=Why.CALLED_BACK
    )
    crossed = stopped.after.on(OutEvent.EXPIRED_THERE, at=LATER, why=Why.EXPIRED)
    assert crossed.after.state is Outbound.RECALLED
    assert crossed.after.why is Why.CALLED_BACK


def test_an_answer_that_changes_no_state_gives_no_reason():
    step = outbound(Outbound.CLOSED).on(OutEvent.LOST_MOOT, at=LATER, why=Why.MOOT)
    assert step.after.why is None


def test_the_recipient_remembers_when_a_state_was_entered():
    step = inbound(Inbound.ANNOUNCED).on(InEvent.PACKET, at=LATER)
    assert step.after.facts == {"waiting": LATER}
    assert step.logs == "transfer.received"


@pytest.mark.spec("HO-17")
def test_a_grant_after_a_refusal_opens_nothing():
    step = inbound(Inbound.REJECTED).on(InEvent.GRANT, at=LATER)
    assert step.after.state is Inbound.REJECTED
    assert step.effects == ()


@pytest.mark.spec("HO-18")
def test_while_opening_nobody_decides():
    decisions = {InEvent.APPROVED, InEvent.REFUSED, InEvent.DEADLINE, InEvent.RECALL}
    assert not any(INBOUND.allows(Inbound.OPENING, event) for event in decisions)


@pytest.mark.spec("HO-15")
def test_share_b_goes_by_three_effects_and_from_no_terminal_state():
    gone = {Effect.DESTROY_SHARE_B, Effect.TAKE_BACK, Effect.ERASE}
    for state, event, rule in OUTBOUND.pairs():
        loses = bool(gone & set(rule.does))
        keeps = state in HOLDING | {Outbound.CLOSED, Outbound.DURABLE}
        assert keeps or not loses, (state, event)


@pytest.mark.spec("HO-5")
def test_no_line_leaves_a_holding_state_without_saying_what_becomes_of_the_cases():
    case_effects = {
        Effect.UNFREEZE,
        Effect.TAKE_BACK,
        Effect.HAND_OVER,
        Effect.MARK_GRANTED,
    }
    for state, event, rule in OUTBOUND.pairs():
        if state in HOLDING and (rule.enters or state) not in HOLDING:
            assert case_effects & set(rule.does), (state, event)


@pytest.mark.spec("HO-6")
def test_before_the_grant_the_epoch_stays_and_after_it_the_case_is_taken_back():
    for state, event, rule in OUTBOUND.pairs():
        if Effect.UNFREEZE in rule.does:
            assert state is not Outbound.GRANTED, event
        if Effect.TAKE_BACK in rule.does:
            assert state in {Outbound.GRANTED, Outbound.CLOSED, Outbound.DURABLE}, event


def test_two_lines_for_one_pair_are_a_mistake():
    line = Rule((Outbound.HELD,), (OutEvent.STOPPED,), Outbound.CANCELLED)
    with pytest.raises(UsageError, match="two rules"):
        Machine([line, line])


def test_a_line_left_out_is_missing_and_the_others_stay():
    less = OUTBOUND.without(Outbound.HELD, OutEvent.STOPPED)
    assert not less.allows(Outbound.HELD, OutEvent.STOPPED)
    assert less.allows(Outbound.HELD, OutEvent.PERMITTED)
    assert OUTBOUND.allows(Outbound.HELD, OutEvent.STOPPED)
