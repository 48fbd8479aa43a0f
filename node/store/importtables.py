"""Tables of lists that wait, of what they did, and of what is remembered about titles.

Rules as in ``tables``. Rows and answers stand in ``sealed`` columns under a key of the list
itself; when the list goes, its key goes with it (SR-K1).
"""

from sqlalchemy import (
    JSON,
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

from node.cases.importports import BatchState
from node.store.columns import Instant, digests, one_of
from node.store.tables import metadata
from node.strictjson import Json


class _Batch(TypedColumns):
    id = Column(Text, primary_key=True)
    account: Named[str]
    state: Named[str]
    version: Named[int]
    created_at = Column(Instant, nullable=False)
    erase_at = Column(Instant, nullable=False)
    applied_at = Column(Instant)
    undone_at = Column(Instant)
    digest: Named[bytes] = Column(LargeBinary)
    wrapped: Named[bytes] = Column(LargeBinary)
    sealed: Named[bytes] = Column(LargeBinary)
    answers: Named[bytes] = Column(LargeBinary)


import_batch = Table(
    "import_batch",
    metadata,
    _Batch,
    one_of("state", BatchState),
    CheckConstraint("version >= 1", name="counters"),
    *digests("digest"),
    Index(None, "account"),
)


class _ImportCase(TypedColumns):
    batch: Named[str] = Column(ForeignKey("import_batch.id"), primary_key=True)
    case_id = Column(Text, primary_key=True)
    before: Named[int]
    after: Named[int]
    records: Named[Json] = Column(JSON, nullable=False)


# No foreign key to the case: taking the list back removes it.
import_case = Table("import_case", metadata, _ImportCase)


class _ImportMemory(TypedColumns):
    fingerprint: Named[bytes] = Column(LargeBinary, primary_key=True)
    sealed: Named[bytes] = Column(LargeBinary)


# What was decided about lists with the same titles.
import_memory = Table("import_memory", metadata, _ImportMemory, *digests("fingerprint"))
