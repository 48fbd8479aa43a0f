"""``/api/v1/cases``: what a caseworker's own program sees of the own caseload.

Enters: a token bound to one caseworker. Leaves: cases with the little that a calendar or a
list needs. Must never happen here: a case that is not this caseworker's own, a protected
person, an address, a sealed part; a look that nobody can find again (SR-D5). Implements
DO-39 for tokens, SR-B9. ADR 0055.
"""

from datetime import date
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from node.accounts.model import Reading
from node.accounts.policy import Actor
from node.api.asked import covered, page_asked, tag_of
from node.api.gate import DESK, token_of
from node.cases.model import CaseFile
from node.casework.programs import caseload, caseworker_of, one_case
from node.errors import MalformedMessageError, NotFoundError
from node.ids import CaseId
from node.report.readings import PersonRow, ReadingUnit

PATH: Final = "/v1/cases"
_LOOK: Final = "api.case.read"


class CaseLine(BaseModel):
    """One case in a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Number of the case.")
    family_name: str
    given_names: str
    birth_date: str = Field(
        description="YYYY, YYYY-MM or YYYY-MM-DD, as far as it is known; may be empty."
    )


class CasePage(BaseModel):
    """Some cases of the caseload, ordered by their numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cases: list[CaseLine]
    next: str | None = Field(
        description="To be sent as ``after`` for the next page; null at the end."
    )


class CaseAnswer(BaseModel):
    """One case; its ``ETag`` is needed to record a contact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    family_name: str
    given_names: str
    birth_date: str
    languages: list[str] = Field(description="BCP 47 tags.")
    interpreter_needed: bool
    care_status: str = Field(description="Code of list care_status; may be empty.")
    counselling_last_day: date | None
    plan_review_due: date | None
    last_contact: date | None


async def listed(request: web.Request) -> web.Response:
    """Some cases of the caseload."""
    limit, after = page_asked(request)
    by = caseworker_of(token_of(request))
    desk = request.config_dict[DESK]
    rows, last = await desk.run.read(_listed, by, after, limit)
    lines = [
        CaseLine(
            id=row.case,
            family_name=row.family_name,
            given_names=row.given_names,
            birth_date=row.birth,
        )
        for row in rows
    ]
    answer = CasePage(cases=lines, next=covered(last))
    return web.Response(text=answer.model_dump_json(), content_type="application/json")


async def show(request: web.Request) -> web.Response:
    """One case of the caseload; the look is written down before it is answered."""
    try:
        case = CaseId(request.match_info["case"])
    except MalformedMessageError:
        raise NotFoundError("case") from None
    by, desk = caseworker_of(token_of(request)), request.config_dict[DESK]
    file, person = await desk.run.read(one_case, by, case)
    tag = tag_of(file)
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers={"ETag": tag})
    assert by.account is not None
    look = Reading(by.account, case, desk.office.clock.now(), _LOOK)
    await desk.run.write(_note, look)
    return web.Response(
        text=_answer(person).model_dump_json(),
        content_type="application/json",
        headers={"ETag": tag},
    )


def _answer(person: PersonRow) -> CaseAnswer:
    return CaseAnswer(
        id=person.case,
        family_name=person.family_name,
        given_names=person.given_names,
        birth_date=person.birth,
        languages=list(person.languages),
        interpreter_needed=person.interpreter_needed,
        care_status=person.care_status,
        counselling_last_day=person.clock_end,
        plan_review_due=person.plan_due,
        last_contact=person.last_contact,
    )


def _listed(
    uow: ReadingUnit, by: Actor, after: str, limit: int
) -> tuple[list[PersonRow], str]:
    rows, last = caseload(uow, by, after=after, limit=limit)
    return list(rows), last


def _note(uow: ReadingUnit, look: Reading) -> None:
    with uow:
        uow.read_log.add(look)
        uow.commit()


def file_of(uow: ReadingUnit, by: Actor, case: CaseId) -> CaseFile:
    """The case file, if it is one of the caseload."""
    return one_case(uow, by, case)[0]
