"""S14 Rollen und Zugangswege: an administrator asks, a second person confirms.

Enters: new roles, or the wish to reset somebody's ways in. Leaves: a change that waits for
seven days; after the second yes its effect, and a link shown once. Must never happen here:
a second yes offered to who asked; a page for the second person that shows less than the
first one saw. Implements SR-B7, SC-33, SC-65 and recovery by two persons.
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from node.accounts.changes import CHANGE_LIFE, ChangeKind
from node.accounts.model import Account, Bearer, Role
from node.accounts.ports import StaffUnit
from node.casework import staffchanges
from node.casework.staffchanges import Shown, Wish
from node.errors import InputError, NotFoundError
from node.ids import AccountId, Hex128
from node.web.casework import actor
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
from node.web.pages.accounts import ADMINISTRATORS, CHOICES, EXCLUDED_WORDS, choices

_NOT_ASKED: Final = {
    "last_administrator": msgid("The last administrator must stay one."),
    "same_person": msgid("You cannot change your own roles or ways in here."),
    "over": msgid("This account is over."),
    "same": msgid("These are the roles the person has already."),
}


def routes() -> list[Route]:
    """The addresses of changes; they come before those of single accounts."""
    one = "/accounts/{account}"
    admins, seconds = ADMINISTRATORS, ADMINISTRATORS | {Role.APPROVER}
    return [
        Route("GET", "/accounts/changes", _list, roles=seconds),
        Route("GET", "/accounts/changes/{change}", _show, roles=seconds),
        Route(
            "POST",
            "/accounts/changes/{change}",
            _confirm,
            roles=seconds,
            asks_proof=True,
        ),
        Route("GET", f"{one}/roles", _ask_roles, roles=admins),
        Route("POST", f"{one}/roles", _set_roles, roles=admins, asks_proof=True),
        Route("GET", f"{one}/reset", _ask_reset, roles=admins),
        Route("POST", f"{one}/reset", _reset, roles=admins, asks_proof=True),
    ]


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    found: Sequence[Shown] = await parts.run.read(
        staffchanges.waiting, parts.clock.now(), by=actor(request)
    )
    return await page(
        request, "account_changes.html", changes=[_row(one, words) for one in found]
    )


async def _show(request: web.Request) -> web.Response:
    return await _change_page(request)


async def _change_page(request: web.Request, *, status: int = 200) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    change = path_id(request, "change", Hex128)
    shown: Shown = await parts.run.read(
        staffchanges.show, change, parts.clock.now(), by=actor(request)
    )
    me = account_of(request).id
    return await page(
        request,
        "account_change.html",
        status=status,
        **_row(shown, words),
        login=shown.account.login,
        ways=shown.ways,
        before=_roles(shown.account.roles, words),
        is_mine=me == shown.change.asked_by,
        is_about_me=me == shown.change.account,
        is_unchanged=shown.is_unchanged,
    )


async def _confirm(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    change = path_id(request, "change", Hex128)
    link = Bearer.of(parts.randomness(32))
    try:
        shown: Shown = await parts.run.write(
            staffchanges.confirm, change, link, parts.clock.now(), by=actor(request)
        )
    except InputError:
        return await _change_page(request, status=409)
    if shown.change.kind is ChangeKind.WAYS:
        # Shown in answer to the form itself, so that the link is stored nowhere.
        return await page(
            request,
            "account_link.html",
            account=shown.account,
            link=f"{parts.settings.origin}/setup/{link}",
        )
    saved = words.gettext("The roles of %(name)s are changed.")
    return await see_other(
        request, "/accounts/changes", saved=saved % {"name": shown.account.name}
    )


async def _ask_roles(request: web.Request) -> web.Response:
    account = await _account(request)
    now = next((v for v, roles in CHOICES.items() if roles == account.roles), "")
    return await _roles_page(request, account, Form().starting({"roles": now}))


async def _set_roles(request: web.Request) -> web.Response:
    account, form, words = (
        await _account(request), form_of(request), words_of(request),
    )  # fmt: skip
    if form.text("roles") not in CHOICES:
        wrong = {"roles": words.gettext("Please choose what the person may do.")}
        return await _roles_page(request, account, form.with_errors(wrong))
    try:
        return await _ask(
            request, account, ChangeKind.ROLES, CHOICES[form.text("roles")]
        )
    except InputError as error:
        wrong = {"roles": words.gettext(_NOT_ASKED[error.reason])}
        return await _roles_page(request, account, form.with_errors(wrong))


async def _roles_page(
    request: web.Request, account: Account, form: Form
) -> web.Response:
    words = words_of(request)
    return await page(
        request,
        "account_roles.html",
        status=422 if form.errors else 200,
        account=account,
        form=form,
        choices=choices(words),
        excluded=words.gettext(EXCLUDED_WORDS),
    )


async def _ask_reset(request: web.Request) -> web.Response:
    account = await _account(request)
    return await page(request, "account_reset.html", account=account, problem="")


async def _reset(request: web.Request) -> web.Response:
    account, words = await _account(request), words_of(request)
    try:
        return await _ask(request, account, ChangeKind.WAYS, frozenset())
    except InputError as error:
        problem = words.gettext(_NOT_ASKED[error.reason])
        return await page(
            request, "account_reset.html", status=409, account=account, problem=problem
        )


async def _ask(
    request: web.Request, account: Account, kind: ChangeKind, roles: frozenset[Role]
) -> web.Response:
    parts = parts_of(request)
    wish = Wish(Hex128.of(parts.randomness(16)), account.id, kind, roles)
    await parts.run.write(staffchanges.ask, wish, parts.clock.now(), by=actor(request))
    saved = words_of(request).gettext(
        "Asked for. A second person must confirm it within 7 days."
    )
    return await see_other(request, "/accounts/changes", saved=saved)


async def _account(request: web.Request) -> Account:
    number = path_id(request, "account", AccountId)
    account: Account | None = await parts_of(request).run.read(_get, number)
    if account is None:
        raise NotFoundError("account")
    return account


def _row(shown: Shown, words: Words) -> dict[str, object]:
    change = shown.change
    what = (
        words.gettext("New roles: %(roles)s") % {"roles": _roles(change.roles, words)}
        if change.kind is ChangeKind.ROLES
        else words.gettext("All ways in end, and a new link is made")
    )
    return {
        "id": change.id,
        "name": shown.account.name,
        "what": what,
        "asked_by": shown.asked_by,
        "asked_at": change.asked_at,
        "until": change.asked_at + CHANGE_LIFE,
    }


def _roles(roles: frozenset[Role], words: Words) -> str:
    return ", ".join(words.gettext(role_name(role)) for role in Role if role in roles)


def _get(uow: StaffUnit, account: AccountId) -> Account:
    return uow.accounts.get(account)
