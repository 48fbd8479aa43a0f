"""S15 Rechtsgrundlagen: ships empty; a line counts once a second administrator agreed.

Enters: a short name, a title, a second person's yes, an end. Leaves: the list that the
gate, the answers to a withdrawal and the offers choose from. Must never happen here: a
line in force on one person's word. Implements screens S15, FR-21, DO-32 (empty list).
"""

from typing import Final

from aiohttp import web

from node.cases.townsettings import AGREE_WITHIN, Statute
from node.casework import settings
from node.casework.settings import agree_to_statute, ask_statute, end_statute
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.ids import Hex128
from node.web.casework import actor
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
from node.web.pages.settings import ADMINISTRATORS

_HERE: Final = "/settings/statutes"
_WRONG: Final = {
    ("code", "missing"): msgid("Please add: the short name"),
    ("code", "form"): msgid(
        "Only letters, digits, full stop and hyphen, at most 40, like SGB-VIII-86c."
    ),
    ("title", "missing"): msgid("Please add: the paragraph in full"),
    ("title", "too_long"): msgid("Please shorten this to 120 letters."),
}


def routes() -> list[Route]:
    """The addresses of the list."""
    return [
        Route("GET", _HERE, _list, roles=ADMINISTRATORS),
        Route("POST", _HERE, _ask, roles=ADMINISTRATORS, asks_proof=True),
        Route(
            "POST",
            f"{_HERE}/{{statute}}/agree",
            _agree,
            roles=ADMINISTRATORS,
            asks_proof=True,
        ),
        Route("GET", f"{_HERE}/{{statute}}/end", _ask_end, roles=ADMINISTRATORS),
        Route("POST", f"{_HERE}/{{statute}}/end", _end, roles=ADMINISTRATORS),
    ]


async def _list(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _ask(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    by = actor(request)
    try:
        statute = Statute(
            id=Hex128.of(parts.randomness(16)),
            code=form.text("code").strip(),
            title=form.text("title").strip(),
            asked_by=account_of(request).id,
            asked_at=parts.clock.now(),
        )
        await parts.run.write(ask_statute, statute, by=by)
    except InputError as error:
        wrong = words.gettext(_WRONG[error.field, error.reason])
        return await _page(request, form.with_errors({error.field: wrong}), status=422)
    except ConflictError:
        known = words.gettext("This short name stands in the list already.")
        return await _page(request, form.with_errors({"code": known}), status=422)
    saved = words.gettext("Proposed. Another administrator must agree within 7 days.")
    return await see_other(request, _HERE, saved=saved)


async def _agree(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    statute = path_id(request, "statute", Hex128)
    try:
        await parts.run.write(
            agree_to_statute, statute, at=parts.clock.now(), by=actor(request)
        )
    except ForbiddenError:
        problem = words.gettext("Another person than the one who proposed must agree.")
        return await _page(request, Form(), status=403, problem=problem)
    except ConflictError:
        problem = words.gettext("It does not wait any more.")
        return await _page(request, Form(), status=409, problem=problem)
    await parts.run.read(parts.read_town)
    saved = words.gettext("In force. It can be chosen as legal basis from now on.")
    return await see_other(request, _HERE, saved=saved)


async def _ask_end(request: web.Request) -> web.Response:
    statute = await parts_of(request).run.read(
        _one, path_id(request, "statute", Hex128)
    )
    return await page(request, "settings_statute_end.html", statute=statute)


async def _end(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    statute = path_id(request, "statute", Hex128)
    await parts.run.write(end_statute, statute, at=parts.clock.now(), by=actor(request))
    await parts.run.read(parts.read_town)
    saved = words.gettext("It can no longer be chosen as legal basis.")
    return await see_other(request, _HERE, saved=saved)


def _one(uow: settings.TownUnit, statute: Hex128) -> Statute:
    found = uow.town.statute(statute)
    if found.ended_at is not None:
        raise NotFoundError("statute")
    return found


async def _page(
    request: web.Request, form: Form, *, status: int = 200, problem: str = ""
) -> web.Response:
    parts, me = parts_of(request), account_of(request)
    now = parts.clock.now()
    found = await parts.run.read(settings.statutes, by=actor(request))
    return await page(
        request,
        "settings_statutes.html",
        status=status,
        form=form,
        problem=problem,
        in_force=[line for line in found if line[0].is_in_force],
        waiting=[
            {
                "statute": one,
                "asked_by": asked_by,
                "until": one.asked_at + AGREE_WITHIN,
                "may_agree": one.asked_by != me.id,
            }
            for one, asked_by, _ in found
            if one.is_waiting(now)
        ],
    )
