"""When something is due: the next attempt, a notice, the end of an offer, erasure.

Enters: instants of the own clock and counts. Leaves: an instant, or whether it has come.
Must never happen: a clock ending a transfer after the grant (P5, P6); order depending on a
clock (P17). The callers ask nothing here while the own clock is in doubt.
Implements handover 10.2, 10.3 and 9.5; HO-35, HO-77, HO-82 to HO-85.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.sync.limits import (
    ERASE_AFTER_EXPIRY,
    GIVE_UP_AFTER_EXPIRY,
    NOTICE_DAYS,
    OFFER_LIFE,
    PARK_AFTER_FAILURES,
    RELAY_FIRST_WAIT,
    RELAY_LONGEST_WAIT,
    RETENTION,
)
from node.sync.transfer import Inbound, InEvent, Outbound, OutEvent

FIRST_DELAY_S: Final = 5
LONGEST_DELAY_S: Final = 3600
SILENT_DELAY: Final = timedelta(days=1)
SILENT_AFTER: Final = timedelta(days=30)
WAKE_PAUSE: Final = timedelta(minutes=1)
UNREACHABLE_AFTER: Final = timedelta(days=1)
IMPORT_OVERDUE_AFTER: Final = timedelta(days=1)
OPENING_OVERDUE_AFTER: Final = timedelta(minutes=10)
HELLO_AFTER: Final = timedelta(minutes=30)
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
CONFIRMED_FOR: Final = timedelta(hours=24)
DOUBTS: Final = 2


def next_attempt(
    failures: int,
    now: datetime,
    *,
    jitter: float,
    failing_since: datetime | None = None,
    retry_after_s: int | None = None,
) -> datetime:
    """When to try a peer again after failures in a row (HO-82, HO-85).

    Args:
        failures: How many, at least 1.
        now: The instant of the newest one.
        jitter: A random number from 0 to 1; it halves the delay at most.
        failing_since: The instant of the first one; after 30 days an attempt a day.
        retry_after_s: A signed wish of the peer; obeyed from 5 seconds up to an hour.
    """
    if retry_after_s is not None and 0 <= retry_after_s <= LONGEST_DELAY_S:
        # A wish for less than our first delay would make us ask without a pause.
        return now + timedelta(seconds=max(FIRST_DELAY_S, retry_after_s))
    if failing_since is not None and now - failing_since >= SILENT_AFTER:
        delay = SILENT_DELAY
    else:
        # Ten doublings reach the hour; more would only make large numbers.
        doubled = FIRST_DELAY_S * 2 ** min(failures, 10)
        delay = timedelta(seconds=min(LONGEST_DELAY_S, doubled))
    return now + delay * (0.5 + jitter / 2)


def post_again(attempts: int, at: datetime) -> datetime:
    """When something that was left at a relay so often goes again, unless it was answered.

    An hour after the first time, so that the second relay is tried then (HO-92); later
    twice as long each time, up to a day.
    """
    wait: timedelta = RELAY_FIRST_WAIT * 2 ** min(attempts - 1, 5)
    return at + min(wait, RELAY_LONGEST_WAIT)


def may_wake(last_wake_at: datetime | None, now: datetime) -> bool:
    """Whether a peer's queue may be woken again: once a minute at most (HO-83)."""
    return last_wake_at is None or now - last_wake_at >= WAKE_PAUSE


def is_parked(failures: int, *, curable: bool) -> bool:
    """Whether an item is put aside and shown: 20 failures time cannot cure (P20)."""
    return not curable and failures >= PARK_AFTER_FAILURES


def needs_hello(last_contact_at: datetime | None, now: datetime) -> bool:
    """Whether the node greets its peers: no outside contact for 30 minutes (HO-84)."""
    return last_contact_at is None or now - last_contact_at >= HELLO_AFTER


def offer_expiry(issued_at: datetime, until: datetime | None) -> datetime:
    """``exp`` of an offer: 14 days, never after the earliest end of its bases (HO-35).

    Whole seconds, rounded down, since that is what travels.
    """
    latest = issued_at + OFFER_LIFE
    end = latest if until is None else min(latest, until)
    return end.replace(microsecond=0)


def notices_due(
    offered_at: datetime, now: datetime, *, given: Collection[int]
) -> tuple[int, ...]:
    """The days after the offer (3, 9) that have come without their notice."""
    return tuple(
        day
        for day in NOTICE_DAYS
        if day not in given and now - offered_at >= timedelta(days=day)
    )


def out_event_due(
    state: Outbound, *, expires_at: datetime, now: datetime
) -> OutEvent | None:
    """What the sender's own clock raises: the end of the offer, giving up a recall."""
    if state in {Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED}:
        return OutEvent.STOPPED if now >= expires_at else None
    if state is Outbound.RECALLING:
        return OutEvent.GIVEN_UP if now >= expires_at + GIVE_UP_AFTER_EXPIRY else None
    return None


def in_event_due(
    state: Inbound,
    *,
    expires_at: datetime,
    now: datetime,
    recovered_at: datetime | None = None,
) -> InEvent | None:
    """What the recipient's own clock raises: the deadline, or the erasure 7 days later.

    After ``lost`` the offer's life counts anew from the recovery.
    """
    deadline = expires_at if recovered_at is None else recovered_at + OFFER_LIFE
    if state in {Inbound.ANNOUNCED, Inbound.WAITING}:
        return InEvent.DEADLINE if now >= deadline else None
    if state is Inbound.APPROVED:
        return InEvent.ERASE_DUE if now >= deadline + ERASE_AFTER_EXPIRY else None
    return None


@dataclass(frozen=True, slots=True)
class SignedTime:
    """A time that somebody signed, and when it reached us by the own clock."""

    source: str
    said_at: datetime
    heard_at: datetime


def clock_confirmed(times: Iterable[SignedTime], now: datetime) -> bool:
    """Whether the own clock may date what cannot be undone (SR-K7).

    One signed time of the last 24 hours must agree within 5 minutes. Where the newest
    times of two others disagree, the clock is in doubt (P17), whoever agrees.

    Args:
        times: Cosignatures of others over our log, and hellos of peers.
        now: The own clock.
    """
    newest: dict[str, SignedTime] = {}
    for time in times:
        age = now - time.heard_at
        known = newest.get(time.source)
        if timedelta() <= age <= CONFIRMED_FOR and (
            known is None or known.heard_at < time.heard_at
        ):
            newest[time.source] = time
    agree = [
        abs(time.said_at - time.heard_at) <= CLOCK_TOLERANCE for time in newest.values()
    ]
    return any(agree) and agree.count(False) < DOUBTS


def erasable_from(durable_at: datetime, retention: timedelta = RETENTION) -> datetime:
    """The retention date: 90 days after ``durable``, or longer by a rule of the node."""
    return durable_at + max(retention, RETENTION)
