"""A new way in, at a set-up link or under Mein Konto: a passkey, or a password with an app.

Enters: a form, the account it is for. Leaves: a checked passkey or password with app and
recovery codes, or sentences at their fields. Must never happen: a password that is kept
before its app has shown one good code; a secret of an app that another browser can use.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from aiohttp import web

from node.accounts.model import Account
from node.accounts.passkey import Passkey, check_creation, creation_options
from node.accounts.password import LONGEST, SHORTEST, hash_password
from node.accounts.secondfactor import (
    Authenticator,
    RecoveryCode,
    new_codes,
    new_secret,
)
from node.casework.ownaccount import NewPassword
from node.errors import InputError
from node.web.door import challenge_of, hand_out, site_of, take_back
from node.web.forms import Form
from node.web.frame import form_of, parts_of, words_of
from node.web.language import Words, msgid
from node.web.qr import code_of

_MAKE: Final = "new-passkey"
_APP: Final = "new-app"
_WRONG: Final = {
    "too_short": msgid("The password is too short: at least %(least)s characters."),
    "too_long": msgid("The password is too long: at most %(most)s characters."),
    "too_common": msgid(
        "Others would try this password first. Please take another one, for example four"
        " words that do not belong together."
    ),
}
_NO_PASSKEY: Final = {
    "missing": msgid("Please give the passkey a name, like “office laptop”."),
    "too_long": msgid("Please take a shorter name."),
    "too_many": msgid("You have 10 passkeys. Please remove one first."),
    "not_good": msgid("This passkey was not taken. Please try again."),
}


async def passkey_options(
    request: web.Request, account: Account, known: Sequence[Passkey] = ()
) -> str:
    """What the browser needs to make one for this account."""
    challenge = await challenge_of(request, f"{_MAKE}\0{account.id}")
    return creation_options(site_of(parts_of(request)), account, challenge, known)


async def made_passkey(request: web.Request, account: Account) -> Passkey:
    """The passkey that the browser made.

    Raises:
        InputError: It has no name, or is not good.
    """
    parts, form = parts_of(request), form_of(request)
    error = InputError("passkey", "not_good")
    for age in (0, 1):
        challenge = await challenge_of(request, f"{_MAKE}\0{account.id}", age=age)
        try:
            return check_creation(
                site_of(parts),
                account.id,
                form.text("_passkey"),
                challenge=challenge,
                label=form.text("label"),
                at=parts.clock.now(),
            )
        except InputError as wrong:
            error = wrong
    raise error


def passkey_words(error: InputError, words: Words) -> Mapping[str, str]:
    """What is wrong with a new passkey, at its field."""
    return {"label": words.gettext(_NO_PASSKEY[error.reason])}


async def app_note(request: web.Request) -> str:
    """A fresh secret for an app, in a note that this browser brings back."""
    return await hand_out(
        request, _APP, {"secret": new_secret(parts_of(request).randomness)}
    )


async def app_shown(
    request: web.Request, account: Account, note: str
) -> Mapping[str, object] | None:
    """What a page shows of an app's secret; None if the note is over."""
    values = await take_back(request, _APP, note)
    if values is None:
        return None
    secret = str(values["secret"])
    body = parts_of(request).settings.body
    code = code_of(Authenticator(account.id, secret).address(account.login, body))
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    return {"note": note, "secret": spaced, "code": code}


async def made_password(
    request: web.Request, account: Account
) -> NewPassword | Mapping[str, str]:
    """A password with an app that has shown one good code, or sentences at fields."""
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    typed, errors = form.text("password"), dict[str, str]()
    if typed != form.text("again"):
        errors["again"] = words.gettext("Both entries must be the same.")
    values = await take_back(request, _APP, form.text("_note"))
    app = None
    if values is not None:
        secret = Authenticator(account.id, str(values["secret"]))
        app = secret.used(form.text("code"), parts.clock.now())
    if app is None:
        errors["code"] = words.gettext(
            "This code does not fit. Please type the six digits that the app shows now."
        )
    if errors or app is None:
        return errors
    phc = await parts.run.file(
        partial(hash_password, randomness=parts.randomness), typed[: LONGEST + 1]
    )
    codes: Sequence[RecoveryCode] = new_codes(parts.randomness)
    return NewPassword(typed, phc, parts.settings.body, app, codes)


def password_words(error: InputError, words: Words) -> Mapping[str, str]:
    """What is wrong with a new password, at its field."""
    numbers = {"least": words.number(SHORTEST), "most": words.number(LONGEST)}
    return {"password": words.gettext(_WRONG[error.reason]) % numbers}


def bare(form: Form) -> Form:
    """The form without what was secret."""
    return Form({"label": form.all("label")}, form.errors)
