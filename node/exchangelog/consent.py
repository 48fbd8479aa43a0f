"""Did the consent stand when it was sent, and again when the key was handed over?

Enters: the entries of both moments, the chains of consents they name, foreign signatures
around them. Leaves: what is wrong, by moment. Must never happen: a yes that rests on the
node's own clock alone where foreign signatures contradict it; a consent of somebody else
counting. Implements EL-8.

For each moment, of each consent that its entry names: (1) its record is there, is the one
named, and belongs to a person of the transfer; (2) it stands below the entry; (3) its chain
has no end of it below the entry; (4) the day lies in its validity; (5) it covers what was
sent, to whom it was sent; (6) the entry's time lies between the foreign signatures.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.exchangelog.entry import Entry
from node.exchangelog.kinds import EntryType
from node.exchangelog.shared import Bracket, Gone, Ground, Item, Shared, sending
from node.ids import MemberId
from node.strictjson import Json

_T: Final = EntryType
TOLERANCE: Final = timedelta(minutes=5)
DayOf = Callable[[datetime], date]
"""The calendar day of an instant at the offices."""


@unique
class Moment(StrEnum):
    """When a consent must stand."""

    SENT = "sent"
    GRANTED = "granted"


@unique
class Fault(StrEnum):
    """What can be wrong with a basis; the codes of exchange-log 6.4."""

    MISSING = "consent_missing"
    WITHDRAWN = "consent_withdrawn_before"
    EXPIRED = "consent_expired"
    SCOPE = "consent_scope"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found about one moment; no faults and not ``open``: it stood.

    ``open`` says that a part could not be read: it was lawfully erased, or stands in the
    other side's log and was never shown here.
    """

    moment: Moment
    item: Item
    faults: tuple[Fault, ...]
    open: bool
    consents: int
    statutes: int


def check_consent(shared: Shared, day_of: DayOf) -> tuple[Standing, ...]:
    """Judge both moments, as far as the transfer came."""
    found = []
    for moment, item in (
        (Moment.SENT, sending(shared)),
        (Moment.GRANTED, shared.sender.last(_T.TRANSFER_GRANTED)),
    ):
        if item is not None and item.entry is not None:
            found.append(_judge(moment, item, item.entry, shared, day_of))
    return tuple(found)


def is_outside(at: datetime, bracket: Bracket) -> bool:
    """Whether a node's clock contradicts the foreign signatures around it (LR-29)."""
    return (bracket.after is not None and at < bracket.after - TOLERANCE) or (
        bracket.before is not None and at > bracket.before + TOLERANCE
    )


def _judge(
    moment: Moment, item: Item, entry: Entry, shared: Shared, day_of: DayOf
) -> Standing:
    listed: Sequence[dict[str, Json]] = entry.more["consents"]
    statutes = sum("statute" in each for each in listed)
    consents = [each for each in listed if "statute" not in each]
    faults: set[Fault] = set()
    if _is_short(moment, entry, listed, shared):
        faults.add(Fault.MISSING)
    if is_outside(entry.at, item.bracket):
        faults.add(Fault.LATE)
    is_open, records = False, []
    if shared.knows_grounds:
        grounds = {ground.at: ground for ground in shared.grounds}
        for each in consents:
            ground = grounds.get(each["at"])
            record, wrong = _read(each, ground, item)
            faults |= wrong
            if record is None:
                is_open |= not wrong
                continue
            records.append(record)
            if _has_expired(record, _latest(entry.at, item.bracket), day_of):
                faults.add(Fault.EXPIRED)
        sent = sending(shared)
        whole = statutes == 0 and len(records) == len(consents)
        if whole and sent is not None and sent.entry is not None:
            scope = sent.entry.more["scope"]
            if not _covers(records, scope, shared.recipient_id):
                faults.add(Fault.SCOPE)
    return Standing(
        moment,
        item,
        tuple(fault for fault in Fault if fault in faults),
        open=is_open or not shared.knows_grounds,
        consents=len(consents),
        statutes=statutes,
    )


def _is_short(
    moment: Moment, entry: Entry, listed: Sequence[dict[str, Json]], shared: Shared
) -> bool:
    """Fewer bases than persons, or one person's consents standing for two."""
    persons = entry.more["persons"] if moment is Moment.SENT else 1
    named = [each["at"] for each in listed if "at" in each]
    chains = {ground.chain[0].c for ground in shared.grounds if ground.chain}
    statutes = len(listed) - len(named)
    is_doubled = shared.knows_grounds and 0 < len(chains) < persons - statutes
    return len(listed) < persons or len(set(named)) < len(named) or is_doubled


def _read(
    named: dict[str, Json], ground: Ground | None, item: Item
) -> tuple[Entry | None, set[Fault]]:
    """The record of a consent, as it stood below an entry; steps 1 to 3."""
    assert item.index is not None
    if ground is None or ground.is_of_member is False:
        return None, {Fault.MISSING}
    record = next((i for i in ground.chain if i.c.hex() == named["at"]), None)
    if record is None or record.index is None or record.index >= item.index:
        return None, {Fault.MISSING}
    if record.entry is None:
        # Erased by the rules: nothing to say. Gone without them: no consent.
        return None, set() if record.gone is Gone.LAWFUL else {Fault.MISSING}
    entry = record.entry
    if entry.type is not _T.CONSENT_RECORDED or entry.more["consent"] != named["c"]:
        return None, {Fault.MISSING}
    ended = any(
        later.type in {_T.CONSENT_WITHDRAWN, _T.CONSENT_REPLACED}
        and later.more["consent"] == named["c"]
        for later in _between(ground.chain, record.index, item.index)
    )
    return entry, {Fault.WITHDRAWN} if ended else set()


def _between(chain: Iterable[Item], low: int, high: int) -> Iterable[Entry]:
    return (
        item.entry
        for item in chain
        if item.entry is not None and item.index is not None and low < item.index < high
    )


def _latest(at: datetime, bracket: Bracket) -> datetime:
    """Not before the foreign signature below: a clock set back wins nothing."""
    return at if bracket.after is None else max(at, bracket.after)


def _has_expired(record: Entry, at: datetime, day_of: DayOf) -> bool:
    day = day_of(at).isoformat()
    return not record.more["valid_from"] <= day <= record.more["valid_until"]


def _covers(
    records: Sequence[Entry], scope: Sequence[str], recipient: MemberId
) -> bool:
    """Together they allow every category sent; each of them allows the recipient."""
    allowed = {category for record in records for category in record.more["scope"]}
    return set(scope) <= allowed and all(
        any(_names(text, recipient) for text in record.more["recipients"])
        for record in records
    )


def _names(text: str, recipient: MemberId) -> bool:
    """Whether an item of ``recipients`` covers a member (exchange-log 3.2).

    Whether a member is the body responsible at the new place, only the directory of that
    day can say; the gate asked it, and the log takes its word.
    """
    kind, _, value = text.partition(":")
    match kind:
        case "member":
            return value == recipient
        case "ags":
            return recipient.scope.startswith(value)
        case _:
            return True
