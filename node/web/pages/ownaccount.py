"""Mein Konto, the small choices: short cuts, and staying signed in.

Enters: one choice of the own account; a sign of life. Leaves: the account as its owner wants
it. Must never happen: another account changed. Implements SC-13 (the line), SC-18.
"""

from dataclasses import replace

from aiohttp import web

from node.accounts.ports import StaffUnit
from node.ids import AccountId
from node.web.frame import Route, account_of, form_of, parts_of, see_other, words_of


def routes() -> list[Route]:
    """The addresses of choices about the own account."""
    return [
        Route("GET", "/accounts/me/stay", _stay),
        Route("POST", "/accounts/me/keys", _keys),
    ]


async def _stay(request: web.Request) -> web.Response:  # noqa: ARG001 - the visit is all
    return web.Response(status=204)


async def _keys(request: web.Request) -> web.Response:
    is_on = form_of(request).text("keys") == "on"
    await parts_of(request).run.write(_switch, account_of(request).id, is_on)
    words = words_of(request)
    saved = (
        words.gettext("Single keys are on.")
        if is_on
        else words.gettext("Single keys are off.")
    )
    return await see_other(request, "/accounts/me", saved=saved)


def _switch(uow: StaffUnit, account: AccountId, is_on: bool) -> None:  # noqa: FBT001
    with uow:
        found = uow.accounts.get(account)
        uow.accounts.replace(replace(found, single_keys=is_on))
        uow.commit()
