"""The door of the API: who calls, how much, how fast; and every answer a document.

Enters: requests with a bearer token. Leaves: requests that may be answered, or a problem.
Must never happen here: a cookie that opens anything, a token in a log, the text of an
exception in an answer. Implements SR-B11 and the API side of SR-B9, SR-B12, SR-P1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from node import strictjson
from node.accounts.model import ApiToken, Bearer, Scope
from node.api.problem import (
    Fault,
    Problem,
    ProblemError,
    problem_of,
    problem_of_http,
)
from node.casework.programs import token_in_force
from node.errors import MalformedMessageError, NodeError
from node.ids import Ags
from node.report.people import People
from node.report.seen import Explain
from node.strictjson import JsonObject
from node.sync.courier import Runner
from node.sync.limits import JSON_BODY_BYTES
from node.sync.office import Office

log = structlog.get_logger(__name__)

REQUESTS_PER_TOKEN: Final = 40
FAILURES_PER_ADDRESS: Final = 20
PACE: Final = timedelta(seconds=2)
_TRACE_BYTES: Final = 5
_SUBJECTS: Final = 1000
_JSON: Final = "application/json"
_TOKEN: Final = web.RequestKey("api_token", ApiToken)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the API works with.

    ``people`` are the names that the pages search too, ``explain`` their words for reports.
    """

    office: Office
    run: Runner
    places: Mapping[Ags, str]
    people: People
    explain: Explain


DESK: Final = web.AppKey("desk", Desk)


@dataclass(slots=True)
class Pace:
    """Counts what each subject did in the last two seconds, in memory only."""

    most: int
    _seen: dict[bytes, list[datetime]] = field(default_factory=dict)

    def count(self, subject: bytes, at: datetime) -> bool:
        """Count one; says whether it is still within the pace."""
        recent = [t for t in self._seen.pop(subject, []) if at - t < PACE]
        if len(self._seen) >= _SUBJECTS:
            self._seen.pop(next(iter(self._seen)))
        self._seen[subject] = [*recent[-self.most :], at]
        return len(recent) < self.most

    def is_over(self, subject: bytes, at: datetime) -> bool:
        """Whether the subject has used its pace up, without counting."""
        recent = [t for t in self._seen.get(subject, []) if at - t < PACE]
        return len(recent) >= self.most


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: whatever goes wrong becomes a problem document."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        found = _problem(request, problem_of_http(error), error=None)
        if isinstance(error, web.HTTPMethodNotAllowed):
            found.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return found
    except NodeError as error:
        code, faults = problem_of(error)
        return _problem(request, code, error=error, faults=faults)
    except Exception as error:  # noqa: BLE001 -- the last place that can answer
        return _problem(request, "internal", error=error)


def gate(scopes: Mapping[tuple[str, str], Scope | None]) -> Middleware:
    """Let through whoever shows a token made for this address.

    Args:
        scopes: By method and path; None needs no token. An address that is not listed
            exists for nobody.
    """
    by_token = Pace(REQUESTS_PER_TOKEN)
    by_address = Pace(FAILURES_PER_ADDRESS)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        place = (request.method, resource.canonical if resource else "")
        if place in scopes and scopes[place] is None:
            return await handler(request)
        at = request.config_dict[DESK].office.clock.now()
        address = (request.remote or "").encode()
        if by_address.is_over(address, at):
            raise ProblemError("rate")
        token = await _token(request, at)
        if token is None:
            by_address.count(address, at)
            raise ProblemError("token")
        if not by_token.count(token.digest, at):
            raise ProblemError("rate")
        if place in scopes and scopes[place] not in token.scopes:
            raise ProblemError("scope")
        request[_TOKEN] = token
        return await handler(request)

    return check


def token_of(request: web.Request) -> ApiToken:
    """The token of a request that the gate has let through."""
    return request[_TOKEN]


async def read_object(request: web.Request) -> JsonObject:
    """The JSON object that the body spells.

    Raises:
        ProblemError: Another media type, compressed, too long, or not strict JSON.
    """
    # A body cut in the middle of its compression would pass as a short one.
    charset = (request.charset or "utf-8").lower()
    if (
        request.content_type != _JSON
        or charset != "utf-8"
        or "Content-Encoding" in request.headers
    ):
        raise ProblemError("media-type")
    if (request.content_length or 0) > JSON_BODY_BYTES:
        raise ProblemError("too-large")
    body = b""
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > JSON_BODY_BYTES:
            raise ProblemError("too-large")
    try:
        return strictjson.parse_object(body)
    except MalformedMessageError:
        raise ProblemError("bad-syntax") from None


async def _token(request: web.Request, at: datetime) -> ApiToken | None:
    """The valid token that the request shows, if it shows exactly one."""
    shown = request.headers.getall("Authorization", [])
    if len(shown) != 1:
        return None
    scheme, _, text = shown[0].partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        digest = Bearer(text).digest
    except MalformedMessageError:
        return None
    found: ApiToken | None = await request.config_dict[DESK].run.read(
        token_in_force, digest, at
    )
    return found


def _problem(
    request: web.Request,
    code: str,
    *,
    error: Exception | None,
    faults: tuple[Fault, ...] = (),
) -> web.Response:
    trace = request.config_dict[DESK].office.randomness(_TRACE_BYTES).hex()
    resource = request.match_info.route.resource
    write = log.error if code == "internal" else log.info
    write(
        "api problem",
        code=code,
        trace=trace,
        method=request.method,
        route=resource.canonical if resource else "",
        exc_info=error if code == "internal" else None,
    )
    headers = {}
    if code == "token":
        headers["WWW-Authenticate"] = 'Bearer realm="staffelstab"'
    if code in {"rate", "unavailable"}:
        headers["Retry-After"] = "2"
    return Problem(code, trace, faults, headers).response()
