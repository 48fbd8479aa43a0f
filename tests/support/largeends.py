"""A node in a process of its own that hands over one large document, asked line by line."""

import asyncio
import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path

from node.accounts.passkey import Site
from node.bootstrap import Hands, Node, build_node, own_hands
from node.config import load_settings
from node.errors import NodeError
from node.ids import CaseId, MemberId, TransferId
from node.serving import listen
from node.sync import decision
from node.sync.limits import MIB
from node.sync.transfer import Inbound, Outbound
from node.telemetry import configure_logging
from node.web.staff import StoreAccounts
from tests.support.desk import APPROVER, keep_document, relocate
from tests.support.pair import (
    AGS,
    SAECKINGEN,
    USUAL,
    WEHR,
    add_staff,
    found_pair,
    free_ports,
    give_consent,
    open_case,
)

__all__ = ["SAECKINGEN", "WEHR"]
PORTION = 256 * 1024
VALUES = {"doc_kind": "school", "media_type": "application/pdf", "title": "Z"}


def behind_a_line(folder: Path) -> tuple[int, int]:
    """The node listens elsewhere; gives the port of its address, and its new one."""
    (port,) = free_ports(1)
    file = folder / "node.toml"
    settings = load_settings(folder)
    text = file.read_text()
    line = f"peer_port = {settings.peer_port}"
    assert line in text
    file.write_text(text.replace(line, f"peer_port = {port}"))
    return settings.peer_port, port


def found_large(folder: Path, hands: Hands, size: int) -> dict[MemberId, Path]:
    """Two towns whose settings and sheets take a document of so many bytes."""
    document = min(2048, max(25, size // MIB + 1))
    # Padding adds an eighth at most.
    packet = min(2048, max(64, document * 9 // 8 + 24))
    return found_pair(folder, hands, mib=(packet, document))


def drawn(size: int, feed: Callable[[bytes], object]) -> Iterator[bytes]:
    """So many random bytes, in portions; each is fed to a digest."""
    for at in range(0, size, PORTION):
        portion = secrets.token_bytes(min(PORTION, size - at))
        feed(portion)
        yield portion


def keep(node: Node, size: str) -> list[str]:
    """A case with consent for all, and a document of random bytes; its digest."""
    case = open_case(node)
    digest = sha256()
    document = keep_document(node, case, drawn(int(size), digest.update), VALUES)
    give_consent(node, case, USUAL | {"K13"}, frozenset({document}))
    return [str(case), digest.hexdigest()]


def send(node: Node, case: str) -> str:
    """The person moves."""
    return relocate(node, str(AGS[SAECKINGEN]), case)


def approve(node: Node, transfer: str) -> str:
    """The approver says yes."""
    decision_ = node.store.write_sync(
        decision.approve, node.office, TransferId(transfer), by=APPROVER
    )
    return str(decision_.state)


def arrived(node: Node, transfer: str) -> str:
    """Wait until the case is here."""
    while True:
        found = node.store.read_sync(lambda uow: uow.inbound.get(TransferId(transfer)))
        if found.state in {Inbound.IMPORTED, Inbound.CLOSED}:
            return str(found.state)
        time.sleep(0.02)


def delivered(node: Node, transfer: str) -> int:
    """Wait until the other side has the container; gives its length."""
    while _is_queued(node, transfer):
        time.sleep(0.02)
    found = node.store.read_sync(lambda uow: uow.outbound.get(TransferId(transfer)))
    return found.packet_bytes or 0


def digest_here(node: Node, case: str) -> str:
    """SHA-256 of the document as it is here now."""
    (record,) = node.store.read_sync(
        lambda uow: uow.cases.content(CaseId(case)).of("document")
    )
    chunks = node.store.read_sync(
        lambda uow: uow.cases.open_document(
            CaseId(case), bytes.fromhex(record.text("digest"))
        )
    )
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def post(node: Node, seconds: str) -> float:
    """p99 in ms of small posts to the other town for so long."""
    end = time.perf_counter() + float(seconds)
    return _post_while(node, lambda: time.perf_counter() < end)


def post_until_delivered(node: Node, transfer: str) -> float:
    """The same while a transfer is under way."""
    return _post_while(node, lambda: _is_queued(node, transfer))


def log_in(node: Node, seconds: str) -> tuple[int, float]:
    """Wrong passwords of ever new names for so long: how many, and the median in ms."""
    site = Site(node.settings.web_url, node.settings.name)
    office = node.office
    chance = office.randomness
    accounts = StoreAccounts(node.run, office.clock, chance, site, demo=False)
    times: list[float] = []
    end = time.perf_counter() + float(seconds)
    while time.perf_counter() < end:
        began = time.perf_counter()
        name, address = f"nobody{len(times)}", f"198.51.100.{len(times)}"
        asked = accounts.check_password(name, "not this one", address)
        asyncio.run_coroutine_threadsafe(asked, LOOP[0]).result()
        times.append(time.perf_counter() - began)
    times.sort()
    return len(times), 1000 * times[len(times) // 2]


def _is_queued(node: Node, transfer: str) -> bool:
    """Asked of the file itself: units of work would be half of what is measured."""
    if not BASE:
        BASE.append(sqlite3.connect(node.settings.folder / "node.db"))
    query = "SELECT state FROM outbound_transfer WHERE id = ?"
    (state,) = BASE[0].execute(query, (transfer,)).fetchone()
    return state in {Outbound.HELD, Outbound.QUEUED}


def _post_while(node: Node, go_on: Callable[[], bool]) -> float:
    """Signed posts of 20 kB that the other side reads and refuses, one after the other."""
    caller = node.courier.transport._direct._caller  # type: ignore[attr-defined]
    body = json.dumps({"pad": "x" * 20_000}).encode()
    times: list[float] = []
    while go_on():
        began = time.perf_counter()
        call = caller.call(SAECKINGEN, "POST", "/hello", body)
        job = asyncio.run_coroutine_threadsafe(call, LOOP[0])
        try:
            job.result()
        except NodeError:
            times.append(time.perf_counter() - began)
        time.sleep(0.02)
    times.sort()
    return 1000 * times[int(len(times) * 0.99) - 1] if times else 0.0


LOOP: list[asyncio.AbstractEventLoop] = []
BASE: list[sqlite3.Connection] = []
ACTS: dict[str, Callable[..., object]] = {
    "keep": keep,
    "relocate": send,
    "approve": approve,
    "delivered": delivered,
    "arrived": arrived,
    "digest": digest_here,
    "log_in": log_in,
    "post": post,
    "post_until_delivered": post_until_delivered,
}


async def main(folder: Path) -> None:
    """Serve, and do what the lines on the standard input say."""
    configure_logging()
    LOOP.append(asyncio.get_running_loop())
    async with (
        build_node(load_settings(folder), own_hands()) as node,
        AsyncExitStack() as stack,
    ):
        add_staff(node)
        await listen(node, stack)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(node.worker.run())
            tasks.create_task(asyncio.to_thread(_answer, node))


def _answer(node: Node) -> None:
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *texts = json.loads(line)
        print(json.dumps(ACTS[name](node, *texts)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
