"""S4 Rechte: a case is locked because the person asked, and unlocked again.

Enters: why; that the person was told. Leaves: the lock with its day and reason. Must never
happen: a lock that ends without a word to the person; a button where it cannot be lifted.
Implements chapter 4 of the field document, Art. 18 GDPR.
"""

from typing import Final

from aiohttp import web

from node.casework.restricting import Lock, lift_lock, lock, look_lock
from node.errors import InputError
from node.web.caseframe import case_id
from node.web.casework import actor
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.language import msgid
from node.web.pages.cases import CASEWORKERS
from node.web.pages.earlyerasure import HINDRANCES, told
from node.web.wording import field_errors

_HINDRANCES: Final = {
    **HINDRANCES,
    "answered": msgid(
        "The data were locked after a withdrawal, and the office that sent them was told"
        " so. The lock stays."
    ),
}
_WRONG: Final = {
    ("reason", "missing"): msgid("Please say why."),
    ("reason", "too_long"): msgid("The text is too long. Please shorten it."),
    ("told", "missing"): msgid("Please tell the person first."),
}


def routes() -> list[Route]:
    """The addresses of a lock."""
    at = "/cases/{case}/rights/restriction"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _lock, roles=CASEWORKERS),
        Route("POST", f"{at}/lift", _lift, roles=CASEWORKERS),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    parts, words, case = parts_of(request), words_of(request), case_id(request)
    found: Lock = await parts.run.read(look_lock, case, by=actor(request))
    hindrance = found.hindrance
    return await page(
        request,
        "restriction.html",
        status=status,
        form=form,
        lock=found,
        hindrance=words.gettext(_HINDRANCES[hindrance]) if hindrance else "",
        **told(request, found.holders),
    )


async def _lock(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = case_id(request)
    try:
        await parts.run.write(
            lock, parts.office, case, reason=form.text("reason"), by=actor(request)
        )
    except InputError as error:
        return await _wrong(request, form, error)
    saved = words.gettext("The case is locked.")
    return await see_other(request, f"/cases/{case}/rights/restriction", saved=saved)


async def _lift(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = case_id(request)
    try:
        await parts.run.write(
            lift_lock,
            parts.office,
            case,
            reason=form.text("reason"),
            was_told=bool(form.text("told")),
            by=actor(request),
        )
    except InputError as error:
        return await _wrong(request, form, error)
    saved = words.gettext("The lock has ended. The case can be worked with again.")
    return await see_other(request, f"/cases/{case}/rights", saved=saved)


async def _wrong(request: web.Request, form: Form, error: InputError) -> web.Response:
    errors = field_errors(error, _WRONG, words_of(request))
    return await _page(request, form.with_errors(errors), status=422)
