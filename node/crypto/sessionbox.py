"""Seals the values of a browser session under the key that its cookie yields.

Enters: a 32-byte key that is used for nothing else, and bytes. Leaves: sealed bytes, or
nothing if they do not open. Must never happen here: an answer that tells why. Implements
the sessions' part of SR-K1. Source: XSalsa20-Poly1305, PyNaCl's secretbox.
"""

from nacl.bindings import (
    crypto_secretbox,
    crypto_secretbox_NONCEBYTES,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

from node.crypto.keys import Randomness


def seal_values(plain: bytes, key: bytes, randomness: Randomness) -> bytes:
    """Seal bytes: a nonce of 24 bytes, then 16 bytes more than ``plain``."""
    nonce = randomness(crypto_secretbox_NONCEBYTES)
    return nonce + crypto_secretbox(plain, nonce, key)


def open_values(sealed: bytes, key: bytes) -> bytes | None:
    """The sealed bytes again, or None if key or bytes are others."""
    nonce = sealed[:crypto_secretbox_NONCEBYTES]
    try:
        return crypto_secretbox_open(sealed[len(nonce) :], nonce, key)
    except (CryptoError, ValueError):
        return None
