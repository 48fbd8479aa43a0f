"""What the door hands out and takes back: challenges for passkeys, sealed notes.

Enters: a request's own token, the time. Leaves: a challenge that nobody can guess and that
is good for this browser and a few minutes; texts that only we can have made. Must never
happen: a row in the database before somebody signed in (SR-B2); a note of one browser that
another one can use. Several processes of one node hand out and take back the same.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from node import strictjson
from node.accounts.passkey import Site
from node.crypto.sessionbox import open_values, seal_values
from node.ids import AccountId
from node.strictjson import JsonObject
from node.web.frame import Attempt, Parts, parts_of
from node.web.session import token_of

NOTE_LIFE: Final = timedelta(minutes=15)
_SPAN_S: Final = 300
_DOOR: Final = b"staffelstab/door/v1\0"
_MOST_NOTE: Final = 4096


def site_of(parts: Parts) -> Site:
    """Who we are to a browser."""
    return Site(parts.settings.origin, parts.settings.body)


async def challenge_of(request: web.Request, purpose: str, *, age: int = 0) -> bytes:
    """32 bytes for this browser, this purpose and these five minutes."""
    now = int(parts_of(request).clock.now().timestamp()) // _SPAN_S - age
    return await _derive(request, f"challenge\0{purpose}\0{now}")


async def check_passkey(
    request: web.Request, purpose: str, answer: str, only: AccountId | None = None
) -> Attempt:
    """Whose passkey answered, to the challenge of now or of the five minutes before."""
    accounts = parts_of(request).accounts
    for age in (0, 1):
        challenge = await challenge_of(request, purpose, age=age)
        attempt = await accounts.check_passkey(answer, challenge, only)
        if attempt.account is not None:
            return attempt
    return Attempt()


async def hand_out(request: web.Request, purpose: str, values: JsonObject) -> str:
    """A note that this browser brings back in a hidden field."""
    parts = parts_of(request)
    until = (parts.clock.now() + NOTE_LIFE).isoformat()
    plain = strictjson.encode({**values, "until": until})
    key = await _derive(request, f"note\0{purpose}")
    return urlsafe_b64encode(seal_values(plain, key, parts.randomness)).decode("ascii")


async def take_back(request: web.Request, purpose: str, note: str) -> JsonObject | None:
    """What stands in a note; None if it is not ours, another browser's, or over."""
    try:
        sealed = urlsafe_b64decode(note[:_MOST_NOTE].encode("ascii"))
    except (ValueError, UnicodeEncodeError):
        return None
    plain = open_values(sealed, await _derive(request, f"note\0{purpose}"))
    if plain is None:
        return None
    values = strictjson.parse_object(plain)
    until = datetime.fromisoformat(str(values["until"]))
    return values if parts_of(request).clock.now() < until else None


async def _derive(request: web.Request, label: str) -> bytes:
    token = token_of(await get_session(request)).stored_hash
    key = hmac.digest(parts_of(request).office.keyring.tag_key, _DOOR, "sha256")
    return hmac.digest(key, label.encode() + b"\0" + token, "sha256")
