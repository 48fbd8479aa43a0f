"""Taking two united cases apart: both as before, and nothing lost that was edited since.

Enters: the case that stayed, opened, and the snapshot that the merge left. Leaves: what to
write, and the edits, each to be assigned to one of the two cases by a person. Must never
happen: an edit of those days that vanishes; one that lands in a case that nobody chose.
Implements the field document, chapter 8 (Undo); DO-44.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from node.cases.merging import FILE_FIELDS, renamed
from node.cases.model import Baton, CaseContent, CaseFile, Origin, Record
from node.ids import AccountId, CaseId, MemberId, RecordId
from node.strictjson import Json


@dataclass(frozen=True, slots=True)
class Edit:
    """Something that was recorded between a merge and its undo.

    ``base`` is what the record held when the cases were united, None for a new record.
    ``only`` names the one case it can go to, if there is no choice.
    """

    record: Record
    base: Mapping[str, Json] | None
    only: CaseId | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """By what both cases can be as before.

    ``changed`` are the survivor's records as they stood, ``after`` all of its records as
    the merge left them, ``added`` those of them that it did not have. ``survivor`` and
    ``absorbed`` hold the fields of the case files that changed.
    """

    changed: tuple[Record, ...]
    after: tuple[Record, ...]
    added: frozenset[RecordId]
    survivor: CaseFile
    absorbed: CaseFile
    consents: tuple[str, ...] = ()
    parked: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What to write so that the survivor is as before, and what was edited since."""

    put: tuple[Record, ...]
    remove: tuple[Record, ...]
    edits: tuple[Edit, ...]


def snapshot_of(
    stays: CaseContent, goes: CaseContent, after: CaseContent, consents: Iterable[str]
) -> Snapshot:
    """What an undo needs: the survivor before and after."""
    before = {record.id: record for record in stays.records}
    now = {record.id: record for record in after.records}
    return Snapshot(
        changed=tuple(
            r for r in stays.records if r.id not in now or _differs(r, now[r.id])
        ),
        after=after.records,
        added=frozenset(now.keys() - before.keys()),
        survivor=stays.file,
        absorbed=goes.file,
        consents=tuple(consents),
    )


def undo(now: CaseContent, snapshot: Snapshot) -> Undone:
    """How the survivor gets back to where it stood; what was edited since is not lost."""
    after = {record.id: record for record in snapshot.after}
    before = {r.id: r for r in snapshot.after if r.id not in snapshot.added}
    before |= {record.id: record for record in snapshot.changed}
    put, remove, edits = [], [], []
    for record in now.records:
        was = after.get(record.id)
        if was is None or _differs(record, was):
            edits.append(_edit(record, was, snapshot))
        if record.id not in before:
            remove.append(record)
        elif _differs(record, before[record.id]):
            put.append(before[record.id])
    here = {record.id for record in now.records}
    # A file that was removed since is gone for good; its record does not come back.
    put += [r for r in before.values() if r.id not in here and r.kind != "document"]
    return Undone(tuple(put), tuple(remove), tuple(edits))


def _edit(record: Record, was: Record | None, snapshot: Snapshot) -> Edit:
    only = None
    if was is not None and record.kind == "document":
        is_added = record.id in snapshot.added
        only = snapshot.absorbed.id if is_added else snapshot.survivor.id
    return Edit(record, None if was is None else dict(was.values), only)


def assigned(edit: Edit, to: CaseContent, merged: Iterable[CaseId]) -> Record:
    """The record that brings an edit into the case it was assigned to.

    Args:
        edit: What was edited.
        to: The case.
        merged: The ids of both cases: what names either names this one.
    """
    names = {str(case): str(to.file.id) for case in merged}
    mine = renamed(replace(edit.record, case=to.file.id), names)
    known = next((r for r in to.records if r.id == mine.id), None)
    if known is None and mine.kind == "person":
        known = to.person
    if known is None or edit.base is None:
        return mine
    changed = {
        name: value
        for name, value in mine.values.items()
        if edit.base.get(name) != edit.record.values.get(name)
        and name not in FILE_FIELDS
    }
    gone = {n for n in edit.base if n not in edit.record.values}
    values = {n: v for n, v in {**known.values, **changed}.items() if n not in gone}
    return replace(
        known,
        values=values,
        recorded_at=mine.recorded_at,
        recorded_by=mine.recorded_by,
    )


def _differs(one: Record, other: Record) -> bool:
    return replace(one, version=0) != replace(other, version=0)


# -- The snapshot as a text --------------------------------------------------------------


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """One JSON text, to be sealed."""
    return json.dumps(
        {
            "changed": [_record_out(r) for r in snapshot.changed],
            "after": [_record_out(r) for r in snapshot.after],
            "added": sorted(snapshot.added),
            "survivor": _file_out(snapshot.survivor),
            "absorbed": _file_out(snapshot.absorbed),
            "consents": list(snapshot.consents),
            "parked": [
                {"record": _record_out(e.record), "base": e.base, "only": e.only}
                for e in snapshot.parked
            ],
        }
    ).encode()


def decode_snapshot(text: bytes) -> Snapshot:
    """The inverse of ``encode_snapshot``."""
    found = json.loads(text)
    return Snapshot(
        changed=tuple(_record_in(r) for r in found["changed"]),
        after=tuple(_record_in(r) for r in found["after"]),
        added=frozenset(RecordId(r) for r in found["added"]),
        survivor=_file_in(found["survivor"]),
        absorbed=_file_in(found["absorbed"]),
        consents=tuple(found["consents"]),
        parked=tuple(
            Edit(
                _record_in(e["record"]),
                e["base"],
                CaseId(e["only"]) if e["only"] else None,
            )
            for e in found["parked"]
        ),
    )


def _record_out(record: Record) -> Json:
    return {
        "case": record.case,
        "id": record.id,
        "kind": record.kind,
        "values": dict(record.values),
        "recorded_at": record.recorded_at.isoformat(),
        "origin": record.origin,
        "origin_node": record.origin_node,
        "recorded_by": record.recorded_by,
    }


def _record_in(found: Json) -> Record:
    return Record(
        case=CaseId(found["case"]),
        id=RecordId(found["id"]),
        kind=found["kind"],
        values=found["values"],
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
        origin=Origin(found["origin"]),
        origin_node=MemberId(found["origin_node"]) if found["origin_node"] else None,
        recorded_by=AccountId(found["recorded_by"]) if found["recorded_by"] else None,
    )


def _file_out(file: CaseFile) -> Json:
    return {
        "id": file.id,
        "epoch": file.epoch,
        "opened_on": file.opened_on.isoformat(),
        "household": file.household,
        "caseworker": file.caseworker,
        "responsible_from": _day_out(file.responsible_from),
        "responsible_until": _day_out(file.responsible_until),
        "came_from": file.came_from,
    }


def _file_in(found: Json) -> CaseFile:
    return CaseFile(
        id=CaseId(found["id"]),
        epoch=found["epoch"],
        baton=Baton.ACTIVE,
        version=1,
        opened_on=date.fromisoformat(found["opened_on"]),
        household=RecordId(found["household"]) if found["household"] else None,
        caseworker=AccountId(found["caseworker"]) if found["caseworker"] else None,
        responsible_from=_day_in(found["responsible_from"]),
        responsible_until=_day_in(found["responsible_until"]),
        came_from=MemberId(found["came_from"]) if found["came_from"] else None,
    )


def _day_out(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day_in(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
