"""S9 "body without node": the sealed file, the words on the phone, the code that comes back.

Enters: an address, a name, a code, letters that two persons have seen. Leaves: the file in
one answer, the words in another. Must never happen: file and words on one page or in one
download (HO-115); the words in an address or kept by the browser; a code tried without end.
Implements chapter 13; FR-27, DO-28, SC-29.
"""

from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.casework import exports
from node.casework.exports import Claim, WrongCode
from node.errors import InputError, NotFoundError, TransitionError
from node.ids import Ags, TransferId
from node.report.people import People
from node.report.readings import PersonRow
from node.sync.exportports import Address
from node.sync.transfer import Outbound, OutboundTransfer
from node.web.casework import actor, colleagues, people_of, recipient_name
from node.web.download import streamed
from node.web.exportwords import ExportView, export_view
from node.web.failures import conflict
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
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.placenames import place_words
from node.web.typed import ids
from node.web.wording import state_words

_READERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})


def routes() -> list[Route]:
    """The addresses of sealed exports."""
    at = "/exports/{transfer}"
    return [
        Route("GET", at, _show, roles=_READERS),
        Route("POST", at + "/address", _address, roles=CASEWORKERS),
        Route("POST", at + "/paper", _paper, roles=CASEWORKERS),
        Route("GET", at + "/file", _file, roles=CASEWORKERS),
        Route("GET", at + "/words", _words, roles=CASEWORKERS),
        Route("POST", at + "/words", _tell, roles=CASEWORKERS, asks_proof=True),
        Route("POST", at + "/code", _code, roles=CASEWORKERS),
        Route("POST", at + "/claim", _claim, roles=_READERS, asks_proof=True),
        Route("POST", at + "/confirm", _confirm, roles=_READERS, asks_proof=True),
        Route("GET", at + "/letter", _letter, roles=CASEWORKERS),
        Route("POST", at + "/answer", _answer, roles=CASEWORKERS),
    ]


# -- The page ----------------------------------------------------------------------------


async def _view(request: web.Request) -> ExportView:
    return await export_view(request, path_id(request, "transfer", TransferId))


async def _mine(request: web.Request) -> ExportView:
    """An export of own cases; anybody else's looks absent (SR-B9)."""
    view = await _view(request)
    own = _own(request, view.transfer, await people_of(request))
    if len(own) != len(view.transfer.members):
        raise NotFoundError("export")
    return view


def _own(
    request: web.Request, transfer: OutboundTransfer, people: People
) -> list[PersonRow]:
    me = account_of(request).actor
    return [
        p
        for p in people.among([member.case for member in transfer.members])
        if me.owns(p.caseworker)
    ]


async def _show(request: web.Request) -> web.Response:
    view = await _view(request)
    is_held = view.transfer.state is Outbound.HELD
    if is_held and view.export is not None and not _is_sealing(view):
        return await see_other(request, f"/relocations/{view.transfer.id}")
    # Most often the office of the new place is the one responsible for it.
    return await _page(request, view, Form({"ags": (view.transfer.ags,)}))


def _is_sealing(view: ExportView) -> bool:
    """Confirmed and covered: the file is being made, or was a moment ago."""
    return view.transfer.policy == "confirmed" and not view.transfer.withheld


async def _page(
    request: web.Request, view: ExportView, form: Form, *, status: int = 200
) -> web.Response:
    parts, account = parts_of(request), account_of(request)
    transfer, kept = view.transfer, view.export
    own = _own(request, transfer, await people_of(request))
    sees_all = Role.APPROVER in account.roles
    if not own and not sees_all and transfer.state is not Outbound.ERASED:
        raise NotFoundError("export")
    names = await colleagues(request)
    asked_by = kept.asked_by if kept else None
    return await page(
        request,
        "export.html",
        status=status,
        form=form,
        view=view,
        transfer=transfer,
        own=own,
        is_mine=len(own) == len(transfer.members),
        is_sealing=_is_sealing(view),
        body=kept.address.name if kept else recipient_name(parts, transfer),
        lines=kept.address.lines if kept else (),
        told=kept.address.told if kept else (),
        state=state_words(transfer),
        place=place_words(transfer.ags, parts.places.get(transfer.ags, "")),
        megabytes=_megabytes(transfer.packet_bytes, words_of(request)),
        asked=kept.asked if kept else None,
        asked_by=names.get(asked_by, "") if asked_by else "",
        can_confirm=asked_by not in {None, account.id},
        answers=_answers(words_of(request)),
    )


async def _done(
    request: web.Request,
    view: ExportView,
    act: Callable[..., object],
    *more: object,
    saved: str,
) -> web.Response:
    """Do it, unless the export has moved on, and say so on its page."""
    parts, number = parts_of(request), view.transfer.id
    try:
        await parts.run.write(act, parts.office, number, *more, by=actor(request))
    except TransitionError:
        return conflict(request)
    return await see_other(request, f"/exports/{number}", saved=saved)


def _megabytes(size: int | None, words: Words) -> str:
    return f"{words.number(max(0.1, round((size or 0) / 1_000_000, 1)))} MB"


def _answers(words: Words) -> Sequence[tuple[str, str]]:
    return [
        ("erased", words.gettext("erased")),
        ("restricted", words.gettext("restricted")),
        ("kept", words.gettext("kept, with a legal ground")),
    ]


# -- To whom, or on paper ----------------------------------------------------------------


async def _address(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    view = await _mine(request)
    number, lines = ids([form.text("ags")], Ags), _lines(form.text("lines"))
    errors: dict[str, str] = {}
    if not form.text("name").strip():
        errors["name"] = words.gettext("Please add: what the office is called.")
    if not lines:
        errors["lines"] = words.gettext("Please add: the address of the office.")
    if not number:
        errors["ags"] = words.gettext("The official number has eight digits.")
    elif number[0][:5] != view.transfer.ags[:5]:
        errors["ags"] = words.gettext(
            "This office is in another district than the new place. Please check the"
            " number, or record the move anew."
        )
    if errors:
        return await _page(request, view, form.with_errors(errors), status=422)
    to = Address(form.text("name").strip(), lines, number[0])
    try:
        await parts_of(request).run.write(
            exports.address, view.transfer.id, to, by=actor(request)
        )
    except InputError:
        wrong = words.gettext("At most four lines of 120 characters.")
        again = form.with_errors({"lines": wrong})
        return await _page(request, view, again, status=422)
    except TransitionError:
        return conflict(request)
    return await see_other(request, f"/relocations/{view.transfer.id}")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.split("\n") if line.strip())


async def _paper(request: web.Request) -> web.Response:
    view, words = await _mine(request), words_of(request)
    saved = words.gettext("Noted: the file goes on paper. Nothing was sent from here.")
    return await _done(request, view, exports.on_paper, saved=saved)


# -- The file, and only the file ---------------------------------------------------------


async def _file(request: web.Request) -> web.StreamResponse:
    parts = parts_of(request)
    view = await _mine(request)
    try:
        file = await parts.run.read(
            exports.sealed_file, parts.office, view.transfer.id, by=actor(request)
        )
    except TransitionError:
        return conflict(request)
    return await streamed(
        request,
        parts.files.read(file.name),
        "application/octet-stream",
        f"{view.transfer.id}.age",
        file.length,
    )


# -- The words, and only the words -------------------------------------------------------


async def _words(request: web.Request) -> web.Response:
    return await _words_page(request, await _mine(request), Form())


async def _words_page(
    request: web.Request, view: ExportView, form: Form, *, status: int = 200
) -> web.Response:
    parts, transfer, kept = parts_of(request), view.transfer, view.export
    if kept is None or not view.has_file or not view.may_leave:
        return await see_other(request, f"/exports/{transfer.id}")
    shown = await parts.run.read(
        exports.shown_words, parts.clock.now(), transfer.id, by=actor(request)
    )
    return await page(
        request,
        "export_words.html",
        status=status,
        form=form,
        transfer=transfer,
        body=kept.address.name,
        told_to=kept.address.told[-1] if kept.address.told else "",
        shown=shown.split("-") if shown else None,
        shown_until=kept.shown_until,
    )


async def _tell(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    view = await _mine(request)
    here = f"/exports/{view.transfer.id}"
    try:
        after = await parts.run.write(
            exports.tell,
            parts.office,
            view.transfer.id,
            name=form.text("told_to"),
            by=actor(request),
        )
    except InputError:
        wrong = words.gettext("Please write who is on the phone.")
        again = form.with_errors({"told_to": wrong})
        return await _words_page(request, view, again, status=422)
    except TransitionError:
        return conflict(request)
    if after.state is not Outbound.TOLD:
        saved = words.gettext("The basis is gone: the password was destroyed instead.")
        return await see_other(request, here, saved=saved)
    return await see_other(request, f"{here}/words")


# -- The code ----------------------------------------------------------------------------


async def _code(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    view = await _mine(request)
    try:
        found = await parts.run.write(
            exports.acknowledge,
            parts.office,
            view.transfer.id,
            code=form.text("code"),
            by=actor(request),
        )
    except TransitionError:
        return conflict(request)
    if isinstance(found, WrongCode):
        wrong = words.gettext(
            "That is another code. Please let them read it once more."
        )
        if found.next_try_at is not None:
            wrong = words.gettext(
                "That was wrong too often. The next code is looked at from %(time)s."
            ) % {"time": words.time(found.next_try_at)}
        again = form.with_errors({"code": wrong})
        return await _page(request, await _view(request), again, status=422)
    saved = words.gettext("Handed over. The case is with them now.")
    return await see_other(request, f"/exports/{view.transfer.id}", saved=saved)


# -- Letters -----------------------------------------------------------------------------


def _claimed(form: Form) -> Claim:
    try:
        return Claim(form.text("what"))
    except ValueError:
        raise NotFoundError("claim") from None


async def _claim(request: web.Request) -> web.Response:
    view, words = await _mine(request), words_of(request)
    saved = words.gettext("Noted. A second person must confirm on this page.")
    what = _claimed(form_of(request))
    return await _done(request, view, exports.claim, what, saved=saved)


async def _confirm(request: web.Request) -> web.Response:
    view, words = await _view(request), words_of(request)
    saved = words.gettext("Confirmed by two persons.")
    what = _claimed(form_of(request))
    return await _done(request, view, exports.confirm_claim, what, saved=saved)


async def _letter(request: web.Request) -> web.Response:
    view = await _mine(request)
    if view.withdrawn_at is None or view.export is None:
        raise NotFoundError("letter")
    return await page(
        request,
        "export_letter.html",
        transfer=view.transfer,
        address=view.export.address,
        withdrawn_at=view.withdrawn_at,
        own=_own(request, view.transfer, await people_of(request)),
    )


async def _answer(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    view = await _mine(request)
    saved = words.gettext("The answer was saved.")
    try:
        return await _done(
            request, view, exports.answered, form.text("answer"), saved=saved
        )
    except InputError:
        wrong = words.gettext("Please choose what they wrote.")
        again = form.with_errors({"answer": wrong})
        return await _page(request, view, again, status=422)
