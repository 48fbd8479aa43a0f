"""S3 Personen: find somebody in three letters.

Enters: what was typed, by post; it stays in the session and reaches no address and no log.
Leaves: persons. Must never happen: of a colleague's case more than name, birth year and
caseworker (SC-23).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.accounts.views import MOST
from node.cases.codes import code_list
from node.cases.model import Baton
from node.casework.views import drop_view, keep_view, views_of
from node.errors import InputError
from node.ids import AccountId
from node.report.people import People
from node.report.readings import PersonRow
from node.web.casework import (
    colleagues,
    people_of,
    today,
)
from node.web.contactform import options
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
from node.web.language import Words, msgid
from node.web.typed import page_number

CASEWORKERS: Final = frozenset({Role.CASEWORKER})
PAGE: Final = 50
"""Persons on one page of a long list."""
_KEPT: Final = 5
_SEARCHES: Final = "searches"
_TYPED_HITS: Final = 8
_DUE: Final[Mapping[str, Callable[[PersonRow], date | None]]] = {
    "plan": lambda person: person.plan_due,
    "clock": lambda person: person.clock_end,
}
_DUE_IN: Final = {"plan": timedelta(days=30), "clock": timedelta(days=90)}
_LONGEST_SEARCH: Final = 200
# The columns of the list by which it can be sorted.
_SORTS: Final = {
    "name": msgid("Name"),
    "born": msgid("Born"),
    "status": msgid("Status"),
    "contact": msgid("Last contact"),
    "plan": msgid("Plan due"),
    "worker": msgid("Caseworker"),
}
_VALUES: Final[Mapping[str, Callable[[PersonRow], object]]] = {
    "born": lambda person: person.birth_year,
    "contact": lambda person: person.last_contact,
    "plan": lambda person: person.plan_due,
}
_SCOPES: Final = ("mine", "all", "gone")
_WRONG: Final = {
    "missing": msgid("Please give the view a name."),
    "too_long": msgid("Please shorten the name to 40 letters."),
    "too_many": msgid("You have %(most)s views already. Please forget one first."),
}
_NOT_IN: Final = {"mine": {"worker"}, "all": {"status", "contact", "plan"}}


def routes() -> list[Route]:
    """The addresses of the list of persons."""
    return [
        Route("GET", "/cases", _list, roles=CASEWORKERS),
        Route("POST", "/cases/search", _search, roles=CASEWORKERS),
        Route("POST", "/cases/find", _find, roles=CASEWORKERS),
        Route("POST", "/cases/views", _keep_view, roles=CASEWORKERS),
        Route("POST", "/cases/views/drop", _drop_view, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the list: the person, whether it is the reader's own case."""

    person: PersonRow
    is_own: bool
    caseworker: str


async def _list(request: web.Request) -> web.Response:
    return await _list_page(request, request.query)


async def _keep_view(request: web.Request) -> web.Response:
    """Keep filters and order under a name; only what this page understands of them."""
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    asked = dict(parse_qsl(form.text("view")[:_LONGEST_SEARCH]))
    address = _address(_scope(asked), _wanted(asked, _scope(asked)))
    try:
        await parts.run.write(
            keep_view,
            form.text("name"),
            address.partition("?")[2],
            by=account_of(request).actor,
        )
    except InputError as error:
        text = words.gettext(_WRONG[error.reason]) % {"most": words.number(MOST)}
        wrong = form.with_errors({"name": text})
        return await _list_page(request, asked, naming=wrong)
    saved = words.gettext("The view is kept.")
    return await see_other(request, address, saved=saved)


async def _drop_view(request: web.Request) -> web.Response:
    form, parts = form_of(request), parts_of(request)
    me = account_of(request).actor
    await parts.run.write(drop_view, form.text("name"), by=me)
    return await see_other(request, "/cases")


async def _list_page(
    request: web.Request, asked: Mapping[str, str], *, naming: Form | None = None
) -> web.Response:
    people = await people_of(request)
    typed = await searched(request)
    if typed is not None:
        return await _hits(request, people, typed)
    me = account_of(request).actor
    everybody = [p for p in people.all() if is_listed(p, me)]
    on = today(request)
    ours = [p for p in everybody if p.is_ours(on)]
    lists = {
        "mine": [p for p in ours if me.owns(p.caseworker)],
        "all": ours,
        "gone": [p for p in everybody if me.owns(p.caseworker) and not p.is_ours(on)],
    }
    scope = _scope(asked)
    # A colleague's status is not for others, not even as a filter (SC-23).
    wanted = _wanted(asked, scope)
    sort = wanted.text("sort")
    by_name = people.by_name(p for p in lists[scope] if _passes(p, wanted, on))
    names = await colleagues(request)
    chosen = _sorted(by_name, sort, names, words_of(request))
    pages = -(-len(chosen) // PAGE)
    number = page_number(request.query.get("page", ""), pages)
    return await page(
        request,
        "cases.html",
        status=422 if naming else 200,
        form=wanted,
        statuses=options(words_of(request), "care_status", on),
        address=_address(scope, wanted),
        sorts=_headers(scope, wanted, words_of(request)),
        views=await parts_of(request).run.read(views_of, by=me),
        naming=naming or Form(),
        orders=[
            # The form keeps the way round that the head was asked for.
            (sort if sort == f"-{n}" else n, words_of(request).gettext(_SORTS[n]))
            for n in _orders(scope)
        ],
        searched=None,
        rows=await found(request, chosen[(number - 1) * PAGE : number * PAGE]),
        scope=scope,
        counts={name: len(listed) for name, listed in lists.items()},
        total=len(chosen),
        number=number,
        pages=pages,
    )


def _scope(asked: Mapping[str, str]) -> str:
    return asked.get("of", "") if asked.get("of") in _SCOPES else _SCOPES[0]


def _wanted(asked: Mapping[str, str], scope: str) -> Form:
    """Filters and order of the address; what is no choice filters and sorts nothing."""
    sort = asked.get("sort", "")
    order = {"sort": (sort if sort.removeprefix("-") in _orders(scope) else "name",)}
    if scope == "all":
        return Form(order)
    status, due = asked.get("status", ""), asked.get("due", "")
    return Form(
        {
            "status": (status if status in code_list("care_status").codes else "",),
            "due": (due if due in _DUE else "",),
            **order,
        }
    )


def _orders(scope: str) -> Sequence[str]:
    """By what this list may be sorted: among colleagues' cases by nothing that is theirs."""
    return [n for n in _SORTS if scope == "gone" or n not in _NOT_IN[scope]]


def _sorted(
    by_name: Sequence[PersonRow],
    sort: str,
    names: Mapping[AccountId, str],
    words: Words,
) -> Sequence[PersonRow]:
    """In the order of the address; equal ones by name, those without at the end."""
    name = sort.removeprefix("-")
    if name == "name":
        return by_name if sort == name else [*reversed(by_name)]

    def value(person: PersonRow) -> str:
        if name == "worker":
            return names.get(person.caseworker, "") if person.caseworker else ""
        if name == "status":
            return _status(person, words)
        return str(_VALUES[name](person) or "")

    known = [p for p in by_name if value(p)]
    known.sort(key=value, reverse=sort != name)
    return [*known, *(p for p in by_name if not value(p))]


def _status(person: PersonRow, words: Words) -> str:
    return words.code(person.care_status, "care_status") if person.care_status else ""


def _headers(scope: str, wanted: Form, words: Words) -> Mapping[str, tuple[str, str]]:
    """Per column the address that sorts by it, the other way round if it does already."""
    sort, found = wanted.text("sort"), {}
    for name in _orders(scope):
        other = f"-{name}" if sort == name else name
        way = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
        address = _address(scope, wanted, sort=other)
        found[words.gettext(_SORTS[name])] = (address, way)
    return found


def _passes(person: PersonRow, wanted: Form, on: date) -> bool:
    status, due = wanted.text("status"), wanted.text("due")
    if status and person.care_status != status:
        return False
    last = _DUE[due](person) if due else on
    return last is not None and last <= on + _DUE_IN.get(due, timedelta())


def _address(scope: str, wanted: Form, *, sort: str = "") -> str:
    """The address of this list, to which a page number is added."""
    filters = {n: wanted.text(n) for n in ("status", "due") if wanted.text(n)}
    sort = sort or wanted.text("sort")
    order = {} if sort == "name" else {"sort": sort}
    return f"/cases?{urlencode({'of': scope, **filters, **order})}"


async def _hits(request: web.Request, people: People, typed: str) -> web.Response:
    hits = people.search(typed, account_of(request).actor)
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
        sorts={},
        views=(),
        address="/cases",
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


async def _find(request: web.Request) -> web.Response:
    return await find(request, "/cases/{case}")


async def find(
    request: web.Request, href: str, *, only_active: bool = False
) -> web.Response:
    """Who may be meant by what was typed so far, for the page's script; nothing is kept.

    Args:
        request: The text is in its form.
        href: Where a hit leads, for own cases; others are named and lead nowhere.
        only_active: Own cases that can be worked on, and nobody else.
    """
    people, words = await people_of(request), words_of(request)
    typed = form_of(request).text("text").strip()[:_LONGEST_SEARCH]
    hits = [hit.person for hit in people.search(typed, account_of(request).actor)]
    rows = [
        row
        for row in await found(request, hits)
        if not only_active or (row.is_own and row.person.baton is Baton.ACTIVE)
    ]
    said = words.ngettext(
        "%(num)s person found.", "%(num)s people found.", len(rows)
    ) % {"num": words.number(len(rows))}
    return web.json_response(
        {
            "said": said,
            "people": [
                {
                    "href": href.format(case=row.person.case) if row.is_own else "",
                    "name": row.person.name,
                    "more": row.person.birth_year
                    if row.is_own
                    else f"{row.person.birth_year} · {row.caseworker}",
                }
                for row in rows[:_TYPED_HITS]
            ],
        }
    )


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
    me = account_of(request).actor
    names = await colleagues(request)
    return [
        Found(
            p,
            me.owns(p.caseworker) or p.case in me.emergencies,
            _caseworker(names, p.caseworker),
        )
        for p in people
    ]


def _caseworker(names: Mapping[AccountId, str], account: AccountId | None) -> str:
    return "" if account is None else names.get(account, "")


def is_listed(person: PersonRow, me: Actor) -> bool:
    """Whether somebody may know that this person is here (FR-16)."""
    return not person.threatened or me.owns(person.caseworker)
