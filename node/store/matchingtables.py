"""Tables of pairs of cases that may be one person, and of merges.

Rules as in ``tables``. Clear columns hold ids, codes, days; what a decision rests on and
what an undo needs is sealed under the key of a case (SR-K1).
"""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.cases.matching import Band
from node.cases.matchports import Decision
from node.store.columns import Day, Instant, one_of
from node.store.tables import metadata
from node.strictjson import Json


class _MatchPair(TypedColumns):
    one: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    other: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    band: Named[str]
    grounds: Named[Json] = Column(JSON, nullable=False)
    epoch: Named[int]
    sealed: Named[bytes]
    found_at = Column(Instant, nullable=False)
    decision: Named[str]
    decided_at = Column(Instant)
    decided_by: Named[str | None]


match_pair = Table(
    "match_pair",
    metadata,
    _MatchPair,
    one_of("band", Band),
    one_of("decision", Decision),
    CheckConstraint("one < other", name="order"),
    Index(None, "other"),
)


class _CaseMerge(TypedColumns):
    id = Column(Text, primary_key=True)
    survivor: Named[str] = Column(ForeignKey("case_file.id"), nullable=False)
    absorbed: Named[str] = Column(ForeignKey("case_file.id"), nullable=False)
    epoch: Named[int]
    merged_at = Column(Instant, nullable=False)
    merged_by: Named[str | None]
    undo_until = Column(Day, nullable=False)
    moved: Named[Json] = Column(JSON, nullable=False)
    taken: Named[Json] = Column(JSON, nullable=False)
    undone_at = Column(Instant)
    ended_at = Column(Instant)
    sealed: Named[bytes | None]


case_merge = Table(
    "case_merge",
    metadata,
    _CaseMerge,
    CheckConstraint("survivor <> absorbed", name="apart"),
    Index(None, "survivor"),
    Index(None, "absorbed"),
)
