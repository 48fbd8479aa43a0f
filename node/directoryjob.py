"""The one job that refreshes the directory of a node (HO-99), and what follows at once.

Enters: settings, the store, what peers say of their directory. Leaves: the next directory
in force, tasks for people, transfers stopped whose recipient's keys are retired. Must never
happen: two refreshes side by side; a peer that makes us fetch more than once a minute;
a refresh while a transfer decides half on the old and half on the new directory (it is
swapped as a whole, HO-102). Implements HO-99 to HO-102, handover 11.3 (staleness), 11.4.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from node.clock import Clock
from node.config import Settings
from node.errors import ConfigError, NodeError, UnknownNodeError
from node.federation.fetcher import Source
from node.federation.proxy import Proxy
from node.founding import Paths
from node.ids import MemberId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync import quorum, retired
from node.sync.office import Office
from node.trust.directory import Directory, Freshness

log = structlog.get_logger("directory")
BEHIND_AFTER: Final = timedelta(hours=1)
BEHIND: Final = "directory.behind"
STALE: Final = "directory.stale"


class Library:
    """The directory in force; replaced as a whole by each refresh (HO-102)."""

    def __init__(self) -> None:
        """Nothing is known before the first load."""
        self._directory: Directory | None = None

    def __call__(self) -> Directory:
        """The directory in force.

        Raises:
            UnknownNodeError: None was ever fetched.
        """
        if self._directory is None:
            raise UnknownNodeError("no directory yet")
        return self._directory

    @property
    def known(self) -> Directory | None:
        """The directory in force, if there is one."""
        return self._directory

    def swap(self, directory: Directory) -> None:
        """Put the next one in force."""
        self._directory = directory


class Rumours:
    """What peers say of newer directories; kept in memory, a restart asks anew."""

    def __init__(self, library: Library, clock: Clock) -> None:
        """Nobody has said anything."""
        self._library = library
        self._clock = clock
        self._lock = Lock()
        self._first: tuple[MemberId, int, datetime] | None = None
        self.wake: Callable[[], None] | None = None

    def hear(self, peer: MemberId | None, version: int) -> None:
        """A message names the version its sender knows; None if nothing proves who sent it.

        Unproven, it may ask for a refresh and no more: no alarm rests on a stranger.
        """
        if peer is not None and version <= self._ours():
            return
        with self._lock:
            if self._first is None and peer is not None:
                self._first = (peer, version, self._clock.now())
        if self.wake is not None:
            self.wake()

    def behind(self) -> MemberId | None:
        """Who has known something newer for an hour that we could not fetch, if anybody."""
        ours = self._ours()
        with self._lock:
            if self._first is not None and self._first[1] <= ours:
                self._first = None
            first = self._first
        if first is None or self._clock.now() - first[2] < BEHIND_AFTER:
            return None
        return first[0]

    def _ours(self) -> int:
        directory = self._library.known
        return directory.timestamp_version if directory else 0


class DirectoryJob:
    """Fetch, verify, keep, swap in; then stop what a retired key was to receive."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        library: Library,
        office: Office,
        rumours: Rumours,
    ) -> None:
        """Prepare; nothing is fetched yet."""
        self._settings = settings
        self._paths = Paths(settings.folder)
        self._store = store
        self._library = library
        self._office = office
        self._rumours = rumours
        self._lock = Lock()

    def __call__(self) -> None:
        """One refresh from the settings' source, in the caller's thread.

        Raises:
            NodeError: It failed; the former directory stays in force, tasks are updated.
        """
        try:
            self.read_from(self._settings.directory)
        finally:
            self._tell()

    def read_from(self, location: str) -> Directory:
        """One refresh from an address or a folder; which one changes no trust (HO-104).

        Raises:
            NodeError: As the updater; the former directory stays in force.
        """
        settings, office = self._settings, self._office
        if not location or not self._paths.root.exists():
            raise ConfigError("directory or root.json is not set up yet")
        # TUF is slow to import and only this thread needs it.
        from node.federation import updater  # noqa: PLC0415

        with self._lock, _alone(self._paths.directory):
            found = updater.refresh(
                Source(
                    location,
                    allowed=tuple(ip_network(t) for t in settings.allowed_networks),
                    demo=settings.demo,
                    proxy=Proxy.load(
                        settings.proxy,
                        settings.proxy_user,
                        settings.proxy_password_file,
                    ),
                ),
                self._paths.directory,
                previous=self._library.known,
                root=self._paths.root.read_bytes(),
                at=office.clock.now(),
            )
            former = self._library.known
            if former is None or found.head != former.head:
                self._store.write_sync(_keep, former, found, office)
            self._library.swap(found)
        if former is None or former.head.mark != found.head.mark:
            self._stop_retired()
        return found

    def _stop_retired(self) -> None:
        """STOPPED(key) for what waits for a retired key (handover 11.4, stolen key)."""
        for transfer in self._store.read_sync(retired.find, self._office):
            self._store.write_sync(retired.stop, self._office, transfer)

    def _tell(self) -> None:
        """Open or settle the tasks that say how the directory stands."""
        now = self._office.clock.now()
        directory = self._library.known
        wanted: dict[str, tuple[str, ...]] = {}
        if directory is not None and directory.stale(now) is not Freshness.FRESH:
            wanted[STALE] = (str(directory.stale(now)),)
        peer = self._rumours.behind()
        if peer is not None:
            log.warning("kept behind", peer=str(peer), code=BEHIND)
            wanted[BEHIND] = ("behind",)
        try:
            self._store.write_sync(_set_tasks, now, wanted)
        except NodeError as error:
            log.warning("task not set", code=error.code)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A command and a running node never refresh in one folder side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def kept_directory(uow: SqlUnitOfWork) -> Directory | None:
    """The directory as it was last verified."""
    return uow.directory.load()


def _keep(
    uow: SqlUnitOfWork, before: Directory | None, directory: Directory, office: Office
) -> None:
    with uow:
        uow.directory.save(directory, office.failpoints)
        now = office.clock.now()
        quorum.note_policy(uow, office.member, before, directory, now)
        uow.commit()


def _set_tasks(
    uow: SqlUnitOfWork, at: datetime, wanted: dict[str, tuple[str, ...]]
) -> None:
    with uow:
        for kind in (STALE, BEHIND):
            if kind in wanted:
                uow.tasks.add(kind, at=at, for_role="administrator", codes=wanted[kind])
            else:
                uow.tasks.settle(kind)
        uow.commit()
