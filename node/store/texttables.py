"""Table of the consent texts a body has worded or verified.

Rules as in ``tables``. Every version stays: a consent names the one that was signed.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.store.columns import Instant
from node.store.tables import metadata


class _ConsentText(TypedColumns):
    digest = Column(Text, primary_key=True)
    language: Named[str]
    body: Named[bytes] = Column(LargeBinary, nullable=False)
    put_at = Column(Instant, nullable=False)
    put_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    verified_by: Named[str | None] = Column(ForeignKey("account.id"))


# The newest of a language counts. Whoever worded it never vouches for it (SC-38).
consent_text = Table(
    "consent_text",
    metadata,
    _ConsentText,
    CheckConstraint("length(digest) = 64", name="digest"),
    CheckConstraint("put_by <> verified_by", name="two_people"),
    Index(None, "language", "put_at"),
)


class _Recording(TypedColumns):
    language = Column(Text, primary_key=True)
    block = Column(Text, primary_key=True)
    of = Column(Text, nullable=False)
    media_type: Named[str]
    sound: Named[bytes] = Column(LargeBinary, nullable=False)


# A recording belongs to the words it was made of; with other words it is silent.
recording = Table("recording", metadata, _Recording)
