"""The five stories: who plays, between which offices, and what stands when the curtain rises.

Enters: a demo. Leaves: five ``Story`` values that a stage plays through the product's own
use cases. Must never happen: a story that needs something no real case has. Implements the
field document, chapter 9 (stories), DO-46.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum, unique

from node.cases.model import Record
from node.demo.answers import EVERYDAY, NOTES
from node.demo.records import Place
from node.demo.register import Demo, DemoCase, DemoTown, Handover
from node.demo.town import MURG, SAECKINGEN, WEHR
from node.errors import UsageError
from node.ids import CaseId


@unique
class Opening(StrEnum):
    """What stands when the story begins."""

    OFFER_WAITS = "offer_waits"
    IMPORTED = "imported"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Story:
    """One story.

    ``cases`` travel, ``stays`` are of the same household and do not. ``recipient`` is the
    office to which the offer goes, ``place`` where the people move: they differ in story
    4, whose routing is out of date. ``wish`` is what the caseworker ticks. ``handover`` is
    set where the story begins after an import; ``twin`` is the second case of one person.
    """

    number: int
    tree: str
    opening: Opening
    sender: Place
    recipient: Place
    place: Place
    move_on: date
    cases: tuple[CaseId, ...]
    wish: frozenset[str]
    stays: tuple[CaseId, ...] = ()
    handover: Handover | None = None
    twin: CaseId | None = None


def stories(demo: Demo) -> tuple[Story, ...]:
    """The five stories in the order of the field document."""
    soon = demo.monday + timedelta(days=14)
    came = _handover(demo, "Linde")
    return (
        Story(
            number=1,
            tree="Birke",
            opening=Opening.OFFER_WAITS,
            sender=WEHR,
            recipient=SAECKINGEN,
            place=SAECKINGEN,
            move_on=soon,
            cases=_active(demo.wehr, "Birke"),
            wish=EVERYDAY,
        ),
        Story(
            number=2,
            tree="Linde",
            opening=Opening.IMPORTED,
            sender=WEHR,
            recipient=SAECKINGEN,
            place=SAECKINGEN,
            move_on=came.day,
            cases=tuple(case.file.id for case in came.before),
            wish=EVERYDAY | {NOTES},
            stays=_active(demo.wehr, "Linde"),
            handover=came,
        ),
        Story(
            number=3,
            tree="Eiche",
            opening=Opening.DELIVERED,
            sender=WEHR,
            recipient=SAECKINGEN,
            place=SAECKINGEN,
            move_on=soon,
            cases=_active(demo.wehr, "Eiche"),
            wish=EVERYDAY,
        ),
        Story(
            number=4,
            tree="Buche",
            opening=Opening.OFFER_WAITS,
            sender=WEHR,
            recipient=SAECKINGEN,
            place=MURG,
            move_on=soon,
            cases=_active(demo.wehr, "Buche"),
            wish=EVERYDAY,
        ),
        Story(
            number=5,
            tree="Ahorn",
            opening=Opening.OFFER_WAITS,
            sender=SAECKINGEN,
            recipient=WEHR,
            place=WEHR,
            move_on=demo.monday,
            cases=_active(demo.saeckingen, "Ahorn"),
            wish=EVERYDAY,
            handover=_handover(demo, "Ahorn"),
            twin=_active(demo.wehr, "Ahorn")[0],
        ),
    )


def _active(town: DemoTown, tree: str) -> tuple[CaseId, ...]:
    """The cases of a family for which the town is responsible."""
    return tuple(
        case.file.id
        for case in town.cases
        if case.file.responsible_until is None and _is_called(case, tree)
    )


def _handover(demo: Demo, tree: str) -> Handover:
    for handover in demo.handovers:
        if _is_called(handover.before[0], tree):
            return handover
    raise UsageError("the demo lacks a family")


def _is_called(case: DemoCase, tree: str) -> bool:
    return any(r.text("family_name") == f"Demo-{tree}" for r in _people(case.records))


def _people(records: Iterable[Record]) -> Iterable[Record]:
    return (record for record in records if record.kind == "person")
