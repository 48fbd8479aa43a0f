"""Who erases by itself: what is due by date, and every erasure as far as it goes.

Enters: the store, the body's terms. Leaves: erasures begun and carried on. Must never
happen: an erasure by date on our own clock alone (SR-K7); a group that a transfer under way
or a consent in force still needs. Implements exchange log 9.2 (by date), 9.3, LR-38, LR-39.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Protocol

import structlog

from node.casework.erasing import (
    Plan,
    begin_all,
    close,
    destroy,
    name_replayed,
    register,
)
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import (
    LOWER_BOUND_YEARS,
    Basis,
    State,
    Terms,
    confirmed_clock,
    is_over,
    rule_of,
)
from node.exchangelog.kinds import EntryClass
from node.failpoints import Point
from node.report.keepview import KeepingUnit, Running
from node.sync.inward import OPEN
from node.sync.office import Office
from node.sync.transfer import Outbound

log = structlog.get_logger("erasing")
GROUPS_AT_ONCE: Final = 200
_DAYS_A_YEAR: Final = 365
_UNDER_WAY: Final = (
    Outbound.QUEUED,
    Outbound.DELIVERED,
    Outbound.ASKED,
    Outbound.GRANTED,
    Outbound.RECALLING,
)


@dataclass(frozen=True, slots=True)
class Due:
    """What retention would erase now. ``is_confirmed`` is false without a signed time."""

    is_confirmed: bool
    plans: tuple[Plan, ...] = ()


def find_due(uow: KeepingUnit, office: Office, terms: Terms) -> Due:
    """Groups whose time is over by a time that somebody else signed (9.3, SR-K7)."""
    own, now = office.witness_name, office.clock.now()
    proven = confirmed_clock(now, uow.keeping.signed_times(own))
    if proven is None:
        return Due(is_confirmed=False)
    before = proven - timedelta(days=_DAYS_A_YEAR * LOWER_BOUND_YEARS)
    needed = _needed(uow, now)
    over: dict[EntryClass, list[bytes]] = {}
    for group in uow.keeping.candidates(before, own):
        if group.tag not in needed and is_over(
            group.kind, latest=group.latest, proven=proven, terms=terms
        ):
            over.setdefault(group.kind, []).append(group.tag)
    plans = (
        Plan(Basis.RETENTION, rule_of(kind), some)
        for kind, tags in over.items()
        for some in _portions(tags)
    )
    return Due(is_confirmed=True, plans=tuple(plans))


def under_way(uow: KeepingUnit) -> frozenset[GroupName]:
    """The groups of transfers that still go on: their statements need their entries."""
    running = [*uow.outbound.in_states(_UNDER_WAY), *uow.inbound.in_states(OPEN)]
    return frozenset(GroupName.of_transfer(number) for number in running)


def _needed(uow: KeepingUnit, now: datetime) -> frozenset[bytes]:
    """Groups of transfers under way and of consents in force: their time has not begun."""
    tags = (uow.keeping.tag(group) for group in under_way(uow))
    return frozenset([*tags, *uow.keeping.consenting(now.date())])


def _portions(tags: Sequence[bytes]) -> Iterable[tuple[bytes, ...]]:
    rest = iter(tags)
    while some := tuple(islice(rest, GROUPS_AT_ONCE)):
        yield some


# ---- The one who does it ---------------------------------------------------------------


class Runs(Protocol):
    """The store, as a thread uses it."""

    def read_sync(self, use_case: Callable[..., Any], *args: Any) -> Any:
        """Run a query."""
        ...

    def write_sync(self, use_case: Callable[..., Any], *args: Any) -> Any:
        """Run a unit of work, durable on return."""
        ...

    def purge(self) -> bool:
        """Take deleted rows out of the files; False if it must be tried again."""
        ...


class Eraser:
    """Carries erasures on; called again and again, in a thread."""

    def __init__(self, store: Runs, office: Office, terms: Terms) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._office = office
        self._terms = terms
        self._month = ""

    def __call__(self) -> None:
        """Every erasure as far as it goes; retention once a month and after a start."""
        self.advance()
        month = f"{self._office.clock.now():%Y-%m}"
        if month != self._month and self.retain() is not None:
            self._month = month

    def retain(self) -> int | None:
        """Begin to erase what is due; gives the groups, None without a confirmed clock."""
        due: Due = self._store.read_sync(find_due, self._office, self._terms)
        if not due.is_confirmed:
            return None
        for plan in due.plans:
            self._store.write_sync(begin_all, self._office, plan)
            self._office.failpoints.reach(Point.ERASE_INTENT)
        return sum(len(plan.groups) for plan in due.plans)

    def advance(self) -> tuple[Running, ...]:
        """Carry each erasure as far as it goes now; gives those that still wait."""
        for found in self._store.read_sync(_running):
            self._carry_on(found)
        return tuple(self._store.read_sync(_running))

    def _carry_on(self, found: Running) -> None:
        run, office, reach = (
            self._store.write_sync,
            self._office,
            self._office.failpoints.reach,
        )
        state = found.state
        if state is State.INTENT and run(register, office, found.id):
            reach(Point.ERASE_REGISTERED)
            state = State.REGISTERED
        if state is State.REGISTERED:
            count = run(destroy, office, found.id)
            log.info("entries erased", count=count)
            reach(Point.ERASE_KEY_DESTROYED)
            state = State.DESTROYED
        elif state is State.REPLAYED:
            run(name_replayed, office, found.id)
            state = State.DESTROYED
        # Crash here, or a reader in the way: rows are gone, their bytes may not be yet.
        if state is State.DESTROYED and self._store.purge():
            reach(Point.ERASE_TIDIED)
            reach(Point.ERASE_BEFORE_DONE)
            run(close, office, found.id)


def _running(uow: KeepingUnit) -> Sequence[Running]:
    return uow.keeping.running()
