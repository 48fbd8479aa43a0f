from dataclasses import replace
from datetime import timedelta

import pytest

from node import strictjson
from node.crypto.jws import b64u, sign_jws
from node.errors import (
    DirectoryFileError,
    MalformedMessageError,
    NodeError,
    RollbackError,
    SignatureError,
)
from node.trust.admission import REQUEST_TYPE, AdmissionRequest, admission_request
from node.trust.fingerprint import _WORDS, words_of
from node.trust.places import parse_places, shipped_places
from tests.support.town import NOON, SAECKINGEN, Town, make_town

YEAR = timedelta(days=365)


def signed_by(town: Town, payload: bytes, other: bytes | None = None) -> bytes:
    keys = town.keyring
    sheet_payload = payload if other is None else other
    return strictjson.encode(
        {
            "v": 1,
            "sig": sign_jws(payload, keys.sign, str(keys.key_id), REQUEST_TYPE),
            "sheet": sign_jws(
                sheet_payload, keys.sheet, str(keys.sheet_key_id), REQUEST_TYPE
            ),
        }
    )


def test_a_request_survives_the_way_and_keeps_its_twelve_words() -> None:
    town = make_town()
    request = AdmissionRequest.parse(town.request())
    assert request.id == town.id
    assert request.ags == town.applicant.ags
    assert request.fingerprint == words_of(request.payload)
    assert len(request.fingerprint.split()) == 12


def test_a_request_becomes_a_record_with_the_four_keys() -> None:
    town, record = make_town(), make_town().record()
    keys = town.keyring
    assert [key.raw for _, _, key in record.public_keys()] == [
        key.public.raw for key in (keys.sign, keys.sheet, keys.log, keys.witness)
    ]
    assert record.log.name == town.applicant.origin


def test_both_keys_must_have_signed() -> None:
    town, thief = make_town(), make_town(keys="x")
    payload = AdmissionRequest.parse(town.request()).payload
    mixed = replace(
        town,
        keyring=replace(town.keyring, sheet=thief.keyring.sheet),
    )
    with pytest.raises(SignatureError):
        AdmissionRequest.parse(signed_by(mixed, payload))
    mixed = replace(town, keyring=replace(town.keyring, sign=thief.keyring.sign))
    with pytest.raises(SignatureError):
        AdmissionRequest.parse(signed_by(mixed, payload))


def test_both_keys_must_have_signed_the_same() -> None:
    town = make_town()
    payload = AdmissionRequest.parse(town.request()).payload
    other = payload.replace(b"Stadt Wehr", b"Stadt Werr")
    with pytest.raises(SignatureError, match="two requests"):
        AdmissionRequest.parse(signed_by(town, payload, other))


def test_a_key_id_of_another_member_is_refused() -> None:
    town, other = make_town(), make_town(SAECKINGEN)
    payload = AdmissionRequest.parse(town.request()).payload
    renamed = replace(town, keyring=replace(town.keyring, member=other.id))
    with pytest.raises(SignatureError, match="key id"):
        AdmissionRequest.parse(signed_by(renamed, payload))


@pytest.mark.spec("HO-96")
def test_a_place_outside_the_scope_is_refused() -> None:
    with pytest.raises(DirectoryFileError):
        AdmissionRequest.parse(make_town("08337116-stadt-wehr", "08337096").request())


def test_a_key_sheet_of_another_key_is_refused() -> None:
    town, thief = make_town(), make_town(keys="x")
    sheet = thief.signed(thief.sheet()).decode()
    data = admission_request(town.keyring, town.applicant, key_sheet=sheet)
    request = AdmissionRequest.parse(data)
    with pytest.raises(SignatureError):
        request.record(NOON.date(), exp=NOON + YEAR)


def test_one_key_for_two_purposes_is_refused() -> None:
    town = make_town()
    lazy = replace(town, keyring=replace(town.keyring, log=town.keyring.sign))
    request = AdmissionRequest.parse(lazy.request())
    with pytest.raises(RollbackError):
        request.record(NOON.date(), exp=NOON + YEAR)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"v":1,"sig":"a.b","sheet":"a.b.c"}',
        b'{"v":1,"sig":"a.b.c","sheet":"a.b.c"}',
        b'{"v":1,"sig":"AA.e30.AA","sheet":"AA.e30.AA"}',
        b" " * (256 * 1024 + 1),
    ],
)
def test_a_broken_request_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        AdmissionRequest.parse(data)


def test_every_cut_of_a_request_is_refused() -> None:
    data = make_town().request()
    for end in range(0, len(data), 97):
        with pytest.raises(NodeError):
            AdmissionRequest.parse(data[:end])


def test_a_changed_payload_byte_breaks_the_request_and_its_words() -> None:
    town = make_town()
    request = AdmissionRequest.parse(town.request())
    changed = request.payload.replace(b"Stadt Wehr", b"Stadt Werr")
    assert words_of(changed) != request.fingerprint
    forged = town.request().replace(
        b64u(request.payload).encode(), b64u(changed).encode()
    )
    with pytest.raises(SignatureError):
        AdmissionRequest.parse(forged)


def test_the_words_are_256_short_plain_words() -> None:
    assert len(set(_WORDS)) == len(_WORDS) == 256
    assert all(word.isascii() and word.istitle() and len(word) <= 8 for word in _WORDS)


def test_the_words_never_change() -> None:
    assert words_of(b"Staffelstab") == WORDS


def test_the_shipped_list_has_the_32_towns_of_the_landkreis() -> None:
    places = shipped_places()
    assert len(places) == 32
    assert places["08337116"] == "Wehr, Stadt"
    assert all(ags.kreis == "08337" for ags in places)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name,ags\n",
        "ags,name\n1234,Ort\n",
        "ags,name\n08337116,\n",
        "ags,name\n08337116\n",
        "ags,name\n08337116,Wehr\n08337116,Wehr\n",
    ],
)
def test_a_broken_list_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        parse_places(text)


WORDS = "Vulkan Laterne Wald Minze Fluss Sonne Gurke Auto Adler Dachs Brief Veilchen"
