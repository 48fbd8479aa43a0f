"""S10 Eingang, after the opening: whose desk the arrived cases go to.

Enters: who let them in, the chosen caseworker. Leaves: the cases on that person's desk.
Must never happen: a case that nobody looks after and nobody sees. Implements case.assign.
"""

from aiohttp import web

from node.casework.arrivals import assign
from node.ids import AccountId, TransferId
from node.web.frame import (
    Route,
    account_of,
    form_of,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.pages.inbox import APPROVERS, caseworkers_of, offer_page, sight_of


def routes() -> list[Route]:
    """The address where arrived cases are given to a caseworker."""
    return [Route("POST", "/inbox/{transfer}/assign", _assign, roles=APPROVERS)]


async def _assign(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    account = account_of(request)
    chosen = form.text("caseworker")
    if chosen not in {one for one, _ in await caseworkers_of(request)}:
        wrong = {"caseworker": words.gettext("Please choose a caseworker.")}
        sight = await sight_of(request)
        return await offer_page(request, sight, form.with_errors(wrong), status=422)
    count = await parts.run.write(
        assign,
        path_id(request, "transfer", TransferId),
        AccountId(chosen),
        on=parts.clock.now().date(),
        by=account.actor,
    )
    saved = words.ngettext(
        "%(num)s case was assigned.", "%(num)s cases were assigned.", count
    ) % {"num": count}
    return await see_other(request, request.path.removesuffix("/assign"), saved=saved)
