"""No answer of the network ends a transfer or changes its state (P6, HO-70, HO-71)."""

import asyncio
import gzip
import os
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from node import strictjson
from node.bootstrap import build_node
from node.config import load_settings
from node.crypto.keyfile import unlock_keyring
from node.crypto.keys import Keyring
from node.errors import NodeError, UnreachableError
from node.federation.auth import AnswerView, RequestView, content_digest, sign_answer
from node.federation.problem import TABLE, Problem
from node.founding import Paths
from node.serving import listen
from node.sync import greeting, limits
from node.sync.delivery import deliver_due
from node.sync.transfer import Inbound, Outbound
from tests.support.lonely import lonely
from tests.support.pair import SAECKINGEN, WEHR, running

# What a peer says of itself by a valid signature may end things; so it is not said here.

# ``make hostile`` tries many more than the suite has time for.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "8"))


class Scripted:
    """A server at the peer's address that answers as it is told."""

    def __init__(self, port, url, ring, stranger):
        self.port, self.url = port, url
        self.ring, self.stranger = ring, stranger
        self.act = {"kind": "cut"}
        self.asked = 0
        self.former = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        fields = CIMultiDict(text.split(": ", 1) for text in lines if ": " in text)
        act = self.act
        self.asked += 1
        if act["kind"] == "cut":
            return False
        await reader.readexactly(int(fields.get("content-length", 0)))
        method, target, _ = line.split(" ")
        view = RequestView(method, self.url + target, fields)
        writer.write(self._answer(act, view))
        await writer.drain()
        self.former = view
        return act["kind"] != "short"

    def _answer(self, act, view):
        kind, status, body = act["kind"], act["status"], act["body"]
        media_type = act["type"]
        headers = CIMultiDict()
        if kind == "garbage":
            return body + b"\r\n\r\n"
        if kind == "portal":
            body = b"<html><body>Bitte melden Sie sich an.</body></html>"
            media_type = "text/html"
        if kind == "redirect":
            headers["location"] = act["to"] or self.url
            status = 300 + status % 9
        if kind == "compressed":
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body)
        if kind in {"lies", "wrong-key", "other-request", "to-other", "changed"}:
            body, media_type = strictjson.encode(act["lie"]), "application/json"
        if kind in {"problem", "signed-problem"}:
            body = Problem(act["code"], "0" * 16, {"retry_after": 0}).encode()
            media_type, status = "application/problem+json", TABLE[act["code"]][0]
        if body:
            headers["content-type"] = media_type
            headers["content-digest"] = content_digest(body)
        self._sign(kind, status, headers, view)
        if kind == "changed":
            body = body[:-1] + b" "
        length = len(body) + (9 if kind == "short" else 0)
        if status < 200 or status in {204, 304}:
            body, length = b"", 0
        text = f"HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return text.encode("latin-1") + b"\r\n" + body

    def _sign(self, kind, status, headers, view):
        """Sign as this kind does it: right in form, and wrong in one thing."""
        ring, to = self.ring, WEHR
        if kind == "wrong-key":
            ring = self.stranger
        elif kind == "other-request":
            view = self.former or replace(view, url=view.url + "x")
        elif kind == "to-other":
            to = SAECKINGEN
        elif kind not in {"changed", "signed-problem", "signed-status"}:
            return
        # Some requests have no signature that an answer could name.
        with suppress(NodeError):
            sign_answer(
                AnswerView(status, headers, view),
                ring,
                to=to,
                directory=1,
                at=self.clock.now(),
            )


KINDS = (
    "cut", "garbage", "portal", "redirect", "compressed", "lies", "wrong-key", "plain",
    "other-request", "to-other", "changed", "problem", "signed-problem", "short",
    "signed-status",
)  # fmt: skip


def acts(jtis):
    """What a bad network or a bad neighbour may answer."""
    results = st.dictionaries(
        st.sampled_from(jtis), st.sampled_from(["taken", "refused"])
    )
    got = st.none() | st.fixed_dictionaries(
        {"inc": st.just(1), "seq": st.integers(0, 9), "h": st.just("A" * 43)}
    )
    lie = st.fixed_dictionaries(
        {
            "results": results,
            "got": got,
            "seen": st.none() | st.integers(0, 99),
            "statements": st.just([]),
        }
    ) | st.fixed_dictionaries({"offset": st.integers(-9, 10**9)})
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "status": st.sampled_from([200, 201, 204, 410]) | st.integers(100, 599),
            "body": st.binary(max_size=200),
            "type": st.sampled_from(
                ["application/json", "application/problem+json", "text/html", "?"]
            ),
            "to": st.sampled_from(["", "http://127.0.0.1:1/", "file:///etc/hosts"]),
            "lie": lie,
            "code": st.sampled_from(sorted(TABLE)),
        }
    )


def picture(town):
    """Everything of the sender that an answer could have ended."""

    def look(uow):
        transfers = [uow.outbound.get(t) for t in town.transfers]
        return (
            [(t.id, t.state, t.why, t.version) for t in transfers],
            [uow.secrets.share_b(t.id) is not None for t in transfers],
            [row.jti for row in uow.outbox.statements(SAECKINGEN, 99)],
            [row.transfer for row in uow.outbox.packets(SAECKINGEN, 99)],
            uow.chains.last_in(SAECKINGEN),
            uow.chains.quarantined(SAECKINGEN),
            [uow.cases.file(m.case).baton for t in transfers for m in t.members],
        )

    return town.node.store.read_sync(look)


@pytest.mark.spec("P6")
@pytest.mark.spec("HO-70", "HO-71", "HO-75")
def test_no_answer_of_the_network_changes_anything(tmp_path, monkeypatch):
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            town, server = runner.run(_stage(stack, tmp_path))
            # Silence is one of the answers; it need not last ten seconds here.
            monkeypatch.setattr(limits, "ANSWER_TIMEOUT", timedelta(seconds=0.05))
            before = picture(town)
            assert {state for _, state, _, _ in before[0]} == {Outbound.QUEUED}
            assert len(before[3]) == 1
            assert before[2]

            async def one(script):
                for act in script:
                    server.act = act
                    await deliver_due(town.courier, SAECKINGEN)
                    await greeting.greet(town.courier, SAECKINGEN)
                    for row in _packets(town):
                        with suppress(Exception):
                            await town.courier.transport.send_packet(
                                SAECKINGEN,
                                row,
                                lambda at=0, row=row: town.courier.files.read(
                                    row.digest, at
                                ),
                            )

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(st.lists(acts(before[2] + ["A" * 22]), min_size=1, max_size=4))
            def nothing_happens(script):
                asked = server.asked
                runner.run(one(script))
                assert server.asked > asked
                assert picture(town) == before

            nothing_happens()
            monkeypatch.undo()
            # And when the peer is itself again, all is as if nothing had been.
            runner.run(_delivered(stack, town, server))
        finally:
            runner.run(stack.aclose())


def _packets(town):
    return town.node.store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 9))


async def _stage(stack, folder):
    """One transfer whose offer was taken, so that its container goes; one that is new."""
    town = await stack.enter_async_context(lonely(folder))
    await town.meet()
    await town.send("Demo-Ulme")
    there = load_settings(town.folders[SAECKINGEN])

    class OffersOnly:
        def __getattr__(self, name):
            return getattr(town.courier.transport, name)

        async def send_packet(self, *_, **__):
            raise UnreachableError("test")

    async with (
        build_node(there, town.hands) as node,
        running(node),
        AsyncExitStack() as doors,
    ):
        # Only its listener: the peer has just started and waits for the first word.
        await listen(town.node, doors)
        courier = replace(town.courier, transport=OffersOnly())
        for _ in range(100):
            await deliver_due(courier, SAECKINGEN)
            if _packets(town):
                break
            await asyncio.sleep(0.05)
    assert len(_packets(town)) == 1
    await town.send("Demo-Erle")
    paths = Paths(there.folder)
    ring = Keyring.decode(
        unlock_keyring(paths.keyring.read_bytes(), paths.master.read_bytes())
    )
    parts = urlsplit(there.peer_url)
    server = Scripted(
        there.peer_port,
        f"{parts.scheme}://{parts.netloc}",
        ring,
        town.node.office.keyring,
    )
    server.clock = town.clock
    return town, await server.__aenter__()


async def _delivered(stack, town, server):
    await server.__aexit__()
    # What a peer had said of one container by its own signature is over by then.
    town.clock.offset += timedelta(hours=2)
    there = load_settings(town.folders[SAECKINGEN])
    await stack.enter_async_context(running(town.node))
    node = await stack.enter_async_context(build_node(there, town.hands))
    await stack.enter_async_context(running(node))

    def states():
        found = [
            node.store.read_sync(lambda uow, t=t: uow.inbound.find(t))
            for t in town.transfers
        ]
        return {f.state if f else None for f in found}

    for _ in range(60):
        if states() == {Inbound.WAITING}:
            return
        town.clock.offset += timedelta(seconds=10)
        await asyncio.sleep(1)
    raise AssertionError(states())
