"""Tables of logs of ours that ended, and of peers' key cards.

Rules as in ``tables``. When a log ends (``recover --new-log``) its rows move here under its
origin, as they were, so that its proofs stay valid. Group keys stay where they are: erasing
one erases here as well.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.store.columns import Instant, digests
from node.store.tables import metadata


class _PastLog(TypedColumns):
    origin = Column(Text, primary_key=True)
    size = Column(BigInteger, nullable=False)
    frontier: Named[bytes]
    incarnation: Named[int]
    # The head that the next log continues: the newest one anybody remembers of this one.
    continued_origin = Column(Text, nullable=False)
    continued_size = Column(BigInteger, nullable=False)
    continued_root: Named[bytes]
    ended_at = Column(Instant, nullable=False)


past_log = Table("past_log", metadata, _PastLog, *digests("continued_root"))


class _PastLeaf(TypedColumns):
    origin = Column(Text, primary_key=True)
    idx = Column(BigInteger, primary_key=True, autoincrement=False)
    input: Named[bytes]


past_leaf = Table("past_leaf", metadata, _PastLeaf)


class _PastBody(TypedColumns):
    origin = Column(Text, primary_key=True)
    idx = Column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Named[bytes]
    key_id: Named[bytes]
    sealed: Named[bytes]


past_body = Table("past_body", metadata, _PastBody, Index(None, "key_id"))


class _PastTile(TypedColumns):
    origin = Column(Text, primary_key=True)
    level: Named[int] = Column(primary_key=True, autoincrement=False)
    n: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    root: Named[bytes]
    data: Named[bytes]


past_tile = Table("past_tile", metadata, _PastTile, *digests("root"))


class _PastCheckpoint(TypedColumns):
    origin = Column(Text, primary_key=True)
    size = Column(BigInteger, primary_key=True, autoincrement=False)
    root: Named[bytes]
    note: Named[str]
    signed_at = Column(Instant, nullable=False)


past_checkpoint = Table("past_checkpoint", metadata, _PastCheckpoint, *digests("root"))


class _PastCosig(TypedColumns):
    origin = Column(Text, primary_key=True)
    size = Column(BigInteger, primary_key=True, autoincrement=False)
    name = Column(Text, primary_key=True)
    key_id: Named[bytes] = Column(primary_key=True)
    first_at = Column(Instant, nullable=False)
    first_line: Named[str]
    last_at = Column(Instant, nullable=False)
    last_line: Named[str]


past_cosig = Table("past_cosig", metadata, _PastCosig)


class _PastErased(TypedColumns):
    origin = Column(Text, primary_key=True)
    idx = Column(BigInteger, primary_key=True, autoincrement=False)
    erasure_id: Named[bytes]


past_erased = Table("past_erased", metadata, _PastErased)


class _PeerCard(TypedColumns):
    peer = Column(Text, primary_key=True)
    inc = Column(BigInteger, nullable=False)
    # The signed card as it came; it was judged before it was kept.
    payload: Named[str] = Column(Text)
    taken_at = Column(Instant, nullable=False)


peer_card = Table("peer_card", metadata, _PeerCard)
