"""When something is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.sync.schedule import (
    erasable_from,
    in_event_due,
    is_parked,
    may_wake,
    needs_hello,
    next_attempt,
    notices_due,
    offer_expiry,
    out_event_due,
)
from node.sync.transfer import Inbound, InEvent, Outbound, OutEvent

NOW = datetime(2026, 4, 20, 9, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def days(count: float) -> timedelta:
    return timedelta(days=count)


@pytest.mark.spec("HO-82")
@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_the_delay_doubles_up_to_an_hour(failures, jitter):
    delay = next_attempt(failures, NOW, jitter=jitter) - NOW
    whole = timedelta(seconds=min(3600, 5 * 2 ** min(failures, 20)))
    assert whole / 2 <= delay <= whole


@pytest.mark.spec("HO-82")
@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_there_are_never_more_than_twenty_attempts_an_hour(jitter):
    at, attempts = NOW, []
    while at < NOW + days(13):
        attempts.append(at)
        at = next_attempt(len(attempts), at, jitter=jitter)
    within = [
        sum(1 for a in attempts if start <= a < start + timedelta(hours=1))
        for start in attempts
    ]
    assert max(within) <= 20
    assert len(attempts) <= 650
    if jitter == 0.5:
        assert within[0] in {9, 10, 11}
        assert 400 <= len(attempts) <= 450


@pytest.mark.spec("HO-82")
@pytest.mark.parametrize(("wish", "obeyed"), [(5, True), (3600, True), (3601, False)])
def test_a_wish_of_the_peer_is_obeyed_up_to_an_hour(wish, obeyed):
    at = next_attempt(1, NOW, jitter=1, retry_after_s=wish)
    assert (at == NOW + wish * SECOND) is obeyed


@pytest.mark.spec("HO-82")
@pytest.mark.parametrize("wish", [-1, 0, 4])
def test_no_wish_of_the_peer_makes_us_ask_without_a_pause(wish):
    assert next_attempt(1, NOW, jitter=0, retry_after_s=wish) >= NOW + 5 * SECOND


@pytest.mark.spec("HO-85")
def test_after_thirty_silent_days_there_is_one_attempt_a_day():
    since = NOW - days(30)
    assert next_attempt(400, NOW, jitter=1, failing_since=since) == NOW + days(1)
    since += SECOND
    assert next_attempt(400, NOW, jitter=1, failing_since=since) == NOW + days(1) / 24


@pytest.mark.spec("HO-83")
def test_a_peer_is_woken_once_a_minute():
    assert may_wake(None, NOW)
    assert not may_wake(NOW - 59 * SECOND, NOW)
    assert may_wake(NOW - 60 * SECOND, NOW)


@pytest.mark.spec("HO-84")
def test_half_an_hour_of_silence_asks_for_a_hello():
    assert needs_hello(None, NOW)
    assert not needs_hello(NOW - timedelta(minutes=29), NOW)
    assert needs_hello(NOW - timedelta(minutes=30), NOW)


def test_only_what_time_cannot_cure_is_parked():
    assert not is_parked(19, curable=False)
    assert is_parked(20, curable=False)
    assert not is_parked(2000, curable=True)


@pytest.mark.spec("HO-35")
@pytest.mark.parametrize(
    ("until", "expiry"),
    [(None, days(14)), (days(20), days(14)), (days(3), days(3))],
)
def test_an_offer_ends_with_its_permit_or_after_fourteen_days(until, expiry):
    end = None if until is None else NOW + until
    assert offer_expiry(NOW, end) == NOW + expiry


@pytest.mark.spec("HO-35")
def test_an_offer_never_outlives_its_permit_by_rounding():
    until = NOW + timedelta(milliseconds=900)
    assert offer_expiry(NOW, until) == NOW


@pytest.mark.parametrize(
    ("age", "given_before", "due"),
    [
        (2.99, (), ()),
        (3, (), (3,)),
        (3, (3,), ()),
        (9, (3,), (9,)),
        (20, (), (3, 9)),
        (20, (3, 9), ()),
    ],
)
def test_notices_fall_due_on_the_third_and_ninth_day(age, given_before, due):
    assert notices_due(NOW, NOW + days(age), given=given_before) == due


@pytest.mark.spec("TRF-3", "HO-22")
@pytest.mark.parametrize("state", Outbound)
def test_the_senders_clock_ends_nothing_after_the_grant(state):
    late = NOW + days(5000)
    event = out_event_due(state, expires_at=NOW, now=late)
    if state in {Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED}:
        assert event is OutEvent.STOPPED
    elif state is Outbound.RECALLING:
        assert event is OutEvent.GIVEN_UP
    else:
        assert event is None


def test_an_offer_ends_at_its_instant_and_a_recall_fourteen_days_later():
    due = {"expires_at": NOW}
    early, late = NOW - SECOND, NOW + days(14)
    assert out_event_due(Outbound.ASKED, now=early, **due) is None
    assert out_event_due(Outbound.ASKED, now=NOW, **due) is OutEvent.STOPPED
    assert out_event_due(Outbound.RECALLING, now=late - SECOND, **due) is None
    assert out_event_due(Outbound.RECALLING, now=late, **due) is OutEvent.GIVEN_UP


@pytest.mark.spec("TRF-2", "TRF-3")
@pytest.mark.parametrize(
    ("state", "age", "recovered", "event"),
    [
        (Inbound.ANNOUNCED, 0, None, InEvent.DEADLINE),
        (Inbound.WAITING, 0, None, InEvent.DEADLINE),
        (Inbound.WAITING, -0.01, None, None),
        (Inbound.APPROVED, 6.9, None, None),
        (Inbound.APPROVED, 7, None, InEvent.ERASE_DUE),
        (Inbound.WAITING, 30, 20, None),
        (Inbound.WAITING, 34, 20, InEvent.DEADLINE),
        (Inbound.APPROVED, 40, 20, None),
        (Inbound.APPROVED, 41, 20, InEvent.ERASE_DUE),
        (Inbound.OPENING, 5000, None, None),
        (Inbound.IMPORTED, 5000, None, None),
        (Inbound.REJECTED, 5000, None, None),
    ],
)
def test_the_recipients_clock_ends_what_was_not_approved_or_granted(
    state, age, recovered, event
):
    found = in_event_due(
        state,
        expires_at=NOW,
        now=NOW + days(age),
        recovered_at=None if recovered is None else NOW + days(recovered),
    )
    assert found is event


def test_nothing_is_erasable_before_ninety_days():
    assert erasable_from(NOW) == NOW + days(90)
    assert erasable_from(NOW, days(10)) == NOW + days(90)
    assert erasable_from(NOW, days(365)) == NOW + days(365)
