"""How we call anybody of the directory: one signed request, one answer signed to us.

Enters: a member, a route, bytes; the address from its key sheet. Leaves: a verified answer,
or an error that changes no transfer (P6). Must never happen: an answer believed that does
not cover our request (HO-70); a connection to an address the directory or the settings do
not allow, or a proxy taken from the environment (SR-F10). Implements HO-70 to HO-73.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict

from node.errors import NodeError, UnknownKeyError, UnreachableError
from node.federation.addresses import check_address
from node.federation.auth import (
    AnswerView,
    RequestView,
    directory_of,
    sign_request,
    verify_answer,
)
from node.federation.digests import digest_of, is_digested
from node.federation.problem import MEDIA_TYPE, parse_problem
from node.federation.proxy import Proxy
from node.federation.slices import Slices
from node.ids import MemberId
from node.sync import limits
from node.sync.office import Office

PREFIX: Final = "/staffelstab/1"
JSON_TYPE: Final = "application/json"
PACKET_TYPE: Final = "application/vnd.staffelstab.packet"
PART_TYPE: Final = "application/partial-upload"
_SUCCESS = frozenset(
    {
        HTTPStatus.OK,
        HTTPStatus.CREATED,
        HTTPStatus.PARTIAL_CONTENT,
        HTTPStatus.GONE,
    }
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is particular about one request.

    ``most`` bytes are read of the answer; ``span`` asks for these bytes alone, both ends
    included; ``wait_s`` is how long the other side may think besides. ``digest`` is the
    Content-Digest of the body, where it is known before.
    """

    most: int = limits.STATEMENTS_ANSWER_BYTES
    span: tuple[int, int] | None = None
    wait_s: float = 0.0
    digest: str = ""


class SignedCaller:
    """Calls members over HTTP; keeps a few connections to each open."""

    def __init__(
        self,
        office: Office,
        *,
        networks: Sequence[str],
        demo: bool,
        proxy: Proxy | None = None,
    ) -> None:
        """Prepare a client that follows nothing and trusts no environment."""
        self._office = office
        self._demo = demo
        self._proxy = proxy
        self._by_proxy: dict[str, Any] = {}
        if proxy is not None:
            self._by_proxy = {"proxy": proxy.url, "proxy_headers": proxy.headers}
        self._resolver = CheckedResolver(networks, loopback=demo, proxy=proxy)
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
            skip_auto_headers=[hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.CONTENT_TYPE],
            headers={hdrs.ACCEPT_ENCODING: "identity"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def plain(self, url: str, body: bytes, most: int) -> tuple[int, bytes]:
        """One unsigned ``POST`` of text, for what proves itself."""
        headers = CIMultiDict({hdrs.CONTENT_TYPE: "text/plain"})
        status, _, found = await self._exchange(
            "POST", url, headers, body, wish=Wish(most)
        )
        return status, found

    async def call(
        self,
        peer: MemberId,
        method: str,
        path: str,
        body: bytes,
        *,
        media_type: str = JSON_TYPE,
        offset: int | None = None,
        is_last: bool = False,
        wish: Wish = Wish(),
    ) -> bytes:
        """One signed exchange; ``offset`` where the body is a part of an upload.

        Raises:
            UnreachableError: No validly signed answer, whatever its status (HO-70).
            RejectedError: A signed problem document.
        """
        office = self._office
        now = office.clock.now()
        url = f"{self.url_of(peer)}{PREFIX}{path}"
        headers: CIMultiDict[str] = CIMultiDict()
        if body:
            headers[hdrs.CONTENT_TYPE] = media_type
            headers["content-digest"] = wish.digest or await digest_of(body)
        if offset is not None:
            headers["upload-offset"] = str(offset)
            headers["upload-complete"] = "?1" if is_last else "?0"
        if wish.span is not None:
            headers["range"] = "bytes={}-{}".format(*wish.span)
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
            method, url, headers, body, wish=wish
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
        if found and not await is_digested(answered, found):
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
        wish: Wish,
    ) -> tuple[int, CIMultiDict[str], bytes]:
        """Send and read at most so many bytes of the answer."""
        most = wish.most
        try:
            async with self._session.request(
                method,
                url,
                data=Slices(body) if body else None,
                headers=headers,
                allow_redirects=False,
                timeout=_patience(len(body), wish.wait_s),
                **self._by_proxy,
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

    def url_of(self, peer: MemberId) -> str:
        """The peer's address from its key sheet; http only in demo mode."""
        return self.checked(self._office.directory().sheet(peer).url)

    def checked(self, address: str) -> str:
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
            if self._proxy is not None:
                raise UnreachableError("no name, and the proxy resolves")
            check_address(literal, allowed=self._resolver.networks, loopback=self._demo)
        if self._proxy is not None and not url.startswith("https://"):
            raise UnreachableError("only https goes through the proxy")
        return url


class CheckedResolver(AbstractResolver):
    """Resolves names itself and lets only allowed addresses through (SR-F10)."""

    def __init__(
        self, networks: Sequence[str], *, loopback: bool, proxy: Proxy | None = None
    ) -> None:
        """Remember the private networks the settings allow, demo mode and the proxy."""
        self.networks = tuple(ip_network(text) for text in networks)
        self._loopback = loopback
        self._proxy_host = proxy.host if proxy else None

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
        # The proxy is named by the settings, wherever it stands.
        for *_, address in found if host != self._proxy_host else ():
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


def _tls() -> ssl.SSLContext:
    """One for all nodes of a process: the system's certificates are many, and read once."""
    return _context(ssl.get_default_verify_paths())


@cache
def _context(_trusted: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _patience(body_bytes: int, wait_s: float) -> aiohttp.ClientTimeout:
    """As long as the slowest link that a peer puts up with needs for this body."""
    answer = limits.ANSWER_TIMEOUT.total_seconds()
    return aiohttp.ClientTimeout(
        total=3 * answer + wait_s + body_bytes / limits.BODY_BYTES_PER_S,
        sock_read=answer + wait_s,
        sock_connect=answer,
    )
