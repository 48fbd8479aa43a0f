"""Signed requests and answers: what must be covered, and what a change breaks."""

from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict

from node.crypto.keys import SigningKey
from node.errors import SignatureError
from node.federation import auth
from node.ids import KeyId, MemberId

WEHR = MemberId("08337116-stadt-wehr")
SAECKINGEN = MemberId("08337096-stadt-bad-saeckingen")
URL = "http://wehr.localhost:8080/staffelstab/1/statements"
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True, params=["our reader first", "the library alone"])
def _reader(request, monkeypatch):
    """Each judgement twice: our short way to a yes changes none of them (ADR 0071)."""
    if request.param == "the library alone":
        monkeypatch.setattr(auth, "read_plain", lambda _: None)


class Ring:
    """The part of a keyring that signs."""

    def __init__(self, member, seed):
        self.member = member
        self.key_id = KeyId(f"{member}#s1")
        self.sign = SigningKey.from_seed(seed * 32)


HERE, THERE = Ring(WEHR, b"a"), Ring(SAECKINGEN, b"b")
KEYS = {ring.key_id: ring.sign.public for ring in (HERE, THERE)}


def fields(body=b"{}"):
    return CIMultiDict(
        {
            "content-type": "application/json",
            "content-digest": auth.content_digest(body),
        }
    )


def asked(url=URL, **more):
    view = auth.RequestView("POST", url, fields())
    view.headers.update(more)
    auth.sign_request(view, HERE, to=SAECKINGEN, directory=7, nonce=bytes(16), at=AT)
    return view


def answered(request):
    view = auth.AnswerView(200, fields(b"[]"), request)
    auth.sign_answer(view, THERE, to=WEHR, directory=7, at=AT)
    return view


def check_request(view, at=AT):
    return auth.verify_request(
        view, me=SAECKINGEN, find=KEYS.__getitem__, has_body=True, now=at
    )


def check_answer(view):
    return auth.verify_answer(
        view, me=WEHR, peer=SAECKINGEN, find=KEYS.__getitem__, has_body=True, now=AT
    )


@pytest.mark.spec("HO-66", "HO-72")
def test_the_library_reads_what_we_sign():
    signed = check_request(asked())
    assert (signed.member, signed.expires_at) == (WEHR, AT + timedelta(seconds=300))
    assert check_answer(answered(asked())).member == SAECKINGEN


@pytest.mark.parametrize(
    "url", ["http://wehr.localhost:80/x", "http://WEHR.localhost/a%7eb?q=1"]
)
def test_an_address_is_signed_as_the_library_normalises_it(url):
    assert check_answer(answered(asked(url))).member == SAECKINGEN


def test_upload_fields_are_covered():
    view = asked(**{"upload-offset": "0", "upload-complete": "?1"})
    assert check_request(view)
    view.headers["upload-offset"] = "1"
    with pytest.raises(SignatureError):
        check_request(view)


@pytest.mark.spec("HO-66")
@pytest.mark.parametrize("name", sorted(asked().headers))
def test_no_field_may_change(name):
    view = asked()
    value = view.headers[name]
    view.headers[name] = value[:-1] + ("x" if value[-1] != "x" else "y")
    with pytest.raises(SignatureError):
        check_request(view)


@pytest.mark.spec("HO-66")
@pytest.mark.parametrize("name", ["content-digest", "staffelstab-to", "@target-uri"])
def test_less_coverage_is_refused_even_if_signed(name, monkeypatch):
    whole = auth._sign

    def less(view, keyring, covered, **rest):
        whole(view, keyring, [c for c in covered if c != f'"{name}"'], **rest)

    monkeypatch.setattr(auth, "_sign", less)
    with pytest.raises(SignatureError, match="coverage"):
        check_request(asked())


@pytest.mark.spec("HO-70")
def test_an_answer_belongs_to_one_request():
    answer = answered(asked())
    other = auth.RequestView("POST", URL, fields())
    auth.sign_request(other, HERE, to=SAECKINGEN, directory=7, nonce=b"n" * 16, at=AT)
    with pytest.raises(SignatureError):
        check_answer(auth.AnswerView(200, answer.headers, other))


@pytest.mark.spec("HO-70")
def test_a_status_is_covered():
    answer = answered(asked())
    with pytest.raises(SignatureError):
        check_answer(auth.AnswerView(201, answer.headers, answer.request))


@pytest.mark.spec("HO-67")
@pytest.mark.parametrize("seconds", [-301, 301])
def test_another_time_is_refused(seconds):
    with pytest.raises(auth.ClockSkewError):
        check_request(asked(), at=AT + timedelta(seconds=seconds))


def test_a_request_whose_signature_cannot_be_read_binds_no_answer():
    request = asked()
    request.headers["signature"] = "sst=;"
    with pytest.raises(SignatureError):
        answered(request)
