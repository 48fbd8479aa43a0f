"""Forms that came too late, or wait for a proof: kept sealed, and back on their page.

Enters: a form, where it was to go and from which page it came. Leaves: the same values in
the page it came from, for the same account, for half an hour. Must never happen: a typed
text that is lost because a session ended (screens principle 6, SC-13); one that another
account sees; a redirect to another site.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp_session import Session, get_session

from node import strictjson
from node.errors import MalformedMessageError
from node.ids import AccountId, Hex128
from node.web.forms import PROOF_FIELD, SECRET, Form
from node.web.guard import FORM
from node.web.session import SessionStorage, token_of

KEPT_PAGE: Final = "/kept"
_BACK, _ACTION = "kept_back", "kept_action"
_MOST: Final = 5000
# An address of our own: no empty segment that a browser could read as another host.
_OUR_ADDRESS: Final = re.compile(
    r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+(?:\?[A-Za-z0-9_.=&%/-]*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Late:
    """A form that was not taken: its values, its address, the page it stands on."""

    action: str
    back: str
    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The inverse of ``encode``; only we can have sealed it."""
        read = strictjson.parse_object(body, members=_MOST)
        values = read["values"]
        assert isinstance(values, dict)
        return cls(
            str(read["action"]),
            str(read["back"]),
            {
                name: tuple(str(one) for one in found)
                for name, found in values.items()
                if isinstance(found, list)
            },
        )

    def encode(self) -> bytes:
        """To be sealed."""
        values = {name: list(found) for name, found in self.values.items()}
        return strictjson.encode(
            {"action": self.action, "back": self.back, "values": values}
        )


def is_our_address(text: str) -> bool:
    """Whether a text is an address of our own pages."""
    return _OUR_ADDRESS.fullmatch(text) is not None


def late_form(request: web.Request, origin: str, *, has_page: bool) -> Late | None:
    """The form of a request that is not taken now; None if it has none, or a file.

    Args:
        request: A writing request.
        origin: Our own.
        has_page: Whether its own address shows a page too.
    """
    form = request.get(FORM)
    if form is None or request.content_type.startswith("multipart"):
        return None
    values = {
        name: found
        for name, found in form.values.items()
        if name != PROOF_FIELD
        and name not in SECRET
        and not name.startswith(("_proof", "_passkey"))
    }
    sent_back = form.text("_proof_back")
    back = sent_back if is_our_address(sent_back) else _came_from(request, origin)
    if not back or (back.partition("?")[0] == request.path and not has_page):
        back = request.path if has_page else KEPT_PAGE
    if back == request.path:
        back += _about(form)
    return Late(request.path_qs, back, values)


def _came_from(request: web.Request, origin: str) -> str:
    parts = urlsplit(request.headers.get("Referer", ""))
    if f"{parts.scheme}://{parts.netloc}" != origin:
        return ""
    address = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return address if is_our_address(address) else ""


def _about(form: Form) -> str:
    """Pages that are about one case take its number from their address."""
    try:
        return f"?case={Hex128(form.text('case'))}"
    except MalformedMessageError:
        return ""


async def keep(
    request: web.Request, storage: SessionStorage, account: AccountId, late: Late
) -> None:
    """Keep it under the token of this browser."""
    token = token_of(await get_session(request))
    await storage.keep(token, account, late.encode())


def remember(session: Session, late: Late) -> None:
    """From now on the page it came from shows its values."""
    session[_BACK], session[_ACTION] = late.back, late.action


async def taken(request: web.Request) -> None:
    """A form arrived where a kept one was to go: it need not be kept any more."""
    session = await get_session(request)
    if session.get(_ACTION) == request.path_qs:
        del session[_BACK], session[_ACTION]


async def kept_for(
    request: web.Request, storage: SessionStorage, account: AccountId
) -> Late | None:
    """What is kept for this account and browser."""
    session = await get_session(request)
    if _BACK not in session:
        return None
    body = await storage.kept(token_of(session), account)
    return None if body is None else Late.parse(body)


def stands_here(request: web.Request, late: Late) -> bool:
    """Whether this page is where the kept form came from."""
    return late.back == request.path_qs


def filled(form: Form, late: Late) -> Form:
    """A page's form with what was typed; fields of the frame stay those of the page."""
    typed = {n: found for n, found in late.values.items() if not n.startswith("_")}
    return replace(form, values={**form.values, **typed})
