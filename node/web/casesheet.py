"""What a sheet of details needs of the case around it.

Enters: a request and an open case. Leaves: the day, places and people that the fields speak
of; for whom the same accommodation can be entered at once. Must never happen: a blocked
address entered for somebody else (FR-16).
"""

from collections.abc import Mapping, Sequence

from aiohttp import web

from node.cases.model import Baton
from node.casework.records import Place
from node.errors import MalformedMessageError, TrustError
from node.ids import Ags, CaseId, RecordId
from node.report.readings import ReadingUnit
from node.strictjson import Json
from node.web.casework import OpenCase, household_of, once, today
from node.web.frame import form_of, parts_of, words_of
from node.web.recordfields import Sheet
from node.web.recordtexts import Around
from node.web.typed import ids


async def around_of(request: web.Request, case: OpenCase) -> Around:
    """What a form of this case needs to know."""
    others = await household_of(request, case.person)
    return Around(
        on=today(request),
        words=words_of(request),
        places=parts_of(request).places,
        members=[(str(person.case), person.name) for person in others],
    )


def has_left(request: web.Request, sheet: Sheet, values: Mapping[str, Json]) -> bool:
    """Whether an accommodation that was typed is a move to record (FR-25)."""
    return sheet.id == "home" and lies_elsewhere(request, values)


def lies_elsewhere(request: web.Request, values: Mapping[str, Json]) -> bool:
    """Whether an accommodation lies where another body answers."""
    ags = values.get("ags")
    if values.get("move_out") or not isinstance(ags, str):
        return False
    office = parts_of(request).office
    try:
        body = office.directory().route(Ags(ags), today(request))
    except (TrustError, MalformedMessageError):
        return False
    return body != office.member


async def who_lives_along(
    request: web.Request, case: OpenCase, sheet: Sheet
) -> list[tuple[str, str, int]]:
    """For whom the same accommodation can be entered at once: number, name, epoch.

    Nobody where the address must not be told to the household (FR-16).
    """
    if sheet.id != "home" or case.person.address_blocked:
        return []
    listed = [
        person
        for person in await household_of(request, case.person)
        if person.caseworker == case.file.caseworker and person.baton is Baton.ACTIVE
    ]
    cases = [person.case for person in listed]
    epochs = await parts_of(request).run.read(_epochs, cases)
    return [(str(p.case), p.name, epochs[p.case]) for p in listed]


def _epochs(uow: ReadingUnit, cases: Sequence[CaseId]) -> Mapping[CaseId, int]:
    return {case: uow.cases.file(case).epoch for case in cases}


async def places_along(
    request: web.Request, case: OpenCase, sheet: Sheet
) -> list[Place]:
    """Where else the form shall be entered: those that were ticked and offered."""
    form = form_of(request)
    offered = {c for c, _, _ in await who_lives_along(request, case, sheet)}
    return [
        Place(
            other,
            RecordId(once(request, f"{sheet.id} {other}")),
            form.number(f"_epoch_{other}"),
        )
        for other in ids(form.all("along"), CaseId)
        if str(other) in offered
    ]
