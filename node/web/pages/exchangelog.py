"""S11 Protokoll: proof without content, for auditors and approvers.

Enters: a filter, a transfer's number, "check". Leaves: entries in sentences, both sides of
one transfer, eight answers with the verdict first. Must never happen here: a name, a note
or a case number (SC-58); a check that leaves no entry ``audit.viewed``. Implements flow G,
SC-56, SC-58.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from aiohttp import web
from yarl import URL

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.casework import auditing
from node.casework.auditing import Checked
from node.casework.looking import note_look
from node.errors import UnknownNodeError
from node.exchangelog.entry import Entry
from node.ids import MemberId, TransferId
from node.report.logview import PAGE_LINES, Dossier, Overview, Sought
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    account_of,
    page,
    parts_of,
    path_id,
    words_of,
)
from node.web.language import Words, msgid
from node.web.logwords import (
    AREAS,
    answers_of,
    finding_sentence,
    grouped,
    role_word,
    sentence,
    verdict_of,
    verdict_of_log,
)

_READERS: Final = frozenset({Role.AUDITOR, Role.APPROVER})
_DIGITS: Final = 7
_FIELDS: Final = ("peer", "area", "number", "period")
_PERIODS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "week": (msgid("Last 7 days"), timedelta(days=7)),
    "month": (msgid("Last 30 days"), timedelta(days=30)),
    "year": (msgid("Last 12 months"), timedelta(days=365)),
}


def routes() -> list[Route]:
    """The addresses of the exchange log."""
    return [
        Route("GET", "/exchangelog", _list, roles=_READERS),
        Route("POST", "/exchangelog/check", _check_all, roles=_READERS),
        Route("GET", "/exchangelog/{transfer}", _show, roles=_READERS),
        Route("POST", "/exchangelog/{transfer}/check", _check_one, roles=_READERS),
    ]


# ---- The list --------------------------------------------------------------------------


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    state = await _follow(request)
    form = Form({name: (request.query.get(name, ""),) for name in _FIELDS})
    number = _page_number(request)
    found = list(parts.log_index.newest(_sought(form, parts.clock.now())))
    first = (number - 1) * PAGE_LINES
    return await page(
        request,
        "exchangelog.html",
        state=state,
        witnesses=_witnesses(parts, state),
        form=form,
        peers=[(peer, _name(parts, peer)) for peer in parts.log_index.peers()],
        areas=[(area, words.gettext(text)) for area, text in AREAS.items()],
        periods=[(name, words.gettext(text)) for name, (text, _) in _PERIODS.items()],
        lines=[
            {
                "at": line.at,
                "text": sentence(
                    line.type,
                    words,
                    number=line.transfer.short if line.transfer else "",
                    office=_name(parts, line.peer) if line.peer else "",
                    persons=line.persons,
                ),
                "transfer": line.transfer,
                "number": line.transfer.short if line.transfer else "",
                "role": role_word(line.role, words),
                "index": line.index,
            }
            for line in islice(found, first, first + PAGE_LINES)
        ],
        found=len(found),
        number=number,
        pages=max(1, -(-len(found) // PAGE_LINES)),
        address=_address(form),
    )


async def _follow(request: web.Request) -> Overview:
    """Read what was added to the log since the last look into memory."""
    parts, actor = parts_of(request), _actor(request)
    state: Overview = await parts.run.read(auditing.overview, actor)
    start = parts.log_index.follow(state)
    if start < state.size:
        fresh = await parts.run.read(auditing.lines, start, actor)
        parts.log_index.extend(start, fresh)
    return state


def _sought(form: Form, now: datetime) -> Sought:
    period = _PERIODS.get(form.text("period"))
    return Sought(
        peer=form.text("peer"),
        area=form.text("area"),
        number=form.text("number"),
        since=now - period[1] if period else None,
    )


def _page_number(request: web.Request) -> int:
    text = request.query.get("page", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < _DIGITS
    return max(1, int(text)) if is_number else 1


def _address(form: Form) -> str:
    """The list's own address with its filter, for the next page."""
    kept = {name: form.text(name) for name in _FIELDS if form.text(name)}
    return str(URL("/exchangelog").with_query(kept))


# ---- One transfer ----------------------------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    parts = parts_of(request)
    number = path_id(request, "transfer", TransferId)
    found: Dossier = await parts.run.read(
        auditing.dossier, parts.office, number, _actor(request)
    )
    return await _transfer_page(request, found)


async def _check_one(request: web.Request) -> web.Response:
    """Check the whole log and this transfer; the look itself becomes an entry."""
    parts, actor = parts_of(request), _actor(request)
    number = path_id(request, "transfer", TransferId)
    checked: Checked = await parts.run.read(
        auditing.check_transfer, parts.office, number, parts.mark(), actor
    )
    await parts.run.write(
        note_look, parts.office, "check", number, by=actor, is_whole=True
    )
    return await _transfer_page(request, checked.dossier, checked)


async def _check_all(request: web.Request) -> web.Response:
    parts, words, actor = parts_of(request), words_of(request), _actor(request)
    report = await parts.run.read(auditing.check_log, parts.office, parts.mark(), actor)
    await parts.run.write(note_look, parts.office, "check", by=actor, is_whole=True)
    return await page(
        request,
        "exchangelog_check.html",
        report=report,
        verdict=verdict_of_log(report, words),
        findings=[
            {
                "kind": str(finding.code.weight),
                "text": finding_sentence(finding, words),
                "technical": f"{finding.code} {finding.index}: {finding.text}",
            }
            for finding in report.findings
        ],
        root=grouped(report.root),
        at=parts.clock.now(),
    )


async def _transfer_page(
    request: web.Request, found: Dossier, checked: Checked | None = None
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    peer = _name(parts, found.peer) if found.peer else ""
    return await page(
        request,
        "exchangelog_transfer.html",
        dossier=found,
        number=found.transfer.short,
        peer=peer,
        own=[
            {
                **_told(parts, item.entry, words),
                "index": item.index,
                "sum": grouped(item.c),
            }
            for item in found.own
        ],
        theirs=[
            {
                **_told(parts, item.entry, words),
                "index": item.index,
                "sum": grouped(item.c),
                "proven_at": item.proven_at,
            }
            for item in found.theirs
        ],
        verdict=verdict_of(checked.judged, words) if checked else None,
        answers=answers_of(checked.judged, peer, words) if checked else [],
        report=checked.report if checked else None,
        at=parts.clock.now(),
    )


def _told(parts: Parts, entry: Entry | None, words: Words) -> Mapping[str, object]:
    """One entry in words; None is one that was erased or never shown."""
    if entry is None:
        return {"at": None, "text": sentence(None, words), "role": ""}
    more = entry.more
    transfer = more.get("transfer")
    return {
        "at": entry.at,
        "text": sentence(
            entry.type,
            words,
            number=TransferId(transfer).short if transfer else "",
            office=_name(parts, MemberId(more["peer"])) if more.get("peer") else "",
            persons=more.get("persons"),
        ),
        "role": role_word(entry.role or "", words),
    }


def _witnesses(parts: Parts, state: Overview) -> list[tuple[str, int, datetime]]:
    """Other towns that cosigned our log; our own cosignature counts for nothing."""
    names = {m.witness.name: m.name for m in parts.office.directory().members()}
    return [
        (names.get(w.name, w.name), w.size, w.last_at)
        for w in state.witnesses
        if w.name != parts.office.witness_name
    ]


def _name(parts: Parts, member: MemberId) -> str:
    try:
        return parts.office.directory().member(member).name
    except UnknownNodeError:
        return member


def _actor(request: web.Request) -> Actor:
    account = account_of(request)
    return Actor(account.id, account.roles)
