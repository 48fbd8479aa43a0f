"""Tables of sealed exports, and of sealed files that were taken in.

Rules as in ``tables``. Name and address of the body, and the persons on the phone, stand in
a ``sealed`` column (SR-K1).
"""

from sqlalchemy import (
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


class _Export(TypedColumns):
    transfer = Column(Text, ForeignKey("outbound_transfer.id"), primary_key=True)
    ags: Named[str]
    code: Named[bytes | None] = Column(LargeBinary)
    failures: Named[int]
    next_try_at = Column(Instant)
    shown_until = Column(Instant)
    shown_to: Named[str | None]
    asked: Named[str | None]
    asked_by: Named[str | None]
    sealed: Named[bytes | None] = Column(LargeBinary)


# Beside the transfer of a sealed export; its passphrase stands where share B does.
export = Table(
    "export",
    metadata,
    _Export,
    *digests("code"),
    CheckConstraint("failures >= 0", name="failures"),
    CheckConstraint("(asked IS NULL) = (asked_by IS NULL)", name="asked"),
    CheckConstraint("asked IN ('not_opened', 'filed')", name="asked_what"),
)


class _TakenIn(TypedColumns):
    transfer = Column(Text, primary_key=True)
    sender: Named[str]
    manifest: Named[bytes] = Column(LargeBinary)
    imported_at = Column(Instant, nullable=False)
    imported_by: Named[str | None]
    entry: Named[bytes] = Column(LargeBinary)
    durable_at = Column(Instant)


# Sealed files imported here; a second import of one finds its row.
taken_in = Table("taken_in", metadata, _TakenIn, *digests("manifest", "entry"))
