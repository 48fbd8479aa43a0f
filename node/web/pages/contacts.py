"""S6 Kontakt erfassen: under fifteen seconds, and nothing typed is lost.

Enters: who, which form, what about, how long. Leaves: one entry on the timeline of each
person it was with (FR-7); a draft of what was not saved. Must never happen: two entries
from one form; a text lost because the case moved meanwhile. Implements FR-6 to FR-9,
flow A, SC-27, SC-28.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.cases.model import Baton
from node.casework import contacts
from node.casework.cases import Contact, record_contact
from node.errors import InputError, StaleEpochError
from node.ids import AccountId, CaseId, RecordId
from node.report.casepage import Goal, open_goals
from node.report.diary import DiaryUnit, DraftRow
from node.report.readings import PersonRow, ReadingUnit
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
from node.web.contactform import (
    choices,
    errors_of,
    follow_up_of,
    remarks,
    usual_minutes,
    values_of,
)
from node.web.forms import PROOF_FIELD, Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.pages.cases import CASEWORKERS, find, found, remember_search, searched
from node.web.typed import ids, shown_day
from node.web.wording import GOAL_CHOICES

_RECENT: Final = 8
_EVERYBODY: Final = "all"
_EPOCH: Final = "_epoch_"


def routes() -> list[Route]:
    """The addresses of contacts."""
    return [
        Route("GET", "/contacts/new", _ask, roles=CASEWORKERS),
        Route("POST", "/contacts/search", _search, roles=CASEWORKERS),
        Route("POST", "/contacts/find", _find, roles=CASEWORKERS),
        Route("POST", "/contacts/new", _record, roles=CASEWORKERS),
        Route("POST", "/contacts/draft", _keep_draft, roles=CASEWORKERS),
        Route("POST", "/contacts/draft/drop", _drop_draft, roles=CASEWORKERS),
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


async def _find(request: web.Request) -> web.Response:
    return await find(request, "/contacts/new?case={case}", only_active=True)


async def _ask(request: web.Request) -> web.Response:
    chosen = ids([request.query.get("case", "")], CaseId)
    if not chosen:
        return await _choose(request)
    case = await opened_case(request, chosen[0])
    if case.file.baton is not Baton.ACTIVE:
        # Its page says where it is.
        return await see_other(request, f"/cases/{chosen[0]}")
    run = parts_of(request).run
    draft = await run.read(contacts.draft_of, chosen[0], by=actor(request))
    if draft is not None:
        row, fields = draft
        form = Form({name: tuple(texts) for name, texts in fields.items()})
        return await _form_page(request, case, form, draft=row)
    forms = await run.read(_last_forms, account_of(request).id)
    usual = forms[0] if forms else "office"
    values = {
        "form": (usual,),
        "minutes": (str(usual_minutes(usual)),),
        "follow_up": ("none",),
        "date": (shown_day(today(request)),),
        "kind": ("auto",),
        "interpreter": ("none",),
        "_once": (new_once(request),),
    }
    return await _form_page(request, case, Form(values))


async def _choose(request: web.Request) -> web.Response:
    """Whom it is about: what was begun, the last eight, or a search."""
    people, me = await people_of(request), account_of(request).actor
    account = account_of(request).id
    run, typed = parts_of(request).run, await searched(request)
    if typed is None:
        recent = await run.read(_recent, account)
        persons = people.among(recent)
    else:
        persons = [hit.person for hit in people.search(typed, me)]
    own = [p for p in persons if me.owns(p.caseworker) and p.baton is Baton.ACTIVE]
    drafts: Sequence[DraftRow] = await run.read(_drafts, account)
    return await page(
        request,
        "contact_who.html",
        form=Form({"text": (typed or "",)}),
        searched=typed,
        rows=await found(request, own),
        drafts=[
            (person, draft.kept_at)
            for draft in drafts
            if (person := people.find(draft.case)) is not None
            and me.owns(person.caseworker)
            and person.baton is Baton.ACTIVE
        ],
    )


def _last_forms(uow: DiaryUnit, account: AccountId) -> Sequence[str]:
    return uow.diary.last_forms(account)


def _recent(uow: DiaryUnit, account: AccountId) -> Sequence[CaseId]:
    return uow.diary.recent(account, _RECENT)


def _drafts(uow: DiaryUnit, account: AccountId) -> Sequence[DraftRow]:
    return uow.diary.drafts(account)


async def _form_page(
    request: web.Request,
    case: OpenCase,
    form: Form,
    *,
    status: int = 200,
    draft: DraftRow | None = None,
) -> web.Response:
    about = _About(case, await _who_may_join(request, case))
    return await page(
        request,
        "contact_new.html",
        status=status,
        form=form,
        about=about,
        draft=draft,
        along=[(p.case, p.name) for p in about.others],
        epochs={
            _EPOCH + p.case: await epoch_now(request, p.case)
            for p in (case.person, *about.others)
        },
        given=choices(words_of(request), today(request)),
    )


async def _who_may_join(request: web.Request, case: OpenCase) -> list[PersonRow]:
    """Others of the household whose case is in the same hands and active."""
    return [
        person
        for person in await household_of(request, case.person)
        if person.caseworker == case.file.caseworker and person.baton is Baton.ACTIVE
    ]


async def epoch_now(request: web.Request, case: CaseId) -> int:
    """The epoch of a case, for a form that may change it."""
    return await parts_of(request).run.read(_epoch_of, case)


def _epoch_of(uow: ReadingUnit, case: CaseId) -> int:
    return uow.cases.file(case).epoch


async def _record(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    chosen = ids([form.text("_case")], CaseId)
    if not chosen:
        return await see_other(request, "/contacts/new")
    case = await opened_case(request, chosen[0])
    if form.text("_then") == "draft":
        await _keep(request, case.file.id)
        saved = words.gettext("The draft is kept for 30 days.")
        return await see_other(request, "/contacts/new", saved=saved)
    goals = [str(goal.id) for goal in open_goals(case.content)]
    errors = errors_of(form, words, goals, today(request))
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
    # Crash here: the draft is offered again with the number of this entry, so that saving
    # it once more is the same entry.
    await parts.run.write(contacts.drop_draft, case.file.id, by=actor(request))
    onward = f"/cases/{case.file.id}"
    if form.text("_then") == "next":
        onward = "/contacts/new"
    saved = words.gettext("Saved: %(form)s with %(person)s, %(minutes)s") % {
        "form": words.code(contact.values["form"], "contact_form"),
        "person": case.person.name,
        "minutes": words.minutes(int(str(contact.values["minutes"]))),
    }
    said = remarks(contact.values, words, today(request))
    return await see_other(request, onward, saved=". ".join([saved, *said]))


def _contact(
    request: web.Request, form: Form, case: CaseId, goals: Sequence[str]
) -> Contact:
    values = values_of(form)
    note = values.pop("note", "")
    cases = (case, *(other for other in _along(form) if other != case))
    return Contact(
        cases=cases,
        epochs={c: sent_epoch(form, c) for c in cases},
        values=values,
        note=str(note),
        touched={
            RecordId(goal): (
                form.text(f"goal-{goal}"),
                form.text(f"reason-{goal}") or None,
            )
            for goal in goals
            if form.text(f"goal-{goal}") in GOAL_CHOICES
        },
        follow_up=follow_up_of(form, today(request)),
        id=RecordId(once(request, "contact")),
    )


def _along(form: Form) -> list[CaseId]:
    """Who took part besides: those ticked, or everybody whom the page offered."""
    ticked = form.all("along")
    if _EVERYBODY in ticked:
        ticked = tuple(name.removeprefix(_EPOCH) for name in form.values)
    return ids(ticked, CaseId)


def sent_epoch(form: Form, case: CaseId) -> int:
    """The epoch for which the page was made; 0, which is none, if it names no such case."""
    return form.number(_EPOCH + case)


# -- Drafts ------------------------------------------------------------------------------


async def _keep_draft(request: web.Request) -> web.Response:
    """What was typed so far, from the page's script; it needs no answer."""
    for case in ids([form_of(request).text("_case")], CaseId):
        await _keep(request, case)
    return web.Response(status=204)


async def _keep(request: web.Request, case: CaseId) -> None:
    fields = {
        name: list(texts)
        for name, texts in form_of(request).values.items()
        if name not in {PROOF_FIELD, "_then"}
    }
    contact = RecordId(once(request, "contact"))
    await parts_of(request).run.write(
        contacts.keep_draft, case, contact, fields, by=actor(request)
    )


async def _drop_draft(request: web.Request) -> web.Response:
    words, case = words_of(request), ids([form_of(request).text("case")], CaseId)
    if not case:
        return await see_other(request, "/contacts/new")
    await parts_of(request).run.write(contacts.drop_draft, case[0], by=actor(request))
    saved = words.gettext("The draft is gone.")
    return await see_other(request, f"/contacts/new?case={case[0]}", saved=saved)
