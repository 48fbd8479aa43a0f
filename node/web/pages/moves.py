"""S7 Wegzug, its beginning: where to, when, who of the household.

Enters: a place from the official list, a day, ticks. Leaves: the relocation and, where the
directory knows a route, a transfer that is held until the gate says yes. Must never happen:
a name that routes (FR-27); something sent that the check page did not announce. Implements
flow B, steps 1 and 2; FR-11, FR-19, FR-25.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.cases.consent import Recipient
from node.cases.model import Baton
from node.cases.relocation import Routing, Source
from node.casework.relocations import (
    Forecast,
    Move,
    forecast,
    record_relocation,
    route,
)
from node.errors import InputError, StaleEpochError, TrustError
from node.ids import Ags, CaseId, MemberId
from node.report.casepage import day_of, standing
from node.report.readings import PersonRow
from node.web.casesheet import lies_elsewhere
from node.web.casework import (
    OpenCase,
    actor,
    body_name,
    chosen_case,
    household_of,
    stale,
    today,
)
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.placenames import place_words, search_places
from node.web.typed import ids, shown_day, typed_day
from node.web.wording import reason_words

_LISTED: Final = 500
_LONG_AGO: Final = timedelta(days=365)


def routes() -> list[Route]:
    """The addresses where a move begins."""
    return [
        Route("GET", "/relocations/new", _ask, roles=CASEWORKERS),
        Route("POST", "/relocations/new", _record, roles=CASEWORKERS),
    ]


async def _ask(request: web.Request) -> web.Response:
    case = await chosen_case(request)
    if isinstance(case, web.Response):
        return case
    if case.under_way is not None:
        return await see_other(request, f"/relocations/{case.under_way.id}")
    others = await _who_may_move(request, case)
    moving = tuple(p.case for p in (case.person, *others))
    form = Form({"members": moving, **_known_move(request, case)})
    return await _where_page(request, case, form)


def _known_move(request: web.Request, case: OpenCase) -> dict[str, tuple[str, ...]]:
    """The place and the day of an address elsewhere that the case knows (SC-30)."""
    places = parts_of(request).places
    for record in reversed(standing(case.content.of("accommodation"))):
        if lies_elsewhere(request, record.values):
            ags = Ags(record.text("ags"))
            name = places.get(ags, "")
            is_plain = [found for found, _ in search_places(places, name)] == [ags]
            day = shown_day(day_of(record, "move_in"))
            return {"place": (name if is_plain else ags,), "move_on": (day,)}
    return {}


async def _who_may_move(request: web.Request, case: OpenCase) -> list[PersonRow]:
    return [
        person
        for person in await household_of(request, case.person)
        if person.caseworker == case.file.caseworker and person.baton is Baton.ACTIVE
    ]


async def _where_page(
    request: web.Request,
    case: OpenCase,
    form: Form,
    *,
    status: int = 200,
    found: Sequence[tuple[Ags, str]] = (),
) -> web.Response:
    places = parts_of(request).places
    return await page(
        request,
        "relocation_where.html",
        status=status,
        form=form,
        person=case.person,
        members=[case.person, *await _who_may_move(request, case)],
        choices=[(ags, place_words(ags, name)) for ags, name in found],
        places=sorted(places.values()) if len(places) <= _LISTED else [],
        condition=_condition(case, today(request)),
    )


def _condition(case: OpenCase, on: date) -> Mapping[str, object] | None:
    """A residence condition that still binds (FR-19): shown, never a block."""
    for record in standing(case.content.of("residence_condition")):
        until = day_of(record, "valid_until")
        is_over = until is not None and until < on
        if record.text("condition") not in {"", "none"} and not is_over:
            return {
                "code": record.text("condition"),
                "ags": record.text("ags") or record.text("land"),
                "until": until,
            }
    return None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A move as it was filled in."""

    ags: Ags
    day: date
    moving: Sequence[PersonRow]


async def _record(request: web.Request) -> web.Response:
    form = form_of(request)
    case = await chosen_case(request)
    if isinstance(case, web.Response):
        return case
    wanted = await _read(request, case, form)
    if not isinstance(wanted, _Wanted):
        return wanted
    if form.text("_back"):
        return await _where_page(request, case, form)
    if not form.text("_sure"):
        return await _check_page(request, case, wanted)
    return await _keep(request, case, wanted)


async def _read(
    request: web.Request, case: OpenCase, form: Form
) -> _Wanted | web.Response:
    """The move, or the page that says what is missing."""
    words, parts, on = words_of(request), parts_of(request), today(request)
    ags, found, errors = _place(form, parts, words)
    day = typed_day(form.text("move_on"))
    if day is None or abs(day - on) > _LONG_AGO:
        errors["move_on"] = words.gettext("Please write the day like 03.12.2026.")
    household = {p.case: p for p in (case.person, *await _who_may_move(request, case))}
    moving = [household[c] for c in ids(form.all("members"), CaseId) if c in household]
    if not moving:
        errors["members"] = words.gettext("Please tick who moves.")
    if errors or ags is None or day is None:
        form = form.with_errors(errors)
        return await _where_page(request, case, form, status=422, found=found)
    return _Wanted(ags, day, moving)


async def _keep(request: web.Request, case: OpenCase, wanted: _Wanted) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    move = Move(
        tuple(person.case for person in wanted.moving),
        wanted.ags,
        wanted.day,
        Source.FORM,
        parts.office.town().delivery,
    )
    try:
        relocation = await parts.run.write(
            record_relocation,
            parts.office,
            move,
            by=actor(request),
            places=parts.places,
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError:
        # A second move of the same person begins while one runs.
        return await see_other(request, f"/cases/{case.file.id}/transfers")
    if relocation.transfer is not None and relocation.recipient is None:
        saved = words.gettext("The move was recorded. Nothing was sent.")
        return await see_other(request, f"/exports/{relocation.transfer}", saved=saved)
    if relocation.transfer is not None:
        saved = words.gettext("The move was recorded.")
        onward = f"/relocations/{relocation.transfer}"
        return await see_other(request, onward, saved=saved)
    saved = words.gettext("The move was recorded. Nothing was sent.")
    return await see_other(request, f"/cases/{case.file.id}", saved=saved)


def _place(
    form: Form, parts: Parts, words: Words
) -> tuple[Ags | None, list[tuple[Ags, str]], dict[str, str]]:
    """The place that was meant; else the choices, and what to say."""
    text = form.text("place").strip()
    picked = ids([form.text("ags")], Ags)
    if picked and (not text or picked[0] in dict(search_places(parts.places, text))):
        return picked[0], [], {}
    by_number = ids([text], Ags)
    if by_number:
        return by_number[0], [], {}
    found = search_places(parts.places, text)
    if len(found) == 1:
        return found[0][0], [], {}
    if found:
        wrong = words.gettext("Several places fit. Please choose one.")
        return None, found, {"ags": wrong}
    if not text:
        return None, [], {"place": words.gettext("Please add: where the person moves.")}
    wrong = words.gettext(
        "No place of this name is on the list. The official number with eight digits"
        " works as well."
    )
    return None, [], {"place": wrong}


@dataclass(frozen=True, slots=True)
class Ahead:
    """What recording a move would lead to."""

    routing: Routing
    recipient: MemberId | None
    body: str
    forecast: Forecast | None

    @property
    def goes_by_itself(self) -> bool:
        """Whether it would be sent without another question."""
        return self.forecast is not None and self.forecast.going


async def _check_page(
    request: web.Request, case: OpenCase, wanted: _Wanted
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    ags, day, moving = wanted.ags, wanted.day, wanted.moving
    ahead = await _look_ahead(request, ags, day, [p.case for p in moving])
    coverage = ahead.forecast.coverage if ahead.forecast else {}
    return await page(
        request,
        "relocation_check.html",
        person=case.person,
        place=place_words(ags, parts.places.get(ags, "")),
        ags=ags,
        day=day,
        ahead=ahead,
        auto=parts.office.town().delivery == "auto" and ahead.goes_by_itself,
        moving=[
            (p, reason_words(coverage[p.case].reason or "", words))
            if p.case in coverage and coverage[p.case].reason
            else (p, None)
            for p in moving
        ],
        kept={
            "_case": case.file.id,
            "place": parts.places.get(ags, ags),
            "ags": ags,
            "move_on": shown_day(day),
            "members": [p.case for p in moving],
        },
    )


async def _look_ahead(
    request: web.Request, ags: Ags, day: date, cases: Sequence[CaseId]
) -> Ahead:
    parts = parts_of(request)
    try:
        routing, recipient = route(parts.office, ags, day, parts.places)
    except TrustError:
        routing, recipient = Routing.NO_NODE, None
    seen = None
    if recipient is not None:
        seen = await parts.run.read(
            forecast,
            parts.office,
            cases,
            Recipient(recipient, ags, responsible=True),
            by=actor(request),
        )
    return Ahead(routing, recipient, body_name(parts, recipient), seen)
