"""Putting a node together: the only place where parts meet.

Enters: settings, a clock, chance, and in tests failpoints. Leaves: a running node: store,
use cases, two listeners, a worker. Must never happen: a part that looks another part up by
itself; a start on a schema, a key file or a log that does not fit (LR-11).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from aiohttp import web

from node.accounts.passkey import Site
from node.accounts.policy import OPERATOR
from node.api.app import make_api_app
from node.api.gate import Desk as ApiDesk
from node.api.health import make_health_app
from node.cases.townsettings import TownSettings
from node.casework import health
from node.casework.archiving import offer_closed
from node.casework.eraser import Eraser
from node.casework.expiring import Expiry
from node.casework.health import Finding
from node.casework.reporting import Ahead
from node.casework.settings import TownBook, TownUnit
from node.casework.unmerging import Matching
from node.clock import Clock, SystemClock
from node.config import Settings
from node.crypto.checkpoint import Checkpoint
from node.crypto.keyfile import unlock_keyring
from node.crypto.keys import Keyring, Randomness
from node.directoryjob import DirectoryJob, Library, Rumours, kept_directory
from node.duties import LEASE, Duties
from node.errors import ConfigError, DirectoryExpiredError, LogError
from node.exchangelog.keeping import Terms
from node.failpoints import Failpoints, NoFailpoints
from node.federation.desk import Desk
from node.federation.pace import Proxies
from node.federation.relay import Counter
from node.federation.routes import make_peer_app
from node.federation.shared import ask as ask_shared
from node.founding import Paths, first_names, means_of, vault_of
from node.keycabinet import KeyCabinet
from node.keyroom import KeyRoom, refresh_and_keep
from node.mailroom import Fetching, open_mailroom, relay_of, sweeps
from node.noticemail import MailDoor, Notifier
from node.replaying import replay_register
from node.report.identities import Identities
from node.report.sheet import GERMAN, Kind
from node.store.backupduty import backups_of, duty_of
from node.store.engine import READERS, open_engine
from node.store.files import SealedFiles
from node.store.lending import LentThreads
from node.store.mark import read_mark
from node.store.migrate import check_schema
from node.store.ownnames import own_names
from node.store.publisher import Publisher
from node.store.register import DeletionRegister
from node.store.runner import Store
from node.store.sourceeraser import SourceEraser
from node.store.starting import Start
from node.store.sweeper import Sweeper
from node.store.threads import Signals, ThreadRunner
from node.store.weekturn import turn_of
from node.store.work import Means
from node.sync.courier import Courier
from node.sync.greeting import greet
from node.sync.limits import MIB, REQUESTS_PER_KEY_S, UNOPENED_BYTES_PER_PEER
from node.sync.office import Office
from node.trust.places import shipped_places
from node.trust.publishedkeys import check_unpublished
from node.version import SOFTWARE
from node.web.app import make_web_app
from node.web.frame import AskPeer, Parts, WebSettings
from node.web.pages.everything import all_routes, outlook
from node.web.press import Press
from node.web.reportview import told_in_german
from node.web.session import SessionStorage
from node.web.staff import StoreAccounts, StoreSessions
from node.worker import Worker

log = structlog.get_logger("node")


@dataclass(frozen=True, slots=True)
class Hands:
    """What a node gets from the world; tests hand in their own."""

    clock: Clock
    randomness: Randomness
    failpoints: Failpoints


@dataclass(frozen=True, slots=True)
class Shared:
    """What many nodes of one process have in common, each being whole otherwise.

    Attributes:
        readers: Threads for reads of every store.
        reads: How many of them read one SQLite file side by side. Each such connection
            keeps two files and some 350 KiB.
        lease: How long each leads before it says so again; each time is a commit.
        library: A verified directory that somebody else keeps and refreshes: then a node
            fetches none itself. None lets each node verify its own.
    """

    readers: Executor
    library: Library | None = None
    reads: int = 1
    lease: timedelta = timedelta(minutes=30)


def own_hands() -> Hands:
    """The hands of every real node."""
    return Hands(SystemClock(), secrets.token_bytes, NoFailpoints())


@dataclass(frozen=True, slots=True)
class Node:
    """One node, put together but not yet listening."""

    settings: Settings
    office: Office
    store: Store
    run: ThreadRunner
    courier: Courier
    worker: Worker
    library: Library
    documents: SealedFiles
    register: DeletionRegister
    refresh_directory: DirectoryJob
    publisher: Publisher
    key_room: KeyRoom
    ask_peer: AskPeer
    read_town: Callable[[TownUnit], None]
    relay: Counter | None
    means: Means
    press: Press
    identities: Identities


def open_keyring(paths: Paths) -> tuple[bytes, Keyring]:
    """Master key and keyring of a node.

    Raises:
        ConfigError: Missing, readable by others, or not fitting.
    """
    try:
        if paths.master.stat().st_mode & 0o077:
            raise ConfigError("master.key may be readable by its owner only: chmod 600")
        master = paths.master.read_bytes()
        locked = paths.keyring.read_bytes()
    except OSError as error:
        raise ConfigError(f"key file cannot be read: errno {error.errno}") from None
    return master, Keyring.decode(unlock_keyring(locked, master))


@asynccontextmanager
async def build_node(
    settings: Settings, hands: Hands | None = None, *, shared: Shared | None = None
) -> AsyncIterator[Node]:
    """Put a node together and take it apart again.

    Args:
        settings: Checked settings.
        hands: Clock, chance and failpoints; its own if not given.
        shared: What it has in common with the other nodes of this process (ADR 0048);
            ``serve`` never shares.

    Raises:
        ConfigError, SchemaError, LogError: It must not start; the message says why.
    """
    hands = hands or own_hands()
    paths = Paths(settings.folder)
    master, keyring = open_keyring(paths)
    library = (shared and shared.library) or Library()
    cabinet = KeyCabinet(paths.keyring, master, hands.randomness)
    check_unpublished(cabinet())
    rumours = Rumours(library, hands.clock)
    async with AsyncExitStack() as stack:
        engines = open_engine(
            settings.database_url,
            durable=not settings.demo,
            readers=shared.reads if shared else READERS,
        )
        check_schema(engines)
        names = own_names(engines, first_names(settings.peer_url))
        book = TownBook(TownSettings(delivery=settings.delivery))
        office = Office(
            keys=cabinet,
            clock=hands.clock,
            randomness=hands.randomness,
            directory=library,
            failpoints=hands.failpoints,
            log_origin=names.log_origin,
            witness_name=names.witness_name,
            continues=names.continues,
            open_transfers=settings.peer_open_transfers,
            packet_bytes=settings.packet_mib * MIB,
            document_bytes=settings.document_mib * MIB,
            unopened_bytes=max(UNOPENED_BYTES_PER_PEER, 4 * settings.packet_mib * MIB),
            newer=rumours.hear,
            behind=rumours.behind,
            accept_override=settings.accept_override,
            town=book,
        )
        means = means_of(
            paths,
            master,
            keyring,
            log_origin=office.log_origin,
            clock=hands.clock,
            randomness=hands.randomness,
        )
        signals = Signals()
        readers = LentThreads(shared.readers) if shared else None
        store = Store(engines, means, listener=signals, readers=readers)
        stack.callback(store.close)
        store.read_sync(book.read)
        publisher = Publisher(store, means, paths.mark, failpoints=hands.failpoints)
        run = ThreadRunner(store)
        mailroom = open_mailroom(settings, office, run, hands.clock.now())
        stack.push_async_callback(mailroom.caller.close)
        courier = Courier(run, mailroom.ways, office, means.files)
        press = Press(settings.name, is_demo=settings.demo, clock=hands.clock)
        stack.callback(press.close)
        relay = relay_of(settings, store, office)
        refresh = DirectoryJob(
            settings, store=store, library=library, office=office, rumours=rumours
        )
        room = KeyRoom(
            settings.folder,
            cabinet=cabinet,
            store=store,
            office=office,
            url=settings.peer_url,
            relays=settings.relays,
        )
        fetch = _kept_elsewhere if shared and shared.library else refresh
        await asyncio.to_thread(_load_directory, store, library, fetch)
        start = Start(store, office, paths.mark, alone=engines.one_writer)
        await asyncio.to_thread(start.unless_led)
        await asyncio.to_thread(replay_register, store, means, office)
        door = MailDoor.load(settings)
        vault, hour = vault_of(settings, master), settings.backup_hour
        duty = duty_of(vault, store, means, office, hour)
        identities = Identities()
        worker = Worker(
            Duties(
                courier=courier,
                begin=start,
                publish=publisher.publish,
                refresh_directory=partial(refresh_and_keep, fetch, room),
                back_up=duty,
                send_notices=Notifier(store, office, door, settings) if door else None,
                erase_sources=SourceEraser(store, office),
                offer_closed=partial(offer_closed, store, office),
                end_records=Expiry(store, office),
                sweep=sweeps(
                    Sweeper(store, means, grace=not engines.one_writer),
                    relay.sweep if relay else None,
                ),
                fetch_mail=Fetching(courier, mailroom) if mailroom.mailboxes else None,
                erase_entries=Eraser(store, office, Terms(*settings.log_years)),
                match=Matching(store, office, identities),
                turn_week=turn_of(store, means, hands.failpoints, backups_of(duty)),
                # One process owns a SQLite file; its successor may take over at once.
                holder="only" if engines.one_writer else secrets.token_hex(8),
                shared=not engines.one_writer,
                mark=partial(_marked, paths),
                read_town=book.read,
                lease=shared.lease if shared else LEASE,
                print_letter=partial(press.print_now, Kind.LETTER, GERMAN),
                count_ahead=None if shared else Ahead(store, office),
            )
        )
        signals.listener = worker.notice
        rumours.wake = worker.refresh_soon
        yield Node(
            settings=settings,
            office=office,
            store=store,
            run=run,
            courier=courier,
            worker=worker,
            library=library,
            documents=means.documents,
            register=means.register,
            refresh_directory=refresh,
            publisher=publisher,
            key_room=room,
            read_town=book.read,
            ask_peer=partial(ask_shared, mailroom.direct.shared_log, office),
            relay=relay.counter if relay else None,
            means=means,
            press=press,
            identities=identities,
        )


def _load_directory(
    store: Store, library: Library, refresh: Callable[[], None]
) -> None:
    """The directory as last verified; fetched now only if there is none."""
    if library.known is not None:
        return
    kept = store.read_sync(kept_directory)
    if kept is not None:
        library.swap(kept)
        return
    try:
        refresh()
    except (DirectoryExpiredError, ConfigError):
        raise
    except Exception as error:
        log.warning("no directory yet", exc_info=error)


def _kept_elsewhere() -> None:
    """Another node of this process refreshes the directory for all of them."""


def peer_app(node: Node) -> web.Application:
    """The application behind the peers' listener."""
    settings = node.settings
    return make_peer_app(
        Desk(
            office=node.office,
            run=node.run,
            files=node.courier.files,
            contact=node.worker.contact,
            started_at=node.office.clock.now(),
            public_url=settings.peer_url,
            mirror=Paths(settings.folder).directory,
            keysheet=node.key_room.sheet_text,
            relay=node.relay,
            requests_per_s=settings.peer_requests_per_s or REQUESTS_PER_KEY_S,
            trusted_proxies=settings.trusted_proxies,
        )
    )


def _marked(paths: Paths) -> Checkpoint | None:
    """What the log's signer remembers outside the database."""
    try:
        mark = read_mark(paths.mark)
    except LogError:
        return None
    return mark.head if mark else None


def health_app(node: Node) -> web.Application:
    """The application of the local port for a program that watches the node."""

    async def look() -> Sequence[Finding]:
        return await node.run.read(health.look, node.office, OPERATOR)

    return make_health_app(look)


def web_app(node: Node) -> web.Application:
    """The application behind the listener for people, with the town's API beside it."""
    settings = node.settings
    clock, chance = node.office.clock, node.office.randomness
    site = Site(settings.web_url, settings.name)
    accounts = StoreAccounts(node.run, clock, chance, site, demo=settings.demo)
    parts = Parts(
        settings=WebSettings(
            body=settings.name,
            origin=settings.web_url,
            version=SOFTWARE,
            demo=settings.demo,
            sends_mail=bool(settings.smtp_host),
        ),
        clock=clock,
        randomness=chance,
        accounts=accounts,
        sessions=SessionStorage(StoreSessions(node.run), clock, chance),
        run=node.run,
        office=node.office,
        files=node.courier.files,
        places=shipped_places(),
        outlook=partial(outlook, node.run, node.office),
        identities=node.identities,
        mark=partial(_marked, Paths(settings.folder)),
        ask_peer=node.ask_peer,
        printer=node.press,
        address_of=Proxies(settings.trusted_proxies).address,
        greet=partial(greet, node.courier),
        read_town=node.read_town,
    )
    desk = ApiDesk(node.office, node.run, parts.places, parts.people, told_in_german)
    return make_web_app(parts, all_routes(), api=make_api_app(desk))
