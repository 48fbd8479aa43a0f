"""Tables of the quorum: what waits for witnesses, what was shown, what was heard.

Rules as in ``tables``. Nothing here is evidence: that lies in the log, in the statements
and in ``witness_evidence``.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    LargeBinary,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.store.columns import Instant, digests
from node.store.tables import metadata


class _QuorumWait(TypedColumns):
    transfer = Column(Text, ForeignKey("outbound_transfer.id"), primary_key=True)
    since = Column(Instant, nullable=False)
    got: Named[int]
    needed: Named[int]
    missing: Named[str]
    code: Named[str | None]
    asked_role: Named[str | None]
    asked_by: Named[str | None]
    override: Named[bytes | None] = Column(LargeBinary)


# Containers of ours that wait for cosignatures, and an override that somebody asked for.
quorum_wait = Table(
    "quorum_wait",
    metadata,
    _QuorumWait,
    CheckConstraint("got >= 0 AND needed >= 0", name="counts"),
)


class _QuorumShown(TypedColumns):
    transfer = Column(Text, primary_key=True)
    outcome: Named[str]
    note: Named[str]


# Offers whose sender has shown that its policy is met, or overridden.
quorum_shown = Table(
    "quorum_shown",
    metadata,
    _QuorumShown,
    CheckConstraint("outcome IN ('met', 'overridden')", name="outcome"),
)


class _GossipHead(TypedColumns):
    origin = Column(Text, primary_key=True)
    size = Column(BigInteger, primary_key=True, autoincrement=False)
    root: Named[bytes] = Column(LargeBinary)
    note: Named[str]


# Heads of third logs that peers told of, at sizes that we never cosigned.
gossip_head = Table("gossip_head", metadata, _GossipHead, *digests("root"))
