"""What a person must look at: one list for the status page and the commands.

Enters: how log, witnesses and waiting containers stand. Leaves: alarms, the worst first.
Must never happen: an empty log, or one that nobody has cosigned yet, taken for a fault; an
alarm of which two places speak differently. Pure. Implements EL-16 and the alarms of
exchange-log 8 that this program can see so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

UNSIGNED_AFTER: Final = timedelta(minutes=10)
"""The publisher signs every minute (LR-10)."""
UNSEEN_AFTER: Final = timedelta(hours=24)
SILENT_AFTER: Final = timedelta(hours=48)
WAITING_AFTER: Final = timedelta(hours=4)
CLOCK_OFF: Final = timedelta(seconds=60)
KEY_ENDS_WITHIN: Final = timedelta(days=30)
RECEIPT_AFTER: Final = timedelta(days=1)
"""After a grant the recipient imports within seconds, if nothing is wrong there."""
ERASED_AFTER: Final = timedelta(days=8)
"""A day for a witness, a week for the rest (exchange-log 9.2)."""
HOLD_REVIEW: Final = timedelta(days=365)


@unique
class Alarm(StrEnum):
    """Every alarm by its code, the worst first."""

    CONFLICT = "conflict"
    QUARANTINE = "quarantine"
    NO_MARK = "no_mark"
    BEHIND_MARK = "behind_mark"
    MARK_BEHIND = "mark_behind"
    UNSIGNED = "unsigned"
    PACKET_WAITING = "packet_waiting_4h"
    RECEIPT_MISSING = "receipt_missing_24h"
    ERASURE_OVERDUE = "erasure_overdue_7d"
    NOT_WITNESSED = "not_witnessed_24h"
    WITNESS_SILENT = "witness_silent_48h"
    CLOCK_OFF = "clock_off_60s"
    HOLD_UNREVIEWED = "hold_unreviewed_12m"
    KEY_ENDS = "key_ends_30d"

    @property
    def is_fault(self) -> bool:
        """Whether something stands still or is wrong; the others are warnings."""
        return self not in {
            Alarm.NOT_WITNESSED,
            Alarm.WITNESS_SILENT,
            Alarm.CLOCK_OFF,
            Alarm.HOLD_UNREVIEWED,
            Alarm.KEY_ENDS,
        }


@dataclass(frozen=True, slots=True)
class WitnessFact:
    """A foreign witness: when its newest cosignature came, and the time in it."""

    name: str
    last_at: datetime | None
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known; ``mark`` is the size in the signer's memory.

    ``mark_asked`` is false where nobody looked for the mark. ``witnesses`` are those that
    cosigned us, and those the policy names; never our own. ``waiting`` says since when
    containers wait for witnesses, ``conflicts`` names logs with two histories,
    ``quarantined`` the peers nothing is exchanged with. ``granted`` says since when shares
    were handed over of which no import was told, ``erasing`` since when erasures run,
    ``held`` since when holds are open.
    """

    size: int
    signed_size: int
    signed_at: datetime | None
    mark: int | None = None
    mark_asked: bool = False
    witnesses: tuple[WitnessFact, ...] = ()
    waiting: tuple[datetime, ...] = ()
    conflicts: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    key_ends_at: datetime | None = None
    granted: tuple[datetime, ...] = ()
    erasing: tuple[datetime, ...] = ()
    held: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm: since when, about whom, and how many."""

    alarm: Alarm
    since: datetime | None = None
    about: str = ""
    count: int = 1


def find_alarms(facts: Facts, at: datetime) -> tuple[Raised, ...]:
    """Everything that a person must look at now."""
    found = [*_of_log(facts, at), *_of_witnesses(facts, at)]
    found += [Raised(Alarm.CONFLICT, about=origin) for origin in facts.conflicts]
    found += [Raised(Alarm.QUARANTINE, about=peer) for peer in facts.quarantined]
    for alarm, begun, limit in (
        (Alarm.PACKET_WAITING, facts.waiting, WAITING_AFTER),
        (Alarm.RECEIPT_MISSING, facts.granted, RECEIPT_AFTER),
        (Alarm.ERASURE_OVERDUE, facts.erasing, ERASED_AFTER),
        (Alarm.HOLD_UNREVIEWED, facts.held, HOLD_REVIEW),
    ):
        late = [since for since in begun if at - since >= limit]
        if late:
            found.append(Raised(alarm, since=min(late), count=len(late)))
    ends = facts.key_ends_at
    if ends is not None and ends - at < KEY_ENDS_WITHIN:
        found.append(Raised(Alarm.KEY_ENDS, since=ends))
    order = list(Alarm)
    return tuple(sorted(found, key=lambda raised: order.index(raised.alarm)))


def _of_log(facts: Facts, at: datetime) -> Iterator[Raised]:
    if facts.mark_asked and facts.mark is None:
        yield Raised(Alarm.NO_MARK)
    elif facts.mark is not None and facts.mark > facts.size:
        yield Raised(Alarm.BEHIND_MARK)
    elif facts.mark is not None and facts.mark < facts.signed_size:
        yield Raised(Alarm.MARK_BEHIND)
    signed = facts.signed_at
    if facts.size > facts.signed_size and (
        signed is None or at - signed > UNSIGNED_AFTER
    ):
        yield Raised(Alarm.UNSIGNED, since=signed, count=facts.size - facts.signed_size)


def _of_witnesses(facts: Facts, at: datetime) -> Iterator[Raised]:
    met = [w.last_at for w in facts.witnesses if w.last_at is not None]
    if met and at - max(met) > UNSEEN_AFTER:
        yield Raised(Alarm.NOT_WITNESSED, since=max(met))
    for witness in facts.witnesses:
        last, said = witness.last_at, witness.said_at
        if last is not None and at - last > SILENT_AFTER:
            yield Raised(Alarm.WITNESS_SILENT, since=last, about=witness.name)
        if last is not None and said is not None and abs(said - last) > CLOCK_OFF:
            yield Raised(Alarm.CLOCK_OFF, since=last, about=witness.name)
