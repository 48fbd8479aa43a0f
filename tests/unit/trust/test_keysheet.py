from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import strictjson
from node.crypto.jws import sign_jws
from node.crypto.keys import SealingKey
from node.errors import MalformedMessageError, NodeError, SignatureError
from node.trust.keysheet import SHEET_TYPE, KeySheet, open_sheet
from tests.support.town import DAY, NOON, SAECKINGEN, make_town


def changed(**members: Any) -> bytes:
    sheet = strictjson.parse_object(make_town().sheet().encode())
    return strictjson.encode(sheet | members)


def test_a_sheet_survives_signing_and_opening() -> None:
    town = make_town()
    assert open_sheet(town.signed(town.sheet()).decode(), town.record()) == town.sheet()


@pytest.mark.spec("HO-98")
def test_a_sheet_signed_by_the_statement_key_does_not_count() -> None:
    town = make_town()
    keys = town.keyring
    jws = sign_jws(town.sheet().encode(), keys.sign, str(keys.key_id), SHEET_TYPE)
    with pytest.raises(SignatureError, match="not a sheet key"):
        open_sheet(jws, town.record())


@pytest.mark.spec("HO-98")
def test_a_statement_key_under_the_name_of_the_sheet_key_does_not_count() -> None:
    town = make_town()
    keys = town.keyring
    jws = sign_jws(town.sheet().encode(), keys.sign, str(keys.sheet_key_id), SHEET_TYPE)
    with pytest.raises(SignatureError):
        open_sheet(jws, town.record())


@pytest.mark.spec("HO-98")
def test_a_sheet_of_another_member_does_not_count() -> None:
    town, other = make_town(), make_town(SAECKINGEN)
    with pytest.raises(SignatureError):
        open_sheet(other.signed(other.sheet()).decode(), town.record())
    borrowed = replace(town.sheet(), iss=other.id)
    keys = town.keyring
    jws = sign_jws(borrowed.encode(), keys.sheet, str(keys.sheet_key_id), SHEET_TYPE)
    with pytest.raises(SignatureError, match="another member"):
        open_sheet(jws, town.record())


@pytest.mark.parametrize("at", [NOON - DAY, NOON + 365 * DAY])
def test_a_sheet_signed_outside_the_life_of_its_key_does_not_count(at: Any) -> None:
    town = make_town()
    with pytest.raises(SignatureError, match="life"):
        open_sheet(town.signed(town.sheet(at=at)).decode(), town.record())


def test_a_statement_is_no_sheet() -> None:
    town = make_town()
    keys = town.keyring
    jws = sign_jws(
        town.sheet().encode(),
        keys.sheet,
        str(keys.sheet_key_id),
        "staffelstab-statement+jwt",
    )
    with pytest.raises(MalformedMessageError):
        open_sheet(jws, town.record())


def test_a_sheet_longer_than_its_limit_is_not_read() -> None:
    with pytest.raises(MalformedMessageError, match="too long"):
        open_sheet("x" * 65_537, make_town().record())


@pytest.mark.parametrize(
    "members",
    [
        {"v": 0},
        {"serial": -1},
        {"iat": "2026"},
        {"iat": 10**13},
        {"kem": []},
        {"kem": [{}]},
        {"url": "http://wehr.example/"},
        {"url": "https://user@wehr.example/"},
        {"url": "https://wehr.example/?a=b"},
        {"url": "https://wehr.example/#a"},
        {"url": "https://wehr.example:x/"},
        {"url": "https://Wehr.example/"},
        {"url": "https://[::1/"},
        {"url": "ftp://wehr.example/"},
        {"url": "https://wehr.example/" + "a" * 240},
        {"url": "https://"},
        {"relays": ["https://a.example/"] * 5},
        {"suites": []},
        {"suites": ["1"]},
        {"suites": [True]},
        {"schema": [""]},
        {"limits": {"packet": 1, "document": 1}},
        {"limits": {"packet": 2**21, "document": 1, "more": 1}},
        {"surplus": None},
    ],
)
def test_a_broken_sheet_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessageError):
        KeySheet.parse(changed(**members))


@pytest.mark.parametrize(
    "url",
    [
        "https://staffelstab.wehr.example/",
        "https://wehr.example:8443",
        "http://127.0.0.1:8080/",
        "http://wehr.localhost:8080",
        "https://[2001:db8::1]/",
    ],
)
def test_an_address_may_be_https_or_http_on_loopback(url: str) -> None:
    assert KeySheet.parse(changed(url=url)).url == url


@pytest.mark.parametrize("change", [{"alg": "X25519"}, {"pk": "AA"}, {"seal_until": 0}])
def test_a_broken_sealing_key_is_refused(change: dict[str, Any]) -> None:
    sheet = strictjson.parse_object(make_town().sheet().encode())
    with pytest.raises(NodeError):
        KeySheet.parse(changed(kem=[sheet["kem"][0] | change]))


@pytest.mark.spec("HO-97")
def test_a_sealing_key_that_fails_the_modulus_check_is_refused() -> None:
    sheet = make_town().sheet()
    bad = SealingKey(b"\xff" * 1184 + sheet.kem[0].key.raw[1184:])
    with pytest.raises(SignatureError):
        replace(sheet, kem=(replace(sheet.kem[0], key=bad),)).check_keys()


def test_a_sealing_key_listed_twice_is_refused() -> None:
    sheet = make_town().sheet()
    twice = (sheet.kem[0], replace(sheet.kem[0], kid="k2"))
    with pytest.raises(MalformedMessageError):
        replace(sheet, kem=twice).check_keys()


@pytest.mark.spec("HO-110")
def test_the_last_hour_of_a_sealing_key_is_not_used() -> None:
    kem = make_town().sheet().kem[0]
    assert kem.may_seal(kem.nbf)
    assert kem.may_seal(kem.seal_until - timedelta(hours=1))
    assert not kem.may_seal(kem.seal_until - timedelta(minutes=59))
    assert not kem.may_seal(kem.nbf - timedelta(seconds=1))


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise_a_foreign_error(data: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        KeySheet.parse(data)
