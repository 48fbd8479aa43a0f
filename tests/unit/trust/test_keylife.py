"""When a sealing key is made and erased: the days, by example."""

from datetime import timedelta

import pytest

from node.crypto.keys import OpeningKey
from node.errors import ConfigError, KeyRetiredError
from node.trust.holdings import Holdings
from node.trust.keylife import (
    KEM_AHEAD,
    KEM_LAST,
    KEM_LIFE,
    KEM_LISTED,
    KEM_OPEN,
    due,
    next_name,
    next_sheet,
)
from node.trust.publishedkeys import PUBLISHED_KEYS, check_unpublished
from node.trust.renewal import check_record
from tests.support.town import NOON, make_town, seed

DAY = timedelta(days=1)
SHEET = make_town().sheet()


def after(days):
    return NOON + days * DAY


@pytest.mark.parametrize(
    ("day", "make", "erase"),
    [
        (0, False, ()),
        (68, False, ()),
        (69, True, ()),
        (110, True, ()),
        (111, True, ("k1",)),
    ],
)
def test_each_thing_has_its_day(day, make, erase):
    found = due(SHEET, in_use=(), at=after(day))
    assert (found.make, found.erase) == (make, erase)
    assert found.nothing is (not make and not erase)


@pytest.mark.parametrize(("day", "erase"), [(111, ()), (124, ()), (125, ("k1",))])
def test_a_key_in_use_has_two_weeks_more_and_no_day_beyond(day, erase):
    assert due(SHEET, in_use={"k1"}, at=after(day)).erase == erase
    assert KEM_LAST == 125 * DAY


def test_a_denied_key_goes_at_once_and_another_is_made():
    found = due(SHEET, in_use={"k1"}, denied={"k1"}, at=after(1))
    assert (found.make, found.erase) == (True, ("k1",))


def test_the_next_key_begins_before_the_former_ends_and_after_everybody_saw_it():
    at = after(69)
    key = OpeningKey(seed("k2")).public
    sheet = next_sheet(SHEET, add=("k2", key), drop=(), serial=1, at=at)
    old, new = sheet.kem
    assert at + KEM_LISTED <= new.nbf < old.seal_until == NOON + KEM_LIFE
    assert new.open_until == new.nbf + KEM_LIFE + KEM_OPEN
    assert sheet.serial == 2
    assert KEM_AHEAD > KEM_LISTED


def test_without_a_usable_key_the_next_one_begins_at_once():
    key = OpeningKey(seed("k2")).public
    at = after(200)
    sheet = next_sheet(SHEET, add=("k2", key), drop={"k1"}, serial=7, at=at)
    assert [(e.kid, e.nbf) for e in sheet.kem] == [("k2", at)]
    assert sheet.serial == 8


def test_no_instant_is_without_a_key_over_ten_years():
    sheet, at = SHEET, NOON
    for number in range(2, 60):
        while not due(sheet, in_use=(), at=at).make:
            assert any(e.may_seal(at) for e in sheet.kem)
            at += DAY
        wanted = due(sheet, in_use=(), at=at)
        key = OpeningKey(seed("k", str(number))).public
        sheet = next_sheet(
            sheet, add=(f"k{number}", key), drop=wanted.erase, serial=number, at=at
        )
        assert len(sheet.kem) <= 3
    assert at - NOON > 3650 * DAY


@pytest.mark.parametrize(
    ("names", "name"),
    [([], "k1"), (["k1", "k9", "k10", "s40"], "k11"), (["k1new", "kx"], "k1")],
)
def test_a_name_is_never_used_twice(names, name):
    assert next_name("k", names) == name


@pytest.mark.spec("SR-S5")
def test_a_key_of_the_repository_is_refused_at_enrolment_and_at_start(monkeypatch):
    town = make_town()
    check_unpublished(town.keyring)
    listed = PUBLISHED_KEYS | {town.keyring.sign.public.raw}
    monkeypatch.setattr("node.trust.renewal.PUBLISHED_KEYS", listed)
    monkeypatch.setattr("node.trust.publishedkeys.PUBLISHED_KEYS", listed)
    with pytest.raises(KeyRetiredError):
        check_record(Holdings(), town.record())
    with pytest.raises(ConfigError):
        check_unpublished(town.keyring)
