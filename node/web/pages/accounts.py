"""S14 Benutzer and Mein Konto: who works here, and where one is signed in.

Enters: what an administrator says of somebody new; a session to be ended. Leaves: an
invitation whose link is shown once, and the own sessions. Must never happen here: two roles
in one hand that must watch each other (DO-39); a link that is shown again. Implements
SR-B2 (a list with a switch to end each one), SR-B6, SC-65.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.model import Account, Bearer, Role
from node.accounts.policy import Actor
from node.accounts.ports import StaffUnit
from node.accounts.session import StoredSession
from node.cases.days import local_day
from node.casework import staff
from node.casework.staff import Invitation, Newcomer
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import AccountId
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import Words, msgid
from node.web.navigation import role_name
from node.web.session import token_of

_ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})
# Every set of roles that one person may have: a pair that excludes each other cannot be
# chosen, because it is not offered.
_CHOICES: Final[Mapping[str, frozenset[Role]]] = {
    "caseworker": frozenset({Role.CASEWORKER}),
    "approver": frozenset({Role.APPROVER}),
    "both": frozenset({Role.CASEWORKER, Role.APPROVER}),
    "administrator": frozenset({Role.ADMINISTRATOR}),
    "auditor": frozenset({Role.AUDITOR}),
}
_MAY: Final[Mapping[str, str]] = {
    "caseworker": msgid("Advises people and prepares handovers. Sees the own cases."),
    "approver": msgid("Approves what comes in. Sees no case before it is opened."),
    "both": msgid("Both, but never the second person for an own act."),
    "administrator": msgid("Manages accounts and the node. Sees no case."),
    "auditor": msgid("Checks the exchange log. Sees no case."),
}
_NOT_ENDED: Final = {
    "last_administrator": msgid("The last administrator cannot be ended."),
    "same_person": msgid("You cannot end your own account."),
}


def routes() -> list[Route]:
    """The addresses of accounts; the own one comes first, it would fit the others too."""
    return [
        Route("GET", "/accounts/me", _me),
        Route("POST", "/accounts/me/sessions", _end_session),
        Route("GET", "/accounts", _list, roles=_ADMINISTRATORS),
        Route("GET", "/accounts/new", _new, roles=_ADMINISTRATORS),
        Route("POST", "/accounts/new", _invite, roles=_ADMINISTRATORS),
        Route("POST", "/accounts/{account}/link", _link, roles=_ADMINISTRATORS),
        Route("GET", "/accounts/{account}/end", _ask_end, roles=_ADMINISTRATORS),
        Route("POST", "/accounts/{account}/end", _end, roles=_ADMINISTRATORS),
    ]


# ---- Who works here --------------------------------------------------------------------


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    today = local_day(parts.clock.now())
    people = await parts.run.read(staff.staff)
    return await page(
        request,
        "accounts.html",
        people=[
            {
                "id": account.id,
                "name": account.name,
                "login": account.login,
                "roles": _roles(account, words),
                "state": _state(account.is_active(today), has_password, words),
                "can_link": account.is_active(today) and not has_password,
                "can_end": account.is_active(today)
                and account.id != account_of(request).id,
            }
            for account, has_password in people
        ],
    )


async def _new(request: web.Request) -> web.Response:
    return await _new_page(request, Form())


async def _invite(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    errors = {
        field: sentence
        for field, sentence in (
            ("name", words.gettext("Please add: first and last name")),
            ("login", words.gettext("Please add: a user name")),
        )
        if not form.text(field).strip()
    }
    if form.text("roles") not in _CHOICES:
        errors["roles"] = words.gettext("Please choose what the person may do.")
    if errors:
        return await _new_page(request, form.with_errors(errors))
    newcomer = Newcomer(
        form.text("login"), form.text("name"), _CHOICES[form.text("roles")]
    )
    invitation = _invitation(request, AccountId.of(parts.randomness(16)))
    try:
        account = await parts.run.write(
            _do_invite, newcomer, invitation, _actor(request)
        )
    except ConflictError:
        taken = words.gettext("This user name is taken. Please choose another one.")
        return await _new_page(request, form.with_errors({"login": taken}))
    except InputError:
        wrong = words.gettext("This entry is too long. Please shorten it.")
        return await _new_page(request, form.with_errors({"name": wrong}))
    return await _link_page(request, account, invitation)


async def _link(request: web.Request) -> web.Response:
    """A new link for somebody who has not come in yet; the one before ends."""
    invitation = _invitation(request, path_id(request, "account", AccountId))
    try:
        account = await parts_of(request).run.write(
            _do_invite_again, invitation, _actor(request)
        )
    except InputError:
        raise NotFoundError("account") from None
    return await _link_page(request, account, invitation)


async def _ask_end(request: web.Request) -> web.Response:
    account = await _account(request)
    return await page(request, "account_end.html", account=account, problem="")


async def _end(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    account = await _account(request)
    try:
        await parts.run.write(_do_end, account.id, parts.clock.now(), _actor(request))
    except InputError as error:
        problem = words.gettext(_NOT_ENDED[error.reason])
        return await page(
            request, "account_end.html", status=409, account=account, problem=problem
        )
    saved = words.gettext("%(name)s can no longer sign in.") % {"name": account.name}
    return await see_other(request, "/accounts", saved=saved)


async def _account(request: web.Request) -> Account:
    number = path_id(request, "account", AccountId)
    account: Account = await parts_of(request).run.read(_get, number)
    return account


async def _new_page(request: web.Request, form: Form) -> web.Response:
    words = words_of(request)
    names = {"both": words.gettext("Caseworker and approver")} | {
        str(role): words.gettext(role_name(role)) for role in Role
    }
    choices = [(value, names[value], words.gettext(_MAY[value])) for value in _CHOICES]
    return await page(
        request,
        "account_new.html",
        status=422 if form.errors else 200,
        form=form,
        choices=choices,
    )


async def _link_page(
    request: web.Request, account: Account, invitation: Invitation
) -> web.Response:
    """Shown in answer to the form itself, so that the link is stored nowhere."""
    origin = parts_of(request).settings.origin
    return await page(
        request,
        "account_link.html",
        account=account,
        link=f"{origin}/setup/{invitation.link}",
    )


def _invitation(request: web.Request, account: AccountId) -> Invitation:
    parts = parts_of(request)
    link = Bearer.of(parts.randomness(32))
    return Invitation(account, link, parts.clock.now())


def _roles(account: Account, words: Words) -> str:
    return ", ".join(
        words.gettext(role_name(role)) for role in Role if role in account.roles
    )


def _state(is_active: bool, has_password: bool, words: Words) -> tuple[str, str]:  # noqa: FBT001
    if not is_active:
        return words.gettext("ended"), ""
    if not has_password:
        return words.gettext("invited"), "info"
    return words.gettext("active"), "success"


# ---- The own account -------------------------------------------------------------------


async def _me(request: web.Request) -> web.Response:
    parts, account = parts_of(request), account_of(request)
    now, own = parts.clock.now(), await _own_hash(request)
    sessions = await parts.run.read(_sessions, account.id)
    return await page(
        request,
        "account_me.html",
        roles=[role_name(role) for role in Role if role in account.roles],
        sessions=[
            {
                "key": session.token_hash.hex(),
                "began_at": session.began_at,
                "seen_at": session.seen_at,
                "is_this": hmac.compare_digest(session.token_hash, own),
            }
            for session in sessions
            if session.is_alive(now)
        ],
    )


async def _end_session(request: web.Request) -> web.Response:
    """End one of the own sessions; it is out within one request."""
    parts, account = parts_of(request), account_of(request)
    try:
        chosen = bytes.fromhex(form_of(request).text("session"))
    except ValueError:
        raise NotFoundError("session") from None
    await parts.run.write(_do_end_session, account.id, chosen)
    saved = words_of(request).gettext("The session is ended.")
    return await see_other(request, "/accounts/me", saved=saved)


async def _own_hash(request: web.Request) -> bytes:
    return token_of(await get_session(request)).stored_hash


# ---- Use cases in one thread hop -------------------------------------------------------


def _actor(request: web.Request) -> Actor:
    account = account_of(request)
    return Actor(account.id, account.roles)


def _do_invite(
    uow: StaffUnit, newcomer: Newcomer, invitation: Invitation, by: Actor
) -> Account:
    return staff.invite(uow, newcomer, invitation, by=by)


def _do_invite_again(uow: StaffUnit, invitation: Invitation, by: Actor) -> Account:
    return staff.invite_again(uow, invitation, by=by)


def _do_end(uow: StaffUnit, account: AccountId, at: datetime, by: Actor) -> None:
    staff.end_account(uow, account, at, by=by)


def _get(uow: StaffUnit, account: AccountId) -> Account:
    return uow.accounts.get(account)


def _sessions(uow: StaffUnit, account: AccountId) -> list[StoredSession]:
    return list(uow.sessions.of(account))


def _do_end_session(uow: StaffUnit, account: AccountId, chosen: bytes) -> None:
    with uow:
        # Only the own ones: another's hash ends nothing and tells nothing.
        if any(s.token_hash == chosen for s in uow.sessions.of(account)):
            uow.sessions.delete(chosen)
        uow.commit()
