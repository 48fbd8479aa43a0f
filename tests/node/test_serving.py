"""The listeners: what they have accepted ends with them."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

from node.serving import listen


def addresses(settings):
    yield settings.web_host, settings.web_port
    yield settings.peer_host, settings.peer_port
    yield "127.0.0.1", settings.health_port


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_accepted_in_the_last_moment_is_closed_too(office, turns):
    settings = office.node.settings
    async with AsyncExitStack() as stack:
        await listen(office.node, stack)
        callers = [
            socket.create_connection(address)
            for address in addresses(settings)
            if address[1]
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
    for caller in callers:
        with caller:
            caller.settimeout(2)
            try:
                heard = await asyncio.to_thread(caller.recv, 1)
            except ConnectionResetError:
                heard = b""
            assert heard == b""
