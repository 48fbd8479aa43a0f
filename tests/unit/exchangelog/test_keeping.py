"""Classes and their dates, the confirmed clock, ranges, and which erasure is lawful."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.exchangelog.keeping import (
    RANGES_PER_ENTRY,
    Basis,
    Ground,
    SignedTime,
    Terms,
    class_of_rule,
    confirmed_clock,
    is_over,
    kept_until,
    may_register,
    portions,
    ranges_of,
    rule_of,
)
from node.exchangelog.kinds import EntryClass, EntryType
from node.ids import TransferId
from tests.support.exchangelog import MemoryLog, facts, opened
from tests.support.logexport import export, key_id

C = EntryClass
NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
A_YEAR = timedelta(days=366)


@pytest.mark.parametrize(
    ("kind", "last", "until"),
    [
        (C.TRANSFER, date(2026, 1, 1), date(2029, 12, 31)),
        (C.TRANSFER, date(2026, 12, 31), date(2029, 12, 31)),
        (C.AUDIT, date(2026, 5, 4), date(2028, 5, 4)),
        (C.AUDIT, date(2028, 2, 29), date(2030, 3, 1)),
        (C.OPERATION, date(2026, 5, 4), date(2036, 5, 4)),
        (C.PERMANENT, date(1970, 1, 1), None),
    ],
)
def test_each_class_has_its_last_day(kind, last, until):
    assert kept_until(kind, last, Terms()) == until


@pytest.mark.spec("LR-41")
def test_a_group_is_over_only_the_day_after_its_last_one():
    last = datetime(2026, 2, 3, 10, tzinfo=UTC)
    for proven, over in (
        (datetime(2029, 12, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2030, 1, 1, tzinfo=UTC), True),
    ):
        assert is_over(C.TRANSFER, latest=last, proven=proven, terms=Terms()) is over
    far = datetime(9000, 1, 1, tzinfo=UTC)
    assert not is_over(C.PERMANENT, latest=last, proven=far, terms=Terms())


@pytest.mark.spec("SR-K7", "LOG-34")
@pytest.mark.parametrize(
    ("signed", "arrived", "good"),
    [
        (timedelta(), timedelta(), True),
        (-timedelta(hours=24), -timedelta(hours=24), True),
        (-timedelta(hours=24, seconds=1), -timedelta(hours=24, seconds=1), False),
        (timedelta(minutes=5), timedelta(), True),
        (timedelta(minutes=5, seconds=1), timedelta(), False),
        (-timedelta(minutes=6), timedelta(), False),
        (timedelta(hours=1), timedelta(hours=1), False),
    ],
)
def test_a_clock_is_confirmed_by_a_foreign_time_of_a_day_within_five_minutes(
    signed, arrived, good
):
    time = SignedTime(NOW + signed, NOW + arrived)
    assert confirmed_clock(NOW, [time]) == (NOW + signed if good else None)
    assert confirmed_clock(NOW, []) is None


def test_one_wrong_witness_does_not_spoil_a_good_one():
    wrong = SignedTime(NOW + timedelta(days=4000), NOW)
    good = SignedTime(NOW - timedelta(minutes=1), NOW)
    assert confirmed_clock(NOW, [wrong, good]) == good.signed_at


def test_an_erasure_waits_for_a_witness_or_a_day():
    day = timedelta(hours=24)
    assert may_register(begun_at=NOW, now=NOW, is_witnessed=True)
    assert may_register(begun_at=NOW, now=NOW + day, is_witnessed=False)
    almost = NOW + day - timedelta(seconds=1)
    assert not may_register(begun_at=NOW, now=almost, is_witnessed=False)


@given(st.sets(st.integers(0, 60)))
def test_ranges_hold_the_indexes_and_nothing_else(indexes):
    ranges = ranges_of(indexes)
    assert [i for low, high in ranges for i in range(low, high)] == sorted(indexes)
    assert all(a[1] < b[0] for a, b in pairwise(ranges))


def test_many_ranges_are_cut_into_portions_that_fit_an_entry():
    ranges = tuple((i * 10**9, i * 10**9 + 1) for i in range(RANGES_PER_ENTRY * 2 + 1))
    cut = portions(ranges)
    assert [len(part) for part in cut] == [RANGES_PER_ENTRY, RANGES_PER_ENTRY, 1]
    assert sum(cut, ()) == ranges
    log = MemoryLog()
    more = {"basis": "order", "order_ref": "x" * 200, "ranges": list(map(list, cut[0]))}
    log.append(EntryType.LOG_ERASURE, more, "permanent:2026-02")


@pytest.mark.spec("LOG-33")
def test_a_rule_names_its_class_and_never_the_permanent_one():
    for kind in (C.TRANSFER, C.AUDIT, C.OPERATION):
        assert class_of_rule(rule_of(kind)) is kind
    for text in (rule_of(C.PERMANENT), None, "", "AZ-7", "class/", "transfer"):
        assert class_of_rule(text) is None


class TestGround:
    def ground(self, **changes):
        fields = {
            "index": 9,
            "low": 2,
            "high": 5,
            "basis": "retention",
            "reference": rule_of(C.AUDIT),
            "proven": NOW,
        }
        return Ground(**fields | changes)

    @pytest.mark.spec("LR-41")
    @pytest.mark.parametrize(
        ("changes", "latest", "lawful"),
        [
            ({}, NOW - A_YEAR - timedelta(days=1), True),
            ({}, NOW - timedelta(days=364), False),
            ({}, None, False),
            ({"proven": None}, NOW - 3 * A_YEAR, False),
            ({"reference": None}, NOW - 9 * A_YEAR, False),
            ({"reference": rule_of(C.PERMANENT)}, NOW - 9 * A_YEAR, False),
            ({"basis": "order", "reference": "AZ-7"}, None, True),
            ({"basis": "restored", "reference": None}, None, True),
            ({"low": 4}, NOW - 3 * A_YEAR, False),
            ({"high": 3}, NOW - 3 * A_YEAR, False),
            ({"index": 3}, NOW - 3 * A_YEAR, False),
        ],
    )
    def test_a_ground_explains_what_it_names_and_only_after_its_time(
        self, changes, latest, lawful
    ):
        assert self.ground(**changes).explains(3, latest) is lawful


@st.composite
def erasures(draw):
    """Sizes of groups in a shuffled log, which are erased, and which rows are faked."""
    groups = draw(st.lists(st.integers(0, 4), min_size=4, max_size=24))
    gone = draw(st.sets(st.integers(0, 4)))
    faked = draw(st.sets(st.integers(1, len(groups)), max_size=3))
    return groups, gone, faked


@pytest.mark.spec("EL-9", "LR-41")
@settings(max_examples=60, deadline=None)
@given(erasures())
def test_any_set_of_erasures_is_lawful_exactly_for_what_it_names(drawn):
    """Entries of five transfers in any order; some groups erased, some rows invented."""
    groups, gone, faked = drawn
    log = MemoryLog()
    opened(log)
    peer = MemoryLog("b.example", 2)
    for n in groups:
        transfer = TransferId(f"{n:032x}")
        log.append_transfer(EntryType.TRANSFER_DENIED, facts(peer, transfer=transfer))
    named: set[int] = set()
    for n in sorted(gone):
        places = [i for i, group in enumerate(groups, 1) if group == n]
        if places:
            ranges = [list(span) for span in ranges_of(places)]
            more = {"basis": Basis.ORDER, "order_ref": "AZ-7", "ranges": ranges}
            log.append(EntryType.LOG_ERASURE, more, "permanent:2026-02")
            named.update(places)
    log.sign()
    rows = export(log)
    lost = faked - named
    rows.bodies = [row for row in rows.bodies if row.index not in named | faked]
    rows.erased = sorted(named | faked)
    report = rows.report()
    assert report.checked.erased == len(named)
    wrong = [f for f in report.findings if f.code == "erased_without_ground"]
    found = sum(int(f.text.split()[0]) for f in wrong)
    assert found == len(lost)
    assert (report.verdict == "verified") is not bool(lost)
    rows.erased = []
    assert rows.report().checked.erased == len(named)
    codes = {code for code, _ in rows.codes()}
    assert ("missing" in codes) is bool(lost)


@pytest.mark.spec("LR-41")
def test_an_erasure_cannot_explain_itself_or_what_comes_after_it():
    log = MemoryLog()
    opened(log)
    more = {"basis": "order", "order_ref": "AZ-7", "ranges": [[1, 4]]}
    log.append(EntryType.LOG_ERASURE, more, "permanent:2026-02")
    peer = MemoryLog("b.example", 2)
    for _ in range(2):
        log.append_transfer(EntryType.TRANSFER_DENIED, facts(peer))
    log.sign()
    rows = export(log)
    rows.bodies = [row for row in rows.bodies if row.index < 2]
    rows.erased = [2, 3]
    assert ("erased_without_ground", 2) in rows.codes()
    assert rows.report().checked.erased == 0
    assert key_id("permanent:2026-02") in rows.keys
