"""Every table and constraint, as SQLAlchemy Core. Names of constraints are fixed.

Instants are ``BIGINT`` microseconds since 1970 UTC, dates are ISO text, ids are text,
digests and sealed values are binary. What the database can hold as an invariant, it holds
(P2): unique, check, foreign key, not null.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    text,
)

from node.exchangelog.standing import Standing
from node.store.columns import Day, Instant, digests, one_of
from node.sync.transfer import Inbound, Outbound, Why
from node.sync.words import Kind

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# --- the node itself


class _NodeState(TypedColumns):
    id = Column(Integer, primary_key=True, autoincrement=False)
    incarnation: Named[int]
    oldest_schema: Named[int]


# One row. ``oldest_schema``: programs that know no newer schema than this stay outside.
node_state = Table(
    "node_state",
    metadata,
    _NodeState,
    CheckConstraint("id = 1", name="id"),
    CheckConstraint("incarnation >= 1", name="incarnation"),
)


class _NodeStanding(TypedColumns):
    id = Column(Integer, primary_key=True, autoincrement=False)
    standing: Named[str] = Column(Text)
    reason: Named[str | None] = Column(Text)
    proof: Named[str | None] = Column(Text)
    declared: Named[bool] = Column(Boolean)
    since = Column(Instant, nullable=False)


# One row, so that every process of the node sees it; each start of a leader sets it anew.
node_standing = Table(
    "node_standing",
    metadata,
    _NodeStanding,
    CheckConstraint("id = 1", name="id"),
    one_of("standing", Standing),
    CheckConstraint("(standing = 'quarantine') = (reason IS NOT NULL)", name="reason"),
)


class _Lease(TypedColumns):
    name = Column(Text, primary_key=True)
    holder: Named[str] = Column(Text)
    until = Column(Instant, nullable=False)


lease = Table("lease", metadata, _Lease)


# --- transfers this node sends


class _Outbound(TypedColumns):
    id = Column(Text, primary_key=True)
    version: Named[int]
    state: Named[str] = Column(Text)
    why: Named[str | None] = Column(Text)
    recipient: Named[str | None] = Column(Text)
    body: Named[str | None] = Column(Text)
    ags: Named[str] = Column(Text)
    move_on = Column(Day, nullable=False)
    reason: Named[str] = Column(Text)
    policy: Named[str] = Column(Text)
    adults_left_out: Named[int]
    minors_left_out: Named[int]
    created_at = Column(Instant, nullable=False)
    created_by: Named[str | None] = Column(Text)
    second: Named[str | None] = Column(Text)
    expires_at = Column(Instant)
    packet_digest: Named[bytes | None] = Column(LargeBinary)
    packet_bytes: Named[int | None] = Column(BigInteger)
    header_hash: Named[bytes | None] = Column(LargeBinary)
    kem_kid: Named[str | None] = Column(Text)
    offer_digest: Named[bytes | None] = Column(LargeBinary)
    open_request_digest: Named[bytes | None] = Column(LargeBinary)
    last_entry: Named[bytes | None] = Column(LargeBinary)
    refused_by: Named[str | None] = Column(Text)
    refused_code: Named[str | None] = Column(Text)
    refused_other: Named[str | None] = Column(Text)
    refused_comment: Named[bytes | None] = Column(LargeBinary)
    replaces: Named[str | None] = Column(Text, ForeignKey("outbound_transfer.id"))
    kind: Named[str] = Column(Text)
    withheld: Named[str] = Column(Text)
    facts: Named[str] = Column(Text)


outbound_transfer = Table(
    "outbound_transfer",
    metadata,
    _Outbound,
    one_of("state", Outbound),
    one_of("why", Why),
    one_of("kind", Kind),
    # FR-17: nobody is their own second person.
    CheckConstraint("second <> created_by", name="second"),
    *digests("packet_digest", "header_hash", "offer_digest"),
    *digests("open_request_digest", "last_entry"),
    Index(None, "state", "created_at", "id"),
)


class _Member(TypedColumns):
    transfer = Column(Text, ForeignKey("outbound_transfer.id"), primary_key=True)
    case_id = Column(Text, primary_key=True)
    place: Named[int]
    epoch: Named[int]
    categories: Named[str] = Column(Text)
    documents: Named[str] = Column(Text)
    basis: Named[str] = Column(Text)
    holding: Named[bool] = Column(Boolean)


outbound_member = Table(
    "outbound_member",
    metadata,
    _Member,
    # HO-5: at most one transfer holds a case.
    Index(
        "uq_outbound_member_holding",
        "case_id",
        unique=True,
        sqlite_where=text("holding"),
        postgresql_where=text("holding"),
    ),
    Index(None, "case_id"),
    Index(None, "basis"),
)


class _OutboundSecret(TypedColumns):
    transfer = Column(Text, ForeignKey("outbound_transfer.id"), primary_key=True)
    share_b: Named[bytes | None] = Column(LargeBinary)
    file: Named[bytes | None] = Column(LargeBinary)
    file_bytes: Named[int | None] = Column(BigInteger)


# A row without share B is what a destroyed one leaves behind.
outbound_secret = Table(
    "outbound_secret",
    metadata,
    _OutboundSecret,
    *digests("file"),
    CheckConstraint(
        "(share_b IS NULL) = (file IS NULL) AND (file IS NULL) = (file_bytes IS NULL)",
        name="whole",
    ),
)


# --- transfers this node receives


class _Inbound(TypedColumns):
    id = Column(Text, primary_key=True)
    version: Named[int]
    state: Named[str] = Column(Text)
    sender: Named[str] = Column(Text)
    offer: Named[str] = Column(Text)
    offer_digest: Named[bytes] = Column(LargeBinary)
    offered_at = Column(Instant, nullable=False)
    expires_at = Column(Instant, nullable=False)
    packet_digest: Named[bytes | None] = Column(LargeBinary)
    packet_bytes: Named[int] = Column(BigInteger)
    take: Named[str | None] = Column(Text)
    decided_by: Named[str | None] = Column(Text)
    second_by: Named[str | None] = Column(Text)
    refused_by: Named[str | None] = Column(Text)
    refused_code: Named[str | None] = Column(Text)
    refused_other: Named[str | None] = Column(Text)
    refused_comment: Named[bytes | None] = Column(LargeBinary)
    last_entry: Named[bytes | None] = Column(LargeBinary)
    peer_entry: Named[bytes | None] = Column(LargeBinary)
    facts: Named[str] = Column(Text)


# The number is drawn by the sender, so P2's UNIQUE(sender, transfer) is the key itself:
# a second sender with the same number is refused, not mixed up.
inbound_transfer = Table(
    "inbound_transfer",
    metadata,
    _Inbound,
    one_of("state", Inbound),
    *digests("offer_digest", "packet_digest", "last_entry", "peer_entry"),
    Index(None, "state", "offered_at", "id"),
    Index(None, "sender", "state"),
)


class _InboundCase(TypedColumns):
    transfer = Column(Text, ForeignKey("inbound_transfer.id"), primary_key=True)
    case_id = Column(Text, primary_key=True)
    tag: Named[bytes | None] = Column(LargeBinary)


# Which cases a transfer brought, and the tag by which its sender speaks of each (HO-23).
inbound_case = Table(
    "inbound_case",
    metadata,
    _InboundCase,
    Index(None, "case_id"),
)


class _ReceivedPacket(TypedColumns):
    transfer = Column(Text, ForeignKey("inbound_transfer.id"), primary_key=True)
    key: Named[bytes] = Column(LargeBinary)
    grant: Named[bytes | None] = Column(LargeBinary)


received_packet = Table("received_packet", metadata, _ReceivedPacket)


class _ReceivedPart(TypedColumns):
    transfer = Column(Text, ForeignKey("inbound_transfer.id"), primary_key=True)
    start: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    file: Named[bytes] = Column(LargeBinary)


# The sealed files of a container, by the place of their first byte in it: while its upload
# runs, and once it is whole.
received_part = Table("received_part", metadata, _ReceivedPart, *digests("file"))


class _Upload(TypedColumns):
    transfer = Column(Text, ForeignKey("inbound_transfer.id"), primary_key=True)
    key: Named[bytes] = Column(LargeBinary)
    received: Named[int] = Column(BigInteger)
    moved_at = Column(Instant, nullable=False)


upload = Table("upload", metadata, _Upload)


# --- statements, and what waits for a peer


class _Chain(TypedColumns):
    peer = Column(Text, primary_key=True)
    out_inc = Column(BigInteger)
    out_seq = Column(BigInteger)
    out_digest: Named[bytes | None] = Column(LargeBinary)
    in_inc = Column(BigInteger)
    in_seq = Column(BigInteger)
    in_digest: Named[bytes | None] = Column(LargeBinary)
    quarantine_code: Named[str | None] = Column(Text)
    quarantine_proof: Named[str | None] = Column(Text)


# One row per pair; locked while a statement is numbered and signed (HO-43).
chain = Table(
    "chain",
    metadata,
    _Chain,
    *digests("out_digest", "in_digest"),
)


class _Statement(TypedColumns):
    peer = Column(Text, primary_key=True)
    inc = Column(BigInteger, primary_key=True, autoincrement=False)
    seq = Column(BigInteger, primary_key=True, autoincrement=False)
    jti: Named[str] = Column(Text)
    type: Named[str] = Column(Text)
    jws: Named[str] = Column(Text)
    entry: Named[bytes | None] = Column(LargeBinary)
    cp_size = Column(BigInteger, nullable=False)
    transfer: Named[str | None] = Column(Text)
    acknowledged_at = Column(Instant)
    parked_at = Column(Instant)


# What we said. The key is P2's UNIQUE(incarnation, seq) per pair and direction.
statement = Table(
    "statement",
    metadata,
    _Statement,
    UniqueConstraint("peer", "jti"),
    *digests("entry"),
    Index(
        "ix_statement_waiting",
        "peer",
        "inc",
        "seq",
        sqlite_where=text("acknowledged_at IS NULL"),
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
    Index(None, "transfer"),
)


class _OutboxPacket(TypedColumns):
    id = Column(Integer, primary_key=True)
    transfer: Named[str] = Column(Text, ForeignKey("outbound_transfer.id"), unique=True)
    peer: Named[str] = Column(Text)
    digest: Named[bytes] = Column(LargeBinary)
    length: Named[int] = Column(BigInteger)
    offer_entry: Named[bytes] = Column(LargeBinary)
    failures: Named[int]
    next_attempt_at = Column(Instant)
    parked_at = Column(Instant)
    code: Named[str | None] = Column(Text)


outbox_packet = Table(
    "outbox_packet",
    metadata,
    _OutboxPacket,
    *digests("digest", "offer_entry"),
    Index(None, "peer", "id"),
)


class _PeerQueue(TypedColumns):
    peer = Column(Text, primary_key=True)
    failures: Named[int]
    next_attempt_at = Column(Instant)
    failing_since = Column(Instant)
    last_success_at = Column(Instant)
    code: Named[str | None] = Column(Text)


peer_queue = Table("peer_queue", metadata, _PeerQueue)


class _Taken(TypedColumns):
    issuer = Column(Text, primary_key=True)
    jti = Column(Text, primary_key=True)
    inc = Column(BigInteger, nullable=False)
    seq = Column(BigInteger, nullable=False)
    digest: Named[bytes] = Column(LargeBinary)
    type: Named[str] = Column(Text)
    jws: Named[str | None] = Column(Text)
    result: Named[str] = Column(Text)
    transfer: Named[str | None] = Column(Text)
    taken_at = Column(Instant, nullable=False)


# What peers said. Place, digest and result are kept for ever (P2); the words go with the
# record of their transfer.
taken = Table(
    "taken",
    metadata,
    _Taken,
    UniqueConstraint("issuer", "inc", "seq"),
    *digests("digest"),
    Index(None, "transfer"),
)
