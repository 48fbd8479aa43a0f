"""Charts are numbers before they are pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import UsageError
from node.web.charts import MOST, bar_chart


def chart(*values):
    return bar_chart(
        "Gespräche", "Beschreibung", ("Monat", "Gespräche"),
        [(f"M{n}", value, str(value)) for n, value in enumerate(values)],
    )  # fmt: skip


@pytest.mark.spec("SC-60")
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=MOST))
def test_bars_are_as_long_as_their_numbers_and_stay_in_the_picture(values):
    drawn = chart(*values)
    longest = max(bar.width for bar in drawn.bars)
    for bar, value in zip(drawn.bars, values, strict=True):
        assert bar.width == pytest.approx(longest * value / (max(values) or 1), abs=0.1)
        assert bar.end <= drawn.width
        assert 0 <= bar.y <= drawn.height - drawn.thickness
        assert bar.text == str(value)


def test_nothing_but_zeros_draws_no_bar():
    assert [bar.width for bar in chart(0, 0).bars] == [0, 0]


def test_no_numbers_are_no_picture():
    assert chart().height == 0


@pytest.mark.parametrize("values", [range(MOST + 1), (-1,), (3, -0.5)])
def test_too_many_categories_or_less_than_nothing_are_refused(values):
    with pytest.raises(UsageError):
        chart(*values)
