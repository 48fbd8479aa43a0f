"""Requests as an implementation under test must take them or refuse them, byte by byte.

Enters: method, target, body, and how the request is to be bent. Leaves: what came back, and
whether it was signed over exactly this request. Must never happen: the signature of the
program under test checking itself, so the signature base is spelled here anew from
RFC 9421, chapter 2. Implements page 90, sections 2 and 4.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from multidict import CIMultiDict

from node import strictjson
from node.crypto.base64url import b64u
from node.crypto.keys import SigningKey
from node.crypto.sign import sign
from node.errors import NodeError, UnreachableError
from node.federation.auth import (
    AnswerView,
    RequestView,
    check_content_digest,
    content_digest,
    verify_answer,
)
from node.ids import MemberId
from node.strictjson import JsonObject
from node.sync import limits
from node.sync.office import Office

JSON: Final = "application/json"
MOST: Final = 4 * limits.MIB
_USUAL: Final = (
    "@method",
    "@target-uri",
    "staffelstab-from",
    "staffelstab-to",
    "staffelstab-directory",
    "staffelstab-version",
    "content-type",
    "content-digest",
    "upload-offset",
    "upload-complete",
)


@dataclass(frozen=True, slots=True)
class Bend:
    """How a request differs from a good one.

    ``fields`` replace what is signed, None takes a field away. ``later`` does the same after
    signing, so that the signature does not hold for it. ``raw`` are further field lines as
    they go over the wire.
    """

    uncovered: str = ""
    aged: timedelta = timedelta()
    life_s: int = 300
    nonce: str = ""
    keyid: str = ""
    key: SigningKey | None = None
    tag: str = "staffelstab-1"
    label: str = "sst"
    twice: bool = False
    signed: bool = True
    fields: Mapping[str, str | None] = field(default_factory=dict)
    later: Mapping[str, str | None] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    target: str = ""
    version: str = "HTTP/1.1"
    host: str | None = None


STRAIGHT: Final = Bend()


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back; ``fault`` says why the answer would not count, empty if it does."""

    status: int
    headers: CIMultiDict[str]
    body: bytes
    fault: str = ""

    @property
    def content(self) -> JsonObject:
        """The body as an object; empty if it is none."""
        try:
            return strictjson.parse_object(
                self.body,
                depth=limits.MESSAGE_DEPTH + 1,
                members=limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST,
            )
        except NodeError:
            return {}

    @property
    def code(self) -> str:
        """The problem code, or nothing."""
        return str(self.content.get("code", ""))

    def __str__(self) -> str:
        """Status and code, as a report shows them."""
        said = f"{self.status} {self.code}".strip()
        return f"{said} ({self.fault})" if self.fault else said


class Wire:
    """One connection per request to one address."""

    def __init__(self, office: Office, peer: MemberId, url: str) -> None:
        """Remember who asks whom, and where."""
        self.office = office
        self.peer = peer
        self.url = url.rstrip("/")
        self._parts = urlsplit(self.url)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        media_type: str = JSON,
        bend: Bend = STRAIGHT,
    ) -> Seen:
        """One signed request. A limit of refused requests is waited for and obeyed."""
        seen = await self._once(method, path, body, media_type, bend)
        for _ in range(4):
            if seen.code != "rate":
                break
            await asyncio.sleep(1.1)
            seen = await self._once(method, path, body, media_type, bend)
        return seen

    async def _once(
        self, method: str, path: str, body: bytes, media_type: str, bend: Bend
    ) -> Seen:
        headers: CIMultiDict[str] = CIMultiDict()
        if body:
            headers["content-type"] = media_type
            headers["content-digest"] = content_digest(body)
        view = RequestView(method, self.url + path, headers)
        self._sign(view, bend)
        _change(headers, bend.later)
        seen = await self.exchange(
            method, bend.target or path, headers, body, bend=bend
        )
        if "signature" not in headers:
            return seen
        return Seen(seen.status, seen.headers, seen.body, self._fault(view, seen))

    def _sign(self, view: RequestView, bend: Bend) -> None:
        """Fields and signature; the base is written out here, not taken from ``auth``."""
        ring, headers = self.office.keyring, view.headers
        headers["staffelstab-from"] = str(ring.member)
        headers["staffelstab-to"] = str(self.peer)
        headers["staffelstab-directory"] = str(
            self.office.directory().timestamp_version
        )
        headers["staffelstab-version"] = "1"
        _change(headers, bend.fields)
        if not bend.signed:
            return
        derived = {"@method": view.method, "@target-uri": view.url}
        covered = [
            name
            for name in _USUAL
            if (name in derived or name in headers) and name != bend.uncovered
        ]
        created = int((self.office.clock.now() + bend.aged).timestamp())
        parameters = ";".join(
            [
                "(" + " ".join(f'"{name}"' for name in covered) + ")",
                f"created={created}",
                f"expires={created + bend.life_s}",
                f'nonce="{bend.nonce or b64u(self.office.randomness(16))}"',
                f'keyid="{bend.keyid or ring.key_id}"',
                'alg="ed25519"',
                f'tag="{bend.tag}"',
            ]
        )
        base = "".join(
            f'"{name}": {derived.get(name) or headers[name]}\n' for name in covered
        )
        signed = sign(
            bend.key or ring.sign,
            f'{base}"@signature-params": {parameters}'.encode("ascii"),
        )
        text = b64encode(signed).decode("ascii")
        inputs, signatures = (
            [f"{bend.label}={parameters}"],
            [f"{bend.label}=:{text}:"],
        )
        if bend.twice:
            inputs.append(f"more={parameters}")
            signatures.append(f"more=:{text}:")
        headers["signature-input"] = ", ".join(inputs)
        headers["signature"] = ", ".join(signatures)

    def _fault(self, view: RequestView, seen: Seen) -> str:
        """Why this answer would not count (HO-70), or nothing."""
        try:
            verify_answer(
                AnswerView(seen.status, seen.headers, view),
                me=self.office.member,
                peer=self.peer,
                find=self.office.directory().sign_key,
                has_body=bool(seen.body),
                now=self.office.clock.now(),
            )
        except NodeError as error:
            return f"unsigned: {error}"
        if seen.body and not check_content_digest(seen.headers, seen.body):
            return "unsigned: digest"
        return ""

    async def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        bend: Bend = STRAIGHT,
    ) -> Seen:
        """Send these very bytes, and read one answer.

        Raises:
            UnreachableError: Nothing came back, or no HTTP.
        """
        host = self._parts.netloc if bend.host is None else bend.host
        lines = [f"{method} {target} {bend.version}"]
        lines += [f"Host: {host}"] if host else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += bend.raw
        if body and not any(line.lower().startswith("transfer-") for line in bend.raw):
            lines.append(f"Content-Length: {len(body)}")
        lines += ["Connection: close", "", ""]
        try:
            async with asyncio.timeout(limits.ANSWER_TIMEOUT.total_seconds() * 3):
                return await self._talk("\r\n".join(lines).encode("latin-1") + body)
        except (
            OSError,
            TimeoutError,
            ValueError,
            asyncio.IncompleteReadError,
        ) as error:
            raise UnreachableError(type(error).__name__) from None

    async def _talk(self, request: bytes) -> Seen:
        host = self._parts.hostname or ""
        # RFC 6761: names below ``localhost`` are this machine.
        address = "127.0.0.1" if host.endswith(".localhost") else host
        secure = self._parts.scheme == "https"
        context = ssl.create_default_context() if secure else None
        if context is not None:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        reader, writer = await asyncio.open_connection(
            address,
            self._parts.port or (443 if secure else 80),
            ssl=context,
            server_hostname=host if secure else None,
        )
        try:
            writer.write(request)
            return await _read(reader)
        finally:
            writer.close()


def _change(headers: CIMultiDict[str], changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            headers.popall(name, None)
        else:
            headers[name] = value


async def _read(reader: asyncio.StreamReader) -> Seen:
    """Status line, fields, and a body of at most ``MOST`` bytes."""
    status = (await reader.readline()).split(b" ", 2)
    if len(status) < 2:
        raise ValueError("no status line")
    headers: CIMultiDict[str] = CIMultiDict()
    while line := (await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers.add(name, value.strip())
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
            if len(body) > MOST:
                raise ValueError("answer too long")
    else:
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(min(length, MOST))
    return Seen(int(status[1]), headers, body)
