"""When a closed case of our own may be erased, and when not yet."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.cases.retention import closed_case_due, is_on_hold, keeping_of
from node.ids import CaseId, RecordId
from tests.support.people import NOON, consent

CASE = CaseId("c" * 32)
THEN = datetime(2021, 5, 4, 9, tzinfo=UTC)


def file(**fields):
    made = CaseFile(
        id=CASE, epoch=1, baton=Baton.ACTIVE, version=1, opened_on=date(2019, 2, 1)
    )
    return replace(made, **fields)


def record(kind, at=THEN, number=1, **values):
    return Record(CASE, RecordId(f"{number:032x}"), kind, values, at)


CLOSING = record(
    "care_status", valid_from="2021-05-04", care_status="closed", closed_on="2021-05-04"
)


def kept(*records, consents=(), years=3, **fields):
    return keeping_of(CaseContent(file(**fields), records), consents, years=years)


@pytest.mark.spec("DO-33")
def test_a_closed_case_is_due_after_three_whole_years() -> None:
    found = kept(CLOSING)
    assert found.closed_on == found.last_activity == date(2021, 5, 4)
    assert found.due == date(2025, 1, 1)


def test_years_count_from_the_end_of_the_year() -> None:
    assert closed_case_due(date(2021, 1, 1), 3) == date(2025, 1, 1)
    assert closed_case_due(date(2021, 12, 31), 3) == date(2025, 1, 1)
    assert closed_case_due(date(9998, 1, 1), 3) == date.max


def test_the_last_day_of_a_year_is_that_of_berlin() -> None:
    last = datetime(2021, 12, 31, 23, 30, tzinfo=UTC)
    assert kept(CLOSING, record("language", last, 2)).due == date(2026, 1, 1)


@pytest.mark.parametrize(
    "content",
    [
        (),
        (record("language"),),
        (record("care_status", care_status="cared_for", valid_from="2021-05-04"),),
        (
            CLOSING,
            record(
                "care_status", number=2, care_status="no_need", valid_from="2021-06"
            ),
        ),
        (replace(CLOSING, values={**CLOSING.values, "voided_on": "2021-05-05"}),),
    ],
)
def test_a_case_that_is_not_closed_is_never_due(content) -> None:
    assert kept(*content) is None


@pytest.mark.parametrize("baton", [b for b in Baton if b is not Baton.ACTIVE])
def test_a_case_in_other_hands_is_not_ours_to_end(baton) -> None:
    assert kept(CLOSING, baton=baton) is None


@pytest.mark.parametrize(
    "later",
    [
        record("language", NOON, 2),
        record("contact", THEN, 2, date="2026-03-01"),
        record("review", THEN, 2, reviewed_on="2026-03-01"),
        record("document", NOON, 2),
    ],
)
def test_the_latest_activity_keeps_everything_of_a_person(later) -> None:
    assert kept(CLOSING, later).due > date(2029, 1, 1)


def test_a_consent_given_or_taken_back_is_an_activity() -> None:
    given = replace(consent(), recorded_at=THEN)
    assert kept(CLOSING, consents=[given]).due == date(2025, 1, 1)
    ended = replace(given, withdrawn_at=NOON)
    assert kept(CLOSING, consents=[ended]).due == date(NOON.year + 4, 1, 1)


@pytest.mark.parametrize("kind", ["erasure_wish", "hold", "restriction"])
def test_asking_for_a_right_keeps_nothing_longer(kind) -> None:
    assert kept(CLOSING, record(kind, NOON, 2)).due == date(2025, 1, 1)


def test_days_that_are_none_count_as_when_they_were_written() -> None:
    odd = record("contact", THEN, 2, date="2026-13-77")
    assert kept(CLOSING, odd).due == date(2025, 1, 1)
    vague = replace(CLOSING, values={"care_status": "closed", "closed_on": "2021"})
    assert kept(vague).closed_on == date(2021, 5, 4)


def test_a_legal_hold_stands_to_the_end_of_its_last_day() -> None:
    last = date(2025, 6, 30)
    person = record("person", legal_hold=last.isoformat())
    assert is_on_hold([record("person"), person], last)
    assert not is_on_hold([person], last + timedelta(days=1))
    assert not is_on_hold([record("person")], last)
