"""The transfer of a case: the states of both ends, in two tables.

Enters: a transfer as it stands and an event, which is a proven fact (HO-12). Leaves: a
``Step`` with the transfer as it will stand, the effects to carry out and the type of the
log entry. Must never happen: a pair of state and event without a line is applied; it is
refused (HO-11). The specification prints its tables from this file (HO-10).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum, unique
from typing import Generic, TypeVar

from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, TransferId
from node.sync.machine import Machine, Rule
from node.sync.words import Kind


@unique
class Outbound(StrEnum):
    """States at the sender."""

    HELD = "held"
    CANCELLED = "cancelled"
    QUEUED = "queued"
    DELIVERED = "delivered"
    ASKED = "asked"
    GRANTED = "granted"
    CLOSED = "closed"
    DURABLE = "durable"
    ERASED = "erased"
    RECALLING = "recalling"
    RECALLED = "recalled"
    REJECTED = "rejected"
    RECLAIMED = "reclaimed"
    EXPORTED = "exported"
    TOLD = "told"


HOLDING = frozenset(
    {Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED, Outbound.GRANTED}
    | {Outbound.EXPORTED, Outbound.TOLD}
)
"""States in which a transfer holds its cases: at most one per case (HO-5)."""


@unique
class Inbound(StrEnum):
    """States at the recipient."""

    ABSENT = "absent"
    ANNOUNCED = "announced"
    WAITING = "waiting"
    APPROVED = "approved"
    OPENING = "opening"
    IMPORTED = "imported"
    CLOSED = "closed"
    DURABLE = "durable"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RECALLED = "recalled"


@unique
class Why(StrEnum):
    """Why a transfer was recalled; pages show each as an outcome of its own."""

    CALLED_BACK = "called-back"
    BASIS_GONE = "basis-gone"
    EXPIRED = "expired"
    KEY = "key"
    RESTORED = "restored"
    MOOT = "moot"


@unique
class OutEvent(StrEnum):
    """What can be proven to have happened, seen from the sender."""

    PERMITTED = "PERMITTED"
    WITHHELD = "WITHHELD"
    STOPPED = "STOPPED"
    STORED = "STORED"
    OPEN_REQUEST = "OPEN_REQUEST"
    GRANTED = "GRANTED"
    GRANT_DELAYED = "GRANT_DELAYED"
    IMPORTED = "IMPORTED"
    DURABLE = "DURABLE"
    ERASED = "ERASED"
    REJECTED = "REJECTED"
    EXPIRED_THERE = "EXPIRED_THERE"
    RECALLED = "RECALLED"
    RECLAIMED = "RECLAIMED"
    GIVEN_UP = "GIVEN_UP"
    WITHDRAWN = "WITHDRAWN"
    WITHDRAWAL_ANSWER = "WITHDRAWAL_ANSWER"
    RETURN_ASKED = "RETURN_ASKED"
    RETURN_ANSWER = "RETURN_ANSWER"
    FIRST_CONTACT = "FIRST_CONTACT"
    PASSED_ON = "PASSED_ON"
    LOST = "LOST"
    LOST_EMPTY = "LOST_EMPTY"
    LOST_MOOT = "LOST_MOOT"
    EXPORTED = "EXPORTED"
    TOLD = "TOLD"
    RECEIPT_CODE = "RECEIPT_CODE"
    NOT_OPENED = "NOT_OPENED"
    CONFIRMED = "CONFIRMED"


@unique
class InEvent(StrEnum):
    """What can be proven to have happened, seen from the recipient."""

    OFFER = "OFFER"
    OFFER_UNFIT = "OFFER_UNFIT"
    PACKET = "PACKET"
    PACKET_UNFIT = "PACKET_UNFIT"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    GRANT = "GRANT"
    OPENED = "OPENED"
    UNREADABLE = "UNREADABLE"
    CLOSED = "CLOSED"
    BACKED_UP = "BACKED_UP"
    WITHDRAWAL = "WITHDRAWAL"
    WITHDRAWAL_ANSWERED = "WITHDRAWAL_ANSWERED"
    DEADLINE = "DEADLINE"
    ERASE_DUE = "ERASE_DUE"
    RECALL = "RECALL"
    RETURN_REQUEST = "RETURN_REQUEST"
    RETURN_DECLINED = "RETURN_DECLINED"
    FIRST_CONTACT_NOTED = "FIRST_CONTACT_NOTED"
    PASSED_ON_NOTED = "PASSED_ON_NOTED"


@unique
class Effect(StrEnum):
    """What a step does besides changing the state; all inside its transaction."""

    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"
    MARK_GRANTED = "MARK_GRANTED"
    HAND_OVER = "HAND_OVER"
    TAKE_BACK = "TAKE_BACK"
    KEEP_SHARE_B = "KEEP_SHARE_B"
    DESTROY_SHARE_B = "DESTROY_SHARE_B"
    QUEUE_PACKET = "QUEUE_PACKET"
    DROP_PACKET_ROW = "DROP_PACKET_ROW"
    START_RETENTION = "START_RETENTION"
    ERASE = "ERASE"
    RESERVE = "RESERVE"
    KEEP_SEALED = "KEEP_SEALED"
    SHRED = "SHRED"
    IMPORT = "IMPORT"
    OPEN_DUTY = "OPEN_DUTY"
    TELL = "TELL"
    SEND_OFFER = "send offer"
    SEND_GRANT = "send grant"
    SEND_CLOSED = "send closed"
    SEND_RECALL = "send recall"
    SEND_WITHDRAWAL = "send withdrawal"
    SEND_RETURN_REQUEST = "send return-request"
    SEND_STORED = "send stored"
    SEND_OPEN_REQUEST = "send open-request"
    SEND_IMPORTED = "send imported"
    SEND_DURABLE = "send durable"
    SEND_REJECTED = "send rejected"
    SEND_EXPIRED = "send expired"
    SEND_RECALLED = "send recalled"
    SEND_WITHDRAWAL_ANSWER = "send withdrawal-answer"
    SEND_RETURN_ANSWER = "send return-answer"
    SEND_FIRST_CONTACT = "send first-contact"
    SEND_PASSED_ON = "send passed-on"


_O, _I, _F = Outbound, Inbound, Effect
_OE, _IE = OutEvent, InEvent
_END = (_F.DESTROY_SHARE_B, _F.UNFREEZE, _F.DROP_PACKET_ROW)
_BACK = (_F.DESTROY_SHARE_B, _F.TAKE_BACK, _F.DROP_PACKET_ROW)
_OPEN = (_O.QUEUED, _O.DELIVERED, _O.ASKED)
_KEPT = (_O.GRANTED, _O.CLOSED, _O.DURABLE)
_OVER = (_O.CLOSED, _O.DURABLE, _O.ERASED)
_HERE = (_I.IMPORTED, _I.CLOSED, _I.DURABLE)

# fmt: off
OUTBOUND: Machine[Outbound, OutEvent, Effect] = Machine([
    #    while             on                       enters        does                                             log entry
    Rule((_O.HELD,),       (_OE.WITHHELD,),         None,         (_F.TELL,)),
    Rule((_O.HELD,),       (_OE.PERMITTED,),        _O.QUEUED,    (_F.FREEZE, _F.KEEP_SHARE_B, _F.QUEUE_PACKET,
                                                                   _F.SEND_OFFER),                                 "transfer.sent"),
    Rule((_O.HELD,),       (_OE.STOPPED,),          _O.CANCELLED, (_F.TELL,)),
    Rule((_O.QUEUED,),     (_OE.STORED,),           _O.DELIVERED, (_F.DROP_PACKET_ROW,),                           "transfer.delivered"),
    Rule((_O.DELIVERED,),  (_OE.OPEN_REQUEST,),     _O.ASKED),
    Rule((_O.ASKED,),      (_OE.GRANT_DELAYED,),    None,         (_F.TELL,)),
    Rule((_O.ASKED,),      (_OE.GRANTED,),          _O.GRANTED,   (_F.MARK_GRANTED, _F.SEND_GRANT),                "transfer.granted"),
    Rule((_O.GRANTED,),    (_OE.IMPORTED,),         _O.CLOSED,    (_F.HAND_OVER, _F.SEND_CLOSED, _F.TELL),         "transfer.completed"),
    Rule((_O.CLOSED,),     (_OE.DURABLE,),          _O.DURABLE,   (_F.START_RETENTION,),                           "transfer.secured"),
    Rule((_O.DURABLE,),    (_OE.ERASED,),           _O.ERASED,    (_F.ERASE,),                                     "source.erased"),
    Rule(_OPEN,            (_OE.STOPPED,),          _O.RECALLING, (*_END, _F.SEND_RECALL, _F.TELL),                "transfer.recalled"),
    Rule(_OPEN,            (_OE.REJECTED,),         _O.REJECTED,  (*_END, _F.TELL),                                "transfer.recalled"),
    Rule(_OPEN,            (_OE.EXPIRED_THERE,),    _O.RECALLED,  (*_END, _F.TELL),                                "transfer.recalled"),
    Rule((_O.GRANTED,),    (_OE.REJECTED,),         _O.REJECTED,  (*_BACK, _F.TELL),                               "transfer.recalled"),
    Rule((_O.GRANTED,),    (_OE.EXPIRED_THERE,),    _O.RECALLED,  (*_BACK, _F.TELL),                               "transfer.recalled"),
    Rule((_O.GRANTED,),    (_OE.RECLAIMED,),        _O.RECLAIMED, (*_BACK, _F.TELL),                               "transfer.recalled"),
    # The peer's answers may cross our recall.
    Rule((_O.RECALLING,),  (_OE.STORED, _OE.OPEN_REQUEST, _OE.LOST), None),
    Rule((_O.RECALLING,),  (_OE.RECALLED, _OE.REJECTED, _OE.EXPIRED_THERE), _O.RECALLED),
    Rule((_O.RECALLING,),  (_OE.GIVEN_UP,),         _O.RECALLED,  (_F.TELL,)),
    Rule((_O.RECALLED,),   (_OE.STORED, _OE.OPEN_REQUEST, _OE.LOST, _OE.RECALLED, _OE.REJECTED, _OE.EXPIRED_THERE), None),
    Rule((_O.GRANTED, *_OVER), (_OE.WITHDRAWN,),    None,         (_F.SEND_WITHDRAWAL, _F.TELL),                   "notice.sent"),
    Rule(_OVER,            (_OE.WITHDRAWAL_ANSWER,), None,        (_F.TELL,),                                      "notice.answered"),
    Rule(_OVER,            (_OE.RETURN_ANSWER, _OE.FIRST_CONTACT, _OE.PASSED_ON), None, (_F.TELL,)),
    Rule((_O.CLOSED, _O.DURABLE), (_OE.RETURN_ASKED,), None,      (_F.SEND_RETURN_REQUEST,)),
    Rule((_O.ASKED,),      (_OE.OPEN_REQUEST,),     None),
    Rule((_O.QUEUED,),     (_OE.LOST,),             None),
    Rule((_O.DELIVERED, _O.ASKED), (_OE.LOST,),     _O.QUEUED,    (_F.QUEUE_PACKET,)),
    Rule((_O.GRANTED,),    (_OE.STORED,),           None,         (_F.DROP_PACKET_ROW,)),
    Rule((_O.GRANTED,),    (_OE.OPEN_REQUEST,),     None,         (_F.SEND_GRANT,)),
    Rule(_KEPT,            (_OE.LOST,),             _O.GRANTED,   (_F.MARK_GRANTED, _F.QUEUE_PACKET, _F.TELL)),
    Rule(_KEPT,            (_OE.LOST_EMPTY,),       _O.RECALLING, (_F.TAKE_BACK, _F.DROP_PACKET_ROW, _F.SEND_RECALL, _F.TELL), "transfer.recalled"),
    Rule(_OVER,            (_OE.LOST_MOOT,),        None,         (_F.SEND_RECALL, _F.TELL)),
    Rule(_OVER,            (_OE.RECALLED, _OE.REJECTED, _OE.EXPIRED_THERE), None, (_F.TELL,)),
])

INBOUND: Machine[Inbound, InEvent, Effect] = Machine([
    #    while             on                       enters        does                                             log entry
    Rule((_I.ABSENT,),     (_IE.OFFER,),            _I.ANNOUNCED, (_F.RESERVE,)),
    Rule((_I.ABSENT,),     (_IE.OFFER_UNFIT,),      _I.REJECTED,  (_F.SEND_REJECTED,),                             "transfer.rejected"),
    Rule((_I.ANNOUNCED,),  (_IE.PACKET,),           _I.WAITING,   (_F.KEEP_SEALED, _F.SEND_STORED, _F.TELL),       "transfer.received"),
    Rule((_I.ANNOUNCED,),  (_IE.PACKET_UNFIT,),     _I.REJECTED,  (_F.SHRED, _F.SEND_REJECTED),                    "transfer.rejected"),
    Rule((_I.WAITING,),    (_IE.APPROVED,),         _I.APPROVED,  (_F.SEND_OPEN_REQUEST,),                         "transfer.approved"),
    Rule((_I.APPROVED,),   (_IE.GRANT,),            _I.OPENING,   (_F.KEEP_SHARE_B,)),
    Rule((_I.OPENING,),    (_IE.OPENED,),           _I.IMPORTED,  (_F.IMPORT, _F.SHRED, _F.SEND_IMPORTED, _F.TELL), "transfer.imported"),
    Rule((_I.IMPORTED,),   (_IE.CLOSED,),           _I.CLOSED),
    Rule((_I.CLOSED,),     (_IE.BACKED_UP,),        _I.DURABLE,   (_F.SEND_DURABLE,),                              "transfer.backed_up"),
    Rule((_I.WAITING, _I.APPROVED), (_IE.REFUSED,), _I.REJECTED,  (_F.SHRED, _F.SEND_REJECTED),                    "transfer.refused"),
    Rule((_I.WAITING, _I.APPROVED, _I.OPENING), (_IE.UNREADABLE,), _I.REJECTED, (_F.SHRED, _F.SEND_REJECTED, _F.TELL), "transfer.refused"),
    Rule((_I.ANNOUNCED, _I.WAITING, _I.APPROVED, _I.OPENING), (_IE.WITHDRAWAL,), _I.REJECTED, (_F.SHRED, _F.SEND_REJECTED, _F.TELL), "transfer.refused"),
    Rule((_I.ANNOUNCED, _I.WAITING), (_IE.DEADLINE,), _I.EXPIRED, (_F.SHRED, _F.SEND_EXPIRED, _F.TELL),            "transfer.dropped"),
    Rule((_I.APPROVED,),   (_IE.ERASE_DUE,),        _I.EXPIRED,   (_F.SHRED, _F.SEND_EXPIRED, _F.TELL),            "transfer.dropped"),
    Rule((_I.ANNOUNCED, _I.WAITING, _I.APPROVED), (_IE.RECALL,), _I.RECALLED, (_F.SHRED, _F.SEND_RECALLED, _F.TELL), "transfer.dropped"),
    Rule(_HERE,            (_IE.WITHDRAWAL,),       None,         (_F.OPEN_DUTY, _F.TELL),                         "notice.taken"),
    Rule(_HERE,            (_IE.WITHDRAWAL_ANSWERED,), None,      (_F.SEND_WITHDRAWAL_ANSWER,),                    "notice.answered"),
    Rule((_I.ANNOUNCED, _I.WAITING, _I.APPROVED, _I.CLOSED, _I.DURABLE), (_IE.RETURN_REQUEST,), None, (_F.TELL,)),
    Rule(_HERE,            (_IE.RETURN_DECLINED,),  None,         (_F.SEND_RETURN_ANSWER,)),
    Rule(_HERE,            (_IE.FIRST_CONTACT_NOTED,), None,      (_F.SEND_FIRST_CONTACT,)),
    Rule(_HERE,            (_IE.PASSED_ON_NOTED,),  None,         (_F.SEND_PASSED_ON,)),
    # A grant opens nothing here any more; the sender may not know yet.
    Rule((_I.REJECTED, _I.EXPIRED), (_IE.RECALL, _IE.GRANT, _IE.WITHDRAWAL, _IE.RETURN_REQUEST), None),
    Rule((_I.RECALLED,),   (_IE.RECALL, _IE.WITHDRAWAL, _IE.RETURN_REQUEST), None),
    Rule((_I.ANNOUNCED, _I.WAITING, _I.OPENING, _I.IMPORTED), (_IE.GRANT,), None),
    Rule((_I.CLOSED, _I.DURABLE), (_IE.CLOSED,),    None),
])
# fmt: on


@dataclass(frozen=True, slots=True)
class MemberScope:
    """What of one case travels, and on which ground: stored, asked for again (HO-28).

    ``epoch`` is the sender's; ``basis`` the id of a consent, or ``statute:<code>``.
    """

    case: CaseId
    epoch: int
    categories: frozenset[str]
    documents: frozenset[RecordId]
    basis: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the other side said no: people ``refuse``, rules ``reject`` (HO-52).

    ``other`` names the body or AGS that is responsible instead.
    """

    by: str
    code: str
    comment: str | None = None
    other: str | None = None


_T = TypeVar("_T")
_E = TypeVar("_E", OutEvent, InEvent)


@dataclass(frozen=True, slots=True)
class Step(Generic[_T, _E]):
    """One applied event at one end; ``after`` still has the old ``version``."""

    before: _T
    after: _T
    event: _E
    effects: tuple[Effect, ...]
    logs: str | None


@dataclass(frozen=True, slots=True)
class OutboundTransfer:
    """One transfer as its sender knows it.

    ``facts``: when each state was entered; pages tick their steps from it.
    ``offer_digest``: SHA-256 of the offer's JWS (claim ``off``). ``last_entry``: commitment
    of the newest entry. ``body``: AGS of a body without a node (table ``exported``).
    """

    id: TransferId
    state: Outbound
    recipient: MemberId | None
    ags: Ags
    move_on: date
    reason: str
    members: tuple[MemberScope, ...]
    created_at: datetime
    created_by: AccountId | None
    policy: str = "auto"
    second: AccountId | None = None
    not_included: tuple[int, int] = (0, 0)
    why: Why | None = None
    version: int = 1
    expires_at: datetime | None = None
    packet_digest: bytes | None = None
    packet_bytes: int | None = None
    header_hash: bytes | None = None
    kem_kid: str | None = None
    offer_digest: bytes | None = None
    open_request_digest: bytes | None = None
    last_entry: bytes | None = None
    refusal: Refusal | None = None
    replaces: TransferId | None = None
    kind: Kind = Kind.MOVE
    withheld: tuple[tuple[CaseId, str], ...] = ()
    facts: Mapping[str, datetime] = field(default_factory=dict)
    body: Ags | None = None

    @property
    def holds(self) -> bool:
        """Whether it holds its cases (HO-5); an addendum follows them and never does."""
        return self.state in HOLDING and self.kind is not Kind.ADDENDUM

    def on(
        self,
        event: OutEvent,
        *,
        at: datetime,
        why: Why | None = None,
        table: Machine[Outbound, OutEvent, Effect] = OUTBOUND,
    ) -> "Step[OutboundTransfer, OutEvent]":
        """Apply one event by a table; TransitionError if it has no line (HO-11)."""
        outcome = table.step(self.state, event)
        facts = dict(self.facts)
        if outcome.enters is not self.state:
            facts[outcome.enters] = at
            # The first reason stays: an answer that crosses a recall does not change it.
            why = self.why or why
        else:
            why = self.why
        after = replace(self, state=outcome.enters, why=why, facts=facts)
        return Step(self, after, event, outcome.does, outcome.logs)


@dataclass(frozen=True, slots=True)
class InboundTransfer:
    """One transfer as its recipient knows it.

    ``offer`` is its verified body, ``offer_digest`` its JWS's SHA-256: the tombstone.
    """

    id: TransferId
    state: Inbound
    sender: MemberId
    offer: Mapping[str, object]
    offer_digest: bytes
    offered_at: datetime
    expires_at: datetime
    version: int = 1
    packet_digest: bytes | None = None
    packet_bytes: int = 0
    take: frozenset[str] | None = None
    decided_by: AccountId | None = None
    second_by: AccountId | None = None
    refusal: Refusal | None = None
    last_entry: bytes | None = None
    peer_entry: bytes | None = None
    facts: Mapping[str, datetime] = field(default_factory=dict)

    def on(self, event: InEvent, *, at: datetime) -> "Step[InboundTransfer, InEvent]":
        """Apply one event; TransitionError if the table has no line for it (HO-11)."""
        outcome = INBOUND.step(self.state, event)
        facts = dict(self.facts)
        if outcome.enters is not self.state:
            facts[outcome.enters] = at
        after = replace(self, state=outcome.enters, facts=facts)
        return Step(self, after, event, outcome.does, outcome.logs)
