"""The groups of the work list that are dates: what is due, what ends.

Enters: rows of the store, persons. Leaves: rows to show, each with what can be done. Must
never happen: a name in a row about an offer, which nobody may know yet. Implements screens
S2, SC-22; FR-1 (90 days), DO-6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from node.cases.days import local_day
from node.casework.inbox import OfferSeen
from node.ids import CaseId
from node.report.people import People
from node.report.readings import DatedRow, EndingConsent, PersonRow
from node.web.casework import body_name
from node.web.frame import Parts
from node.web.language import Words

DONE: Final = "/work/done"
MOVE: Final = "/work/move"
UNDO: Final = "/work/undo"
SOON: Final = timedelta(days=7)
_CLOCK: Final = timedelta(days=90)
CONSENTS: Final = timedelta(days=60)
_PLANS: Final = timedelta(days=30)
TITLES: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Act:
    """A button of a row: what it says, where its form goes, what it sends along."""

    label: str
    address: str
    kept: Mapping[str, str]
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: who, what, until when, and the one thing to do.

    ``acts`` are its buttons where the action is a form instead of a link; the first is the
    usual one.
    """

    who: str
    href: str
    what: str
    until: date | None
    action: str = ""
    acts: Sequence[Act] = ()
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    id: str
    title: str
    rows: Sequence[Row]


def name_of(people: People, case: CaseId) -> str:
    """What the person is called; empty if nobody is known."""
    person = people.find(case)
    return person.name if person else ""


def due(found: Sequence[DatedRow], people: People, words: Words, on: date) -> Group:
    """Follow-ups overdue and of today, oldest first."""
    rows = [_follow_up(row, people, words, on) for row in found if row.on <= on]
    return Group("due", words.gettext("Overdue and today"), rows)


def later(found: Sequence[DatedRow], people: People, words: Words, on: date) -> Group:
    """Follow-ups of the next days."""
    rows = [
        _follow_up(row, people, words, on) for row in found if on < row.on <= on + SOON
    ]
    return Group("later", words.gettext("In the next 7 days"), rows)


def _follow_up(row: DatedRow, people: People, words: Words, on: date) -> Row:
    """A follow-up: what it was for, done, or a week later."""
    kept = {"case": str(row.case), "record": str(row.record)}
    return Row(
        who=name_of(people, row.case),
        href=f"/cases/{row.case}",
        what=row.text or words.gettext("Look at it again"),
        until=row.on,
        acts=(
            Act(words.gettext("Done"), DONE, kept, "check"),
            Act(words.gettext("1 week later"), MOVE, kept),
        ),
        is_late=row.on < on,
    )


def incoming(found: Sequence[OfferSeen], parts: Parts, words: Words) -> Group:
    """Offers that wait for the approver's word; they name nobody."""
    rows = [
        Row(
            who=offer.number,
            href=f"/inbox/{offer.transfer}",
            what=words.ngettext(
                "%(num)s person from %(body)s",
                "%(num)s people from %(body)s",
                offer.persons,
            )
            % {"num": offer.persons, "body": body_name(parts, offer.sender)},
            until=local_day(offer.ends),
            action=words.gettext("Decide"),
        )
        for offer in found
    ]
    return Group("incoming", words.gettext("Incoming: to decide"), rows)


def clock(mine: Sequence[PersonRow], words: Words, on: date) -> Group:
    """Whose counselling ends within 90 days (FR-1)."""
    until = on + _CLOCK
    ending = [
        (ends, p)
        for p in mine
        if (ends := p.clock_end) is not None and on <= ends <= until
    ]
    rows = [
        Row(
            p.name,
            f"/cases/{p.case}",
            words.ngettext("%(num)s day left", "%(num)s days left", (ends - on).days)
            % {"num": (ends - on).days},
            ends,
        )
        for ends, p in sorted(ending, key=lambda pair: (pair[0], pair[1].name))
    ]
    return Group("clock", words.gettext("Counselling ends within 90 days"), rows)


def consents(found: Sequence[EndingConsent], people: People, words: Words) -> Group:
    """Consents that end soon."""
    rows = [
        Row(name_of(people, row.case), f"/cases/{row.case}/consents", "", row.until)
        for row in found
    ]
    return Group("consents", words.gettext("Consents end within 60 days"), rows)


def plans(mine: Sequence[PersonRow], words: Words, on: date) -> Group:
    """Plans whose review is due."""
    due = [
        (p.plan_due, p)
        for p in mine
        if p.plan_due is not None and p.plan_due <= on + _PLANS
    ]
    rows = [
        Row(p.name, f"/cases/{p.case}/plan", "", day)
        for day, p in sorted(due, key=lambda pair: (pair[0], pair[1].name))
    ]
    return Group("plans", words.gettext("Plans to review"), rows)


def titles(found: Sequence[DatedRow], people: People, words: Words) -> Group:
    """Residence titles that end soon."""
    rows = [
        Row(
            name_of(people, row.case),
            f"/cases/{row.case}/details",
            words.code(row.code, "residence"),
            row.on,
        )
        for row in found
    ]
    return Group("titles", words.gettext("Residence titles end"), rows)
