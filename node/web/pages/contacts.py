"""S6 Kontakt erfassen: under fifteen seconds, and nothing typed is lost.

Enters: who, which form, what about, how long. Leaves: one entry on the timeline of each
person it was with (FR-7). Must never happen: two entries from one form; a text lost because
the case moved meanwhile. Implements FR-6 to FR-9, flow A.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.model import Baton
from node.casework.cases import Contact, record_contact
from node.errors import InputError, StaleEpochError
from node.ids import AccountId, CaseId, RecordId
from node.report.casepage import Goal, open_goals
from node.report.readings import PersonRow, ReadingUnit
from node.strictjson import Json
from node.web.casework import (
    OpenCase,
    actor,
    household_of,
    new_once,
    once,
    opened_case,
    people_of,
    stale,
    today,
)
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS, found, remember_search, searched
from node.web.typed import ids, shown_day, typed_day
from node.web.wording import GOAL_CHOICES

MINUTES: Final = (5, 10, 15, 30, 45, 60, 90)
_RECENT: Final = 8
_OLD: Final = timedelta(days=7)
_KIND_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("office", "drop_in", "home_visit", "accompaniment", "phone", "video", "group"),
        "talk",
    ),
    **dict.fromkeys(("email", "messenger", "letter"), "contact"),
    "third_party": "coordination",
    "no_show": "attempt",
}
"""FR-6: what a form counts as unless the caseworker says otherwise."""
_USUAL_MINUTES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("office", "video"), 30),
    **dict.fromkeys(("drop_in", "phone", "third_party"), 15),
    **dict.fromkeys(("email", "messenger", "no_show"), 5),
    "home_visit": 45,
    "accompaniment": 60,
    "group": 60,
    "letter": 10,
}
_LATER: Final[Mapping[str, int]] = {"week": 7, "two_weeks": 14, "month": 30}


def routes() -> list[Route]:
    """The addresses of contacts."""
    return [
        Route("GET", "/contacts/new", _ask, roles=CASEWORKERS),
        Route("POST", "/contacts/search", _search, roles=CASEWORKERS),
        Route("POST", "/contacts/new", _record, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class _About:
    """Whom a contact is about: the person, who may go along, the goals."""

    case: OpenCase
    others: Sequence[PersonRow]

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What a talk with this person may touch."""
        return open_goals(self.case.content)


async def _search(request: web.Request) -> web.Response:
    return await remember_search(request, "/contacts/new")


async def _ask(request: web.Request) -> web.Response:
    chosen = ids([request.query.get("case", "")], CaseId)
    if not chosen:
        return await _choose(request)
    case = await opened_case(request, chosen[0])
    if case.file.baton is not Baton.ACTIVE:
        # Its page says where it is.
        return await see_other(request, f"/cases/{chosen[0]}")
    forms = await parts_of(request).run.read(_last_forms, account_of(request).id)
    usual = forms[0] if forms else "office"
    values = {
        "form": (usual,),
        "minutes": (str(_usual_minutes(usual)),),
        "follow_up": ("none",),
        "date": (shown_day(today(request)),),
        "kind": ("auto",),
        "interpreter": ("none",),
        "_once": (new_once(request),),
    }
    return await _form_page(request, case, Form(values))


async def _choose(request: web.Request) -> web.Response:
    """Whom it is about: the last eight, or a search."""
    people, account = await people_of(request), account_of(request).id
    typed = await searched(request)
    if typed is None:
        recent = await parts_of(request).run.read(_recent, account)
        persons = people.among(recent)
    else:
        persons = [hit.person for hit in people.search(typed, account)]
    own = [p for p in persons if p.caseworker == account and p.baton is Baton.ACTIVE]
    return await page(
        request,
        "contact_who.html",
        form=Form({"text": (typed or "",)}),
        searched=typed,
        rows=await found(request, own),
    )


def _last_forms(uow: ReadingUnit, account: AccountId) -> Sequence[str]:
    return uow.readings.last_forms(account)


def _recent(uow: ReadingUnit, account: AccountId) -> Sequence[CaseId]:
    return uow.readings.recent(account, _RECENT)


def _usual_minutes(form: str) -> int:
    return _USUAL_MINUTES.get(form, 15)


async def _form_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    words, on = words_of(request), today(request)
    about = _About(case, await _who_may_join(request, case))
    return await page(
        request,
        "contact_new.html",
        status=status,
        form=form,
        about=about,
        epochs={
            f"_epoch_{p.case}": await _epoch(request, p)
            for p in (case.person, *about.others)
        },
        forms=_options(words, "contact_form", on),
        topics=[pair for pair in _options(words, "topic", on) if "." not in pair[0]],
        details=[pair for pair in _options(words, "topic", on) if "." in pair[0]],
        kinds=_options(words, "contact_kind", on),
        interpreters=_options(words, "interpreter", on),
        outcomes=_options(words, "outcome", on),
        services=_options(words, "service", on),
        languages=sorted(_options(words, "language", on), key=lambda pair: pair[1]),
        minutes=[(str(m), str(m)) for m in MINUTES],
        statuses=[(code, words.code(code, "goal_status")) for code in GOAL_CHOICES],
        reasons=_options(words, "goal_reason", on),
    )


def _options(words: Words, name: str, on: date) -> list[tuple[str, str]]:
    return [
        (code.code, words.code(code.code, name)) for code in code_list(name).offered(on)
    ]


async def _who_may_join(request: web.Request, case: OpenCase) -> list[PersonRow]:
    """Others of the household whose case is in the same hands and active."""
    return [
        person
        for person in await household_of(request, case.person)
        if person.caseworker == case.file.caseworker and person.baton is Baton.ACTIVE
    ]


async def _epoch(request: web.Request, person: PersonRow) -> int:
    return await parts_of(request).run.read(_epoch_of, person.case)


def _epoch_of(uow: ReadingUnit, case: CaseId) -> int:
    return uow.cases.file(case).epoch


async def _record(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    chosen = ids([form.text("_case")], CaseId)
    if not chosen:
        return await see_other(request, "/contacts/new")
    case = await opened_case(request, chosen[0])
    goals = {str(goal.id): goal for goal in open_goals(case.content)}
    errors = _errors(form, words, goals, today(request))
    if errors:
        return await _form_page(request, case, form.with_errors(errors), status=422)
    contact = _contact(request, form, case.file.id, goals)
    try:
        await parts.run.write(record_contact, parts.office, contact, by=actor(request))
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError:
        missing = words.gettext("Please add: why the goal is postponed or adapted.")
        return await _form_page(
            request, case, form.with_errors({"goals": missing}), status=422
        )
    saved = words.gettext("Saved: %(form)s with %(person)s, %(minutes)s") % {
        "form": words.code(contact.values["form"], "contact_form"),
        "person": case.person.name,
        "minutes": words.minutes(int(form.text("minutes"))),
    }
    onward = f"/cases/{case.file.id}"
    if form.text("_then") == "next":
        onward = "/contacts/new"
    return await see_other(request, onward, saved=saved)


def _errors(
    form: Form, words: Words, goals: Mapping[str, Goal], on: date
) -> dict[str, str]:
    """One sentence for each field that needs mending, in the order of the page."""
    errors: dict[str, str] = {}
    if form.text("form") not in code_list("contact_form").codes:
        errors["form"] = words.gettext("Please choose how you were in contact.")
    if form.text("topic") not in code_list("topic").codes:
        errors["topic"] = words.gettext("Please choose what it was about.")
    if form.text("minutes") not in {str(m) for m in MINUTES}:
        errors["minutes"] = words.gettext("Please choose how long it took.")
    if any(
        form.text(f"goal-{goal}") in {"postponed", "adapted"}
        and not form.text(f"reason-{goal}")
        for goal in goals
    ):
        errors["goals"] = words.gettext(
            "Please add: why the goal is postponed or adapted."
        )
    if form.text("follow_up") == "date":
        due = typed_day(form.text("follow_up_on"))
        if due is None or due < on:
            errors["follow_up_on"] = words.gettext(
                "Please write a day from today on, like 03.12.2026."
            )
    day = typed_day(form.text("date"))
    if day is None or day > on:
        errors["date"] = words.gettext(
            "Please write the day like 03.12.2026, today or earlier."
        )
    return errors


def _contact(
    request: web.Request, form: Form, case: CaseId, goals: Mapping[str, Goal]
) -> Contact:
    along = ids(form.all("along"), CaseId)
    cases = (case, *(other for other in along if other != case))
    kind = form.text("kind")
    topics = [form.text("topic"), *form.all("topics")]
    day = typed_day(form.text("date")) or today(request)
    values: dict[str, Json] = {
        "date": day.isoformat(),
        "minutes": int(form.text("minutes")),
        "form": form.text("form"),
        "kind": kind
        if kind in code_list("contact_kind").codes
        else _KIND_OF[form.text("form")],
        "topics": list(dict.fromkeys(t for t in topics if t)),
        "interpreter": form.text("interpreter"),
        "language": form.text("language"),
        "outcome": form.text("outcome"),
        "referred_to": form.text("referred_to"),
        "others_present": form.text("others_present").strip(),
    }
    return Contact(
        cases=cases,
        epochs={c: _sent_epoch(form, c) for c in cases},
        values={name: value for name, value in values.items() if value not in ("", [])},
        note=form.text("note").strip(),
        touched={
            RecordId(goal): (
                form.text(f"goal-{goal}"),
                form.text(f"reason-{goal}") or None,
            )
            for goal in goals
            if form.text(f"goal-{goal}") in GOAL_CHOICES
        },
        follow_up=_follow_up(form, today(request)),
        id=RecordId(once(request, "contact")),
    )


def _sent_epoch(form: Form, case: CaseId) -> int:
    text = form.text(f"_epoch_{case}")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _follow_up(form: Form, on: date) -> Mapping[str, Json] | None:
    choice = form.text("follow_up")
    due = (
        typed_day(form.text("follow_up_on"))
        if choice == "date"
        else on + timedelta(days=_LATER[choice])
        if choice in _LATER
        else None
    )
    if due is None:
        return None
    text = form.text("follow_up_text").strip()
    return {
        "due": due.isoformat(),
        "source": "contact",
        **({"text": text} if text else {}),
    }
