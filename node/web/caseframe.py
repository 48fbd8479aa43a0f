"""The frame of a case: who it is about, what to beware of, where the case is.

Enters: an open case. Leaves: the identity bar, warnings and the banner that every page of a
case shows. Must never happen: a button that writes on a case that is not editable here.
Implements screens S4, the upper part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.cases.days import birthday, local_day
from node.cases.extract import flags_in_force
from node.cases.model import Baton, PartialDate
from node.casework.holding import hold_of
from node.errors import InputError
from node.ids import CaseId
from node.report.readings import PersonRow
from node.sync.schedule import erasable_from
from node.sync.transfer import Outbound
from node.web.casework import OpenCase, colleagues, recipient_name, today
from node.web.frame import account_of, page, parts_of, path_id, words_of
from node.web.language import Words

ADULT: Final = 18
CLOCK_WARNING: Final = 90
"""Days before the end of counselling from which every page of the case says so (FR-1)."""


@dataclass(frozen=True, slots=True)
class CaseFrame:
    """What every page of a case shows above its content."""

    case: OpenCase
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    banner: Mapping[str, str] | None
    is_editable: bool

    @property
    def id(self) -> CaseId:
        """The case."""
        return self.case.file.id

    @property
    def person(self) -> PersonRow:
        """Whom it is about."""
        return self.case.person


async def case_page(
    request: web.Request,
    template: str,
    case: OpenCase,
    *,
    status: int = 200,
    **context: object,
) -> web.Response:
    """A page of a case in the frame of the case."""
    return await page(
        request,
        template,
        status=status,
        file=await case_frame(request, case),
        **context,
    )


async def case_frame(request: web.Request, case: OpenCase) -> CaseFrame:
    """Identity bar, warnings, where the case is."""
    words, on = words_of(request), today(request)
    names = await colleagues(request)
    worker = case.file.caseworker
    return CaseFrame(
        case=case,
        facts=[
            (key, value)
            for key, value in (
                (words.gettext("Age"), age(case.person, on, words)),
                (words.gettext("Languages"), _languages(case.person, words)),
                (words.gettext("Interpreter"), _interpreter(case.person, words)),
                (words.gettext("Care"), _care(case.person, words)),
                (words.gettext("Caseworker"), names.get(worker, "") if worker else ""),
                (words.gettext("Counselling clock"), _clock(case.person, on, words)),
            )
            if value
        ],
        warnings=_warnings(case, on, words),
        banner=_banner(request, case, words),
        is_editable=case.file.baton is Baton.ACTIVE
        and account_of(request).actor.owns(worker),
    )


def case_id(request: web.Request) -> CaseId:
    """The case in the address."""
    return path_id(request, "case", CaseId)


def age(person: PersonRow, on: date, words: Words) -> str:
    """The age in years as far as it is known."""
    try:
        birth = PartialDate(person.birth)
    except InputError:
        return ""
    oldest, youngest = _years(birth.first, on), _years(birth.last, on)
    if oldest == youngest:
        return words.ngettext("%(num)s year", "%(num)s years", oldest) % {"num": oldest}
    return words.gettext("%(low)s or %(high)s years") % {
        "low": youngest,
        "high": oldest,
    }


def is_minor(case: OpenCase, on: date) -> bool:
    """Whether the person may be under age, as far as the birth date is known."""
    try:
        birth = PartialDate(case.person.birth)
    except InputError:
        return False
    return on < birthday(birth.last, ADULT)


def _years(born: date, on: date) -> int:
    years = on.year - born.year
    return years if birthday(born, years) <= on else years - 1


def _languages(person: PersonRow, words: Words) -> str:
    return ", ".join(words.code(tag, "language") for tag in person.languages)


def _interpreter(person: PersonRow, words: Words) -> str:
    return words.gettext("needed") if person.interpreter_needed else ""


def _care(person: PersonRow, words: Words) -> str:
    return words.code(person.care_status, "care_status") if person.care_status else ""


def _clock(person: PersonRow, on: date, words: Words) -> str:
    ends = person.clock_end
    if ends is None:
        return ""
    left = (ends - on).days
    if left < 0:
        return words.gettext("over since %(day)s") % {"day": words.day(ends)}
    return words.ngettext(
        "%(num)s day left, until %(day)s", "%(num)s days left, until %(day)s", left
    ) % {"day": words.day(ends), "num": words.number(left)}


def _warnings(case: OpenCase, on: date, words: Words) -> list[str]:
    """Protection first, in words, its reason stays in its record; then the clock."""
    flags = flags_in_force(case.content.of("protection"), on)
    found = [words.code(flag, "protection") for flag in sorted(flags)]
    hold = hold_of(case.content, on)
    if hold is not None:
        last = date.fromisoformat(hold.text("until"))
        found.append(
            words.gettext("Nothing may be deleted until %(day)s.")
            % {"day": words.day(last)}
        )
    ends = case.person.clock_end
    # FR-1: 90 days before the last day, and from then on.
    if ends is not None and case.person.is_here and (ends - on).days <= CLOCK_WARNING:
        found.append(
            words.gettext("The counselling period ended on %(day)s.")
            % {"day": words.day(ends)}
            if ends < on
            else words.gettext("The counselling period ends on %(day)s.")
            % {"day": words.day(ends)}
        )
    return found


def _banner(
    request: web.Request, case: OpenCase, words: Words
) -> Mapping[str, str] | None:
    parts = parts_of(request)
    if case.file.baton is Baton.ABSORBED:
        return {
            "kind": "info",
            "title": words.gettext("Merged into another case"),
            "text": words.gettext("Everything of this case lies in the other one now."),
            "link": words.gettext("To the merge"),
            "href": f"/cases/{case.file.id}/match",
        }
    left = case.departure
    if case.file.baton is Baton.HANDED_OVER and left is not None:
        durable = left.facts.get(Outbound.DURABLE)
        sentence = words.gettext("%(place)s has been responsible since %(day)s.") % {
            "place": recipient_name(parts, left),
            "day": words.day(local_day(left.facts[Outbound.CLOSED])),
        }
        if durable is not None:
            sentence += " " + words.gettext("This copy is deleted on %(day)s.") % {
                "day": words.day(
                    local_day(erasable_from(durable, parts.office.town().handed_over))
                )
            }
        return {
            "kind": "info",
            "title": words.gettext("Handed over"),
            "text": sentence,
            "link": words.gettext("To the handover"),
            "href": f"/outbox/{left.id}",
            "more": words.gettext("Addendum or correction"),
            "more_href": f"/cases/{case.file.id}/notes",
        }
    under_way = case.under_way
    if under_way is None:
        return None if case.keeping is None else _closed(case, today(request), words)
    place = recipient_name(parts, under_way)
    if under_way.state is Outbound.HELD:
        return {
            "kind": "info",
            "title": words.gettext("Moving to %(place)s on %(day)s")
            % {"place": place, "day": words.day(under_way.move_on)},
            "text": words.gettext("Nothing has been sent yet."),
            "link": words.gettext("Prepare the handover"),
            "href": f"/relocations/{under_way.id}",
        }
    return {
        "kind": "info",
        "title": words.gettext("Handover to %(place)s is under way") % {"place": place},
        "text": words.gettext(
            "The case can be read. It cannot be changed until the handover ends."
        ),
        "link": words.gettext("To the handover"),
        "href": f"/outbox/{under_way.id}",
        "more": words.gettext("Note something meanwhile"),
        "more_href": f"/cases/{case.file.id}/notes",
    }


def _closed(case: OpenCase, on: date, words: Words) -> Mapping[str, str]:
    """How long a closed case stays, and what is to be done when its years are over."""
    keeping = case.keeping
    assert keeping is not None
    title = words.gettext("Closed on %(day)s") % {"day": words.day(keeping.closed_on)}
    if on < keeping.due:
        last = words.day(keeping.due - timedelta(days=1))
        text = words.gettext(
            "The case is kept until %(day)s. Then the archive is asked, and it is deleted."
        )
        return {"kind": "info", "title": title, "text": text % {"day": last}}
    return {
        "kind": "info",
        "title": title,
        "text": words.gettext("Its years are over. The archive comes before deleting."),
        "link": words.gettext("Ask the archive, then delete"),
        "href": f"/cases/{case.file.id}/archive",
    }
