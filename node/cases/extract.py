"""The permitted part of a case, and nothing more.

Enters: a case opened in memory and the gate's ``Permit``. Leaves: an ``Extract``: per
category plain JSON records, the documents that were ticked, the evidence of the grounds.
Must never happen: a field travels whose category is not permitted; text about a person who
stays, or that person's id, travels with somebody else's case. Implements HO-27, HO-62,
FR-15, FR-16, DO-13, DO-15, DO-16, DO-48. Nothing but a ``Permit`` opens this room.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Final

from node.cases.consent import DOCUMENTS, Consent, Member, Permit, PermittedCase
from node.cases.days import birthday
from node.cases.dictionary import (
    CONTACT_DATA,
    DICTIONARY,
    FOREIGN,
    field_of,
    health_records,
    named_cases,
    needed_for_document,
    partition,
    without_cases,
)
from node.cases.model import CaseContent, PartialDate, Record
from node.errors import InputError, UsageError
from node.ids import CaseId, ConsentId, MemberId, RecordId
from node.strictjson import Json, JsonObject

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LANGUAGE_TAG: Final = re.compile(
    r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII
)
_BANDS: Final = ((6, "0-5"), (16, "6-15"), (18, "16-17"), (27, "18-26"), (50, "27-49"))
# Offers have a closed schema: a kind that is not in it is ``other`` there.
_OFFERED_KINDS: Final = (
    *("identity", "residence", "asylum_notice", "school", "vocational", "work"),
    *("language_certificate", "housing", "benefit_notice", "custody_civil", "consent"),
    *("plan", "letter"),
)


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that travels: its record, and the digest that names its file here."""

    record: RecordId
    digest: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one ground rests on: the bytes the person agreed to, and their salt."""

    consent: ConsentId
    record: bytes
    salt: bytes

    @property
    def commitment(self) -> bytes:
        """SHA-256(salt || record), as offers name it (handover 8.3)."""
        return hashlib.sha256(self.salt + self.record).digest()


@dataclass(frozen=True, slots=True)
class Extract:
    """The permitted part of one case.

    ``parts`` holds per category records of the form ``{id, kind, node, recorded_at,
    values}``; ``node`` is where a record was made. A record with fields of several
    categories stands in several parts, each time with those fields only.
    """

    case: CaseId
    epoch: int
    role: str | None
    parts: Mapping[str, tuple[JsonObject, ...]]
    papers: tuple[Paper, ...]
    evidence: tuple[Evidence, ...]


def select(content: CaseContent, permit: Permit, *, home: MemberId) -> Extract:
    """The part of this case that the permit covers.

    Args:
        content: The case, opened.
        permit: The gate's yes of this very transaction.
        home: This node, where its own records were made.

    Raises:
        KeyError: Nothing of this case is permitted.
        UsageError: The case has no record of a person.
    """
    permitted = permit.of(content.file.id)
    health = health_records(content.records)
    parts: dict[str, list[JsonObject]] = {}
    papers: list[Paper] = []
    for record in sorted(content.records, key=lambda r: (r.recorded_at, r.id, r.kind)):
        if not _travels(record, permit, permitted):
            continue
        for category, one in _apart(record, permit, permitted, health=health):
            parts.setdefault(category, []).append(_frame(record, one, home))
        papers += _paper(record)
    if content.person is None or "K01" not in parts:
        raise UsageError("a case without a person")
    return Extract(
        case=content.file.id,
        epoch=content.file.epoch,
        role=_role(content) if "K02" in parts else None,
        parts={category: tuple(parts[category]) for category in sorted(parts)},
        papers=tuple(papers),
        evidence=tuple(Evidence(b.id, b.evidence, b.salt) for b in permitted.bases),
    )


def count_records(extracts: Iterable[Extract]) -> dict[str, int]:
    """Records per category over all members, without documents (handover 8.3)."""
    counts: Counter[str] = Counter()
    for extract in extracts:
        counts.update({c: len(part) for c, part in extract.parts.items()})
    del counts[DOCUMENTS]
    return dict(sorted(counts.items()))


def count_documents(extracts: Iterable[Extract]) -> dict[str, int]:
    """Documents by kind as offers name it: health and protection are ``restricted``."""
    counts = Counter(
        offered_kind(record["values"])
        for extract in extracts
        for record in extract.parts.get(DOCUMENTS, ())
    )
    return dict(sorted(counts.items()))


def offered_kind(values: Mapping[str, Json]) -> str:
    """The kind of a document as an offer may name it; a code we do not know is ``other``."""
    if needed_for_document(values):
        return "restricted"
    kind = values.get("doc_kind")
    return next((offered for offered in _OFFERED_KINDS if offered == kind), "other")


def interpreter_languages(extracts: Iterable[Extract]) -> tuple[str, ...]:
    """BCP 47 tags of the languages for which somebody needs an interpreter, sorted.

    Read from what travels, so the offer says nothing that K04 does not cover. The mother
    tongue if one is recorded, else every language.
    """
    tags: set[str] = set()
    for extract in extracts:
        records = extract.parts.get("K04", ())
        if any(r["values"].get("interpreter_needed") is True for r in records):
            spoken = [r["values"] for r in records if r["kind"] == "language"]
            first = [v for v in spoken if v.get("lang_kind") == "mother_tongue"]
            tags.update(str(v.get("language")) for v in first or spoken)
    return tuple(sorted(t for t in tags if _LANGUAGE_TAG.fullmatch(t)))


def age_band(birth: PartialDate | None, on: date) -> str:
    """Code of list ``age_band``; of a partial date the youngest age it allows."""
    if birth is None:
        return "unknown"
    for below, band in _BANDS:
        if on < birthday(birth.last, below):
            return band
    return "50-64" if on < birthday(birth.last, 65) else "65+"


def is_minor(birth: PartialDate | None, on: date) -> bool:
    """Whether the person may still be under 18; an unknown birth date counts as adult."""
    return birth is not None and on < birthday(birth.last, 18)


def birth_of(person: Record | None) -> PartialDate | None:
    """The birth date of a person's record; None if there is none that can be read."""
    try:
        return PartialDate(person.text("birth_date")) if person else None
    except InputError:
        return None


def member_of(
    content: CaseContent,
    consents: tuple[Consent, ...],
    *,
    on: date | None = None,
    secrecy_bound: bool = False,
) -> Member:
    """What the gate must know of the person of this case.

    Args:
        content: The case, opened.
        consents: Every statement on record, oldest first.
        on: The day for which flags are asked; without it a flag that was ever set and
            not voided counts, which can only withhold more.
        secrecy_bound: Whether the caseworker is bound by professional secrecy (FR-22).
    """
    person = content.person
    custody = person.text("custody") if person else ""
    guardians = named_cases("person", {"guardians": _value(person, "guardians")})
    return Member(
        case=content.file.id,
        consents=consents,
        birth=birth_of(person),
        custody=custody or None,
        guardians=tuple(sorted(CaseId(g) for g in guardians)),
        protection=tuple(
            flag for record in content.of("protection") for flag in _flags(record, on)
        ),
        secrecy_bound=secrecy_bound,
    )


def _flags(record: Record, on: date | None) -> Iterator[tuple[str, CaseId | None]]:
    if _is_void(record) or (on is not None and not is_in_force(record, on)):
        return
    code = record.text("protection") or "other"
    named = sorted(named_cases("protection", record.values))
    for case in named:
        yield code, CaseId(case)
    if not named:
        yield code, None


def flags_in_force(records: Iterable[Record], on: date) -> frozenset[str]:
    """The codes of the protection flags among these records that hold on this day."""
    return frozenset(
        record.text("protection")
        for record in records
        if record.kind == "protection"
        and not _is_void(record)
        and is_in_force(record, on)
    )


def is_in_force(record: Record, on: date) -> bool:
    """Whether a flag holds on a day; what is no date leaves it in force."""
    # ISO dates compare as texts.
    day = on.isoformat()
    begins, ends = record.text("valid_from"), record.text("valid_until")
    is_before = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", begins) and day < begins
    is_after = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", ends) and ends < day
    return not is_before and not is_after


def _value(record: Record | None, name: str) -> Json:
    return record.values.get(name) if record else None


def _is_void(record: Record) -> bool:
    return bool(record.values.get("voided_on") or record.values.get("void_reason"))


def _travels(record: Record, permit: Permit, permitted: PermittedCase) -> bool:
    """Whether the record may be in a packet at all; its fields are asked for later."""
    if _is_void(record):
        return False
    others = named_cases(record.kind, record.values) - {permitted.case}
    match record.kind:
        case "follow_up":
            return record.values.get("hand_over") is True
        case "household_member":
            return others <= _along(permit, "K02")
        case "document":
            return (
                record.id in permitted.documents
                and needed_for_document(record.values) <= permitted.categories
                and others <= _along(permit, DOCUMENTS)
            )
    return True


def _along(permit: Permit, category: str) -> frozenset[str]:
    """The cases that are in this transfer with this category."""
    return frozenset(c.case for c in permit.cases if category in c.categories)


def _apart(
    record: Record, permit: Permit, permitted: PermittedCase, *, health: frozenset[str]
) -> Iterator[tuple[str, JsonObject]]:
    """Per permitted category what of the record travels: ``values``, and what is foreign."""
    named = named_cases(record.kind, record.values) - {permitted.case}
    known = partition(record.kind, record.values, health)
    unknown = record.values.get(FOREIGN) or {}
    for category in sorted(permitted.categories & (known.keys() | unknown.keys())):
        absent = named - _along(permit, category)
        values = _thinned(record.kind, known.get(category, {}), absent)
        if record.kind == "person" and not permitted.contact_data:
            values = {n: v for n, v in values.items() if n not in CONTACT_DATA}
        beside: JsonObject = {}
        if category in unknown and not (absent and _has_shared_text(record.kind)):
            beside = unknown[category].get("beside", {})
            values |= _foreign_values(record.kind, unknown[category], permitted)
        if beside or any(value not in (None, "", [], {}) for value in values.values()):
            yield category, {**beside, "values": values}


def _thinned(kind: str, values: JsonObject, absent: frozenset[str]) -> JsonObject:
    """FR-15: without shared text and without the ids of those who do not come along."""
    if not absent:
        return dict(values)
    thinned: JsonObject = {}
    for name, value in values.items():
        known = DICTIONARY[kind][name]
        if not known.shared:
            thinned[name] = without_cases(value, absent) if known.names_cases else value
    return thinned


def _foreign_values(
    kind: str, unknown: Mapping[str, Json], permitted: PermittedCase
) -> JsonObject:
    """What a peer sent and we do not know. A field we have learned since has a category."""
    return {
        name: value
        for name, value in unknown.get("values", {}).items()
        if (known := field_of(kind, name)) is None
        or known.category in permitted.categories
    }


def _has_shared_text(kind: str) -> bool:
    return any(known.shared for known in DICTIONARY.get(kind, {}).values())


def _frame(record: Record, one: JsonObject, home: MemberId) -> JsonObject:
    instant = record.recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    return one | {
        "id": str(record.id),
        "kind": record.kind,
        "node": str(record.origin_node or home),
        "recorded_at": instant.replace("+00:00", "Z"),
    }


def _paper(record: Record) -> Iterator[Paper]:
    digest = record.text("digest")
    if record.kind == "document" and _DIGEST.fullmatch(digest):
        media_type = record.text("media_type") or "application/octet-stream"
        yield Paper(record.id, bytes.fromhex(digest), media_type)


def _role(content: CaseContent) -> str | None:
    """The role in the present household."""
    own = [r for r in content.of("household_member") if not r.values.get("valid_until")]
    return own[-1].text("role") or None if own else None
