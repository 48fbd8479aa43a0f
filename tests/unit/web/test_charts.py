"""Charts are numbers before they are pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import UsageError
from node.web.charts import MOST, Point, bars, line


def points(*values):
    return [Point(f"M{n}", str(value), value) for n, value in enumerate(values)]


def chart(*values):
    return bars("Gespräche", "Beschreibung", points(*values))


@pytest.mark.spec("SC-60")
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=MOST))
def test_bars_are_as_long_as_their_numbers_and_stay_in_the_picture(values):
    drawn = chart(*values)
    longest = max(bar.width for bar in drawn.bars)
    for bar, value in zip(drawn.bars, values, strict=True):
        assert bar.width == pytest.approx(longest * value / (max(values) or 1), abs=0.1)
        assert bar.width < drawn.width
        assert 0 <= bar.y <= drawn.height - drawn.thickness
        assert bar.text == str(value)


def test_nothing_but_zeros_draws_no_bar():
    assert [bar.width for bar in chart(0, 0).bars] == [0, 0]


def test_no_numbers_are_no_picture():
    assert chart().height == 0


def test_what_is_not_shown_has_no_bar():
    assert next(bar.width for bar in chart(None, 5).bars) == 0


def test_of_many_categories_the_largest_are_drawn_and_the_table_has_all():
    drawn = chart(*range(MOST + 2))
    assert [bar.name for bar in drawn.bars] == [f"M{n}" for n in range(2, MOST + 2)]
    assert len(drawn.points) == MOST + 2


@pytest.mark.parametrize("values", [(-1,), (3, -5)])
def test_less_than_nothing_is_refused(values):
    with pytest.raises(UsageError):
        chart(*values)


def test_a_line_leaves_out_what_is_not_shown():
    drawn = line("Gespräche", "Beschreibung", points(1, None, 3))
    assert len(drawn.line.split()) == 2
    assert [text for _, _, text, _ in drawn.marks] == ["1", "3"]
