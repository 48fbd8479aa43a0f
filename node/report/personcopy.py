"""The copy for the person: everything stored about them, for programs.

Enters: a case opened in memory, with consents, ways and readings in words. Leaves: a JSON of
everything. Must never happen: a field left out of it. ``blackening`` takes out what tells of
others, ``personpaper`` says the same in words. Implements Art. 15 and 20 GDPR, DO-34.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from node import strictjson
from node.cases.model import CaseContent, Former, Record
from node.cases.relocation import Relocation
from node.cases.standing import Consent
from node.errors import MalformedMessageError
from node.ids import AccountId
from node.strictjson import Json, JsonObject

EVIDENCE: Final = "evidence"
_STAFF: Final = frozenset({"caseworker", "deputies", "assignee"})


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
class Todo:
    """Something that somebody here must do or see; ``kind`` as stored, ``text`` in words."""

    kind: str
    text: str
    since: datetime
    due: date | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything of one person, as it is given to them.

    ``names`` are those of the accounts here, ``bodies`` those of other offices; ``story``
    says in sentences what passed between offices; ``former`` are earlier versions.
    """

    content: CaseContent
    consents: tuple[Consent, ...]
    receipts: tuple[Receipt, ...]
    looks: tuple[Look, ...]
    story: tuple[str, ...]
    former: tuple[Former, ...]
    relocations: tuple[Relocation, ...]
    tasks: tuple[Todo, ...]
    names: Mapping[AccountId, str]
    bodies: Mapping[str, str]


def evidence_of(consent: Consent) -> JsonObject:
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
        "former": [
            {
                **_record_json(f.record, holdings),
                "superseded_at": f.superseded_at.isoformat(),
            }
            for f in holdings.former
        ],
        "relocations": [_relocation_json(r, holdings) for r in holdings.relocations],
        "tasks": [
            {"kind": t.kind, "since": t.since.isoformat(), "due": _iso(t.due)}
            for t in holdings.tasks
        ],
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
        "withdrawn_by": consent.withdrawn_by,
        "withdrawn_how": consent.withdrawn_how,
        "received_by": _account(holdings, consent.received_by),
        "replaced_by": consent.replaced_by,
        "digest": consent.digest.hex(),
        "salt": consent.salt.hex(),
        "entry": consent.entry.hex() if consent.entry else None,
        EVIDENCE: evidence_of(consent),
    }


def _relocation_json(relocation: Relocation, holdings: Holdings) -> JsonObject:
    return {
        "id": str(relocation.id),
        "place": str(relocation.ags),
        "move_on": _iso(relocation.move_on),
        "source": str(relocation.source),
        "routing": str(relocation.routing),
        "recorded_at": relocation.recorded_at.isoformat(),
        "recorded_by": _account(holdings, relocation.recorded_by),
        "recipient": body_named(holdings, relocation.recipient),
        "handover": relocation.transfer,
    }


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _account(holdings: Holdings, account: AccountId | None) -> str | None:
    return None if account is None else holdings.names.get(account, str(account))


def body_named(holdings: Holdings, member: str | None) -> str | None:
    """What another office is called; None stays None."""
    return None if member is None else holdings.bodies.get(member, member)
