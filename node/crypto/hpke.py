"""HPKE, suite 1: small secrets sealed to the key of one body.

Enters: a public key, a context, up to a few KiB. Leaves: 1120 bytes of encapsulation,
the ciphertext, 16 bytes of tag. Must never happen: a sealed value opening in another
context; since the one-shot form has no AAD, all context goes through ``info``.
Sealing proves nothing about who sealed: what matters is signed elsewhere.
Implements handover 8.2. Source: RFC 9180, 6.1 (base mode); draft-ietf-hpke-pq.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from node.crypto.keys import OpeningKey, SealingKey
from node.errors import PacketUnreadableError, UsageError

OVERHEAD_BYTES: Final = 1120 + 16
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def wrap(to: SealingKey, info: bytes, plaintext: bytes) -> bytes:
    """Seal to one key.

    Args:
        to: The key, checked at its enrolment.
        info: A purpose label, a zero byte, and what the value belongs to.
        plaintext: The secret; the result is 1136 bytes longer.

    Raises:
        SignatureError: The key fails the modulus check.
        UsageError: The key is of small order.
    """
    try:
        return _SUITE.encrypt(plaintext, to.library_key(), info)
    except ValueError as error:
        raise UsageError("this key cannot be sealed to") from error


def unwrap(key: OpeningKey, info: bytes, sealed: bytes) -> bytes:
    """Open what ``wrap`` made for this key and this context.

    Raises:
        PacketUnreadableError: Other key, other context, changed or cut (HO-65).
    """
    try:
        return _SUITE.decrypt(sealed, key.library_key, info)
    except (InvalidTag, ValueError) as error:
        raise PacketUnreadableError("unreadable") from error
