"""How we call a peer: one signed request, one answer that counts only if signed to us.

Enters: statements, containers, a checkpoint; the peer's address from its key sheet. Leaves:
a verified answer, or an error that changes no transfer (P6). Must never happen: an answer
believed that does not cover our request (HO-70); a connection to an address the directory
or the settings do not allow (SR-F10). Implements HO-70 to HO-73, handover 9.2.
"""

import asyncio
import io
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict

from node import strictjson
from node.errors import (
    MalformedMessageError,
    NodeError,
    RejectedError,
    UnknownKeyError,
    UnreachableError,
)
from node.exchangelog.witness import ANSWER_BYTES as WITNESS_ANSWER_BYTES
from node.federation.addresses import check_address
from node.federation.answers import parse_answer
from node.federation.auth import (
    AnswerView,
    RequestView,
    check_content_digest,
    content_digest,
    directory_of,
    sign_request,
    verify_answer,
)
from node.federation.problem import MEDIA_TYPE, parse_problem
from node.federation.routes import JSON_TYPE, PACKET_TYPE, PREFIX
from node.federation.sending import Upload
from node.ids import MemberId
from node.sync import limits
from node.sync.courier import (
    Between,
    Chunks,
    HelloAnswer,
    Runner,
    StatementsAnswer,
    WitnessAddress,
)
from node.sync.hello import read_hello, say_hello
from node.sync.message import Envelope, encode_envelopes
from node.sync.office import Office
from node.sync.rows import PacketRow

_SUCCESS = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.GONE})


class HttpTransport:
    """Calls peers over HTTP; keeps a few connections to each open."""

    def __init__(
        self,
        office: Office,
        run: Runner,
        *,
        networks: Sequence[str],
        demo: bool,
        started_at: datetime,
    ) -> None:
        """Prepare a client that follows nothing and trusts no environment."""
        self._office = office
        self._run = run
        self._demo = demo
        self._started_at = started_at
        self._part_bytes: dict[MemberId, int] = {}
        self._resolver = CheckedResolver(networks, loopback=demo)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                limit=limits.CONNECTIONS,
                limit_per_host=limits.CONNECTIONS_PER_PEER,
                ssl=_tls(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=[hdrs.USER_AGENT, hdrs.ACCEPT],
            headers={hdrs.ACCEPT_ENCODING: "identity"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """``POST /statements``."""
        body = encode_envelopes(envelopes)
        return parse_answer(await self._call(peer, "POST", "/statements", body))

    async def send_packet(
        self,
        peer: MemberId,
        row: PacketRow,
        chunks: Chunks,
        *,
        between: Between | None = None,
    ) -> StatementsAnswer:
        """``PUT /packets/{T}`` up to 1 MiB, above it part by part (HO-86)."""
        if row.length <= limits.PUT_BYTES:
            body = await self._run.file(lambda: b"".join(chunks()))
            answer = await self._call(
                peer, "PUT", f"/packets/{row.transfer}", body, media_type=PACKET_TYPE
            )
            return parse_answer(answer)
        upload = Upload(
            partial(self._call, peer),
            row,
            chunks,
            read=self._run.file,
            part_bytes=self._part_bytes.get(peer, limits.PART_BYTES),
        )
        try:
            last = await upload.send(between)
        finally:
            self._part_bytes[peer] = upload.part_bytes
        if last is None:
            return StatementsAnswer({})
        return parse_answer(strictjson.encode(last))

    async def hello(self, peer: MemberId) -> HelloAnswer:
        """``POST /hello``; the peer's own hello is verified."""
        ours = await self._run.read(say_hello, self._office, peer, self._started_at)
        body = strictjson.encode({"hello": ours.jws})
        answer = strictjson.parse_object(
            await self._call(peer, "POST", "/hello", body),
            members=limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST,
        )
        theirs = answer.pop("hello", None)
        if not isinstance(theirs, str):
            raise MalformedMessageError("hello")
        said = read_hello(self._office, peer, theirs)
        return HelloAnswer(said, parse_answer(strictjson.encode(answer)))

    async def recollect(
        self, peer: MemberId, after: tuple[int, int], *, of_us: bool
    ) -> tuple[Envelope, ...]:
        """``GET /statements``: what it remembers after a place, of us or of itself."""
        inc, seq = after
        query = f"?inc={inc}&after={seq}" + ("&of=me" if of_us else "")
        return parse_answer(
            await self._call(peer, "GET", f"/statements{query}", b"")
        ).statements

    async def shared_log(self, peer: MemberId, path: str) -> bytes:
        """``GET /log/shared``: one page of what the peer's log says of us."""
        return await self._call(peer, "GET", path, b"")

    async def add_checkpoint(
        self, at: MemberId | WitnessAddress, request: bytes
    ) -> tuple[int, bytes]:
        """C2SP add-checkpoint at a member or at a witness outside; it proves itself."""
        if isinstance(at, WitnessAddress):
            url = f"{self._checked(at.url)}/add-checkpoint"
        else:
            url = f"{self._url_of(at)}/witness/add-checkpoint"
        headers = CIMultiDict({hdrs.CONTENT_TYPE: "text/plain"})
        status, _, body = await self._exchange(
            "POST", url, headers, request, most=WITNESS_ANSWER_BYTES
        )
        if status not in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
            raise RejectedError("log-unproven", can_retry=True)
        return status, body

    async def _call(
        self,
        peer: MemberId,
        method: str,
        path: str,
        body: bytes,
        *,
        media_type: str = JSON_TYPE,
        offset: int | None = None,
        is_last: bool = False,
    ) -> bytes:
        """One signed exchange; ``offset`` where the body is a part of an upload.

        Raises:
            UnreachableError: No validly signed answer, whatever its status (HO-70).
            RejectedError: A signed problem document.
        """
        office = self._office
        now = office.clock.now()
        url = f"{self._url_of(peer)}{PREFIX}{path}"
        headers: CIMultiDict[str] = CIMultiDict()
        if body:
            headers[hdrs.CONTENT_TYPE] = media_type
            headers["content-digest"] = content_digest(body)
        if offset is not None:
            headers["upload-offset"] = str(offset)
            headers["upload-complete"] = "?1" if is_last else "?0"
        request = RequestView(method, url, headers)
        sign_request(
            request,
            office.keyring,
            to=peer,
            directory=office.directory().timestamp_version,
            nonce=office.randomness(16),
            at=now,
        )
        status, answered, found = await self._exchange(
            method, url, headers, body, most=limits.STATEMENTS_ANSWER_BYTES
        )
        view = AnswerView(status, answered, request)
        directory = office.directory()
        try:
            verify_answer(
                view,
                me=office.member,
                peer=peer,
                find=directory.sign_key,
                has_body=bool(found),
                now=office.clock.now(),
            )
        except UnknownKeyError as error:
            office.newer(None, 0)
            raise UnreachableError("answer of an unknown key") from error
        except NodeError as error:
            raise UnreachableError("answer not signed") from error
        office.newer(peer, directory_of(answered))
        if found and not check_content_digest(answered, found):
            raise UnreachableError("answer changed on the way")
        if answered.get(hdrs.CONTENT_TYPE, "").startswith(MEDIA_TYPE):
            raise parse_problem(found)
        if status not in _SUCCESS:
            raise UnreachableError("unexpected status")
        return found

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: CIMultiDict[str],
        body: bytes,
        *,
        most: int,
    ) -> tuple[int, CIMultiDict[str], bytes]:
        """Send and read at most so many bytes of the answer."""
        try:
            async with self._session.request(
                method,
                url,
                data=io.BytesIO(body) if body else None,
                headers=headers,
                allow_redirects=False,
                timeout=_patience(len(body)),
            ) as response:
                found = await response.content.read(most + 1)
                while len(found) <= most:
                    more = await response.content.read(most + 1 - len(found))
                    if not more:
                        break
                    found += more
                if len(found) > most:
                    raise UnreachableError("answer too long")
                return response.status, CIMultiDict(response.headers), found
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(type(error).__name__) from None

    def _url_of(self, peer: MemberId) -> str:
        """The peer's address from its key sheet; http only in demo mode."""
        return self._checked(self._office.directory().sheet(peer).url)

    def _checked(self, address: str) -> str:
        """An address that may be called at all (SR-F10)."""
        url = address.rstrip("/")
        if not url.startswith("https://") and not self._demo:
            raise UnreachableError("address is not https")
        # The client library resolves no literals, so they are checked here.
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            raise UnreachableError("no address") from None
        with suppress(ValueError):
            literal = str(ip_address(host))
            check_address(literal, allowed=self._resolver.networks, loopback=self._demo)
        return url


def _patience(body_bytes: int) -> aiohttp.ClientTimeout:
    """As long as the slowest link that a peer puts up with needs for this body."""
    answer = limits.ANSWER_TIMEOUT.total_seconds()
    return aiohttp.ClientTimeout(
        total=3 * answer + body_bytes / limits.BODY_BYTES_PER_S,
        sock_read=answer,
        sock_connect=answer,
    )


class CheckedResolver(AbstractResolver):
    """Resolves names itself and lets only allowed addresses through (SR-F10)."""

    def __init__(self, networks: Sequence[str], *, loopback: bool) -> None:
        """Remember the private networks the settings allow, and demo mode."""
        self.networks = tuple(ip_network(text) for text in networks)
        self._loopback = loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a host, each checked."""
        # RFC 6761: names below ``localhost`` are this machine, for every resolver.
        asked = "127.0.0.1" if host.endswith(".localhost") else host
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            asked, port, type=socket.SOCK_STREAM, family=family
        )
        for *_, address in found:
            self.check(str(address[0]))
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in found
        ]

    def check(self, address: str) -> None:
        """Refuse an address that is neither public nor listed.

        Raises:
            OSError: It is not allowed; the client library takes it as unreachable.
        """
        text = address.split("%", 1)[0]
        try:
            check_address(text, allowed=self.networks, loopback=self._loopback)
        except UnreachableError as error:
            raise OSError(str(error)) from None

    async def close(self) -> None:
        """Nothing is held."""


@cache
def _tls() -> ssl.SSLContext:
    """One for all nodes of a process: the system's certificates are many, and read once."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
