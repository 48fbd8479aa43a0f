"""The web application: its middlewares, templates, static files and pages.

Enters: the parts of the node and the routes of the pages. Leaves: an aiohttp application
for one listener. Order of a request: failures, session, visit, forgery guard, gate, page;
the headers are put on last, on every answer. Must never happen here: a page that is
reached without an account though its route does not say so (SR-B8).
"""

import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_session import get_session, session_middleware
from yarl import URL

from node.web import failures
from node.web.frame import (
    ENVIRONMENTS,
    KNOWN_PATHS,
    PARTS,
    VISIT,
    WORDS,
    Parts,
    Route,
    Visit,
    bare_frame,
    parts_of,
    render,
)
from node.web.guard import MAX_FORM_BYTES, attach_headers, csrf_middleware
from node.web.keptform import keep, late_form, taken
from node.web.kiosk import HOLDER, stay_in_kiosk
from node.web.language import Language, Words
from node.web.navigation import role_name
from node.web.session import account_of, ended_account, is_handed_over, token_of
from node.web.static_files import PREFIX as STATIC_PREFIX
from node.web.static_files import StaticFiles
from node.web.stepup import proven

_FORM_TOKEN_KEY: Final = web.RequestKey("form_token", str)
_API_PREFIX: Final = "/api"


def make_web_app(
    parts: Parts, routes: Iterable[Route], *, api: web.Application | None = None
) -> web.Application:
    """Put the pages together.

    Args:
        parts: Everything pages may use.
        routes: Every address with its handler and who may come.
        api: What answers below ``/api/`` with rules of its own: no cookies, no forms.
            The headers of SR-B1 are on its answers as well.
    """
    # Both libraries keep text keys in the request; aiohttp would say so on each one.
    warnings.filterwarnings("ignore", category=web.NotAppKeyWarning)
    table = list(routes)
    middlewares = [
        failures.failures,
        session_middleware(parts.sessions),
        _visits,
        stay_in_kiosk({(route.method, route.path): route for route in table}),
        csrf_middleware(
            parts.settings.origin,
            _FORM_TOKEN_KEY,
            frozenset(route.path for route in table if route.takes_file),
        ),
        _gate({(route.method, route.path): route for route in table}),
    ]
    app = web.Application(
        middlewares=[_except_for(api, each) for each in middlewares],
        client_max_size=MAX_FORM_BYTES,
    )
    app[PARTS] = parts
    app[KNOWN_PATHS] = frozenset(r.path for r in table if r.method == "GET")
    app[WORDS] = {language: _words(language) for language in Language}
    for language in Language:
        app[ENVIRONMENTS[language]] = _templates(language)
    attach_headers(app, parts.randomness)
    app.add_routes([_static().route()])
    for route in table:
        if route.method == "GET":
            app.router.add_get(route.path, route.handler)
        else:
            app.router.add_post(route.path, route.handler)
    if api is not None:
        app.add_subapp(_API_PREFIX, api)
    return app


def _except_for(api: web.Application | None, inner: Middleware) -> Middleware:
    """Keep a middleware of the pages away from requests that the router gave to the API.

    aiohttp runs the middlewares of an outer application for inner ones too.
    """

    @web.middleware
    async def outer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if api is not None and api in request.match_info.apps:
            return await handler(request)
        return await inner(request, handler)

    return outer


@cache
def _static() -> StaticFiles:
    return StaticFiles()


@cache
def _words(language: Language) -> Words:
    return Words(language)


# The templates are those of the package: several applications of one process share them.
@cache
def _templates(language: Language) -> jinja2.Environment:
    words = _words(language)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("node.web", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.ngettext, newstyle=True
    )
    environment.filters |= {
        "date": words.day,
        "month": words.month,
        "time": words.time,
        "datetime": words.moment,
        "number": words.number,
        "percent": words.percent,
        "minutes": words.minutes,
        "duration": words.duration,
        "ago": words.ago,
        "code": words.code,
        "pairs": _pairs,
        "combine": _combine,
    }
    environment.globals |= {"asset": _static().address, "role_name": role_name}
    return environment


def _pairs(items: Iterable[object], value: str, text: str) -> list[tuple[str, str]]:
    """Options of a choice: two attributes of each item."""
    return [(str(getattr(i, value)), str(getattr(i, text))) for i in items]


def _combine(
    first: Mapping[str, object], second: Mapping[str, object]
) -> dict[str, object]:
    """Hidden values of a form, from two mappings."""
    return {**first, **second}


@web.middleware
async def _visits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who comes, before anything is decided."""
    if request.path.startswith(STATIC_PREFIX):
        return await handler(request)
    parts = request.config_dict[PARTS]
    session = await get_session(request)
    token = token_of(session).form_token
    account_id = account_of(session)
    account = None
    if account_id is not None:
        account = await parts.accounts.find(account_id)
        if account is None:
            session.invalidate()
    request[_FORM_TOKEN_KEY] = token
    if account is not None and is_handed_over(session):
        # Whoever holds the device now is nobody to every other page.
        request[HOLDER], account = account, None
    request[VISIT] = Visit(account, token)
    return await handler(request)


def _gate(table: Mapping[tuple[str, str], Route]) -> Middleware:
    """Let through whom the route is for; everybody else gets the page that says why."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        is_read = request.method != "POST"
        address = resource.canonical if resource else ""
        route = table.get(("GET" if is_read else "POST", address))
        if route is None:
            # Static files, and addresses that do not exist: nothing to protect.
            return await handler(request)
        account = request[VISIT].account
        if account is None:
            if not route.is_public or is_read:
                answer = await _at_the_door(request, route)
                if answer is not None:
                    return answer
        elif route.roles is not None and not route.roles & account.roles:
            return failures.forbidden(request, route.roles)
        elif not is_read:
            if route.asks_proof:
                answer = await proven(request, address)
                if answer is not None:
                    return answer
            await taken(request)
        return await handler(request)

    return gate


async def _at_the_door(request: web.Request, route: Route) -> web.StreamResponse | None:
    """What somebody gets who is not signed in; None where that does not matter."""
    if route.method == "POST":
        return await _too_late(request, route.path)
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A link in a mail arrives without the Strict cookie. One click on our own page
        # brings it along.
        frame = bare_frame(request)
        return render(request, "continue.html", frame, to=request.path_qs)
    if route.is_public:
        return None
    raise web.HTTPSeeOther(URL("/login").with_query(next=request.path_qs))


async def _too_late(request: web.Request, address: str) -> web.Response:
    """The session ended before the form came: it is kept for whom it belongs to."""
    parts, ended = parts_of(request), ended_account(request)
    has_page = address in request.config_dict[KNOWN_PATHS]
    late = late_form(request, parts.settings.origin, has_page=has_page)
    if ended is None or late is None:
        return failures.signed_out(request)
    await keep(request, parts.sessions, ended, late)
    raise web.HTTPSeeOther("/login?late=1")
