"""Entries have one spelling, hold nothing else than their type, and nothing personal."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import strictjson
from node.errors import MalformedMessageError, UsageError
from node.exchangelog.entry import (
    ENTRY_BYTES,
    Act,
    GroupName,
    encode_entry,
    entry,
    parse_entry,
)
from node.exchangelog.kinds import KEYS, ActorRole, EntryClass, EntryType
from node.ids import CaseId, TransferId
from tests.support.exchangelog import PACKET, START, TRANSFER, MemoryLog, sent

ORIGIN = "wehr.example/log/1"
HEX64 = st.binary(min_size=32, max_size=32).map(bytes.hex)
HEX32 = st.binary(min_size=16, max_size=16).map(bytes.hex)
SIZE = st.integers(0, 2**53 - 1)
DAY = st.dates().map(lambda day: day.isoformat())
CODE = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}", fullmatch=True)
SLUG = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,30}", fullmatch=True)
HEAD = st.builds(
    lambda size, root: {"log": "a.example/log/2", "size": size, "root": root},
    st.integers(1, 2**53 - 1),
    HEX64,
)
RANGES = st.lists(SIZE, unique=True, min_size=2, max_size=12).map(
    lambda ends: [
        [low, high] for low, high in zip(*[iter(sorted(ends))] * 2, strict=False)
    ]
)
VALUES = {
    "transfer": HEX32,
    "attempt": st.just(1),
    "peer": st.none() | SLUG,
    "epoch": st.none() | st.integers(1, 2**53 - 1),
    "packet": HEX64,
    "statement": st.none() | HEX64,
    "peer_cp": st.none() | HEAD,
    "outcome": st.none() | CODE,
    "persons": SIZE,
    "scope": st.lists(
        st.sampled_from([f"K{n:02}" for n in range(1, 17)]), unique=True
    ).map(sorted),
    "bytes": SIZE,
    "expires": DAY,
    "basis": CODE,
    "register": st.just("V-07"),
    "consents": st.lists(
        st.fixed_dictionaries({"c": HEX64, "at": HEX64, "head": HEX64})
        | st.fixed_dictionaries({"statute": CODE}),
        max_size=20,
    ),
    "consent": HEX64,
    "recipients": st.lists(
        st.just("class:responsible_at_new_place")
        | SLUG.map(lambda slug: f"member:{slug}")
        | st.just("ags:08337"),
        unique=True,
    ).map(sorted),
    "valid_from": DAY,
    "valid_until": DAY,
    "count": SIZE,
    "digest": HEX64,
    "target": CODE,
    "order_ref": st.none() | CODE,
    "ranges": RANGES,
    "vkey": st.just("wehr.example/log/1+75033fd2+AYqI4910CfGV/VLbLTy6"),
    "continues": st.none()
    | HEAD.map(lambda head: {"origin" if k == "log" else k: head[k] for k in head}),
    "inc": st.integers(1, 99),
    "old_size": SIZE,
    "new_size": SIZE,
    "lost": SIZE,
    "what": st.sampled_from(["quorum", "first_word"]),
    "missing": st.lists(SLUG, unique=True).map(sorted),
}


@st.composite
def entries(draw, kinds=tuple(EntryType)):
    kind = draw(st.sampled_from(kinds))
    person = st.none() if kind.retention is EntryClass.PERMANENT else st.none() | HEX64
    act = Act(
        draw(HEX32),
        draw(st.datetimes(timezones=st.just(UTC))),
        ORIGIN,
        draw(st.none() | st.sampled_from(ActorRole)),
        draw(person),
        draw(person),
        draw(st.none() | HEX64),
    )
    return entry(kind, act, {key: draw(VALUES[key]) for key in KEYS[kind]})


@given(entries())
@pytest.mark.spec("LR-5")
def test_every_type_survives_encoding_and_parsing(made):
    spelled = encode_entry(made)
    assert parse_entry(spelled) == made
    assert encode_entry(parse_entry(spelled)) == spelled
    assert spelled.isascii()
    assert b" " not in spelled


@pytest.mark.spec("LR-5")
@pytest.mark.parametrize("kind", EntryType)
def test_no_type_takes_a_key_more_or_less(kind):
    made = _example(kind)
    spelled = strictjson.parse(encode_entry(made))
    for key in spelled:
        fewer = {k: v for k, v in spelled.items() if k != key}
        with pytest.raises(MalformedMessageError):
            parse_entry(strictjson.encode(fewer))
    with pytest.raises(MalformedMessageError, match="entry-keys"):
        parse_entry(strictjson.encode(spelled | {"note": "x"}))


@given(entries(), st.data())
@pytest.mark.spec("LR-5", "LOG-1")
def test_another_spelling_of_the_same_entry_is_refused(made, data):
    spelled = encode_entry(made)
    loose = json.dumps(json.loads(spelled), sort_keys=False).encode()
    with pytest.raises(MalformedMessageError):
        parse_entry(loose)
    place = data.draw(st.integers(0, len(spelled) - 1))
    with pytest.raises(MalformedMessageError):
        parse_entry(spelled[:place] + b"\xc3\xbc" + spelled[place + 1 :])


@given(entries(), st.sampled_from(sorted(VALUES)), st.data())
def test_a_wrong_value_is_refused_and_never_shown(made, key, data):
    found = strictjson.parse(encode_entry(made))
    if key not in found:
        key = "id"
    secret = data.draw(
        st.sampled_from(
            ["Anna Müller", "Bergstr. 3", "", " ", -1, 1.5, True, [], {}, ["x", "x"]]
        )
    )
    if secret == [] and key in {"scope", "consents", "recipients", "ranges", "missing"}:
        return
    found[key] = secret
    with pytest.raises(MalformedMessageError) as caught:
        parse_entry(json.dumps(found, sort_keys=True, separators=(",", ":")).encode())
    assert "Anna" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scope", ["K04", "K01"]),
        ("scope", ["K01", "K01"]),
        ("scope", ["K1"]),
        ("expires", "2026-02-30"),
        ("at", "2026-02-03T10:00:00Z"),
        ("at", "2026-02-03T10:00:00.001Z"),
        ("at", "2026-02-30T10:00:00.000Z"),
        ("at", "2026-02-03T10:00:00.000+01:00"),
        ("attempt", 2),
        ("attempt", True),
        ("epoch", 0),
        ("v", 2),
        ("v", True),
        ("class", "audit"),
        ("role", "mayor"),
        ("role", ["caseworker"]),
        ("type", ["transfer.sent"]),
        ("type", "transfer.seen"),
        ("transfer", "AB" * 16),
        ("transfer", None),
        ("log", "Wehr.example/log/1"),
        ("log", "wehr.example/log/01"),
        ("log", None),
        ("peer_cp", {"log": ORIGIN, "size": 1}),
        ("peer_cp", {"log": ORIGIN, "size": -1, "root": "00" * 32}),
        ("peer_cp", {"log": ORIGIN, "size": 0, "root": "00" * 32}),
        ("consents", [{"c": "00" * 32, "at": "00" * 32}]),
        ("consents", [{"statute": "§ 67d SGB X"}]),
        ("consents", ["statute"]),
    ],
)
def test_one_wrong_value_is_enough_to_refuse(key, value):
    found = strictjson.parse(encode_entry(_example(EntryType.TRANSFER_SENT)))
    assert key in found
    with pytest.raises(MalformedMessageError, match="entry-"):
        parse_entry(strictjson.encode(found | {key: value}))


@pytest.mark.spec("LOG-32")
@pytest.mark.parametrize(
    "ranges",
    [
        [[3, 3]],
        [[3, 2]],
        [[1, 2], [2, 3]],
        [[5, 6], [1, 2]],
        [[1]],
        [1],
        [[1, "2"]],
        {},
    ],
)
def test_ranges_ascend_are_apart_and_not_empty(ranges):
    found = strictjson.parse(encode_entry(_example(EntryType.LOG_ERASURE)))
    with pytest.raises(MalformedMessageError, match="ranges"):
        parse_entry(strictjson.encode(found | {"ranges": ranges}))


def test_an_entry_longer_than_eight_kibibytes_is_refused():
    found = strictjson.parse(encode_entry(_example(EntryType.TRANSFER_SENT)))
    found["consents"] = [{"statute": "x" * 60}] * 130
    spelled = strictjson.encode(found)
    assert len(spelled) > ENTRY_BYTES
    with pytest.raises(MalformedMessageError, match="too-long"):
        parse_entry(spelled)


@pytest.mark.spec("LOG-2")
@pytest.mark.parametrize("person", ["actor", "second"])
def test_a_permanent_entry_shows_no_person(person):
    found = strictjson.parse(encode_entry(_example(EntryType.KEY_ADDED)))
    with pytest.raises(MalformedMessageError, match="actor"):
        parse_entry(strictjson.encode(found | {person: "00" * 32}))


def test_our_own_mistake_is_a_usage_error():
    act = Act("00" * 16, START, ORIGIN)
    with pytest.raises(UsageError, match="entry-keys"):
        encode_entry(entry(EntryType.TRANSFER_SENT, act, {}))


@pytest.mark.spec("LOG-1")
def test_instants_are_cut_to_the_second_in_utc():
    berlin = timezone(timedelta(hours=1))
    at = datetime(2026, 2, 3, 11, 0, 0, 999_999, tzinfo=berlin)
    made = entry(
        EntryType.AUDIT_EXPORTED, Act("00" * 16, at, ORIGIN), {"digest": "0" * 64}
    )
    assert b'"at":"2026-02-03T10:00:00.000Z"' in encode_entry(made)


@pytest.mark.spec("HO-1")
def test_a_transfer_has_one_attempt_for_ever():
    log, peer = MemoryLog(), MemoryLog("bad-saeckingen.example", 2)
    assert sent(log, peer).entry.more["attempt"] == 1


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        (EntryType.AUDIT_VIEWED, "audit:2026-02"),
        (EntryType.LOG_ERASURE, "permanent:2026-02"),
        (EntryType.HOLD_SET, "operation:2026-02"),
    ],
)
def test_a_group_is_one_month_of_a_class(kind, group):
    assert GroupName.of_month(kind.retention, START) == group


@pytest.mark.spec("LR-40")
def test_a_consent_chain_has_a_group_of_its_own():
    case = CaseId("cd" * 16)
    assert GroupName.of_consents(case) == f"consent:{case}"
    with pytest.raises(MalformedMessageError):
        GroupName("consent:anna")


def test_every_transfer_rule_names_a_type_of_this_log():
    from node.sync.transfer import INBOUND, OUTBOUND

    named = {rule.logs for table in (OUTBOUND, INBOUND) for rule in table.rules}
    assert named - {None} <= set(EntryType)


def _example(kind):
    values = {
        "transfer": str(TransferId(TRANSFER)),
        "attempt": 1,
        "packet": PACKET.hex(),
        "persons": 1,
        "scope": ["K01"],
        "bytes": 1,
        "expires": "2026-02-17",
        "basis": "consent",
        "register": "V-07",
        "consents": [],
        "consent": "00" * 32,
        "recipients": ["class:responsible_at_new_place"],
        "valid_from": "2026-02-01",
        "valid_until": "2026-06-30",
        "count": 1,
        "digest": "00" * 32,
        "target": "wehr#s1",
        "ranges": [[1, 3], [7, 8]],
        "vkey": "wehr.example/log/1+75033fd2+AYqI",
        "inc": 1,
        "old_size": 1,
        "new_size": 2,
        "lost": 0,
        "what": "quorum",
        "missing": ["rz.example/witness/1"],
    }
    act = Act("00" * 16, START, ORIGIN)
    return entry(kind, act, {key: values.get(key) for key in KEYS[kind]})
