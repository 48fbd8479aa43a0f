"""The door for peers: bytes are looked at before anything parses them.

Enters: raw bytes of a connection. Leaves: the same bytes, once the whole header of a request
is one that a node would send; else an answer of one line and a closed connection. Must never
happen: a header that grows or dribbles without end; a body whose end two readers see at
different places; strangers that keep members out by holding connections. Implements SR-F2,
the first line of handover 9.4, SR-F3 (connections, silent headers).
"""

import asyncio
import re
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from node.errors import NodeError
from node.federation.problem import MEDIA_TYPE, Problem
from node.sync import limits

_END: Final = b"\r\n\r\n"
_MOST_HEAD: Final = limits.REQUEST_LINE_BYTES + limits.HEADER_BLOCK_BYTES
_METHOD: Final = re.compile(rb"[A-Z]{1,16}")
_TARGET: Final = re.compile(rb"/[!-\"$-\[\]-~]*")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(rb"[\t -~\x80-\xff]*")
_LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,11}")
_GAMES: Final = (b"//", b"/./", b"/../", b"%2e", b"%2f", b"%5c", b"%00")
_REFUSED: Final = frozenset(
    {b"upgrade", b"expect", b"trailer", b"transfer-encoding", b"http2-settings"}
)


class DoorError(NodeError):
    """This request comes no further; ``problem`` is its code."""

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(problem)
        self.problem = problem


class Gate:
    """Where one request ends and the next begins, and whether its header is one of ours.

    Bodies have a length that is said before; so there is exactly one reading of it.
    """

    def __init__(self, host: str) -> None:
        """Expect requests for this host, as it stands in the key sheet."""
        self._host = host.lower().encode()
        self._head = bytearray()
        self._body_left = 0

    @property
    def is_between(self) -> bool:
        """Whether no request is under way."""
        return not self._head and not self._body_left

    @property
    def is_in_header(self) -> bool:
        """Whether a header has begun and not ended."""
        return bool(self._head)

    def feed(self, data: bytes) -> bytes:
        """What of all bytes so far may go on now.

        Raises:
            DoorError: The request is refused; nothing more of it goes on.
        """
        if self._body_left >= len(data):
            self._body_left -= len(data)
            return data
        passed = bytearray()
        while data:
            if self._body_left:
                passed += data[: self._body_left]
                data, left = data[self._body_left :], len(data[: self._body_left])
                self._body_left -= left
                continue
            searched = max(0, len(self._head) - len(_END) + 1)
            self._head += data
            end = self._head.find(_END, searched)
            # What follows the header may come in the same bytes, and is its own business.
            head = self._head if end < 0 else self._head[:end]
            if head.count(b"\n") != head.count(b"\r\n"):
                raise DoorError("bad-syntax")
            if end > _MOST_HEAD or (end < 0 and len(self._head) > _MOST_HEAD):
                raise DoorError("too-large")
            if end < 0:
                break
            block = bytes(self._head[: end + len(_END)])
            data = bytes(self._head[len(block) :])
            self._head.clear()
            self._body_left = read_head(block, self._host)
            passed += block
        return bytes(passed)


def read_head(block: bytes, host: bytes) -> int:
    """Check a whole header by the reject list of SR-F2; gives the length of the body.

    Raises:
        DoorError: With the code of the answer.
    """
    line, *lines = block[: -len(_END)].split(b"\r\n")
    sizes = (
        len(line) > limits.REQUEST_LINE_BYTES
        or len(lines) > limits.HEADER_FIELDS
        or max(map(len, lines), default=0) > limits.HEADER_FIELD_BYTES
        or sum(map(len, lines)) + 2 * len(lines) > limits.HEADER_BLOCK_BYTES
    )
    if sizes:
        raise DoorError("too-large")
    _check_line(line)
    fields: dict[bytes, list[bytes]] = {}
    for text in lines:
        name, colon, value = text.partition(b":")
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise DoorError("bad-syntax")
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    if b"content-encoding" in fields:
        raise DoorError("media-type")
    if not _REFUSED.isdisjoint(fields):
        raise DoorError("bad-syntax")
    if [value.lower() for value in fields.get(b"host", [])] != [host]:
        raise DoorError("bad-syntax")
    lengths = fields.get(b"content-length", [b"0"])
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise DoorError("bad-syntax")
    length = int(lengths[0])
    if length > max(limits.PART_BYTES, limits.PUT_BYTES, limits.LIST_BYTES):
        raise DoorError("too-large")
    return length


def _check_line(line: bytes) -> None:
    """Method, target in origin form without games, HTTP/1.1; one blank between them."""
    parts = line.split(b" ")
    good = (
        len(parts) == 3
        and parts[2] == b"HTTP/1.1"
        and _METHOD.fullmatch(parts[0]) is not None
        and _TARGET.fullmatch(parts[1]) is not None
    )
    if not good:
        raise DoorError("bad-syntax")
    target = parts[1].lower()
    path = target.split(b"?", 1)[0]
    if any(game in target for game in _GAMES) or path.endswith((b"/.", b"/..")):
        raise DoorError("bad-syntax")


class Hall:
    """All connections of one listener, and who must leave when it is full.

    Who has shown a signature that holds stays longest; among strangers the address with
    most connections gives way first.
    """

    def __init__(self, most: int = limits.CONNECTIONS) -> None:
        """Nobody is here."""
        self._most = most
        self._here: dict[Door, str] = {}

    def __len__(self) -> int:
        return len(self._here)

    def enter(self, door: "Door", address: str) -> None:
        """Let one in; another one may have to leave for it."""
        self._here[door] = address
        if len(self._here) > self._most:
            leaver = self._whom_to_leave()
            self._here.pop(leaver, None)
            leaver.abort()

    def leave(self, door: "Door") -> None:
        """One is gone."""
        self._here.pop(door, None)

    def _whom_to_leave(self) -> "Door":
        """Idle members give way before members at work; strangers before all."""
        crowd: dict[str, list[Door]] = {}
        for door, address in self._here.items():
            if not door.is_member:
                crowd.setdefault(address, []).append(door)
        if crowd:
            return max(crowd.values(), key=len)[0]
        return next(
            (door for door in self._here if door.is_idle), next(iter(self._here))
        )


class Door(RequestHandler):  # type: ignore[misc, unused-ignore]
    """One connection of a peer."""

    def __init__(self, manager: Any, *, host: str, hall: Hall, **kwargs: Any) -> None:
        """Wait for the first byte."""
        super().__init__(manager, **kwargs)
        self._gate = Gate(host)
        self._hall = hall
        self._timer: asyncio.TimerHandle | None = None
        self.is_member = False

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._gate.is_between and self._current_request is None

    def abort(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection: it has ten seconds to say what it wants."""
        super().connection_made(transport)
        self._await_header()
        name = transport.get_extra_info("peername")
        self._hall.enter(self, str(name[0]) if name else "")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Gone."""
        self._stop_waiting()
        self._hall.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Only what the gate lets through is parsed."""
        if self._timer is None and self._gate.is_between:
            self._await_header()
        try:
            passed = self._gate.feed(data)
        except DoorError as error:
            self._turn_away(error.problem)
            return
        if not self._gate.is_in_header and (passed or self._timer is None):
            self._stop_waiting()
        if passed:
            super().data_received(passed)

    def _await_header(self) -> None:
        seconds = limits.SILENT_HEADER.total_seconds()
        self._timer = self._loop.call_later(seconds, self.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn_away(self, code: str) -> None:
        """Answer in one piece and close; nobody signed, so nobody is named."""
        self._stop_waiting()
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if self._current_request is None:
            problem = Problem(code, "0" * 16)
            body = problem.encode()
            status = HTTPStatus(problem.status)
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                f"Content-Type: {MEDIA_TYPE}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            transport.write(head.encode() + body)
        transport.close()


class DoorServer(web.Server):
    """Makes a door for each connection."""

    def __init__(self, server: web.Server, host: str, hall: Hall) -> None:
        """Serve what that server serves."""
        super().__init__(
            server.request_handler,
            request_factory=server.request_factory,
            loop=server._loop,  # noqa: SLF001 - it has no other way out
        )
        self._kwargs = server._kwargs  # noqa: SLF001 - the same
        self._host = host
        self._hall = hall

    def __call__(self) -> RequestHandler:
        """A door for a connection that was accepted."""
        return Door(
            self, host=self._host, hall=self._hall, loop=self._loop, **self._kwargs
        )


class DoorRunner(web.AppRunner):
    """Runs the peers' application behind its door."""

    def __init__(self, app: web.Application, host: str, **kwargs: Any) -> None:
        """As the library's own, and the public host name."""
        super().__init__(app, **kwargs)
        self._host = host
        self.hall = Hall()

    async def _make_server(self) -> web.Server:
        return DoorServer(await super()._make_server(), self._host, self.hall)
