from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from node import strictjson
from node.crypto.checkpoint import NoteKey
from node.crypto.keys import VerifyKey
from node.errors import (
    DirectoryFileError,
    MalformedMessageError,
    NodeError,
    RollbackError,
    SignatureError,
)
from node.trust.member import Member
from tests.support.town import make_town


def changed(**members: Any) -> bytes:
    record = strictjson.parse_object(make_town().record().encode())
    return strictjson.encode(record | members)


def refusal(**members: Any) -> type[NodeError]:
    with pytest.raises(NodeError) as caught:
        Member.parse(changed(**members))
    return type(caught.value)


def test_a_record_survives_writing_and_reading() -> None:
    record = make_town().record()
    assert Member.parse(record.encode()) == record


def test_a_record_looks_like_the_specification() -> None:
    record = strictjson.parse_object(make_town().record().encode())
    names = "v id serial name admitted_on readmitted_on closed_on successor serves "
    names += "contact sig sheet log witness"
    assert list(record) == sorted(names.split())
    assert record["serves"] == [
        {"ags": "08337116", "from": "2026-03-02", "until": None}
    ]


@pytest.mark.spec("HO-96")
def test_a_place_outside_the_scope_is_refused() -> None:
    foreign = [{"ags": "08337096", "from": "2026-03-02", "until": None}]
    assert refusal(serves=foreign) is DirectoryFileError


@pytest.mark.spec("HO-96")
def test_a_body_of_a_whole_kreis_may_serve_any_of_its_places() -> None:
    town = make_town("08337-landratsamt", "08337116", "08337096")
    assert len(town.record().serves) == 2


@pytest.mark.parametrize(
    "members",
    [
        {"v": 2},
        {"v": True},
        {"serial": 0},
        {"serial": "1"},
        {"id": "8337116-wehr"},
        {"name": ""},
        {"name": "x" * 121},
        {"admitted_on": None},
        {"admitted_on": "2026-02-30"},
        {"admitted_on": "20260302"},
        {"sig": [{"kid": "s1", "pk": "A" * 43, "nbf": "2026-03-02", "exp": ""}]},
        {"sig": [{"kid": "s1", "pk": "A" * 43, "nbf": "2026-02-30T00:00:00Z"}]},
        {"closed_on": "soon"},
        {"successor": "nobody"},
        {"successor": 5},
        {"serves": {}},
        {"serves": [{"ags": "08337116", "from": "2026-03-02"}]},
        {"serves": [{"ags": "8337116", "from": "2026-03-02", "until": None}]},
        {"contact": {"office": "a", "phone": "b"}},
        {"contact": {"office": "a", "phone": "b", "mail": "c", "fax": "d"}},
        {"sig": []},
        {"sig": [{"kid": "S1", "pk": "", "nbf": "", "exp": ""}]},
        {"log": {"origin": "a b/log/1", "vkeys": []}},
        {"unknown": 1},
    ],
)
@pytest.mark.spec("HO-97")
def test_a_broken_schema_is_refused(members: dict[str, Any]) -> None:
    assert refusal(**members) is MalformedMessageError


def test_a_member_that_opt_names_is_ignorable() -> None:
    Member.parse(changed(opt=["later"], later={"a": 1}))
    assert refusal(opt=["other"], later=1) is MalformedMessageError


def test_a_vkey_of_another_name_or_type_is_refused() -> None:
    record = make_town().record()
    log, witness = record.log.keys[0].key, record.witness.keys[0].key
    for bad in (
        NoteKey(log.name, log.key, 0x04),
        NoteKey("other.example/log/1", log.key, 0x01),
        witness,
    ):
        entry = {
            "vkey": str(bad),
            "nbf": "2026-03-02T12:00:00Z",
            "exp": "2027-03-02T12:00:00Z",
        }
        listed = {"origin": log.name, "vkeys": [entry]}
        assert refusal(log=listed) is MalformedMessageError


def test_a_record_longer_than_its_limit_is_not_read() -> None:
    with pytest.raises(MalformedMessageError, match="too long"):
        Member.parse(b" " * 65_537)


@pytest.mark.spec("HO-97")
def test_one_key_with_two_purposes_in_a_record_is_refused() -> None:
    record = make_town().record()
    sheet = replace(record.sheet[0], key=record.sig[0].key)
    with pytest.raises(RollbackError):
        replace(record, sheet=(sheet,)).check_keys()


@pytest.mark.spec("HO-97")
def test_a_key_of_small_order_is_refused() -> None:
    record = make_town().record()
    small = replace(record.sig[0], key=VerifyKey(b"\x01" + bytes(31)))
    with pytest.raises(SignatureError):
        replace(record, sig=(small,)).check_keys()


def test_until_is_the_first_day_that_is_not_served() -> None:
    place = replace(make_town().record().serves[0], until=date(2026, 5, 1))
    assert place.covers(date(2026, 4, 30))
    assert not place.covers(date(2026, 5, 1))
    assert not place.covers(date(2026, 3, 1))
