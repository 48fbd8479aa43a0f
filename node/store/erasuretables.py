"""Tables of what was erased: cases by people, transfers after their years.

Rules as in ``tables``. Codes, account ids, instants and the archive's reference: nothing
here is about the person.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.store.columns import Day, Instant
from node.store.tables import metadata


class _ErasedCase(TypedColumns):
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    agreed_at = Column(Instant, primary_key=True)
    ground: Named[str]
    asked_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    asked_at = Column(Instant, nullable=False)
    agreed_by: Named[str | None] = Column(ForeignKey("account.id"))
    archive: Named[str | None]
    reference: Named[str]


erased_case = Table(
    "erased_case",
    metadata,
    _ErasedCase,
    CheckConstraint("agreed_by <> asked_by", name="two_people"),
    CheckConstraint("(agreed_by IS NULL) = (archive IS NOT NULL)", name="archive"),
)


class _TransferPast(TypedColumns):
    id = Column(Text, primary_key=True)
    outward: Named[bool] = Column(Boolean)
    persons: Named[int]
    worker: Named[str | None] = Column(Text)
    offered_at = Column(Instant)
    refused_code: Named[str | None] = Column(Text)
    facts: Named[str] = Column(Text)
    last_on = Column(Day)
    gone_on = Column(Day, nullable=False)


# Transfers whose record has gone: the number and the day, for ever (P2), and what reports
# count until the tally goes; then ``last_on`` is NULL. No case, no person, no other body.
transfer_past = Table(
    "transfer_past",
    metadata,
    _TransferPast,
    CheckConstraint("persons >= 0", name="persons"),
)
