"""S14 Benutzer: who works here, how they come in for the first time, how they leave.

Enters: what an administrator says of somebody new, or of somebody who leaves. Leaves: an
invitation whose link is shown once; an account that is over. Must never happen here: two
roles in one hand that must watch each other (DO-39); a link that is shown again. Implements
SR-B6, SC-65.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from node.accounts.model import Account, Bearer, Role
from node.accounts.policy import Actor
from node.accounts.ports import StaffUnit
from node.cases.days import local_day
from node.casework import staff, staffchanges
from node.casework.archiving import abandoned
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

ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})
# Every set of roles that one person may have: a pair that excludes each other cannot be
# chosen, because it is not offered.
CHOICES: Final[Mapping[str, frozenset[Role]]] = {
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
EXCLUDED_WORDS: Final = msgid(
    "Other combinations cannot be chosen: who checks must not act, and who manages accounts"
    " must see no case."
)
_NOT_ENDED: Final = {
    "last_administrator": msgid("The last administrator cannot be ended."),
    "same_person": msgid("You cannot end your own account."),
}


def routes() -> list[Route]:
    """The addresses of accounts."""
    return [
        Route("GET", "/accounts", _list, roles=ADMINISTRATORS),
        Route("GET", "/accounts/new", _new, roles=ADMINISTRATORS),
        Route("POST", "/accounts/new", _invite, roles=ADMINISTRATORS, asks_proof=True),
        Route(
            "POST",
            "/accounts/{account}/link",
            _link,
            roles=ADMINISTRATORS,
            asks_proof=True,
        ),
        Route("GET", "/accounts/{account}/end", _ask_end, roles=ADMINISTRATORS),
        Route(
            "POST",
            "/accounts/{account}/end",
            _end,
            roles=ADMINISTRATORS,
            asks_proof=True,
        ),
    ]


# ---- Who works here --------------------------------------------------------------------


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    today = local_day(parts.clock.now())
    people = await parts.run.read(staff.staff)
    seen, waiting = await parts.run.read(_seen, parts.clock.now(), _actor(request))
    return await page(
        request,
        "accounts.html",
        waiting=waiting,
        abandoned=await parts.run.read(abandoned, today, by=_actor(request)),
        people=[
            {
                "id": account.id,
                "name": account.name,
                "login": account.login,
                "roles": _roles(account, words),
                "state": _state(account.is_active(today), has_password, words),
                "can_link": account.is_active(today) and not has_password,
                "last_at": seen.get(account.id),
                "is_other": account.id != account_of(request).id,
                "is_active": account.is_active(today),
                "has_cases": Role.CASEWORKER in account.roles,
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
    if form.text("roles") not in CHOICES:
        errors["roles"] = words.gettext("Please choose what the person may do.")
    if errors:
        return await _new_page(request, form.with_errors(errors))
    newcomer = Newcomer(
        form.text("login"), form.text("name"), CHOICES[form.text("roles")]
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


def choices(words: Words) -> list[tuple[str, str, str]]:
    """What a person may be: value, name, what it means."""
    names = {"both": words.gettext("Caseworker and approver")} | {
        str(role): words.gettext(role_name(role)) for role in Role
    }
    return [(value, names[value], words.gettext(_MAY[value])) for value in CHOICES]


async def _new_page(request: web.Request, form: Form) -> web.Response:
    words = words_of(request)
    return await page(
        request,
        "account_new.html",
        status=422 if form.errors else 200,
        form=form,
        choices=choices(words),
        excluded=words.gettext(EXCLUDED_WORDS),
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


# ---- Use cases in one thread hop -------------------------------------------------------


def _actor(request: web.Request) -> Actor:
    return account_of(request).actor


def _do_invite(
    uow: StaffUnit, newcomer: Newcomer, invitation: Invitation, by: Actor
) -> Account:
    return staff.invite(uow, newcomer, invitation, by=by)


def _do_invite_again(uow: StaffUnit, invitation: Invitation, by: Actor) -> Account:
    return staff.invite_again(uow, invitation, by=by)


def _do_end(uow: StaffUnit, account: AccountId, at: datetime, by: Actor) -> None:
    staff.end_account(uow, account, at, by=by)


def _seen(
    uow: StaffUnit, at: datetime, by: Actor
) -> tuple[Mapping[AccountId, datetime], int]:
    return uow.ways.all_last_seen(), len(staffchanges.waiting(uow, at, by=by))


def _get(uow: StaffUnit, account: AccountId) -> Account:
    return uow.accounts.get(account)
