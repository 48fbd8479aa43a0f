"""What the exchange log remembers of one act, in its only spelling.

Enters: codes, digests, counts and instants of an act that is being committed; or the bytes
of an entry that somebody showed us. Leaves: an ``Entry``, or its bytes, which are
committed, stored and shown as they are. Must never happen: a name, an address, a free text
or a case number in an entry; two spellings of one entry; a key more or less than its type
has. Implements LR-1, LR-2, LR-4, LR-5 and the classes of exchange-log 9.3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from node import strictjson
from node.errors import MalformedMessageError, UsageError
from node.exchangelog.kinds import (
    KEYS,
    ActorRole,
    EntryClass,
    EntryType,
    kind_of,
)
from node.ids import CaseId, Identifier, TransferId
from node.strictjson import Json, JsonObject

ENTRY_BYTES: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, with everything that is committed.

    ``id`` is 16 bytes in hex and never reused. ``at`` is the node's clock, cut to the
    second. ``log`` is the own origin. ``actor`` and ``second`` are blinded accounts in
    hex (LR-2), ``prev`` the commitment in hex of the previous entry of the same transfer
    or consent chain (LR-4). ``more`` holds exactly the further keys of the type.
    """

    id: str
    type: EntryType
    at: datetime
    log: str
    role: ActorRole | None
    actor: str | None
    second: str | None
    prev: str | None
    more: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Act:
    """What an entry says of the moment and of who acted; fields as in ``Entry``."""

    id: str
    at: datetime
    log: str
    role: ActorRole | None = None
    actor: str | None = None
    second: str | None = None
    prev: str | None = None


class GroupName(Identifier):
    """Which key covers an entry: erasing the group's key erases all its entries."""

    __slots__ = ()
    pattern = re.compile(
        r"(transfer|consent):[0-9a-f]{32}"
        r"|(transfer|audit|operation|permanent):[0-9]{4}-(0[1-9]|1[0-2])",
        re.ASCII,
    )

    @classmethod
    def of_transfer(cls, transfer: TransferId) -> Self:
        """The group of one transfer."""
        return cls(f"transfer:{transfer}")

    @classmethod
    def of_consents(cls, case: CaseId) -> Self:
        """The group of one person's consent chain (LR-40)."""
        return cls(f"consent:{case}")

    @classmethod
    def of_month(cls, retention: EntryClass, at: datetime) -> Self:
        """The group of everything else: one per month (UTC) and class."""
        return cls(f"{retention}:{at.astimezone(UTC):%Y-%m}")


def entry(kind: EntryType, act: Act, more: Mapping[str, Json]) -> Entry:
    """Make an entry of any type; ``encode_entry`` checks it."""
    return Entry(
        id=act.id,
        type=kind,
        at=act.at.astimezone(UTC).replace(microsecond=0),
        log=act.log,
        role=act.role,
        actor=act.actor,
        second=act.second,
        prev=act.prev,
        more=dict(more),
    )


def encode_entry(written: Entry) -> bytes:
    """Spell an entry: ASCII JSON, sorted keys, no spaces, at most 8 KiB (LR-5).

    Raises:
        UsageError: The entry breaks the rules of its type; our own mistake.
    """
    members = _members(written)
    try:
        kind_of(members)
    except MalformedMessageError as error:
        raise UsageError(f"{written.type}: {error}") from error
    spelled = strictjson.encode(members)
    if len(spelled) > ENTRY_BYTES:
        raise UsageError(f"{written.type}: entry-too-long")
    return spelled


def parse_entry(spelled: bytes) -> Entry:
    """Read an entry that somebody shows us.

    Raises:
        MalformedMessageError: Too long, not strict JSON, an unknown type, a key too many
            or missing, a value of another form, or not our spelling. The message names
            the rule, and the key where there is one, never a value.
    """
    if len(spelled) > ENTRY_BYTES:
        raise MalformedMessageError("entry-too-long")
    found = strictjson.parse_object(spelled, depth=4, members=2000)
    kind = kind_of(found)
    if strictjson.encode(found) != spelled:
        raise MalformedMessageError("entry-spelling")
    role = found["role"]
    return Entry(
        id=found["id"],
        type=kind,
        at=datetime.fromisoformat(found["at"]),
        log=found["log"],
        role=None if role is None else ActorRole(role),
        actor=found["actor"],
        second=found["second"],
        prev=found["prev"],
        more={key: found[key] for key in KEYS[kind]},
    )


def _members(written: Entry) -> JsonObject:
    """The entry as the object that is spelled."""
    at = written.at.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return {
        **written.more,
        "v": 1,
        "id": written.id,
        "type": str(written.type),
        "at": at.isoformat() + ".000Z",
        "log": written.log,
        "class": str(written.type.retention),
        "role": None if written.role is None else str(written.role),
        "actor": written.actor,
        "second": written.second,
        "prev": written.prev,
    }
