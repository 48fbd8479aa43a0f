"""When what is left of a person may go: days alone, nothing is looked up."""

from datetime import UTC, date, datetime, timedelta

import pytest

from node.cases.expiry import (
    STOOD,
    Funding,
    Trace,
    counted_until,
    is_over,
    last_use,
    succeeds,
)
from tests.support.people import consent

pytestmark = pytest.mark.spec("DO-33")
NOON = datetime(2031, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "on", "over"),
    [
        (date(2026, 1, 1), date(2029, 12, 31), False),
        (date(2026, 1, 1), date(2030, 1, 1), True),
        (date(2026, 12, 31), date(2029, 12, 31), False),
        (date(2026, 12, 31), date(2030, 1, 1), True),
        (date(2027, 1, 1), date(2030, 12, 31), False),
    ],
)
def test_three_whole_years_follow_the_year_of_the_last_use(last, on, over):
    assert is_over([Trace(last)], years=3, on=on) is over


def test_the_latest_use_of_all_persons_keeps_everything():
    old, new = Trace(date(2020, 5, 1)), Trace(date(2026, 5, 1))
    assert is_over([old], years=3, on=date(2027, 1, 1))
    assert not is_over([old, new], years=3, on=date(2027, 1, 1))
    assert not is_over([new, old], years=3, on=date(2029, 12, 31))


def test_what_holds_one_person_holds_all():
    held = Trace(date(2010, 1, 1), is_held=True)
    assert not is_over([held], years=3, on=date(2040, 1, 1))
    assert not is_over([Trace(date(2010, 1, 1)), held], years=3, on=date(2040, 1, 1))


def test_nobody_at_all_is_nothing_to_decide_on():
    assert not is_over([], years=3, on=date(2040, 1, 1))


def test_a_last_day_of_the_calendar_never_comes():
    assert not is_over([Trace(date(9999, 1, 1))], years=3, on=date(9998, 1, 1))


def test_a_consent_in_force_has_no_last_use_until_its_last_day_is_over():
    kept = consent()
    assert last_use(kept, date(2026, 12, 31)) is None
    assert last_use(kept, date(2027, 1, 1)) == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"withdrawn_at": datetime(2026, 3, 4, 9, tzinfo=UTC)}, date(2026, 3, 4)),
        ({"declined_on": date(2026, 2, 5)}, date(2026, 2, 5)),
        ({"replaced_by": "9" * 32}, date(2026, 1, 1)),
    ],
)
def test_a_consent_that_ended_before_its_day_was_used_until_then(changes, day):
    assert last_use(consent(**changes), date(2026, 6, 1)) == day


def funding(last=date(2025, 12, 31), **changes):
    values = {"first": date(2023, 1, 1), "last": last, "set_at": NOON - STOOD}
    return Funding(**(values | changes))


def test_lines_stay_for_their_years_after_the_funding_period():
    at = datetime(2030, 12, 31, 12, tzinfo=UTC)
    long = funding(set_at=datetime(2023, 1, 1, tzinfo=UTC))
    assert counted_until([long], years=5, now=at) is None
    day_after = at + timedelta(days=1)
    assert counted_until([long], years=5, now=day_after) == date(2025, 12, 31)
    assert counted_until([long], years=6, now=day_after) is None


def test_no_period_of_funding_means_nothing_goes():
    assert counted_until([], years=5, now=NOON) is None


def test_a_period_that_was_typed_just_now_is_not_believed_yet():
    typed = funding(last=date(2015, 12, 31), set_at=NOON - STOOD + timedelta(seconds=1))
    assert counted_until([typed], years=5, now=NOON) is None
    assert counted_until([typed], years=5, now=NOON + timedelta(seconds=1)) is not None


def test_the_newest_period_that_is_over_counts_and_one_still_running_does_not():
    periods = [funding(date(2020, 12, 31)), funding(), funding(date(2030, 12, 31))]
    assert counted_until(periods, years=5, now=NOON) == date(2025, 12, 31)


def test_a_leap_day_and_the_end_of_the_calendar_are_days_as_well():
    now = datetime(2029, 3, 1, 12, tzinfo=UTC)
    leap = funding(date(2024, 2, 29), set_at=datetime(2024, 1, 1, tzinfo=UTC))
    assert counted_until([leap], years=5, now=now) == date(2024, 2, 29)
    far = funding(date(9998, 1, 1))
    assert counted_until([far], years=5, now=NOON) is None


@pytest.mark.parametrize(
    ("first", "at", "follows"),
    [
        (date(2026, 1, 1), datetime(2026, 2, 1, tzinfo=UTC), True),
        (date(2025, 12, 31), datetime(2026, 2, 1, tzinfo=UTC), False),
        (date(2026, 1, 1), datetime(2025, 12, 1, tzinfo=UTC), False),
    ],
)
def test_only_a_period_that_follows_one_that_ran_out_succeeds_it(first, at, follows):
    assert succeeds(funding(), first, at) is follows
