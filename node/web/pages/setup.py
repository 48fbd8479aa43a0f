"""The way in by a set-up link: once, within 15 minutes, to a way of one's own (SR-B6).

Enters: the token of a link; a new passkey, or a password with an app. Leaves: an account
that can sign in, or one sentence that the link is no longer good. Must never happen here: a
different answer for a link that is used, over or was never made; a link that is used up by
a password we refuse.
"""

from aiohttp import web

from node.accounts.model import Account, Bearer
from node.accounts.password import SHORTEST
from node.accounts.secondfactor import RecoveryCode
from node.casework.ownaccount import NewPassword
from node.casework.staff import look_at_link, set_up
from node.errors import ConflictError, InputError, MalformedMessageError, NotFoundError
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, words_of
from node.web.newway import (
    app_note,
    app_shown,
    bare,
    made_passkey,
    made_password,
    passkey_options,
    passkey_words,
    password_words,
)


def routes() -> list[Route]:
    """The addresses of set-up links."""
    return [
        Route("GET", "/setup/{token}", _show, is_public=True),
        Route("POST", "/setup/{token}", _set_password, is_public=True),
        Route("POST", "/setup/{token}/passkey", _set_passkey, is_public=True),
    ]


async def _show(request: web.Request) -> web.Response:
    account = await _invited(request)
    if account is None:
        return await _over(request)
    return await _form_page(request, account, Form())


async def _set_passkey(request: web.Request) -> web.Response:
    account, form = await _invited(request), form_of(request)
    if account is None:
        return await _over(request)
    try:
        passkey = await made_passkey(request, account)
        await parts_of(request).run.write(
            set_up, _digest(request), passkey, parts_of(request).clock.now()
        )
    except InputError as error:
        wrong = passkey_words(error, words_of(request))
        return await _form_page(request, account, form.with_errors(wrong))
    except (NotFoundError, ConflictError):
        return await _over(request)
    return await _done(request, account, ())


async def _set_password(request: web.Request) -> web.Response:
    parts, form = parts_of(request), form_of(request)
    account = await _invited(request)
    if account is None:
        return await _over(request)
    made = await made_password(request, account)
    if not isinstance(made, NewPassword):
        return await _form_page(request, account, form.with_errors(made))
    try:
        await parts.run.write(set_up, _digest(request), made, parts.clock.now())
    except InputError as error:
        wrong = password_words(error, words_of(request))
        return await _form_page(request, account, form.with_errors(wrong))
    except NotFoundError:
        return await _over(request)
    return await _done(request, account, tuple(made.codes))


async def _invited(request: web.Request) -> Account | None:
    """Whose link this is; looking does not use it up."""
    parts = parts_of(request)
    try:
        digest = _digest(request)
    except MalformedMessageError:
        return None
    # A writing unit that is not committed: the store undoes it.
    account: Account | None = await parts.run.write(
        look_at_link, digest, parts.clock.now()
    )
    return account


def _digest(request: web.Request) -> bytes:
    return Bearer(request.match_info["token"]).digest


async def _over(request: web.Request) -> web.Response:
    return await page(request, "setup.html", status=404, state="over")


async def _done(
    request: web.Request, account: Account, codes: tuple[RecoveryCode, ...]
) -> web.Response:
    """Codes are shown in answer to the form itself: they are stored as digests alone."""
    return await page(
        request, "setup.html", state="done", login=account.login, codes=codes
    )


async def _form_page(
    request: web.Request, account: Account, form: Form
) -> web.Response:
    app = await app_shown(request, account, form.text("_note"))
    if app is None:
        app = await app_shown(request, account, await app_note(request))
    return await page(
        request,
        "setup.html",
        status=422 if form.errors else 200,
        state="form",
        login=account.login,
        name=account.name,
        form=bare(form),
        address=f"/setup/{request.match_info['token']}",
        least=SHORTEST,
        app=app,
        options=await passkey_options(request, account),
    )
