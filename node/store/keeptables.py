"""Tables of holds and erasures, and the triggers that keep a held group's rows.

Rules as in ``tables``; no type, peer or time of an own entry stands in a column, so rows
name their entries by commitment (LR-4). A hold or an erasure is never removed, and only
moves on. The triggers guard against our own mistakes: while a hold is open, body, key and
foreign entries of its group stay, and a key stays while a body needs it (LR-37).
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
    MetaData,
    Named,
    Table,
    TypedColumns,
    event,
    text,
)

from node.exchangelog.keeping import State
from node.store.columns import Instant, digests, one_of
from node.store.logtables import log_body, log_key, peer_entry
from node.store.tables import metadata


class _LogHold(TypedColumns):
    id: Named[bytes] = Column(primary_key=True)
    key_id: Named[bytes]
    basis: Named[str]
    set_entry: Named[bytes]
    released_entry: Named[bytes | None]


# Why the entries of a group must stay; it outlives the group's key, so no foreign key.
log_hold = Table(
    "log_hold",
    metadata,
    _LogHold,
    *digests("set_entry", "released_entry"),
    Index(None, "key_id"),
    # One open hold per group and reason.
    Index(
        "uq_log_hold_open",
        "key_id",
        "basis",
        unique=True,
        sqlite_where=text("released_entry IS NULL"),
        postgresql_where=text("released_entry IS NULL"),
    ),
)


class _LogErasure(TypedColumns):
    id: Named[bytes] = Column(primary_key=True)
    basis: Named[str]
    order_ref: Named[str | None]
    state: Named[str]
    intent: Named[bytes | None]
    done: Named[bytes | None]
    ordered_by: Named[str | None]
    second: Named[str | None]


# ``intent`` is the newest ``log.erasure`` of it, ``done`` its ``log.erased``. The two people
# are accounts, pseudonymous; a permanent entry names nobody.
log_erasure = Table(
    "log_erasure",
    metadata,
    _LogErasure,
    one_of("state", State),
    CheckConstraint("second <> ordered_by", name="second"),
    CheckConstraint("(state = 'done') = (done IS NOT NULL)", name="is_done"),
    CheckConstraint("state = 'replayed' OR intent IS NOT NULL", name="has_intent"),
    *digests("intent", "done"),
)


class _LogErasing(TypedColumns):
    key_id: Named[bytes] = Column(primary_key=True)
    erasure_id: Named[bytes] = Column(ForeignKey("log_erasure.id"), nullable=False)
    named_to = Column(BigInteger, nullable=False)


# Which groups an erasure is about to destroy; its entries below ``named_to`` are named in
# the tree already. Gone with the group.
log_erasing = Table("log_erasing", metadata, _LogErasing, Index(None, "erasure_id"))


class _LogOrder(TypedColumns):
    id: Named[bytes] = Column(primary_key=True)
    group_name: Named[str] = Column(unique=True, nullable=False)
    basis: Named[str]
    order_ref: Named[str]
    ordered_by: Named[str]
    ordered_at = Column(Instant, nullable=False)


# An early erasure that waits for its second person.
log_order = Table("log_order", metadata, _LogOrder)


_HELD: Final = (
    "EXISTS (SELECT 1 FROM log_hold WHERE log_hold.key_id = OLD.key_id "
    "AND log_hold.released_entry IS NULL)"
)
_USED: Final = "EXISTS (SELECT 1 FROM log_body WHERE log_body.key_id = OLD.key_id)"


def _run(target: Table[Any] | MetaData, when: str, sql: str, *, dialect: str) -> None:
    statement = DDL(sql)  # type: ignore[no-untyped-call]  # a gap of the library
    event.listen(target, when, statement.execute_if(dialect=dialect))


def _refuse(table: Table[Any], when: str, word: str, condition: str = "") -> None:
    """Refuse a change of a row while a condition over OLD holds; both dialects."""
    name = f"{table.name}_{word}"
    only = f"WHEN {condition} " if condition else ""
    says = f"{table.name} is {word}"
    _run(
        table,
        "after_create",
        f"""CREATE TRIGGER {name} BEFORE {when} ON {table.name} {only}
        BEGIN SELECT RAISE(ABORT, '{says}'); END""",
        dialect="sqlite",
    )
    _run(
        table,
        "after_create",
        f"""CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
        AS $body$ BEGIN
          IF {condition or "TRUE"} THEN
            RAISE EXCEPTION USING MESSAGE = '{says}',
              ERRCODE = 'integrity_constraint_violation';
          END IF;
          IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
          RETURN NEW;
        END $body$""",
        dialect="postgresql",
    )
    _run(
        table,
        "after_create",
        f"""CREATE TRIGGER {name} BEFORE {when} ON {table.name}
        FOR EACH ROW EXECUTE FUNCTION {name}()""",
        dialect="postgresql",
    )


for _table in (log_body, log_key, peer_entry):
    _refuse(_table, "DELETE", "held", _HELD)
_refuse(log_key, "DELETE", "used", _USED)
_refuse(log_hold, "DELETE", "kept")
_refuse(log_hold, "UPDATE OF id, key_id, basis, set_entry", "fixed")
_refuse(log_hold, "UPDATE", "released", "OLD.released_entry IS NOT NULL")
_refuse(log_erasure, "DELETE", "kept")
_refuse(log_erasure, "UPDATE OF id, basis, order_ref, ordered_by, second", "fixed")
_refuse(log_erasure, "UPDATE", "done", "OLD.done IS NOT NULL")
for _name in ("log_hold", "log_erasure"):
    _run(
        metadata.tables[_name],
        "after_create",
        f"CREATE TRIGGER {_name}_no_truncate BEFORE TRUNCATE ON {_name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        dialect="postgresql",
    )
