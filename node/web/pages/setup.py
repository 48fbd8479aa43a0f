"""The way in by a set-up link: once, within 15 minutes, to a password of one's own (SR-B6).

Enters: the token of a link and a new password, typed twice. Leaves: an account that can
sign in, or one sentence that the link is no longer good. Must never happen here: a
different answer for a link that is used, over or was never made; a link that is used up by
a password we refuse.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from aiohttp import web

from node.accounts.model import Account, Bearer
from node.accounts.password import LONGEST, SHORTEST, hash_password
from node.casework.staff import FirstPassword, look_at_link, set_up
from node.errors import InputError, MalformedMessageError, NotFoundError
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, words_of
from node.web.language import Words, msgid

_WRONG: Final = {
    "too_short": msgid("The password is too short: at least %(least)s characters."),
    "too_long": msgid("The password is too long: at most %(most)s characters."),
    "too_common": msgid(
        "Others would try this password first. Please take another one, for example four"
        " words that do not belong together."
    ),
}


def routes() -> list[Route]:
    """The address of set-up links."""
    return [
        Route("GET", "/setup/{token}", _show, is_public=True),
        Route("POST", "/setup/{token}", _set, is_public=True),
    ]


async def _show(request: web.Request) -> web.Response:
    account = await _invited(request)
    if account is None:
        return await page(request, "setup.html", status=404, state="over")
    return await _form_page(request, account, Form())


async def _set(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    account = await _invited(request)
    if account is None:
        return await page(request, "setup.html", status=404, state="over")
    typed = form.text("password")
    if typed != form.text("again"):
        wrong = words.gettext("Both entries must be the same.")
        return await _form_page(request, account, form.with_errors({"again": wrong}))
    try:
        phc = await parts.run.file(
            partial(hash_password, randomness=parts.randomness), typed
        )
        await parts.run.write(
            set_up,
            _digest(request),
            FirstPassword(typed, phc, parts.settings.body),
            parts.clock.now(),
        )
    except InputError as error:
        errors = {"password": _sentence(error, words)}
        return await _form_page(request, account, form.with_errors(errors))
    except NotFoundError:
        return await page(request, "setup.html", status=404, state="over")
    return await page(request, "setup.html", state="done", login=account.login)


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


def _sentence(error: InputError, words: Words) -> str:
    numbers: Mapping[str, str] = {
        "least": words.number(SHORTEST),
        "most": words.number(LONGEST),
    }
    return words.gettext(_WRONG[error.reason]) % numbers


async def _form_page(
    request: web.Request, account: Account, form: Form
) -> web.Response:
    return await page(
        request,
        "setup.html",
        status=422 if form.errors else 200,
        state="form",
        login=account.login,
        name=account.name,
        form=form,
        address=request.path,
        least=SHORTEST,
    )
