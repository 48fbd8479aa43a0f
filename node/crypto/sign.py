"""The only room that makes and checks Ed25519 signatures.

Enters: a key and the bytes that travel. Leaves: 64 bytes, or nothing, or one error.
Must never happen: a second verifier in the product, since libraries judge odd
signatures differently (SR-P3). Implements HO-40. Source: RFC 8032, 5.1.6 and 5.1.7,
with libsodium's stricter checks (canonical S, no key or R of small order).
"""

from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from node.crypto.keys import SigningKey, VerifyKey
from node.errors import SignatureError

SIGNATURE_BYTES: Final = 64


def sign(key: SigningKey, message: bytes) -> bytes:
    """Sign the bytes that will travel; the signature has 64 bytes."""
    return bindings.crypto_sign(message, key.expanded)[:SIGNATURE_BYTES]


def verify(key: VerifyKey, message: bytes, signature: bytes) -> None:
    """Accept silently, or refuse.

    Raises:
        SignatureError: The signature is not 64 bytes, or not of this key over this
            message.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("signature has another length")
    try:
        bindings.crypto_sign_open(signature + message, key.raw)
    except CryptoError as error:
        raise SignatureError("signature does not fit") from error
