"""S4 Rechte: a case that shall be deleted before its time, asked by one, agreed by another.

Enters: the ground and why; then the second person's word. Leaves: the wish, or a page that
says since when nothing is left. Must never happen: the second person sees more of the case
than the first one said; who asked decides; a button where the case cannot go. Implements
chapters 4 and 6 of the field document, Art. 17 GDPR, SR-B7.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.codes import code_list
from node.cases.erased import GROUNDS
from node.casework.earlyerasure import (
    Sight,
    ask_erasure,
    decide_erasure,
    look,
    open_wish,
    take_back,
)
from node.casework.seconds import LAPSES_AFTER
from node.errors import InputError
from node.sync.transfer import OutboundTransfer
from node.web.caseframe import case_id
from node.web.casework import actor, colleagues, recipient_name
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
from node.web.language import msgid
from node.web.pages.cases import CASEWORKERS
from node.web.wording import field_errors

_SECONDS: Final = frozenset({Role.APPROVER})
HINDRANCES: Final = {
    "under_way": msgid(
        "A handover is prepared or under way. Please discard it, or wait until it has"
        " ended."
    ),
    "duty": msgid(
        "The office that handed the case over waits for an answer. Please answer there:"
        " you can delete or lock the data with it."
    ),
    "hold": msgid(
        "The case is kept for a legal procedure. It must not be deleted now."
    ),
    "not_secured": msgid(
        "The new office has not secured the case yet. Please try again in a few days."
    ),
}
_WRONG: Final = {
    ("ground", "missing"): msgid("Please choose the legal ground."),
    ("reason", "missing"): msgid("Please say why the case shall be deleted."),
    ("reason", "too_long"): msgid("The text is too long. Please shorten it."),
    ("written", "missing"): msgid("Please write to these offices first."),
}


def routes() -> list[Route]:
    """The addresses of a case that shall be deleted."""
    at, second = "/cases/{case}/rights/erasure", "/cases/{case}/erasure"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _ask, roles=CASEWORKERS),
        Route("POST", f"{at}/back", _take_back, roles=CASEWORKERS),
        Route("GET", second, _second, roles=_SECONDS),
        Route("POST", second, _decide, roles=_SECONDS, asks_proof=True),
    ]


def told(
    request: web.Request, holders: Sequence[OutboundTransfer]
) -> Mapping[str, Sequence[str]]:
    """Who else has the case: told by this program, or by a letter that people write."""
    parts = parts_of(request)
    return {
        "told": sorted({recipient_name(parts, t) for t in holders if not t.body}),
        "written": sorted({recipient_name(parts, t) for t in holders if t.body}),
    }


# -- The first person --------------------------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    return await _ask_page(request, Form())


async def _ask_page(
    request: web.Request, form: Form, *, status: int = 200
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    sight: Sight = await parts.run.read(
        look, parts.office, case_id(request), by=actor(request)
    )
    return await page(
        request,
        "erasure_ask.html",
        status=status,
        form=form,
        grounds=[(c, words.code(c, GROUNDS)) for c in code_list(GROUNDS).codes],
        back=_back(sight),
        **await _facts(request, sight),
    )


def _back(sight: Sight) -> str:
    """A locked case has no page of rights; what it shows stands on its own."""
    at = "rights" if sight.file.restricted_on is None else "for-the-person"
    return f"/cases/{sight.file.id}/{at}"


async def _facts(request: web.Request, sight: Sight) -> Mapping[str, object]:
    """What both people see."""
    words, wish = words_of(request), sight.wish
    names = await colleagues(request)
    hindrance = sight.hindrance
    return {
        "sight": sight,
        "asker": names.get(wish.asked_by, "") if wish else "",
        "until": wish.asked_at + LAPSES_AFTER if wish else None,
        "hindrance": words.gettext(HINDRANCES[hindrance]) if hindrance else "",
        **told(request, sight.holders),
    }


async def _ask(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = case_id(request)
    try:
        await parts.run.write(
            ask_erasure,
            parts.office,
            case,
            ground=form.text("ground"),
            reason=form.text("reason"),
            seen=form.text("_seen"),
            has_written=bool(form.text("written")),
            by=actor(request),
        )
    except InputError as error:
        wrong = form.with_errors(field_errors(error, _WRONG, words))
        return await _ask_page(request, wrong, status=422)
    saved = words.gettext("A second person is asked. Nothing is deleted until then.")
    return await see_other(request, f"/cases/{case}/rights/erasure", saved=saved)


async def _take_back(request: web.Request) -> web.Response:
    parts, words, case = parts_of(request), words_of(request), case_id(request)
    await parts.run.write(take_back, parts.office, case, by=actor(request))
    saved = words.gettext("The request is taken back. The case stays.")
    return await see_other(request, f"/cases/{case}/rights/erasure", saved=saved)


# -- The second person -------------------------------------------------------------------


async def _second(request: web.Request) -> web.Response:
    return await _second_page(request)


async def _second_page(request: web.Request, *, status: int = 200) -> web.Response:
    parts = parts_of(request)
    sight: Sight = await parts.run.read(
        open_wish, parts.office, case_id(request), by=actor(request)
    )
    assert sight.wish is not None
    return await page(
        request,
        "erasure_second.html",
        status=status,
        is_mine=sight.wish.asked_by == account_of(request).id,
        **await _facts(request, sight),
    )


async def _decide(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    agrees = form.text("answer") == "yes"
    try:
        await parts.run.write(
            decide_erasure,
            parts.office,
            case_id(request),
            agrees=agrees,
            seen=form.text("_seen"),
            version=form.number("_version"),
            by=actor(request),
        )
    except InputError:
        return await _second_page(request, status=422)
    saved = (
        words.gettext("The case is deleted. Nobody can read it any more.")
        if agrees
        else words.gettext("The case stays.")
    )
    return await see_other(request, "/inbox", saved=saved)
