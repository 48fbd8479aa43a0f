"""S12 Verbund: who takes part, for which places, and whether the line to it stands.

Enters: a part of a name, a body. Leaves: a table, a page of one body, the answer of a call.
Must never happen here: a person; a call that changes a handover. An administrator suspends
and resumes the exchange with a body. Implements screens S12, SC-66.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.casework.network import (
    Body,
    BodyState,
    answers_for,
    bodies,
    may_call,
    one_body,
)
from node.casework.suspending import resume, suspend
from node.errors import InputError, NotFoundError, ReadingOnlyError, UnknownNodeError
from node.ids import Ags, MemberId
from node.trust.member import Member
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
from node.web.language import Words, msgid
from node.web.networkwords import STATES, directory_age
from node.web.pages.settings import ADMINISTRATORS
from node.web.typed import page_number

_HERE: Final = "/directory"
_PER_PAGE: Final = 50
_SHOWN_PLACES: Final = 3
_WRONG: Final = {
    "missing": msgid("Please say why."),
    "too_long": msgid("The text is too long. Please shorten it."),
}


def routes() -> list[Route]:
    """The addresses of the network; everybody may read."""
    return [
        Route("GET", _HERE, _list),
        Route("GET", f"{_HERE}/{{body}}", _show),
        Route("POST", f"{_HERE}/{{body}}/call", _call, roles=ADMINISTRATORS),
        Route(
            "POST",
            f"{_HERE}/{{body}}/suspend",
            _suspend,
            roles=ADMINISTRATORS,
            asks_proof=True,
        ),
        Route(
            "POST",
            f"{_HERE}/{{body}}/resume",
            _resume,
            roles=ADMINISTRATORS,
            asks_proof=True,
        ),
    ]


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    typed = request.query.get("q", "")[:100].strip()
    found = [m for m in _members(request) if _fits(request, m, typed.casefold())]
    found.sort(key=lambda member: member.name.casefold())
    pages = max(1, -(-len(found) // _PER_PAGE))
    number = page_number(request.query.get("page", ""), pages)
    some = found[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    rows: Sequence[Body] = await parts.run.read(
        bodies, parts.office, [member.id for member in some]
    )
    return await page(
        request,
        "directory.html",
        form=Form({"q": (typed,)}),
        age=directory_age(parts.office, words),
        bodies=[_row(request, body, words) for body in rows],
        count=len(found),
        number=number,
        pages=pages,
        address=str(request.rel_url.with_query({"q": typed} if typed else {})),
    )


async def _show(request: web.Request) -> web.Response:
    return await _body_page(request)


async def _call(request: web.Request) -> web.Response:
    """Ask the body whether it is there; the answer stands on the page."""
    parts, words = parts_of(request), words_of(request)
    member = path_id(request, "body", MemberId)
    body: Body = await parts.run.read(one_body, parts.office, member)
    if body.is_own or body.state in {BodyState.STRUCK_OFF, BodyState.NOT_SET_UP}:
        raise NotFoundError("body")
    try:
        await parts.run.read(may_call, actor(request))
    except ReadingOnlyError:
        said = words.gettext("Not possible just now: first other offices must answer.")
        return await _body_page(request, ("warning", said))
    if not body.has_address:
        said = words.gettext(
            "It fetches its post from a relay, so it cannot be called. Look at “last"
            " success” instead."
        )
        return await _body_page(request, ("info", said))
    if await parts.greet(member):
        said = words.gettext("It answered, and its answer is signed with its own key.")
        return await _body_page(request, ("success", said))
    said = words.gettext(
        "It did not answer, or its answer was not its own. Nothing is lost. Call the"
        " office if it lasts longer than half a day."
    )
    return await _body_page(request, ("warning", said))


async def _suspend(request: web.Request) -> web.Response:
    """Nothing new is exchanged with this body until somebody resumes it."""
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    member = path_id(request, "body", MemberId)
    try:
        await parts.run.write(
            suspend,
            parts.office,
            member,
            reason=form.text("reason"),
            by=actor(request),
        )
    except InputError as error:
        wrong = form.with_errors({"reason": words.gettext(_WRONG[error.reason])})
        return await _body_page(request, form=wrong, status=422)
    saved = words.gettext("Suspended. Nothing new is exchanged with this office.")
    return await see_other(request, f"{_HERE}/{member}", saved=saved)


async def _resume(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    member = path_id(request, "body", MemberId)
    await parts.run.write(resume, parts.office, member, by=actor(request))
    saved = words.gettext("The exchange goes on. What was held is tried again.")
    return await see_other(request, f"{_HERE}/{member}", saved=saved)


async def _body_page(
    request: web.Request,
    called: tuple[str, str] | None = None,
    *,
    form: Form | None = None,
    status: int = 200,
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    member = path_id(request, "body", MemberId)
    body: Body = await parts.run.read(one_body, parts.office, member)
    leads = Role.ADMINISTRATOR in account_of(request).roles
    names = await colleagues(request) if leads and body.suspension else {}
    can_call = not body.is_own and body.state not in {
        BodyState.STRUCK_OFF,
        BodyState.NOT_SET_UP,
    }
    return await page(
        request,
        "directory_body.html",
        status=status,
        form=form or Form(),
        body=body,
        can_suspend=leads and not body.is_own,
        suspended_by=names.get(body.suspension.begun_by, "")
        if body.suspension and body.suspension.begun_by
        else "",
        state=_state(body, words),
        meaning=words.gettext(STATES[body.state][2]),
        places=[
            (parts.places.get(Ags(ags), ags), ags, since)
            for ags, since in answers_for(body.member, today(request))
        ],
        successor=_successor(request, body.member),
        age=directory_age(parts.office, words),
        can_call=leads and can_call,
        called=called,
    )


def _row(request: web.Request, body: Body, words: Words) -> Mapping[str, object]:
    parts = parts_of(request)
    places = [
        parts.places.get(Ags(ags), ags)
        for ags, _ in answers_for(body.member, today(request))
    ]
    more = len(places) - _SHOWN_PLACES
    named = ", ".join(places[:_SHOWN_PLACES])
    if more > 0:
        named += " " + words.ngettext(
            "and %(num)s other place", "and %(num)s other places", more
        ) % {"num": words.number(more)}
    return {
        "id": body.member.id,
        "name": body.member.name,
        "is_own": body.is_own,
        "places": named,
        "since": body.member.admitted_on,
        "last": body.last_success_at,
        "state": _state(body, words),
    }


def _state(body: Body, words: Words) -> tuple[str, str]:
    word, badge, _ = STATES[body.state]
    return words.gettext(word), badge


def _successor(request: web.Request, member: Member) -> str:
    if member.successor is None:
        return ""
    try:
        return parts_of(request).office.directory().member(member.successor).name
    except UnknownNodeError:
        return str(member.successor)


def _members(request: web.Request) -> Sequence[Member]:
    try:
        return parts_of(request).office.directory().members()
    except UnknownNodeError:
        return ()


def _fits(request: web.Request, member: Member, typed: str) -> bool:
    """By the name of the body, or of a place it answers for."""
    if not typed or typed in member.name.casefold():
        return True
    places = parts_of(request).places
    return any(
        typed in places.get(Ags(ags), "").casefold()
        for ags, _ in answers_for(member, today(request))
    )
