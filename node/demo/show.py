"""The demo: a directory and two towns as separate processes on this machine.

Enters: a folder and four free ports. Leaves: Wehr and Bad Säckingen, seeded, listening on
loopback, until somebody ends them. Must never happen: anything of the demo that a real node
would accept (its directory root is marked, its data are invented).
"""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiohttp

from node.bootstrap import Hands, build_node, own_hands
from node.config import load_settings
from node.demo.register import DemoTown
from node.demo.seed import seed_funding, seed_town
from node.demo.town import build_demo
from node.errors import ConfigError
from node.federation.founding import Plan, init
from node.federation.registrar import admit
from node.founding import Paths, Town, found, new_recovery_keys
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest
from node.trust.member import Contact
from node.trust.places import shipped_places

KREIS = "08337"
LAND = "08"
READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """One of the two towns and where it listens."""

    slug: str
    name: str
    ags: Ags
    web_port: int
    peer_port: int

    @property
    def member(self) -> MemberId:
        """Its id in the directory."""
        return MemberId(f"{self.ags}-stadt-{self.slug}")

    @property
    def web_url(self) -> str:
        """Where people open it. Hosts differ, so that their cookies do."""
        return f"http://{self.slug}.localhost:{self.web_port}"

    @property
    def peer_url(self) -> str:
        """Where the other node reaches it."""
        return f"http://{self.slug}.localhost:{self.peer_port}"


def places(ports: Sequence[int]) -> tuple[Place, Place]:
    """Wehr and Bad Säckingen on four ports: two for people, two for peers."""
    wehr_web, saeckingen_web, wehr_peer, saeckingen_peer = ports
    return (
        Place("wehr", "Stadt Wehr", Ags("08337116"), wehr_web, wehr_peer),
        Place(
            "bad-saeckingen",
            "Stadt Bad Säckingen",
            Ags("08337096"),
            saeckingen_web,
            saeckingen_peer,
        ),
    )


@dataclass(frozen=True, slots=True)
class Federation:
    """A prepared demo: the data folders of both towns."""

    folder: Path
    wehr: Place
    saeckingen: Place

    def data(self, place: Place) -> Path:
        """The data folder of one town."""
        return self.folder / place.slug


async def prepare(
    folder: Path, *, ports: Sequence[int], seed: int, hands: Hands | None = None
) -> Federation:
    """Make the directory, found and admit both nodes, fill them.

    Raises:
        ConfigError: The folder is in use by something else.
    """
    hands = hands or own_hands()
    _clear(folder)
    wehr, saeckingen = places(ports)
    demo = build_demo(seed, hands.clock.now().date())
    federation = Federation(folder, wehr, saeckingen)
    found_federation(federation, hands)
    for place, town in ((wehr, demo.wehr), (saeckingen, demo.saeckingen)):
        await _fill(federation.data(place), town, demo.monday, hands)
    return federation


def found_federation(federation: Federation, hands: Hands) -> None:
    """A directory with its own root, and both nodes founded and admitted."""
    published = federation.folder / "directory"
    keys = federation.folder / "directory-keys"
    root = init(
        published,
        keys,
        plan=Plan(land=LAND, kreis=KREIS, demo=True, quorums={}),
        at=hands.clock.now(),
        randomness=hands.randomness,
    )
    for place in (federation.wehr, federation.saeckingen):
        paths = Paths(federation.data(place))
        request = found(
            paths,
            _town(place, published),
            clock=hands.clock,
            randomness=hands.randomness,
        )
        # Invented persons need no safe: the sheets are thrown away.
        new_recovery_keys(paths, paths.master.read_bytes(), hands.randomness)
        paths.root.write_bytes(root)
        admit(
            published,
            [keys],
            request=AdmissionRequest.parse(request),
            places=shipped_places(),
            at=hands.clock.now(),
        )


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / "demo").exists():
        raise ConfigError(f"{folder} is not empty and no demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "demo").write_text("This folder is made anew by each demo.\n")


def _town(place: Place, published: Path) -> Town:
    return Town(
        member=place.member,
        name=place.name,
        ags=(place.ags,),
        contact=Contact(
            "Integrationsbüro", "07762 000-0", f"integration@{place.slug}.example"
        ),
        web_url=place.web_url,
        peer_url=place.peer_url,
        web_port=place.web_port,
        peer_port=place.peer_port,
        directory=str(published.resolve()),
        demo=True,
    )


async def _fill(folder: Path, town: DemoTown, monday: date, hands: Hands) -> None:
    async with build_node(load_settings(folder), hands) as node:
        await asyncio.to_thread(seed_town, node.store, node.office, town)
        await asyncio.to_thread(seed_funding, node.store, node.office, town, monday)
        await asyncio.to_thread(node.publisher.publish)


@asynccontextmanager
async def running(
    federation: Federation,
) -> AsyncIterator[dict[str, subprocess.Popen[bytes]]]:
    """Both nodes as processes of their own, ready; ended at the end."""
    processes = {
        place.slug: start(federation.data(place))
        for place in (federation.wehr, federation.saeckingen)
    }
    try:
        for place in (federation.wehr, federation.saeckingen):
            await ready(place, processes[place.slug])
        yield processes
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            await asyncio.to_thread(process.wait)


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start one node; its log goes to a file beside its data."""
    with (folder / "node.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
            [sys.executable, "-m", "node", "serve", "--data", str(folder)],
            stdout=log,
            stderr=log,
        )


async def ready(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Wait until a node answers on both listeners.

    Raises:
        ConfigError: It ended, or did not answer in time; its log says why.
    """
    urls = (
        f"http://127.0.0.1:{place.web_port}/login",
        f"http://127.0.0.1:{place.peer_port}/.well-known/staffelstab",
    )
    async with aiohttp.ClientSession() as session:
        for _ in range(int(READY_S * 10)):
            if process.poll() is not None:
                break
            try:
                for url in urls:
                    async with session.get(url):
                        pass
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
                continue
            return
    raise ConfigError(f"{place.name} did not start; see node.log in its folder")


async def run(data: Path | None, *, port: int, seed: int) -> None:
    """``staffelstab demo``: show both towns until Ctrl+C."""
    folder = data or Path("demo-data")
    print("Staffelstab-Demo wird vorbereitet ...", flush=True)
    federation = await prepare(folder, ports=range(port, port + 4), seed=seed)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(federation):
        print(welcome(federation), flush=True)
        await stop.wait()
    print("Beendet. `make demo` beginnt von vorn.")


def welcome(federation: Federation) -> str:
    """What somebody reads who has just started the demo."""
    wehr, saeckingen = federation.wehr, federation.saeckingen
    return f"""
  Zwei Städte laufen, alle Daten sind erfunden:

    Stadt Wehr            {wehr.web_url}
    Stadt Bad Säckingen   {saeckingen.web_url}

  Anmelden: auf der Anmeldeseite eine Rolle anklicken, ohne Kennwort.
    Fachkraft, Freigabe, Verwaltung, Prüfung

  Zum Ausprobieren: in Wehr als Fachkraft eine Person der Familie „Demo-Birke“ öffnen,
  „Wegzug“ nach Bad Säckingen erfassen; dann in Bad Säckingen als Freigabe annehmen.

  Daten und Protokolle: {federation.folder.resolve()}
  Beenden mit Strg+C."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now; for checks and tests."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
