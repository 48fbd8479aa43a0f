"""S1 /login/step-up: "please confirm that it is you", between a button and its effect.

Enters: a writing request whose sign-in is older than five minutes. Leaves: nothing, and the
request goes on under a new token; or a page that asks, with all that was typed in it. Must
never happen: the effect without the proof (SR-B7); a typed text that is lost by cancelling.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.passkey import request_options
from node.errors import ConflictError
from node.web.door import challenge_of, check_passkey, site_of
from node.web.forms import Form
from node.web.frame import (
    KNOWN_PATHS,
    VISIT,
    AccountView,
    Visit,
    account_of,
    form_of,
    page,
    parts_of,
    words_of,
)
from node.web.guard import FORM
from node.web.keptform import Late, keep, late_form, remember
from node.web.session import renew, token_of

PURPOSE: Final = "proof"


async def proven(request: web.Request, canonical: str) -> web.Response | None:
    """None if the request may have its effect; otherwise what to answer.

    Args:
        request: A writing request of somebody who is signed in.
        canonical: Its address as routes spell it.
    """
    storage = parts_of(request).sessions
    if storage.is_fresh(request):
        return None
    form = form_of(request)
    has_page = canonical in request.config_dict[KNOWN_PATHS]
    origin = parts_of(request).settings.origin
    late = late_form(request, origin, has_page=has_page)
    if late is None:
        raise web.HTTPForbidden
    if form.text("_proof") == "cancel":
        await keep(request, storage, account_of(request).id, late)
        remember(await get_session(request), late)
        return web.Response(status=303, headers={"Location": late.back})
    errors = await wrong_proof(request, form, account_of(request))
    if errors is not None:
        return await _ask(request, late, form.with_errors(errors))
    await _go_on(request, late)
    return None


async def _go_on(request: web.Request, late: Late) -> None:
    """Under a new token, with the form as it was before anybody asked."""
    session = await renew(request, parts_of(request).sessions)
    token = token_of(session).form_token
    request[FORM] = Form(late.values)
    request[VISIT] = Visit(request[VISIT].account, token)


async def wrong_proof(
    request: web.Request, form: Form, account: AccountView
) -> Mapping[str, str] | None:
    """None after a good proof; sentences after a wrong one; nothing to say at first."""
    words, parts = words_of(request), parts_of(request)
    match form.text("_proof"):
        case "demo":
            return None if parts.settings.demo else {}
        case "passkey":
            try:
                attempt = await check_passkey(
                    request, PURPOSE, form.text("_passkey"), account.id
                )
            except ConflictError:
                attempt = None
            if attempt is not None and attempt.account is not None:
                return None
            wrong = words.gettext("This passkey was not taken. Please try again.")
            return {"_proof_password": wrong}
        case "password":
            address = parts.address_of(request)
            attempt = await parts.accounts.check_password(
                account.login, form.text("_proof_password"), address
            )
            if attempt.needs_code:
                attempt = await parts.accounts.check_code(
                    account.id, form.text("_proof_code"), address
                )
            if attempt.account is not None and attempt.account.id == account.id:
                return None
            return {"_proof_password": wrong_words(request, attempt.locked_until)}
    return {}


def wrong_words(request: web.Request, locked_until: datetime | None) -> str:
    """One text for all that is wrong; while passwords wait, until when."""
    words = words_of(request)
    if locked_until is None:
        return words.gettext("Name, password or code is not right. Please check them.")
    return words.gettext(
        "Too many wrong tries: locked until %(time)s. A passkey still works."
    ) % {"time": locked_words(request, locked_until)}


def locked_words(request: web.Request, until: datetime) -> str:
    """A time of day, rounded up to the minute that is surely over the wait."""
    if until.second or until.microsecond:
        until = until.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return words_of(request).time(until)


async def _ask(request: web.Request, late: Late, form: Form) -> web.Response:
    parts = parts_of(request)
    challenge = await challenge_of(request, PURPOSE)
    kept = dict(late.values)
    return await page(
        request,
        "step_up.html",
        status=422 if form.errors else 200,
        form=replace(form, values={}),
        action=late.action,
        kept=kept,
        back=late.back,
        options=request_options(site_of(parts), challenge),
    )
