"""Statements: what one node says to another, signed, numbered, read strictly.

Enters: claims and a key, or the bytes of a peer. Leaves: a compact JWS, or verified
claims, and lists of them as they travel. Must never happen: a claim read before the
signature holds; a sender field believed that the key does not own (HO-2); a statement
built here that the other side would have to refuse.
Implements handover 7.1; HO-2, HO-39, HO-40, HO-48, HO-49, HO-51. Sources: RFC 7515, and
RFC 7519 for the names of the claims.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from node import strictjson
from node.crypto.checkpoint import Checkpoint
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.crypto.keys import SigningKey, VerifyKey
from node.errors import MalformedMessageError, SignatureError, UsageError
from node.ids import KeyId, MemberId, MessageId, TransferId
from node.strictjson import Json, JsonObject
from node.sync import schema as s
from node.sync.bodies import BODIES, MEMORY, Body, Memory
from node.sync.chain import Link, Position
from node.sync.limits import (
    ATTACHMENT_BYTES,
    BODY_DEPTH,
    LIST_BYTES,
    MESSAGE_DEPTH,
    MESSAGE_MEMBERS,
    STATEMENT_BYTES,
    STATEMENTS_PER_LIST,
)
from node.sync.offer import DIGEST
from node.sync.words import UNLINKED, StatementType

STATEMENT_TYP: Final = "staffelstab-statement+jwt"


@dataclass(frozen=True, slots=True)
class HeadClaim:
    """A checkpoint as a statement names it: origin, size and root (32 bytes)."""

    log: str
    size: int
    root: bytes

    @property
    def checkpoint(self) -> Checkpoint:
        """The same head as a value of the log."""
        return Checkpoint(self.log, self.size, self.root)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a statement says, with the names of the claims (handover 7.1).

    ``inc``, ``seq``, ``prev`` are None in ``hello`` and ``ack`` and there alone, as are
    ``tr`` and ``off``; an ``offer`` has no ``off``, since that is its own digest.
    ``iat`` is information only. ``entry`` is a commitment of the own log (32 bytes).
    """

    jti: MessageId
    iat: datetime
    iss: MemberId
    aud: MemberId
    dir: int
    t: StatementType
    b: Body
    inc: int | None = None
    seq: int | None = None
    prev: bytes | None = None
    got: Memory | None = None
    tr: TransferId | None = None
    off: bytes | None = None
    entry: bytes | None = None
    cp: HeadClaim | None = None
    seen: HeadClaim | None = None
    v: int = 1

    def __post_init__(self) -> None:
        """Refuse claims that the type must have or must not have."""
        linked = self.t not in UNLINKED
        answers = linked and self.t is not StatementType.OFFER
        fits = (
            all((x is not None) == linked for x in (self.inc, self.seq, self.prev))
            and (self.tr is not None) == linked
            and (self.off is not None) == answers
            and (linked or self.entry is None)
            and self.iss != self.aud
        )
        if not fits:
            raise MalformedMessageError("claims")

    @property
    def link(self) -> Link | None:
        """The place in the chain, None where the type has none."""
        if self.inc is None or self.seq is None or self.prev is None:
            return None
        return Link(self.inc, self.seq, self.prev)


@dataclass(frozen=True, slots=True)
class Statement:
    """A verified statement: its bytes, the key that signed them and what they say."""

    jws: str
    kid: KeyId
    claims: Claims

    @property
    def digest(self) -> bytes:
        """SHA-256 of the JWS; of an offer this is claim ``off`` of all that follows."""
        return jws_digest(self.jws)

    @property
    def position(self) -> Position | None:
        """Its place in the chain, None where the type has none."""
        link = self.claims.link
        if link is None:
            return None
        return Position(link.inc, link.seq, self.digest)


def jws_digest(jws: str) -> bytes:
    """SHA-256 of the characters of a compact JWS."""
    return hashlib.sha256(jws.encode("ascii")).digest()


_STEP: Final = s.number(1, 2**31)
_ROOT_CHARACTERS: Final = 44


def _read_root(value: Json, where: str) -> bytes:
    if not isinstance(value, str) or len(value) != _ROOT_CHARACTERS:
        raise MalformedMessageError(where)
    try:
        raw = b64decode(value, validate=True)
    except ValueError:
        raise MalformedMessageError(where) from None
    if _write_root(raw) != value:
        raise MalformedMessageError(where)
    return raw


def _write_root(root: bytes) -> str:
    return b64encode(root).decode("ascii")


_HEAD: Final = s.record(
    HeadClaim,
    log=s.text(r"[!-*,-@\[-~]+", most=255),
    size=s.number(0),
    root=s.Form(
        _read_root,
        _write_root,
        {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"},
    ),
)
_CLAIMS: Final[Mapping[str, s.Form[Any]]] = {
    "jti": s.identifier(MessageId),
    "iat": s.INSTANT,
    "iss": s.identifier(MemberId),
    "aud": s.identifier(MemberId),
    "inc": s.optional(_STEP),
    "seq": s.optional(s.number(1)),
    "prev": s.optional(DIGEST),
    "got": s.nullable(MEMORY),
    "dir": s.number(0),
    "tr": s.optional(s.identifier(TransferId)),
    "off": s.optional(DIGEST),
    "entry": s.nullable(s.hexadecimal(32)),
    "cp": s.nullable(_HEAD),
    "seen": s.nullable(_HEAD),
}
FORMS: Final[Mapping[StatementType, s.Form[Claims]]] = {
    t: s.record(Claims, v=s.number(1, 1), t=s.code(t), b=body, **_CLAIMS)
    for t, body in BODIES.items()
}
"""The schema of the whole payload of each type; the specification prints it."""


def parse_claims(payload: bytes) -> Claims:
    """Read the payload of a statement whose signature was verified.

    Raises:
        MalformedMessageError: Not strict JSON, deeper than a body may be, an unknown
            type, or a claim or member that is missing, unknown or of another form.
    """
    value = strictjson.parse_object(
        payload, depth=BODY_DEPTH + 1, members=MESSAGE_MEMBERS
    )
    try:
        form = FORMS[StatementType(value.get("t", ""))]
    except ValueError:
        raise MalformedMessageError("claims.t") from None
    return form.read(value, "claims")


def encode_claims(claims: Claims) -> bytes:
    """Write a payload; fractions of a second are cut.

    Raises:
        UsageError: The other side would refuse it.
    """
    payload = strictjson.encode(FORMS[claims.t].write(claims))
    try:
        parse_claims(payload)
    except MalformedMessageError as error:
        raise UsageError(f"statement {claims.t}: {error}") from error
    return payload


def sign_statement(claims: Claims, key: SigningKey, kid: KeyId) -> Statement:
    """Sign claims; from now on only these bytes travel (HO-40, P4).

    Raises:
        UsageError: The key is another member's, the other side would refuse the claims,
            or the JWS is longer than 16 KiB.
    """
    if kid.member != claims.iss:
        raise UsageError("statement: the key is not the issuer's")
    jws = sign_jws(encode_claims(claims), key, kid, STATEMENT_TYP)
    if len(jws) > STATEMENT_BYTES:
        raise UsageError(f"statement {claims.t}: too long")
    return Statement(jws, kid, claims)


def statement_kid(jws: str) -> KeyId:
    """The key a statement claims, to be looked up in the directory.

    Raises:
        MalformedMessageError: Longer than 16 KiB, or not a compact JWS of our form.
    """
    if len(jws) > STATEMENT_BYTES or not jws.isascii():
        raise MalformedMessageError("statement")
    return peek_kid(jws)


def open_statement(jws: str, key: VerifyKey) -> Statement:
    """Verify a statement with the key that ``statement_kid`` names, then read it.

    Raises:
        MalformedMessageError: As ``statement_kid`` and ``parse_claims``.
        SignatureError: Not signed by this key, or ``iss`` is not its owner (HO-2).
    """
    kid = statement_kid(jws)
    claims = parse_claims(open_jws(jws, STATEMENT_TYP, key))
    if claims.iss != kid.member:
        raise SignatureError("identity-mismatch")
    return Statement(jws, kid, claims)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A statement on its way: the JWS and, beside it, its attachment or None (HO-49)."""

    jws: str
    att: JsonObject | None


def parse_envelopes(body: bytes) -> tuple[Envelope, ...]:
    """Read ``[{jws, att}]``, 1 to 16 items; nothing in it is verified yet.

    Raises:
        MalformedMessageError: Longer than 1 MiB, an item or attachment too long, or
            another form.
    """
    if len(body) > LIST_BYTES:
        raise MalformedMessageError("statements")
    items = strictjson.parse(
        body,
        depth=MESSAGE_DEPTH,
        members=MESSAGE_MEMBERS * STATEMENTS_PER_LIST,
    )
    if not isinstance(items, list) or not 1 <= len(items) <= STATEMENTS_PER_LIST:
        raise MalformedMessageError("statements")
    return tuple(_ENVELOPE.read(item, "statements") for item in items)


def encode_envelopes(envelopes: Iterable[Envelope]) -> bytes:
    """Write a list of statements with their attachments."""
    return strictjson.encode([_ENVELOPE.write(envelope) for envelope in envelopes])


def _read_attachment(value: Json, where: str) -> JsonObject:
    if not isinstance(value, dict) or len(strictjson.encode(value)) > ATTACHMENT_BYTES:
        raise MalformedMessageError(where)
    return value


_ENVELOPE: Final = s.record(
    Envelope,
    jws=s.text(r"[A-Za-z0-9_.-]+", most=STATEMENT_BYTES),
    att=s.nullable(s.Form(_read_attachment, dict, {"type": "object"})),
)
