"""S11 Fallnummer aufdecken: a reason, a second person of the other role, seven days.

Enters: a transfer or a line of who looked, a reason. Leaves: a wish that waits; after the
second person's yes, case numbers for both of them. Must never happen here: a number shown
on one person's word; a name (SC-58); a reason in an address. Implements ``log.reveal``.
"""

from collections.abc import Mapping, Sequence

from aiohttp import web

from node.accounts.policy import Actor
from node.accounts.reveal import RevealWish
from node.casework.looking import ask_reveal, confirm_reveal, revealed, wishes
from node.errors import InputError, NotFoundError
from node.ids import CaseId, Hex128, TransferId
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
from node.web.language import Words, msgid
from node.web.logframe import READERS, actor, sub_pages


def routes() -> list[Route]:
    """The addresses of asking and of the answers."""
    ask = "/exchangelog/reveals/{kind}/{subject}"
    return [
        Route("GET", "/exchangelog/reveals", _list, roles=READERS),
        Route("GET", ask, _form, roles=READERS),
        Route("POST", ask, _ask, roles=READERS),
        Route(
            "POST",
            "/exchangelog/reveals/{wish}",
            _confirm,
            roles=READERS,
            asks_proof=True,
        ),
    ]


async def _list(request: web.Request) -> web.Response:
    parts, words, by = parts_of(request), words_of(request), actor(request)
    found: Sequence[tuple[RevealWish, bool]] = await parts.run.read(
        wishes, parts.office, by=by
    )
    rows = [
        {**await _row(request, wish, words, by), "may_agree": may_agree}
        for wish, may_agree in found
    ]
    return await page(
        request, "log_reveals.html", pages=sub_pages(request), wishes=rows
    )


async def _row(
    request: web.Request, wish: RevealWish, words: Words, by: Actor
) -> Mapping[str, object]:
    parts = parts_of(request)
    now = parts.clock.now()
    cases: Sequence[CaseId] = ()
    if wish.is_shown(now) and by.account in {wish.asked_by, wish.confirmed_by}:
        cases = await parts.run.read(revealed, parts.office, wish.id, by=by)
    return {
        "id": wish.id,
        "subject": _subject(wish.subject, words),
        "reason": wish.reason,
        "asked_at": wish.asked_at,
        "is_waiting": wish.is_waiting(now),
        "cases": cases,
    }


def _subject(subject: str, words: Words) -> str:
    kind, _, name = subject.partition(":")
    if kind == "transfer":
        text = words.gettext("Handover %(number)s")
        return text % {"number": TransferId(name).short}
    return words.gettext("A case in “Who looked”")


async def _form(request: web.Request) -> web.Response:
    return await _asked(request, Form())


async def _ask(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    subject = _of(request)
    try:
        await parts.run.write(
            ask_reveal, parts.office, subject, form.text("reason"), by=actor(request)
        )
    except InputError:
        sentence = words.gettext("Please give a reason of at most 500 letters.")
        return await _asked(request, form.with_errors({"reason": sentence}))
    saved = words.gettext("Somebody of the other role must agree now.")
    return await see_other(request, "/exchangelog/reveals", saved=saved)


async def _asked(request: web.Request, form: Form) -> web.Response:
    return await page(
        request,
        "log_reveal.html",
        status=422 if form.errors else 200,
        pages=sub_pages(request),
        form=form,
        subject=_subject(_of(request), words_of(request)),
        address=request.path,
    )


async def _confirm(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    wish = path_id(request, "wish", Hex128)
    await parts.run.write(confirm_reveal, parts.office, wish, by=actor(request))
    text = msgid("The numbers are shown to both of you for 7 days. It is recorded.")
    return await see_other(request, "/exchangelog/reveals", saved=words.gettext(text))


def _of(request: web.Request) -> str:
    """The subject in the address.

    Raises:
        NotFoundError: Neither a transfer nor a line.
    """
    kind = request.match_info["kind"]
    if kind not in {"transfer", "reading"}:
        raise NotFoundError("reveal")
    return f"{kind}:{path_id(request, 'subject', Hex128)}"
