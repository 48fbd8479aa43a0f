"""Two towns that nobody can call, and the relays that keep their mailboxes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from node.bootstrap import Hands
from node.federation.founding import Plan, init
from node.federation.registrar import admit
from node.founding import Paths, Town, found
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest
from node.trust.member import Contact
from node.trust.places import shipped_places
from tests.support.pair import AGS, SAECKINGEN, WEHR, free_ports

RELAY = MemberId("08337126-landratsamt")
OTHER = MemberId("08337013-rechenzentrum")
_PLACES = {**AGS, RELAY: Ags("08337126"), OTHER: Ags("08337013")}


@dataclass(frozen=True)
class Mailed:
    """Data folders of all bodies, and the addresses of those that can be called."""

    folders: Mapping[MemberId, Path]
    urls: Mapping[MemberId, str]

    def set(self, member: MemberId, **values: str) -> None:
        """Write more settings, as TOML."""
        path = self.folders[member] / "node.toml"
        more = "".join(f"{name} = {json.dumps(v)}\n" for name, v in values.items())
        path.write_text(path.read_text("utf-8") + more, "utf-8")


def found_mailed(
    folder: Path,
    hands: Hands,
    *,
    mailboxes: Mapping[MemberId, tuple[MemberId, ...]],
    url_of: Callable[[MemberId, int], str] | None = None,
    mib: tuple[int, int] = (64, 25),
) -> Mailed:
    """Found and admit both towns and every relay; a town without mailbox can be called.

    ``mib`` are the largest container and the largest document that the towns take.
    """
    published, keys = folder / "directory", folder / "directory-keys"
    root = init(
        published,
        keys,
        plan=Plan(land="08", kreis="08337", demo=True, quorums={}),
        at=hands.clock.now(),
        randomness=hands.randomness,
    )
    relays = sorted({relay for names in mailboxes.values() for relay in names})
    members = [*relays, WEHR, SAECKINGEN]
    ports = iter(free_ports(2 * len(members)))
    folders: dict[MemberId, Path] = {}
    urls: dict[MemberId, str] = {}
    for member in members:
        slug = member.split("-", 1)[1]
        paths = Paths(folder / slug)
        web, peer = next(ports), next(ports)
        address = f"http://{slug}.localhost:{peer}"
        urls[member] = url_of(member, peer) if url_of else address
        request = found(
            paths,
            Town(
                member=member,
                name=slug.title(),
                ags=(_PLACES[member],),
                contact=Contact("Amt", "000", "amt@example.org"),
                web_url=f"http://{slug}.localhost:{web}",
                peer_url=urls[member],
                web_port=web,
                peer_port=peer,
                directory=str(published),
                relays=tuple(urls[relay] for relay in mailboxes.get(member, ())),
                demo=True,
                packet_mib=64 if member in relays else mib[0],
                document_mib=25 if member in relays else mib[1],
            ),
            clock=hands.clock,
            randomness=hands.randomness,
        )
        if member in relays:
            with (paths.folder / "node.toml").open("a", encoding="utf-8") as file:
                file.write("relay = true\n")
        paths.root.write_bytes(root)
        admit(
            published,
            [keys],
            request=AdmissionRequest.parse(request),
            places=shipped_places(),
            at=hands.clock.now(),
        )
        folders[member] = paths.folder
    return Mailed(folders, urls)
