"""The ways to other nodes, and the fetching of what lies at our relays.

Enters: settings, office, store. Leaves: one transport for all peers, a job that empties our
mailboxes, and what this node keeps for others if it is a relay. Must never happen: an item
taken out of a mailbox before our own commit; one relay that is down holding up the other.
Implements handover 10.5; a part of ``bootstrap``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from node.config import Settings
from node.errors import NodeError
from node.federation.caller import SignedCaller
from node.federation.proxy import Proxy
from node.federation.relay import Counter
from node.federation.relaytransport import (
    RelayMailbox,
    RelayPost,
    RelayTransport,
    Ways,
)
from node.federation.transport import HttpTransport
from node.ids import MemberId
from node.store.files import SealedFiles
from node.store.runner import Store
from node.sync import relaying
from node.sync.courier import Courier, Runner
from node.sync.mailbox import Answers, Mailbox, empty
from node.sync.office import Office

log = structlog.get_logger("worker")
PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
_GRACE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mailroom:
    """``direct`` calls peers, ``ways`` chooses how; ``mailboxes`` are our own."""

    caller: SignedCaller
    direct: HttpTransport
    ways: Ways
    answers: Answers
    mailboxes: tuple[Mailbox, ...]


def open_mailroom(
    settings: Settings, office: Office, run: Runner, started_at: datetime
) -> Mailroom:
    """Put the ways together; whoever closes the node closes ``caller``.

    Raises:
        ConfigError: The proxy's password cannot be read.
    """
    proxy = Proxy.load(
        settings.proxy, settings.proxy_user, settings.proxy_password_file
    )
    caller = SignedCaller(
        office, networks=settings.allowed_networks, demo=settings.demo, proxy=proxy
    )
    direct = HttpTransport(office, run, caller, started_at=started_at)
    answers = Answers()
    mail = RelayTransport(
        office,
        run,
        RelayPost(office, run, caller),
        answers=answers,
        started_at=started_at,
    )
    boxes = tuple(RelayMailbox(office, caller, url) for url in settings.relays)
    return Mailroom(caller, direct, Ways(office, direct, mail), answers, boxes)


class Fetching:
    """Empties our mailboxes side by side, each in the order of arrival."""

    def __init__(self, courier: Courier, room: Mailroom) -> None:
        """Nothing was looked at yet."""
        self._courier = courier
        self._room = room

    async def __call__(self, contact: Callable[[MemberId], None]) -> None:
        """Fetch until something goes wrong everywhere; the worker calls again."""
        async with asyncio.TaskGroup() as tasks:
            for mailbox in self._room.mailboxes:
                tasks.create_task(self._fetch(mailbox, contact))

    async def _fetch(
        self, mailbox: Mailbox, contact: Callable[[MemberId], None]
    ) -> None:
        after, pause_s = 0, PAUSE_S
        while True:
            try:
                after, left = await empty(
                    self._courier,
                    mailbox,
                    after,
                    contact=contact,
                    answers=self._room.answers,
                )
            except NodeError as error:
                log.warning("mailbox not reached", code=error.code)
                left = True
            if not left:
                pause_s = PAUSE_S
                continue
            # What was left there is looked at again, from the first item on.
            after = 0
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Relay:
    """What this node keeps for others; ``sweep`` ends what is over."""

    counter: Counter
    sweep: Callable[[], None]


def relay_of(settings: Settings, store: Store, office: Office) -> Relay | None:
    """The relay's part of a node; None where this node is none."""
    if not settings.relay:
        return None
    files = SealedFiles(relay_folder(settings))
    return Relay(Counter(files), RelaySweep(store, office, files))


def relay_folder(settings: Settings) -> Path:
    """Where the items of others lie."""
    return settings.folder / "files" / "relay"


def sweeps(*jobs: Callable[[], None] | None) -> Callable[[], None]:
    """All that are there, one after the other."""

    def sweep() -> None:
        for job in jobs:
            if job is not None:
                job()

    return sweep


class RelaySweep:
    """Ends items whose time is over, and removes files that no row names."""

    def __init__(self, store: Store, office: Office, files: SealedFiles) -> None:
        """Sweep the files of this relay."""
        self._store = store
        self._office = office
        self._files = files

    def __call__(self) -> None:
        """Sweep once; a file younger than an hour may belong to a unit under way."""
        before = self._files.present() - _GRACE
        named = self._store.write_sync(relaying.end_due, self._office, self._files)
        self._files.sweep(named, before=before)
