"""S3 Personen: find somebody in three letters, or open a case.

Enters: what was typed, by post; it stays in the session and reaches no address and no log.
Leaves: persons. Must never happen: of a colleague's case more than name, birth year and
caseworker (SC-23); a second case for somebody who is here without a word about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.model import Role
from node.cases.codes import code_list
from node.cases.folding import fold
from node.casework.cases import open_case
from node.errors import ConflictError
from node.ids import AccountId, CaseId
from node.report.people import People
from node.report.readings import PersonRow
from node.strictjson import Json
from node.web.casework import (
    actor,
    colleagues,
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
from node.web.typed import ids, typed_partial

CASEWORKERS: Final = frozenset({Role.CASEWORKER})
_PAGE: Final = 50
_KEPT: Final = 5
_SEARCHES: Final = "searches"
_CANDIDATES: Final = 5
_LONGEST_SEARCH: Final = 200


def routes() -> list[Route]:
    """The addresses of the list of persons."""
    return [
        Route("GET", "/cases", _list, roles=CASEWORKERS),
        Route("POST", "/cases/search", _search, roles=CASEWORKERS),
        Route("GET", "/cases/new", _ask, roles=CASEWORKERS),
        Route("POST", "/cases/new", _create, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the list: the person, whether it is the reader's own case."""

    person: PersonRow
    is_own: bool
    caseworker: str


async def _list(request: web.Request) -> web.Response:
    people = await people_of(request)
    typed = await searched(request)
    if typed is not None:
        return await _hits(request, people, typed)
    account = account_of(request).id
    everybody = [p for p in people.all() if _is_listed(p, account)]
    scope = request.query.get("of", "mine")
    on = today(request)
    chosen = [
        p
        for p in everybody
        if p.is_ours(on) is (scope != "gone")
        and (scope == "all" or p.caseworker == account)
    ]
    chosen.sort(key=lambda p: (fold(p.family_name), fold(p.given_names)))
    number = _page_number(request, len(chosen))
    return await page(
        request,
        "cases.html",
        form=Form(),
        searched=None,
        rows=await found(request, chosen[(number - 1) * _PAGE : number * _PAGE]),
        scope=scope,
        counts={
            "mine": sum(p.caseworker == account and p.is_ours(on) for p in everybody),
            "all": sum(p.is_ours(on) for p in everybody),
            "gone": sum(
                p.caseworker == account and not p.is_ours(on) for p in everybody
            ),
        },
        total=len(chosen),
        number=number,
        pages=-(-len(chosen) // _PAGE),
    )


async def _hits(request: web.Request, people: People, typed: str) -> web.Response:
    hits = people.search(typed, account_of(request).id)
    return await page(
        request,
        "cases.html",
        form=Form({"text": (typed,)}),
        searched=typed,
        is_near=bool(hits) and all(hit.is_near for hit in hits),
        rows=await found(request, [hit.person for hit in hits]),
        scope="search",
        counts={},
        total=len(hits),
        search_token=request.query["s"],
        number=1,
        pages=1,
    )


async def _search(request: web.Request) -> web.Response:
    return await remember_search(request, "/cases")


async def remember_search(request: web.Request, onward: str) -> web.Response:
    """Keep what was typed in the session and lead to an address with a token only."""
    typed = form_of(request).text("text").strip()[:_LONGEST_SEARCH]
    if not typed:
        return await see_other(request, onward)
    token = parts_of(request).randomness(8).hex()
    session = await get_session(request)
    kept = dict(list(session.get(_SEARCHES, {}).items())[-_KEPT + 1 :])
    session[_SEARCHES] = {**kept, token: typed}
    return await see_other(request, f"{onward}?s={token}")


async def searched(request: web.Request) -> str | None:
    """What was typed for this address; None if nothing, or the session is another."""
    token = request.query.get("s")
    if token is None:
        return None
    session = await get_session(request)
    typed = session.get(_SEARCHES, {}).get(token)
    return typed if isinstance(typed, str) else None


async def found(request: web.Request, people: Sequence[PersonRow]) -> list[Found]:
    """The persons as lines of a list."""
    account = account_of(request).id
    names = await colleagues(request)
    return [
        Found(p, p.caseworker == account, _caseworker(names, p.caseworker))
        for p in people
    ]


def _caseworker(names: Mapping[AccountId, str], account: AccountId | None) -> str:
    return "" if account is None else names.get(account, "")


def _is_listed(person: PersonRow, account: AccountId) -> bool:
    return not person.threatened or person.caseworker == account


def _page_number(request: web.Request, total: int) -> int:
    text = request.query.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return max(1, min(number, -(-total // _PAGE)))


# -- A new case --------------------------------------------------------------------------


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
    beside = ids([form.text("_with")], CaseId)
    household = (
        (await opened_case(request, beside[0])).file.household if beside else None
    )
    parts = parts_of(request)
    try:
        await parts.run.write(
            open_case,
            parts.office,
            _person(form),
            by=actor(request),
            household=household,
            more=_more(form),
            case=case,
        )
    except ConflictError:
        # Race: the same form was sent twice; the case is there already.
        await opened_case(request, case)
    await compare_now(request, case)
    saved = words.gettext("The case was opened.")
    return await see_other(request, f"/cases/{case}", saved=saved)


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
    account = account_of(request).id
    near = await lookalikes(
        request,
        await people_of(request),
        name=f"{form.text('given_names')} {form.text('family_name')}".strip(),
        birth=typed_partial(form.text("birth_date")) or "",
        fictitious=form.text("birth_date_fictitious") == "yes",
        phone=form.text("phone").strip(),
    )
    return [person for person in near if _is_listed(person, account)][:_CANDIDATES]


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
    )
