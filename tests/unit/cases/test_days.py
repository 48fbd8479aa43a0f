"""Days, their ends and birthdays, as people in Germany count them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from node.cases.days import birthday, day_end, day_start, local_day
from node.cases.model import PartialDate
from node.errors import InputError, UsageError


@pytest.mark.spec("HO-31")
@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 3, 28), 24),
        (date(2026, 3, 29), 23),
        (date(2026, 10, 25), 25),
        (date(2026, 7, 1), 24),
    ],
)
def test_a_day_ends_where_the_next_begins_also_in_the_nights_of_changing_clocks(
    day: date, hours: int
) -> None:
    assert day_end(day) == day_start(day + timedelta(days=1))
    assert day_end(day) - day_start(day) == timedelta(hours=hours)
    assert local_day(day_start(day)) == day
    assert local_day(day_end(day) - timedelta(microseconds=1)) == day
    assert local_day(day_end(day)) == day + timedelta(days=1)


def test_the_calendar_has_a_first_and_a_last_instant() -> None:
    assert day_start(date.min) < day_start(date(2, 1, 1))
    assert day_end(date.max) > day_start(date.max)


def test_an_instant_counts_whatever_zone_it_is_written_in() -> None:
    east = datetime(2026, 7, 2, 8, 59, tzinfo=timezone(timedelta(hours=11)))
    assert local_day(east) == date(2026, 7, 1)
    assert local_day(datetime(2026, 7, 1, 22, tzinfo=UTC)) == date(2026, 7, 2)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(UsageError):
        local_day(datetime(2026, 7, 1))  # noqa: DTZ001 - that is the mistake


@pytest.mark.parametrize(
    ("born", "years", "turned"),
    [
        (date(2008, 4, 2), 18, date(2026, 4, 2)),
        (date(2008, 2, 29), 18, date(2026, 3, 1)),
        (date(2008, 2, 29), 16, date(2024, 2, 29)),
        (date(9990, 1, 1), 18, date.max),
    ],
)
def test_birthdays(born: date, years: int, turned: date) -> None:
    assert birthday(born, years) == turned


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2006", date(2006, 1, 1), date(2006, 12, 31)),
        ("2008-02", date(2008, 2, 1), date(2008, 2, 29)),
        ("2006-12", date(2006, 12, 1), date(2006, 12, 31)),
        ("2006-12-24", date(2006, 12, 24), date(2006, 12, 24)),
        ("9999-12", date(9999, 12, 1), date(9999, 12, 31)),
    ],
)
def test_a_partial_date_knows_its_first_and_last_day(
    text: str, first: date, last: date
) -> None:
    partial = PartialDate(text)
    assert (partial.first, partial.last) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "206",
        "20060",
        "0000",
        "2006-13",
        "2006-00",
        "206-005",
        "2006-1",
        "2006-02-29",
        "200-06-001",
        "2006-1-011",
        "2006-01-01T",
        "2006-01-01-01",
        "\uff12\uff10\uff10\uff16",
        "2006\n",
    ],
)
def test_what_is_no_partial_date_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        PartialDate(text)
