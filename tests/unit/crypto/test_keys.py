"""Keys: text forms, enrolment checks, nothing secret shown, locked at rest."""

import hashlib
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.base64url import b64u
from node.crypto.keyfile import lock_keyring, unlock_keyring
from node.crypto.keys import (
    Keyring,
    OpeningKey,
    SealingKey,
    SigningKey,
    VerifyKey,
    proven_keys,
)
from node.errors import ConfigError, MalformedMessageError, SignatureError, UsageError
from node.ids import MemberId

SECRET = bytes(range(32))


def drawn(count):
    """Predictable bytes."""
    return hashlib.shake_256(b"drawn").digest(count)


def keyring():
    return Keyring(
        member=MemberId("08337116-stadt-wehr"),
        sign_kid="s1",
        sign=SigningKey.from_seed(b"1" * 32),
        sheet_kid="h1",
        sheet=SigningKey.from_seed(b"2" * 32),
        log=SigningKey.from_seed(b"3" * 32),
        witness=SigningKey.from_seed(b"4" * 32),
        openings={
            "k1": OpeningKey.from_raw(b"5" * 32),
            "k2": OpeningKey.from_raw(b"6" * 32),
        },
        tag_key=b"7" * 32,
    )


def test_a_seed_gives_the_published_public_key():
    # RFC 8032, section 7.1, test 1.
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert SigningKey.from_seed(bytes.fromhex(seed)).public.raw.hex() == public


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(UsageError):
        SigningKey.from_seed(bytes(length))
    with pytest.raises(UsageError):
        OpeningKey.from_raw(bytes(length))
    with pytest.raises(MalformedMessageError):
        VerifyKey(bytes(length))
    with pytest.raises(MalformedMessageError):
        SealingKey(bytes(length))


@given(st.binary(min_size=32, max_size=32))
def test_a_verify_key_survives_its_text_form(raw):
    assert VerifyKey.parse(str(VerifyKey(raw))) == VerifyKey(raw)
    assert len(str(VerifyKey(raw))) == 43


def test_a_sealing_key_survives_its_text_form():
    key = OpeningKey.from_raw(SECRET).public
    assert SealingKey.parse(str(key)) == key
    assert key.thumbprint == hashlib.sha256(key.raw).digest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 42,
        "A" * 42 + "B",
        "A" * 43 + "=",
        "A" * 44,
        "+" + "A" * 42,
        " " + "A" * 43,
        "ä" * 43,
    ],
)
def test_a_verify_key_has_one_text_form(text):
    with pytest.raises(MalformedMessageError):
        VerifyKey.parse(text)


# Small order, non-canonical and mixed-order encodings on edwards25519.
BAD_POINTS = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


@pytest.mark.spec("HO-97")
@pytest.mark.parametrize("point", BAD_POINTS)
def test_a_key_outside_the_prime_order_group_is_not_enrolled(point):
    with pytest.raises(SignatureError):
        VerifyKey(bytes.fromhex(point)).check_enrolment()


@pytest.mark.spec("HO-97")
def test_a_key_of_mixed_order_is_not_enrolled():
    from nacl import bindings

    torsion = bytes.fromhex(BAD_POINTS[4])
    honest = SigningKey.from_seed(SECRET).public
    honest.check_enrolment()
    # libsodium adds points without asking for their order.
    mixed = VerifyKey(bindings.crypto_core_ed25519_add(honest.raw, torsion))
    with pytest.raises(SignatureError):
        mixed.check_enrolment()


@pytest.mark.spec("HO-97")
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_of_many_keys_those_are_proven_that_each_would_be_enrolled(count):
    sound = [SigningKey.from_seed(bytes([n]) * 32).public for n in range(count)]
    bad = [VerifyKey(bytes.fromhex(point)) for point in BAD_POINTS]
    mixed = [key for pair in zip(sound, bad, strict=False) for key in pair]
    assert proven_keys(bad) == frozenset()
    assert proven_keys([*mixed, *sound]) == frozenset(sound)


def coefficient(raw, value):
    """The key with its first 12-bit coefficient replaced."""
    head = int.from_bytes(raw[:2], "little") & ~0xFFF | value
    return SealingKey(head.to_bytes(2, "little") + raw[2:])


@pytest.mark.spec("HO-97")
@pytest.mark.parametrize("value", [3329, 3330, 4095])
def test_a_sealing_key_outside_the_modulus_is_not_enrolled(value):
    raw = OpeningKey.from_raw(SECRET).public.raw
    with pytest.raises(SignatureError):
        coefficient(raw, value).check_enrolment()


@pytest.mark.spec("HO-97")
def test_the_largest_coefficient_is_still_a_key():
    coefficient(OpeningKey.from_raw(SECRET).public.raw, 3328).check_enrolment()


@pytest.mark.spec("HO-97")
@pytest.mark.parametrize("x25519", [bytes(32), b"\x01" + bytes(31)])
def test_a_sealing_key_of_small_order_is_not_enrolled(x25519):
    raw = OpeningKey.from_raw(SECRET).public.raw
    with pytest.raises(SignatureError):
        SealingKey(raw[:1184] + x25519).check_enrolment()


def test_no_key_shows_its_secret():
    ring = keyring()
    for text in (repr(ring), str(ring), repr(ring.sign), repr(ring.openings["k1"])):
        for secret in (b"1" * 32, b"5" * 32, b"7" * 32):
            assert repr(secret)[2:-1] not in text
            assert secret.hex() not in text
            assert b64u(secret) not in text


def test_keys_do_not_change():
    with pytest.raises(FrozenInstanceError):
        keyring().sign.seed = bytes(32)


def test_a_keyring_survives_its_bytes():
    assert Keyring.decode(keyring().encode()) == keyring()


def test_a_keyring_names_its_keys():
    assert keyring().key_id == "08337116-stadt-wehr#s1"
    assert keyring().sheet_key_id == "08337116-stadt-wehr#h1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1,"w":1'),
        (b'"log":', b'"lag":'),
        (b'"s1":', b'"s1":"x","s2":'),
        (b'"member":"08337116', b'"member":"x'),
        (b'"openings":{', b'"openings":{"k0":"AA",'),
        (b'"openings":{', b'"openings":{"k0":1,'),
        (b"}", b"]"),
        (b'{"k', b'[{"k'),
    ],
)
def test_a_keyring_of_another_form_is_refused(old, new):
    text = keyring().encode()
    assert old in text
    with pytest.raises(ConfigError):
        Keyring.decode(text.replace(old, new, 1))


def test_a_tag_key_has_32_bytes():
    with pytest.raises(UsageError):
        replace(keyring(), tag_key=b"7")


@pytest.mark.parametrize("secret", [SECRET, "sechs Wörter aus dem Beutel"])
def test_a_locked_keyring_opens_with_its_secret(secret):
    locked = lock_keyring(b"ring", secret, drawn)
    assert b"ring" not in locked
    assert unlock_keyring(locked, secret) == b"ring"


def test_an_umlaut_may_be_typed_in_two_pieces():
    locked = lock_keyring(b"ring", "T\u00fcr", drawn)
    assert unlock_keyring(locked, "Tu\u0308r") == b"ring"


def test_each_locking_draws_a_new_salt_and_nonce():
    counter = iter(range(100))

    def fresh(count):
        return bytes([next(counter)]) * count

    first = lock_keyring(b"ring", SECRET, fresh)
    assert first != lock_keyring(b"ring", SECRET, fresh)


def test_another_secret_does_not_open_a_keyring():
    locked = lock_keyring(b"ring", SECRET, drawn)
    for secret in (bytes(32), "text", b"", bytes(33)):
        with pytest.raises(ConfigError):
            unlock_keyring(locked, secret)
    for secret in ("", b"", bytes(31)):
        with pytest.raises(ConfigError):
            lock_keyring(b"ring", secret, drawn)


def test_another_passphrase_does_not_open_a_keyring():
    with pytest.raises(ConfigError):
        unlock_keyring(lock_keyring(b"ring", "Tür", drawn), "Tor")


def test_no_bit_of_a_locked_keyring_may_change():
    locked = lock_keyring(b"ring", SECRET, drawn)
    for position in range(len(locked)):
        changed = bytearray(locked)
        changed[position] ^= 1
        with pytest.raises(ConfigError):
            unlock_keyring(bytes(changed), SECRET)
        with pytest.raises(ConfigError):
            unlock_keyring(locked[:position], SECRET)


def test_a_machine_without_memory_is_told_so(monkeypatch):
    monkeypatch.setattr("node.crypto.keyfile._MEMORY_BYTES", 2**42)
    with pytest.raises(ConfigError, match="memory"):
        lock_keyring(b"ring", "Tür", drawn)


def test_each_generated_opening_key_is_another():
    assert OpeningKey.generate() != OpeningKey.generate()
    assert OpeningKey.generate(drawn) == OpeningKey.from_raw(drawn(32))
