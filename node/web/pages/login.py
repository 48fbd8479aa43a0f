"""S1 Anmeldung: in, safely, with one touch; and out again.

Enters: a name and a password, or in the demo a choice of invented people. Leaves: a session
under a new token, or one sentence for everything that is wrong (SR-B5). Must never happen
here: a redirect to another site.
"""

import re
from typing import Final

from aiohttp import web

from node.errors import MalformedMessageError, NotFoundError
from node.ids import AccountId
from node.web.forms import Form
from node.web.frame import (
    VISIT,
    AccountView,
    Route,
    form_of,
    home_for,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.session import sign_in, sign_out

# An address of our own: no empty segment that a browser could read as another host.
_OUR_ADDRESS: Final = re.compile(
    r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+(?:\?[A-Za-z0-9_.=&%/-]*)?", re.ASCII
)


def routes() -> list[Route]:
    """The addresses of signing in and out."""
    return [
        Route("GET", "/", _start, is_public=True),
        Route("GET", "/login", _show, is_public=True),
        Route("POST", "/login", _enter, is_public=True),
        Route("POST", "/login/demo", _enter_demo, is_public=True),
        Route("POST", "/logout", _leave, is_public=True),
    ]


async def _start(request: web.Request) -> web.Response:
    """The bare address leads to where work begins."""
    account = request[VISIT].account
    if account is None:
        return await see_other(request, "/login")
    return await see_other(request, home_for(request, account))


async def _show(request: web.Request) -> web.Response:
    account = request[VISIT].account
    if account is not None:
        return await see_other(request, home_for(request, account))
    form = Form({"_next": (request.query.get("next", ""),)})
    return await _form_page(request, form)


async def _enter(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    missing = {
        field: sentence
        for field, sentence in (
            ("name", words.gettext("Please add: your user name")),
            ("password", words.gettext("Please add: your password")),
        )
        if not form.text(field)
    }
    if missing:
        return await _form_page(request, form.with_errors(missing), status=422)
    account = await parts_of(request).accounts.authenticate(
        form.text("name").strip(), form.text("password")
    )
    if account is None:
        # One text for every case, so that nobody learns which names exist.
        wrong = words.gettext("Name or password is not right. Please check both.")
        return await _form_page(request, form.with_errors({"name": wrong}), status=422)
    return await _welcome(request, account, form)


async def _enter_demo(request: web.Request) -> web.Response:
    form, accounts = form_of(request), parts_of(request).accounts
    try:
        chosen = AccountId(form.text("account"))
    except MalformedMessageError:
        raise NotFoundError("account") from None
    for account in await accounts.demo_accounts():
        if account.id == chosen:
            return await _welcome(request, account, form)
    raise NotFoundError("account")


async def _leave(request: web.Request) -> web.Response:
    await sign_out(request, parts_of(request).sessions)
    response = await see_other(request, "/login?bye=1")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


async def _welcome(
    request: web.Request, account: AccountView, form: Form
) -> web.Response:
    await sign_in(request, parts_of(request).sessions, account.id)
    onward = form.text("_next")
    if not _OUR_ADDRESS.fullmatch(onward):
        onward = home_for(request, account)
    return await see_other(request, onward)


async def _form_page(
    request: web.Request, form: Form, *, status: int = 200
) -> web.Response:
    people = await parts_of(request).accounts.demo_accounts()
    return await page(
        request,
        "login.html",
        status=status,
        form=form,
        people=people,
        goodbye="bye" in request.query,
    )
