"""The types of entries, and what each of their keys may hold.

Enters: the object that an entry's bytes spell. Leaves: silence, or the name of the key that
breaks its form. Must never happen: a form that lets a name, an address, a free text or a
case number through. Implements LR-5 and the tables of exchange-log 3.2, 3.3 and 9.3.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum, unique
from typing import Final

from node import strictjson
from node.crypto.merkle import EMPTY_ROOT
from node.errors import MalformedMessageError
from node.strictjson import Json, JsonObject


@unique
class EntryType(StrEnum):
    """Every act the log knows (exchange-log 3.3), sender first, then recipient."""

    TRANSFER_WITHHELD = "transfer.withheld"
    TRANSFER_SENT = "transfer.sent"
    TRANSFER_GRANTED = "transfer.granted"
    TRANSFER_DENIED = "transfer.denied"
    TRANSFER_RECALLED = "transfer.recalled"
    TRANSFER_DELIVERED = "transfer.delivered"
    TRANSFER_COMPLETED = "transfer.completed"
    TRANSFER_SECURED = "transfer.secured"
    SOURCE_ERASING = "source.erasing"
    SOURCE_ERASED = "source.erased"
    TRANSFER_RECEIVED = "transfer.received"
    TRANSFER_REJECTED = "transfer.rejected"
    TRANSFER_APPROVED = "transfer.approved"
    TRANSFER_REFUSED = "transfer.refused"
    TRANSFER_IMPORTED = "transfer.imported"
    TRANSFER_BACKED_UP = "transfer.backed_up"
    TRANSFER_DROPPED = "transfer.dropped"
    NOTICE_SENT = "notice.sent"
    NOTICE_TAKEN = "notice.taken"
    NOTICE_ANSWERED = "notice.answered"
    EXPORT_SEALED = "export.sealed"
    EXPORT_TOLD = "export.told"
    EXPORT_ACKNOWLEDGED = "export.acknowledged"
    CONSENT_RECORDED = "consent.recorded"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CONSENT_REPLACED = "consent.replaced"
    AUDIT_VIEWED = "audit.viewed"
    AUDIT_REVEALED = "audit.revealed"
    AUDIT_EXPORTED = "audit.exported"
    HOLD_SET = "hold.set"
    HOLD_RELEASED = "hold.released"
    LOG_ERASURE = "log.erasure"
    LOG_ERASED = "log.erased"
    LOG_OPENED = "log.opened"
    LOG_RECOVERED = "log.recovered"
    KEY_ADDED = "key.added"
    KEY_RETIRED = "key.retired"
    PEER_CHANGED = "peer.changed"
    POLICY_CHANGED = "policy.changed"
    WITNESS_RESUMED = "witness.resumed"
    WITNESS_CONFLICT = "witness.conflict"
    OPERATOR_OVERRIDE = "operator.override"

    @property
    def retention(self) -> "EntryClass":
        """How long entries of this type may be opened."""
        return _CLASS_OF_AREA.get(self.split(".", 1)[0], EntryClass.OPERATION)


@unique
class EntryClass(StrEnum):
    """How long an entry may be opened (exchange-log 9.3); the leaf stays for ever."""

    TRANSFER = "transfer"
    AUDIT = "audit"
    OPERATION = "operation"
    PERMANENT = "permanent"


@unique
class ActorRole(StrEnum):
    """In which role somebody acted; the account itself is blinded."""

    CASEWORKER = "caseworker"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    SYSTEM = "system"


_CLASS_OF_AREA: Final = {
    "transfer": EntryClass.TRANSFER,
    "source": EntryClass.TRANSFER,
    "notice": EntryClass.TRANSFER,
    "export": EntryClass.TRANSFER,
    "consent": EntryClass.TRANSFER,
    "audit": EntryClass.AUDIT,
    "log": EntryClass.PERMANENT,
    "key": EntryClass.PERMANENT,
    "witness": EntryClass.PERMANENT,
}

T: Final = EntryType
_FACTS: Final = (
    "transfer",
    "attempt",
    "peer",
    "epoch",
    "packet",
    "statement",
    "peer_cp",
    "outcome",
)
_GROUNDS: Final = ("basis", "register", "consents")
_CHANGED: Final = ("target", "digest")
_HELD: Final = ("basis", "order_ref", "ranges")
_EXPORT: Final = ("transfer", "packet", "persons", "scope", *_GROUNDS, "outcome")
_ENDED: Final = ("consent", "outcome")

KEYS: Final[Mapping[EntryType, tuple[str, ...]]] = {
    T.TRANSFER_WITHHELD: ("transfer", "peer", "persons", "outcome"),
    T.TRANSFER_SENT: (*_FACTS, "persons", "scope", "bytes", "expires", *_GROUNDS),
    T.TRANSFER_GRANTED: (*_FACTS, "consents"),
    T.TRANSFER_DENIED: _FACTS,
    T.TRANSFER_RECALLED: _FACTS,
    T.TRANSFER_DELIVERED: _FACTS,
    T.TRANSFER_COMPLETED: _FACTS,
    T.TRANSFER_SECURED: _FACTS,
    T.SOURCE_ERASING: (*_FACTS, "basis"),
    T.SOURCE_ERASED: (*_FACTS, "basis"),
    T.TRANSFER_RECEIVED: (*_FACTS, "scope", "bytes", "expires"),
    T.TRANSFER_REJECTED: (*_FACTS, "count"),
    T.TRANSFER_APPROVED: (*_FACTS, "scope"),
    T.TRANSFER_REFUSED: _FACTS,
    T.TRANSFER_IMPORTED: (*_FACTS, "persons", "scope"),
    T.TRANSFER_BACKED_UP: _FACTS,
    T.TRANSFER_DROPPED: _FACTS,
    T.NOTICE_SENT: _FACTS,
    T.NOTICE_TAKEN: _FACTS,
    T.NOTICE_ANSWERED: _FACTS,
    T.EXPORT_SEALED: _EXPORT,
    T.EXPORT_TOLD: _EXPORT,
    T.EXPORT_ACKNOWLEDGED: _EXPORT,
    T.CONSENT_RECORDED: (
        "consent",
        "scope",
        "recipients",
        "valid_from",
        "valid_until",
        "basis",
        "register",
    ),
    T.CONSENT_WITHDRAWN: _ENDED,
    T.CONSENT_REPLACED: _ENDED,
    T.AUDIT_VIEWED: ("count", "digest"),
    T.AUDIT_REVEALED: ("target",),
    T.AUDIT_EXPORTED: ("digest",),
    T.HOLD_SET: _HELD,
    T.HOLD_RELEASED: _HELD,
    T.LOG_ERASURE: _HELD,
    T.LOG_ERASED: _HELD,
    T.LOG_OPENED: ("vkey", "continues", "inc"),
    T.LOG_RECOVERED: ("old_size", "new_size", "inc", "lost"),
    T.KEY_ADDED: _CHANGED,
    T.KEY_RETIRED: _CHANGED,
    T.PEER_CHANGED: _CHANGED,
    T.POLICY_CHANGED: _CHANGED,
    T.WITNESS_RESUMED: _CHANGED,
    T.WITNESS_CONFLICT: _CHANGED,
    T.OPERATOR_OVERRIDE: ("what", "transfer", "missing", "outcome"),
}
_COMMON: Final = (
    "v",
    "id",
    "type",
    "at",
    "log",
    "class",
    "role",
    "actor",
    "second",
    "prev",
)
_NULLABLE: Final = frozenset(
    (
        "role",
        "actor",
        "second",
        "prev",
        "peer",
        "epoch",
        "packet",
        "statement",
        "peer_cp",
        "outcome",
        "continues",
        "order_ref",
    )
)
# An override of the first word or a recovery concerns no transfer; other types name one.
_NULLABLE_IN: Final = {T.OPERATOR_OVERRIDE: frozenset({"transfer"})}


def kind_of(found: JsonObject) -> EntryType:
    """Hold an object against its type: the keys, the form of each value, the class.

    Raises:
        MalformedMessageError: Unknown type, a key too many or missing, a value of another
            form. The message names the rule, and the key where there is one.
    """
    name = found.get("type")
    if not isinstance(name, str) or name not in _TYPES:
        raise MalformedMessageError("entry-type")
    kind = EntryType(name)
    if set(found) != {*_COMMON, *KEYS[kind]}:
        raise MalformedMessageError("entry-keys")
    _check_values(kind, found)
    return kind


def is_head(value: Json) -> bool:
    """Whether a value is a checkpoint as ``{log, size, root}``."""
    return (
        isinstance(value, dict)
        and set(value) == {"log", "size", "root"}
        and _origin(value["log"])
        and _size(value["size"])
        and _digest(value["root"])
        and (value["size"] > 0 or value["root"] == EMPTY_ROOT.hex())
    )


def is_reference(value: str) -> bool:
    """Whether a text may stand as the reference of an order: no space, at most 200."""
    return _target(value)


def _check_values(kind: EntryType, found: JsonObject) -> None:
    """Each value against the form of its key, then the rules of the class."""
    nullable = _NULLABLE | _NULLABLE_IN.get(kind, frozenset())
    for key, value in found.items():
        if value is None and key in nullable:
            continue
        if not _FORMS[key](value):
            raise MalformedMessageError(f"entry-value: {key}")
    if found["class"] != kind.retention:
        raise MalformedMessageError("entry-value: class")
    # Permanent entries are never erased, so nobody may be recognisable in them (9.3).
    if kind.retention is EntryClass.PERMANENT and (found["actor"] or found["second"]):
        raise MalformedMessageError("entry-value: actor")


def _text(pattern: str) -> Callable[[Json], bool]:
    """A form: text that matches the whole pattern."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: (
        isinstance(value, str) and compiled.fullmatch(value) is not None
    )


def _number(low: int, high: int) -> Callable[[Json], bool]:
    """A form: an integer between both bounds; JSON booleans are none."""
    return lambda value: type(value) is int and low <= value <= high


def _list_of(form: Callable[[Json], bool]) -> Callable[[Json], bool]:
    """A form: a sorted list without repetition."""

    def fits(value: Json) -> bool:
        return (
            isinstance(value, list)
            and all(form(item) for item in value)
            and value == sorted(set(value))
        )

    return fits


def _is_date(value: Json) -> bool:
    try:
        return _day(value) and date.fromisoformat(value) is not None
    except ValueError:
        return False


def _is_instant(value: Json) -> bool:
    try:
        return _instant(value) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def _is_continued(value: Json) -> bool:
    """``continues`` of a log number n + 1 (LR-28) calls the log ``origin``."""
    return (
        isinstance(value, dict)
        and "origin" in value
        and is_head({"log" if k == "origin" else k: v for k, v in value.items()})
    )


def _is_ground(value: Json) -> bool:
    """One item of ``consents``: a consent with its chain, or a statute."""
    if not isinstance(value, dict):
        return False
    if set(value) == {"statute"}:
        return _code(value["statute"])
    return set(value) == {"c", "at", "head"} and all(
        _digest(item) for item in value.values()
    )


def _is_ranges(value: Json) -> bool:
    """Half-open index ranges ``[from, to]``, ascending and apart."""
    if not isinstance(value, list):
        return False
    least = 0
    for item in value:
        if not (isinstance(item, list) and len(item) == 2 and all(map(_size, item))):
            return False
        if not least <= item[0] < item[1]:
            return False
        least = item[1] + 1
    return True


_CODE: Final = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
_SLUG: Final = r"[a-z0-9][a-z0-9.-]{0,99}"
_id = _text(r"[0-9a-f]{32}")
_digest = _text(r"[0-9a-f]{64}")
_code = _text(_CODE)
_day = _text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_instant = _text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.000Z")
_origin = _text(r"[a-z0-9._:-]{1,200}/log/[1-9][0-9]{0,8}")
_target = _text(r"[A-Za-z0-9._:/#+=-]{1,200}")
_size = _number(0, strictjson.MAX_INTEGER)
_TYPES: Final = frozenset(EntryType)
_FORMS: Final[Mapping[str, Callable[[Json], bool]]] = {
    "v": _number(1, 1),
    "id": _id,
    "type": _code,
    "at": _is_instant,
    "log": _origin,
    "class": _code,
    "role": _text("|".join(ActorRole)),
    "actor": _digest,
    "second": _digest,
    "prev": _digest,
    "transfer": _id,
    "attempt": _number(1, 1),
    "peer": _text(_SLUG),
    "epoch": _number(1, strictjson.MAX_INTEGER),
    "packet": _digest,
    "statement": _digest,
    "peer_cp": is_head,
    "outcome": _code,
    "persons": _size,
    "scope": _list_of(_text(r"K[0-9]{2}")),
    "bytes": _size,
    "expires": _is_date,
    "basis": _code,
    "register": _text(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}"),
    "consents": lambda value: isinstance(value, list) and all(map(_is_ground, value)),
    "consent": _digest,
    "recipients": _list_of(
        _text(rf"member:{_SLUG}|class:responsible_at_new_place|ags:[0-9]{{2,8}}")
    ),
    "valid_from": _is_date,
    "valid_until": _is_date,
    "count": _size,
    "digest": _digest,
    "target": _target,
    "order_ref": _target,
    "ranges": _is_ranges,
    "vkey": _target,
    "continues": _is_continued,
    "inc": _number(1, strictjson.MAX_INTEGER),
    "old_size": _size,
    "new_size": _size,
    "lost": _size,
    "what": _text("quorum|first_word|recover"),
    "missing": _list_of(_target),
}
