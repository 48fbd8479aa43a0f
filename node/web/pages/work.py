"""S2 Arbeitsvorrat: what needs me, most urgent first.

Enters: whose caseload, the day. Leaves: groups of rows, each with one action; empty groups
are left out. Must never happen: a row about somebody else's case. Implements screens S2,
SC-22; FR-1 (90 days), DO-6.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from aiohttp import web

from node.accounts.policy import Actor
from node.cases.matchports import KnownPair
from node.cases.model import Record
from node.casework.cases import own_case, save_record
from node.casework.matching import pairs_of_caseload
from node.casework.tasks import put_aside
from node.errors import NotFoundError, StaleEpochError
from node.ids import AccountId, CaseId, RecordId, TransferId
from node.report.people import People
from node.report.readings import (
    DatedRow,
    EndingConsent,
    MonthRow,
    PersonRow,
    ReadingUnit,
    TaskRow,
    TransferRow,
)
from node.sync.transfer import Outbound
from node.web.casework import actor, people_of, recipient_name, stale, today
from node.web.frame import (
    Parts,
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words, msgid
from node.web.matchwords import match_lines
from node.web.pages.cases import CASEWORKERS
from node.web.typed import ids
from node.web.wording import reason_words, refusal_words

_SOON: Final = timedelta(days=7)
_CLOCK: Final = timedelta(days=90)
_CONSENTS: Final = timedelta(days=60)
_PLANS: Final = timedelta(days=30)
_TITLES: Final = timedelta(days=60)
_SHOWN: Final = 5
_TASKS: Final = {
    "transfer.closed": msgid("The handover was taken over."),
    "transfer.rejected": msgid("The handover was refused."),
    "transfer.recalling": msgid("The handover was stopped."),
    "transfer.recalled": msgid("The handover has ended there."),
    "transfer.reclaimed": msgid("The case was taken back."),
    "transfer.cancelled": msgid("The handover was discarded."),
    "transfer.granted": msgid("The handover waits for its confirmation."),
    "transfer.withdrawal_answered": msgid("A withdrawal was answered."),
    "transfer.return_declined": msgid("The case does not come back."),
    "transfer.first_contact": msgid("The new office had its first contact."),
    "transfer.passed_on": msgid("The case was passed on from there."),
    "added.side_note": msgid("An addendum came from the former office."),
    "added.correction": msgid("The former office asks for a correction."),
    "relocation.no_route": msgid("Nobody at the new place takes part yet."),
    "transfer.told": msgid("A consent was withdrawn after the password was told."),
    "consent.missing": msgid("A consent is missing."),
}

_QUESTIONS: Final = {
    "inbound.withdrawal": (
        msgid("The consent was withdrawn. What becomes of the data?"),
        "withdrawal",
    ),
    "inbound.return_asked": (msgid("The former office asks for it back."), "after"),
}


def routes() -> list[Route]:
    """The addresses of the work list."""
    return [
        Route("GET", "/work", _show, roles=CASEWORKERS),
        Route("POST", "/work/done", _done, roles=CASEWORKERS),
        Route("POST", "/work/aside", _aside, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: who, what, until when, and the one thing to do.

    ``form`` holds hidden values where the action is a form instead of a link.
    """

    who: str
    href: str
    what: str
    until: date | None
    action: str = ""
    form: tuple[str, dict[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    id: str
    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store says about one caseload today."""

    follow_ups: Sequence[DatedRow]
    titles: Sequence[DatedRow]
    consents: Sequence[EndingConsent]
    transfers: Sequence[TransferRow]
    tasks: Sequence[TaskRow]
    month: MonthRow
    matches: Sequence[KnownPair]


async def _show(request: web.Request) -> web.Response:
    parts, words, on = parts_of(request), words_of(request), today(request)
    me = account_of(request).id
    people = await people_of(request)
    found: _Found = await parts.run.read(
        _read, me, on, by=actor(request), at=parts.clock.now()
    )
    mine = [p for p in people.all() if p.caseworker == me and p.is_ours(on)]
    groups = [
        _due(found, people, words, on),
        _handovers(found, people, parts, words),
        _questions(found, people, words, me),
        _news(found, people, words, me),
        _clock(mine, words, on),
        _consents(found, people, words),
        _plans(mine, words, on),
        _matches(found, people, words, me),
        _titles(found, people, words),
    ]
    groups = [group for group in groups if group.rows]
    only = request.query.get("only", "")
    later = [row for row in found.follow_ups if row.on > on]
    return await page(
        request,
        "work.html",
        groups=[group for group in groups if only in {"", group.id}],
        shown=None if only else _SHOWN,
        counts=[
            (g.title, f"/work?only={g.id}", len(g.rows), g.id == only) for g in groups
        ],
        only=only,
        month=found.month,
        first=on.replace(day=1),
        next_on=later[0].on if later else None,
    )


def _read(
    uow: ReadingUnit, me: AccountId, on: date, *, by: Actor, at: datetime
) -> _Found:
    readings = uow.readings
    return _Found(
        follow_ups=readings.follow_ups(me, on + _SOON),
        titles=readings.residence_ends(me, on, on + _TITLES),
        consents=readings.consents_ending(me, on, on + _CONSENTS),
        transfers=readings.transfers(me),
        tasks=readings.tasks(),
        month=readings.month(me, on.replace(day=1), on),
        matches=pairs_of_caseload(uow, by, at=at),
    )


def _name(people: People, case: CaseId) -> str:
    person = people.find(case)
    return person.name if person else ""


def _due(found: _Found, people: People, words: Words, on: date) -> Group:
    rows = [
        Row(
            who=_name(people, row.case),
            href=f"/cases/{row.case}",
            what=row.text or words.gettext("Look at it again"),
            until=row.on,
            action=words.gettext("Done"),
            form=("/work/done", {"case": row.case, "record": row.record}),
        )
        for row in found.follow_ups
        if row.on <= on
    ]
    return Group("due", words.gettext("Overdue and today"), rows)


def _handovers(found: _Found, people: People, parts: Parts, words: Words) -> Group:
    rows = []
    for row in found.transfers:
        transfer = row.transfer
        if transfer.state is not Outbound.HELD:
            continue
        body = recipient_name(parts, transfer)
        reasons = list(
            dict.fromkeys(reason_words(code, words)[0] for _, code in transfer.withheld)
        )
        rows.append(
            Row(
                who=", ".join(_name(people, m.case) for m in transfer.members),
                href=f"/relocations/{transfer.id}",
                what=" ".join(
                    [words.gettext("Handover to %(body)s.") % {"body": body}, *reasons]
                ),
                until=transfer.move_on,
                action=words.gettext("Prepare"),
            )
        )
    return Group("handovers", words.gettext("Handovers that need you"), rows)


def _questions(found: _Found, people: People, words: Words, me: AccountId) -> Group:
    """Withdrawals and requests about own cases that wait for an answer."""
    rows = []
    for task in found.tasks:
        person = people.find(task.case) if task.case else None
        if person is None or person.caseworker != me or task.kind not in _QUESTIONS:
            continue
        what, page_name = _QUESTIONS[task.kind]
        rows.append(
            Row(
                who=person.name,
                href=f"/inbox/{task.transfer}/{page_name}",
                what=words.gettext(what),
                until=task.due,
                action=words.gettext("Decide"),
            )
        )
    return Group("questions", words.gettext("Questions of other offices"), rows)


def _news(found: _Found, people: People, words: Words, me: AccountId) -> Group:
    """What the program wants to be seen; put aside by one button."""
    own = {row.transfer.id: row.transfer for row in found.transfers}
    rows = []
    for task in found.tasks:
        transfer = own.get(task.transfer) if task.transfer else None
        person = people.find(task.case) if task.case else None
        is_mine = transfer is not None or (person and person.caseworker == me)
        # What is held back has its own group.
        if not is_mine or task.kind not in _TASKS:
            continue
        cases = [m.case for m in transfer.members] if transfer else [task.case]
        what = words.gettext(_TASKS[task.kind])
        if task.kind == "transfer.rejected":
            what += "".join(f" {refusal_words(code, words)}" for code in task.codes)
        rows.append(
            Row(
                who=", ".join(_name(people, case) for case in cases if case),
                href=f"/outbox/{transfer.id}" if transfer else f"/cases/{task.case}",
                what=what,
                until=task.due,
                action=words.gettext("Seen"),
                form=(
                    "/work/aside",
                    {
                        "kind": task.kind,
                        "case": task.case or "",
                        "transfer": task.transfer or "",
                    },
                ),
            )
        )
    return Group("news", words.gettext("News"), rows)


def _clock(mine: Sequence[PersonRow], words: Words, on: date) -> Group:
    ending = [
        (p.clock_end, p)
        for p in mine
        if p.clock_end is not None and on <= p.clock_end <= on + _CLOCK
    ]
    rows = [
        Row(
            p.name,
            f"/cases/{p.case}",
            words.ngettext("%(num)s day left", "%(num)s days left", (ends - on).days)
            % {"num": (ends - on).days},
            ends,
        )
        for ends, p in sorted(ending, key=lambda pair: (pair[0], pair[1].name))
    ]
    return Group("clock", words.gettext("Counselling ends within 90 days"), rows)


def _consents(found: _Found, people: People, words: Words) -> Group:
    rows = [
        Row(_name(people, row.case), f"/cases/{row.case}/consents", "", row.until)
        for row in found.consents
    ]
    return Group("consents", words.gettext("Consents end within 60 days"), rows)


def _plans(mine: Sequence[PersonRow], words: Words, on: date) -> Group:
    due = [
        (p.plan_due, p)
        for p in mine
        if p.plan_due is not None and p.plan_due <= on + _PLANS
    ]
    rows = [
        Row(p.name, f"/cases/{p.case}/plan", "", day)
        for day, p in sorted(due, key=lambda pair: (pair[0], pair[1].name))
    ]
    return Group("plans", words.gettext("Plans to review"), rows)


def _matches(found: _Found, people: People, words: Words, me: AccountId) -> Group:
    lines, act = match_lines(found.matches, people, words, me), words.gettext("Compare")
    rows = [Row(who, href, what, None, act) for who, href, what in lines]
    return Group("matches", words.gettext("To compare"), rows)


def _titles(found: _Found, people: People, words: Words) -> Group:
    rows = [
        Row(
            _name(people, row.case),
            f"/cases/{row.case}/details",
            words.code(row.code, "residence"),
            row.on,
        )
        for row in found.titles
    ]
    return Group("titles", words.gettext("Residence titles end"), rows)


# -- One button each ---------------------------------------------------------------------


async def _done(request: web.Request) -> web.Response:
    """A follow-up is done."""
    form, parts = form_of(request), parts_of(request)
    cases, records = (
        ids([form.text("case")], CaseId),
        ids([form.text("record")], RecordId),
    )
    if not cases or not records:
        raise NotFoundError("record")
    record, epoch = await parts.run.read(
        _follow_up, cases[0], records[0], by=actor(request)
    )
    values = {**record.values, "done_on": today(request).isoformat()}
    try:
        await parts.run.write(
            save_record,
            parts.office,
            replace(record, values=values),
            epoch=epoch,
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, cases[0])
    saved = words_of(request).gettext("Done.")
    return await see_other(request, "/work", saved=saved)


def _follow_up(
    uow: ReadingUnit, case: CaseId, record: RecordId, *, by: Actor
) -> tuple[Record, int]:
    file = own_case(uow, by, case, "case.read")
    found = uow.cases.record(case, record)
    if found.kind != "follow_up":
        raise NotFoundError("record")
    return found, file.epoch


async def _aside(request: web.Request) -> web.Response:
    """News was seen."""
    form, parts = form_of(request), parts_of(request)
    cases, transfers = (
        ids([form.text("case")], CaseId),
        ids([form.text("transfer")], TransferId),
    )
    if form.text("kind") not in _TASKS:
        raise NotFoundError("task")
    await parts.run.write(
        put_aside,
        form.text("kind"),
        case=cases[0] if cases else None,
        transfer=transfers[0] if transfers else None,
        by=actor(request),
    )
    return await see_other(request, "/work")
