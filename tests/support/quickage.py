"""An age file under a passphrase at the lowest cost: for tests that are not about scrypt.

Written from the format (C2SP age, scrypt recipient stanza, STREAM payload), so it is also a
second opinion: what is written here pyrage opens.
"""

import hashlib
import hmac
import os
from base64 import b64encode
from typing import Final

from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt as seal

COST: Final = 2
CHUNK: Final = 64 * 1024


def quick_age(content: bytes, passphrase: str) -> bytes:
    """The age file."""
    salt, file_key, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    label = b"age-encryption.org/v1/scrypt" + salt
    wrap = hashlib.scrypt(
        passphrase.encode(), salt=label, n=1 << COST, r=8, p=1, dklen=32
    )
    body = seal(file_key, None, bytes(12), wrap)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (
        _b64(salt),
        COST,
        _b64(body),
    )
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), header, "sha256")
    key = _hkdf(file_key, nonce, b"payload")
    chunks = [content[i : i + CHUNK] for i in range(0, len(content), CHUNK)] or [b""]
    sealed = b"".join(
        seal(chunk, None, n.to_bytes(11, "big") + bytes([n == len(chunks) - 1]), key)
        for n, chunk in enumerate(chunks)
    )
    return b"%s %s\n%s%s" % (header, _b64(mac), nonce, sealed)


def _b64(raw: bytes) -> bytes:
    return b64encode(raw).rstrip(b"=")


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256, 32 bytes (RFC 5869)."""
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\1", "sha256")
