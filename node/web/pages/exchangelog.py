"""S11 Protokoll: proof without content, for auditors and approvers.

Enters: a filter, a transfer's number, "check". Leaves: entries in sentences, both sides of
one transfer, eight answers with the verdict first. Must never happen here: a name, a note
or a case number (SC-58); a look that leaves no row, a check that leaves no entry
``audit.viewed``. Implements flow G, SC-56, SC-58, tasks 1 to 6 of EL-18.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final

from aiohttp import web
from yarl import URL

from node.accounts.model import Role
from node.cases.days import day_end, day_start
from node.casework import auditing
from node.casework.auditing import Checked
from node.casework.comparing import consent_of
from node.casework.health import log_alarms
from node.casework.looking import broken_sessions, note_look
from node.casework.selfcheck import last_check
from node.casework.withdrawals import Overdue, overdue
from node.exchangelog.alarms import Alarm
from node.exchangelog.consent import Standing
from node.exchangelog.entry import Entry
from node.exchangelog.finding import Report
from node.exchangelog.shared import Shared
from node.ids import Hex128, MemberId, TransferId
from node.report.logalarms import alarms_of
from node.report.logaudit import SelfCheck
from node.report.logview import PAGE_LINES, Dossier, LogLine, Overview, Sought
from node.web.alarmwords import alarm_words
from node.web.classwords import fault_word, moment_word
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    account_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.jobs import Job
from node.web.language import Words, msgid
from node.web.logframe import READERS, actor, csv_file, office_name, short, sub_pages
from node.web.logwords import (
    AREAS,
    OUTCOMES,
    answers_of,
    finding_sentence,
    grouped,
    role_word,
    sentence,
    verdict_of,
    verdict_of_log,
)
from node.web.typed import typed_day

_DIGITS: Final = 7
_FIELDS: Final = ("number", "peer", "area", "outcome", "period", "since", "until")
_HEAD: Final = ("index", "at", "type", "role", "peer", "transfer", "outcome", "persons")
_REFRESH_S: Final = 3
_PERIODS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "week": (msgid("Last 7 days"), timedelta(days=7)),
    "month": (msgid("Last 30 days"), timedelta(days=30)),
    "year": (msgid("Last 12 months"), timedelta(days=365)),
}


def routes() -> list[Route]:
    """The addresses of the exchange log."""
    return [
        Route("GET", "/exchangelog", _list, roles=READERS),
        Route("GET", "/exchangelog/list.csv", _csv, roles=READERS),
        Route("POST", "/exchangelog/check", _check_all, roles=READERS),
        Route("GET", "/exchangelog/checks/{job}", _job, roles=READERS),
        Route("GET", "/exchangelog/{transfer}", _show, roles=READERS),
        Route("POST", "/exchangelog/{transfer}/check", _check_one, roles=READERS),
    ]


# ---- The list --------------------------------------------------------------------------


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    state = await _follow(request)
    form = Form({name: (request.query.get(name, ""),) for name in _FIELDS})
    number = _page_number(request)
    found = list(parts.log_index.newest(_sought(form, parts.clock.now())))
    first = (number - 1) * PAGE_LINES
    await parts.run.write(note_look, parts.office, "list", by=actor(request))
    checked: SelfCheck | None = await parts.run.read(last_check)
    return await page(
        request,
        "exchangelog.html",
        pages=sub_pages(request),
        state=state,
        checked=checked,
        alarms=await _alarms(request, checked),
        late=await _late(request),
        witnesses=_witnesses(parts, state),
        form=form,
        peers=[(peer, office_name(parts, peer)) for peer in parts.log_index.peers()],
        areas=[(area, words.gettext(text)) for area, text in AREAS.items()],
        outcomes=[(name, words.gettext(text)) for name, (text, _) in OUTCOMES.items()],
        periods=[(name, words.gettext(text)) for name, (text, _) in _PERIODS.items()],
        lines=[
            _line(parts, line, words)
            for line in islice(found, first, first + PAGE_LINES)
        ],
        found=len(found),
        number=number,
        pages_total=max(1, -(-len(found) // PAGE_LINES)),
        address=_address("/exchangelog", form),
        csv=_address("/exchangelog/list.csv", form),
    )


async def _late(request: web.Request) -> list[Mapping[str, object]]:
    """Withdrawals whose answer is late, ours and theirs (FR-24)."""
    parts = parts_of(request)
    found: Sequence[Overdue] = await parts.run.read(overdue, parts.clock.now().date())
    return [
        {"number": one.transfer.short, "transfer": one.transfer}
        | {"due": one.due, "is_ours": one.is_ours}
        for one in found
    ]


def _line(parts: Parts, line: LogLine, words: Words) -> Mapping[str, object]:
    return {
        "at": line.at,
        "text": sentence(
            line.type,
            words,
            number=short(line.transfer),
            office=office_name(parts, line.peer) if line.peer else "",
            persons=line.persons,
        ),
        "transfer": line.transfer,
        "number": short(line.transfer),
        "role": role_word(line.role, words),
        "index": line.index,
    }


async def _csv(request: web.Request) -> web.Response:
    parts = parts_of(request)
    await _follow(request)
    form = Form({name: (request.query.get(name, ""),) for name in _FIELDS})
    await parts.run.write(note_look, parts.office, "list", by=actor(request))
    rows = (
        (
            line.index,
            line.at and line.at.isoformat(),
            line.type,
            line.role,
            line.peer,
            line.transfer,
            line.outcome,
            line.persons,
        )
        for line in parts.log_index.newest(_sought(form, parts.clock.now()))
    )
    return csv_file("ereignisse", _HEAD, rows)


async def _alarms(
    request: web.Request, checked: SelfCheck | None
) -> list[Mapping[str, str]]:
    """What must be looked at first, each with what to do."""
    parts, words, by = parts_of(request), words_of(request), actor(request)
    broken = 0
    if Role.AUDITOR in by.roles:
        broken = len(await parts.run.read(broken_sessions, parts.office, by=by))
    found = alarms_of(checked, parts.clock.now(), broken=broken)
    raised: Sequence[Alarm] = await parts.run.read(log_alarms, parts.office, by)
    told = [alarm_words(alarm, words) for alarm in found]
    return told + [alarm_words(alarm, words) for alarm in raised]


async def _follow(request: web.Request) -> Overview:
    """Read what was added to the log since the last look into memory."""
    parts, by = parts_of(request), actor(request)
    state: Overview = await parts.run.read(auditing.overview, by)
    start = parts.log_index.follow(state)
    if start < state.size:
        fresh = await parts.run.read(auditing.lines, start, by)
        parts.log_index.extend(start, fresh)
    return state


def _sought(form: Form, now: datetime) -> Sought:
    period = _PERIODS.get(form.text("period"))
    first, last = typed_day(form.text("since")), typed_day(form.text("until"))
    outcome = OUTCOMES.get(form.text("outcome"))
    return Sought(
        peer=form.text("peer"),
        area=form.text("area"),
        number=form.text("number"),
        outcomes=outcome[1] if outcome else frozenset(),
        since=_start(first, now - period[1] if period else None),
        until=day_end(last) if last else None,
    )


def _start(first: date | None, period: datetime | None) -> datetime | None:
    """A typed day counts more than a period."""
    return day_start(first) if first else period


def _page_number(request: web.Request) -> int:
    text = request.query.get("page", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < _DIGITS
    return max(1, int(text)) if is_number else 1


def _address(path: str, form: Form) -> str:
    """An address with the list's filter, for the next page or the file."""
    kept = {name: form.text(name) for name in _FIELDS if form.text(name)}
    return str(URL(path).with_query(kept))


# ---- Checks ----------------------------------------------------------------------------


async def _check_one(request: web.Request) -> web.Response:
    """Check the whole log and this transfer; the look itself becomes an entry."""
    parts, by = parts_of(request), actor(request)
    number = path_id(request, "transfer", TransferId)
    await parts.run.write(
        note_look, parts.office, "check", number, by=by, is_whole=True
    )
    work = parts.run.read(
        auditing.check_transfer, parts.office, number, parts.mark(), by
    )
    job_id = Hex128.of(parts.randomness(16))
    job = await parts.jobs.start(job_id, account_of(request).id, number, work)
    return await _done_or_wait(request, job_id, job)


async def _check_all(request: web.Request) -> web.Response:
    parts, by = parts_of(request), actor(request)
    await parts.run.write(note_look, parts.office, "check", by=by, is_whole=True)
    work = parts.run.read(auditing.check_log, parts.office, parts.mark(), by)
    job_id = Hex128.of(parts.randomness(16))
    job = await parts.jobs.start(job_id, account_of(request).id, None, work)
    return await _done_or_wait(request, job_id, job)


async def _done_or_wait(request: web.Request, number: Hex128, job: Job) -> web.Response:
    if job.work.done():
        return await _result(request, job)
    return await see_other(request, f"/exchangelog/checks/{number}")


async def _job(request: web.Request) -> web.Response:
    """Wait without scripts: the page asks again by itself."""
    number = path_id(request, "job", Hex128)
    job = parts_of(request).jobs.get(number, account_of(request).id)
    if job.work.done():
        return await _result(request, job)
    answer = await page(request, "log_job.html", pages=sub_pages(request))
    answer.headers["Refresh"] = str(_REFRESH_S)
    return answer


async def _result(request: web.Request, job: Job) -> web.Response:
    """What the check found; its failure is this request's failure."""
    found: Checked | Report = job.work.result()
    if isinstance(found, Checked):
        return await _transfer_page(request, found.dossier, found)
    words = words_of(request)
    return await page(
        request,
        "exchangelog_check.html",
        pages=sub_pages(request),
        report=found,
        verdict=verdict_of_log(found, words),
        findings=[
            {
                "kind": str(finding.code.weight),
                "text": finding_sentence(finding, words),
                "technical": f"{finding.code} {finding.index}: {finding.text}",
            }
            for finding in found.findings
        ],
        root=grouped(found.root),
        at=parts_of(request).clock.now(),
    )


# ---- One transfer ----------------------------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    parts, by = parts_of(request), actor(request)
    number = path_id(request, "transfer", TransferId)
    found: Dossier = await parts.run.read(auditing.dossier, parts.office, number, by)
    await parts.run.write(note_look, parts.office, "show", number, by=by)
    return await _transfer_page(request, found)


async def _transfer_page(
    request: web.Request, found: Dossier, checked: Checked | None = None
) -> web.Response:
    parts, words, by = parts_of(request), words_of(request), actor(request)
    peer = office_name(parts, found.peer) if found.peer else ""
    consent: tuple[Shared, tuple[Standing, ...]] = await parts.run.read(
        consent_of, parts.office, found.transfer, by=by
    )
    return await page(
        request,
        "exchangelog_transfer.html",
        pages=sub_pages(request),
        dossier=found,
        number=found.transfer.short,
        peer=peer,
        consents=_consents(consent[1], words),
        is_ours_sender=consent[0].is_ours_sender,
        own=[
            {
                **_told(parts, item.entry, words),
                "index": item.index,
                "sum": grouped(item.c),
                "holds": item.is_included,
            }
            for item in found.own
        ],
        theirs=[
            {
                **_told(parts, item.entry, words),
                "index": item.index,
                "sum": grouped(item.c),
                "proven_at": item.proven_at,
                "holds": item.proven_at is not None,
            }
            for item in found.theirs
        ],
        verdict=verdict_of(checked.judged, words) if checked else None,
        answers=answers_of(checked.judged, peer, words) if checked else [],
        report=checked.report if checked else None,
        at=parts.clock.now(),
    )


def _consents(
    standings: tuple[Standing, ...], words: Words
) -> list[Mapping[str, object]]:
    """Per moment whether the consent stood, as a check of the page."""
    found: list[Mapping[str, object]] = []
    for standing in standings:
        moment = moment_word(standing.moment, words)
        text = msgid("%(moment)s the consent stood and covered what was sent.")
        ok: bool | None = True
        if standing.faults:
            text, ok = msgid("%(moment)s the consent did not stand."), False
        elif standing.open:
            text, ok = msgid("%(moment)s: only the other side can show it."), None
        detail = " ".join(fault_word(fault, words) for fault in standing.faults)
        text = words.gettext(text) % {"moment": moment}
        found.append({"ok": ok, "text": text, "detail": detail})
    return found


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
            office=office_name(parts, MemberId(more["peer"]))
            if more.get("peer")
            else "",
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
