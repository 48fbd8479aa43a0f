"""Benachrichtigungen, a part of Mein Konto: where mails go to, and whether they are wanted.

Enters: an address, a choice. Leaves: the own account, changed. Must never happen here:
somebody else's account. Implements screens chapter 2 (mails).
"""

from typing import Final

from aiohttp import web

from node.casework.notices import Choice, choose, own_choice
from node.errors import InputError
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)

_HERE: Final = "/notifications"


def routes() -> list[Route]:
    """The address of the own choice."""
    return [Route("GET", _HERE, _show), Route("POST", _HERE, _save)]


async def _show(request: web.Request) -> web.Response:
    chosen: Choice = await parts_of(request).run.read(
        own_choice, account_of(request).id
    )
    wanted = "yes" if chosen.wanted else "no"
    return await _page(
        request, Form().starting({"email": chosen.email, "wanted": wanted})
    )


async def _save(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    if form.text("wanted") not in {"yes", "no"}:
        text = words.gettext("Please choose whether you want e-mails.")
        return await _page(request, form.with_errors({"wanted": text}))
    choice = Choice(form.text("email"), form.text("wanted") == "yes")
    try:
        await parts.run.write(choose, account_of(request).id, choice)
    except InputError as error:
        text = words.gettext("Please write the address like name@town.example.")
        if error.reason == "missing":
            text = words.gettext("Please add: your e-mail address at work")
        return await _page(request, form.with_errors({"email": text}))
    saved = words.gettext("Your choice is saved.")
    return await see_other(request, _HERE, saved=saved)


async def _page(request: web.Request, form: Form) -> web.Response:
    return await page(
        request,
        "notifications.html",
        status=422 if form.errors else 200,
        form=form,
        sends_mail=parts_of(request).settings.sends_mail,
    )
