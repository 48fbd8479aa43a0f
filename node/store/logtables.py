"""Tables of the exchange log, of other logs' heads, and the triggers that guard them.

Rules as in ``tables``. Type, peer and time of an own entry stand in no column. Insert-only
tables refuse UPDATE and DELETE, a body goes only where ``log_erased`` covers it (LR-37).
The triggers guard against our own mistakes; the tree guards against the administrator.
Implements exchange log 9.1.
"""

from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    event,
)

from node.store.columns import Instant, digests
from node.store.tables import metadata

# SQLite finds rows by INTEGER keys without a second index.
_INDEX: Final = BigInteger().with_variant(Integer, "sqlite")


class _LogHead(TypedColumns):
    id: Named[int] = Column(primary_key=True, autoincrement=False)
    origin: Named[str]
    size = Column(BigInteger, nullable=False)
    frontier: Named[bytes]
    incarnation: Named[int]


log_head = Table(
    "log_head",
    metadata,
    _LogHead,
    CheckConstraint("id = 1", name="one"),
    CheckConstraint("size >= 0 AND incarnation >= 1", name="counters"),
)


class _LogLeaf(TypedColumns):
    idx: Named[int] = Column(_INDEX, primary_key=True, autoincrement=False)
    input: Named[bytes] = Column(unique=True, nullable=False)


log_leaf = Table(
    "log_leaf",
    metadata,
    _LogLeaf,
    CheckConstraint("length(input) = 33", name="input"),
)


class _LogTile(TypedColumns):
    level: Named[int] = Column(primary_key=True, autoincrement=False)
    n: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    root: Named[bytes]
    data: Named[bytes]


# Full tiles: 256 hashes, and before them their root, which is a hash of the level above:
# SQLite reads it without the long value behind it.
log_tile = Table(
    "log_tile",
    metadata,
    _LogTile,
    CheckConstraint("length(data) = 8192", name="data"),
    *digests("root"),
)


class _LogKey(TypedColumns):
    key_id: Named[bytes] = Column(primary_key=True)
    retention: Named[str]
    wrapped: Named[bytes]


log_key = Table("log_key", metadata, _LogKey)


class _LogBody(TypedColumns):
    idx: Named[int] = Column(_INDEX, ForeignKey("log_leaf.idx"), primary_key=True)
    event_id: Named[bytes] = Column(unique=True, nullable=False)
    key_id: Named[bytes] = Column(ForeignKey("log_key.key_id"), nullable=False)
    sealed: Named[bytes]


log_body = Table("log_body", metadata, _LogBody, Index(None, "key_id"))


class _LogCheckpoint(TypedColumns):
    size: Named[int] = Column(_INDEX, primary_key=True, autoincrement=False)
    root: Named[bytes]
    note: Named[str]
    signed_at = Column(Instant, nullable=False)


log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    _LogCheckpoint,
    *digests("root"),
)


class _LogCosig(TypedColumns):
    size: Named[int] = Column(
        _INDEX, ForeignKey("log_checkpoint.size"), primary_key=True
    )
    name = Column(Text, primary_key=True)
    key_id: Named[bytes] = Column(primary_key=True)
    first_at = Column(Instant, nullable=False)
    first_line: Named[str]
    last_at = Column(Instant, nullable=False)
    last_line: Named[str]


log_cosig = Table("log_cosig", metadata, _LogCosig, Index(None, "name", "size"))


class _LogErased(TypedColumns):
    idx: Named[int] = Column(_INDEX, ForeignKey("log_leaf.idx"), primary_key=True)
    erasure_id: Named[bytes] = Column(ForeignKey("log_erasure.id"), nullable=False)


# Which erasure took a body; the erasures themselves stand in ``keeptables``.
log_erased = Table("log_erased", metadata, _LogErased, Index(None, "erasure_id"))


class _WitnessHead(TypedColumns):
    origin = Column(Text, primary_key=True)
    size = Column(BigInteger, nullable=False)
    root: Named[bytes]
    note: Named[str]
    updated_at = Column(Instant, nullable=False)


witness_head = Table("witness_head", metadata, _WitnessHead)


class _WitnessPast(TypedColumns):
    origin = Column(Text, primary_key=True)
    size: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    root: Named[bytes]
    former = Column(BigInteger)
    path: Named[str | None]


# Every size of another log that we ever remembered, and cosigned; ``path`` is the proof
# that it goes on from ``former``, so that a chain of them can be shown to strangers.
witness_past = Table("witness_past", metadata, _WitnessPast)


class _WitnessEvidence(TypedColumns):
    id: Named[bytes] = Column(primary_key=True)
    origin: Named[str]
    reason: Named[str]
    known: Named[str]
    offered: Named[str]
    seen_at = Column(Instant, nullable=False)


witness_evidence = Table(
    "witness_evidence", metadata, _WitnessEvidence, Index(None, "origin")
)


class _LogShown(TypedColumns):
    peer = Column(Text, primary_key=True)
    size = Column(BigInteger, nullable=False)


# The size of our own log that a peer last confirmed to remember.
log_shown = Table("log_shown", metadata, _LogShown)


class _PeerClock(TypedColumns):
    peer = Column(Text, primary_key=True)
    said_at = Column(Instant, nullable=False)
    heard_at = Column(Instant, nullable=False)


# The newest clock that a peer signed in a hello, and when it reached us (SR-K7).
peer_clock = Table("peer_clock", metadata, _PeerClock)


class _PeerEntry(TypedColumns):
    origin = Column(Text, primary_key=True)
    c: Named[bytes] = Column(primary_key=True)
    idx = Column(BigInteger)
    key_id: Named[bytes] = Column(ForeignKey("log_key.key_id"), nullable=False)
    opening: Named[bytes | None]
    proof: Named[str | None]


peer_entry = Table("peer_entry", metadata, _PeerEntry, Index(None, "key_id"))


class _LogCheck(TypedColumns):
    id: Named[int] = Column(primary_key=True, autoincrement=False)
    at = Column(Instant, nullable=False)
    size = Column(BigInteger, nullable=False)
    verdict: Named[str]
    findings: Named[int]


# The newest daily check, for the state line of the auditor's pages; no evidence.
log_check = Table(
    "log_check", metadata, _LogCheck, CheckConstraint("id = 1", name="one")
)


_REFUSE: Final = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' refuses ' || TG_OP,
    ERRCODE = 'integrity_constraint_violation';
END $body$"""
_REFUSE_UNLESS_ERASED: Final = """
CREATE OR REPLACE FUNCTION refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM log_erased WHERE idx = OLD.idx) THEN RETURN OLD; END IF;
  RAISE EXCEPTION USING MESSAGE = 'log_body refuses DELETE',
    ERRCODE = 'integrity_constraint_violation';
END $body$"""


def _run(target: Table[Any] | MetaData, when: str, sql: str, *, dialect: str) -> None:
    """Run a statement with the creation of a table, on one dialect."""
    statement = DDL(sql)  # type: ignore[no-untyped-call]  # a gap of the library
    event.listen(target, when, statement.execute_if(dialect=dialect))


def _guard(table: Table[Any], when: str, condition: str | None = None) -> None:
    """Refuse changes of one table, on both dialects.

    Args:
        table: The table.
        when: ``DELETE``, ``UPDATE`` or ``UPDATE OF <columns>``.
        condition: SQLite's condition over OLD; None refuses all. PostgreSQL has it in
            the function ``refuse_unless_erased``.
    """
    verb = when.split(" ", 1)[0]
    name = f"{table.name}_no_{verb.lower()}"
    only = f"WHEN {condition} " if condition else ""
    function = "refuse_unless_erased" if condition else "refuse_change"
    for dialect, text in (
        (
            "sqlite",
            f"""CREATE TRIGGER {name} BEFORE {when} ON {table.name} {only}
            BEGIN SELECT RAISE(ABORT, '{table.name} refuses {verb}'); END""",
        ),
        (
            "postgresql",
            f"""CREATE TRIGGER {name} BEFORE {when} ON {table.name}
            FOR EACH ROW EXECUTE FUNCTION {function}()""",
        ),
    ):
        _run(table, "after_create", text, dialect=dialect)


def _guard_truncate(table: Table[Any]) -> None:
    text = (
        f"CREATE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE ON {table.name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    _run(table, "after_create", text, dialect="postgresql")


for _text in (_REFUSE, _REFUSE_UNLESS_ERASED):
    _run(metadata, "before_create", _text, dialect="postgresql")

INSERT_ONLY: Final[tuple[Table[Any], ...]] = (
    log_leaf,
    log_tile,
    log_checkpoint,
    log_erased,
    witness_past,
    witness_evidence,
)
for _table in INSERT_ONLY:
    _guard(_table, "UPDATE")
    _guard(_table, "DELETE")
for _table in (*INSERT_ONLY, log_head, log_body, log_key, log_cosig):
    _guard_truncate(_table)
_guard(log_head, "DELETE")
_guard(log_body, "UPDATE")
_guard(
    log_body,
    "DELETE",
    "NOT EXISTS (SELECT 1 FROM log_erased WHERE log_erased.idx = OLD.idx)",
)
_guard(log_key, "UPDATE OF key_id, retention")
_guard(log_cosig, "UPDATE OF size, name, key_id, first_at, first_line")
_guard(log_cosig, "DELETE")
