"""A report on paper: the numbers of its page as tables, each with how it was counted.

Enters: a report as one audience sees it. Leaves: blocks for the press. Must never happen: a
number that the page of this audience does not show. Implements screens S13, SC-61, SC-67.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from node.report.definition import Audience
from node.report.sheet import Block, Facts, Heading, Stamp, Table, Text
from node.web.language import Words
from node.web.reportview import HIDES, Question, Shown, View
from node.web.reportwords import audience_name

_ACROSS: Final = 4
"""So many columns of numbers fit beside each other on a page."""


def report_blocks(
    seen: Shown,
    audience: Audience,
    words: Words,
    *,
    known: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> Iterator[Block]:
    """Everything that the page shows.

    Args:
        seen: The report, judged for its audience.
        audience: For whom it is.
        words: The German ones.
        known: What else is said of it: when it was frozen, by whom.
        notes: Sentences that stand before the numbers.
    """
    view, days = seen.view(), seen.table.frame
    yield Text(view.about)
    yield Facts(
        (
            (
                words.gettext("Period"),
                f"{words.day(days.first)} \u2013 {words.day(days.last)}",
            ),
            (words.gettext("Made for"), audience_name(audience, words)),
            *known,
        )
    )
    if view.hides:
        yield Stamp(words.gettext(HIDES))
    for note in notes:
        yield Text(note)
    yield Table(
        words.gettext("Numbers"),
        (
            words.gettext("Figure"),
            words.gettext("Counted"),
            words.gettext("So counted"),
        ),
        [(number.label, number.text, number.so) for number in view.numbers],
        numeric=(1,),
    )
    if len(view.lines) > 1:
        yield from _by_worker(view, words)
    for question in view.questions:
        yield from _question(question, words)


def _by_worker(view: View, words: Words) -> Iterator[Block]:
    yield Heading(words.gettext("By caseworker"))
    for first in range(0, len(view.head), _ACROSS):
        part = slice(first, first + _ACROSS)
        head = view.head[part]
        yield Table(
            "",
            (words.gettext("Caseworker"), *head),
            [(name, *texts[part]) for _, name, texts in view.lines],
            numeric=tuple(range(1, 1 + len(head))),
        )


def _question(question: Question, words: Words) -> Iterator[Block]:
    yield Heading(question.title)
    yield Text(f"{words.gettext('So counted:')} {question.so}", is_small=True)
    yield Table(
        "",
        (question.split, words.gettext("Counted")),
        [
            *((point.name, point.text) for point in question.chart.points),
            (words.gettext("Total"), question.total),
        ],
        numeric=(1,),
    )
