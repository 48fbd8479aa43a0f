"""Our own spelling of signed messages: the components, written and read back.

Enters: a request or an answer. Leaves: the value of each component that a signature covers;
of a signature in exactly our spelling what it says and over which bytes. Must never happen:
a yes to what the library that verifies would refuse. So whatever is spelled in another way,
or covers more, is left to the library. Implements HO-66; source: RFC 9421, chapter 2.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from http_message_signatures import HTTPSignatureComponentResolver
from http_sf.compat import Dictionary
from multidict import CIMultiDict

from node.errors import SignatureError

LABEL: Final = "sst"
TAG: Final = "staffelstab-1"
ALGORITHM: Final = "ed25519"
PARTIES: Final = ("staffelstab-from", "staffelstab-to", "staffelstab-directory")
CONTENT: Final = ("content-type", "content-digest")
UPLOAD: Final = ("upload-offset", "upload-complete", "upload-length")
ASKED: Final = (*UPLOAD, "range")
ANSWER_FIELDS: Final = ("location", *UPLOAD, "retry-after", "content-range")
BINDING: Final = (
    '"@method";req',
    '"@target-uri";req',
    '"signature";req;key="sst"',
)
_QUOTED: Final = frozenset(
    f'"{name}"'
    for name in (*PARTIES, "staffelstab-version", *CONTENT, *ASKED, *ANSWER_FIELDS)
)
_OF_REQUEST: Final = frozenset({'"@method"', '"@target-uri"'})
_OF_ANSWER: Final = frozenset({'"@status"', *BINDING[:2]})
_INPUT: Final = re.compile(
    r"sst=(?P<described>\((?P<listed>[^()]+)\)"
    r";created=(?P<created>[1-9][0-9]{0,14});expires=(?P<expires>[1-9][0-9]{0,14})"
    r'(?:;nonce="(?P<nonce>[A-Za-z0-9_-]{22})")?;keyid="(?P<keyid>[a-z0-9-]+#[a-z0-9]+)"'
    r';alg="ed25519";tag="staffelstab-1")',
    re.ASCII,
)
# 64 bytes in the one base64 that encodes them: four bits of the last letter are zero.
_SIGNATURE: Final = re.compile(r"sst=(:([A-Za-z0-9+/]{85}[AQgw]==):)", re.ASCII)
_FIELD: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as both sides see it; ``url`` is built from the public address (HO-68)."""

    method: str
    url: str
    headers: CIMultiDict[str]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer and the request it answers."""

    status_code: int
    headers: CIMultiDict[str]
    request: RequestView


def component(view: RequestView | AnswerView, name: str) -> str:
    """The value of one covered component, as RFC 9421, chapter 2, derives it."""
    asked = view.request if isinstance(view, AnswerView) else view
    match name.removesuffix(";req"):
        case '"@status"' if isinstance(view, AnswerView):
            return str(view.status_code)
        case '"@method"':
            return asked.method
        case '"@target-uri"':
            return _target(asked.method, asked.url)
        case '"signature";req;key="sst"':
            return _signature_of(asked)
    return view.headers[name.strip('"')]


@lru_cache(maxsize=256)
def _target(method: str, url: str) -> str:
    """The library that verifies normalises addresses; so this is its own text."""
    bare = RequestView(method, url, CIMultiDict())
    resolver = HTTPSignatureComponentResolver(bare)  # type: ignore[no-untyped-call]
    return str(resolver.get_target_uri())  # type: ignore[no-untyped-call]


def _signature_of(request: RequestView) -> str:
    """The request's own signature as received, spelled canonically."""
    if (plain := _only(request.headers, "signature", _SIGNATURE)) is not None:
        return plain[1]
    fields = Dictionary()
    try:
        fields.parse(", ".join(request.headers.getall("signature")).encode("ascii"))
        return str(fields[LABEL])
    except (KeyError, ValueError) as error:
        raise SignatureError("signature") from error


@dataclass(frozen=True, slots=True)
class Plain:
    """A signature in our spelling, not verified: what it says, and over which bytes."""

    key_id: str
    nonce: str
    created: int
    expires: int
    covered: frozenset[str]
    base: bytes
    signature: bytes


def read_plain(view: RequestView | AnswerView) -> Plain | None:
    """The one signature of a message, None where it is spelled otherwise than by us."""
    found = _only(view.headers, "signature-input", _INPUT)
    spelled = _only(view.headers, "signature", _SIGNATURE)
    if found is None or spelled is None or found[0].count(TAG) != 1:
        return None
    listed = found["listed"].split(" ")
    lines = []
    for name in listed:
        value = _plain_value(view, name)
        if value is None:
            return None
        lines.append(f"{name}: {value}")
    lines.append(f'"@signature-params": {found["described"]}')
    covered = frozenset(listed)
    if len(covered) != len(listed):
        return None
    return Plain(
        key_id=found["keyid"],
        nonce=found["nonce"] or "",
        created=int(found["created"]),
        expires=int(found["expires"]),
        covered=covered,
        base="\n".join(lines).encode("ascii"),
        signature=b64decode(spelled[2]),
    )


def _only(
    headers: CIMultiDict[str], name: str, form: re.Pattern[str]
) -> re.Match[str] | None:
    """The one line of a field, if it has this form."""
    lines = headers.getall(name, [])
    return form.fullmatch(lines[0]) if len(lines) == 1 else None


def _plain_value(view: RequestView | AnswerView, name: str) -> str | None:
    """As ``component``; None for what can be spelled in more ways than one."""
    if name in _QUOTED:
        found = _only(view.headers, name[1:-1], _FIELD)
        return None if found is None else found[0]
    if isinstance(view, RequestView):
        return component(view, name) if name in _OF_REQUEST else None
    if name == BINDING[2]:
        found = _only(view.request.headers, "signature", _SIGNATURE)
        return None if found is None else found[1]
    return component(view, name) if name in _OF_ANSWER else None
