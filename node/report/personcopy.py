"""The copy for the person: everything stored about them, for programs.

Enters: a case opened in memory, with consents, ways and readings in words. Leaves: passages
that may speak of others, a JSON of everything. Must never happen: a
field left out of the JSON; a value of another person: numbers of other cases are taken
out, passages that were ticked are replaced. Implements Art. 15 and 20 GDPR, DO-34, FR-21;
``personpaper`` says the same in words.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count
from typing import Final

from node import strictjson
from node.cases.dictionary import FOREIGN, field_of, named_cases, without_cases
from node.cases.model import CaseContent, Record
from node.cases.standing import Consent
from node.errors import MalformedMessageError
from node.ids import AccountId, RecordId
from node.report.fieldwords import FIELDS, title_of
from node.strictjson import Json, JsonObject

BLACK: Final = "[geschwärzt]"
EVIDENCE: Final = "evidence"
_OTHERS: Final = "third_person"
_PROOF: Final = "consent_evidence"
_LONGEST_WORD: Final = 100
"""What is longer without a blank is a picture or a number, no sentence."""

_SENTENCE: Final = re.compile(r"(?<=[.!?;\n])\s+")
_BLANK: Final = re.compile(r"\s")
_WORD: Final = re.compile(r"\w{3,}")
_STAFF: Final = frozenset({"caseworker", "deputies", "assignee"})


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence that may speak of somebody else.

    ``is_likely`` says that it names one of the others, or stands where others stand.
    """

    id: str
    where: str
    text: str
    is_likely: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who got data: when, what, by which handover; ``ground`` on what basis."""

    on: date
    body: str
    what: str
    number: str
    ground: str


@dataclass(frozen=True, slots=True)
class Look:
    """Who opened the case; ``reason`` where it was forced."""

    at: datetime
    who: str
    what: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything of one person, as it is given to them.

    ``names`` are those of the accounts here, ``bodies`` those of other offices; ``story``
    says in sentences what passed between offices.
    """

    content: CaseContent
    consents: tuple[Consent, ...]
    receipts: tuple[Receipt, ...]
    looks: tuple[Look, ...]
    story: tuple[str, ...]
    names: Mapping[AccountId, str]
    bodies: Mapping[str, str]


# -- Passages ----------------------------------------------------------------------------


def passages(holdings: Holdings, others: Iterable[str]) -> tuple[Passage, ...]:
    """What somebody must look at before it is handed out, in the order of the copy.

    Args:
        holdings: Everything of the person.
        others: Names of other people who may be meant, in any spelling that is stored.
    """
    person = holdings.content.person
    own = _words([str(v) for v in person.values.values()]) if person else frozenset()
    named = _words(others) - own
    found: list[Passage] = []
    for record in _all_records(holdings):
        for name, value in record.values.items():
            if not _may_be_shared(record, name):
                continue
            is_about = record.kind == _OTHERS or _names_others(record)
            for number, sentence in enumerate(_sentences(value)):
                if len(sentence) > _LONGEST_WORD and not _BLANK.search(sentence):
                    continue
                is_likely = is_about or bool(_words([sentence]) & named)
                if is_likely or _is_open_text(record, name):
                    where = f"{title_of(record)}: {_label(name)}"
                    at = f"{record.id}.{name}.{number}"
                    found.append(Passage(at, where, sentence, is_likely))
    return tuple(found)


def _all_records(holdings: Holdings) -> Iterator[Record]:
    """The records; evidence of a consent is read as one more."""
    yield from holdings.content.records
    first = holdings.content.file
    for consent in holdings.consents:
        said = _evidence(consent).items()
        yield Record(
            first.id,
            RecordId(str(consent.id)),
            _PROOF,
            {name: value for name, value in said if name.startswith(EVIDENCE)},
            consent.recorded_at,
        )


def _label(name: str) -> str:
    return FIELDS.get(name) or FIELDS[EVIDENCE if name.startswith(EVIDENCE) else "text"]


def _may_be_shared(record: Record, name: str) -> bool:
    """Whether a field may hold words about somebody else: every text but of oneself."""
    known = field_of(record.kind, name)
    if record.kind == "person":
        return name in {FOREIGN, "health_note", "clock_extension_reason"}
    if record.kind == _PROOF:
        return name.startswith(EVIDENCE)
    return known is None or (not known.clear and known.codes is None)


def _is_open_text(record: Record, name: str) -> bool:
    """A text that somebody must read even if no name stands out."""
    known = field_of(record.kind, name)
    return (
        name == FOREIGN
        or record.kind in {_OTHERS, _PROOF}
        or (known is not None and known.shared)
    )


def _names_others(record: Record) -> bool:
    return bool(named_cases(record.kind, record.values) - {str(record.case)})


def _words(texts_: Iterable[str]) -> frozenset[str]:
    return frozenset(w.casefold() for text in texts_ for w in _WORD.findall(text))


def _sentences(value: Json) -> Iterator[str]:
    """The sentences of all texts in a value, in the order ``_blackened`` counts them."""
    match value:
        case str():
            yield from _SENTENCE.split(value)
        case list():
            for inner in value:
                yield from _sentences(inner)
        case dict():
            for inner in value.values():
                yield from _sentences(inner)


def _blackened(value: Json, is_black: Callable[[], bool]) -> Json:
    """The value with those sentences replaced; ``is_black`` is asked for one by one."""
    match value:
        case str():
            kept = [BLACK if is_black() else s for s in _SENTENCE.split(value)]
            return " ".join(kept)
        case list():
            return [_blackened(inner, is_black) for inner in value]
        case dict():
            return {key: _blackened(inner, is_black) for key, inner in value.items()}
    return value


def without(holdings: Holdings, black: Collection[str]) -> Holdings:
    """The holdings with the ticked passages replaced, and no number of another case."""
    records = tuple(_cleaned(r, black) for r in holdings.content.records)
    content = replace(holdings.content, records=records)
    consents = tuple(
        replace(
            c,
            guardians=(),
            evidence=strictjson.encode(
                {n: _passed(c.id, n, v, black) for n, v in _evidence(c).items()}
            ),
        )
        for c in holdings.consents
    )
    return replace(holdings, content=content, consents=consents)


def _cleaned(record: Record, black: Collection[str]) -> Record:
    others = named_cases(record.kind, record.values) - {str(record.case)}
    values: dict[str, Json] = {}
    for name, value in record.values.items():
        known = field_of(record.kind, name)
        kept = without_cases(value, others) if known and known.names_cases else value
        values[name] = _passed(record.id, name, kept, black)
    return replace(record, values=values)


def _passed(number: str, name: str, value: Json, black: Collection[str]) -> Json:
    start = f"{number}.{name}."
    if not any(item.startswith(start) for item in black):
        return value
    counted = count()
    return _blackened(value, lambda: f"{start}{next(counted)}" in black)


def _evidence(consent: Consent) -> JsonObject:
    """What the person agreed to, as far as it is words."""
    try:
        said = strictjson.parse_object(consent.evidence)
    except MalformedMessageError:
        return {"bytes": b64encode(consent.evidence).decode()}
    return {name: value for name, value in said.items() if name != "guardians"}


# -- For programs ------------------------------------------------------------------------


def as_json(holdings: Holdings, body: str, at: datetime) -> JsonObject:
    """Everything, by its stored name; accounts by the name of who works here."""
    file = holdings.content.file
    return {
        "v": 1,
        "made_at": at.isoformat(),
        "office": body,
        "case": {
            "number": str(file.id),
            "opened_on": _iso(file.opened_on),
            "state": str(file.baton),
            "epoch": file.epoch,
            "household": file.household,
            "caseworker": _account(holdings, file.caseworker),
            "responsible_from": _iso(file.responsible_from),
            "responsible_until": _iso(file.responsible_until),
            "handed_to": body_named(holdings, file.handed_to),
            "came_from": body_named(holdings, file.came_from),
            "restricted_on": _iso(file.restricted_on),
        },
        "records": [_record_json(r, holdings) for r in holdings.content.records],
        "consents": [_consent_json(c, holdings) for c in holdings.consents],
        "recipients": [
            {
                "on": _iso(r.on),
                "office": r.body,
                "content": r.what,
                "handover": r.number,
                "ground": r.ground,
            }
            for r in holdings.receipts
        ],
        "exchange": list(holdings.story),
        "looks": [
            {
                "at": look.at.isoformat(),
                "who": look.who,
                "what": look.what,
                "reason": look.reason,
            }
            for look in holdings.looks
        ],
    }


def _record_json(record: Record, holdings: Holdings) -> JsonObject:
    return {
        "id": str(record.id),
        "kind": record.kind,
        "recorded_at": record.recorded_at.isoformat(),
        "recorded_by": _account(holdings, record.recorded_by),
        "origin": str(record.origin),
        "from_office": body_named(holdings, record.origin_node),
        "version": record.version,
        "values": {n: staff_named(n, v, holdings) for n, v in record.values.items()},
    }


def staff_named(name: str, value: Json, holdings: Holdings) -> Json:
    """Who works here is named, not numbered."""
    if name not in _STAFF:
        return value
    if isinstance(value, list):
        return [staff_named(name, item, holdings) for item in value]
    if not isinstance(value, str):
        return value
    known = {str(account): who for account, who in holdings.names.items()}
    return known.get(value, value)


def _consent_json(consent: Consent, holdings: Holdings) -> JsonObject:
    return {
        "id": str(consent.id),
        "given_by": str(consent.given_by),
        "basis": str(consent.basis),
        "statute": consent.statute,
        "second": _account(holdings, consent.second),
        "purpose": consent.purpose,
        "recipients": [*consent.recipients],
        "categories": sorted(consent.categories),
        "documents": sorted(str(d) for d in consent.documents),
        "valid_from": _iso(consent.valid_from),
        "valid_until": _iso(consent.valid_until),
        "recorded_at": consent.recorded_at.isoformat(),
        "recorded_by": _account(holdings, consent.recorded_by),
        "language": consent.language,
        "form": consent.form,
        "text_version": consent.text_version,
        "announce_by_name": consent.announce_by_name,
        "secrecy_release": consent.secrecy_release,
        "contact_back": consent.contact_back,
        "may_tell_old_office": consent.may_tell_old_office,
        "declined_on": _iso(consent.declined_on),
        "withdrawn_at": consent.withdrawn_at.isoformat()
        if consent.withdrawn_at
        else None,
        "withdrawn_how": consent.withdrawn_how,
        "received_by": _account(holdings, consent.received_by),
        "replaced_by": consent.replaced_by,
        "digest": consent.digest.hex(),
        "salt": consent.salt.hex(),
        "entry": consent.entry.hex() if consent.entry else None,
        EVIDENCE: _evidence(consent),
    }


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _account(holdings: Holdings, account: AccountId | None) -> str | None:
    return None if account is None else holdings.names.get(account, str(account))


def body_named(holdings: Holdings, member: str | None) -> str | None:
    """What another office is called; None stays None."""
    return None if member is None else holdings.bodies.get(member, member)
