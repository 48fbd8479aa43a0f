"""S14 Mein Konto: how one comes in, where one is signed in, how the pages look.

Enters: a new passkey, a new password with its app, wishes, a session to be ended. Leaves:
the own account, changed. Must never happen here: somebody else's account; the last way in
taken away; recovery codes that can be shown again. Implements SR-B2, SR-B4, SC-65.
"""

import hmac
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.model import Account, Reading, Role
from node.accounts.passkey import Passkey
from node.accounts.password import SHORTEST
from node.accounts.ports import StaffUnit
from node.accounts.secondfactor import RecoveryCode
from node.accounts.secondfactor import new_codes as draw_codes
from node.casework import ownaccount
from node.casework.ownaccount import NewPassword, Own, Wishes
from node.casework.signin import PASSKEY, PASSWORD, RECOVERY
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import AccountId
from node.web.forms import Form
from node.web.frame import (
    WORDS,
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Language, Words, msgid
from node.web.navigation import role_name
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
from node.web.session import token_of

_HERE: Final = "/accounts/me"
_LANGUAGES: Final = (("de", "Deutsch"), ("en", "English"))
_THEMES: Final = (
    ("system", msgid("As the system")),
    ("light", msgid("Light")),
    ("dark", msgid("Dark")),
)
_WAYS: Final = {
    PASSKEY: msgid("passkey"),
    PASSWORD: msgid("password and code"),
    RECOVERY: msgid("recovery code"),
}
_LAST_WAY: Final = msgid(
    "This is your last way in. Please set up another one before you remove it."
)
_ACCESSES: Final = {
    "break_glass": msgid("emergency access"),
    "break_glass.second": msgid("agreed to an emergency access"),
    "preview.open": msgid("names of an offer"),
}


def routes() -> list[Route]:
    """The addresses of the own account."""
    return [
        Route("GET", _HERE, _show),
        Route("POST", _HERE, _save),
        Route("POST", f"{_HERE}/sessions", _end_session),
        Route("POST", f"{_HERE}/passkeys", _add_passkey, asks_proof=True),
        Route("POST", f"{_HERE}/passkeys/end", _end_passkey, asks_proof=True),
        # What is secret is not carried through a proof, so the proof comes first.
        Route("POST", f"{_HERE}/password/begin", _begin_password, asks_proof=True),
        Route("GET", f"{_HERE}/password", _ask_password),
        Route("POST", f"{_HERE}/password", _set_password, asks_proof=True),
        Route("POST", f"{_HERE}/password/end", _end_password, asks_proof=True),
        Route("POST", f"{_HERE}/codes", _new_codes, asks_proof=True),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _save(request: web.Request) -> web.Response:
    """Language, look and keys: nothing here needs a proof."""
    form, parts, account = form_of(request), parts_of(request), account_of(request)
    wishes = Wishes(
        form.text("language"), form.text("theme"), form.text("single_keys") == "yes"
    )
    try:
        await parts.run.write(ownaccount.change_wishes, account.id, wishes)
    except InputError:
        raise web.HTTPBadRequest from None
    language = Language(wishes.language)
    words = request.config_dict[WORDS][language]
    return await see_other(
        request, _HERE, saved=words.gettext("Your wishes are saved.")
    )


async def _end_session(request: web.Request) -> web.Response:
    """End one of the own sessions; it is out within one request."""
    parts, account = parts_of(request), account_of(request)
    try:
        chosen = bytes.fromhex(form_of(request).text("session"))
    except ValueError:
        raise NotFoundError("session") from None
    await parts.run.write(ownaccount.end_session, account.id, chosen)
    saved = words_of(request).gettext("The session is ended.")
    return await see_other(request, _HERE, saved=saved)


async def _add_passkey(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    try:
        passkey = await made_passkey(request, await _account(request))
        await parts.run.write(ownaccount.add_passkey, passkey)
    except InputError as error:
        return await _page(request, form.with_errors(passkey_words(error, words)))
    except ConflictError:
        known = words.gettext("This passkey is known already.")
        return await _page(request, form.with_errors({"label": known}))
    saved = words.gettext("The passkey is set up. Try it at your next sign-in.")
    return await see_other(request, _HERE, saved=saved)


async def _end_passkey(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    try:
        chosen = bytes.fromhex(form_of(request).text("passkey"))
    except ValueError:
        raise NotFoundError("passkey") from None
    try:
        await parts.run.write(ownaccount.end_passkey, account_of(request).id, chosen)
    except InputError:
        return await _page(request, Form(), problem=words.gettext(_LAST_WAY))
    saved = words.gettext("The passkey is removed.")
    return await see_other(request, _HERE, saved=saved)


async def _begin_password(request: web.Request) -> web.Response:
    return await see_other(request, f"{_HERE}/password")


async def _ask_password(request: web.Request) -> web.Response:
    return await _password_page(request, Form())


async def _set_password(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    account = await _account(request)
    made = await made_password(request, account)
    if not isinstance(made, NewPassword):
        return await _password_page(request, form.with_errors(made))
    try:
        await parts.run.write(
            ownaccount.set_password, account.id, made, parts.clock.now()
        )
    except InputError as error:
        wrong = password_words(error, words)
        return await _password_page(request, form.with_errors(wrong))
    return await _codes_page(request, tuple(made.codes))


async def _end_password(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    try:
        await parts.run.write(ownaccount.end_password, account_of(request).id)
    except InputError:
        return await _page(request, Form(), problem=words.gettext(_LAST_WAY))
    saved = words.gettext("Password, app and recovery codes are removed.")
    return await see_other(request, _HERE, saved=saved)


async def _new_codes(request: web.Request) -> web.Response:
    parts = parts_of(request)
    codes = tuple(draw_codes(parts.randomness))
    try:
        await parts.run.write(ownaccount.new_codes, account_of(request).id, codes)
    except InputError:
        raise NotFoundError("codes") from None
    return await _codes_page(request, codes)


# ---- The pages -------------------------------------------------------------------------


async def _page(request: web.Request, form: Form, *, problem: str = "") -> web.Response:
    parts, words, account = parts_of(request), words_of(request), account_of(request)
    own: Own = await parts.run.read(
        ownaccount.own_account, account.id, parts.clock.now()
    )
    here = token_of(await get_session(request)).stored_hash
    return await page(
        request,
        "account_me.html",
        status=422 if form.errors else (409 if problem else 200),
        problem=problem,
        form=bare(form),
        wishes=Form().starting(
            {
                "language": own.account.language,
                "theme": own.account.theme,
                "single_keys": "yes" if own.account.single_keys else "",
            }
        ),
        languages=_LANGUAGES,
        themes=[(value, words.gettext(text)) for value, text in _THEMES],
        roles=[role_name(role) for role in Role if role in account.roles],
        may_deputise=bool(account.roles - {Role.AUDITOR}),
        may_confirm=bool(account.roles & {Role.APPROVER, Role.ADMINISTRATOR}),
        ways=own.ways,
        last=_last(own, words),
        passkeys=[_passkey(key) for key in own.passkeys],
        options=await passkey_options(request, own.account, own.passkeys),
        sessions=[
            {
                "key": session.token_hash.hex(),
                "began_at": session.began_at,
                "seen_at": session.seen_at,
                "is_this": hmac.compare_digest(session.token_hash, here),
            }
            for session in own.sessions
        ],
        accesses=[_access(line, words) for line in own.readings],
    )


def _last(own: Own, words: Words) -> str:
    if own.last is None:
        return ""
    at, way = own.last
    name = words.gettext(_WAYS[way])
    return words.gettext("%(when)s, with %(way)s") % {
        "when": words.moment(at),
        "way": name,
    }


def _passkey(key: Passkey) -> Mapping[str, object]:
    return {
        "id": key.id.hex(),
        "label": key.label,
        "made_at": key.made_at,
        "used_at": key.used_at,
    }


def _access(line: Reading, words: Words) -> Mapping[str, object]:
    """One line of what I looked at: by number, a list of names would be a second file."""
    text = msgid("exchange log") if line.action.startswith("log.") else msgid("case")
    return {
        "at": line.at,
        "what": words.gettext(_ACCESSES.get(line.action, text)),
        "number": line.case[:8] if line.case.strip("0") else "",
    }


async def _password_page(request: web.Request, form: Form) -> web.Response:
    account = await _account(request)
    app = await app_shown(request, account, form.text("_note"))
    if app is None:
        app = await app_shown(request, account, await app_note(request))
    return await page(
        request,
        "account_password.html",
        status=422 if form.errors else 200,
        form=bare(form),
        app=app,
        least=SHORTEST,
    )


async def _codes_page(
    request: web.Request, codes: tuple[RecoveryCode, ...]
) -> web.Response:
    """Shown in answer to the form itself: the codes are stored as digests alone."""
    return await page(request, "account_codes.html", codes=codes)


async def _account(request: web.Request) -> Account:
    number = account_of(request).id
    account: Account = await parts_of(request).run.read(_get, number)
    return account


def _get(uow: StaffUnit, account: AccountId) -> Account:
    return uow.accounts.get(account)
