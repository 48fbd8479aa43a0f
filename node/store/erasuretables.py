"""The table of cases that two people erased before their time.

Rules as in ``tables``. Codes and account ids only: nothing here is about the person.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Named, Table, TypedColumns

from node.store.columns import Instant
from node.store.tables import metadata


class _ErasedCase(TypedColumns):
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    agreed_at = Column(Instant, primary_key=True)
    ground: Named[str]
    asked_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    asked_at = Column(Instant, nullable=False)
    agreed_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)


erased_case = Table(
    "erased_case",
    metadata,
    _ErasedCase,
    CheckConstraint("agreed_by <> asked_by", name="two_people"),
)
