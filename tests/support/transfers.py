"""Valid transfers, statements and packets; a test states only what it is about."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from node.ids import AccountId, Ags, CaseId, MemberId, MessageId, RecordId, TransferId
from node.sync.chain import Position
from node.sync.rows import PacketRow, StatementRow
from node.sync.transfer import (
    Inbound,
    InboundTransfer,
    MemberScope,
    Outbound,
    OutboundTransfer,
)

NOON: Final = datetime(2026, 2, 10, 12, tzinfo=UTC)
WEHR: Final = MemberId("08337116-stadt-wehr")
SAECKINGEN: Final = MemberId("08337096-stadt-bad-saeckingen")


def digest(text: object) -> bytes:
    """Some 32 bytes that belong to a text."""
    return hashlib.sha256(str(text).encode()).digest()


def hex128(number: int) -> str:
    """The form of most identifiers."""
    return f"{number:032x}"


def transfer_id(number: int = 1) -> TransferId:
    """The transfer of a number."""
    return TransferId(hex128(number))


def message_id(number: int = 1) -> MessageId:
    """The message of a number."""
    return MessageId.of(number.to_bytes(16, "big"))


def member_scope(case: int = 1, **changes: Any) -> MemberScope:
    """One case with two categories and a document, resting on a consent."""
    member = MemberScope(
        case=CaseId(hex128(1000 + case)),
        epoch=3,
        categories=frozenset({"K01", "K11"}),
        documents=frozenset({RecordId(hex128(7))}),
        basis=hex128(2000 + case),
    )
    return replace(member, **changes)


def outbound(number: int = 1, **changes: Any) -> OutboundTransfer:
    """A transfer to Bad Säckingen, held."""
    transfer = OutboundTransfer(
        id=transfer_id(number),
        state=Outbound.HELD,
        recipient=SAECKINGEN,
        ags=Ags("08337096"),
        move_on=date(2026, 3, 1),
        reason="move",
        members=(member_scope(number),),
        created_at=NOON + timedelta(seconds=number),
        created_by=AccountId(hex128(5)),
        facts={"held": NOON},
    )
    return replace(transfer, **changes)


def inbound(number: int = 1, **changes: Any) -> InboundTransfer:
    """A transfer from Wehr, announced."""
    transfer = InboundTransfer(
        id=transfer_id(number),
        state=Inbound.ANNOUNCED,
        sender=WEHR,
        offer={"kind": "move", "cases": [{"tag": "x", "e": 3}], "named": False},
        offer_digest=digest(number),
        offered_at=NOON + timedelta(seconds=number),
        expires_at=NOON + timedelta(days=14),
        facts={"announced": NOON},
    )
    return replace(transfer, **changes)


def position(seq: int = 1, inc: int = 1) -> Position:
    """A place in a chain."""
    return Position(inc, seq, digest(f"{inc}/{seq}"))


def statement(seq: int = 1, **changes: Any) -> StatementRow:
    """A statement to Bad Säckingen at this place of the chain."""
    row = StatementRow(
        peer=SAECKINGEN,
        jti=message_id(seq),
        inc=1,
        seq=seq,
        type="closed",
        jws=f"jws-{seq}",
        entry=digest(f"entry-{seq}"),
        cp_size=0,
        transfer=None,
    )
    return replace(row, **changes)


def packet(number: int = 1, **changes: Any) -> PacketRow:
    """The container of a transfer to Bad Säckingen."""
    row = PacketRow(
        peer=SAECKINGEN,
        transfer=transfer_id(number),
        digest=digest(f"packet-{number}"),
        length=4096,
        offer_entry=digest(f"offer-{number}"),
    )
    return replace(row, **changes)
