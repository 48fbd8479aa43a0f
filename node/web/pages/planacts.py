"""S5, what is done with a plan as a whole: agreed, reviewed, ended, compared, printed.

Enters: a plan as its page showed it, what was typed. Leaves: a new version, a review, an
end; versions with their differences in words; the agreement as a page for paper. Must never
happen: an agreement printed as if it were agreed while it is a draft. Implements FR-10.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.cases.model import Baton
from node.cases.plan import version_of
from node.casework import plans
from node.casework.cases import own_case
from node.casework.records import Place
from node.errors import ConflictError, InputError, NotFoundError, StaleEpochError
from node.ids import CaseId, RecordId
from node.report.agreement import Agreement, agreement_of
from node.report.agreementpaper import agreement_sheet
from node.report.casepage import Plan, current_plan
from node.report.planversions import differences
from node.report.readings import ReadingUnit
from node.report.sheet import Kind
from node.web.caseframe import case_id, case_page
from node.web.casework import (
    OpenCase,
    actor,
    colleagues,
    opened_case,
    stale,
    today,
)
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.pages.plan import (
    change_words,
    choices,
    codes,
    place_of,
    plan_page,
    versions_now,
)
from node.web.printing import printed
from node.web.typed import shown_day, typed_day
from node.web.wording import GOAL_CHOICES

_USUAL_REVIEW: Final = timedelta(days=182)
_FORMS: Final = ("paper", "screen", "mark", "oral")


def routes() -> list[Route]:
    """The addresses of what is done with a plan."""
    at = "/cases/{case}/plan"
    return [
        Route("GET", f"{at}/agree", _ask_agree, roles=CASEWORKERS),
        Route("POST", f"{at}/agree", _agree, roles=CASEWORKERS),
        Route("GET", f"{at}/review", _ask_review, roles=CASEWORKERS),
        Route("POST", f"{at}/review", _review, roles=CASEWORKERS),
        Route("POST", f"{at}/end", _end, roles=CASEWORKERS),
        Route("GET", f"{at}/versions/{{number}}", _version, roles=CASEWORKERS),
        Route("GET", f"{at}/print", _print, roles=CASEWORKERS),
        Route("GET", f"{at}/agreement.pdf", _pdf, roles=CASEWORKERS),
    ]


def _plan(case: OpenCase) -> Plan:
    plan = current_plan(case.content)
    if plan is None:
        raise NotFoundError("plan")
    return plan


def _frame(case: OpenCase, plan: Plan) -> Mapping[str, tuple[str, ...]]:
    return {
        "_epoch": (str(case.file.epoch),),
        "_version": (str(plan.record.version),),
        "_plan": (str(plan.record.id),),
    }


def _place(request: web.Request, case: OpenCase) -> Place:
    """The version that the form was made for; a plan that was superseded is another one."""
    named = form_of(request).text("_plan")
    if not RecordId.pattern.fullmatch(named):
        raise NotFoundError("plan")
    return place_of(request, case, RecordId(named))


# -- Agreeing ----------------------------------------------------------------------------


async def _ask_agree(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    plan, on = _plan(case), today(request)
    if case.file.baton is not Baton.ACTIVE:
        return await see_other(request, f"/cases/{case.file.id}/plan")
    spoken = next(iter(case.person.languages), "de")
    form = Form(
        {
            "agreed_on": (shown_day(on),),
            "form": ("paper",),
            "language": (spoken,),
            "interpreter": ("none",),
            "review_due": (shown_day(on + _USUAL_REVIEW),),
            **_frame(case, plan),
        }
    )
    return await _agree_page(request, case, form)


async def _agree_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    return await case_page(
        request,
        "plan_agree.html",
        case,
        status=status,
        form=form,
        plan=_plan(case),
        forms=[(code, words.code(code, "consent_form")) for code in _FORMS],
        languages=sorted(codes(words, "language"), key=lambda p: p[1].casefold()),
        interpreters=codes(words, "interpreter"),
    )


async def _agree(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    errors: dict[str, str] = {}
    agreed_on = typed_day(form.text("agreed_on"))
    if agreed_on is None or agreed_on > today(request):
        errors["agreed_on"] = words.gettext(
            "Please write the day like 03.12.2026, today or earlier."
        )
    due = _later_day(form, "review_due", errors, words, after=agreed_on)
    if form.text("form") not in _FORMS:
        errors["form"] = words.gettext("Please choose from the list.")
    if errors or agreed_on is None:
        return await _agree_page(request, case, form.with_errors(errors), status=422)
    said = plans.Agreement(
        agreed_on=agreed_on,
        form=form.text("form"),
        language=form.text("language"),
        interpreter=form.text("interpreter"),
        review_due=due,
    )
    try:
        made = await parts.run.write(
            plans.agree, parts.office, _place(request, case), said, by=actor(request)
        )
    except InputError:
        wrong = {"agreed_on": words.gettext("The plan has no goal yet.")}
        return await _agree_page(request, case, form.with_errors(wrong), status=422)
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("Agreed. This is version %(num)s.") % {
        "num": words.number(version_of(made))
    }
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


def _later_day(
    form: Form,
    name: str,
    errors: dict[str, str],
    words: Words,
    *,
    after: date | None,
) -> date | None:
    """A day that may be left out; one that is no day, or too early, is an error."""
    text = form.text(name).strip()
    day = typed_day(text)
    if text and (day is None or (after is not None and day <= after)):
        errors[name] = words.gettext("Please write a later day, like 03.12.2026.")
    return day


# -- Reviewing, ending -------------------------------------------------------------------


async def _ask_review(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    plan, on = _plan(case), today(request)
    if case.file.baton is not Baton.ACTIVE:
        return await see_other(request, f"/cases/{case.file.id}/plan")
    stands = {f"status-{g.id}": (g.status,) for g in plan.goals}
    reasons = {f"reason-{g.id}": (g.reason,) for g in plan.goals}
    was = {f"_was-{g.id}": (g.status,) for g in plan.goals}
    form = Form(
        {
            "reviewed_on": (shown_day(on),),
            "next_due": (shown_day(on + _USUAL_REVIEW),),
            **stands,
            **reasons,
            **was,
            **_frame(case, plan),
        }
    )
    return await _review_page(request, case, form)


async def _review_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    return await case_page(
        request,
        "plan_review.html",
        case,
        status=status,
        form=form,
        plan=_plan(case),
        was={n: form.text(n) for n in form.values if n.startswith("_was-")},
        choices=choices(words),
        reasons=codes(words, "goal_reason"),
    )


async def _review(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    plan = _plan(case)
    errors: dict[str, str] = {}
    reviewed_on = typed_day(form.text("reviewed_on"))
    if reviewed_on is None or reviewed_on > today(request):
        errors["reviewed_on"] = words.gettext(
            "Please write the day like 03.12.2026, today or earlier."
        )
    due = _later_day(form, "next_due", errors, words, after=reviewed_on)
    moves: dict[RecordId, tuple[str, str | None]] = {}
    for goal in plan.goals:
        status = form.text(f"status-{goal.id}")
        reason = form.text(f"reason-{goal.id}") or None
        was = form.text(f"_was-{goal.id}")
        if status in GOAL_CHOICES and status != was:
            if goal.status != was:
                raise ConflictError("the goal was moved meanwhile")
            moves[goal.id] = (status, reason)
            if status in {"postponed", "adapted"} and reason is None:
                errors[f"reason-{goal.id}"] = words.gettext(
                    "Please add: why the goal is postponed or adapted."
                )
    if errors or reviewed_on is None:
        return await _review_page(request, case, form.with_errors(errors), status=422)
    seen = plans.Review(
        reviewed_on, form.text("participants").strip()[:200], due, moves
    )
    try:
        await parts.run.write(
            plans.review, parts.office, _place(request, case), seen, by=actor(request)
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("The review was kept.")
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


async def _end(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    try:
        await parts.run.write(
            plans.end,
            parts.office,
            _place(request, case),
            reason=form.text("end_reason"),
            by=actor(request),
        )
    except InputError:
        wrong = {"end_reason": words.gettext("Please choose why the plan ends.")}
        return await plan_page(request, case, form.with_errors(wrong), status=422)
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("The plan has ended. Its goals stay readable.")
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


# -- Versions, paper ---------------------------------------------------------------------


async def _version(request: web.Request) -> web.Response:
    words = words_of(request)
    case = await opened_case(request, case_id(request))
    listed = await versions_now(request, case, _plan(case))
    number = request.match_info["number"]
    places = [n for n, v in enumerate(listed) if str(v.number) == number]
    if not places:
        raise NotFoundError("version")
    place = places[0]
    shown, before = listed[place], listed[place - 1] if place else None
    is_known = (
        shown.goals is not None and before is not None and before.goals is not None
    )
    return await case_page(
        request,
        "plan_version.html",
        case,
        shown=shown,
        before=before,
        is_known=is_known,
        changes=[
            change_words(d, words)
            for d in differences(
                (before.goals if before else None) or (), shown.goals or ()
            )
        ]
        if is_known
        else [],
        versions=listed,
    )


async def agreement_for(request: web.Request, case: OpenCase) -> Agreement:
    """Everything that the printed agreement says, gathered for page and paper alike."""
    plan = _plan(case)
    names = await colleagues(request)
    worker = case.file.caseworker
    return agreement_of(
        plan,
        body=parts_of(request).settings.body,
        person=case.person.name,
        caseworker=names.get(worker, "") if worker else "",
        language=plan.record.text("agreed_language")
        or next(iter(case.person.languages), "de"),
    )


async def _print(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    await parts_of(request).run.read(_may_print, case.file.id, request)
    return await page(
        request,
        "plan_agreement.html",
        paper=await agreement_for(request, case),
        case=case.file.id,
    )


async def _pdf(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    await parts_of(request).run.read(_may_print, case.file.id, request)
    number = _plan(case).record.id.short
    return await printed(
        request,
        Kind.AGREEMENT,
        agreement_sheet(await agreement_for(request, case), number),
        name=f"vereinbarung-{number}.pdf",
        back=f"/cases/{case.file.id}/plan",
    )


def _may_print(uow: ReadingUnit, case: CaseId, request: web.Request) -> None:
    own_case(uow, actor(request), case, "case.print")
