"""S2 Arbeitsvorrat: what needs me, most urgent first.

Enters: whose caseload, the day. Leaves: groups of rows, each with one action; empty groups
are left out. Must never happen: a row about somebody else's case. Implements screens S2,
SC-22; FR-1 (90 days), DO-6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.matchports import KnownPair
from node.casework import statutes
from node.casework.archiving import TASK as ARCHIVE
from node.casework.earlyerasure import DECLINED
from node.casework.inbox import OfferSeen, offers_of
from node.casework.matching import pairs_of_caseload
from node.casework.protections import TASK as LIFT
from node.casework.tasks import put_aside
from node.errors import NotFoundError
from node.ids import CaseId, TransferId
from node.report.people import People
from node.report.readings import (
    DatedRow,
    EndingConsent,
    PersonRow,
    ReadingUnit,
    TaskRow,
    TransferRow,
)
from node.sync.transfer import Outbound
from node.web.casework import actor, people_of, recipient_name, today
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
from node.web.workgroups import (
    CONSENTS,
    TITLES,
    Act,
    Group,
    Row,
    clock,
    consents,
    due,
    incoming,
    later,
    name_of,
    plans,
    titles,
)
from node.web.workmonth import month_of

_TO_DO: Final = msgid("Something about the case is to be done.")
_AHEAD: Final = timedelta(days=92)
_SHOWN: Final = 5
_TASKS: Final = {
    "emergency.opened": msgid("A colleague opened the case by emergency access."),
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
    DECLINED: msgid("The second person did not agree to delete the case."),
    statutes.DECLINED: msgid("The second person did not agree to the legal basis."),
}

_QUESTIONS: Final = {
    "inbound.withdrawal": (
        msgid("The person has used a right. What becomes of the data?"),
        "withdrawal",
    ),
    "inbound.return_asked": (msgid("The former office asks for it back."), "after"),
}

_ARCHIVE: Final = msgid("The archive is asked, then the case is deleted.")


def routes() -> list[Route]:
    """The addresses of the work list."""
    return [
        Route("GET", "/work", _show, roles=CASEWORKERS | {Role.APPROVER}),
        Route("POST", "/work/aside", _aside, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store says about one caseload today."""

    follow_ups: Sequence[DatedRow]
    titles: Sequence[DatedRow]
    consents: Sequence[EndingConsent]
    transfers: Sequence[TransferRow]
    tasks: Sequence[TaskRow]
    offers: Sequence[OfferSeen]
    matches: Sequence[KnownPair] = ()


async def _show(request: web.Request) -> web.Response:
    parts, words, on = parts_of(request), words_of(request), today(request)
    me = account_of(request).actor
    people, is_caseworker = (
        await people_of(request),
        actor(request).roles >= CASEWORKERS,
    )
    found: _Found = await parts.run.read(
        _read, actor(request), on, at=parts.clock.now()
    )
    mine = [p for p in people.all() if me.owns(p.caseworker) and p.is_ours(on)]
    groups = [
        due(found.follow_ups, people, words, on),
        incoming(found.offers, parts, words),
        _handovers(found, people, parts, words),
        _questions(found, people, words, me),
        _endings(found, people, words, on, me=me),
        _seconds(found, mine, words, on),
        _news(found, people, words, me),
        clock(mine, words, on),
        consents(found.consents, people, words),
        plans(mine, words, on),
        _matches(found, people, words, me),
        titles(found.titles, people, words),
        later(found.follow_ups, people, words, on),
    ]
    groups = [group for group in groups if group.rows]
    only = request.query.get("only", "")
    only = only if only in {group.id for group in groups} else ""
    return await page(
        request,
        "work.html",
        groups=[group for group in groups if only in {"", group.id}],
        shown=None if only else _SHOWN,
        counts=[
            (g.title, f"/work?only={g.id}", len(g.rows), g.id == only) for g in groups
        ],
        only=only,
        next_on=next((r.on for r in found.follow_ups if r.on > on), None),
        month=await month_of(request, mine, on) if is_caseworker else None,
    )


def _read(uow: ReadingUnit, by: Actor, on: date, *, at: datetime) -> _Found:
    readings, whose = uow.readings, by.caseloads
    is_caseworker = by.account is not None and by.roles >= CASEWORKERS
    if not is_caseworker:
        return _Found((), (), (), (), (), offers=offers_of(uow, by))
    return _Found(
        follow_ups=readings.follow_ups(whose, on + _AHEAD),
        titles=readings.residence_ends(whose, on, on + TITLES),
        consents=readings.consents_ending(whose, on, on + CONSENTS),
        transfers=readings.transfers(whose),
        tasks=readings.tasks(),
        offers=offers_of(uow, by),
        matches=pairs_of_caseload(uow, by, at=at),
    )


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
                who=", ".join(name_of(people, m.case) for m in transfer.members),
                href=f"/relocations/{transfer.id}",
                what=" ".join(
                    [words.gettext("Handover to %(body)s.") % {"body": body}, *reasons]
                ),
                until=transfer.move_on,
                action=words.gettext("Prepare"),
            )
        )
    return Group("handovers", words.gettext("Handovers that need you"), rows)


def _questions(found: _Found, people: People, words: Words, me: Actor) -> Group:
    """Withdrawals and requests about own cases that wait for an answer."""
    rows = []
    for task in found.tasks:
        person = people.find(task.case) if task.case else None
        if (
            person is None
            or not me.owns(person.caseworker)
            or task.kind not in _QUESTIONS
        ):
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


def _endings(
    found: _Found, people: People, words: Words, on: date, *, me: Actor
) -> Group:
    """Closed own cases whose years are over."""
    rows = []
    for task in found.tasks:
        person = people.find(task.case) if task.case else None
        if task.kind != ARCHIVE or not person or not me.owns(person.caseworker):
            continue
        rows.append(
            Row(
                who=person.name,
                href=f"/cases/{person.case}/archive",
                what=words.gettext(_ARCHIVE),
                until=task.due,
                action=words.gettext("Ask the archive"),
                is_late=task.due is not None and task.due < on,
            )
        )
    return Group("endings", words.gettext("Closed cases whose years are over"), rows)


def _seconds(found: _Found, mine: Sequence[PersonRow], words: Words, on: date) -> Group:
    """Colleagues who need a second person; whom it is about stands on the page itself."""
    own = {person.case for person in mine}
    rows = [
        Row(
            who=words.gettext("A colleague asks for a second person"),
            href=f"/cases/{task.case}/protection/{task.codes[0]}/second",
            what=words.gettext("Shall this protection flag end?"),
            until=task.due,
            action=words.gettext("Decide"),
        )
        for task in found.tasks
        if task.kind == LIFT and task.due and on <= task.due and task.case not in own
    ]
    return Group("seconds", words.gettext("A second person is needed"), rows)


def _news(found: _Found, people: People, words: Words, me: Actor) -> Group:
    """What the program wants to be seen; put aside by one button."""
    own = {row.transfer.id: row.transfer for row in found.transfers}
    rows = []
    for task in found.tasks:
        transfer = own.get(task.transfer) if task.transfer else None
        person = people.find(task.case) if task.case else None
        is_mine = transfer is not None or (person and me.owns(person.caseworker))
        # What is held back has its own group.
        if not is_mine or task.kind not in _TASKS:
            continue
        cases = [m.case for m in transfer.members] if transfer else [task.case]
        what = words.gettext(_TASKS[task.kind])
        if task.kind == "transfer.rejected":
            what += "".join(f" {refusal_words(code, words)}" for code in task.codes)
        rows.append(
            Row(
                who=", ".join(name_of(people, case) for case in cases if case),
                href=f"/outbox/{transfer.id}" if transfer else f"/cases/{task.case}",
                what=what,
                until=task.due,
                acts=(
                    Act(
                        words.gettext("Seen"),
                        "/work/aside",
                        {
                            "kind": task.kind,
                            "case": task.case or "",
                            "transfer": task.transfer or "",
                        },
                        "check",
                    ),
                ),
            )
        )
    return Group("news", words.gettext("News"), rows)


def _matches(found: _Found, people: People, words: Words, me: Actor) -> Group:
    act = words.gettext("Compare")
    rows = [
        Row(who=who, href=href, what=what, until=None, action=act)
        for who, href, what in match_lines(found.matches, people, words, me)
    ]
    return Group("matches", words.gettext("To compare"), rows)


# -- One button each ---------------------------------------------------------------------


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


def task_words(kind: str, words: Words) -> str:
    """What a task says, in the words of this page."""
    if kind == ARCHIVE:
        return words.gettext(_ARCHIVE)
    known = _TASKS.get(kind) or _QUESTIONS.get(kind, (_TO_DO,))[0]
    return words.gettext(known)
