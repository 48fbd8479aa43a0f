"""Signed requests and signed answers between nodes: RFC 9421 and RFC 9530 behind one seam.

Enters: a method, an address, header fields, a body; or what arrived of these. Leaves: the
header fields to add, or the id of the key that really signed. Must never happen: a field
naming a sender counts without equalling the key's owner (HO-2); an answer counts that was
not signed over exactly our request (HO-70). Implements HO-66 to HO-68, HO-72.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureComponentResolver,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from http_sf.compat import Dictionary
from multidict import CIMultiDict

from node.crypto.base64url import b64u
from node.crypto.keys import Keyring, SigningKey, VerifyKey
from node.crypto.sign import sign, verify
from node.errors import MalformedMessageError, NodeError, SignatureError
from node.ids import KeyId, MemberId, MessageId
from node.sync.limits import SIGNATURE_WINDOW

LABEL: Final = "sst"
TAG: Final = "staffelstab-1"
VERSION: Final = "1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PARTIES: Final = ("staffelstab-from", "staffelstab-to", "staffelstab-directory")
_CONTENT: Final = ("content-type", "content-digest")
_UPLOAD: Final = ("upload-offset", "upload-complete", "upload-length")
_ASKED: Final = (*_UPLOAD, "range")
_ANSWER_FIELDS: Final = ("location", *_UPLOAD, "retry-after", "content-range")
_BINDING: Final = ('"@method";req', '"@target-uri";req', '"signature";req;key="sst"')


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


@dataclass(frozen=True, slots=True)
class Signed:
    """What a verified signature says: whose key, the nonce, until when."""

    key_id: KeyId
    nonce: str
    expires_at: datetime

    @property
    def member(self) -> MemberId:
        """The owner of the key: the only identity that counts."""
        return self.key_id.member


class Ed25519(HTTPSignatureAlgorithm):
    """The algorithm class that leads the library to our one verifier (SR-P3)."""

    algorithm_id = "ed25519"

    def __init__(
        self,
        public_key: VerifyKey | None = None,
        private_key: SigningKey | None = None,
    ) -> None:
        """Hold the key; the library has a second one only for signing."""
        assert private_key is None
        self._public = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise SignatureError unless the signature is good."""
        assert self._public is not None
        verify(self._public, message, signature)


class _Listed(HTTPSignatureKeyResolver):
    """Looks a key up in the directory and keeps the directory's own error."""

    def __init__(self, find: Callable[[KeyId], VerifyKey]) -> None:
        self._find = find
        self.failure: NodeError | None = None

    def resolve_public_key(self, key_id: str) -> VerifyKey:
        try:
            return self._find(KeyId(key_id))
        except NodeError as error:
            self.failure = error
            raise


class _Verifier(HTTPMessageVerifier):
    """The library's verifier on our clock and with our window (HO-67)."""

    def __init__(self, resolver: _Listed, now: datetime) -> None:
        super().__init__(signature_algorithm=Ed25519, key_resolver=resolver)
        self._now = now
        self.out_of_time = False

    def validate_created_and_expires(
        self,
        sig_input: Any,
        max_age: timedelta | None = None,  # noqa: ARG002 - the library's signature
    ) -> None:
        created = sig_input.params.get("created")
        expires = sig_input.params.get("expires")
        if type(created) is not int or type(expires) is not int:
            raise InvalidSignature("created and expires are required")
        window = int(SIGNATURE_WINDOW.total_seconds())
        now = int((self._now - _EPOCH).total_seconds())
        if expires - created > window:
            raise InvalidSignature("validity too long")
        if not created - window <= now <= expires:
            self.out_of_time = True
            raise InvalidSignature("outside the window")


class ClockSkewError(SignatureError):
    """The request's window does not contain our present instant."""

    code = "clock-skew"
    retryable = True


def content_digest(body: bytes) -> str:
    """The value of Content-Digest (RFC 9530): SHA-256 as a byte sequence."""
    return digest_field(hashlib.sha256(body).digest())


def digest_field(digest: bytes) -> str:
    """The same from the SHA-256 of a body."""
    return "sha-256=:" + b64encode(digest).decode() + ":"


def check_content_digest(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the body is the one the digest field speaks of."""
    claimed = headers.get("content-digest", "").encode("utf-8", "replace")
    return hmac.compare_digest(claimed, content_digest(body).encode())


def sign_request(
    view: RequestView,
    keyring: Keyring,
    *,
    to: MemberId,
    directory: int,
    nonce: bytes,
    at: datetime,
) -> None:
    """Add the Staffelstab fields and the signature to a request's header fields.

    Args:
        view: Method, public address and header fields; ``content-digest`` is there if
            there is a body.
        keyring: Our keys.
        to: The member we speak to.
        directory: Newest timestamp version we trust.
        nonce: 16 random bytes.
        at: Now.
    """
    _name_parties(view.headers, keyring.member, to, directory)
    view.headers["staffelstab-version"] = VERSION
    covered = ["@method", "@target-uri", *_PARTIES, "staffelstab-version"]
    covered += [name for name in (*_CONTENT, *_ASKED) if name in view.headers]
    quoted = [f'"{name}"' for name in covered]
    _sign(view, keyring, quoted, at=at, nonce=b64u(nonce))


def sign_answer(
    view: AnswerView,
    keyring: Keyring,
    *,
    to: MemberId,
    directory: int,
    at: datetime,
) -> None:
    """Add the Staffelstab fields and a signature that binds the request it answers."""
    _name_parties(view.headers, keyring.member, to, directory)
    covered = ["@status", *_PARTIES]
    covered += [name for name in (*_CONTENT, *_ANSWER_FIELDS) if name in view.headers]
    quoted = [f'"{name}"' for name in covered]
    _sign(view, keyring, [*quoted, *_BINDING], at=at, nonce=None)


def verify_request(
    view: RequestView,
    *,
    me: MemberId,
    find: Callable[[KeyId], VerifyKey],
    has_body: bool,
    now: datetime,
) -> Signed:
    """Whose request this is.

    Raises:
        SignatureError: Missing, double, wrong, or does not cover what it must.
        ClockSkewError: Its window is not now.
        UnknownKeyError, KeyRetiredError: What the directory says of the key.
        MalformedMessageError: A Staffelstab field is missing or misspelled
            (``version``, ``wrong-recipient``, ``identity-mismatch`` as message).
    """
    required = ["@method", "@target-uri", *_PARTIES, "staffelstab-version"]
    required += _CONTENT if has_body else ()
    required += [name for name in (*_CONTENT, *_ASKED) if name in view.headers]
    required = [f'"{name}"' for name in required]
    signed = _verify(view, find, required, now)
    if not signed.nonce:
        raise SignatureError("nonce")
    MessageId(signed.nonce)
    if view.headers["staffelstab-version"] != VERSION:
        raise MalformedMessageError("version")
    if view.headers["staffelstab-from"] != signed.member:
        raise MalformedMessageError("identity-mismatch")
    if view.headers["staffelstab-to"] != me:
        raise MalformedMessageError("wrong-recipient")
    return signed


def verify_answer(
    view: AnswerView,
    *,
    me: MemberId,
    peer: MemberId,
    find: Callable[[KeyId], VerifyKey],
    has_body: bool,
    now: datetime,
) -> Signed:
    """Make sure that the peer signed this answer to exactly our request (HO-70).

    Raises:
        SignatureError, UnknownKeyError, KeyRetiredError: It did not.
    """
    required = ["@status", *_PARTIES, *(_CONTENT if has_body else ())]
    required += [name for name in (*_CONTENT, *_ANSWER_FIELDS) if name in view.headers]
    required = [*(f'"{name}"' for name in required), *_BINDING]
    signed = _verify(view, find, required, now)
    if signed.member != peer or view.headers["staffelstab-from"] != peer:
        raise SignatureError("answer of another member")
    if view.headers["staffelstab-to"] != me:
        raise SignatureError("answer to another member")
    return signed


def directory_of(headers: Mapping[str, str]) -> int:
    """Which version of the directory the signer knows; 0 if it does not say."""
    text = headers.get("staffelstab-directory", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < 16
    return int(text) if is_number else 0


def _name_parties(
    headers: CIMultiDict[str], me: MemberId, to: MemberId, directory: int
) -> None:
    headers["staffelstab-from"] = me
    headers["staffelstab-to"] = to
    headers["staffelstab-directory"] = str(directory)


def _sign(
    view: RequestView | AnswerView,
    keyring: Keyring,
    covered: list[str],
    *,
    at: datetime,
    nonce: str | None,
) -> None:
    """Spell the signature base ourselves: we know each field that we sign.

    The library that verifies needs a fifth of a handover's time for the same text.
    """
    lines = [(name, _component(view, name)) for name in covered]
    parameters = [
        f"({' '.join(name for name, _ in lines)})",
        f"created={int(at.timestamp())}",
        f"expires={int((at + SIGNATURE_WINDOW).timestamp())}",
        *([f'nonce="{nonce}"'] if nonce else []),
        f'keyid="{keyring.key_id}"',
        f'alg="{Ed25519.algorithm_id}"',
        f'tag="{TAG}"',
    ]
    described = ";".join(parameters)
    lines.append(('"@signature-params"', described))
    base = "\n".join(f"{name}: {value}" for name, value in lines)
    signature = b64encode(sign(keyring.sign, base.encode("ascii"))).decode("ascii")
    view.headers["signature-input"] = f"{LABEL}={described}"
    view.headers["signature"] = f"{LABEL}=:{signature}:"


def _component(view: RequestView | AnswerView, name: str) -> str:
    """The value of one covered component, as RFC 9421, chapter 2, derives it."""
    asked = view.request if isinstance(view, AnswerView) else view
    match name.removesuffix(";req"):
        case '"@status"' if isinstance(view, AnswerView):
            return str(view.status_code)
        case '"@method"':
            return asked.method
        case '"@target-uri"':
            # The library that verifies normalises addresses; so this is its own text.
            bare = RequestView(asked.method, asked.url, CIMultiDict())
            resolver = HTTPSignatureComponentResolver(bare)  # type: ignore[no-untyped-call]
            return str(resolver.get_target_uri())  # type: ignore[no-untyped-call]
        case '"signature";req;key="sst"':
            return _signature_of(asked)
    return view.headers[name.strip('"')]


def _signature_of(request: RequestView) -> str:
    """The request's own signature as received, spelled canonically."""
    fields = Dictionary()
    try:
        fields.parse(", ".join(request.headers.getall("signature")).encode("ascii"))
        return str(fields[LABEL])
    except (KeyError, ValueError) as error:
        raise SignatureError("signature") from error


def _identity(component: str) -> tuple[str, frozenset[str]]:
    """A component's quoted name and its parameters, whose order does not count."""
    name, *parameters = component.split(";")
    return name, frozenset(parameters)


def _verify(
    view: RequestView | AnswerView,
    find: Callable[[KeyId], VerifyKey],
    required: list[str],
    now: datetime,
) -> Signed:
    resolver = _Listed(find)
    verifier = _Verifier(resolver, now)
    try:
        results = verifier.verify(view, expect_tag=TAG, expect_label=LABEL)
    except (HTTPMessageSignaturesException, ValueError) as error:
        if resolver.failure is not None:
            raise resolver.failure from error
        if verifier.out_of_time:
            raise ClockSkewError("clock-skew") from error
        raise SignatureError("signature") from error
    if len(results) != 1 or view.headers.getall("signature-input")[0].count(TAG) != 1:
        raise SignatureError("not exactly one signature")
    # The library could compare as well; it would parse both lists for that.
    covered = {_identity(name) for name in results[0].covered_components}
    if not covered.issuperset(map(_identity, required)):
        raise SignatureError("coverage")
    parameters = results[0].parameters
    return Signed(
        KeyId(str(parameters["keyid"])),
        str(parameters.get("nonce") or ""),
        _EPOCH + timedelta(seconds=int(parameters["expires"])),
    )
