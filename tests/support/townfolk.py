"""The demo as a reader sees it: counted from records alone, never from its own tables."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache

from node.cases.model import PartialDate, Record
from node.demo.register import Demo, DemoCase, DemoTown
from node.demo.residents import REFERENCE
from node.demo.town import build_demo

SEED = 20210315


@cache
def demo() -> Demo:
    """One demo for all tests."""
    return build_demo(SEED)


def records(town: DemoTown, kind: str) -> Iterator[Record]:
    """Every record of one kind."""
    return (r for case in town.cases for r in case.records if r.kind == kind)


def entries(town: DemoTown, kind: str) -> list[Record]:
    """Own contacts of one kind, each once however many persons it names (FR-7)."""
    found = {
        r.id: r
        for r in records(town, "contact")
        if r.values["kind"] == kind and r.origin == "own"
    }
    return list(found.values())


def responsible(town: DemoTown, on: date) -> list[DemoCase]:
    """FR-3: the day lies in the period."""
    return [
        case
        for case in town.cases
        if (first := case.file.responsible_from) is not None
        and first <= on
        and (case.file.responsible_until or date.max) >= on
    ]


def care_status(case: DemoCase, on: date) -> str:
    """FR-4: the state in force on a day."""
    history = sorted(
        (r.text("valid_from"), r.text("care_status"))
        for r in case.records
        if r.kind == "care_status" and r.text("valid_from") <= on.isoformat()
    )
    return history[-1][1]


def had_contact(case: DemoCase, after: date, until: date) -> bool:
    """Whether there was an own talk or contact in (after, until]."""
    return any(
        r.kind == "contact"
        and r.origin == "own"
        and r.values["kind"] in ("talk", "contact")
        and after.isoformat() < r.text("date") <= until.isoformat()
        for r in case.records
    )


def cared_for(cases: Iterable[DemoCase], on: date, months: int = 12) -> list[DemoCase]:
    """FR-5 with a window of so many months."""
    begin = on.replace(year=on.year - months // 12)
    return [
        case
        for case in cases
        if care_status(case, on) == "cared_for" and had_contact(case, begin, on)
    ]


def person(case: DemoCase) -> Record:
    """The record of the person."""
    return next(r for r in case.records if r.kind == "person")


def is_adult(case: DemoCase, on: date = REFERENCE) -> bool:
    """Whether the person is surely of age."""
    born = PartialDate(person(case).text("birth_date")).last
    return born + timedelta(days=18 * 365 + 5) <= on
