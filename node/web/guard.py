"""What every answer carries and every writing request must show: headers and CSRF.

Enters: requests and answers of the pages for people. Leaves: the same answers with the
headers of SR-B1, and forms that provably come from our own page (SR-B3). Must never happen
here: an answer without the headers, error pages included, or an unsafe method that passes
on one proof alone.
"""

import hmac
from base64 import b64encode
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict, CIMultiDictProxy

from node.crypto.keys import Randomness
from node.errors import MalformedMessageError
from node.web.forms import PROOF_FIELD, Form
from node.web.static_files import PREFIX as STATIC_PREFIX

FORM: Final = web.RequestKey("form", Form)
MAX_FORM_BYTES: Final = 256 * 1024
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_NONCE: Final = web.RequestKey("nonce", str)
_NONCE_BYTES: Final = 16

_POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; media-src 'self'; "
    "style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)
_FEATURES_ON: Final = (
    "publickey-credentials-get", "publickey-credentials-create", "clipboard-write",
)  # fmt: skip
_FEATURES_OFF: Final = (
    "accelerometer", "autoplay", "browsing-topics", "camera",
    "clipboard-read", "display-capture", "encrypted-media", "fullscreen", "gamepad",
    "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection",
    "local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment",
    "picture-in-picture", "screen-wake-lock", "serial", "storage-access", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
_FIXED: Final = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer Chromium sends "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(
        [f"{name}=(self)" for name in _FEATURES_ON]
        + [f"{name}=()" for name in _FEATURES_OFF]
    ),
}


def nonce_of(request: web.Request, randomness: Randomness) -> str:
    """The nonce of this answer: 128 fresh bits in base64, the same in header and page."""
    if _NONCE not in request:
        request[_NONCE] = b64encode(randomness(_NONCE_BYTES)).decode()
    return request[_NONCE]


def secure_headers(headers: CIMultiDict[str], *, nonce: str, is_static: bool) -> None:
    """Set the headers of SR-B1, whatever the page set, and drop the server's name."""
    headers.update(_FIXED)
    headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
    if not is_static:
        headers["Cache-Control"] = "no-store"
    headers.popall("Server", None)


def is_our_own(headers: CIMultiDictProxy[str], origin: str) -> bool:
    """Whether a browser says that the request comes from our own pages (SR-B3).

    ``Sec-Fetch-Site`` decides where it is sent, ``Origin`` otherwise. Neither header, or
    one of them twice, is a no.
    """
    sites = headers.getall("Sec-Fetch-Site", [])
    if sites:
        return sites == ["same-origin"]
    return headers.getall("Origin", []) == [origin]


def shows_token(form: Form, expected: str) -> bool:
    """Whether the form carries this session's token exactly once."""
    sent = form.all(PROOF_FIELD)
    return len(sent) == 1 and hmac.compare_digest(sent[0].encode(), expected.encode())


async def read_form(request: web.Request) -> Form:
    """Read the body of a writing request as a form.

    Raises:
        HTTPUnsupportedMediaType: Another kind of body, or a compressed one.
        HTTPRequestEntityTooLarge: More than 256 KiB.
        HTTPBadRequest: Not a form in UTF-8.
    """
    # A body cut in the middle of its compression would pass as a short one.
    if request.content_type != _FORM_TYPE or "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType
    try:
        return Form.parse(await request.read())
    except MalformedMessageError:
        raise web.HTTPBadRequest from None


def csrf_middleware(origin: str, token_key: web.RequestKey[str]) -> Middleware:
    """Refuse unsafe requests that are not provably from our own page.

    Args:
        origin: Our own origin, from the settings, never from the request.
        token_key: Where an outer middleware has put the session's form token.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _SAFE_METHODS:
            if not is_our_own(request.headers, origin):
                raise web.HTTPForbidden
            form = await read_form(request)
            if not shows_token(form, request[token_key]):
                raise web.HTTPForbidden
            request[FORM] = form
        return await handler(request)

    return guard


def attach_headers(app: web.Application, randomness: Randomness) -> None:
    """Put the headers on every answer of the application, whoever made it."""

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        is_static = response.status == 200 and request.path.startswith(STATIC_PREFIX)
        secure_headers(
            response.headers, nonce=nonce_of(request, randomness), is_static=is_static
        )

    app.on_response_prepare.append(on_prepare)
