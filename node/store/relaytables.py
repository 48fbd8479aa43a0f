"""Tables of the relay: what it keeps for others, and what of ours lies at one.

Rules as in ``tables``. Nothing a relay keeps names who sent it (HO-91).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from node.store.columns import Instant, digests
from node.store.tables import metadata


class _Queue(TypedColumns):
    member = Column(Text, primary_key=True)
    last = Column(BigInteger, nullable=False)


# A number is never used twice, so a reader's place stays good.
relay_queue = Table("relay_queue", metadata, _Queue)


class _Item(TypedColumns):
    queue = Column(Text, primary_key=True)
    n = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Named[str]
    kind: Named[str]
    digest: Named[bytes] = Column(LargeBinary)
    size = Column(BigInteger, nullable=False)
    file: Named[bytes] = Column(LargeBinary)
    arrived_at = Column(Instant, nullable=False)
    expires_at = Column(Instant, nullable=False)


relay_item = Table(
    "relay_item",
    metadata,
    _Item,
    UniqueConstraint("id"),
    UniqueConstraint("queue", "digest"),
    CheckConstraint("kind IN ('s', 'p')", name="kind"),
    *digests("digest", "file"),
    Index(None, "expires_at"),
)


class _Quota(TypedColumns):
    queue = Column(Text, primary_key=True)
    tag = Column(LargeBinary, primary_key=True)
    pieces = Column(BigInteger, nullable=False)
    size = Column(BigInteger, nullable=False)


# ``tag`` is a keyed hash of the sender; no item leads to it (ADR 0043).
relay_quota = Table("relay_quota", metadata, _Quota, *digests("tag"))


class _Upload(TypedColumns):
    id = Column(Text, primary_key=True)
    queue: Named[str]
    tag: Named[bytes] = Column(LargeBinary)
    kind: Named[str]
    digest: Named[bytes] = Column(LargeBinary)
    size = Column(BigInteger, nullable=False)
    received = Column(BigInteger, nullable=False)
    parts: Named[str]
    moved_at = Column(Instant, nullable=False)
    expires_at = Column(Instant, nullable=False)


relay_upload = Table(
    "relay_upload",
    metadata,
    _Upload,
    UniqueConstraint("queue", "tag", "digest"),
    *digests("tag", "digest"),
)


class _Post(TypedColumns):
    peer = Column(Text, primary_key=True)
    key = Column(Text, primary_key=True)
    relay: Named[str]
    posted_at = Column(Instant, nullable=False)
    until = Column(Instant, nullable=False)
    attempts: Named[int]


# What of ours lies in a peer's mailbox: a statement by its jti, a container by its
# transfer. ``until`` is when it is sent again, unless the peer has said something.
mail_post = Table(
    "mail_post", metadata, _Post, CheckConstraint("attempts >= 0", name="attempts")
)


class _Reply(TypedColumns):
    peer = Column(Text, primary_key=True)
    results: Named[str]
    version: Named[int]


# What an HTTP answer would have told a peer whose letter we took.
mail_reply = Table("mail_reply", metadata, _Reply)
