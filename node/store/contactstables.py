"""The table of drafts: what a caseworker began to write and has not saved.

Rules as in ``tables``. What was typed stands in a ``sealed`` column under the key of its
case (SR-K1), so it goes with the case.
"""

from sqlalchemy import Column, ForeignKey, Index, Named, Table, TypedColumns

from node.store.columns import Instant
from node.store.tables import metadata


class _Draft(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    epoch: Named[int]
    kept_at = Column(Instant, nullable=False)
    sealed: Named[bytes]


# One per account and case: the newest words replace the ones before.
draft = Table(
    "contact_draft", metadata, _Draft, Index(None, "case_id"), Index(None, "kept_at")
)
