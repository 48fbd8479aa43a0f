"""Who may write to a case, and how long the counselling clock runs."""

from dataclasses import replace
from datetime import date

import pytest

from node.cases.model import Baton, counselling_last_day
from node.errors import StaleEpochError
from tests.support.casefiles import content, person, record


@pytest.mark.spec("HO-4", "DO-11")
@pytest.mark.parametrize("baton", list(Baton))
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_case_is_editable_where_it_lives_at_its_epoch(
    baton: Baton, epoch: int
) -> None:
    file = replace(content().file, baton=baton)
    if baton is Baton.ACTIVE and epoch == 1:
        file.require_editable(epoch)
    else:
        with pytest.raises(StaleEpochError):
            file.require_editable(epoch)


@pytest.mark.spec("DO-6", "FR-1")
@pytest.mark.parametrize(
    ("start", "years", "last"),
    [
        (date(2018, 5, 14), 3, date(2021, 5, 13)),
        (date(2018, 5, 14), 4, date(2022, 5, 13)),
        (date(2020, 2, 29), 3, date(2023, 2, 28)),
        (date(2020, 2, 29), 4, date(2024, 2, 28)),
        (date(2020, 3, 1), 3, date(2023, 2, 28)),
        (date(2021, 3, 1), 3, date(2024, 2, 29)),
        (date(2018, 1, 1), 3, date(2020, 12, 31)),
    ],
)
def test_the_clock_ends_a_day_before_its_anniversary(
    start: date, years: int, last: date
) -> None:
    assert counselling_last_day(start, years) == last


def test_a_case_gives_its_records_by_kind() -> None:
    goal = record("goal", 1, text="t", area=None)
    case = content(goal)
    assert case.of("goal") == (goal,)
    assert case.person == person()
    assert replace(case, records=()).person is None
    assert (goal.text("text"), goal.text("area"), goal.text("zz")) == ("t", "", "")
