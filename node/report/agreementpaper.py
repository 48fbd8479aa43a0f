"""The agreement about a plan as blocks for the press.

Enters: an agreement. Leaves: every fixed sentence in the person's language with the German
beside it. Must never happen: a draft without its mark. Implements screens S5 (print), SC-67.
"""

from collections.abc import Iterator
from datetime import date

from node.report.agreement import Agreement, PaperGoal
from node.report.sheet import (
    Block,
    Heading,
    Lines,
    Pair,
    Sheet,
    Signing,
    Stamp,
    Text,
    isolated,
)


def agreement_sheet(paper: Agreement, number: str) -> Sheet:
    """The whole document.

    Args:
        paper: What it says.
        number: What the plan is known by; the version is added.
    """
    return Sheet(
        title=paper.german.said["title"],
        number=f"{number}-{paper.version}",
        blocks=tuple(_blocks(paper)),
    )


def _both(paper: Agreement, name: str, value: str = "") -> Block:
    """A fixed sentence, with a name or a day below it that every language has."""
    german = paper.german.said[name] + (f"\n{value}" if value else "")
    if paper.own is None:
        return Text(german)
    own = paper.own.said[name] + (f"\n{isolated(value)}" if value else "")
    return Pair(own, german, paper.own.language)


def _goals_heading(paper: Agreement) -> Block:
    german = paper.german.said["goals"]
    if paper.own is None:
        return Heading(german)
    return Pair(paper.own.said["goals"], german, paper.own.language, is_heading=True)


def _blocks(paper: Agreement) -> Iterator[Block]:
    own = paper.own
    if own is not None:
        yield Heading(own.said["title"], lang=own.language)
    if paper.agreed_on is None:
        if own is not None:
            yield Stamp(own.said["draft"], own.language)
        yield Stamp(paper.german.said["draft"])
    else:
        yield _both(paper, "agreed", _day(paper.agreed_on))
    yield _both(paper, "between", paper.person)
    here = f"{paper.body}, {paper.caseworker}" if paper.caseworker else paper.body
    yield _both(paper, "and", here)
    yield _goals_heading(paper)
    if paper.wishes:
        yield Text(paper.wishes)
    for number, goal in enumerate(paper.goals, 1):
        yield from _goal(paper, number, goal)
    if paper.review_due:
        yield _both(paper, "review", _day(paper.review_due))
    yield _both(paper, "voluntary")
    yield _both(paper, "change")
    if own is not None:
        yield _both(paper, "aid")
    for side in ("person", "caseworker"):
        yield _both(paper, side)
        said = paper.german.said
        yield Signing((f"{said['date']}, {said[side]}",))


def _goal(paper: Agreement, number: int, goal: PaperGoal) -> Iterator[Block]:
    yield Heading(f"{number}. {goal.text}", 3)
    yield Text(goal.area, is_small=True)
    if goal.sign:
        yield _both(paper, "sign")
        yield Text(goal.sign)
    if goal.until:
        yield _both(paper, "until", _day(goal.until))
    if goal.measures:
        yield _both(paper, "measures")
        yield Lines(
            [
                measure.text
                + (f" ({measure.bearer})" if measure.bearer else "")
                + (f", {_day(measure.due)}" if measure.due else "")
                for measure in goal.measures
            ]
        )


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"
