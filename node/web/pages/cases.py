"""S3 Personen: find somebody in three letters.

Enters: what was typed, by post; it stays in the session and reaches no address and no log.
Leaves: persons. Must never happen: of a colleague's case more than name, birth year and
caseworker (SC-23).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from aiohttp_session import get_session

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.codes import code_list
from node.cases.model import Baton
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

CASEWORKERS: Final = frozenset({Role.CASEWORKER})
_PAGE: Final = 50
_KEPT: Final = 5
_SEARCHES: Final = "searches"
_TYPED_HITS: Final = 8
_DUE: Final[Mapping[str, Callable[[PersonRow], date | None]]] = {
    "plan": lambda person: person.plan_due,
    "clock": lambda person: person.clock_end,
}
_DUE_IN: Final = {"plan": timedelta(days=30), "clock": timedelta(days=90)}
_LONGEST_SEARCH: Final = 200


def routes() -> list[Route]:
    """The addresses of the list of persons."""
    return [
        Route("GET", "/cases", _list, roles=CASEWORKERS),
        Route("POST", "/cases/search", _search, roles=CASEWORKERS),
        Route("POST", "/cases/find", _find, roles=CASEWORKERS),
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
    me = account_of(request).actor
    everybody = [p for p in people.all() if is_listed(p, me)]
    scope = request.query.get("of", "mine")
    on = today(request)
    ours = [p for p in everybody if p.is_ours(on)]
    lists = {
        "mine": [p for p in ours if me.owns(p.caseworker)],
        "all": ours,
        "gone": [p for p in everybody if me.owns(p.caseworker) and not p.is_ours(on)],
    }
    scope = scope if scope in lists else "mine"
    # A colleague's status is not for others, not even as a filter (SC-23).
    wanted = Form() if scope == "all" else _wanted(request)
    chosen = people.by_name(p for p in lists[scope] if _passes(p, wanted, on))
    number = _page_number(request, len(chosen))
    return await page(
        request,
        "cases.html",
        form=wanted,
        statuses=options(words_of(request), "care_status", on),
        address=_address(scope, wanted),
        searched=None,
        rows=await found(request, chosen[(number - 1) * _PAGE : number * _PAGE]),
        scope=scope,
        counts={name: len(listed) for name, listed in lists.items()},
        total=len(chosen),
        number=number,
        pages=-(-len(chosen) // _PAGE),
    )


def _wanted(request: web.Request) -> Form:
    """The filters of the address; what is no choice filters nothing."""
    status, due = request.query.get("status", ""), request.query.get("due", "")
    return Form(
        {
            "status": (status if status in code_list("care_status").codes else "",),
            "due": (due if due in _DUE else "",),
        }
    )


def _passes(person: PersonRow, wanted: Form, on: date) -> bool:
    status, due = wanted.text("status"), wanted.text("due")
    if status and person.care_status != status:
        return False
    last = _DUE[due](person) if due else on
    return last is not None and last <= on + _DUE_IN.get(due, timedelta())


def _address(scope: str, wanted: Form) -> str:
    """The address of this list, to which a page number is added."""
    filters = {n: wanted.text(n) for n in ("status", "due") if wanted.text(n)}
    return f"/cases?{urlencode({'of': scope, **filters})}"


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


def _page_number(request: web.Request, total: int) -> int:
    text = request.query.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return max(1, min(number, -(-total // _PAGE)))
