"""S4 Notfallzugriff: a colleague's case, read for three hours, for a reason.

Enters: a case from the list of persons, a reason; a second person's yes. Leaves: the case
open to read; its owner told. Must never happen here: more of the case than the list shows
before the reason is given; protection (K14) shown on one person's word. Implements
break_glass, DO-41.
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from node.accounts.emergency import MOST_REASON
from node.accounts.model import Role
from node.casework import emergencies as casework
from node.casework.emergencies import Waiting, Wish
from node.errors import InputError
from node.ids import CaseId, Hex128
from node.report.readings import PersonRow
from node.web.casework import actor, colleagues
from node.web.forms import Form
from node.web.frame import (
    Route,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.pages.deputies import number_of

_CASEWORKERS: Final = frozenset({Role.CASEWORKER})


def routes() -> list[Route]:
    """The addresses of emergency accesses."""
    at = "/cases/{case}/emergency"
    return [
        Route("GET", at, _show, roles=_CASEWORKERS),
        Route("POST", at, _open, roles=_CASEWORKERS),
        Route("GET", "/emergencies", _list, roles=_CASEWORKERS),
        Route("POST", "/emergencies/{emergency}", _agree, roles=_CASEWORKERS),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _open(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    case = path_id(request, "case", CaseId)
    wish = Wish(
        Hex128.of(parts.randomness(16)),
        case,
        form.text("reason"),
        asks_second=form.text("protection") == "yes",
    )
    try:
        await parts.run.write(casework.open_case, parts.office, wish, by=actor(request))
    except InputError:
        wrong = words.gettext("Please give a reason of at most %(most)s letters.")
        errors = {"reason": wrong % {"most": words.number(MOST_REASON)}}
        return await _page(request, form.with_errors(errors))
    saved = words.gettext(
        "The case is open to read for 3 hours. The caseworker is told; it is on record."
    )
    return await see_other(request, f"/cases/{case}", saved=saved)


async def _page(request: web.Request, form: Form) -> web.Response:
    case = path_id(request, "case", CaseId)
    person: PersonRow = await parts_of(request).run.read(
        casework.reachable, case, by=actor(request)
    )
    names = await colleagues(request)
    return await page(
        request,
        "emergency.html",
        status=422 if form.errors else 200,
        form=form,
        address=request.path,
        person=person,
        caseworker=names.get(person.caseworker, "") if person.caseworker else "",
    )


async def _list(request: web.Request) -> web.Response:
    parts = parts_of(request)
    found: Sequence[Waiting] = await parts.run.read(
        casework.waiting, parts.clock.now(), by=actor(request)
    )
    return await page(
        request,
        "emergencies.html",
        waiting=[
            {
                "id": each.emergency.id,
                "who": each.asked_by,
                "number": number_of(each.emergency.case),
                "reason": each.reason,
                "ends_at": each.emergency.ends_at,
            }
            for each in found
        ],
    )


async def _agree(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    emergency = path_id(request, "emergency", Hex128)
    await parts.run.write(casework.agree, parts.office, emergency, by=actor(request))
    saved = words.gettext("What protects the person is shown now too. It is on record.")
    return await see_other(request, "/emergencies", saved=saved)
