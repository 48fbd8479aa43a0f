"""Tables that reports rest on: how cases were counted before, snapshots, the template.

Rules as in ``tables``. Nothing here names a person: cases stand under their numbers, tables
hold counts. A template is the funder's own file.
"""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    LargeBinary,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.store.columns import Day, Instant, digests
from node.store.tables import metadata
from node.strictjson import Json


class _CasePast(TypedColumns):
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    version: Named[int] = Column(primary_key=True, autoincrement=False)
    caseworker: Named[str | None]
    responsible_from = Column(Day)
    responsible_until = Column(Day)
    counted_at = Column(Instant, nullable=False)
    known_until = Column(Instant, nullable=False)


# In whose hands a case was, and on which days ours, until it changed.
case_past = Table("case_past", metadata, _CasePast)


class _Snapshot(TypedColumns):
    id = Column(Text, primary_key=True)
    definition: Named[str]
    definition_digest: Named[bytes] = Column(LargeBinary)
    first = Column(Day, nullable=False)
    last = Column(Day, nullable=False)
    caseworker: Named[str | None]
    known_at = Column(Instant, nullable=False)
    software: Named[str]
    # The bytes that the digest was made of, so no column of JSON.
    content: Named[str] = Column(Text)
    digest: Named[bytes] = Column(LargeBinary)
    made_by: Named[str]


report_snapshot = Table(
    "report_snapshot", metadata, _Snapshot, *digests("definition_digest", "digest")
)


class _Settings(TypedColumns):
    id: Named[int] = Column(primary_key=True, autoincrement=False)
    first = Column(Day, nullable=False)
    last = Column(Day, nullable=False)
    window_months: Named[int]
    changed_by: Named[str]
    changed_at = Column(Instant, nullable=False)


# The funding period and the length of the window: one row, or none yet.
report_settings = Table(
    "report_settings",
    metadata,
    _Settings,
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("first <= last", name="days"),
    CheckConstraint("window_months BETWEEN 1 AND 60", name="window"),
)


class _FundingPast(TypedColumns):
    last = Column(Day, primary_key=True)
    first = Column(Day, nullable=False)
    set_at = Column(Instant, nullable=False)


# Periods of funding that ran out and were succeeded: their counted lines end by them.
funding_past = Table("funding_past", metadata, _FundingPast)


class _Template(TypedColumns):
    digest: Named[bytes] = Column(LargeBinary, primary_key=True)
    name: Named[str]
    content: Named[bytes] = Column(LargeBinary)
    # Which number goes into which cell; empty until somebody said so.
    cells: Named[Json] = Column(JSON, nullable=False)
    version: Named[int]
    uploaded_by: Named[str]
    uploaded_at = Column(Instant, nullable=False)


# The funder's own pattern; the newest one counts.
proof_template = Table("proof_template", metadata, _Template, *digests("digest"))
