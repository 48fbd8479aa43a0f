"""How the libraries behave where that surprises; an upgrade that changes it shows here."""

import hmac
import inspect
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.hpke import Suite
from nacl import bindings
from nacl.exceptions import CryptoError

from node.crypto.keys import VerifyKey
from node.crypto.sign import verify
from node.errors import SignatureError


def test_base64_skips_what_it_does_not_know_and_takes_two_spellings():
    assert urlsafe_b64decode("A!A==\n") == b"\0" == urlsafe_b64decode("AB==")


def test_comparing_texts_in_constant_time_raises_beyond_ascii():
    with pytest.raises(TypeError):
        hmac.compare_digest("ä", "ä")


def test_openssl_takes_a_small_order_signature_that_libsodium_refuses():
    identity = b"\1" + bytes(31)
    signature = identity + bytes(32)
    Ed25519PublicKey.from_public_bytes(identity).verify(signature, b"any message")
    with pytest.raises(SignatureError):
        verify(VerifyKey(identity), b"any message", signature)


def test_hpke_has_no_associated_data_and_no_seed():
    assert list(inspect.signature(Suite.encrypt).parameters) == [
        "self",
        "plaintext",
        "public_key",
        "info",
    ]


def test_the_library_checks_the_modulus_when_it_reads_a_key():
    with pytest.raises(ValueError, match="1184"):
        MLKEM768PublicKey.from_public_bytes(b"\xff" * 1184)


def test_a_ciphertext_shorter_than_its_tag_is_no_crypto_error():
    # So every caller checks the length itself before it asks the library.
    with pytest.raises(ValueError, match="negative") as caught:
        bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            b"short", b"", bytes(24), bytes(32)
        )
    assert not isinstance(caught.value, CryptoError)


def test_a_stream_goes_on_after_its_end_if_nobody_looks_at_the_mark():
    state, header, key = _state(), bytes(24), bytes(32)
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    chunks = [
        bindings.crypto_secretstream_xchacha20poly1305_push(state, text, None, tag)
        for text, tag in ((b"end", 3), (b"more", 0))
    ]
    state = _state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    assert [
        bindings.crypto_secretstream_xchacha20poly1305_pull(state, chunk)
        for chunk in chunks
    ] == [(b"end", 3), (b"more", 0)]


def _state():
    return bindings.crypto_secretstream_xchacha20poly1305_state()
