"""A whole Land on one machine, founded: many towns, one directory of all of them.

Enters: the official list of places, how many of them, an empty folder. Leaves: a data
folder for each town with its own keys, database and exchange log, and a published directory
in which each Kreis signs for its own towns. Founding is the product's own; two processes
share the work. Spec: P17.
"""

import re
import secrets
import socket
import unicodedata
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from random import Random

from node.bootstrap import own_hands
from node.federation.delegations import Tools, delegate
from node.federation.founding import Plan, Quorum, init
from node.federation.registrar import admit_all
from node.founding import Paths, Town, found
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest
from node.trust.member import Contact
from node.trust.places import parse_places, shipped_places

LAND = "08"
FIRST_PORT = 20_000
LAST_PORT = 32_000
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Seat:
    """One town of the Land: what it is called and where its data lie."""

    member: MemberId
    name: str
    ags: Ags
    folder: Path
    port: int


@dataclass(frozen=True, slots=True)
class Land:
    """All towns, founded and admitted."""

    published: Path
    seats: tuple[Seat, ...]
    places: Mapping[Ags, str]
    kreise: int


def read_towns(path: Path | None, count: int, seed: int) -> Mapping[Ags, str]:
    """So many places of the Land, drawn by the seed if the list has more.

    Args:
        path: A list ``ags,name,…``; None takes the shipped towns of one Landkreis.
        count: How many; 0 takes all.
        seed: Which ones.
    """
    listed = shipped_places() if path is None else parse_places(path.read_text("utf-8"))
    ours = sorted(ags for ags in listed if ags.startswith(LAND))
    if count and count < len(ours):
        ours = sorted(Random(seed).sample(ours, count))
    return {ags: listed[ags] for ags in ours}


def found_land(folder: Path, places: Mapping[Ags, str]) -> Land:
    """Found every town, then admit all of them into one directory."""
    hands = own_hands()
    published, keys = folder / "directory", folder / "directory-keys"
    kreise = sorted({ags.kreis for ags in places})
    root = init(
        published,
        keys,
        plan=Plan(land=LAND, kreis=kreise[0], demo=True, quorums={}),
        at=hands.clock.now(),
        randomness=hands.randomness,
    )
    holders = [keys]
    for kreis in kreise[1:]:
        own = folder / "kreis-keys" / kreis
        tools = Tools(published, tuple(holders[:1]), hands.clock.now())
        delegate(
            tools,
            kreis,
            new_keys=own,
            randomness=secrets.token_bytes,
            quorum=Quorum(1, 1),
        )
        holders.append(own)
    seats = tuple(_seats(folder, places))
    jobs = [(seat, str(published), root) for seat in seats]
    with ProcessPoolExecutor(AT_ONCE) as pool:
        requests = list(pool.map(_found, jobs, chunksize=4))
    admit_all(
        published,
        holders,
        requests=[AdmissionRequest.parse(request) for request in requests],
        places=places,
        at=hands.clock.now(),
    )
    return Land(published, seats, places, len(kreise))


def _seats(folder: Path, places: Mapping[Ags, str]) -> Iterator[Seat]:
    ports = islice(_free_ports(), len(places))
    for (ags, name), port in zip(places.items(), ports, strict=True):
        member = MemberId(f"{ags}-{_slug(name)}")
        yield Seat(member, name, ags, folder / "towns" / ags, port)


def _free_ports() -> Iterator[int]:
    """Ports of the loopback below those that systems hand out by themselves.

    They begin at a drawn one, so that two Lands side by side seldom meet.
    """
    drawn = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
    for port in chain(range(drawn, LAST_PORT), range(FIRST_PORT, drawn)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            yield port


def _slug(name: str) -> str:
    """A name as a member id can hold it."""
    plain = re.split(r"[,(]", name.casefold(), maxsplit=1)[0]
    plain = unicodedata.normalize("NFKD", plain)
    plain = plain.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")


def _found(job: tuple[Seat, str, bytes]) -> bytes:
    """Found one town; runs in a process of the pool."""
    seat, published, root = job
    hands = own_hands()
    host = f"t{seat.ags}.localhost"
    paths = Paths(seat.folder)
    request = found(
        paths,
        Town(
            member=seat.member,
            name=seat.name,
            ags=(seat.ags,),
            contact=Contact("Amt", "000", "amt@example.org"),
            web_url=f"http://{host}:8080",
            peer_url=f"http://{host}:{seat.port}",
            web_port=0,
            peer_port=seat.port,
            directory=published,
            demo=True,
        ),
        clock=hands.clock,
        randomness=hands.randomness,
    )
    paths.root.write_bytes(root)
    return request
