"""What every answer carries and every writing request must show: headers and CSRF.

Enters: requests and answers of the pages for people. Leaves: the same answers with the
headers of SR-B1, and forms that provably come from our own page (SR-B3). Must never happen
here: an answer without the headers, error pages included, or an unsafe method that passes
on one proof alone; a file that is spooled to a disk (SR-U1), so uploads are read part by
part and the token stands before the file.
"""

import hmac
from base64 import b64encode
from collections.abc import Set as AbstractSet
from typing import Final

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict, CIMultiDictProxy

from node.crypto.keys import Randomness
from node.errors import MalformedMessageError
from node.web.forms import PROOF_FIELD, Form
from node.web.static_files import PREFIX as STATIC_PREFIX

FORM: Final = web.RequestKey("form", Form)
MAX_FORM_BYTES: Final = 256 * 1024
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
FILE: Final = web.RequestKey("file", BodyPartReader)
SANDBOX: Final = "sandbox; default-src 'none'"
"""The policy of what people download: stricter than any page's (SR-U2)."""

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_UPLOAD_TYPE: Final = "multipart/form-data"
_PARTS: Final = 30
_PART_BYTES: Final = 8 * 1024
_NONCE: Final = web.RequestKey("nonce", str)
_NONCE_BYTES: Final = 16

_POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; media-src 'self'; "
    "style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
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
    is_download = headers.get("Content-Security-Policy") == SANDBOX
    headers.update(_FIXED)
    if not is_download:
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


async def read_upload(request: web.Request, expected: str) -> Form:
    """Read the fields that stand before a file; the file itself waits under ``FILE``.

    Args:
        request: With a body of type ``multipart/form-data``.
        expected: The session's form token, which must be the first part.

    Raises:
        HTTPUnsupportedMediaType: Another kind of body, or a compressed one.
        HTTPForbidden: Another token, or none in front.
        HTTPBadRequest: Too many or too large fields, or no file.
    """
    if request.content_type != _UPLOAD_TYPE or "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType
    fields: list[tuple[str, str]] = []
    try:
        reader = await request.multipart()
        for _ in range(_PARTS):
            part = await reader.next()
            if not isinstance(part, BodyPartReader) or part.name is None:
                break
            if not fields and part.name != PROOF_FIELD:
                raise web.HTTPForbidden
            if part.filename is not None:
                request[FILE] = part
                return Form.of(fields)
            fields.append((part.name, await _read_part(part)))
            if len(fields) == 1 and not shows_token(Form.of(fields), expected):
                raise web.HTTPForbidden
    except (ValueError, MalformedMessageError):
        raise web.HTTPBadRequest from None
    raise web.HTTPBadRequest


async def _read_part(part: BodyPartReader) -> str:
    """One field of a form, never longer than a field may be."""
    read = b""
    while chunk := await part.read_chunk(_PART_BYTES):
        read += chunk
        if len(read) > _PART_BYTES:
            raise web.HTTPRequestEntityTooLarge(_PART_BYTES, len(read))
    return read.decode()


def csrf_middleware(
    origin: str,
    token_key: web.RequestKey[str],
    uploads: AbstractSet[str] = frozenset(),
) -> Middleware:
    """Refuse unsafe requests that are not provably from our own page.

    Args:
        origin: Our own origin, from the settings, never from the request.
        token_key: Where an outer middleware has put the session's form token.
        uploads: The addresses that take a file, as routes spell them.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _SAFE_METHODS:
            if not is_our_own(request.headers, origin):
                raise web.HTTPForbidden
            resource = request.match_info.route.resource
            if resource is not None and resource.canonical in uploads:
                form = await read_upload(request, request[token_key])
            else:
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
