"""Every refusal and failure as a page: a sentence, a code, what to do next, nothing else.

Enters: exceptions of pages and use cases. Leaves: an error page in the frame. Must never
happen here: a traceback, the text of an exception, or typed text that is lost. Absent and
foreign answer alike (SR-B9, SR-B12, screens chapter 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from node.accounts.model import Role
from node.accounts.policy import roles_that_may
from node.cases.erased import GROUNDS, YEARS_OVER
from node.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    NodeError,
    NotFoundError,
    ReadingOnlyError,
    RestrictedError,
    StaleEpochError,
)
from node.ids import CaseId
from node.web.frame import bare_frame, parts_of, render, words_of
from node.web.guard import FORM
from node.web.language import Words, msgid
from node.web.navigation import role_name
from node.web.sentences import SENTENCES

_log = structlog.get_logger(__name__)
_TRACE_BYTES: Final = 5

_SENTENCES: Final = {
    HTTPStatus.BAD_REQUEST: msgid("Your browser sent something we cannot read."),
    HTTPStatus.FORBIDDEN: msgid(
        "This form did not come from a page of this application, or the page was too"
        " old. Nothing was saved. Please open the page again."
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: msgid(
        "That was too much at once. Nothing was saved. Please shorten the text."
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: msgid(
        "Your browser sent something we cannot read."
    ),
}


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a case has gone, for whoever still has it open.

    Args:
        place: The body that is responsible now.
        on: The day responsibility moved.
        address: The page of the handover here.
    """

    place: str
    on: date
    address: str


def not_found(request: web.Request) -> web.Response:
    """Absent, or not yours: one page, whatever was asked."""
    return render(request, "404.html", bare_frame(request), status=404)


def erased(request: web.Request, on: date | None, ground: str = "") -> web.Response:
    """It was here and was deleted: nobody can read it any more."""
    words = words_of(request)
    when = words.gettext("Deleted on %(day)s.") % {"day": words.day(on)} if on else ""
    why = _why(ground, words)
    frame = bare_frame(request)
    return render(request, "erased.html", frame, status=410, when=when, why=why)


def _why(ground: str, words: Words) -> str:
    if ground == YEARS_OVER:
        return words.gettext("Its years were over, and the archive was asked.")
    text = words.gettext("Reason: %(reason)s. Two people decided it.")
    return text % {"reason": words.code(ground, GROUNDS)} if ground else ""


def closed(request: web.Request, error: ErasedError | RestrictedError) -> web.Response:
    """Erased, or locked after a withdrawal."""
    if isinstance(error, ErasedError):
        return erased(request, error.on, error.ground)
    return restricted(request)


def restricted(request: web.Request) -> web.Response:
    """Locked after a withdrawal: it can be opened only to answer the person."""
    case = request.match_info.get("case", "")
    href = f"/cases/{case}/for-the-person" if CaseId.pattern.fullmatch(case) else ""
    frame = bare_frame(request)
    return render(request, "restricted.html", frame, status=403, href=href)


def forbidden(request: web.Request, roles: frozenset[Role]) -> web.Response:
    """Not for this role; names the roles that may."""
    names = [role_name(role) for role in Role if role in roles]
    return render(request, "403.html", bare_frame(request), status=403, roles=names)


def stale(
    request: web.Request,
    handover: Handover | None = None,
    *,
    typed: Sequence[str] | None = None,
) -> web.Response:
    """The case moved on while a page was open; the typed text stands below.

    Args:
        request: The request being answered.
        handover: Where the case went.
        typed: What was typed, where the page knows it better than the form does.
    """
    return render(
        request,
        "stale.html",
        bare_frame(request),
        status=409,
        handover=handover,
        typed=_typed(request) if typed is None else typed,
    )


def conflict(request: web.Request) -> web.Response:
    """Somebody was faster; nothing was overwritten, the typed text stands below."""
    return render(
        request,
        "conflict.html",
        bare_frame(request),
        status=409,
        typed=_typed(request),
    )


def signed_out(request: web.Request) -> web.Response:
    """The session ended before the form arrived; the typed text stands below."""
    return render(
        request,
        "signed_out.html",
        bare_frame(request),
        status=401,
        typed=_typed(request),
    )


def failed(
    request: web.Request, *, status: int, code: str, trace: str, sentence: str = ""
) -> web.Response:
    """A failure with its code and the number under which it stands in the log."""
    return render(
        request,
        "error.html",
        bare_frame(request),
        status=status,
        code=code,
        trace=trace,
        sentence=sentence,
        typed=_typed(request),
    )


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: whatever went wrong becomes a page."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _of_http(request, error)
    except Exception as error:  # noqa: BLE001 -- the last place that can answer
        return _of_exception(request, error)


def _of_http(request: web.Request, error: web.HTTPException) -> web.Response:
    if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return not_found(request)
    sentence = _SENTENCES.get(HTTPStatus(error.status), "")
    return failed(
        request,
        status=error.status,
        code=f"http-{error.status}",
        trace=_report(request, f"http-{error.status}", None),
        sentence=sentence,
    )


def _of_exception(request: web.Request, error: Exception) -> web.Response:
    match error:
        case NotFoundError():
            return not_found(request)
        case RestrictedError() | ErasedError():
            return closed(request, error)
        case ForbiddenError():
            return forbidden(request, roles_that_may(error.action))
        case StaleEpochError():
            return stale(request)
        case ConflictError():
            return conflict(request)
    code = error.code if isinstance(error, NodeError) else NodeError.code
    trace = _report(request, code, error)
    sentence = SENTENCES.get(code, "")
    # Nothing is broken where the node only reads: it says so and comes back.
    status = 503 if isinstance(error, ReadingOnlyError) else 500
    return failed(request, status=status, code=code, trace=trace, sentence=sentence)


def _report(request: web.Request, code: str, error: Exception | None) -> str:
    """Write one log line and give the number that joins it to the page."""
    trace = parts_of(request).randomness(_TRACE_BYTES).hex()
    resource = request.match_info.route.resource
    route = resource.canonical if resource else ""
    write = _log.error if error else _log.info
    write(
        "page failed",
        code=code,
        trace=trace,
        method=request.method,
        route=route,
        exc_info=error,
    )
    return trace


def _typed(request: web.Request) -> list[str]:
    form = request.get(FORM)
    return form.typed() if form is not None else []
