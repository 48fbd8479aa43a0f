"""The other role: their node sends to ours, and we answer badly before we answer well.

Enters: a test member's node, the address of the implementation under test; somebody there
who records that a person moves to our place. Leaves: lines about HO-46, HO-66, HO-70, HO-75,
HO-81, HO-83, API-6 and P4. Must never happen: a bad answer that says something our node did
not do, to anybody else than the member under test.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.bootstrap import Node, peer_app
from node.conform.bench import Bench, P
from node.conform.statements import nudge
from node.crypto.base64url import unb64u
from node.errors import ConfigError, NodeError
from node.ids import AccountId, TransferId
from node.sync import decision
from node.sync.delivery import deliver_due
from node.sync.message import Envelope, parse_claims, parse_envelopes
from node.sync.ports import UnitOfWork
from node.sync.transfer import Inbound
from node.sync.words import StatementType

_APPROVER: Final = Actor(AccountId("0" * 31 + "8"), frozenset({Role.APPROVER}))
_ANSWER_S: Final = 30.0
_NUDGE_S: Final = 2.0
_HOSTILE: Final = 3
"""How many lists of statements are answered badly before the first good answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One request of theirs, as it came; ``body`` is read only where the answer is bad."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str:
        """A header field, empty if it is not there."""
        return next((v for n, v in self.headers if n.lower() == name), "")


@dataclass(frozen=True, slots=True)
class Ear:
    """Stands before our own routes: remembers every request, spoils the first answers."""

    peer: str
    heard: list[Heard] = field(default_factory=list)

    def lists(self) -> list[Heard]:
        """The lists of statements that came."""
        return [h for h in self.heard if h.path == f"{P}/statements"]

    def hook(self) -> Middleware:
        """The middleware."""

        @web.middleware
        async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
            ours = request.headers.get("staffelstab-from") == self.peer
            listed = ours and request.path == f"{P}/statements"
            before = len(self.lists())
            spoils = listed and before < _HOSTILE
            if ours or request.path.startswith("/witness/"):
                raw = tuple(request.headers.items())
                body = await request.read() if spoils else b""
                self.heard.append(Heard(request.method, request.path, raw, body))
            if not spoils:
                return await handler(request)
            return _bad(before)

        return listen


def _bad(number: int) -> web.Response:
    """A success that nobody signed, a redirect, a final refusal that nobody signed."""
    if number == 0:
        body = b'{"results":{},"got":null,"seen":null,"statements":[]}'
        return web.Response(body=body, content_type="application/json")
    if number == 1:
        return web.Response(status=307, headers={"location": "/elsewhere"})
    gone = b'{"code":"gone","retryable":false,"status":410}'
    return web.Response(status=410, body=gone, content_type="application/problem+json")


async def receive(bench: Bench) -> None:
    """Listen, wait for a handover, take it, approve it."""
    what = "Übergabe der anderen Stelle"
    ear = Ear(str(bench.peer))
    async with AsyncExitStack() as stack:
        await listen(bench.node, stack, ear.hook())
        if not await _woken(bench, ear, 0, bench.wait_s):
            bench.report.skip("HO-81", what, "es kam keine: --wait, dort einen Umzug")
            return
        await _patience(bench, ear)
        # From here on our node works as any other; before, its hello would fetch what waits
        # there, and then they had nothing left to repeat.
        worker = asyncio.get_running_loop().create_task(bench.node.worker.run())
        stack.callback(worker.cancel)
        transfer = await _offered(bench)
        if transfer is None:
            bench.judge("HO-81", what, good=False, seen="kein Angebot nach 30 s")
            return
        arrived = await _state(bench, transfer, {Inbound.WAITING})
        bench.judge(
            "HO-46", "der Container kommt an", good=arrived, seen="nicht in 30 s"
        )
        _requests(bench, ear)
        _order(bench, ear, transfer)
        if arrived:
            await _approve(bench, transfer)


async def listen(node: Node, stack: AsyncExitStack, *before: Middleware) -> None:
    """Open the test member's listener for peers; the stack closes it.

    Raises:
        ConfigError: Somebody listens there already.
    """
    app = peer_app(node)
    app.middlewares[:0] = before
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    settings = node.settings
    try:
        await web.TCPSite(runner, settings.peer_host, settings.peer_port).start()
    except OSError as error:
        raise ConfigError("the test member's port is taken: stop its node") from error


async def _patience(bench: Bench, ear: Ear) -> None:
    """HO-70, HO-75, API-6: after each bad answer the same statements come once more."""
    for number, (requirement, what) in enumerate(
        (
            ("HO-70", "eine nicht unterschriebene Annahme zählt nicht"),
            ("API-6", "einer Weiterleitung wird nicht gefolgt"),
            ("HO-75", "eine nicht unterschriebene Absage beendet nichts"),
        ),
        1,
    ):
        came = await _woken(bench, ear, number, _ANSWER_S * 2)
        strayed = any(heard.path == "/elsewhere" for heard in ear.heard)
        bench.judge(
            requirement,
            what,
            good=came and not strayed,
            seen="der Weiterleitung gefolgt" if strayed else "es kam nichts mehr",
        )


async def _woken(bench: Bench, ear: Ear, lists: int, seconds: float) -> bool:
    """Wait for more lists than these, and call now and then.

    A verified request of ours may wake them (HO-83); else their own clock does.
    """
    end = asyncio.get_running_loop().time() + seconds
    while True:
        nudge(bench)
        await deliver_due(bench.node.courier, bench.peer)
        if await _until(lambda: len(ear.lists()) > lists, _NUDGE_S):
            return True
        if asyncio.get_running_loop().time() >= end:
            return False


async def _offered(bench: Bench) -> TransferId | None:
    def newest() -> TransferId | None:
        open_ones = bench.node.store.read_sync(_open)
        return open_ones[-1] if open_ones else None

    await _until(lambda: newest() is not None, _ANSWER_S)
    return newest()


def _open(uow: UnitOfWork) -> list[TransferId]:
    with uow:
        return list(uow.inbound.in_states([Inbound.ANNOUNCED, Inbound.WAITING]))


def _requests(bench: Bench, ear: Ear) -> None:
    """HO-66, HO-67, API-6: what each of their requests must carry."""
    signed = [heard for heard in ear.heard if heard.field("signature-input")]
    inputs = [heard.field("signature-input") for heard in signed]
    nonces = [text.split('nonce="')[-1].split('"')[0] for text in inputs]
    bench.judge(
        "HO-67",
        "jede Anfrage hat eine neue nonce",
        good=len(set(nonces)) == len(nonces) > 0,
        seen="zweimal dieselbe",
    )
    coded = {heard.field("accept-encoding") for heard in signed} - {"", "identity"}
    bench.judge(
        "API-6", "verlangt keine Kodierung des Inhalts", good=not coded, seen=coded
    )
    codes = [
        heard.field("staffelstab-version") == "1"
        and heard.field("staffelstab-to") == str(bench.node.office.member)
        for heard in signed
    ]
    bench.judge("HO-66", "nennt Version und Empfänger", good=all(codes), seen=codes)


def _order(bench: Bench, ear: Ear, transfer: TransferId) -> None:
    """HO-46, HO-81 and P4: what came before what, and whether the bytes stayed the same."""
    said = [_statements(heard) for heard in ear.lists()[:_HOSTILE]]
    first = {envelope.jws for envelope in said[0] if _is_offer(envelope, transfer)}
    later = set(bench.node.store.read_sync(_taken, transfer))
    bench.judge(
        "HO-43",
        "wiederholte Aussagen sind Byte für Byte dieselben",
        good=bool(first) and first <= later,
        seen="neu geschrieben",
    )
    paths = [heard.path for heard in ear.heard]
    put = f"{P}/packets/{transfer}"
    ups = [n for n, path in enumerate(paths) if path in {put, f"{P}/uploads"}]
    asked = [n for n, path in enumerate(paths) if path == "/witness/add-checkpoint"]
    offered = paths.index(f"{P}/statements")
    bench.judge(
        "HO-81",
        "das Angebot kommt vor dem Container",
        good=bool(ups) and offered < ups[0],
        seen="danach",
    )
    bench.judge(
        "HO-46",
        "vor dem Container wird um Mitzeichnung gebeten",
        good=bool(ups) and bool(asked) and asked[0] < ups[0],
        seen="nicht gebeten",
    )


def _statements(heard: Heard) -> tuple[Envelope, ...]:
    try:
        return parse_envelopes(heard.body)
    except NodeError:
        return ()


def _is_offer(envelope: Envelope, transfer: TransferId) -> bool:
    try:
        claims = parse_claims(unb64u(envelope.jws.split(".")[1]))
    except (NodeError, IndexError):
        return False
    return claims.t is StatementType.OFFER and claims.tr == transfer


def _taken(uow: UnitOfWork, transfer: TransferId) -> list[str]:
    with uow:
        return list(uow.inbox.of_transfer(transfer))


async def _approve(bench: Bench, transfer: TransferId) -> None:
    """HO-23: our approver says yes, they grant, we import, they close."""
    node = bench.node
    node.store.write_sync(decision.approve, node.office, transfer, by=_APPROVER)
    closed = await _state(bench, transfer, {Inbound.CLOSED, Inbound.DURABLE})
    bench.judge(
        "HO-23",
        "hier genehmigt, dort freigegeben, hier aufgenommen, dort geschlossen",
        good=closed,
        seen=node.store.read_sync(_state_of, transfer),
    )


async def _state(bench: Bench, transfer: TransferId, wanted: set[Inbound]) -> bool:
    return await _until(
        lambda: bench.node.store.read_sync(_state_of, transfer) in wanted, _ANSWER_S
    )


def _state_of(uow: UnitOfWork, transfer: TransferId) -> Inbound | None:
    with uow:
        found = uow.inbound.find(transfer)
    return found.state if found else None


async def _until(check: Callable[[], bool], seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not check():
        if loop.time() >= end:
            return False
        await asyncio.sleep(0.05)
    return True
