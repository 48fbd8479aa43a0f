"""How a case that arrives becomes a case here.

Enters: what a verified packet holds, the cases that were ever here, the categories the
approver took. Leaves: ``NewCases`` to be written in one transaction, or ``StaleEpoch``.
Must never happen: a row of a category that was not taken; a field that the sender may not
decide about, such as who counts a contact here; a code or field refused because we do not
know it. Records keep their ids, so that the same goal goes on. Implements 8.6 (step 6),
HO-7, HO-8, HO-54, HO-64, FR-2, FR-8, FR-10, FR-26, FR-29, DO-4, DO-7, DO-29, DO-48.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from node.cases.consent import DOCUMENTS
from node.cases.days import local_day
from node.cases.dictionary import (
    FOREIGN,
    field_of,
    health_records,
    needed_for_document,
    partition,
)
from node.cases.extract import Evidence, birth_of
from node.cases.model import Baton, CaseContent, CaseFile, Origin, Record
from node.cases.standing import MINIMUM
from node.crypto.base64url import b64u
from node.errors import MalformedMessageError, PacketUnreadableError, UsageError
from node.ids import CaseId, MemberId, RecordId
from node.strictjson import Json, JsonObject

KIND_CHARACTERS: Final = 64

_FRAME: Final = frozenset({"id", "kind", "node", "recorded_at", "values"})
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z", re.ASCII
)
_HELD: Final = frozenset({Baton.ACTIVE, Baton.FROZEN, Baton.GRANTED, Baton.ABSORBED})


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record as it stands in one part; ``beside`` is what we do not know around it."""

    id: RecordId
    kind: str
    node: MemberId
    recorded_at: datetime
    values: JsonObject
    beside: JsonObject


@dataclass(frozen=True, slots=True)
class Arrival:
    """One case in a packet.

    ``documents`` names the part that holds the file of a document's record; ``unread``
    the categories that came and that this release does not know.
    """

    case: CaseId
    epoch: int
    parts: Mapping[str, tuple[Incoming, ...]]
    documents: Mapping[RecordId, int] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to be written: a new one, or one that comes back (then ``before`` is set).

    ``documents`` says which part holds the file of which record; the store seals it and
    ``with_file`` completes the record.
    """

    before: CaseFile | None
    file: CaseFile
    records: tuple[Record, ...]
    documents: Mapping[RecordId, int]
    birth_year: int | None


@dataclass(frozen=True, slots=True)
class NewCases:
    """All cases of a transfer, active at their next epoch; written together (HO-7)."""

    cases: tuple[NewCase, ...]
    taken: tuple[str, ...]
    not_taken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StaleEpoch:
    """HO-8: these cases have a home here, or were here at this epoch or later."""

    cases: tuple[CaseId, ...]


def read_record(item: Json) -> Incoming:
    """The frame of one record; what is in it stays as it came (HO-64).

    Raises:
        MalformedMessageError: No id, kind, node, instant or values in their forms.
    """
    if not isinstance(item, dict) or not item.keys() >= _FRAME:
        raise MalformedMessageError("record-frame")
    kind, values, instant = item["kind"], item["values"], item["recorded_at"]
    texts = (item["id"], item["node"], kind, instant)
    if not all(isinstance(text, str) for text in texts) or not isinstance(values, dict):
        raise MalformedMessageError("record-frame")
    if not 0 < len(kind) <= KIND_CHARACTERS or _INSTANT.fullmatch(instant) is None:
        raise MalformedMessageError("record-frame")
    try:
        recorded_at = datetime.fromisoformat(instant).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedMessageError("record-frame") from None
    return Incoming(
        id=RecordId(item["id"]),
        kind=kind,
        node=MemberId(item["node"]),
        recorded_at=recorded_at,
        values=values,
        beside={name: item[name] for name in item.keys() - _FRAME},
    )


def plan_intake(
    arrivals: Iterable[Arrival],
    known: Mapping[CaseId, CaseContent],
    *,
    taken: frozenset[str],
    at: datetime,
    sender: MemberId,
) -> NewCases | StaleEpoch:
    """What to write so that these cases live here.

    Args:
        arrivals: Every case of the packet.
        known: The cases among them that were ever here, with what is left of them.
        taken: The categories the approver took; K01 is one of them.
        at: The instant of the import.
        sender: Who sent the packet.

    Raises:
        UsageError: K01 is not taken.
        PacketUnreadableError: One id names two kinds of record, or stands in one part
            twice.
    """
    if MINIMUM not in taken:
        raise UsageError("K01 is always taken")
    listed = tuple(arrivals)
    stale = tuple(
        a.case for a in listed if a.case in known and _is_stale(a, known[a.case].file)
    )
    if stale:
        return StaleEpoch(stale)
    came = {category for arrival in listed for category in arrival.parts}
    unread = {category for arrival in listed for category in arrival.unread}
    return NewCases(
        tuple(
            _new_case(a, known.get(a.case), taken, at=at, sender=sender) for a in listed
        ),
        taken=tuple(sorted(came & taken)),
        not_taken=tuple(sorted((came - taken) | unread)),
    )


def with_file(record: Record, digest: bytes, length: int) -> Record:
    """A document's record, now that its file is sealed here (digest and byte count)."""
    return replace(
        record, values={**record.values, "digest": digest.hex(), "bytes": length}
    )


def _is_stale(arrival: Arrival, file: CaseFile) -> bool:
    return file.baton in _HELD or file.epoch >= arrival.epoch + 1


def _new_case(
    arrival: Arrival,
    known: CaseContent | None,
    taken: frozenset[str],
    *,
    at: datetime,
    sender: MemberId,
) -> NewCase:
    before = known.file if known else None
    here = {record.id: record for record in known.records} if known else {}
    records = [
        _united(record, here.get(record.id))
        for record in _records(arrival, taken)
        if not _is_restricted(record, taken)
    ]
    records += _evidence(arrival, at=at, sender=sender)
    records += _former_period(before)
    person = next((record for record in records if record.kind == "person"), None)
    birth = birth_of(person)
    is_one_year = birth is not None and birth.first.year == birth.last.year
    kept = {record.id for record in records if record.kind == "document"}
    documents = {
        record: part
        for record, part in arrival.documents.items()
        if record in kept and DOCUMENTS in taken
    }
    return NewCase(
        before=before,
        file=_file(arrival, before, _household(records), at=at, sender=sender),
        records=tuple(r for r in records if r != here.get(r.id) or r.id in documents),
        documents=documents,
        birth_year=birth.first.year if birth and is_one_year else None,
    )


def _file(
    arrival: Arrival,
    before: CaseFile | None,
    household: RecordId | None,
    *,
    at: datetime,
    sender: MemberId,
) -> CaseFile:
    """Active at the next epoch; our responsibility begins on the day of import (FR-3)."""
    today = local_day(at)
    fresh = CaseFile(
        id=arrival.case,
        epoch=arrival.epoch + 1,
        baton=Baton.ACTIVE,
        version=before.version if before else 1,
        opened_on=before.opened_on if before else today,
    )
    return replace(
        fresh,
        household=household or (before.household if before else None),
        caseworker=before.caseworker if before else None,
        responsible_from=today,
        came_from=sender,
    )


def _records(arrival: Arrival, taken: frozenset[str]) -> Iterator[Record]:
    """The records of the taken categories, each put together from its parts."""
    frames: dict[RecordId, Incoming] = {}
    for part in arrival.parts.values():
        if len({item.id for item in part}) != len(part):
            raise PacketUnreadableError("record-twice")
        for item in part:
            if frames.setdefault(item.id, item).kind != item.kind:
                raise PacketUnreadableError("record-kind")
    health = health_records(_whole(arrival))
    values: dict[RecordId, JsonObject] = {}
    for category in sorted(arrival.parts.keys() & taken):
        for item in arrival.parts[category]:
            _take(values.setdefault(item.id, {}), item, category, taken, health)
    for record, found in values.items():
        if found:
            frame = frames[record]
            yield Record(
                case=arrival.case,
                id=record,
                kind=frame.kind,
                values=found,
                recorded_at=frame.recorded_at,
                origin=Origin.TRANSFER,
                origin_node=frame.node,
            )


def _whole(arrival: Arrival) -> Iterator[Record]:
    """Every piece as a record of its own: enough to see which goals are about health."""
    for part in arrival.parts.values():
        for item in part:
            yield Record(
                arrival.case, item.id, item.kind, item.values, item.recorded_at
            )


def _take(
    values: JsonObject,
    item: Incoming,
    category: str,
    taken: frozenset[str],
    health: frozenset[str],
) -> None:
    """Put one piece of a record into its values.

    A known field counts in its own category: in another one it is taken only if its own
    is taken too, and never if it may not leave a node at all. What we do not know is kept
    with the category it came in.
    """
    for own, fields in partition(item.kind, item.values, health).items():
        for name, value in fields.items():
            if own not in taken:
                continue
            if own != category:
                values.setdefault(name, value)
            elif isinstance(values.get(name), list) and isinstance(value, list):
                values[name] = values[name] + value
            else:
                values[name] = value
    unknown = {n: v for n, v in item.values.items() if field_of(item.kind, n) is None}
    if unknown or item.beside:
        foreign = values.setdefault(FOREIGN, {})
        foreign[category] = {"beside": item.beside, "values": unknown}


def _is_restricted(record: Record, taken: frozenset[str]) -> bool:
    """A document of health or protection stays out with its category (DO-48)."""
    return record.kind == "document" and not needed_for_document(record.values) <= taken


def _united(arrived: Record, here: Record | None) -> Record:
    """What arrived, laid over what is still here of a person who comes back (FR-29).

    What was our own stays our own and keeps who made it, so that nothing of it is counted
    twice or no more (FR-8). The clock never starts later than it did (FR-2).
    """
    if here is None:
        return arrived
    if here.kind != arrived.kind:
        raise PacketUnreadableError("record-kind")
    values = {**here.values, **arrived.values}
    if FOREIGN in here.values and FOREIGN in arrived.values:
        values[FOREIGN] = {**here.values[FOREIGN], **arrived.values[FOREIGN]}
    began, begins = here.text("counselling_start"), arrived.text("counselling_start")
    if began and begins and began < begins:
        # The earlier start and the end that was computed from it go together.
        for name in ("counselling_start", "counselling_max_end"):
            values[name] = here.values.get(name)
    return replace(here, values=values, recorded_at=arrived.recorded_at)


def _evidence(arrival: Arrival, *, at: datetime, sender: MemberId) -> Iterator[Record]:
    """What the sender relied on, kept with the case it let travel."""
    for evidence in arrival.evidence:
        yield Record(
            case=arrival.case,
            id=RecordId(evidence.consent),
            kind="consent_evidence",
            values={
                "consent": str(evidence.consent),
                "digest": hashlib.sha256(evidence.record).hexdigest(),
                "evidence": b64u(evidence.record),
                "salt": b64u(evidence.salt),
            },
            recorded_at=at,
            origin=Origin.TRANSFER,
            origin_node=sender,
        )


def _former_period(before: CaseFile | None) -> Iterator[Record]:
    """Our former responsibility, now that the case file begins a new one (FR-3).

    Its id follows from case and epoch, so that planning twice plans the same.
    """
    if before is None or before.responsible_from is None:
        return
    if before.responsible_until is None or before.baton is Baton.SHREDDED:
        return
    named = f"responsibility {before.id} {before.epoch}".encode()
    yield Record(
        case=before.id,
        id=RecordId.of(hashlib.sha256(named).digest()[:16]),
        kind="responsibility",
        values={
            "valid_from": before.responsible_from.isoformat(),
            "valid_until": before.responsible_until.isoformat(),
        },
        recorded_at=datetime.combine(
            before.responsible_until, datetime.min.time(), UTC
        ),
    )


def _household(records: Iterable[Record]) -> RecordId | None:
    """The present household, if K02 was taken."""
    for record in reversed([r for r in records if r.kind == "household_member"]):
        text = record.text("household")
        if not record.values.get("valid_until") and RecordId.pattern.fullmatch(text):
            return RecordId(text)
    return None
