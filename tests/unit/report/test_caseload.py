"""The care rate is cared for of responsible, and nothing else (FR-5)."""

from datetime import date

import pytest

from node.cases.model import Baton
from node.ids import CaseId
from node.report.caseload import CareRate, care_rate
from node.report.figures import months_before
from node.report.readings import PersonRow

ON = date(2021, 3, 15)


def person(number, status="cared_for", until=None, baton=Baton.ACTIVE):
    return PersonRow(
        case=CaseId(f"{number:032x}"),
        version=1,
        baton=baton,
        caseworker=None,
        household=None,
        responsible_from=date(2019, 1, 1),
        responsible_until=until,
        care_status=status,
    )


def rate(*persons, counted=None):
    known = {p.case for p in persons} if counted is None else counted
    return care_rate(persons, known, ON)


@pytest.mark.spec("DO-2")
def test_status_and_contact_together_count():
    assert rate(person(1), person(2)) == CareRate(2, 2)


@pytest.mark.spec("DO-2")
@pytest.mark.parametrize(
    "status", ["declined", "not_reached", "no_need", "language_barrier", "", "zz-test"]
)
def test_a_contact_without_the_status_does_not_count(status):
    assert rate(person(1, status), person(2)) == CareRate(1, 2)


@pytest.mark.spec("DO-2")
def test_the_status_without_a_contact_does_not_count():
    assert rate(person(1), person(2), counted=frozenset()) == CareRate(0, 2)


@pytest.mark.parametrize(
    ("until", "baton"),
    [
        (date(2021, 3, 14), Baton.ACTIVE),
        (None, Baton.HANDED_OVER),
        (None, Baton.SHREDDED),
    ],
)
def test_who_is_no_longer_ours_is_in_neither_number(until, baton):
    assert rate(person(1, until=until, baton=baton), person(2)) == CareRate(1, 1)


def test_the_last_day_counts():
    assert rate(person(1, until=ON)) == CareRate(1, 1)


def test_nobody_is_no_share():
    assert rate().share == 0.0


@pytest.mark.parametrize(
    ("on", "after"),
    [
        (date(2021, 3, 15), date(2020, 3, 15)),
        (date(2024, 2, 29), date(2023, 2, 28)),
        (date(2025, 2, 28), date(2024, 2, 28)),
    ],
)
def test_the_window_is_twelve_months(on, after):
    assert months_before(on, 12) == after
