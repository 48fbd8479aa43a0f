"""The turn of week keys: a new one each Monday, everything wrapped anew, old ones destroyed.

Enters: the day, whether a key backup holds a key. Leaves: a folder of week keys in which one
is in use. Must never happen: a key in use that no backup holds (data first); a key destroyed
while a row still needs it; a value that opens under two keys. Implements SR-K5 and LR-38.

A crash anywhere leaves keys that lie in the folder and rows that each name one of them; the
next run goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from node.clock import Clock
from node.crypto.keys import Randomness
from node.errors import ConfigError
from node.failpoints import Failpoints, Point
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.upkeep import SealedAt
from node.store.weekkeys import WeekKeys, week_of
from node.store.work import Means

log = structlog.get_logger("weekkeys")
KEPT: Final = timedelta(days=28)
BATCH: Final = 500
_LATE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Backups:
    """What the turn needs of backups.

    ``key_backup_holds`` says whether a verified key backup holds a week key. The next two
    make a backup and verify it; ``forget`` destroys the key backups that hold week keys
    which are destroyed here. All raise if it did not go well.
    """

    key_backup_holds: Callable[[str], bool]
    make_key_backup: Callable[[], None]
    make_content_backup: Callable[[], None]
    forget: Callable[[tuple[str, ...]], None]


def _refuse() -> None:
    raise ConfigError("this node makes no backups yet")


NO_BACKUPS: Final = Backups(lambda _week: False, _refuse, _refuse, lambda _weeks: None)
"""No backup holds anything: keys stay in use, and a person is told that erasing is late."""


@dataclass(frozen=True, slots=True)
class Turned:
    """How the keys stand. ``waiting`` is a newer key that no key backup holds yet.

    ``is_late`` says that it has waited for more than a day; ``rewrapped`` and ``erased``
    count what this run did.
    """

    in_use: str
    waiting: str | None
    is_late: bool
    rewrapped: int = 0
    erased: tuple[str, ...] = ()


class WeekTurn:
    """Turns the week keys of one node; called again and again, in a thread."""

    def __init__(
        self,
        store: Store,
        keys: WeekKeys,
        backups: Backups,
        *,
        clock: Clock,
        randomness: Randomness,
        failpoints: Failpoints,
    ) -> None:
        """Prepare; nothing is made yet."""
        self._store = store
        self._keys = keys
        self._backups = backups
        self._now = clock.now
        self._randomness = randomness
        self._reach = failpoints.reach
        self._clean = ""

    def __call__(self) -> Turned:
        """Make this week's key, use it once it is backed up, destroy what is old enough."""
        now = self._now()
        week = week_of(now.date())
        if week > self._keys.last:
            self._make(week)
        waiting = self._keys.waiting
        if waiting is not None and self._backups.key_backup_holds(waiting):
            self._keys.use(waiting, now)
            log.info("week key in use", kind=waiting)
        rewrapped = self._rewrap()
        erased = self._destroy(self._keys.replaced_before(now - KEPT))
        found = self.state()
        if found.is_late:
            log.warning("no key backup holds the week key", kind=found.waiting)
        return Turned(
            found.in_use, found.waiting, found.is_late, rewrapped, tuple(erased)
        )

    def state(self) -> Turned:
        """How the keys stand; nothing is changed."""
        return state_of(self._keys, self._now())

    def at_once(self) -> Turned:
        """LR-38, ``erase --now``: a new key, everything under it, all older ones destroyed.

        All older content backups are useless afterwards. Each part can be repeated: a run
        that failed is simply run again.

        Raises:
            ConfigError: There is no backup that could hold the new key.
        """
        now = self._now()
        fresh = self._keys.waiting
        if fresh is None:
            fresh = self._keys.name_after(week_of(now.date()))
            self._make(fresh)
        if not self._backups.key_backup_holds(fresh):
            self._backups.make_key_backup()
        if not self._backups.key_backup_holds(fresh):
            raise ConfigError("no verified key backup holds the new week key")
        self._keys.use(fresh, now)
        rewrapped = self._rewrap()
        self._backups.make_content_backup()
        older = tuple(week for week in self._keys.weeks if week < fresh)
        erased = self._destroy(older)
        if erased != list(older):
            raise ConfigError("a row still needs an older week key; run it again")
        return Turned(fresh, None, is_late=False, rewrapped=rewrapped, erased=older)

    def _make(self, week: str) -> None:
        self._keys.make_aside(week, self._randomness)
        # Crash here: a key that waits, and that nothing is wrapped by.
        self._reach(Point.WEEKKEY_WRITTEN)

    def _rewrap(self) -> int:
        """Wrap anew what stands under an older key; other units go on between batches.

        It looks again after the turn, because a unit may have begun before it, and no more
        once nothing was found.
        """
        in_use = self._keys.newest.week
        if self._clean == in_use:
            return 0
        stale = self._store.read_sync(_stale)
        if not stale:
            self._clean = in_use
        count = 0
        for start in range(0, len(stale), BATCH):
            batch = tuple(stale[start : start + BATCH])
            count += self._store.write_sync(_wrap_anew, batch)
            self._reach(Point.WEEKKEY_REWRAPPED_SOME)
        return count

    def _destroy(self, weeks: tuple[str, ...]) -> list[str]:
        """Destroy keys that no row needs any more."""
        erased = []
        for week in weeks:
            if self._store.read_sync(_needed, week):
                log.warning("a row still needs a week key", kind=week)
                continue
            self._reach(Point.WEEKKEY_BEFORE_OLD_ERASED)
            self._keys.erase(week)
            erased.append(week)
            log.info("week key destroyed", kind=week)
        if erased:
            # Crash here: key backups hold it for at most 28 days more, then they go.
            self._backups.forget(tuple(erased))
        return erased


def turn_of(
    store: Store,
    means: Means,
    failpoints: Failpoints,
    backups: Backups = NO_BACKUPS,
) -> WeekTurn:
    """The turn of a node whose week keys lie in a folder.

    Raises:
        ConfigError: They do not.
    """
    if not isinstance(means.week_keys, WeekKeys):
        raise ConfigError("these week keys lie in no folder")
    return WeekTurn(
        store,
        means.week_keys,
        backups,
        clock=means.clock,
        randomness=means.randomness,
        failpoints=failpoints,
    )


def state_of(keys: WeekKeys, now: datetime) -> Turned:
    """How the keys of a folder stand on a day."""
    waiting = keys.waiting
    late = waiting is not None and week_of((now - _LATE).date()) >= waiting[:8]
    return Turned(keys.newest.week, waiting, is_late=late)


def _stale(uow: SqlUnitOfWork) -> list[SealedAt]:
    return list(uow.upkeep.stale())


def _needed(uow: SqlUnitOfWork, week: str) -> bool:
    return uow.upkeep.needs(week)


def _wrap_anew(uow: SqlUnitOfWork, batch: tuple[SealedAt, ...]) -> int:
    with uow:
        count = uow.upkeep.rewrap(batch)
        uow.commit()
    return count
