"""Renewal and queries of the directory, on files made by real keys."""

import gc
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from nacl import bindings

from node.crypto.jws import b64u
from node.crypto.keys import VerifyKey
from node.errors import (
    DirectoryExpiredError,
    KeyRetiredError,
    MalformedMessageError,
    RollbackError,
    UnknownKeyError,
    UnknownNodeError,
)
from node.ids import Ags, KeyId, MemberId
from node.trust.directory import Directory, Freshness
from node.trust.head import Head
from node.trust.holdings import FileKind, many_at_once
from node.trust.member import ListedKey, Member, Served
from node.trust.renewal import FEW_KEYS, Fetched, renew
from node.trust.revocations import RetiredKey, RetiredMember, Revocations
from node.trust.routes import Route, Routes
from tests.support.town import DAY, NOON, SAECKINGEN, Town, make_town

SHORT_KEY = (
    b'{"v":1,"serial":1,"members":[],'
    b'"keys":[{"member":"08-xx","kid":"a","pk":"AA","from":1}]}'
)
# A point of order eight: added to a key, the sum is no longer of prime order.
TORSION = bytes.fromhex(
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
)
AGS_WEHR = Ags("08337116")
MAY = date(2026, 5, 1)
HOUR = timedelta(hours=1)


def head(version: int = 1, at: datetime = NOON) -> Head:
    return Head(
        root=1,
        timestamp=version,
        snapshot=version,
        signed_at=at,
        expires_at=at + timedelta(days=7),
        mark=f"m{version}",
        demo=True,
    )


def fetched(
    version: int = 1,
    at: datetime = NOON,
    *,
    records: Iterable[Member] = (),
    sheets: Iterable[tuple[Town, int]] = (),
    routed: Iterable[Member] | None = None,
    revocations: Revocations | None = None,
) -> Fetched:
    records = list(records)
    index = Routes.of("08337", records if routed is None else routed)
    return Fetched(
        head(version, at),
        None if revocations is None else revocations.encode(),
        {"08337": index.encode()},
        {record.id: record.encode() for record in records},
        {town.id: town.signed(town.sheet(serial, at)) for town, serial in sheets},
    )


def two_towns(at: datetime = NOON) -> Directory:
    towns = make_town(), make_town(SAECKINGEN)
    news = fetched(
        at=at, records=[t.record(at) for t in towns], sheets=[(t, 1) for t in towns]
    )
    directory = renew(None, news, at)
    assert directory.faults == ()
    return directory


def codes(directory: Directory) -> list[tuple[str, str]]:
    return [(fault.path, fault.code) for fault in directory.faults]


def test_a_directory_survives_the_store() -> None:
    directory = two_towns()
    again = Directory.decode(directory.files)
    assert set(again.files) == set(directory.files)
    assert (again.head, again.refreshed_at) == (directory.head, directory.refreshed_at)
    assert again.holdings == directory.holdings
    assert again.route(AGS_WEHR, MAY) == make_town().id


def many_records(count: int) -> list[Member]:
    """One town under many ids, each with keys of its own that nobody else has."""
    slugs = [MemberId(f"08337116-ort{number}") for number in range(count)]
    return [make_town(slug).record() for slug in slugs]


def test_a_bad_key_among_many_is_told_of_its_own_record() -> None:
    records = many_records(FEW_KEYS)
    bad = records[7]
    mixed = bindings.crypto_core_ed25519_add(bad.sheet[0].key.raw, TORSION)
    key = replace(bad.sheet[0], key=VerifyKey(mixed))
    records[7] = replace(bad, sheet=(key,))
    directory = renew(None, fetched(records=records), NOON)
    assert codes(directory) == [(f"members/{bad.id}.json", "bad-signature")]
    assert len(directory.members()) == len(records) - 1


def test_a_broken_record_among_many_is_told_of_its_own_path() -> None:
    records = many_records(FEW_KEYS)
    news = fetched(records=records)
    news = replace(news, records={**news.records, records[3].id: b"{}"})
    assert codes(renew(None, news, NOON)) == [
        (f"members/{records[3].id}.json", "bad-syntax")
    ]


def test_one_key_of_two_among_many_is_refused_of_the_second() -> None:
    records = many_records(FEW_KEYS)
    records[9] = replace(records[9], sig=records[8].sig)
    second = max(records[8].id, records[9].id)
    directory = renew(None, fetched(records=records), NOON)
    assert codes(directory) == [(f"members/{second}.json", "rollback")]


def test_the_list_of_members_is_that_of_its_own_directory() -> None:
    first = two_towns()
    assert first.members() is first.members()
    changed = replace(make_town().record(), serial=2, name="Wehr (Baden)")
    news = fetched(2, records=[changed, make_town(SAECKINGEN).record()])
    second = renew(first, news, NOON)
    assert "Wehr (Baden)" in {member.name for member in second.members()}
    assert "Stadt Wehr" in {member.name for member in first.members()}
    assert second.with_head(head(3), NOON).members() == second.members()


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_left_as_it_was(was_on: bool) -> None:
    (gc.enable if was_on else gc.disable)()
    try:
        with pytest.raises(MalformedMessageError), many_at_once():
            Directory.decode([])
        assert gc.isenabled() is was_on
    finally:
        gc.enable()


def test_a_store_without_a_head_is_refused() -> None:
    files = [f for f in two_towns().files if f.kind is not FileKind.HEAD]
    with pytest.raises(MalformedMessageError, match="head"):
        Directory.decode(files)


def test_a_directory_answers_for_members_keys_and_sheets() -> None:
    directory, town = two_towns(), make_town()
    keys = town.keyring
    assert [m.id for m in directory.members()] == sorted(
        [town.id, MemberId(SAECKINGEN)]
    )
    assert directory.member(town.id).name == "Stadt Wehr"
    assert directory.sign_key(keys.key_id, NOON) == keys.sign.public
    assert directory.log_key(town.id).key == keys.log.public
    assert directory.log_key(town.id).name == town.applicant.origin
    assert directory.witness_key(town.id).key == keys.witness.public
    assert directory.sheet(town.id).url == town.url
    assert directory.sheet_text(town.id).encode() == town.signed(town.sheet())
    assert directory.sealing_key(town.id, NOON).key == keys.openings["k1"].public
    assert directory.kem_key(KeyId(f"{town.id}#k1")).kid == "k1"
    assert directory.timestamp_version == 1


def test_who_is_not_listed_is_unknown() -> None:
    directory, stranger = two_towns(), MemberId("08337-fremd")
    for question in (directory.member, directory.sheet, directory.log_key):
        with pytest.raises(UnknownNodeError):
            question(stranger)
    with pytest.raises(UnknownNodeError):
        directory.sealing_key(stranger, NOON)
    for name in ("08337-fremd#s1", f"{SAECKINGEN}#s9"):
        with pytest.raises(UnknownKeyError):
            directory.sign_key(KeyId(name))
        with pytest.raises(UnknownKeyError):
            directory.kem_key(KeyId(name))


# Routes (11.5).


def test_an_unknown_place_has_no_route() -> None:
    directory = two_towns()
    assert directory.route(Ags("08337999"), MAY) is None
    assert directory.route(Ags("08336008"), MAY) is None
    assert directory.route(AGS_WEHR, date(2026, 3, 1)) is None


@pytest.mark.spec("HO-107")
def test_two_entries_that_fit_are_no_route() -> None:
    kreis = make_town("08337-landratsamt", "08337116")
    records = [make_town().record(), kreis.record()]
    directory = renew(None, fetched(records=records), NOON)
    assert directory.route(AGS_WEHR, MAY) is None


@pytest.mark.spec("HO-107")
def test_an_index_that_differs_from_the_record_is_no_route() -> None:
    record = make_town().record()
    place = record.serves[0]
    for entry in (
        Route(replace(place, since=date(2026, 1, 1)), record.id),
        Route(replace(place, until=date(2027, 1, 1)), record.id),
        Route(place, MemberId(SAECKINGEN)),
    ):
        news = fetched(records=[record])
        news = replace(news, routes={"08337": Routes("08337", (entry,)).encode()})
        assert renew(None, news, NOON).route(AGS_WEHR, MAY) is None


@pytest.mark.spec("HO-107")
def test_a_record_the_index_does_not_show_is_no_route() -> None:
    directory = renew(None, fetched(records=[make_town().record()], routed=[]), NOON)
    assert directory.route(AGS_WEHR, MAY) is None


@pytest.mark.spec("HO-107")
def test_a_second_record_that_claims_the_place_is_no_route() -> None:
    kreis = make_town("08337-landratsamt", "08337116")
    wehr = make_town().record()
    news = fetched(records=[wehr, kreis.record()], routed=[wehr])
    assert renew(None, news, NOON).route(AGS_WEHR, MAY) is None


@pytest.mark.spec("DIR-5")
def test_a_place_changes_its_body_on_one_day() -> None:
    change = date(2026, 6, 1)
    wehr, kreis = (
        make_town().record(),
        make_town("08337-landratsamt", "08337116").record(),
    )
    wehr = replace(wehr, serves=(replace(wehr.serves[0], until=change),))
    kreis = replace(kreis, serves=(replace(kreis.serves[0], since=change),))
    directory = renew(None, fetched(records=[wehr, kreis]), NOON)
    assert directory.route(AGS_WEHR, date(2026, 5, 31)) == wehr.id
    assert directory.route(AGS_WEHR, change) == kreis.id


def test_a_closed_record_hands_on_to_its_successor() -> None:
    wehr, other = make_town().record(), make_town(SAECKINGEN).record()
    closed = replace(wehr, closed_on=MAY, successor=other.id)
    directory = renew(None, fetched(records=[closed, other]), NOON)
    assert directory.route(AGS_WEHR, date(2026, 4, 30)) == wehr.id
    assert directory.route(AGS_WEHR, MAY) == other.id


def test_a_closed_record_without_an_open_successor_is_no_route() -> None:
    wehr, other = make_town().record(), make_town(SAECKINGEN).record()
    for successor in (None, MemberId("08337-fremd"), wehr.id, other.id):
        closed = replace(wehr, closed_on=MAY, successor=successor)
        circle = replace(other, closed_on=MAY, successor=wehr.id)
        directory = renew(None, fetched(records=[closed, circle]), NOON)
        assert directory.route(AGS_WEHR, MAY) is None


# Age.


def test_the_directory_ages_from_fresh_over_warn_to_expired() -> None:
    directory = two_towns()
    assert directory.stale(NOON + 24 * HOUR) is Freshness.FRESH
    assert directory.stale(NOON + 25 * HOUR) is Freshness.WARN
    assert directory.stale(NOON + 7 * DAY) is Freshness.EXPIRED


@pytest.mark.spec("DIR-10")
def test_an_expired_directory_seals_nothing_new_but_knows_all_keys() -> None:
    directory, town = two_towns(), make_town()
    late = NOON + 7 * DAY
    with pytest.raises(DirectoryExpiredError):
        directory.sealing_key(town.id, late)
    assert directory.sign_key(town.keyring.key_id, late)
    assert directory.kem_key(KeyId(f"{town.id}#k1"))
    assert directory.route(AGS_WEHR, MAY) == town.id


@pytest.mark.parametrize("role", ["08", "08337", "08337-keys"])
def test_an_ended_role_stops_new_packets_to_its_members_only(role: str) -> None:
    town = make_town()
    ended = replace(head(), ends=((role, NOON),))
    directory = two_towns().with_head(ended, NOON)
    assert directory.stale(NOON) is Freshness.FRESH
    with pytest.raises(DirectoryExpiredError):
        directory.sealing_key(town.id, NOON)
    assert directory.sign_key(town.keyring.key_id, NOON)


def test_an_ended_role_of_another_kreis_stops_nothing_here() -> None:
    others = ("08336", "08336-keys", "08-keys", "09")
    ended = replace(head(), ends=tuple((role, NOON) for role in others))
    directory = two_towns().with_head(ended, NOON)
    assert directory.sealing_key(make_town().id, NOON)
    assert Directory.decode(directory.files).head == ended


def test_an_ended_revoker_makes_the_whole_directory_old() -> None:
    ended = replace(head(), ends=(("revoker", NOON),))
    directory = two_towns().with_head(ended, NOON)
    assert directory.stale(NOON) is Freshness.EXPIRED


def test_a_newer_root_may_start_the_other_versions_anew() -> None:
    first = renew(None, Fetched(head(2**40)), NOON)
    later = renew(first, Fetched(replace(head(5), root=2)), NOON)
    assert later.timestamp_version == 5


@pytest.mark.parametrize("field", ["root", "timestamp", "snapshot"])
def test_metadata_that_goes_back_is_refused(field: str) -> None:
    first = renew(None, Fetched(replace(head(5), root=5)), NOON)
    older = replace(first.head, **{field: 4})
    with pytest.raises(RollbackError):
        renew(first, Fetched(older), NOON)


def test_a_signing_instant_that_goes_back_is_refused() -> None:
    with pytest.raises(RollbackError):
        renew(two_towns(), Fetched(head(2, NOON - HOUR)), NOON)


# Statement keys.


@pytest.mark.spec("HO-41", "DIR-12")
def test_a_key_counts_only_inside_its_life() -> None:
    directory, key_id = two_towns(), make_town().keyring.key_id
    with pytest.raises(UnknownKeyError):
        directory.sign_key(key_id, NOON - HOUR)
    with pytest.raises(KeyRetiredError):
        directory.sign_key(key_id, NOON + 365 * DAY)
    with pytest.raises(UnknownKeyError):
        directory.manifest_key(key_id, NOON - HOUR)


def rotated_record(town: Town) -> Member:
    """The record after the statement key was changed."""
    old = town.record()
    new = make_town(keys="x").keyring.sign.public
    return replace(
        old,
        serial=2,
        sig=(ListedKey("s2", new, NOON + DAY, NOON + 300 * DAY),),
    )


@pytest.mark.spec("DIR-11")
def test_a_dropped_key_speaks_no_more_but_old_signatures_hold() -> None:
    town = make_town()
    later = renew(
        two_towns(), fetched(2, NOON + DAY, records=[rotated_record(town)]), NOON + DAY
    )
    assert later.faults == ()
    with pytest.raises(KeyRetiredError):
        later.sign_key(town.keyring.key_id)
    assert later.manifest_key(town.keyring.key_id, NOON) == town.keyring.sign.public
    assert later.sign_key(KeyId(f"{town.id}#s2"), NOON + DAY)


@pytest.mark.spec("HO-106")
def test_a_dropped_key_does_not_come_back() -> None:
    town = make_town()
    later = renew(two_towns(), fetched(2, records=[rotated_record(town)]), NOON)
    back = replace(town.record(), serial=3)
    again = renew(later, fetched(3, records=[back]), NOON)
    assert codes(again) == [("members/08337116-stadt-wehr.json", "rollback")]
    with pytest.raises(KeyRetiredError):
        again.sign_key(town.keyring.key_id)


def denied(town: Town, key: bytes, kid: str = "s1") -> Revocations:
    return Revocations(1, (RetiredKey(town.id, kid, key, NOON),), ())


@pytest.mark.spec("HO-106", "DIR-12", "HO-71")
def test_a_retired_statement_key_speaks_and_receives_no_more() -> None:
    town = make_town()
    keys = town.keyring
    news = fetched(2, revocations=denied(town, keys.sign.public.raw))
    later = renew(two_towns(), news, NOON)
    with pytest.raises(KeyRetiredError):
        later.sign_key(keys.key_id, NOON)
    with pytest.raises(KeyRetiredError):
        later.sealing_key(town.id, NOON)
    assert later.manifest_key(keys.key_id, NOON) == keys.sign.public


def test_a_retired_sealing_key_is_not_sealed_to() -> None:
    town = make_town()
    thumbprint = town.keyring.openings["k1"].public.thumbprint
    news = fetched(2, revocations=denied(town, thumbprint, "k1"))
    later = renew(two_towns(), news, NOON)
    with pytest.raises(UnknownKeyError):
        later.sealing_key(town.id, NOON)
    with pytest.raises(KeyRetiredError):
        later.kem_key(KeyId(f"{town.id}#k1"))


def test_what_a_retired_sheet_key_signed_is_not_sealed_to() -> None:
    town = make_town()
    news = fetched(2, revocations=denied(town, town.keyring.sheet.public.raw, "h1"))
    later = renew(two_towns(), news, NOON)
    with pytest.raises(UnknownKeyError):
        later.sealing_key(town.id, NOON)
    third = renew(later, fetched(3, sheets=[(town, 2)]), NOON)
    assert codes(third) == [("keys/08337116-stadt-wehr.jws", "not-a-peer")]


def test_a_retired_log_key_proves_nothing() -> None:
    town = make_town()
    news = fetched(2, revocations=denied(town, town.keyring.log.public.raw, "l1"))
    with pytest.raises(KeyRetiredError):
        renew(two_towns(), news, NOON).log_key(town.id)


def test_a_retired_member_has_neither_keys_nor_routes() -> None:
    town = make_town()
    gone = Revocations(1, (), (RetiredMember(town.id, NOON, "stolen"),))
    later = renew(two_towns(), fetched(2, revocations=gone), NOON)
    assert later.is_retired(town.id)
    assert later.route(AGS_WEHR, MAY) is None
    for question in (later.log_key, later.witness_key):
        with pytest.raises(KeyRetiredError):
            question(town.id)
    with pytest.raises(KeyRetiredError):
        later.sign_key(town.keyring.key_id)
    with pytest.raises(KeyRetiredError):
        later.sealing_key(town.id, NOON)


@pytest.mark.spec("HO-106")
def test_the_deny_list_only_grows() -> None:
    town = make_town()
    first = denied(town, town.keyring.sign.public.raw)
    later = renew(two_towns(), fetched(2, revocations=first), NOON)
    for bad in (
        Revocations(2),
        replace(first, serial=0),
        replace(first, keys=(*first.keys, replace(first.keys[0], kid="s2"))),
        replace(first, serial=2, keys=(replace(first.keys[0], since=NOON + DAY),)),
    ):
        news = replace(fetched(3), revocations=bad.encode())
        with pytest.raises((RollbackError, MalformedMessageError)):
            renew(later, news, NOON)
    more = Revocations(2, first.keys, (RetiredMember(town.id, NOON, "lost"),))
    grown = renew(later, fetched(3, revocations=more), NOON)
    kept = [f.serial for f in grown.files if f.kind is FileKind.REVOCATIONS]
    assert kept == [2]


# Faults of single files (HO-97): the last good one stays, the others go on.


def fault_of(*records: Member, after: Directory | None = None) -> list[tuple[str, str]]:
    return codes(renew(after or two_towns(), fetched(2, records=records), NOON))


@pytest.mark.spec("HO-97")
def test_a_serial_that_falls_is_an_alarm() -> None:
    town = make_town()
    record = replace(town.record(), serial=5)
    first = renew(None, fetched(records=[record]), NOON)
    path = "members/08337116-stadt-wehr.json"
    assert fault_of(replace(record, serial=4), after=first) == [(path, "rollback")]
    assert fault_of(replace(record, name="Werr"), after=first) == [(path, "rollback")]
    assert fault_of(record, after=first) == []


@pytest.mark.spec("HO-97")
def test_a_sheet_serial_that_falls_is_an_alarm() -> None:
    town = make_town()
    first = renew(None, fetched(records=[town.record()], sheets=[(town, 7)]), NOON)
    later = renew(first, fetched(2, sheets=[(town, 6)]), NOON)
    assert codes(later) == [("keys/08337116-stadt-wehr.jws", "rollback")]
    assert later.sheet(town.id).serial == 7


@pytest.mark.spec("HO-97")
def test_an_id_that_differs_from_the_path_is_an_alarm() -> None:
    other = MemberId("08337-landratsamt")
    news = replace(fetched(2), records={other: make_town().record().encode()})
    later = renew(two_towns(), news, NOON)
    assert codes(later) == [(f"members/{other}.json", "directory-file")]


@pytest.mark.spec("HO-97")
def test_a_key_of_another_member_is_an_alarm() -> None:
    town = make_town()
    thief = make_town("08337-landratsamt", "08337106")
    stolen = replace(thief.record(), sig=town.record().sig)
    later = renew(two_towns(), fetched(2, records=[stolen]), NOON)
    assert codes(later) == [("members/08337-landratsamt.json", "rollback")]
    with pytest.raises(UnknownNodeError):
        later.member(thief.id)


@pytest.mark.spec("HO-97")
def test_a_key_seen_under_another_purpose_is_an_alarm() -> None:
    record = make_town().record()
    turned = replace(record, serial=2, sheet=record.sig, sig=record.sheet)
    assert fault_of(turned) == [("members/08337116-stadt-wehr.json", "rollback")]


@pytest.mark.spec("HO-97")
def test_a_key_name_that_moves_to_another_key_is_an_alarm() -> None:
    record = make_town().record()
    other = make_town(keys="x").keyring.sign.public
    moved = replace(record, serial=2, sig=(replace(record.sig[0], key=other),))
    assert fault_of(moved) == [("members/08337116-stadt-wehr.json", "rollback")]


@pytest.mark.spec("HO-97")
def test_a_key_on_the_deny_list_is_an_alarm() -> None:
    town, new = make_town(), make_town("08337-landratsamt", "08337106")
    news = fetched(
        2,
        records=[new.record()],
        revocations=denied(town, new.keyring.log.public.raw),
    )
    later = renew(two_towns(), news, NOON)
    assert codes(later) == [("members/08337-landratsamt.json", "not-a-peer")]


@pytest.mark.spec("HO-97")
def test_a_sealing_key_of_another_member_is_an_alarm() -> None:
    town, other = make_town(), make_town(SAECKINGEN)
    borrowed = replace(other.sheet(2), kem=town.sheet().kem)
    news = replace(fetched(2), sheets={other.id: other.signed(borrowed)})
    later = renew(two_towns(), news, NOON)
    assert codes(later) == [(f"keys/{SAECKINGEN}.jws", "rollback")]
    assert later.sheet(other.id).serial == 1


def test_a_sheet_without_a_record_is_an_alarm() -> None:
    town = make_town("08337-landratsamt", "08337106")
    later = renew(two_towns(), fetched(2, sheets=[(town, 1)]), NOON)
    assert codes(later) == [("keys/08337-landratsamt.jws", "directory-file")]


def test_an_index_of_another_kreis_is_an_alarm() -> None:
    elsewhere = Route(Served(Ags("08336008"), MAY, None), MemberId("08336-kreis"))
    for name, routes in (
        ("08336", Routes("08337", ())),
        ("08337", Routes("08337", (elsewhere,))),
    ):
        news = Fetched(head(2), routes={name: routes.encode()})
        later = renew(two_towns(), news, NOON)
        assert codes(later) == [(f"routes/{name}.json", "directory-file")]
        assert later.route(AGS_WEHR, MAY)


@pytest.mark.parametrize(
    "text",
    [b" " * 524_289, b'{"v":1,"kreis":"0833","routes":[]}', b"[]", b'{"v":1}'],
)
def test_a_broken_index_is_an_alarm(text: bytes) -> None:
    later = renew(two_towns(), Fetched(head(2), routes={"08337": text}), NOON)
    assert codes(later) == [("routes/08337.json", "bad-syntax")]


@pytest.mark.spec("DIR-4")
def test_one_bad_file_does_not_keep_the_others_away() -> None:
    good, bad = make_town(), make_town(SAECKINGEN)
    news = fetched(records=[good.record()])
    news = replace(news, records={**news.records, bad.id: b"{"})
    directory = renew(None, news, NOON)
    assert codes(directory) == [(f"members/{SAECKINGEN}.json", "bad-syntax")]
    assert directory.route(AGS_WEHR, MAY) == good.id


# Waiting times of sheets (HO-98).


@pytest.mark.spec("HO-98")
def test_a_changed_sheet_is_sealed_to_after_seven_days_and_the_former_serves() -> None:
    town = make_town()
    first = two_towns()
    seen = NOON + 5 * DAY
    news = fetched(2, seen, sheets=[(town.rotated("k2"), 2)])
    later = renew(first, news, seen)
    assert later.sheet(town.id).serial == 2
    assert later.sealing_key(town.id, seen + 6 * DAY).kid == "k1"
    much_later = renew(later, Fetched(head(3, seen + 6 * DAY)), seen + 6 * DAY)
    assert much_later.sealing_key(town.id, seen + 7 * DAY - HOUR).kid == "k1"
    assert much_later.sealing_key(town.id, seen + 7 * DAY).kid == "k2"
    stored = Directory.decode(much_later.files)
    assert stored.sealing_key(town.id, seen + 7 * DAY - HOUR).kid == "k1"


@pytest.mark.spec("HO-98")
def test_a_chain_of_new_sheets_does_not_shorten_the_wait() -> None:
    town, directory = make_town(), two_towns()
    for day in range(1, 7):
        at = NOON + day * DAY
        news = fetched(day + 1, at, sheets=[(town.rotated(f"n{day}"), day + 1)])
        directory = renew(directory, news, at)
    assert directory.sealing_key(town.id, NOON + 7 * DAY).kid == "k1"
    assert directory.sealing_key(town.id, NOON + 8 * DAY).kid == "n1"


def test_after_a_readmission_nothing_is_sealed_for_72_hours() -> None:
    new = make_town(keys="x")
    at = NOON + 5 * DAY
    record = replace(new.record(at), serial=2, readmitted_on=at.date())
    news = fetched(2, at, records=[record], sheets=[(new, 2)])
    later = renew(two_towns(), news, at)
    assert later.faults == ()
    for early in (at, at + 71 * HOUR):
        with pytest.raises(UnknownKeyError):
            later.sealing_key(new.id, early)
    assert later.sealing_key(new.id, at + 72 * HOUR).kid == "k1x"


@pytest.mark.spec("HO-110")
def test_the_sealing_key_is_the_one_that_began_last() -> None:
    town = make_town()
    sheet = town.sheet()
    both = make_town(keys="x").sheet().kem[0]
    soon = replace(both, nbf=NOON + DAY)
    two = replace(sheet, kem=(soon, sheet.kem[0]))
    news = replace(fetched(records=[town.record()]), sheets={town.id: town.signed(two)})
    directory = renew(None, news, NOON)
    assert directory.sealing_key(town.id, NOON).kid == "k1"
    assert directory.sealing_key(town.id, NOON + DAY).kid == "k1x"


def test_a_closed_member_gets_no_new_packet_but_may_still_speak() -> None:
    town = make_town()
    closed = replace(town.record(), serial=2, closed_on=NOON.date())
    later = renew(two_towns(), fetched(2, records=[closed]), NOON)
    with pytest.raises(KeyRetiredError):
        later.sealing_key(town.id, NOON)
    assert later.sign_key(town.keyring.key_id, NOON)


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"v":1,"serial":0,"keys":[],"members":[]}',
        b'{"v":1,"serial":1,"keys":[{}],"members":[]}',
        b'{"v":1,"serial":1,"keys":[],"members":[{"id":"08-x","from":1,"why":"a"}]}',
        b'{"v":1,"serial":1,"keys":[{"member":"08-xx","kid":"a","pk":"AA"}],"members":[]}',
        SHORT_KEY,
        b" " * (4 * 1024 * 1024 + 1),
    ],
)
def test_a_broken_deny_list_stops_the_refresh(text: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        renew(None, Fetched(head(), revocations=text), NOON)


def test_the_deny_list_survives_writing_and_reading() -> None:
    town = make_town()
    listed = replace(
        denied(town, town.keyring.sign.public.raw),
        members=(RetiredMember(town.id, NOON, "stolen"),),
    )
    assert Revocations.parse(listed.encode()) == listed
    assert b64u(town.keyring.sign.public.raw).encode() in listed.encode()
