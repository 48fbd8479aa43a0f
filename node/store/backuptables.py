"""Tables of what rests on backups: which were made and verified, and what is left to count.

Rules as in ``tables``. A row of ``backup`` says nothing of what a file holds beyond names
of weeks; a restored node finds the rows of the backups before its own.
"""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Index,
    Named,
    Table,
    Text,
    TypedColumns,
)

from node.store.columns import Day, Instant, digests
from node.store.tables import metadata
from node.strictjson import Json


class _Backup(TypedColumns):
    set = Column(Text, primary_key=True)
    kind = Column(Text, primary_key=True)
    path: Named[str]
    digest: Named[bytes]
    weeks: Named[Json] = Column(JSON, nullable=False)
    taken_at = Column(Instant, nullable=False)
    verified_at = Column(Instant)
    destroyed_at = Column(Instant)


backup = Table(
    "backup",
    metadata,
    _Backup,
    CheckConstraint("kind IN ('content', 'keys')", name="kind"),
    *digests("digest"),
    Index(None, "taken_at"),
)


class _Tally(TypedColumns):
    person = Column(Text, primary_key=True)
    n: Named[int] = Column(primary_key=True, autoincrement=False)
    worker: Named[str | None]
    made_on = Column(Day, nullable=False)
    kind: Named[str]
    on_date = Column(Day)
    codes: Named[Json] = Column(JSON, nullable=False)
    entry: Named[int]
    known_at = Column(Instant, nullable=False)
    known_until = Column(Instant)


# The nameless remainder of an erased case: one row per version of a record that a report
# counts; ``person`` is drawn for it and stands nowhere else.
tally = Table("tally", metadata, _Tally, Index(None, "kind", "on_date"))
