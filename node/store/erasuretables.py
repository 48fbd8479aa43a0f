"""The table of cases that people erased: two before the time, one at the end of the years.

Rules as in ``tables``. Codes, account ids and the archive's reference: nothing here is
about the person.
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
