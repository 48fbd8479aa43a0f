"""Requests as bytes, good and bad, and what a listener says to them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from multidict import CIMultiDict

from node.bootstrap import Node
from node.crypto.keys import Keyring
from node.federation.auth import RequestView, content_digest, sign_request


@dataclass(frozen=True)
class Knock:
    """One path of the listener with its method, and what a stranger hears there."""

    method: bytes
    path: bytes
    fine: tuple[int, ...]
    host: bytes = b""

    def __str__(self) -> str:
        return f"{self.method.decode()} {self.path.decode()}"

    def at(self, node: Node) -> "Knock":
        """The same at a node."""
        return replace(self, host=urlsplit(node.settings.peer_url).netloc.encode())

    @property
    def line(self) -> bytes:
        """The request line."""
        return self.method + b" " + self.path + b" HTTP/1.1\r\n"

    @property
    def host_line(self) -> bytes:
        """The field that names the host."""
        return b"Host: " + self.host + b"\r\n"

    def plain(self, *fields: bytes, body: bytes = b"", tail: bytes = b"") -> bytes:
        """A request without signature."""
        lines = [field + b"\r\n" for field in fields]
        if body:
            lines.append(b"Content-Length: %d\r\n" % len(body))
        return self.line + self.host_line + b"".join(lines) + b"\r\n" + body + tail


_T = b"0" * 32
_P = b"/staffelstab/1"
PATHS: Sequence[Knock] = (
    Knock(b"POST", _P + b"/statements", (401,)),
    Knock(b"GET", _P + b"/statements", (401,)),
    Knock(b"POST", _P + b"/hello", (401,)),
    Knock(b"PUT", _P + b"/packets/" + _T, (401,)),
    Knock(b"POST", _P + b"/uploads", (401,)),
    Knock(b"PATCH", _P + b"/uploads/" + _T, (401,)),
    Knock(b"DELETE", _P + b"/uploads/" + _T, (401,)),
    Knock(b"GET", _P + b"/transfers/" + _T, (401,)),
    Knock(b"GET", _P + b"/keysheet", (200, 404)),
    Knock(b"POST", b"/witness/add-checkpoint", (400, 403, 404, 422)),
    Knock(b"GET", b"/witness/nobody/checkpoint", (404,)),
    Knock(b"GET", b"/log/checkpoint", (200, 404)),
    Knock(b"GET", b"/log/inclusion", (400,)),
    Knock(b"GET", b"/log/consistency", (400,)),
    Knock(b"GET", b"/directory/metadata/timestamp.json", (200, 404)),
    Knock(b"GET", b"/nothing/here", (404,)),
    Knock(b"GET", b"/.well-known/staffelstab", (200,)),
)


async def exchange(
    node: Node, raw: bytes, wait_s: float = 5.0
) -> tuple[int | None, bytes]:
    """Send bytes; gives the status and all that came, None if nothing or no HTTP came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.settings.peer_port)
    found = b""
    try:
        with suppress(ConnectionError):
            writer.write(raw)
            await writer.drain()
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(wait_s):
                found = await _answer(reader)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    if not found.startswith(b"HTTP/"):
        return None, found
    return int(found.split(b" ", 2)[1]), found


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One answer: its header and as much body as that says."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = await reader.readline()
        if not line:
            return head
        head += line
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head


def signed(
    node: Node,
    method: str,
    path: str,
    body: bytes,
    media_type: str,
    *,
    ring: Keyring | None = None,
    nonce: bytes | None = None,
    **more: str,
) -> bytes:
    """A request to a node, signed with its own key or another member's."""
    office = node.office
    headers = CIMultiDict({**more})
    if body:
        headers["content-type"] = media_type
        headers["content-digest"] = content_digest(body)
    view = RequestView(method, node.settings.peer_url + path, headers)
    sign_request(
        view,
        ring or office.keyring,
        to=office.member,
        directory=office.directory().timestamp_version,
        nonce=nonce or office.randomness(16),
        at=office.clock.now(),
    )
    host = urlsplit(node.settings.peer_url).netloc
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def requests_in(flow: bytes) -> list[bytes]:
    """Cut what one connection carried into whole requests."""
    found = []
    while (end := flow.find(b"\r\n\r\n")) >= 0:
        length = 0
        for line in flow[:end].split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        whole = end + 4 + length
        if len(flow) < whole:
            break
        found.append(flow[:whole])
        flow = flow[whole:]
    return found
