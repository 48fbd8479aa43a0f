"""Protection of a keyring at rest: still bytes, the caller writes the file.

Enters: bytes of a keyring (or of another secret of the node), and either a passphrase
or the 32 bytes of a master key. Leaves: a locked file. Must never happen: a file that
opens under a weaker derivation than it was made with; the derivation is fixed by the
version. Implements the key table of the assurance document (4.1), SR-K3.

The file: ``STFK``, version 1, form (1 passphrase, 2 master key), salt (16), nonce (24),
secretbox. The header is bound because the box key is derived from it. Sources:
RFC 9106 (argon2id, 64 MiB, 3 passes), RFC 7693 (BLAKE2b).
"""

import hashlib
import unicodedata
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from node.crypto.keys import Randomness
from node.errors import ConfigError

_MAGIC: Final = b"STFK\x01"
_PASSPHRASE: Final = b"\x01"
_MASTER_KEY: Final = b"\x02"
_PURPOSE: Final = b"stfl key file/v1"
_SALT_BYTES: Final = 16
_HEADER_BYTES: Final = len(_MAGIC) + 1 + _SALT_BYTES
_NONCE_BYTES: Final = 24
_MEMORY_BYTES: Final = 64 * 1024 * 1024
_PASSES: Final = 3


def lock_keyring(keyring: bytes, secret: str | bytes, randomness: Randomness) -> bytes:
    """Lock the bytes of a keyring.

    Args:
        keyring: ``Keyring.encode()``.
        secret: A passphrase (text), or a master key (exactly 32 bytes).
        randomness: Draws salt and nonce.

    Raises:
        ConfigError: The passphrase is empty or the master key has another length.
    """
    form = _PASSPHRASE if isinstance(secret, str) else _MASTER_KEY
    header = _MAGIC + form + randomness(_SALT_BYTES)
    nonce = randomness(_NONCE_BYTES)
    key = _box_key(header, secret)
    return header + nonce + bindings.crypto_secretbox(keyring, nonce, key)


def unlock_keyring(locked: bytes, secret: str | bytes) -> bytes:
    """The bytes that ``lock_keyring`` was given.

    Raises:
        ConfigError: Not such a file, another form of secret, a wrong secret or a
            damaged file.
    """
    header, nonce = locked[:_HEADER_BYTES], locked[_HEADER_BYTES:][:_NONCE_BYTES]
    if not header.startswith(_MAGIC) or len(nonce) != _NONCE_BYTES:
        raise ConfigError("the key file is not one of version 1")
    form = _PASSPHRASE if isinstance(secret, str) else _MASTER_KEY
    if header[len(_MAGIC) : len(_MAGIC) + 1] != form:
        raise ConfigError("the key file is locked by the other kind of secret")
    box = locked[_HEADER_BYTES + _NONCE_BYTES :]
    key = _box_key(header, secret)
    try:
        return bindings.crypto_secretbox_open(box, nonce, key)
    except CryptoError as error:
        raise ConfigError("the key file does not open with this secret") from error


def _box_key(header: bytes, secret: str | bytes) -> bytes:
    """A key of its own for each file, bound to the file's whole header."""
    root = _stretch(secret, header) if isinstance(secret, str) else secret
    if len(root) != 32:
        raise ConfigError("a master key has 32 bytes")
    return hashlib.blake2b(header, key=root, digest_size=32, person=_PURPOSE).digest()


def _stretch(passphrase: str, header: bytes) -> bytes:
    if not passphrase:
        raise ConfigError("the passphrase of the key file is empty")
    # One keyboard spells an umlaut as one character, another as two.
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    salt = header[-_SALT_BYTES:]
    try:
        return bindings.crypto_pwhash_alg(
            32,
            text,
            salt,
            _PASSES,
            _MEMORY_BYTES,
            bindings.crypto_pwhash_ALG_ARGON2ID13,
        )
    except CryptoError as error:
        raise ConfigError("argon2id needs 64 MiB of memory") from error
