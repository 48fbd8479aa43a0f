"""Statements: read strictly, written once, signed by their issuer."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import strictjson
from node.crypto.jws import b64u, sign_jws
from node.crypto.keys import SigningKey
from node.errors import MalformedMessageError, SignatureError, UsageError
from node.ids import KeyId, MessageId
from node.sync.bodies import AckBody, Memory
from node.sync.chain import START, Position
from node.sync.limits import ATTACHMENT_BYTES, LIST_BYTES
from node.sync.message import (
    STATEMENT_TYP,
    Envelope,
    HeadClaim,
    encode_claims,
    encode_envelopes,
    jws_digest,
    open_statement,
    parse_claims,
    parse_envelopes,
    sign_statement,
    statement_kid,
)
from node.sync.words import UNLINKED, StatementType
from tests.support.statements import (
    KEY,
    KID,
    SAECKINGEN,
    WEHR,
    broken,
    claims_of,
    digest,
    payload_of,
)

DIGESTS = st.binary(min_size=32, max_size=32)
HEADS = st.none() | st.builds(
    HeadClaim,
    log=st.text(string.ascii_lowercase + ".-/0123456789", min_size=1, max_size=255),
    size=st.integers(0, 2**53 - 1),
    root=DIGESTS,
)


def parse(payload: object):
    return parse_claims(strictjson.encode(payload))


@pytest.mark.spec("HO-51", "MSG-3")
@pytest.mark.parametrize("kind", StatementType)
def test_each_type_reads_back_as_it_was_written(kind):
    claims = claims_of(kind)
    assert parse_claims(encode_claims(claims)) == claims


@given(
    kind=st.sampled_from([t for t in StatementType if t not in UNLINKED]),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "seq": st.integers(1, 2**53 - 1),
            "inc": st.integers(1, 2**31),
            "prev": DIGESTS,
            "got": st.none()
            | st.builds(
                Memory, inc=st.integers(1, 9), seq=st.integers(1, 9), h=DIGESTS
            ),
            "entry": st.none() | DIGESTS,
            "cp": HEADS,
            "seen": HEADS,
            "dir": st.integers(0, 2**53 - 1),
        },
    ),
)
def test_any_claims_read_back_as_they_were_written(kind, changes):
    claims = claims_of(kind, **changes)
    assert parse_claims(encode_claims(claims)) == claims


@pytest.mark.spec("HO-51", "HO-60", "MSG-8", "MSG-10", "OVR-2")
@pytest.mark.parametrize("kind", StatementType)
def test_no_broken_claim_or_member_is_accepted(kind):
    accepted = []
    for name, payload in broken(kind):
        try:
            parse(payload)
        except MalformedMessageError:
            continue
        accepted.append(name)
    assert accepted == []


def test_an_error_names_the_place_and_never_the_value():
    payload = payload_of(StatementType.RECALL) | {"b": {"why": "Aylin"}}
    with pytest.raises(MalformedMessageError) as caught:
        parse(payload)
    assert str(caught.value) == "claims.b.why"


@pytest.mark.spec("HO-48")
@pytest.mark.parametrize("kind", sorted(UNLINKED))
@pytest.mark.parametrize("claim", ["inc", "seq", "prev", "tr", "off"])
def test_hello_and_ack_have_no_place_in_a_chain(kind, claim):
    payload = payload_of(kind)
    assert claim not in payload
    with pytest.raises(MalformedMessageError):
        parse(payload | {claim: payload_of(StatementType.STORED)[claim]})


def test_an_offer_does_not_name_its_own_digest():
    with pytest.raises(MalformedMessageError):
        claims_of(StatementType.OFFER, off=digest("offer"))


@pytest.mark.spec("MSG-5")
def test_nobody_states_anything_to_themselves():
    with pytest.raises(MalformedMessageError):
        claims_of(StatementType.STORED, aud=WEHR)


@pytest.mark.parametrize("t", ["", "offers", "OFFER", 1, None, ["offer"]])
def test_an_unknown_type_is_refused(t):
    with pytest.raises(MalformedMessageError):
        parse(payload_of(StatementType.OFFER) | {"t": t})


@pytest.mark.spec("MSG-6", "MSG-10")
@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("v", 2),
        ("jti", "AAAAAAAAAAAAAAAAAAAAAB"),
        ("iat", -1),
        ("iat", 253_402_300_800),
        ("inc", 0),
        ("seq", 0),
        ("seq", 2**53),
        ("prev", "A" * 42),
        ("prev", "A" * 42 + "B"),
        ("prev", "A" * 43 + "="),
        ("tr", "00112233445566778899AABBCCDDEEFF"),
        ("entry", "E" * 64),
        ("entry", "e" * 63),
        ("cp", {"log": "a b", "size": 1, "root": "A" * 43 + "="}),
        ("cp", {"log": "a", "size": 1, "root": "A" * 43}),
        ("cp", {"log": "a", "size": 1, "root": "A" * 42 + "B="}),
        ("cp", {"log": "a", "size": 1, "root": "A" * 43 + "*"}),
        ("cp", {"log": "a", "size": -1, "root": "A" * 43 + "="}),
        ("dir", -1),
        ("aud", "wehr"),
    ],
)
def test_a_claim_of_another_form_is_refused(claim, value):
    with pytest.raises(MalformedMessageError):
        parse(payload_of(StatementType.STORED) | {claim: value})


@pytest.mark.spec("HO-42")
def test_the_first_link_of_all_is_43_times_a():
    payload = payload_of(StatementType.OFFER)
    assert payload["prev"] == 43 * "A"
    assert parse(payload).prev == START


@pytest.mark.spec("MSG-6")
def test_forms_on_the_wire_are_as_documented():
    payload = payload_of(StatementType.STORED)
    assert payload["off"] == b64u(digest("offer"))
    assert payload["entry"] == digest("entry").hex()
    assert len(payload["tr"]) == 32
    assert len(payload["cp"]["root"]) == 44
    assert payload["b"]["pkt"]["dig"] == b64u(digest("container"))


@pytest.mark.spec("HO-39", "HO-40", "MSG-1", "MSG-4")
def test_a_signed_statement_opens_with_its_key():
    statement = sign_statement(claims_of(StatementType.OFFER), KEY, KID)
    assert statement_kid(statement.jws) == KID
    assert open_statement(statement.jws, KEY.public) == statement
    assert statement.digest == jws_digest(statement.jws)
    assert statement.position == Position(1, 1, statement.digest)


def test_a_greeting_has_no_position():
    assert sign_statement(claims_of(StatementType.HELLO), KEY, KID).position is None


@pytest.mark.spec("HO-39")
def test_another_key_does_not_open_it():
    statement = sign_statement(claims_of(StatementType.STORED), KEY, KID)
    stranger = SigningKey.from_seed(bytes(32))
    with pytest.raises(SignatureError):
        open_statement(statement.jws, stranger.public)


@pytest.mark.spec("HO-2")
def test_the_issuer_must_own_the_key():
    payload = encode_claims(claims_of(StatementType.STORED))
    jws = sign_jws(payload, KEY, f"{SAECKINGEN}#s1", STATEMENT_TYP)
    with pytest.raises(SignatureError, match="identity-mismatch"):
        open_statement(jws, KEY.public)
    with pytest.raises(UsageError):
        sign_statement(claims_of(StatementType.STORED), KEY, KeyId(f"{SAECKINGEN}#s1"))


def test_a_manifest_is_no_statement():
    payload = encode_claims(claims_of(StatementType.STORED))
    jws = sign_jws(payload, KEY, KID, "staffelstab-manifest+jwt")
    with pytest.raises(MalformedMessageError):
        open_statement(jws, KEY.public)


@pytest.mark.spec("MSG-1", "MSG-2")
@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"\xff", b'{"t":"offer"}'])
def test_a_signature_does_not_make_a_payload_good(payload):
    jws = sign_jws(payload, KEY, KID, STATEMENT_TYP)
    with pytest.raises(MalformedMessageError):
        open_statement(jws, KEY.public)


@pytest.mark.spec("HO-51")
def test_a_long_statement_is_refused_before_its_signature_is_looked_at():
    jws = sign_jws(bytes(13_000), KEY, KID, STATEMENT_TYP)
    with pytest.raises(MalformedMessageError, match=r"^statement$"):
        open_statement(jws, SigningKey.from_seed(bytes(32)).public)


def test_what_the_other_side_would_refuse_is_never_signed():
    body = AckBody({MessageId.of(bytes(16)): "Not A Code"})
    with pytest.raises(UsageError):
        sign_statement(claims_of(StatementType.ACK, b=body), KEY, KID)


def test_a_greeting_that_would_be_too_long_is_never_signed():
    hello = claims_of(StatementType.HELLO)
    long = replace(hello.b, card=f"e30.{4000 * 'A'}.AA", note=4096 * "\u2014")
    with pytest.raises(UsageError, match="too long"):
        sign_statement(replace(hello, b=long), KEY, KID)


def test_a_body_of_another_type_is_never_signed():
    claims = claims_of(StatementType.STORED, b=AckBody({}))
    with pytest.raises(UsageError):
        sign_statement(claims, KEY, KID)


def test_a_list_reads_back_as_it_was_written():
    jws = sign_statement(claims_of(StatementType.STORED), KEY, KID).jws
    envelopes = (Envelope(jws, None), Envelope(jws, {"checkpoint": "x", "gossip": []}))
    assert parse_envelopes(encode_envelopes(envelopes)) == envelopes


@pytest.mark.spec("HO-51")
@pytest.mark.parametrize(
    "items",
    [
        [],
        {},
        [{"jws": "a.b.c"}],
        [{"jws": "a.b.c", "att": None, "x": 1}],
        [{"jws": "a b", "att": None}],
        [{"jws": "a.b.c", "att": []}],
        [{"jws": 16_385 * "a", "att": None}],
        [{"jws": "a.b.c", "att": {"x": ATTACHMENT_BYTES * "y"}}],
        17 * [{"jws": "a.b.c", "att": None}],
    ],
)
def test_a_list_of_another_form_is_refused(items):
    with pytest.raises(MalformedMessageError):
        parse_envelopes(strictjson.encode(items))


def test_a_list_longer_than_a_mebibyte_is_refused_unread():
    with pytest.raises(MalformedMessageError):
        parse_envelopes((LIST_BYTES + 1) * b" ")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(noise):
    for read in (parse_claims, parse_envelopes):
        with pytest.raises(MalformedMessageError):
            read(noise)
