"""Two real nodes of one directory, in one process, talking over loopback."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path

from node.accounts.model import Account
from node.bootstrap import Hands, Node
from node.cases.consent import GivenBy
from node.cases.model import CATEGORIES, SENSITIVE
from node.casework import cases, consents
from node.federation.founding import Plan, init
from node.federation.registrar import admit
from node.founding import Paths, Town, found
from node.ids import Ags, CaseId, MemberId, RecordId
from node.serving import listen
from node.store.unit import SqlUnitOfWork
from node.strictjson import Json
from node.trust.admission import AdmissionRequest
from node.trust.member import Contact
from node.trust.places import shipped_places
from tests.support.desk import APPROVER, CLERK, SECOND

__all__ = ["APPROVER", "CLERK", "SECOND"]

WEHR = MemberId("08337116-stadt-wehr")
SAECKINGEN = MemberId("08337096-stadt-bad-saeckingen")
WALDSHUT = MemberId("08337126-stadt-waldshut-tiengen")
AGS = {
    WEHR: Ags("08337116"),
    SAECKINGEN: Ags("08337096"),
    WALDSHUT: Ags("08337126"),
}
USUAL = frozenset(CATEGORIES) - SENSITIVE - {"K13"}


def _own_ports() -> Iterator[int]:
    """The ports of this worker of a test run, from somewhere on, each in its turn."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first, count = 20_000 + 3_000 * (int(worker) % 4), 3_000
    start = secrets.randbelow(count)
    return cycle(first + (start + number) % count for number in range(count))


_PORTS = _own_ports()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now, and nobody was given lately.

    Below those that systems hand out by themselves: a port must stay free while its node
    is dead, and before its node has begun.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = next(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
    return ports


def found_pair(
    folder: Path,
    hands: Hands,
    *,
    databases: tuple[str, ...] = ("", ""),
    members: tuple[MemberId, ...] = (WEHR, SAECKINGEN),
    later: tuple[MemberId, ...] = (),
    mib: tuple[int, int] = (64, 25),
) -> dict[MemberId, Path]:
    """Found and admit the nodes, two unless more are named; gives their folders.

    ``mib`` are the largest container and the largest document.
    """
    now = hands.clock.now()
    published, keys = folder / "directory", folder / "directory-keys"
    root = init(
        published,
        keys,
        plan=Plan(land="08", kreis="08337", demo=True, quorums={}),
        at=now,
        randomness=hands.randomness,
    )
    ports = iter(free_ports(2 * len(members)))
    folders = {}
    for member, database in zip(members, databases, strict=True):
        slug = member.split("-", 2)[2]
        paths = Paths(folder / slug)
        web, peer = next(ports), next(ports)
        request = found(
            paths,
            Town(
                member=member,
                name=slug.title(),
                ags=(AGS[member],),
                contact=Contact("Amt", "000", "amt@example.org"),
                web_url=f"http://{slug}.localhost:{web}",
                peer_url=f"http://{slug}.localhost:{peer}",
                web_port=web,
                peer_port=peer,
                directory=str(published),
                database=database,
                demo=True,
                packet_mib=mib[0],
                document_mib=mib[1],
            ),
            clock=hands.clock,
            randomness=hands.randomness,
        )
        paths.root.write_bytes(root)
        (folder / f"{member}.request").write_bytes(request)
        if member not in later:
            join(folder, member, hands)
        folders[member] = paths.folder
    return folders


def join(folder: Path, member: MemberId, hands: Hands) -> None:
    """Admit a founded node into the directory."""
    request = (folder / f"{member}.request").read_bytes()
    admit(
        folder / "directory",
        [folder / "directory-keys"],
        request=AdmissionRequest.parse(request),
        places=shipped_places(),
        at=hands.clock.now(),
    )


def add_staff(node: Node) -> None:
    """The accounts that act in tests."""

    def add(uow: SqlUnitOfWork) -> None:
        with uow:
            for actor in (CLERK, APPROVER, SECOND):
                assert actor.account is not None
                uow.accounts.add(
                    Account(
                        id=actor.account,
                        login=actor.account[:8],
                        name=f"Demo {actor.account[0]}",
                        roles=actor.roles,
                        active_from=date(2020, 1, 1),
                    )
                )
            uow.commit()

    node.store.write_sync(add)


@asynccontextmanager
async def running(node: Node, *, worker: bool = True) -> AsyncIterator[Node]:
    """The node's listeners and, unless told otherwise, its worker, while the block runs."""
    async with AsyncExitStack() as stack:
        await listen(node, stack)
        work = [node.worker.run()] if worker else []
        tasks = [asyncio.get_running_loop().create_task(job) for job in work]
        try:
            yield node
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(check: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a fact."""
    for _ in range(int(seconds * 50)):
        if check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


def open_case(node: Node, name: str = "Demo-Ulme", **fields: Json) -> CaseId:
    """A case with one talk and a plan with a goal."""
    person = {
        "family_name": name,
        "given_names": "Amina",
        "birth_date": "1990-05-04",
        **fields,
    }
    case = node.store.write_sync(cases.open_case, node.office, person, by=CLERK)
    node.store.write_sync(
        cases.record_contact,
        node.office,
        cases.Contact(
            cases=(case,),
            epochs={case: 1},
            values={
                "date": "2026-11-02",
                "minutes": 30,
                "form": "office",
                "kind": "talk",
                "topics": ["04.1"],
            },
            note="Bewerbung besprochen",
        ),
        by=CLERK,
    )
    return case


def give_consent(
    node: Node,
    case: CaseId,
    categories: frozenset[str] = USUAL,
    documents: frozenset[RecordId] = frozenset(),
) -> str:
    """A consent for the body responsible at the new place, a year long."""
    today = node.office.clock.now().date()
    consent = node.store.write_sync(
        consents.record_consent,
        node.office,
        consents.Answer(
            case=case,
            epoch=1,
            given_by=GivenBy.SELF,
            recipients=("class:responsible_at_new_place",),
            categories=categories,
            documents=documents,
            valid_until=today + timedelta(days=364),
            language="de",
            form="paper",
            text_version="1",
            evidence={"note": "Unterschrift liegt vor"},
        ),
        by=CLERK,
    )
    return str(consent.id)
