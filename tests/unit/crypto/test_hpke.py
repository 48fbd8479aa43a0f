"""HPKE suite 1, against an independent reading of the RFC."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from node.crypto.hpke import OVERHEAD_BYTES, unwrap, wrap
from node.crypto.keys import OpeningKey, SealingKey
from node.errors import PacketUnreadableError, UsageError

KEY = OpeningKey.from_raw(bytes(range(32)))


def by_the_book(seed, info, sealed):
    """RFC 9180, 5.1 and 6.1 with X-Wing, from primitives alone."""
    secret = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(secret[:64])
    x25519 = X25519PrivateKey.from_private_bytes(secret[64:])
    ct_m, ct_x, ciphertext = sealed[:1088], sealed[1088:1120], sealed[1120:]
    shared = hashlib.sha3_256(
        mlkem.decapsulate(ct_m)
        + x25519.exchange(X25519PublicKey.from_public_bytes(ct_x))
        + ct_x
        + x25519.public_key().public_bytes_raw()
        + rb"\./"
        + rb"/^"
        + b"\\"
    ).digest()
    suite = b"HPKE" + bytes.fromhex("647a00010003")

    def extract(salt, label, ikm):
        text = b"HPKE-v1" + suite + label + ikm
        return hmac.digest(salt or bytes(32), text, "sha256")

    def expand(prk, label, info, length):
        text = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
        return hmac.digest(prk, text + b"\x01", "sha256")[:length]

    context = (
        b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    )
    root = extract(shared, b"secret", b"")
    key = expand(root, b"key", context, 32)
    nonce = expand(root, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, b"")


@pytest.mark.spec("HO-119")
def test_an_implementation_from_the_rfc_opens_what_we_seal():
    sealed = wrap(KEY.public, b"context", b"secret")
    assert by_the_book(KEY.raw, b"context", sealed) == b"secret"


def test_a_secret_of_32_bytes_becomes_1168():
    sealed = wrap(KEY.public, b"context", bytes(32))
    assert len(sealed) == 1168 == 32 + OVERHEAD_BYTES
    assert unwrap(KEY, b"context", sealed) == bytes(32)


def test_sealing_twice_gives_other_bytes():
    assert wrap(KEY.public, b"", b"x") != wrap(KEY.public, b"", b"x")


@pytest.mark.spec("HO-65")
def test_nothing_else_opens():
    sealed = wrap(KEY.public, b"context", bytes(32))
    other = OpeningKey.from_raw(bytes(32))
    for key, info, text in [
        (other, b"context", sealed),
        (KEY, b"contexT", sealed),
        (KEY, b"", sealed),
        (KEY, b"context", b""),
        (KEY, b"context", sealed[:-1]),
        (KEY, b"context", sealed + b"\x00"),
        (KEY, b"context", sealed[:1119]),
        (KEY, b"context", sealed[:1088] + bytes(32) + sealed[1120:]),
    ]:
        with pytest.raises(PacketUnreadableError) as caught:
            unwrap(key, info, text)
        assert str(caught.value) == "unreadable"


@pytest.mark.parametrize("position", [0, 500, 1087, 1088, 1119, 1120, 1151, 1152, 1167])
def test_no_byte_may_change(position):
    sealed = bytearray(wrap(KEY.public, b"context", bytes(32)))
    sealed[position] ^= 1
    with pytest.raises(PacketUnreadableError):
        unwrap(KEY, b"context", bytes(sealed))


@pytest.mark.spec("SEAL-5")
def test_nothing_is_sealed_to_a_key_of_small_order():
    with pytest.raises(UsageError):
        wrap(SealingKey(KEY.public.raw[:1184] + bytes(32)), b"", b"x")
