"""What a person can be asked, and who may answer, wherever they are asked.

Enters: an open case. Leaves: categories with content, documents, those who may answer at
this age. Must never happen: a question about something the case does not hold (SC-37); the
evidence of a consent offered as a document to pass on. Implements FR-12 to FR-14, FR-22.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.accounts.policy import Actor
from node.cases.asking import may_ask
from node.cases.consent import DOCUMENTS, Consent, GivenBy
from node.cases.days import birthday
from node.cases.extract import birth_of
from node.cases.model import CATEGORIES
from node.cases.standing import MINIMUM, OF_AGE, OWN_NO_COUNTS_FROM
from node.casework.cases import own_case
from node.casework.consents import clock_end
from node.ids import AccountId, CaseId, TransferId
from node.report.contents import Paper, counts, papers
from node.report.readings import PersonRow, ReadingUnit
from node.web.casework import OpenCase, actor, household_of, today
from node.web.forms import Form
from node.web.frame import Parts, account_of, parts_of
from node.web.language import Words
from node.web.typed import ids, shown_day

_EVIDENCE: Final = "consent"
_YEAR: Final = timedelta(days=364)


@dataclass(frozen=True, slots=True)
class Asked:
    """What this person can be asked, and who may answer."""

    case: OpenCase
    categories: Sequence[str]
    documents: Sequence[Paper]
    givers: Sequence[GivenBy]
    guardians: Sequence[PersonRow]
    last_day: date
    secrecy_bound: bool
    was_declined: bool

    @property
    def also_own(self) -> bool:
        """Whether the minor is heard beside those with custody (FR-12)."""
        return len(self.givers) > 1 and GivenBy.SELF in self.givers


async def what_to_ask(request: web.Request, case: OpenCase) -> Asked:
    """What this person can be asked today."""
    parts, on = parts_of(request), today(request)
    held = counts(case.content)
    documents = [p for p in papers(case.content) if p.kind != _EVIDENCE]
    person = case.content.person
    named = person.values.get("guardians") if person else None
    guardians = set(named) if isinstance(named, list) else set()
    bound = await parts.run.read(_is_bound, account_of(request).id)
    return Asked(
        case=case,
        categories=[
            c
            for c in CATEGORIES
            if c == MINIMUM or (documents if c == DOCUMENTS else held.get(c))
        ],
        documents=documents,
        givers=_givers(case, on),
        guardians=[
            p for p in await household_of(request, case.person) if p.case in guardians
        ],
        last_day=clock_end(case.content),
        secrecy_bound=bound,
        was_declined=not may_ask(await consents_of(request, case.file.id), on),
    )


def first_form(request: web.Request, asked: Asked) -> Form:
    """How the form stands before anybody answers: until when, back where, by whom."""
    end = min(today(request) + _YEAR, asked.last_day)
    values: dict[str, tuple[str, ...]] = {
        "valid_until": (shown_day(end),),
        "_transfer": tuple(ids([request.query.get("transfer", "")], TransferId)),
    }
    if len(asked.givers) == 1:
        values["given_by"] = (str(asked.givers[0]),)
    return Form(values)


def _is_bound(uow: ReadingUnit, account: AccountId) -> bool:
    return uow.accounts.get(account).secrecy_bound


def _givers(case: OpenCase, on: date) -> list[GivenBy]:
    """Who may answer at this age (FR-12 to FR-14); of a partial date both may."""
    birth = birth_of(case.content.person)
    guardians: list[GivenBy] = [g for g in GivenBy if g is not GivenBy.SELF]
    if birth is None:
        return [GivenBy.SELF, *guardians]
    is_of_age = birthday(birth.last, OF_AGE) <= on
    is_heard = birthday(birth.first, OWN_NO_COUNTS_FROM) <= on
    if is_of_age:
        return [GivenBy.SELF]
    return [*guardians, GivenBy.SELF] if is_heard else guardians


def other_bodies(parts: Parts) -> list[tuple[str, str]]:
    """Every other body of the directory, as a consent names it."""
    return sorted(
        (
            (f"member:{member.id}", member.name)
            for member in parts.office.directory().members()
            if member.id != parts.office.member
        ),
        key=lambda pair: pair[1],
    )


async def consents_of(request: web.Request, case: CaseId) -> Sequence[Consent]:
    """All answers of a person, oldest first."""
    return await parts_of(request).run.read(_of_case, case, by=actor(request))


def _of_case(uow: ReadingUnit, case: CaseId, *, by: Actor) -> Sequence[Consent]:
    own_case(uow, by, case, "case.read")
    return uow.consents.of_case(case)


def end_words(reason: str, last_day: date, words: Words) -> str:
    """Why this end of a consent cannot be saved."""
    if reason == "after_counselling_end":
        return words.gettext(
            "The counselling ends on %(day)s. Not later than that."
        ) % {"day": words.day(last_day)}
    if reason == "before_start":
        return words.gettext("The last day lies in the past.")
    return words.gettext("Please write the day like 03.12.2026.")
