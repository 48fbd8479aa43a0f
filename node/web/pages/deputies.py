"""S14 Vertretung and caseload: whose cases are in whose hands.

Enters: a colleague and days; numbers of cases and a colleague. Leaves: a deputyship, or
cases on another desk. Must never happen here: a name of a person shown to who assigns
("by number, never by names"). Implements deputy.set and case.assign.
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from node.accounts.model import Account, Deputyship, Role
from node.casework import deputies as casework
from node.casework.deputies import HandOver
from node.errors import InputError, MalformedMessageError, NotFoundError
from node.ids import AccountId, CaseId
from node.web.casework import actor, colleagues, today
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import msgid
from node.web.typed import ids, typed_day

_SETTERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER, Role.ADMINISTRATOR})
_ASSIGNERS: Final = frozenset({Role.APPROVER, Role.ADMINISTRATOR})
_WRONG: Final = {
    ("deputy", "same_person"): msgid("Please choose somebody else as deputy."),
    ("deputy", "not_allowed"): msgid("Please choose a caseworker."),
    ("owner", "not_allowed"): msgid("Please choose a caseworker."),
    ("last_day", "before_start"): msgid("The last day is before the first one."),
    ("last_day", "over"): msgid("These days are over."),
    ("to", "same_person"): msgid("Please choose somebody else."),
    ("to", "not_allowed"): msgid("Please choose a caseworker."),
    ("cases", "missing"): msgid("Please choose at least one case."),
}


def routes() -> list[Route]:
    """The addresses of deputies and of the caseload of a leaver."""
    load = "/accounts/{account}/caseload"
    return [
        Route("GET", "/deputies", _show, roles=_SETTERS),
        Route("POST", "/deputies", _set, roles=_SETTERS),
        Route("POST", "/deputies/end", _end, roles=_SETTERS),
        Route("GET", load, _caseload, roles=_ASSIGNERS),
        Route("POST", load, _hand_over, roles=_ASSIGNERS),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _set(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    first, last = typed_day(form.text("first_day")), typed_day(form.text("last_day"))
    errors = {
        field: words.gettext("Please give a day, like 03.12.2026.")
        for field, day in (("first_day", first), ("last_day", last))
        if day is None
    }
    owner, deputy = _owner(request, form), _person(form.text("deputy"))
    if owner is None:
        errors["owner"] = words.gettext("Please choose a caseworker.")
    if deputy is None:
        errors["deputy"] = words.gettext("Please choose a caseworker.")
    if errors or not (first and last and owner and deputy):
        return await _page(request, form.with_errors(errors))
    try:
        wish = Deputyship(owner, deputy, first, last)
        await parts.run.write(
            casework.set_deputy, wish, today(request), by=actor(request)
        )
    except InputError as error:
        wrong = words.gettext(_WRONG[error.field, error.reason])
        return await _page(request, form.with_errors({error.field: wrong}))
    saved = words.gettext("Saved. During these days both see the cases.")
    return await see_other(request, "/deputies", saved=saved)


async def _end(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    owner, deputy = _person(form.text("owner")), _person(form.text("deputy"))
    first = typed_day(form.text("first_day"))
    if owner is None or deputy is None or first is None:
        raise NotFoundError("deputyship")
    await parts_of(request).run.write(
        casework.end_deputy,
        _place(owner, deputy, form),
        by=actor(request),
    )
    saved = words.gettext("The deputyship is ended.")
    return await see_other(request, "/deputies", saved=saved)


def _place(owner: AccountId, deputy: AccountId, form: Form) -> Deputyship:
    first = typed_day(form.text("first_day"))
    if first is None or owner == deputy:
        raise NotFoundError("deputyship")
    return Deputyship(owner, deputy, first, first)


async def _page(request: web.Request, form: Form) -> web.Response:
    parts, by = parts_of(request), actor(request)
    on, names = today(request), await colleagues(request)
    found: Sequence[Deputyship] = await parts.run.read(casework.deputies, on, by=by)
    everybody: Sequence[Account] = await parts.run.read(casework.colleagues, on)
    me = account_of(request)
    return await page(
        request,
        "deputies.html",
        status=422 if form.errors else 200,
        form=form,
        may_all=bool(me.roles & _ASSIGNERS),
        owners=[(str(a.id), a.name) for a in everybody],
        others=[(str(a.id), a.name) for a in everybody if a.id != me.id],
        deputies=[
            {
                "owner": names.get(d.owner, ""),
                "deputy": names.get(d.deputy, ""),
                "first_day": d.first_day,
                "last_day": d.last_day,
                "runs": d.first_day <= on,
                "kept": {
                    "owner": d.owner,
                    "deputy": d.deputy,
                    "first_day": d.first_day.isoformat(),
                },
                "may_end": bool(me.roles & _ASSIGNERS) or d.owner == me.id,
            }
            for d in found
        ],
    )


def _owner(request: web.Request, form: Form) -> AccountId | None:
    """A caseworker speaks of the own absence only."""
    me = account_of(request)
    return _person(form.text("owner")) if me.roles & _ASSIGNERS else me.id


def _person(text: str) -> AccountId | None:
    try:
        return AccountId(text)
    except MalformedMessageError:
        return None


# ---- The caseload of somebody who leaves -----------------------------------------------


async def _caseload(request: web.Request) -> web.Response:
    return await _caseload_page(request, Form())


async def _hand_over(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    owner, to = path_id(request, "account", AccountId), _person(form.text("to"))
    if to is None:
        wrong = {"to": words.gettext("Please choose a caseworker.")}
        return await _caseload_page(request, form.with_errors(wrong))
    wish = HandOver(owner, to, frozenset(ids(form.all("cases"), CaseId)))
    try:
        count = await parts.run.write(
            casework.hand_over, wish, today(request), by=actor(request)
        )
    except InputError as error:
        sentence = words.gettext(_WRONG[error.field, error.reason])
        return await _caseload_page(request, form.with_errors({error.field: sentence}))
    saved = words.ngettext(
        "%(num)s case was handed over.", "%(num)s cases were handed over.", count
    ) % {"num": count}
    return await see_other(request, request.path, saved=saved)


async def _caseload_page(request: web.Request, form: Form) -> web.Response:
    parts, owner = parts_of(request), path_id(request, "account", AccountId)
    names = await colleagues(request)
    cases: Sequence[CaseId] = await parts.run.read(
        casework.caseload, owner, by=actor(request)
    )
    everybody: Sequence[Account] = await parts.run.read(
        casework.colleagues, today(request)
    )
    if not form.values:
        form = Form({"cases": tuple(cases)})
    return await page(
        request,
        "caseload.html",
        status=422 if form.errors else 200,
        form=form,
        name=names[owner],
        address=request.path,
        is_administrator=Role.ADMINISTRATOR in account_of(request).roles,
        cases=[(str(case), number_of(case)) for case in cases],
        others=[(str(a.id), a.name) for a in everybody if a.id != owner],
    )


def number_of(case: CaseId) -> str:
    """What a case is called where names are not shown: the last letters of its number."""
    return f"{case[-8:-4]}-{case[-4:]}".upper()
