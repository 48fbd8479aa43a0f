"""When content may be erased, and when not yet."""

from datetime import UTC, date, datetime, timedelta

import pytest

from node.cases.retention import (
    Periods,
    closed_case_due,
    consent_due,
    handed_over_due,
    is_due,
)
from tests.support.people import NOON

PERIODS = Periods()


@pytest.mark.spec("DO-33")
def test_nothing_of_a_handed_over_case_is_due_before_its_backup_is_verified() -> None:
    assert handed_over_due(NOON, None, PERIODS) is None


@pytest.mark.spec("DO-33")
@pytest.mark.parametrize("days", [-3, 0, 5])
def test_a_handed_over_case_is_due_90_days_after_both_receipts(days: int) -> None:
    durable = NOON + timedelta(days=days)
    expected = max(NOON, durable) + timedelta(days=90)
    assert handed_over_due(NOON, durable, PERIODS) == expected


def test_years_count_from_the_end_of_the_year() -> None:
    assert closed_case_due(date(2021, 1, 1), PERIODS) == date(2025, 1, 1)
    assert consent_due(date(2021, 12, 31), PERIODS) == date(2025, 1, 1)


def test_a_day_begins_in_berlin() -> None:
    midnight = datetime(2024, 12, 31, 23, tzinfo=UTC)
    assert is_due(date(2025, 1, 1), midnight)
    assert not is_due(date(2025, 1, 1), midnight - timedelta(seconds=1))


def test_a_legal_hold_stops_erasure_to_the_end_of_its_last_day() -> None:
    due, hold = date(2025, 1, 1), date(2025, 6, 30)
    ends = datetime(2025, 6, 30, 22, tzinfo=UTC)
    assert not is_due(due, ends - timedelta(seconds=1), hold_until=hold)
    assert is_due(due, ends, hold_until=hold)
