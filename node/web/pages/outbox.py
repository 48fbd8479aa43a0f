"""S9 Übergaben: like a parcel, and every word rests on a fact.

Enters: a look, or the decision to call a handover back. Leaves: the track with who is next
and until when. Must never happen: a step shown before its fact (SC-42); names of persons
shown to somebody whose cases they are not; "Zurückrufen" once the key has left (SC-44).
Implements flow D.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.casework.relocations import call_back
from node.casework.withdrawals import read_aftermath
from node.errors import NotFoundError, TransitionError
from node.ids import AccountId, Ags, MemberId, TransferId
from node.report.people import People
from node.report.readings import PersonRow, ReadingUnit, TransferRow
from node.report.track import track_of
from node.sync.aftermath import Aftermath
from node.sync.transfer import Outbound, OutboundTransfer
from node.web.afterwords import KINDS, story_of
from node.web.casework import actor, body_name, colleagues, people_of, recipient_name
from node.web.failures import conflict
from node.web.frame import (
    Route,
    account_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import Words
from node.web.pages.returns import may_ask
from node.web.session import shows_already
from node.web.trackwords import figure_of, lead_of, mark_of, next_of, steps_of
from node.web.wording import State, reason_words, refusal_words, state_words

_READERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})
_OPEN: Final = frozenset(
    {Outbound.HELD, Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED}
    | {Outbound.GRANTED, Outbound.RECALLING, Outbound.EXPORTED, Outbound.TOLD}
)


def routes() -> list[Route]:
    """The addresses of handovers to others."""
    return [
        Route("GET", "/outbox", _list, roles=_READERS),
        Route("GET", "/outbox/{transfer}", _show, roles=_READERS),
        Route("GET", "/outbox/{transfer}/call-back", _ask_back, roles=_READERS),
        Route("POST", "/outbox/{transfer}/call-back", _call_back, roles=_READERS),
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer as a line of the list."""

    transfer: OutboundTransfer
    href: str
    who: str
    body: str
    state: State
    since: datetime
    next: str


async def _list(request: web.Request) -> web.Response:
    parts, account = parts_of(request), account_of(request)
    sees_all = Role.APPROVER in account.roles
    rows = await parts.run.read(_rows, None if sees_all else account.actor.caseloads)
    scope = request.query.get("only", "open")
    people = await people_of(request)
    groups = {
        "open": [r for r in rows if r.transfer.state in _OPEN],
        "mine": [r for r in rows if _needs_me(r.transfer)],
        "closed": [r for r in rows if r.transfer.state not in _OPEN],
    }
    shown = groups.get(scope, groups["open"])
    return await page(
        request,
        "outbox.html",
        lines=[_line(request, row, people) for row in shown],
        scope=scope if scope in groups else "open",
        counts={name: len(found) for name, found in groups.items()},
    )


def _rows(
    uow: ReadingUnit, whose: Collection[AccountId] | None
) -> Sequence[TransferRow]:
    return uow.readings.transfers(whose)


def row_of(uow: ReadingUnit, transfer: TransferId) -> TransferRow:
    """One transfer with what pages ask of it."""
    return uow.readings.transfer(transfer)


def _needs_me(transfer: OutboundTransfer) -> bool:
    return transfer.state is Outbound.HELD


def _line(request: web.Request, row: TransferRow, people: People) -> Line:
    parts, words = parts_of(request), words_of(request)
    transfer = row.transfer
    own = _own(request, transfer, people)
    track = track_of(row, parts.office.town().handed_over)
    return Line(
        transfer=transfer,
        href=f"/relocations/{transfer.id}"
        if transfer.state is Outbound.HELD
        else f"/outbox/{transfer.id}",
        who=_who(own, len(transfer.members), words),
        body=recipient_name(parts, transfer),
        state=state_words(transfer),
        since=max(transfer.facts.values(), default=transfer.created_at),
        next=next_of(track, row, recipient_name(parts, transfer), words),
    )


def _own(
    request: web.Request, transfer: OutboundTransfer, people: People
) -> list[PersonRow]:
    """Persons of the transfer whose names this reader may see."""
    me = account_of(request).actor
    return [
        p
        for p in people.among([member.case for member in transfer.members])
        if me.owns(p.caseworker)
    ]


def _who(own: Sequence[PersonRow], total: int, words: Words) -> str:
    if not own:
        return words.ngettext("%(num)s person", "%(num)s persons", total) % {
            "num": total
        }
    if total == 1:
        return own[0].name
    return words.ngettext(
        "%(name)s and %(num)s more", "%(name)s and %(num)s more", total - 1
    ) % {"name": own[0].name, "num": total - 1}


# -- One transfer ------------------------------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    row = await parts.run.read(row_of, path_id(request, "transfer", TransferId))
    if row.transfer.body is not None:
        return await see_other(request, f"/exports/{row.transfer.id}")
    people = await people_of(request)
    own = await visible(request, row, people)
    transfer = row.transfer
    track = track_of(row, parts.office.town().handed_over)
    body = recipient_name(parts, transfer)
    names = await colleagues(request)
    after, next_try = await parts.run.read(later_of, transfer)
    refusal = transfer.refusal
    steps, lead = steps_of(track, row, body, words), lead_of(row, body, words)
    is_late = track.is_late(parts.clock.now())
    parked = await parts.run.read(_parked, transfer.id)
    mark = mark_of(steps, lead, refusal, next_try and next_try.state, parked, is_late)
    if shows_already(request, mark):
        return web.Response(status=204)
    return await page(
        request,
        "transfer.html",
        transfer=transfer,
        own=own,
        body=body,
        state=state_words(transfer),
        key=figure_of(transfer),
        track=track,
        steps=steps,
        lead=lead,
        mark=mark,
        categories=sorted(
            {code for member in transfer.members for code in member.categories}
        ),
        documents=sum(len(member.documents) for member in transfer.members),
        prepared_by=names.get(transfer.created_by, "") if transfer.created_by else "",
        refusal=refusal,
        refusal_text=refusal_words(refusal.code, words) if refusal else "",
        refusal_body=_other_body(request, refusal.other) if refusal else "",
        withheld=[
            (people.find(case), reason_words(code, words))
            for case, code in transfer.withheld
        ],
        can_call_back=track.can_call_back
        and (len(own) == len(transfer.members) or _is_approver(request)),
        failures=row.due.failures if row.due and track.failing_since else 0,
        story=story_of(after, body, parts, words, is_ours=True),
        can_ask_back=may_ask(transfer, after) and (bool(own) or _is_approver(request)),
        next_try=next_try,
        next_body=body_name(parts, next_try.recipient) if next_try else "",
        kind=KINDS.get(transfer.kind, ""),
        is_late=is_late,
        parked=parked,
    )


def _parked(uow: ReadingUnit, transfer: TransferId) -> str | None:
    """The code for which its container was put aside (P20)."""
    return dict(uow.outbox.parked()).get(transfer)


def later_of(
    uow: ReadingUnit, transfer: OutboundTransfer
) -> tuple[Aftermath, OutboundTransfer | None]:
    """What came after the key, and what was prepared in place of this transfer."""
    cases = [member.case for member in transfer.members]
    others = (t for case in cases for t in uow.outbound.of_case(str(case)))
    prepared = next((t for t in others if t.replaces == transfer.id), None)
    return read_aftermath(uow, transfer.id, is_ours=True), prepared


async def visible(
    request: web.Request, row: TransferRow, people: People
) -> list[PersonRow]:
    """Whose names may be shown; without any, only an approver may look at all.

    Raises:
        NotFoundError: It is about other people's cases only.
    """
    own = _own(request, row.transfer, people)
    # Once it is erased no name leads to it, but who sent it may see how it ended.
    is_erased = row.transfer.state is Outbound.ERASED
    sent_it = is_erased and row.transfer.created_by == account_of(request).id
    if not own and not sent_it and not _is_approver(request):
        raise NotFoundError("transfer")
    return own


def _is_approver(request: web.Request) -> bool:
    return Role.APPROVER in account_of(request).roles


def _other_body(request: web.Request, other: str | None) -> str:
    """The body or place that the refusal names instead."""
    if not other:
        return ""
    parts = parts_of(request)
    if MemberId.pattern.fullmatch(other):
        return body_name(parts, MemberId(other))
    return (
        parts.places.get(Ags(other), other) if Ags.pattern.fullmatch(other) else other
    )


# -- Call back ---------------------------------------------------------------------------


async def _ask_back(request: web.Request) -> web.Response:
    parts = parts_of(request)
    row = await parts.run.read(row_of, path_id(request, "transfer", TransferId))
    own = await visible(request, row, await people_of(request))
    if not track_of(row).can_call_back:
        return await see_other(request, f"/outbox/{row.transfer.id}")
    return await page(
        request,
        "transfer_back.html",
        transfer=row.transfer,
        own=own,
        body=recipient_name(parts, row.transfer),
    )


async def _call_back(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    transfer = path_id(request, "transfer", TransferId)
    try:
        await parts.run.write(call_back, parts.office, transfer, by=actor(request))
    except TransitionError:
        # Race: the key left, or it ended, while the check page was open.
        return conflict(request)
    saved = words.gettext("Called back. The case can be changed here again.")
    return await see_other(request, f"/outbox/{transfer}", saved=saved)
