"""The listener for peers: what is checked before anything is believed.

Enters: HTTP from anywhere. Leaves: a verified request of a member for one of the routes,
or a problem document. Must never happen: a database write before the signature holds; an
answer to a signed request without our signature. Implements SR-F1 to SR-F5, HO-66 to
HO-71; the order is HO-69.
"""

import asyncio
import io
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from multidict import CIMultiDict

from node.errors import (
    FirstWordError,
    MalformedMessageError,
    NodeError,
    NotFoundError,
    SignatureError,
    UnknownKeyError,
)
from node.federation.auth import (
    AnswerView,
    RequestView,
    Signed,
    directory_of,
    sign_answer,
    verify_request,
)
from node.federation.digests import digest_of, is_digested
from node.federation.door import Door
from node.federation.pace import Pace, ProblemError, Proxies
from node.federation.problem import MEDIA_TYPE, Problem, code_of
from node.federation.slices import Slices
from node.ids import MemberId
from node.sync import limits
from node.sync.office import Office

log = structlog.get_logger("federation")
RETRY_AFTER_S = 1
"""How soon a peer may try again after our start; we greet it then, too."""
_FORBIDDEN = ("upgrade", "expect", "trailer", "content-encoding")


@dataclass(frozen=True, slots=True)
class Call:
    """A verified request: who calls, the path's parts, header fields and the body."""

    peer: MemberId
    match: dict[str, str]
    headers: CIMultiDict[str]
    query: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a route answers."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Call], Awaitable[Reply]]


Before = Callable[[Call], Awaitable[Reply | None]]
"""Asked before a body is read: an answer ends the request (HO-76)."""


class Guard:
    """Everything between the socket and a route."""

    def __init__(
        self,
        office: Office,
        public_url: str,
        requests_per_s: int,
        proxies: Proxies | None = None,
    ) -> None:
        """Remember who we are, how we are addressed (HO-68), what one key may ask."""
        self._office = office
        self._url = public_url
        self._host = urlsplit(public_url).netloc
        self._pace = Pace(requests_per_s)
        self._proxies = proxies or Proxies()
        self._bodies = asyncio.Semaphore(limits.BODIES_IN_MEMORY)

    def wrap(
        self,
        route: Route,
        *,
        most: int,
        media_type: str | None,
        before: Before | None = None,
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A handler for a signed route whose body has at most so many bytes.

        ``before`` is asked once the signature holds, while the body still waits.
        """

        async def handle(request: web.Request) -> web.Response:
            trace = secrets.token_hex(8)
            view = RequestView(
                request.method,
                self._url + request.raw_path,
                CIMultiDict(request.headers),
            )
            bucket = (self._proxies.address(request), _claimed_key(view))
            try:
                signed = self._admit(request, view, most, media_type, bucket)
            except ProblemError as error:
                if error.problem != "rate":
                    self._pace.failed(*bucket)
                reply = _problem(error.problem, trace, **error.extra)
            except NodeError as error:
                self._pace.failed(*bucket)
                reply = self._refuse(request, error, trace)
            else:
                # The door lets a member stay when strangers crowd it.
                if isinstance(request.protocol, Door):
                    request.protocol.is_member = True
                reply = await self._work(request, view, signed, route, before, trace)
            return await self._sign(view, reply)

        return handle

    async def _work(
        self,
        request: web.Request,
        view: RequestView,
        signed: Signed,
        route: Route,
        before: Before | None,
        trace: str,
    ) -> Reply:
        """What a verified request comes to."""
        try:
            self._pace.begin(signed.member)
        except ProblemError as error:
            return _problem(error.problem, trace, **error.extra)
        call = Call(
            signed.member,
            dict(request.match_info),
            view.headers,
            dict(request.query),
            b"",
        )
        try:
            early = await before(call) if before else None
            if early is not None:
                return early
            # What has no body may wait long without a place among them (10.5).
            async with self._bodies if request.body_exists else nullcontext():
                body = await _read_checked(request, view)
                return await route(replace(call, body=body))
        except ProblemError as error:
            return _problem(error.problem, trace, **error.extra)
        except NotFoundError:
            return _problem("unknown-transfer", trace)
        except NodeError as error:
            # Its signature held: the rate of its key bounds it, whatever it says.
            return self._refuse(request, error, trace)
        finally:
            self._pace.end(signed.member)

    def _admit(
        self,
        request: web.Request,
        view: RequestView,
        most: int,
        media_type: str | None,
        bucket: tuple[str, str],
    ) -> Signed:
        """HO-69: sizes, syntax, rate of the address, key, signature, quota of the key."""
        check_syntax(request, self._host)
        length = request.content_length
        if length is not None and length > most:
            raise ProblemError("too-large")
        if request.body_exists and length is None:
            raise MalformedMessageError("bad-syntax")
        if request.body_exists and request.headers.get(hdrs.CONTENT_TYPE) != media_type:
            raise ProblemError("media-type")
        self._pace.check_address(*bucket)
        if "signature-input" not in view.headers:
            raise SignatureError("unsigned")
        now = self._office.clock.now()
        directory = self._office.directory()
        signed = verify_request(
            view,
            me=self._office.member,
            find=lambda key: directory.sign_key(key, now),
            has_body=request.body_exists,
            now=now,
        )
        self._office.newer(signed.member, directory_of(view.headers))
        self._pace.check_nonce(signed, now)
        self._pace.check_rate(signed.member)
        return signed

    def _refuse(self, request: web.Request, error: NodeError, trace: str) -> Reply:
        code = code_of(error)
        if isinstance(error, UnknownKeyError):
            # HO-71: our directory may be behind; the stranger proves nothing else by it.
            self._office.newer(None, 0)
        resource = request.match_info.route.resource
        route = resource.canonical if resource else ""
        log.warning("request refused", code=code, trace=trace, route=route)
        extra: dict[str, object] = {}
        if isinstance(error, FirstWordError):
            extra["retry_after"] = RETRY_AFTER_S
        if code == "clock-skew":
            extra["now"] = int(self._office.clock.now().timestamp())
        return _problem(code, trace, **extra)

    async def _sign(self, view: RequestView, reply: Reply) -> web.Response:
        """Sign the answer over the request as received (HO-70)."""
        headers = CIMultiDict(reply.headers)
        if reply.body:
            headers[hdrs.CONTENT_TYPE] = reply.media_type
            headers["content-digest"] = await digest_of(reply.body)
        if "signature" in view.headers and "staffelstab-from" in view.headers:
            # A request whose own signature fields are broken is answered without one.
            with suppress(NodeError, HTTPMessageSignaturesException, ValueError):
                sign_answer(
                    AnswerView(reply.status, headers, view),
                    self._office.keyring,
                    to=MemberId(view.headers["staffelstab-from"]),
                    directory=self._office.directory().timestamp_version,
                    at=self._office.clock.now(),
                )
        body = Slices(reply.body) if reply.body else b""
        return web.Response(status=reply.status, body=body, headers=headers)


def _problem(code: str, trace: str, **extra: object) -> Reply:
    problem = Problem(code, trace, extra)
    headers = {}
    wait = extra.get("retry_after")
    if isinstance(wait, int):
        headers["retry-after"] = str(wait)
    return Reply(problem.status, problem.encode(), MEDIA_TYPE, headers)


def plain_problem(code: str) -> web.Response:
    """A problem for somebody who did not sign: nothing to bind an answer to."""
    problem = Problem(code, secrets.token_hex(8))
    return web.Response(
        status=problem.status, body=problem.encode(), content_type=MEDIA_TYPE
    )


def check_syntax(request: web.Request, host: str) -> None:
    """The reject list of SR-F2, before the body is touched.

    Raises:
        ProblemError: Too large, or a coding we do not take.
        MalformedMessageError: What no node of ours ever sends.
    """
    headers = request.raw_headers
    sizes = [len(name) + len(value) + 4 for name, value in headers]
    too_large = (
        len(request.raw_path) > limits.REQUEST_LINE_BYTES
        or len(headers) > limits.HEADER_FIELDS
        or sum(sizes) > limits.HEADER_BLOCK_BYTES
        or max(sizes, default=0) > limits.HEADER_FIELD_BYTES
    )
    if too_large:
        raise ProblemError("too-large")
    path = request.raw_path
    good = (
        (request.version.major, request.version.minor) == (1, 1)
        and path.startswith("/")
        and not any(
            part in path.lower() for part in ("//", "/./", "/../", "%2e", "%2f", "#")
        )
        and request.headers.getall(hdrs.HOST, []) == [host]
    )
    if not good:
        raise MalformedMessageError("bad-syntax")
    if hdrs.CONTENT_ENCODING in request.headers:
        raise ProblemError("media-type")
    if any(name in request.headers for name in _FORBIDDEN):
        raise MalformedMessageError("bad-syntax")


_KEY_ID = re.compile(r';keyid="([^"]{1,128})"')


def _claimed_key(view: RequestView) -> str:
    """The key id a request names; nothing rests on it but which failures it shares."""
    found = _KEY_ID.search(view.headers.get("signature-input", ""))
    return found[1] if found else ""


async def _read_checked(request: web.Request, view: RequestView) -> bytes:
    """The body that the signed digest speaks of."""
    body = await read_body(request, request.content_length or 0)
    if request.body_exists and not await is_digested(view.headers, body):
        raise ProblemError("bad-digest")
    return body


async def read_body(request: web.Request, most: int) -> bytes:
    """The body within its limit and above the minimum speed (SR-F3)."""
    body, size = io.BytesIO(), 0
    started = time.monotonic()
    grace = limits.BODY_GRACE.total_seconds()
    while True:
        try:
            async with asyncio.timeout(grace):
                chunk = await request.content.readany()
        except TimeoutError:
            raise ProblemError("too-slow") from None
        if not chunk:
            return body.getvalue()
        size += len(chunk)
        if size > most:
            raise ProblemError("too-large")
        elapsed = time.monotonic() - started
        if elapsed > grace and size < elapsed * limits.BODY_BYTES_PER_S:
            raise ProblemError("too-slow")
        body.write(chunk)
