"""The log entry of each act of a transfer, appended in the transaction of its effect.

Enters: a transfer and the act's type. Leaves: the entry's commitment C, to be named by the
statement of the act and by the next entry. Must never happen: a name, an address or a free
text in an entry. Implements the field lists of exchange-log 3.3 and LR-6.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from node.ids import AccountId, MemberId, TransferId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.peerkeys import log_of
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft


@dataclass(frozen=True, slots=True)
class Who:
    """Who acted, and in which role; the default is the program itself."""

    role: str = "system"
    account: AccountId | None = None
    second: AccountId | None = None


SYSTEM = Who()


@dataclass(frozen=True, slots=True)
class Act:
    """What an entry says beyond its transfer.

    ``statement`` is the SHA-256 of the peer's statement that caused it; ``outcome`` a
    code; ``more`` the keys that only this type has.
    """

    statement: bytes | None = None
    outcome: str | None = None
    who: Who = SYSTEM
    more: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """The transfer an entry is about, seen from either end; no peer where it has no node."""

    transfer: TransferId
    peer: MemberId | None
    epoch: int | None
    packet: bytes | None
    prev: bytes | None


def common_epoch(epochs: Iterable[int]) -> int | None:
    """The epoch an entry names: the cases' common one, or none where they differ."""
    found = set(epochs)
    return found.pop() if len(found) == 1 else None


def record(
    uow: UnitOfWork,
    office: Office,
    kind: str,
    subject: Subject,
    *,
    act: Act,
    at: datetime,
) -> bytes:
    """Append the entry of one act.

    Returns:
        Its commitment C, 32 bytes.
    """
    peer = subject.peer
    head = uow.heads.seen(log_of(uow, office, peer)) if peer else None
    fields: dict[str, Json] = {
        "transfer": str(subject.transfer),
        "packet": subject.packet.hex() if subject.packet else None,
        "outcome": act.outcome,
        **act.more,
    }
    # An export has no other end that could speak: those keys are not in its entries.
    if not kind.startswith("export."):
        fields |= {
            "attempt": 1,
            "peer": str(peer) if peer else None,
            "epoch": subject.epoch,
            "statement": act.statement.hex() if act.statement else None,
            "peer_cp": {"log": head.origin, "size": head.size, "root": head.root.hex()}
            if head
            else None,
        }
    return uow.log.append(
        EntryDraft(
            type=kind,
            at=at,
            group=f"transfer:{subject.transfer}",
            fields=fields,
            role=act.who.role,
            actor=act.who.account,
            second=act.who.second,
            prev=subject.prev,
        )
    )
