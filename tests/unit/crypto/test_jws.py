"""Signatures and compact JWS: one form, one spelling, verified before read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.base64url import b64u, unb64u
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.crypto.keys import SigningKey, VerifyKey
from node.crypto.sign import sign, verify
from node.errors import MalformedMessageError, SignatureError

KEY = SigningKey.from_seed(bytes(range(32)))
KID = "08337116-stadt-wehr#s1"
TYP = "staffelstab-statement+jwt"


def with_header(header):
    """A statement whose signature fits, under a header of our choice."""
    text = f"{b64u(header)}.{b64u(b'{}')}"
    return f"{text}.{b64u(sign(KEY, text.encode()))}"


def test_a_signature_is_the_published_one():
    # RFC 8032, section 7.1, test 2.
    key = SigningKey.from_seed(
        bytes.fromhex(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        )
    )
    signature = sign(key, b"\x72")
    assert signature.hex().startswith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f")
    verify(key.public, b"\x72", signature)


@pytest.mark.spec("SR-P3")
def test_a_signature_with_large_s_is_refused():
    order = 2**252 + 27742317777372353535851937790883648493
    signature = sign(KEY, b"text")
    large = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(SignatureError):
        verify(KEY.public, b"text", signature[:32] + large.to_bytes(32, "little"))


@pytest.mark.spec("SR-P3")
def test_a_small_order_key_verifies_nothing():
    identity = b"\x01" + bytes(31)
    with pytest.raises(SignatureError):
        verify(VerifyKey(identity), b"any", identity + bytes(32))


@given(st.binary(max_size=200), st.integers(0, 511))
def test_no_bit_of_a_signature_may_change(message, bit):
    signature = bytearray(sign(KEY, message))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        verify(KEY.public, message, bytes(signature))


@given(st.binary(max_size=80))
def test_a_signature_of_another_length_is_refused(signature):
    with pytest.raises(SignatureError):
        verify(KEY.public, b"", signature)


@given(st.binary(max_size=300))
def test_a_payload_survives_signing(payload):
    statement = sign_jws(payload, KEY, KID, TYP)
    assert peek_kid(statement) == KID
    assert open_jws(statement, TYP, KEY.public) == payload


def test_members_of_the_header_may_stand_in_any_order():
    header = json.dumps({"typ": TYP, "kid": KID, "alg": "Ed25519"}).encode()
    assert open_jws(with_header(header), TYP, KEY.public) == b"{}"


GOOD = {"alg": "Ed25519", "kid": KID, "typ": TYP}


@pytest.mark.spec("HO-39", "SR-P2")
@pytest.mark.parametrize(
    "header",
    [
        *(
            GOOD | {"alg": alg}
            for alg in ("none", "HS256", "EdDSA", "ES256", "ed25519")
        ),
        *(GOOD | {"alg": alg} for alg in (None, 1, ["Ed25519"], "")),
        *(
            GOOD | {name: value}
            for name, value in {
                "crit": ["b64"],
                "jwk": {},
                "jku": "https://a.example",
                "x5u": "https://a.example",
                "x5c": [],
                "b64": False,
                "cty": "JWT",
                "zip": "DEF",
            }.items()
        ),
        *({k: v for k, v in GOOD.items() if k != name} for name in GOOD),
        *(GOOD | {"kid": kid} for kid in ("s1", "", 1, None, "x#s1", f"{KID} ")),
        *(GOOD | {"typ": typ} for typ in (1, None, [])),
        {},
        [],
        "text",
    ],
    ids=lambda header: json.dumps(header)[:60],
)
def test_only_one_header_is_read(header):
    statement = with_header(json.dumps(header).encode())
    with pytest.raises(MalformedMessageError):
        peek_kid(statement)
    with pytest.raises(MalformedMessageError):
        open_jws(statement, TYP, KEY.public)


@pytest.mark.spec("HO-39")
@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"Ed25519","kid":"08337116-stadt-wehr#s1","typ":"a"}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"",
        b"{" * 30,
        b"{}" + b" " * 600,
    ],
)
def test_a_header_is_strict_json(header):
    with pytest.raises(MalformedMessageError):
        peek_kid(with_header(header))


@pytest.mark.spec("HO-39")
def test_another_typ_is_refused():
    statement = sign_jws(b"{}", KEY, KID, "staffelstab-keysheet+jwt")
    with pytest.raises(MalformedMessageError):
        open_jws(statement, TYP, KEY.public)


@pytest.mark.spec("HO-40")
@pytest.mark.parametrize(
    "change",
    [
        lambda h, p, s: f"{h}=.{p}.{s}",
        lambda h, p, s: f"{h}.{p}=.{s}",
        lambda h, p, s: f"{h}.{p}.{s}=",
        lambda h, p, s: f"{h}.{p}.{s}==",
        lambda h, p, s: f"{h}.{p}.{s[:-1]}{chr(ord(s[-1]) + 1)}",
        lambda h, p, s: f"{h}.{p}.{s}\n",
        lambda h, p, s: f" {h}.{p}.{s}",
        lambda h, p, s: f"{h}.{p[:-1]}\n{p[-1]}.{s}",
        lambda h, p, s: f"{h}.{p}",
        lambda h, p, s: f"{h}.{p}.{s}.",
        lambda h, p, s: f"{h}.{p}.{s}.{s}",
        lambda h, p, s: f".{p}.{s}",
        lambda h, p, s: f"{h}.{p}.{s}{'A' * 100}",
        lambda h, p, s: f"{h}.ä.{s}",
        lambda h, p, s: "",
    ],
)
def test_a_statement_has_one_spelling(change):
    parts = sign_jws(b"{}", KEY, KID, TYP).split(".")
    with pytest.raises(MalformedMessageError):
        open_jws(change(*parts), TYP, KEY.public)


@pytest.mark.spec("HO-40")
def test_a_changed_payload_or_another_key_is_refused():
    header, _, signature = sign_jws(b"{}", KEY, KID, TYP).split(".")
    with pytest.raises(SignatureError):
        open_jws(f"{header}.{b64u(b'[]')}.{signature}", TYP, KEY.public)
    with pytest.raises(SignatureError):
        open_jws(f"{header}.{b64u(b'{}')}.", TYP, KEY.public)
    other = SigningKey.from_seed(bytes(32)).public
    with pytest.raises(SignatureError):
        open_jws(sign_jws(b"{}", KEY, KID, TYP), TYP, other)


def test_we_never_write_a_key_id_we_would_not_read():
    with pytest.raises(MalformedMessageError):
        sign_jws(b"{}", KEY, "s1", TYP)


@given(st.binary(max_size=60))
def test_base64url_survives(raw):
    assert unb64u(b64u(raw)) == raw


@given(st.text(alphabet="AQZaz09-_=+/ \n.ä", max_size=9))
def test_base64url_reads_its_own_spelling_only(text):
    try:
        raw = unb64u(text)
    except MalformedMessageError:
        return
    assert b64u(raw) == text
