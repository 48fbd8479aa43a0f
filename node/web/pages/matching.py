"""Flow F, the candidates: who may be here twice, and what somebody says about it.

Enters: a case or a transfer that was opened. Leaves: candidates with reasons in words, a
decision. Must never happen: an answer chosen beforehand; of a colleague's case more than
name, birth year and caseworker; a person under threat shown to others (FR-16). Implements
S10 (match), SC-54, SC-55.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor, Relation, allowed, require
from node.cases.matchports import Decision, KnownPair, Merge
from node.casework import matching
from node.casework.matching import may_open_both, open_pairs
from node.casework.unmerging import may_undo, parked
from node.errors import NotFoundError
from node.ids import CaseId, TransferId
from node.report.readings import PersonRow, ReadingUnit
from node.web.casework import actor, colleagues, people_of, today
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
from node.web.matchwords import band_word, ground_words
from node.web.typed import ids

DECIDERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})
_CHOICES: Final = {"same": None, "not_same": Decision.NOT_SAME, "later": Decision.LATER}


def routes() -> list[Route]:
    """The addresses of candidates."""
    return [
        Route("GET", "/inbox/{transfer}/match", _of_transfer, roles=DECIDERS),
        Route("GET", "/cases/{case}/match", _of_case, roles=DECIDERS),
        Route("POST", "/cases/{case}/match", _decide, roles=DECIDERS),
    ]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One pair, seen from one case.

    ``may_unite`` says that this person may open both.
    """

    known: KnownPair
    other: PersonRow
    may_unite: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """One case, its open pairs, its merges and whether each can be undone."""

    person: PersonRow
    candidates: tuple[Candidate, ...]
    merges: tuple[tuple[Merge, bool], ...]
    waiting: tuple[Merge, ...] = ()


async def _of_case(request: web.Request) -> web.Response:
    return await _page(request, await _subjects(request, [_case(request)]), Form())


async def _of_transfer(request: web.Request) -> web.Response:
    transfer = path_id(request, "transfer", TransferId)
    cases = await parts_of(request).run.read(_brought, transfer)
    subjects = await _subjects(request, cases)
    return await _page(request, [s for s in subjects if s.candidates], Form())


def _brought(uow: ReadingUnit, transfer: TransferId) -> Sequence[CaseId]:
    uow.inbound.get(transfer)
    return [case for case, _ in uow.inbound.cases(transfer)]


def _case(request: web.Request) -> CaseId:
    return path_id(request, "case", CaseId)


async def _subjects(request: web.Request, cases: Sequence[CaseId]) -> list[Subject]:
    found: list[Subject] = await parts_of(request).run.read(
        _read, cases, by=actor(request), on=today(request)
    )
    if not found:
        raise NotFoundError("case")
    return found


def _read(
    uow: ReadingUnit, cases: Sequence[CaseId], *, by: Actor, on: date
) -> list[Subject]:
    require(by, "match.decide", relation=Relation.OWN)
    found = []
    for case in cases:
        file = uow.cases.find_file(case)
        if file is None or file.restricted_on is not None:
            continue
        is_own = by.owns(file.caseworker) or (
            Role.APPROVER in by.roles and matching.is_in_hand(file, on)
        )
        relation = Relation.OWN if is_own else Relation.ANY
        person = next(iter(uow.readings.people([case])), None)
        if person is None or not allowed(by, "match.decide", relation=relation):
            continue
        candidates = [
            candidate
            for known in open_pairs(uow, [case])
            if (candidate := _candidate(uow, known, case, by, on)) is not None
        ]
        merges = [m for m in uow.matches.merges(case) if m.is_running]
        waiting = [merge for merge, _ in parked(uow, case, by=by, on=on)]
        found.append(
            Subject(
                person,
                tuple(candidates),
                tuple((merge, may_undo(uow, merge, on)) for merge in merges),
                tuple(waiting),
            )
        )
    return found


def _candidate(
    uow: ReadingUnit, known: KnownPair, case: CaseId, by: Actor, on: date
) -> Candidate | None:
    other = next(iter(uow.readings.people([known.pair.beside(case)])), None)
    if other is None or (other.threatened and not by.owns(other.caseworker)):
        return None
    files = [uow.cases.file(each) for each in known.pair.key]
    return Candidate(known, other, may_open_both(by, files, on))


async def _page(
    request: web.Request,
    subjects: Sequence[Subject],
    form: Form,
    *,
    status: int = 200,
) -> web.Response:
    words = words_of(request)
    people = await people_of(request)
    await note_looks(request, [subject.person.case for subject in subjects])
    names = await colleagues(request)
    me = account_of(request).actor
    return await page(
        request,
        "match.html",
        status=status,
        form=form,
        subjects=subjects,
        is_own={s.person.case: me.owns(s.person.caseworker) for s in subjects},
        caseworkers=names,
        bands={
            c.known.pair.key: band_word(c.known.pair.band, words)
            for s in subjects
            for c in s.candidates
        },
        reasons={
            c.known.pair.key: ground_words(c.known.pair.grounds, words)
            for s in subjects
            for c in s.candidates
        },
        answers=[
            ("same", words.gettext("the same person")),
            ("not_same", words.gettext("not the same person")),
            ("later", words.gettext("decide later")),
        ],
        people=people,
    )


async def note_looks(request: web.Request, cases: Sequence[CaseId]) -> None:
    """Write down who compared these cases (SR-D5)."""
    parts = parts_of(request)
    await parts.run.write(
        matching.note_looks,
        cases,
        by=actor(request),
        at=parts.clock.now(),
    )


async def _decide(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = _case(request)
    others = ids([form.text("_other")], CaseId)
    if not others:
        raise NotFoundError("pair")
    field = f"decision_{others[0]}"
    chosen = form.text(field)
    if chosen not in _CHOICES:
        wrong = {field: words.gettext("Please choose an answer.")}
        subjects = await _subjects(request, [case])
        return await _page(request, subjects, form.with_errors(wrong), status=422)
    decision = _CHOICES[chosen]
    if decision is None:
        return await see_other(request, f"/cases/{case}/match/{others[0]}")
    await parts.run.write(
        matching.decide, parts.office, (case, others[0]), decision, by=actor(request)
    )
    saved = (
        words.gettext("Noted: two persons. They are not proposed again.")
        if decision is Decision.NOT_SAME
        else words.gettext("It comes back to the worklist in a week.")
    )
    return await see_other(request, f"/cases/{case}/match", saved=saved)
