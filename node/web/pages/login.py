"""S1 Anmeldung: in, safely, with one touch; and out again.

Enters: what a passkey answered, or a name, a password and a code; in the demo a choice of
invented people. Leaves: a session under a new token, or one sentence for everything that is
wrong (SR-B5). Must never happen here: a redirect to another site; a second step without the
first. Implements SR-B4, SC-21.
"""

from collections.abc import Mapping

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.passkey import request_options
from node.errors import ConflictError, MalformedMessageError, NotFoundError
from node.ids import AccountId
from node.web.door import challenge_of, check_passkey, hand_out, site_of, take_back
from node.web.forms import Form
from node.web.frame import (
    VISIT,
    WORDS,
    AccountView,
    Attempt,
    Route,
    account_of,
    form_of,
    home_for,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.keptform import KEPT_PAGE, Late, is_our_address, kept_for, remember
from node.web.session import sign_in, sign_out
from node.web.stepup import wrong_words

_SIGN_IN = "sign-in"
_SECOND_STEP = "second-step"


def routes() -> list[Route]:
    """The addresses of signing in and out."""
    return [
        Route("GET", "/", _start, is_public=True),
        Route("GET", "/login", _show, is_public=True),
        Route("POST", "/login", _enter, is_public=True),
        Route("POST", "/login/code", _enter_code, is_public=True),
        Route("POST", "/login/passkey", _enter_passkey, is_public=True),
        Route("POST", "/login/demo", _enter_demo, is_public=True),
        Route("POST", "/logout", _leave, is_public=True),
        Route("GET", "/session", _stay),
        Route("GET", KEPT_PAGE, _kept),
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
    """The first step: name and password."""
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    missing = {
        field: sentence
        for field, sentence in (
            ("name", words.gettext("Please add: your user name")),
            ("password", words.gettext("Please add: your password")),
        )
        if not form.text(field)
    }
    if missing:
        return await _form_page(request, form.with_errors(missing))
    attempt = await parts.accounts.check_password(
        form.text("name").strip(), form.text("password"), parts.address_of(request)
    )
    if attempt.account is None:
        wrong = {"name": wrong_words(request, attempt.locked_until)}
        return await _form_page(request, form.with_errors(wrong))
    if not attempt.needs_code:
        return await _welcome(request, attempt, form)
    note = await hand_out(request, _SECOND_STEP, {"account": str(attempt.account.id)})
    return await _code_page(request, Form(), note, form.text("_next"))


async def _enter_code(request: web.Request) -> web.Response:
    """The second step: six digits or a recovery code."""
    form, parts = form_of(request), parts_of(request)
    note = form.text("_note")
    values = await take_back(request, _SECOND_STEP, note)
    if values is None:
        return await see_other(request, "/login")
    attempt = await parts.accounts.check_code(
        AccountId(str(values["account"])), form.text("code"), parts.address_of(request)
    )
    if attempt.account is None:
        wrong = {"code": wrong_words(request, attempt.locked_until)}
        shown = Form().with_errors(wrong)
        return await _code_page(request, shown, note, form.text("_next"))
    return await _welcome(request, attempt, form)


async def _enter_passkey(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    try:
        attempt = await check_passkey(request, _SIGN_IN, form.text("_passkey"))
    except ConflictError:
        attempt = Attempt()
    if attempt.account is None:
        wrong = words.gettext("This passkey was not taken. Please try again.")
        return await _form_page(request, form.with_errors({"name": wrong}))
    return await _welcome(request, attempt, form)


async def _enter_demo(request: web.Request) -> web.Response:
    form, accounts = form_of(request), parts_of(request).accounts
    try:
        chosen = AccountId(form.text("account"))
    except MalformedMessageError:
        raise NotFoundError("account") from None
    for account in await accounts.demo_accounts():
        if account.id == chosen:
            return await _welcome(request, Attempt(account), form)
    raise NotFoundError("account")


async def _leave(request: web.Request) -> web.Response:
    await sign_out(request, parts_of(request).sessions)
    response = await see_other(request, "/login?bye=1")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


async def _stay(request: web.Request) -> web.Response:  # noqa: ARG001
    """Nothing but a sign of life: the request itself keeps the session awake."""
    return web.Response(status=204)


async def _kept(request: web.Request) -> web.Response:
    """What could not be shown in its own page: the texts, and a button to send them."""
    account = account_of(request)
    late = await kept_for(request, parts_of(request).sessions, account.id)
    if late is None:
        raise NotFoundError("kept form")
    return await page(
        request,
        "kept.html",
        action=late.action,
        values=dict(late.values),
        typed=Form(late.values).typed(),
    )


async def _welcome(request: web.Request, attempt: Attempt, form: Form) -> web.Response:
    account = attempt.account
    assert account is not None
    late = await sign_in(request, parts_of(request).sessions, account.id)
    if late is not None:
        return await _back_to(request, Late.parse(late), account)
    onward = form.text("_next")
    if not is_our_address(onward):
        onward = home_for(request, account)
    return await see_other(request, onward, saved=_last(request, account, attempt))


async def _back_to(
    request: web.Request, late: Late, account: AccountView
) -> web.Response:
    """The page that was open when the session ended, with everything typed into it."""
    remember(await get_session(request), late)
    words = request.config_dict[WORDS][account.language]
    saved = words.gettext("Your entries are here again. They are not saved yet.")
    return await see_other(request, late.back, saved=saved)


def _last(request: web.Request, account: AccountView, attempt: Attempt) -> str:
    """When the person came in before, so that a stranger's visit is noticed."""
    if attempt.last_at is None:
        return ""
    words = request.config_dict[WORDS][account.language]
    when = words.moment(attempt.last_at)
    return words.gettext("Last sign-in: %(when)s.") % {"when": when}


async def _form_page(request: web.Request, form: Form) -> web.Response:
    parts = parts_of(request)
    people = await parts.accounts.demo_accounts()
    challenge = await challenge_of(request, _SIGN_IN)
    seen: Mapping[str, bool] = {n: n in request.query for n in ("bye", "late")}
    return await page(
        request,
        "login.html",
        status=422 if form.errors else 200,
        form=form,
        people=people,
        goodbye=seen["bye"],
        late=seen["late"],
        options=request_options(site_of(parts), challenge),
    )


async def _code_page(
    request: web.Request, form: Form, note: str, onward: str
) -> web.Response:
    return await page(
        request,
        "login_code.html",
        status=422 if form.errors else 200,
        form=form,
        kept={"_note": note, "_next": onward},
    )
