"""Tables of cases, records, consents, relocations, tasks and the directory.

Rules as in ``tables``. Clear columns are pseudonymous; what identifies a person or is free
text stands in a ``sealed`` column (SR-K1).
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    Table,
    Text,
    TypedColumns,
    and_,
    or_,
    text,
)

from node.cases.model import Baton, Origin
from node.cases.relocation import Routing, Source
from node.store.columns import Day, Instant, digests, one_of
from node.store.tables import metadata
from node.strictjson import Json

# Cases. The row of a shredded case stays; its key, records and files are gone.


class _CaseFile(TypedColumns):
    id = Column(Text, primary_key=True)
    epoch: Named[int]
    baton: Named[str]
    version: Named[int]
    opened_on = Column(Day, nullable=False)
    household: Named[str | None]
    caseworker: Named[str | None]
    transfer: Named[str | None]
    responsible_from = Column(Day)
    responsible_until = Column(Day)
    handed_to: Named[str | None]
    came_from: Named[str | None]
    restricted_on = Column(Day)
    birth_year: Named[int | None]
    wrapped: Named[bytes | None]
    # Since when caseworker and days of responsibility stand as they do.
    counted_at = Column(Instant, nullable=False)


case_file = Table(
    "case_file",
    metadata,
    _CaseFile,
    one_of("baton", [baton for baton in Baton if baton is not Baton.ABSENT]),
    CheckConstraint("(baton = 'shredded') = (wrapped IS NULL)", name="shredded"),
    CheckConstraint("epoch >= 1 AND version >= 1", name="counters"),
    Index(None, "household"),
    Index(None, "caseworker"),
)


class _Record(TypedColumns):
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    id = Column(Text, primary_key=True)
    kind: Named[str]
    version: Named[int]
    epoch: Named[int]
    on_date: Named[str | None]
    clear: Named[Json] = Column(JSON, nullable=False)
    sealed: Named[bytes | None]
    origin: Named[str]
    origin_node: Named[str | None]
    recorded_at = Column(Instant, nullable=False)
    recorded_by: Named[str | None]


record = Table(
    "record",
    metadata,
    _Record,
    one_of("origin", Origin),
    CheckConstraint("epoch >= 1 AND version >= 1", name="counters"),
    Index(None, "case_id", "kind", "on_date"),
    Index(None, "recorded_by", "recorded_at"),
)


# FR-8: our own work; an entry of a list only if its batch was held by this office.
OWN_WORK: Final = or_(
    record.c.origin == Origin.OWN,
    and_(record.c.origin == Origin.LIST, record.c.clear["counted"].as_boolean()),
)


class _RecordPast(_Record):
    version: Named[int] = Column(primary_key=True)
    superseded_at = Column(Instant, nullable=False)


# Every former version of a record.
record_past = Table("record_past", metadata, _RecordPast)


class _DocumentFile(TypedColumns):
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    digest: Named[bytes] = Column(primary_key=True)
    place: Named[str]
    epoch: Named[int]
    length = Column(BigInteger, nullable=False)
    content: Named[bytes]


# Sealed documents by the digest of their bytes on disk; ``place`` is bound into the seal.
# ``content`` is the digest of the plaintext, sealed: it would tell who has the same paper.
document_file = Table("document_file", metadata, _DocumentFile, *digests("digest"))


class _Consent(TypedColumns):
    id = Column(Text, primary_key=True)
    case_id: Named[str] = Column(ForeignKey("case_file.id"), nullable=False)
    given_by: Named[str]
    guardians: Named[Json] = Column(JSON, nullable=False)
    basis: Named[str]
    statute: Named[str | None]
    purpose: Named[str]
    recipients: Named[Json] = Column(JSON, nullable=False)
    categories: Named[Json] = Column(JSON, nullable=False)
    documents: Named[Json] = Column(JSON, nullable=False)
    valid_from = Column(Day, nullable=False)
    valid_until = Column(Day, nullable=False)
    recorded_at = Column(Instant, nullable=False)
    recorded_by: Named[str | None]
    second: Named[str | None]
    language: Named[str]
    form: Named[str]
    text_version: Named[str]
    digest: Named[bytes]
    announce_by_name: Named[bool]
    secrecy_release: Named[bool]
    contact_back: Named[bool]
    may_tell_old_office: Named[bool]
    declined_on = Column(Day)
    withdrawn_at = Column(Instant)
    withdrawn_how: Named[str | None]
    withdrawn_by: Named[str | None]
    received_by: Named[str | None]
    replaced_by: Named[str | None]
    entry: Named[bytes | None]
    sealed: Named[bytes]
    wrapped: Named[bytes]


consent = Table(
    "consent",
    metadata,
    _Consent,
    CheckConstraint("valid_from <= valid_until", name="validity"),
    # FR-21: a statute needs its paragraph and a second person.
    CheckConstraint(
        "basis <> 'statute' OR (statute IS NOT NULL AND second IS NOT NULL)",
        name="statute",
    ),
    CheckConstraint("second <> recorded_by", name="second"),
    *digests("digest", "entry"),
    Index(None, "case_id"),
)


class _ConsentChain(TypedColumns):
    case_id: Named[str] = Column(ForeignKey("case_file.id"), primary_key=True)
    entry: Named[bytes]


# The newest log entry of each person's consents.
consent_chain = Table("consent_chain", metadata, _ConsentChain, *digests("entry"))


class _Relocation(TypedColumns):
    id = Column(Text, primary_key=True)
    ags: Named[str]
    move_on = Column(Day, nullable=False)
    source: Named[str]
    routing: Named[str]
    recorded_at = Column(Instant, nullable=False)
    recorded_by: Named[str | None]
    recipient: Named[str | None]
    transfer: Named[str | None]


relocation = Table(
    "relocation",
    metadata,
    _Relocation,
    one_of("source", Source),
    one_of("routing", Routing),
)


class _RelocationCase(TypedColumns):
    relocation: Named[str] = Column(ForeignKey("relocation.id"), primary_key=True)
    position: Named[int] = Column(primary_key=True)
    case_id: Named[str] = Column(ForeignKey("case_file.id"), nullable=False)


relocation_case = Table(
    "relocation_case", metadata, _RelocationCase, Index(None, "case_id")
)


class _Idempotency(TypedColumns):
    caller = Column(Text, primary_key=True)
    key = Column(Text, primary_key=True)
    request: Named[bytes]
    answer: Named[bytes]
    at = Column(Instant, nullable=False)


idempotency = Table("idempotency", metadata, _Idempotency)


class _Task(TypedColumns):
    id = Column(Text, primary_key=True)
    kind: Named[str]
    case_id: Named[str]
    transfer: Named[str]
    for_role: Named[str]
    account: Named[str | None]
    due = Column(Day)
    codes: Named[Json] = Column(JSON, nullable=False)
    created_at = Column(Instant, nullable=False)
    settled_at = Column(Instant)


# ``case_id`` and ``transfer`` are empty, not NULL, where there is none: one open task each.
task = Table(
    "task",
    metadata,
    _Task,
    Index(
        "uq_task_open",
        "kind",
        "case_id",
        "transfer",
        unique=True,
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
)


# The directory as this node believes it.


class _DirectoryFile(TypedColumns):
    kind = Column(Text, primary_key=True)
    name = Column(Text, primary_key=True)
    serial: Named[int] = Column(BigInteger, primary_key=True)
    body: Named[bytes]
    first_seen_at = Column(Instant, nullable=False)


directory_file = Table("directory_file", metadata, _DirectoryFile)
