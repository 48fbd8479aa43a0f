"""What ends by itself: records of handovers, consents with evidence, counted lines, looks.

Enters: the clock, the town's years. Leaves: rows gone, one transaction for each transfer and
each person; of a transfer its number and what reports count. Must never happen: a transfer
erased that is not at its end; a consent that is in force, or that a transfer rests on; a
record of somebody whom a hold, a lock or an open duty protects; a date believed that nobody
confirms (SR-K7). The exchange log stays: it names nobody. Implements the retention table of
the field document, chapter 4; HO-47, DO-33.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

import structlog

from node.accounts.looking import READING_LIFE
from node.cases.days import day_start, local_day
from node.cases.expiry import (
    Counted,
    Remainders,
    Trace,
    counted_until,
    is_over,
    last_use,
)
from node.cases.model import Baton
from node.cases.retention import is_on_hold, last_activity
from node.casework.eraser import Runs
from node.exchangelog.entry import GroupName
from node.ids import CaseId, TransferId
from node.report.keepview import KeepingUnit
from node.sync import onward
from node.sync.office import Office
from node.sync.sourceend import is_clock_confirmed
from node.sync.transfer import Inbound, InboundTransfer, Outbound, OutboundTransfer

log = structlog.get_logger("erasure")
_SENT_ENDS: Final = frozenset(
    {Outbound.CANCELLED, Outbound.ERASED, Outbound.RECALLED}
    | {Outbound.REJECTED, Outbound.RECLAIMED}
)
_RECEIVED_ENDS: Final = frozenset(
    {Inbound.DURABLE, Inbound.REJECTED, Inbound.EXPIRED, Inbound.RECALLED}
)


class ExpiryUnit(KeepingUnit, Protocol):
    """A unit of work that knows what is left of persons and transfers."""

    @property
    def remainders(self) -> Remainders:
        """What is left after the years."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """What may go now; ``is_confirmed`` is false without a signed time of somebody else."""

    is_confirmed: bool
    sent: Sequence[TransferId] = ()
    received: Sequence[TransferId] = ()
    persons: Sequence[CaseId] = ()
    counted: Sequence[Counted] = ()


def find_due(uow: ExpiryUnit, office: Office) -> Due:
    """Everything whose years are over; nothing while the own clock is not confirmed."""
    now = office.clock.now()
    if not is_clock_confirmed(uow, office, now):
        return Due(is_confirmed=False)
    # Nothing may go by what is younger than so many whole years; the rest is decided.
    years = office.town().record_years
    before = day_start(date(local_day(now).year - years, 1, 1))
    left = uow.remainders
    until = counted_until(left.fundings(), years=office.town().tally_years, now=now)
    return Due(
        is_confirmed=True,
        sent=[t for t in left.sent_before(before) if _sent_over(uow, office, t)],
        received=[
            t for t in left.received_before(before) if _received_over(uow, office, t)
        ],
        # A consent waits for its transfers: it goes in the same round, after them.
        persons=left.quiet_before(before),
        counted=() if until is None else left.counted(until),
    )


def end_sent(uow: ExpiryUnit, office: Office, transfer: TransferId) -> bool:
    """A transfer we sent is gone with this transaction, if it still may; says whether."""
    return _end(uow, office, transfer, _sent_over, uow.remainders.drop_sent)


def end_received(uow: ExpiryUnit, office: Office, transfer: TransferId) -> bool:
    """The same for a transfer we received."""
    return _end(uow, office, transfer, _received_over, uow.remainders.drop_received)


def _end(
    uow: ExpiryUnit,
    office: Office,
    transfer: TransferId,
    over: Callable[[ExpiryUnit, Office, TransferId], bool],
    drop: Callable[[TransferId], None],
) -> bool:
    with uow:
        if not is_clock_confirmed(uow, office, office.clock.now()):
            return False
        if not over(uow, office, transfer):
            return False
        drop(transfer)
        uow.commit()
    return True


def end_person(uow: ExpiryUnit, office: Office, case: CaseId) -> bool:
    """The consents of a person are gone, all of them or none; says whether they went.

    None goes alone: a refusal must not end before the yes that it took back (FR-20).
    """
    with uow:
        now = office.clock.now()
        if not is_clock_confirmed(uow, office, now) or uow.outbound.of_case(case):
            return False
        if not _is_over(office, [_trace(uow, case, now)]):
            return False
        uow.remainders.drop_person(case)
        uow.commit()
    return True


def end_counted(uow: ExpiryUnit, office: Office, some: Iterable[Counted]) -> bool:
    """Lines of the tally after the funding period and its years."""
    with uow:
        if not is_clock_confirmed(uow, office, office.clock.now()):
            return False
        for remainder in some:
            uow.remainders.drop_counted(remainder)
        uow.commit()
    return True


def end_looks(uow: ExpiryUnit, office: Office) -> int:
    """Who looked, and reasons, go after two years; says how many lines went."""
    with uow:
        now = office.clock.now()
        if not is_clock_confirmed(uow, office, now):
            return 0
        count = uow.remainders.drop_looks(now - READING_LIFE)
        uow.commit()
    return count


# ---- What speaks for keeping -----------------------------------------------------------


def _sent_over(uow: ExpiryUnit, office: Office, number: TransferId) -> bool:
    transfer = uow.outbound.find(number)
    if transfer is None:
        return False
    now = office.clock.now()
    persons = [_trace(uow, member.case, now) for member in transfer.members]
    return _is_over(office, [_of_sent(uow, transfer), *persons])


def _received_over(uow: ExpiryUnit, office: Office, number: TransferId) -> bool:
    transfer = uow.inbound.find(number)
    if transfer is None:
        return False
    now = office.clock.now()
    persons = [_trace(uow, case, now) for case, _ in uow.inbound.cases(number)]
    return _is_over(office, [_of_received(uow, transfer), *persons])


def _is_over(office: Office, traces: Sequence[Trace]) -> bool:
    years, today = office.town().record_years, local_day(office.clock.now())
    return is_over(traces, years=years, on=today)


def _trace(uow: ExpiryUnit, case: CaseId, now: datetime) -> Trace:
    """Everything that was ever done with a person here."""
    today = local_day(now)
    uses = [last_use(consent, today) for consent in uow.consents.of_case(case)]
    traces = [
        *(_of_sent(uow, transfer) for transfer in uow.outbound.of_case(case)),
        *(_of_received(uow, uow.inbound.get(t)) for t in uow.inbound.of_case(case)),
        *_of_content(uow, case, today),
    ]
    days = [use for use in uses if use is not None]
    days += [local_day(at) for at in uow.remainders.moves(case)]
    days += [trace.last_use for trace in traces]
    group = uow.keeping.tag(GroupName.of_consents(case))
    return Trace(
        max(days, default=date.min),
        is_held=None in uses
        or any(trace.is_held for trace in traces)
        or uow.keeping.is_held(group)
        or uow.tasks.is_open(onward.DUTY, case=case),
    )


def _of_content(uow: ExpiryUnit, case: CaseId, today: date) -> Iterator[Trace]:
    """What lies in the case itself, while it is here."""
    file = uow.cases.find_file(case)
    if file is None or file.baton is Baton.SHREDDED:
        return
    content = uow.cases.content(case)
    is_held = (
        file.baton is not Baton.ACTIVE
        or file.restricted_on is not None
        or is_on_hold(content.of("person"), today)
    )
    yield Trace(last_activity(content, ()), is_held)


def _of_sent(uow: ExpiryUnit, transfer: OutboundTransfer) -> Trace:
    is_at_end = transfer.state in _SENT_ENDS or (
        # Of a body without a node nothing more comes, once our copy has gone as well.
        transfer.state is Outbound.CLOSED
        and not any(
            _rests(uow, member.case, transfer.id) for member in transfer.members
        )
    )
    times = (transfer.created_at, *transfer.facts.values())
    return _of_either(uow, transfer.id, times, is_at_end=is_at_end)


def _of_received(uow: ExpiryUnit, transfer: InboundTransfer) -> Trace:
    is_at_end = transfer.state in _RECEIVED_ENDS or (
        # Without a backup of ours ``durable`` never comes; what it brought is gone.
        transfer.state is Inbound.CLOSED
        and not any(_is_here(uow, case) for case, _ in uow.inbound.cases(transfer.id))
    )
    times = (transfer.offered_at, *transfer.facts.values())
    return _of_either(uow, transfer.id, times, is_at_end=is_at_end)


def _of_either(
    uow: ExpiryUnit,
    transfer: TransferId,
    times: Sequence[datetime],
    *,
    is_at_end: bool,
) -> Trace:
    said = uow.remainders.last_said(transfer)
    last = max(times) if said is None else max(*times, said)
    return Trace(
        local_day(last),
        is_held=not is_at_end
        or uow.remainders.is_waiting(transfer)
        or uow.keeping.is_held(uow.keeping.tag(GroupName.of_transfer(transfer))),
    )


def _rests(uow: ExpiryUnit, case: CaseId, transfer: TransferId) -> bool:
    file = uow.cases.find_file(case)
    return file is not None and file.transfer == transfer


def _is_here(uow: ExpiryUnit, case: CaseId) -> bool:
    file = uow.cases.find_file(case)
    return file is not None and file.baton is not Baton.SHREDDED


# ---- The one who does it ---------------------------------------------------------------


class Expiry:
    """Erases what is over, once a day and after a start; slow, so it belongs in a thread."""

    def __init__(self, store: Runs, office: Office) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._office = office
        self._done_on: date | None = None
        self._is_purged = True

    def __call__(self) -> None:
        """Everything that is over, if it was not looked for today."""
        today = local_day(self._office.clock.now())
        if today != self._done_on and self._end_all():
            self._done_on = today
        # Crash here, or a reader in the way: rows are gone, their bytes may not be yet.
        if not self._is_purged:
            self._is_purged = self._store.purge()

    def _end_all(self) -> bool:
        run, office = self._store.write_sync, self._office
        due: Due = self._store.read_sync(find_due, office)
        if not due.is_confirmed:
            return False
        count = sum(run(end_sent, office, one) for one in due.sent)
        count += sum(run(end_received, office, one) for one in due.received)
        count += sum(run(end_person, office, one) for one in due.persons)
        if due.counted and run(end_counted, office, due.counted):
            count += len(due.counted)
        count += run(end_looks, office)
        if count:
            self._is_purged = False
            log.info("records erased", count=count)
        return True
