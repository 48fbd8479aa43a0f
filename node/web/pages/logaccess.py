"""S11 Einsichten: who looked, and the code for the command line.

Enters: a period. Leaves: lines by pseudonym, each with what the log vouches for; a code,
shown once. Must never happen here: a name of a caseworker or a person (SC-58, LR-2); a code
shown twice. Implements task 7 and ``/exchangelog/code`` of exchange-log 8.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from aiohttp import web

from node.accounts.code import AuditorCode
from node.casework.auditorcode import issue_code
from node.casework.looking import Line, looks
from node.web.forms import Form
from node.web.frame import Route, page, parts_of, words_of
from node.web.language import msgid
from node.web.logframe import (
    AUDITORS,
    READERS,
    actor,
    csv_file,
    short,
    sub_pages,
)
from node.web.logwords import role_word

_MOST: Final = 500
_PERIODS: Final = {
    "week": (msgid("Last 7 days"), timedelta(days=7)),
    "month": (msgid("Last 30 days"), timedelta(days=30)),
    "years": (msgid("Last 2 years"), timedelta(days=731)),
}
_ACTIONS: Final = {
    "case.read": msgid("Case read"),
    "match.decide": msgid("Compared with another case"),
    "preview.open": msgid("Preview of an offer opened"),
    "log.list": msgid("List of the log"),
    "log.show": msgid("Entry or handover of the log"),
    "log.trace": msgid("Both sides of a handover"),
    "log.check": msgid("Check"),
    "log.consent": msgid("Consent of a handover"),
    "log.reconcile": msgid("Comparison of both logs"),
    "log.sample": msgid("Sample"),
}
_HEAD: Final = ("at", "who", "role", "action", "case", "transfer", "tied")


def routes() -> list[Route]:
    """The addresses of the page and of the code."""
    return [
        Route("GET", "/exchangelog/access", _show, roles=AUDITORS),
        Route("GET", "/exchangelog/access.csv", _csv, roles=AUDITORS),
        Route("GET", "/exchangelog/code", _code, roles=READERS),
        Route("POST", "/exchangelog/code", _draw, roles=READERS),
    ]


async def _show(request: web.Request) -> web.Response:
    words = words_of(request)
    form = Form({"period": (_period(request),)})
    found = await _lines(request)
    return await page(
        request,
        "log_access.html",
        pages=sub_pages(request),
        form=form,
        periods=[(name, words.gettext(text)) for name, (text, _) in _PERIODS.items()],
        csv=f"/exchangelog/access.csv?period={_period(request)}",
        found=len(found),
        lines=[
            {
                "at": line.at,
                "who": line.who,
                "role": role_word(line.role, words),
                "action": words.gettext(_ACTIONS.get(line.action, "Look")),
                "case": line.what,
                "transfer": line.transfer,
                "number": short(line.transfer),
                "tied": line.tied,
                "is_look": line.action.startswith("log."),
                "id": line.id,
            }
            for line in found[:_MOST]
        ],
    )


async def _csv(request: web.Request) -> web.Response:
    rows = (
        (
            line.at.isoformat(),
            line.who,
            line.role,
            line.action,
            line.what,
            short(line.transfer),
            {True: "yes", False: "no", None: ""}[line.tied],
        )
        for line in await _lines(request)
    )
    return csv_file("einsichten", _HEAD, rows)


async def _lines(request: web.Request) -> Sequence[Line]:
    parts = parts_of(request)
    since = parts.clock.now() - _PERIODS[_period(request)][1]
    return await parts.run.read(looks, parts.office, since, by=actor(request))


def _period(request: web.Request) -> str:
    asked = request.query.get("period", "")
    return asked if asked in _PERIODS else "month"


async def _code(request: web.Request) -> web.Response:
    return await page(
        request, "log_code.html", pages=sub_pages(request), code=None, until=None
    )


async def _draw(request: web.Request) -> web.Response:
    """Draw a code; this answer is the only place where it is ever shown."""
    parts = parts_of(request)
    code = AuditorCode.of(parts.randomness(10))
    until = await parts.run.write(
        issue_code, code, parts.clock.now(), by=actor(request)
    )
    return await page(
        request, "log_code.html", pages=sub_pages(request), code=code, until=until
    )
