"""S3 Personen, one more: open a case, with who is known already before the second step.

Enters: what a person is called, and what else is known. Leaves: a case. Must never happen:
a second case for somebody who is here without a word about it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.casework.cases import open_case
from node.casework.households import household_for
from node.errors import ConflictError
from node.ids import CaseId, RecordId
from node.report.readings import PersonRow
from node.strictjson import Json
from node.web.casework import (
    actor,
    new_once,
    once,
    opened_case,
    people_of,
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
from node.web.lookalikes import compare_now, lookalikes
from node.web.pages.cases import CASEWORKERS, found, is_listed, searched
from node.web.typed import ids, typed_partial

_CANDIDATES: Final = 5


def routes() -> list[Route]:
    """The addresses of a new case."""
    return [
        Route("GET", "/cases/new", _ask, roles=CASEWORKERS),
        Route("POST", "/cases/new", _create, roles=CASEWORKERS),
    ]


async def _ask(request: web.Request) -> web.Response:
    typed = await searched(request)
    values: dict[str, tuple[str, ...]] = {}
    if typed is not None:
        given, _, family = typed.rpartition(" ")
        values = {"family_name": (family,), "given_names": (given,)}
    beside = ids([request.query.get("with", "")], CaseId)
    if beside:
        values["family_name"] = (
            (await opened_case(request, beside[0])).person.family_name,
        )
        values["_with"] = (beside[0],)
    return await _new_page(request, Form({**values, "_once": (new_once(request),)}))


async def _create(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    errors: dict[str, str] = {}
    if not (form.text("family_name").strip() or form.text("given_names").strip()):
        errors["family_name"] = words.gettext(
            "Please add: family name or given names. One of the two is enough."
        )
    birth = form.text("birth_date").strip()
    if birth and typed_partial(birth) is None:
        errors["birth_date"] = words.gettext(
            "Please write the date like 07.03.1994, 03.1994 or 1994."
        )
    if errors:
        return await _new_page(request, form.with_errors(errors), status=422)
    if not form.text("sure"):
        candidates = await _candidates(request, form)
        if candidates or form.text("_first"):
            return await _new_page(request, form, candidates=candidates, is_second=True)
    case = CaseId(once(request, "case"))
    parts, more = parts_of(request), _more(form)
    household = await _household_beside(request, form)
    if household is not None:
        more.append(("household_member", _membership(request, form, case, household)))
    try:
        await parts.run.write(
            open_case,
            parts.office,
            _person(form),
            by=actor(request),
            household=household,
            more=more,
            case=case,
        )
    except ConflictError:
        # Race: the same form was sent twice; the case is there already.
        await opened_case(request, case)
    await compare_now(request, case)
    saved = words.gettext("The case was opened.")
    return await see_other(request, f"/cases/{case}", saved=saved)


async def _household_beside(request: web.Request, form: Form) -> RecordId | None:
    """The household of the case that the new person lives with; founded if it has none."""
    beside = ids([form.text("_with")], CaseId)
    if not beside:
        return None
    host = (await opened_case(request, beside[0])).file
    if host.household is not None:
        return host.household
    parts = parts_of(request)
    return await parts.run.write(
        household_for, parts.office, host.id, epoch=host.epoch, by=actor(request)
    )


def _membership(
    request: web.Request, form: Form, case: CaseId, household: RecordId
) -> Mapping[str, Json]:
    role = form.text("role")
    return {
        "household": str(household),
        "member": str(case),
        "valid_from": today(request).isoformat(),
        **({"role": role} if role in code_list("hh_role").codes else {}),
    }


def _person(form: Form) -> dict[str, Json]:
    values: dict[str, Json] = {
        "family_name": form.text("family_name").strip(),
        "given_names": form.text("given_names").strip(),
        "birth_date": typed_partial(form.text("birth_date")) or "",
        "birth_date_fictitious": form.text("birth_date_fictitious") == "yes",
        "gender": form.text("gender"),
        "phones": [form.text("phone").strip()] if form.text("phone").strip() else [],
        "interpreter_needed": form.text("interpreter_needed") == "yes",
    }
    return {
        name: value for name, value in values.items() if value not in ("", [], False)
    }


def _more(form: Form) -> list[tuple[str, Mapping[str, Json]]]:
    language = form.text("language")
    if not language:
        return []
    return [("language", {"language": language, "lang_kind": "mother_tongue"})]


async def _candidates(request: web.Request, form: Form) -> list[PersonRow]:
    """Who may be meant; somebody under threat is known to their own caseworker only."""
    me = account_of(request).actor
    near = await lookalikes(
        request,
        await people_of(request),
        name=f"{form.text('given_names')} {form.text('family_name')}".strip(),
        birth=typed_partial(form.text("birth_date")) or "",
        fictitious=form.text("birth_date_fictitious") == "yes",
        phone=form.text("phone").strip(),
    )
    return [person for person in near if is_listed(person, me)][:_CANDIDATES]


async def _new_page(
    request: web.Request,
    form: Form,
    *,
    status: int = 200,
    candidates: Sequence[PersonRow] = (),
    is_second: bool = False,
) -> web.Response:
    """First who it is; what else is known once nobody here is meant (screens S3)."""
    words = words_of(request)
    on = today(request)
    return await page(
        request,
        "case_new.html",
        status=status,
        form=form,
        candidates=await found(request, candidates),
        is_second=is_second or status != 200,
        languages=sorted(
            (
                (code.code, words.code(code.code, "language"))
                for code in code_list("language").offered(on)
            ),
            key=lambda pair: pair[1].casefold(),
        ),
        genders=[
            (code.code, words.code(code.code, "gender"))
            for code in code_list("gender").offered(on)
        ],
        roles=[
            (code, words.code(code, "hh_role")) for code in code_list("hh_role").codes
        ]
        if form.text("_with")
        else [],
    )
