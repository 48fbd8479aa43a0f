"""Uniting two cases of one person.

Enters: who decided, what was chosen. Leaves: one case with the content of both, the other
one resting until the time of undo is over. Must never happen: a merge that nobody chose, or
while a handover is under way; a consent that stands for the person and is not asked any
more. Implements the field document, chapter 8 (Merge); DO-7, SC-54. Taking them apart is
``unmerging``'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.differences import Choice, Comparison, compare
from node.cases.extract import birth_of
from node.cases.intake import with_file
from node.cases.matchports import UNDO_DAYS, Decision, Merge
from node.cases.merging import Wish, in_order, merge
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.cases.staged import StagedDocument
from node.cases.unmerging import encode_snapshot, snapshot_of
from node.casework.cases import new_id
from node.casework.consents import log_moved
from node.casework.matching import require_pair
from node.errors import NotFoundError, TransitionError
from node.ids import CaseId, RecordId
from node.report.readings import ReadingUnit
from node.sync.office import Office
from node.sync.onward import DUTY
from node.sync.ports import UnitOfWork
from node.sync.transfer import HOLDING, Outbound

BUSY: Final = HOLDING | {Outbound.HELD}
Staged = Mapping[RecordId, StagedDocument]


@dataclass(frozen=True, slots=True)
class Sight:
    """Two cases side by side, for who may decide about them.

    ``fellows`` counts per household who else lives there.
    """

    here: CaseContent
    there: CaseContent
    stays: CaseId
    comparison: Comparison
    consents: int
    fellows: Mapping[str, int]
    is_busy: bool


def look(
    uow: ReadingUnit, here: CaseId, there: CaseId, *, by: Actor, on: date
) -> Sight:
    """Both cases, opened, and where they differ.

    Raises:
        NotFoundError: Not theirs, or not worked on here.
    """
    files = require_pair(uow, by, (here, there), "match.decide", on=on)
    if any(file.baton is not Baton.ACTIVE for file in files):
        raise NotFoundError("case")
    mine, theirs = uow.cases.content(here), uow.cases.content(there)
    stays, _ = in_order(mine, theirs)
    fellows = _fellows(uow, files)
    return Sight(
        here=mine,
        there=theirs,
        stays=stays.file.id,
        comparison=compare(mine, theirs, _alone(fellows)),
        consents=len(uow.consents.of_case(there)),
        fellows=fellows,
        is_busy=is_busy(uow, (here, there)),
    )


def _fellows(uow: UnitOfWork, files: Iterable[CaseFile]) -> dict[str, int]:
    """Per household of these cases how many others live there."""
    own = {file.id for file in files}
    homes = {file.household for file in files if file.household is not None}
    return {
        home: sum(file.id not in own for file in uow.cases.household(home))
        for home in homes
    }


def _alone(fellows: Mapping[str, int]) -> frozenset[str]:
    return frozenset(home for home, count in fellows.items() if count == 0)


def stage_papers(
    uow: UnitOfWork, here: CaseId, there: CaseId, *, by: Actor, on: date
) -> Staged:
    """Seal the documents of the case that goes under the key of the one that stays.

    Beside the transaction: large files would hold up everybody else's writing. What a crash
    leaves of them has no row and is swept.
    """
    require_pair(uow, by, (here, there), "merge", on=on)
    stays, goes = in_order(uow.cases.content(here), uow.cases.content(there))
    known = {record.id for record in stays.records}
    papers = [r for r in goes.of("document") if r.id not in known]
    return stage(uow, papers, goes.file.id, stays.file)


def stage(
    uow: UnitOfWork, papers: Iterable[Record], source: CaseId, to: CaseFile
) -> Staged:
    """Seal these documents of one case under the key of another one; no row names them."""
    key = uow.cases.stage_key(to.id)
    return {
        paper.id: uow.cases.stage_document(
            key,
            to.epoch,
            uow.cases.open_document(source, bytes.fromhex(paper.text("digest"))),
        )
        for paper in papers
        if paper.text("digest")
    }


def drop_papers(uow: UnitOfWork, staged: Staged) -> None:
    """Nobody takes them over."""
    for document in staged.values():
        uow.cases.drop_staged(document)


def unite(
    uow: UnitOfWork,
    office: Office,
    cases: tuple[CaseId, CaseId],
    choices: Mapping[str, Choice],
    staged: Staged,
    *,
    by: Actor,
) -> Merge:
    """Unite two cases of one person.

    Args:
        uow: The transaction.
        office: Clock, chance.
        cases: The case "here", then the other one.
        choices: Per field that differs, seen from "here".
        staged: What ``stage_papers`` has sealed.
        by: Who decided.

    Raises:
        NotFoundError: Not theirs.
        TransitionError: A handover or an open question about one of them is under way.
        InputError: A field without a choice.
        ConflictError: One of them changed meanwhile: another document came.
    """
    now = office.clock.now()
    today = local_day(now)
    with uow:
        files = require_pair(uow, by, cases, "merge", on=today)
        if any(f.baton is not Baton.ACTIVE for f in files) or is_busy(uow, cases):
            raise TransitionError("one of the cases is not free")
        one, other = (uow.cases.content(case) for case in cases)
        stays, goes = in_order(one, other)
        wish = Wish(cases[0], choices, by.account, now, _alone(_fellows(uow, files)))
        result = merge(one, other, wish)
        if any(paper.id not in staged for paper in result.papers):
            raise TransitionError("a document came meanwhile")
        uow.cases.put([*result.put, *_adopted(uow, result.papers, staged)])
        moved = _move_consents(uow, office, goes.file.id, stays.file.id, by)
        _replace(uow, result.survivor)
        _replace(uow, result.absorbed)
        after = uow.cases.content(stays.file.id)
        set_birth_year(uow, after)
        made = Merge(
            id=RecordId(new_id(office, now)),
            survivor=stays.file.id,
            absorbed=goes.file.id,
            epoch=stays.file.epoch,
            merged_at=now,
            merged_by=by.account,
            undo_until=today + UNDO_DAYS,
            moved=result.moved,
            taken=result.taken,
        )
        snapshot = snapshot_of(stays, goes, after, moved)
        uow.matches.put_merge(made, encode_snapshot(snapshot))
        _settle(uow, made, now, by)
        uow.commit()
    return made


def _adopted(
    uow: UnitOfWork, papers: Iterable[Record], staged: Staged
) -> Iterable[Record]:
    for paper in papers:
        yield with_file(paper, *uow.cases.adopt_document(staged[paper.id]))


def _replace(uow: UnitOfWork, after: CaseFile) -> None:
    before = uow.cases.file(after.id)
    uow.cases.replace(before, replace(after, version=before.version))


def set_birth_year(uow: UnitOfWork, content: CaseContent) -> None:
    """The clear year that reports need follows the person's record."""
    birth = birth_of(content.person)
    is_one_year = birth is not None and birth.first.year == birth.last.year
    year = birth.first.year if birth is not None and is_one_year else None
    uow.cases.set_birth_year(content.file.id, year)


def _settle(uow: UnitOfWork, made: Merge, now: datetime, by: Actor) -> None:
    """The pair is decided; other pairs of the absorbed case are found anew."""
    for known in uow.matches.pairs(made.absorbed):
        if made.survivor in known.pair.key:
            same = replace(
                known, decision=Decision.SAME, decided_at=now, decided_by=by.account
            )
            uow.matches.put_pair(same)
        elif known.is_open:
            uow.matches.drop_pairs([known.pair])


def is_busy(uow: UnitOfWork, cases: Iterable[CaseId]) -> bool:
    """A handover runs or is held back, or a withdrawal waits for its answer."""
    for case in cases:
        if any(t.state in BUSY for t in uow.outbound.of_case(case)):
            return True
        if uow.tasks.is_open(DUTY, case=case):
            return True
    return False


def _move_consents(
    uow: UnitOfWork, office: Office, source: CaseId, to: CaseId, by: Actor
) -> list[str]:
    """What the person said counts for the case that stays, a no and a withdrawal too."""
    moved = []
    for consent in uow.consents.of_case(source):
        mine = log_moved(uow, office, consent, to, by=by.account)
        uow.consents.put(mine)
        moved.append(str(consent.id))
    uow.cases.touch(source)
    return moved
