"""Taking two united cases apart, and the end of the time for that.

Enters: who decided; what was edited since a merge. Leaves: both cases as before, each edit
where somebody put it; after 30 days the absorbed case's key is gone. Must never happen: an
undo after a further grant or an erasure, or while a handover is under way; an edit that is
lost. Implements the field document, chapter 8 (Undo); DO-44, SC-54.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from threading import Lock

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.intake import with_file
from node.cases.matchports import Decision, Merge
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.cases.unmerging import (
    Edit,
    Snapshot,
    Undone,
    assigned,
    decode_snapshot,
    encode_snapshot,
    undo,
)
from node.casework.consents import log_moved
from node.casework.matching import Matcher, Runs, require_pair
from node.casework.merging import Staged, is_busy, set_birth_year, stage
from node.errors import InputError, NotFoundError, TransitionError
from node.ids import CaseId, RecordId
from node.report.identities import Identities
from node.report.readings import ReadingUnit
from node.sync.office import Office
from node.sync.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class UndoSight:
    """What an undo would do: what was edited since, and between which two cases."""

    merge: Merge
    survivor: CaseContent
    absorbed: CaseContent
    edits: tuple[Edit, ...]


def may_undo(uow: UnitOfWork, merge: Merge, on: date) -> bool:
    """Within 30 days, and nothing was granted or erased since."""
    if not merge.is_running or on > merge.undo_until:
        return False
    stays, goes = uow.cases.file(merge.survivor), uow.cases.file(merge.absorbed)
    return (
        stays.baton is Baton.ACTIVE
        and stays.epoch == merge.epoch
        and goes.baton is Baton.ABSORBED
        and stays.restricted_on is None
        and not is_busy(uow, [merge.survivor])
        and _is_last(uow, merge)
    )


def _is_last(uow: UnitOfWork, merge: Merge) -> bool:
    """Merges are undone in reverse order: each snapshot is of what the next one found."""
    mine = [m for m in uow.matches.merges(merge.survivor) if m.stands]
    return bool(mine) and max(mine, key=lambda m: m.merged_at).id == merge.id


def look_undo(
    uow: ReadingUnit, merge_id: RecordId, *, by: Actor, on: date
) -> UndoSight:
    """What an undo would do.

    Raises:
        NotFoundError: Not theirs, or no undo any more.
    """
    found = uow.matches.merge(merge_id)
    cases = (found.survivor, found.absorbed)
    require_pair(uow, by, cases, "merge.undo", on=on)
    if not may_undo(uow, found, on):
        raise NotFoundError("merge")
    survivor, _, done = _undone(uow, found)
    absorbed = uow.cases.content(found.absorbed)
    return UndoSight(found, survivor, absorbed, done.edits)


def _undone(uow: UnitOfWork, found: Merge) -> tuple[CaseContent, Snapshot, Undone]:
    text = uow.matches.snapshot(found)
    if text is None:
        raise NotFoundError("merge")
    snapshot = decode_snapshot(text)
    now = uow.cases.content(found.survivor)
    return now, snapshot, undo(now, snapshot)


def take_apart(
    uow: UnitOfWork, office: Office, merge_id: RecordId, *, by: Actor
) -> Merge:
    """Both cases as before; what was edited since waits to be assigned.

    Raises:
        NotFoundError: Not theirs.
        TransitionError: The time is over, or something was granted or erased since.
    """
    now = office.clock.now()
    with uow:
        found = uow.matches.merge(merge_id)
        cases = (found.survivor, found.absorbed)
        require_pair(uow, by, cases, "merge.undo", on=local_day(now))
        if not may_undo(uow, found, local_day(now)):
            raise TransitionError("no undo any more")
        _, snapshot, done = _undone(uow, found)
        ended = replace(found, undone_at=now)
        parked = replace(snapshot, changed=(), after=(), parked=done.edits)
        uow.matches.put_merge(ended, encode_snapshot(parked))
        kept = {edit.record.id for edit in done.edits if edit.base is None}
        uow.cases.remove(
            found.survivor,
            # The file of a new document stays until somebody says whose it is.
            [_without_file(r) if r.id in kept else r for r in done.remove],
        )
        uow.cases.put(done.put)
        _restore(uow, snapshot.survivor)
        _restore(uow, snapshot.absorbed)
        for consent in uow.consents.of_case(found.survivor):
            if consent.id in snapshot.consents:
                back = log_moved(uow, office, consent, found.absorbed, by=by.account)
                uow.consents.put(back)
        set_birth_year(uow, uow.cases.content(found.survivor))
        _reopen_pair(uow, found)
        uow.commit()
    return ended


def _without_file(record: Record) -> Record:
    values = {n: v for n, v in record.values.items() if n != "digest"}
    return replace(record, values=values)


def _restore(uow: UnitOfWork, before: CaseFile) -> None:
    """The fields that a merge changes, as they were."""
    file = uow.cases.file(before.id)
    uow.cases.replace(
        file,
        replace(
            file,
            baton=Baton.ACTIVE,
            household=before.household,
            caseworker=before.caseworker,
            responsible_from=before.responsible_from,
            responsible_until=before.responsible_until,
        ),
    )


def _reopen_pair(uow: UnitOfWork, found: Merge) -> None:
    known = uow.matches.pair(found.survivor, found.absorbed)
    if known is not None:
        again = replace(known, decision=Decision.OPEN, decided_at=None, decided_by=None)
        uow.matches.put_pair(again)


def parked(
    uow: ReadingUnit, case: CaseId, *, by: Actor, on: date
) -> Sequence[tuple[Merge, tuple[Edit, ...]]]:
    """Edits that wait to be assigned after an undo, for who may do it."""
    found = []
    for each in uow.matches.merges(case):
        text = uow.matches.snapshot(each) if each.undone_at is not None else None
        edits = decode_snapshot(text).parked if text is not None else ()
        if edits:
            cases = (each.survivor, each.absorbed)
            require_pair(uow, by, cases, "merge.undo", on=on)
            found.append((each, edits))
    return found


def stage_edits(uow: UnitOfWork, merge_id: RecordId, to: Iterable[RecordId]) -> Staged:
    """Seal new documents for the case that was absorbed, beside the transaction."""
    found = uow.matches.merge(merge_id)
    text = uow.matches.snapshot(found)
    wanted = set(to)
    edits = decode_snapshot(text).parked if text is not None else ()
    papers = [e.record for e in edits if e.base is None and e.record.id in wanted]
    papers = [p for p in papers if p.kind == "document"]
    return stage(uow, papers, found.survivor, uow.cases.file(found.absorbed))


def assign_edits(
    uow: UnitOfWork,
    office: Office,
    merge_id: RecordId,
    choices: Mapping[RecordId, CaseId],
    staged: Staged,
    *,
    by: Actor,
) -> int:
    """Put edits into the cases they were assigned to; gives how many still wait.

    Raises:
        NotFoundError: Not theirs, or nothing waits.
        StaleEpochError: One of the cases is not editable here any more.
        InputError: A case that is none of the two, or one the edit cannot go to.
    """
    with uow:
        found = uow.matches.merge(merge_id)
        cases = (found.survivor, found.absorbed)
        files = require_pair(
            uow, by, cases, "merge.undo", on=local_day(office.clock.now())
        )
        text = uow.matches.snapshot(found)
        if found.undone_at is None or text is None:
            raise NotFoundError("merge")
        snapshot = decode_snapshot(text)
        for file in files:
            file.require_editable(file.epoch)
        for edit in snapshot.parked:
            case = choices.get(edit.record.id)
            if case is None:
                continue
            if case not in cases or (edit.only is not None and edit.only != case):
                raise InputError(str(edit.record.id), "not_allowed")
            _put_edit(uow, edit, case, found, staged)
        left = tuple(e for e in snapshot.parked if e.record.id not in choices)
        text = encode_snapshot(replace(snapshot, parked=left)) if left else None
        uow.matches.put_merge(found, text)
        uow.commit()
    return len(left)


def _put_edit(
    uow: UnitOfWork, edit: Edit, case: CaseId, found: Merge, staged: Staged
) -> None:
    to = uow.cases.content(case)
    record = assigned(edit, to, (found.survivor, found.absorbed))
    is_new_paper = record.kind == "document" and edit.base is None
    if is_new_paper and record.text("digest") and case == found.absorbed:
        if record.id not in staged:
            raise TransitionError("a document came meanwhile")
        record = with_file(record, *uow.cases.adopt_document(staged[record.id]))
        uow.cases.remove(found.survivor, [edit.record])
    uow.cases.put([record])
    if record.kind == "person":
        set_birth_year(uow, uow.cases.content(case))


class Matching:
    """What the worker runs: compare what changed, end what is over; in a thread."""

    def __init__(self, store: Runs, office: Office, known: Identities) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._office = office
        self._compare = Matcher(store, office, known)
        self._turn = Lock()

    def __call__(self) -> None:
        """Once; several transfers may be opened at the same time."""
        with self._turn:
            self._compare()
            self._store.write_sync(end_merges, self._office)


def end_merges(uow: UnitOfWork, office: Office) -> int:
    """Destroy the keys of absorbed cases whose time of undo is over; gives how many.

    Over is it after 30 days, or once the case that stayed was granted or erased.
    """
    now = office.clock.now()
    count = 0
    with uow:
        for each in uow.matches.merges():
            if each.is_running and _is_over(uow, each, local_day(now)):
                file = uow.cases.file(each.absorbed)
                if file.baton is Baton.ABSORBED:
                    uow.cases.replace(file, replace(file, baton=Baton.SHREDDED))
                uow.matches.put_merge(replace(each, ended_at=now), None)
                count += 1
        uow.commit()
    return count


def _is_over(uow: UnitOfWork, merge: Merge, on: date) -> bool:
    stays = uow.cases.file(merge.survivor)
    is_gone = stays.baton in {Baton.GRANTED, Baton.HANDED_OVER, Baton.SHREDDED}
    return on > merge.undo_until or is_gone or stays.epoch != merge.epoch
