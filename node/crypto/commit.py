"""Blinded commitments of log entries, and the seal on their bodies.

Enters: a group's key, an entry's id and bytes. Leaves: 33-byte leaf inputs that tell
nothing, sealed bodies, blinded actors and consents, openings. Must never happen: two
leaves that a stranger can link or guess; an opening that shows who acted.
Implements exchange log 3.1, LR-1 to LR-4. Sources: RFC 5869 (HKDF, empty salt),
RFC 6962 (what a leaf is), draft-irtf-cfrg-xchacha.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings
from nacl.exceptions import CryptoError

from node.crypto.keys import Randomness
from node.errors import MalformedMessageError, SealError, UsageError

_LABEL: Final = b"staffelstab/log/"
_SALT: Final = _LABEL + b"salt/v1\0"
_BODY: Final = _LABEL + b"body/v1\0"
_FIELD: Final = _LABEL + b"field/v1\0"
_CONSENT: Final = _LABEL + b"consent/v1\0"
_ACTOR: Final = _LABEL + b"actor/v1\0"
_ENTRY: Final = _LABEL + b"entry/v1\0"
_OPENING: Final = b"\x01"
_LEAF: Final = b"\x01"
_PAD_BYTES: Final = 512
_NONCE_BYTES: Final = 24
_TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class GroupKey:
    """The key of a transfer, a consent chain, or a month and class of entries.

    Destroying it destroys salts and bodies of its entries (LR-3).
    """

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise UsageError("a group key has 32 bytes")

    @classmethod
    def generate(cls, randomness: Randomness) -> Self:
        """Draw a fresh key."""
        return cls(randomness(32))


def salt(key: GroupKey, entry_id: bytes) -> bytes:
    """The 32 bytes that blind one entry; never stored.

    Args:
        key: The entry's group.
        entry_id: 16 random bytes.
    """
    return _derive(key, _SALT + _checked(entry_id))


def commitment(key: GroupKey, entry_id: bytes, entry: bytes) -> bytes:
    """C, which names the entry everywhere (32 bytes)."""
    return _commit(salt(key, entry_id), entry)


def leaf_input(c: bytes) -> bytes:
    """What tree, mirrors and witnesses get of an entry (33 bytes)."""
    return _LEAF + c


def seal_body(
    key: GroupKey,
    entry_id: bytes,
    entry: bytes,
    *,
    origin: str,
    randomness: Randomness,
) -> bytes:
    """Seal an entry for the own table: nonce (24), then n * 512 + 16 bytes.

    Args:
        key: The entry's group.
        entry_id: 16 random bytes, also bound.
        entry: The JSON text; its length is hidden up to 512 bytes.
        origin: The log it stands in; bound, so that no other log shows it.
        randomness: Draws the nonce.

    Raises:
        UsageError: The entry is empty or ends in a zero byte.
    """
    if not entry or entry.endswith(b"\0"):
        raise UsageError("an entry is text")
    padded = entry + bytes(-len(entry) % _PAD_BYTES)
    nonce = randomness(_NONCE_BYTES)
    box = _derive(key, _BODY + _checked(entry_id))
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        padded, _place(origin, entry_id), nonce, box
    )


def open_body(key: GroupKey, entry_id: bytes, sealed: bytes, *, origin: str) -> bytes:
    """The entry's bytes, as they were committed.

    Raises:
        SealError: Other key, id or log; damaged.
    """
    nonce, box = sealed[:_NONCE_BYTES], _derive(key, _BODY + _checked(entry_id))
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise SealError("log body is cut")
    try:
        padded = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[_NONCE_BYTES:], _place(origin, entry_id), nonce, box
        )
    except CryptoError as error:
        raise SealError("log body does not open under its key and place") from error
    return padded.rstrip(b"\0")


def blind_actor(
    key: GroupKey, entry_id: bytes, role: Literal["actor", "second"], account: str
) -> bytes:
    """The blinded account of an entry (32 bytes); its salt is in no opening (LR-2)."""
    blind = _derive(key, _FIELD + _checked(entry_id) + role.encode("ascii"))
    return hashlib.sha256(_ACTOR + blind + account.encode("utf-8")).digest()


def consent_salt(chain_key: GroupKey) -> bytes:
    """What blinds a consent (32 bytes); travels inside the sealed packet."""
    return _derive(chain_key, _CONSENT)


def blind_consent(chain_key: GroupKey, consent: bytes) -> bytes:
    """The blinded consent document of a chain (32 bytes)."""
    return blind_consent_with(consent_salt(chain_key), consent)


def blind_consent_with(blind: bytes, consent: bytes) -> bytes:
    """As ``blind_consent``, from the salt that the other side was shown."""
    digest = hashlib.sha256(consent).digest()
    return hashlib.sha256(_CONSENT + blind + digest).digest()


def opening(entry_salt: bytes, entry: bytes) -> bytes:
    """What an auditor or the other side is shown: version, salt (32), entry."""
    return _OPENING + entry_salt + entry


def check_opening(c: bytes, shown: bytes) -> bytes:
    """The entry's bytes, if they are what was committed.

    Raises:
        MalformedMessageError: Another version, or not an opening of this commitment.
    """
    version, entry_salt, entry = shown[:1], shown[1:33], shown[33:]
    if version != _OPENING or not hmac.compare_digest(_commit(entry_salt, entry), c):
        raise MalformedMessageError("opening")
    return entry


def _commit(entry_salt: bytes, entry: bytes) -> bytes:
    if len(entry_salt) != 32:
        raise MalformedMessageError("opening")
    return hashlib.sha256(_ENTRY + entry_salt + entry).digest()


def _derive(key: GroupKey, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(key.raw)


def _checked(entry_id: bytes) -> bytes:
    if len(entry_id) != 16:
        raise UsageError("an entry id has 16 bytes")
    return entry_id


def _place(origin: str, entry_id: bytes) -> bytes:
    return origin.encode("ascii") + b"\0" + entry_id
