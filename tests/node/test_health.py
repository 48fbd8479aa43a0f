"""The local port: what a watching program reads, and what it never reads."""

from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer, unused_port

from node.api.health import make_health_app
from node.bootstrap import health_app
from node.casework.health import Check
from node.errors import StoreError
from node.serving import listen
from tests.support.office import open_office
from tests.support.pair import SAECKINGEN


@asynccontextmanager
async def watcher(node):
    async with TestClient(TestServer(health_app(node), host="127.0.0.1")) as client:
        yield client


async def told(client, path="/health/ready"):
    async with client.get(path) as answer:
        return answer.status, await answer.json()


@pytest.mark.spec("EL-16", "SR-F1")
async def test_a_node_without_faults_is_ready_and_one_with_faults_names_their_codes(
    tmp_path,
):
    async with open_office(tmp_path) as office, watcher(office.node) as client:
        office.node.publisher.publish()
        before, found = await told(client)

        def two_histories(uow):
            with uow:
                uow.chains.quarantine(SAECKINGEN, "fork", "proof")
                uow.commit()

        office.node.store.write_sync(two_histories)
        after, changed = await told(client)
        codes = {item["check"] for item in changed["checks"]}
        assert Check.QUARANTINE in codes
        assert (after, changed["ready"]) == (503, False)
        assert found["ready"] is (before == 200)
        assert Check.QUARANTINE not in {item["check"] for item in found["checks"]}
        assert SAECKINGEN not in str(changed)


async def test_a_store_that_does_not_answer_is_a_fault_and_no_error():
    async def look():
        raise StoreError("disk gone")

    server = TestServer(make_health_app(look), host="127.0.0.1")
    async with TestClient(server) as client:
        status, found = await told(client)
        assert status == 503
        assert found["checks"] == [{"check": "database", "level": "fault"}]
        assert await told(client, "/health/live") == (200, {"alive": True})


async def test_the_port_is_closed_unless_a_setting_opens_it(tmp_path):
    async with open_office(tmp_path) as office, AsyncExitStack() as stack:
        port = unused_port()
        node = office.node
        changed = {"web_port": unused_port(), "peer_port": unused_port()}
        closed = node.settings.model_copy(update=changed)
        opened = closed.model_copy(update={"health_port": port, "web_port": 0})
        object.__setattr__(node, "settings", closed)
        await listen(node, stack)
        async with ClientSession() as session:
            for path in ("/health/live", "/health/ready"):
                url = f"http://127.0.0.1:{changed['web_port']}{path}"
                async with session.get(url, allow_redirects=False) as answer:
                    assert answer.status != 200
            object.__setattr__(
                node, "settings", opened.model_copy(update={"peer_port": 0})
            )
            await listen(node, stack)
            async with session.get(f"http://127.0.0.1:{port}/health/live") as answer:
                assert answer.status == 200
