"""Both logs side by side: do they agree on each transfer, or what is the difference?

Enters: shared transfers with what both sides hold of them, our clock. Leaves: for each one
its classes with the proofs of both sides. Must never happen: ``matched`` for something one
side contradicts; an accusation built on an entry that was lawfully erased or never shown.
Implements EL-7, exchange-log 6.4.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from itertools import pairwise
from typing import Final

from node.exchangelog.consent import DayOf, check_consent, is_outside
from node.exchangelog.entry import Entry
from node.exchangelog.finding import Verdict
from node.exchangelog.kinds import EntryType
from node.exchangelog.shared import Gone, Item, Shared, Side, sending, theirs
from node.ids import TransferId

_T: Final = EntryType
RECEIPT_DUE: Final = timedelta(hours=24)
"""After a grant the import receipt is due so soon; then it is missing (alarms)."""


@unique
class Class(StrEnum):
    """Where a transfer stands between two logs; the gravest first."""

    PEER_LOG_INCONSISTENT = "peer_log_inconsistent"
    ERASED_UNLAWFUL = "erased_unlawful"
    PACKET_DIFFERS = "packet_differs"
    ORDER_VIOLATED = "order_violated"
    DUPLICATE = "duplicate"
    CONSENT_MISSING = "consent_missing"
    CONSENT_WITHDRAWN_BEFORE = "consent_withdrawn_before"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_SCOPE = "consent_scope"
    RECIPIENT_ONLY = "recipient_only"
    SENDER_ONLY = "sender_only"
    RECEIPT_MISSING = "receipt_missing"
    LATE = "late"
    BELOW_QUORUM = "below_quorum"
    OVERRIDDEN = "overridden"
    ERASED_LAWFUL = "erased_lawful"
    OPEN = "open"
    MATCHED = "matched"

    @property
    def verdict(self) -> Verdict:
        """What follows from it: a contradiction, a gap, or nothing bad."""
        if self in _GAPS:
            return Verdict.INCOMPLETE
        return Verdict.VERIFIED if self in _FINE else Verdict.TAMPERED


_GAPS: Final = frozenset((Class.RECEIPT_MISSING, Class.LATE))
_FINE: Final = frozenset(
    (
        Class.BELOW_QUORUM,
        Class.OVERRIDDEN,
        Class.ERASED_LAWFUL,
        Class.OPEN,
        Class.MATCHED,
    )
)
_ONCE: Final = (
    _T.TRANSFER_SENT,
    _T.TRANSFER_GRANTED,
    _T.TRANSFER_COMPLETED,
    _T.TRANSFER_RECEIVED,
    _T.TRANSFER_IMPORTED,
)
_SENDER_ORDER: Final = (
    _T.TRANSFER_SENT,
    _T.TRANSFER_GRANTED,
    _T.TRANSFER_COMPLETED,
    _T.TRANSFER_SECURED,
    _T.SOURCE_ERASED,
)
_RECIPIENT_ORDER: Final = (
    _T.TRANSFER_RECEIVED,
    _T.TRANSFER_APPROVED,
    _T.TRANSFER_IMPORTED,
    _T.TRANSFER_BACKED_UP,
)
_NEEDS_RECIPIENT: Final = (
    (_T.TRANSFER_DELIVERED, _T.TRANSFER_RECEIVED),
    (_T.TRANSFER_GRANTED, _T.TRANSFER_APPROVED),
    (_T.TRANSFER_COMPLETED, _T.TRANSFER_IMPORTED),
    (_T.TRANSFER_SECURED, _T.TRANSFER_BACKED_UP),
)
_NEEDS_SENDER: Final = (
    (_T.TRANSFER_RECEIVED, _T.TRANSFER_SENT),
    (_T.TRANSFER_APPROVED, _T.TRANSFER_SENT),
    (_T.TRANSFER_IMPORTED, _T.TRANSFER_GRANTED),
)
_AFTER: Final = (
    (_T.TRANSFER_RECEIVED, _T.TRANSFER_SENT),
    (_T.TRANSFER_GRANTED, _T.TRANSFER_APPROVED),
    (_T.TRANSFER_IMPORTED, _T.TRANSFER_GRANTED),
    (_T.TRANSFER_COMPLETED, _T.TRANSFER_IMPORTED),
)
_ENDED_BY_SENDER: Final = (_T.TRANSFER_RECALLED, _T.TRANSFER_DENIED)
_ENDED_BY_RECIPIENT: Final = (
    _T.TRANSFER_DROPPED,
    _T.TRANSFER_REFUSED,
    _T.TRANSFER_REJECTED,
)


@dataclass(frozen=True, slots=True)
class Named:
    """One entry that a finding rests on, with its proof: where it stands in which log."""

    log: str
    c: bytes
    index: int | None
    head_size: int | None
    head_root: bytes | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One class of one transfer, with both sides' proofs."""

    transfer: TransferId
    found: Class
    sender: tuple[Named, ...]
    recipient: tuple[Named, ...]
    since: datetime | None


def classify(shared: Shared, now: datetime, day_of: DayOf) -> tuple[Difference, ...]:
    """Everything there is to say of one transfer, the gravest first; never nothing."""
    found = set(_gone(shared))
    # Nothing follows from entries whose places are not proven.
    if _peer_is_sound(shared):
        found |= _contradictions(shared, day_of)
    else:
        found.add(Class.PEER_LOG_INCONSISTENT)
    found |= {
        Class(fault)
        for standing in check_consent(shared, day_of)
        for fault in standing.faults
    }
    if not found & _UNREADABLE:
        found |= _unpaired(shared)
        found |= _progress(shared, now, day_of, settled=bool(found & _ACTS))
    found |= _quorum(shared)
    if not found or found <= _REMARKS:
        found.add(Class.MATCHED)
    since = next((e.at for side in _sides(shared) for _, e in side.entries()), None)
    return tuple(
        Difference(
            shared.transfer,
            each,
            _named(shared.sender),
            _named(shared.recipient),
            since,
        )
        for each in Class
        if each in found
    )


_UNREADABLE: Final = frozenset(
    (Class.ERASED_LAWFUL, Class.ERASED_UNLAWFUL, Class.PEER_LOG_INCONSISTENT)
)
_ACTS: Final = frozenset((Class.SENDER_ONLY, Class.RECIPIENT_ONLY))
_REMARKS: Final = frozenset((Class.BELOW_QUORUM, Class.OVERRIDDEN))


def worst(differences: tuple[Difference, ...]) -> Verdict:
    """The verdict over many transfers."""
    verdicts = {each.found.verdict for each in differences}
    for verdict in (Verdict.TAMPERED, Verdict.INCOMPLETE):
        if verdict in verdicts:
            return verdict
    return Verdict.VERIFIED


def _sides(shared: Shared) -> tuple[Side, Side]:
    return shared.sender, shared.recipient


def _named(side: Side) -> tuple[Named, ...]:
    return tuple(
        Named(side.log, item.c, item.index, item.proven_at, item.root)
        for item in side.items
    )


def _gone(shared: Shared) -> Iterator[Class]:
    """What one side erased, with or without a ground in its own tree."""
    reasons = {item.gone for side in _sides(shared) for item in side.items}
    if Gone.UNLAWFUL in reasons:
        yield Class.ERASED_UNLAWFUL
    elif Gone.LAWFUL in reasons:
        yield Class.ERASED_LAWFUL


def _peer_is_sound(shared: Shared) -> bool:
    """Their proofs hold, one place holds one entry, and each is about this transfer."""
    side = theirs(shared)
    places = {item.index for item in side.items if item.index is not None}
    placed = [item for item in side.items if item.index is not None]
    return (
        len(places) == len(placed)
        and all(item.proven_at is not None for item in placed)
        and all(
            entry.log == side.log
            and entry.more.get("transfer", shared.transfer) == shared.transfer
            for _, entry in side.entries()
        )
    )


def _contradictions(shared: Shared, day_of: DayOf) -> set[Class]:
    """What both sides say at once and cannot both be so."""
    found = set()
    if not _says_the_same(shared):
        found.add(Class.PACKET_DIFFERS)
    counts = Counter(e.type for side in _sides(shared) for _, e in side.entries())
    if any(counts[kind] > 1 for kind in _ONCE):
        found.add(Class.DUPLICATE)
    elif not _in_order(shared):
        found.add(Class.ORDER_VIOLATED)
    if _is_late(shared, day_of):
        found.add(Class.LATE)
    return found


def _says_the_same(shared: Shared) -> bool:
    """One container; no more received, approved or imported than the step before."""
    entries = [entry for side in _sides(shared) for _, entry in side.entries()]
    packets = {e.more["packet"] for e in entries if e.more.get("packet")}
    scopes = {e.type: set(e.more["scope"]) for e in entries if "scope" in e.more}
    steps = [
        scopes[kind]
        for kind in (_T.TRANSFER_SENT, _T.TRANSFER_APPROVED, _T.TRANSFER_IMPORTED)
        if kind in scopes
    ]
    sent, received = scopes.get(_T.TRANSFER_SENT), scopes.get(_T.TRANSFER_RECEIVED)
    return (
        len(packets) <= 1
        and all(later <= former for former, later in pairwise(steps))
        and (sent is None or received is None or received <= sent)
    )


def _in_order(shared: Shared) -> bool:
    """Each side by its own places and chain, both by the heads they had seen (6.1)."""
    return (
        _is_rising(shared.sender, _SENDER_ORDER)
        and _is_rising(shared.recipient, _RECIPIENT_ORDER)
        and all(_is_chained(side) for side in _sides(shared))
        and all(_has_seen(shared, later, former) for later, former in _AFTER)
    )


def _is_rising(side: Side, order: tuple[EntryType, ...]) -> bool:
    places = [
        (order.index(entry.type), item.index)
        for item, entry in side.entries()
        if entry.type in order and item.index is not None
    ]
    return sorted(places) == sorted(places, key=lambda place: place[1])


def _is_chained(side: Side) -> bool:
    """``prev`` names the entry before, where the whole side can be read."""
    if not side.is_complete or any(item.entry is None for item in side.items):
        return True
    before: str | None = None
    for item, entry in side.entries():
        if entry.prev != before:
            return False
        before = item.c.hex()
    return True


def _has_seen(shared: Shared, later: EntryType, former: EntryType) -> bool:
    """The later act was done under a head of the other log that covers the former."""
    by, of = _sides(shared)
    if by.first(later) is None:
        by, of = of, by
    one, other = by.first(later), of.first(former)
    if one is None or other is None or one.entry is None or other.index is None:
        return True
    head = one.entry.more.get("peer_cp")
    return head is None or head["log"] != of.log or bool(head["size"] > other.index)


def _is_late(shared: Shared, day_of: DayOf) -> bool:
    """Outside its foreign signatures, or after the offer's last day."""
    outside = any(
        is_outside(entry.at, item.bracket)
        for side in _sides(shared)
        for item, entry in side.entries()
    )
    sent = sending(shared)
    if outside or sent is None or sent.entry is None:
        return outside
    last = sent.entry.more["expires"]
    acts = (
        *shared.sender.all(_T.TRANSFER_GRANTED),
        *shared.recipient.all(_T.TRANSFER_RECEIVED, _T.TRANSFER_APPROVED),
    )
    return any(day_of(item.entry.at).isoformat() > last for item in acts if item.entry)


def _unpaired(shared: Shared) -> set[Class]:
    """An act of one side that needs one of the other, which is not there."""
    found = set()
    if _lacks(shared.sender, shared.recipient, _NEEDS_RECIPIENT):
        found.add(Class.SENDER_ONLY)
    if _lacks(shared.recipient, shared.sender, _NEEDS_SENDER):
        found.add(Class.RECIPIENT_ONLY)
    took_back = shared.sender.first(*_ENDED_BY_SENDER)
    if took_back and shared.recipient.first(_T.TRANSFER_IMPORTED):
        found.add(Class.RECIPIENT_ONLY)
    return found


def _lacks(
    one: Side, other: Side, needs: tuple[tuple[EntryType, EntryType], ...]
) -> bool:
    if any(item.gone is Gone.UNSHOWN for item in other.items):
        return False
    return any(
        one.first(kind) is not None and other.first(needed) is None
        for kind, needed in needs
        # The receipt of a delivery may travel without its proof (LR-30).
        if other.is_complete or needed is not _T.TRANSFER_RECEIVED
    )


def _progress(
    shared: Shared, now: datetime, day_of: DayOf, *, settled: bool
) -> set[Class]:
    """Not finished, and whether something is overdue."""
    s, r = shared.sender, shared.recipient
    sent, granted = sending(shared), s.last(_T.TRANSFER_GRANTED)
    ended = s.first(_T.TRANSFER_COMPLETED, *_ENDED_BY_SENDER) is not None
    if settled or _is_over(shared, ended=ended):
        return set()
    if not ended and granted is not None and granted.entry is not None:
        is_due = now - granted.entry.at > RECEIPT_DUE
        return {Class.RECEIPT_MISSING if is_due else Class.OPEN}
    if not ended and sent is not None and sent.entry is not None:
        is_due = day_of(now).isoformat() > sent.entry.more["expires"]
        arrived = s.first(_T.TRANSFER_DELIVERED) or r.first(_T.TRANSFER_RECEIVED)
        if is_due and not arrived:
            return {Class.RECEIPT_MISSING}
    return {Class.OPEN}


def _is_over(shared: Shared, *, ended: bool) -> bool:
    """Both sides know the same end; what never arrived needs no end there."""
    s, r = shared.sender, shared.recipient
    if not ended:
        return not s.items and r.first(*_ENDED_BY_RECIPIENT) is not None
    if s.first(_T.TRANSFER_COMPLETED) is not None:
        return r.first(_T.TRANSFER_IMPORTED) is not None
    arrived = s.first(_T.TRANSFER_DELIVERED) or r.first(*_RECIPIENT_ORDER)
    return arrived is None or r.first(*_ENDED_BY_RECIPIENT) is not None


def _quorum(shared: Shared) -> set[Class]:
    """What left without its witnesses, and whether two people said it may."""
    received = shared.recipient.first(_T.TRANSFER_RECEIVED)
    said: Entry | None = received.entry if received else None
    if shared.overridden or (said and said.more["outcome"] == "overridden"):
        return {Class.OVERRIDDEN}
    sent: Item | None = sending(shared)
    has_left = bool(shared.recipient.items) or shared.sender.first(
        _T.TRANSFER_DELIVERED
    )
    if sent is not None and sent.is_witnessed is False and has_left:
        return {Class.BELOW_QUORUM}
    return set()
