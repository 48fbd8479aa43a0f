"""Prepared statements mean exactly what SQLAlchemy's own execution means."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Executable,
    TextClause,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    union,
    update,
)

from node.errors import ConflictError, UsageError
from node.store import direct
from node.store.direct import directly
from node.store.engine import Engines, open_engine
from node.store.tables import lease, node_state, outbound_member, outbound_transfer
from node.store.work import Access, Means, Work
from tests.support.databases import Postgres
from tests.support.transfers import NOON, digest

ROW = {
    "id": "0" * 32,
    "version": 1,
    "state": "held",
    "ags": "08337096",
    "move_on": date(2026, 3, 1),
    "reason": "move",
    "policy": "auto",
    "kind": "move",
    "adults_left_out": 0,
    "minors_left_out": 2,
    "created_at": NOON,
    "packet_digest": digest("x"),
    "withheld": "[]",
    "facts": "{}",
}
MEMBER = {
    "transfer": "0" * 32,
    "case_id": "1" * 32,
    "place": 0,
    "epoch": 1,
    "categories": "[]",
    "documents": "[]",
    "basis": "b",
    "holding": True,
}
_T = outbound_transfer.c
MOVE = update(outbound_transfer).where(_T.id == bindparam("id_"))
ONE = select(outbound_transfer).where(_T.id == bindparam("id_"))


@pytest.fixture
def dialect() -> str:
    return "sqlite"


@pytest.fixture
def connection(engines: Engines) -> Any:
    with engines.writer.connect() as connection, connection.begin():
        connection.execute(insert(outbound_transfer), ROW)
        connection.execute(insert(outbound_member), MEMBER)
        yield connection


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (ONE, {"id_": "0" * 32}),
        (ONE.with_for_update(), {"id_": "0" * 32}),
        (ONE, {"id_": "absent"}),
        (select(outbound_member), None),
        (select(_T.created_at, _T.move_on, _T.packet_digest), {}),
        (select(_T.created_at.label("first"), _T.created_at.label("second")), None),
        (select(func.count().label("number")).where(_T.state == "held"), None),
        (select(func.max(_T.created_at).label("newest")), None),
        (
            select(literal("fixed").label("word"), _T.id).limit(bindparam("most")),
            {"most": 3},
        ),
        (
            union(select(_T.id), select(outbound_member.c.case_id)).order_by("id"),
            None,
        ),
        (select(_T.id).where(_T.state.in_(["held", "queued"])), None),
        (select(_T.id).where(_T.created_at <= bindparam("at", NOON)), None),
        (
            select(_T.id).where(_T.created_at <= bindparam("at", NOON)),
            {"at": datetime(2020, 1, 1, tzinfo=UTC)},
        ),
        (text("SELECT id, version FROM outbound_transfer"), None),
    ],
)
def test_a_query_gives_the_same_rows(
    connection: Connection, query: Executable, parameters: dict[str, Any] | None
) -> None:
    expected = connection.execute(query, parameters).all()
    prepared = directly(connection, query, parameters)
    if prepared is None:
        assert isinstance(query, TextClause) or "IN" in str(query)
        return
    found = prepared.rows(connection, parameters)
    assert [tuple(row) for row in found] == [tuple(row) for row in expected]
    first = prepared.row(connection, parameters)
    assert (first is None) == (not expected)
    for row, wanted in zip(found, expected, strict=True):
        for name in wanted._fields:
            assert getattr(row, name) == getattr(wanted, name)
        assert type(row[0]) is type(wanted[0])


@pytest.mark.parametrize(
    ("statement", "parameters", "count"),
    [
        (update(outbound_transfer), {"policy": "confirm", "created_at": NOON}, 1),
        (
            update(outbound_transfer).where(_T.id == bindparam("id_")),
            {"id_": "x", "version": 2},
            0,
        ),
        (update(node_state).values(incarnation=node_state.c.incarnation + 1), {}, 1),
        (delete(outbound_member), None, 1),
        (insert(lease), {"name": "a", "holder": "b", "until": NOON}, 1),
        (
            insert(lease),
            [{"name": n, "holder": "b", "until": NOON} for n in ("a", "b", "c")],
            3,
        ),
        (insert(outbound_transfer), ROW | {"id": "f" * 32}, 1),
    ],
)
def test_a_change_counts_and_writes_the_same(
    connection: Connection, statement: Executable, parameters: Any, count: int
) -> None:
    def rows() -> list[Any]:
        tables = (outbound_transfer, outbound_member, lease, node_state)
        return [connection.execute(select(table)).all() for table in tables]

    prepared = directly(connection, statement, parameters)
    assert prepared is not None
    connection.exec_driver_sql("SAVEPOINT before")
    assert prepared.change(connection, parameters) == count
    found = rows()
    connection.exec_driver_sql("ROLLBACK TO before")
    connection.execute(statement, parameters)
    assert found == rows()


def test_a_statement_is_prepared_once_for_each_set_of_names(
    connection: Connection,
) -> None:
    statement = update(outbound_transfer)
    first = directly(connection, statement, {"policy": "a"})
    assert directly(connection, statement, {"policy": "b"}) is first
    assert directly(connection, statement, {"version": 2}) is not first


def test_statements_made_anew_each_time_do_not_fill_the_memory(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "_known", {})
    monkeypatch.setattr(direct, "_MOST", 5)
    for number in range(20):
        directly(connection, select(_T.id).where(_T.version == number), None)
    assert len(direct._known) <= 5


def test_a_missing_value_is_refused(connection: Connection) -> None:
    prepared = directly(connection, ONE, {})
    assert prepared is not None
    with pytest.raises(UsageError, match="id_"):
        prepared.rows(connection, {})


@pytest.mark.parametrize(
    "statement",
    [
        text("SELECT 1"),
        select(_T.id).where(_T.id.in_(bindparam("ids", expanding=True))),
        delete(outbound_member).returning(outbound_member.c.case_id),
    ],
)
def test_what_cannot_be_prepared_is_left_to_sqlalchemy(
    connection: Connection, statement: Executable
) -> None:
    assert directly(connection, statement, {"ids": ["a"]}) is None


@pytest.mark.spec("SR-D2")
@pytest.mark.parametrize(
    ("statement", "row", "error"),
    [
        (insert(outbound_transfer), ROW, ConflictError),
        (insert(outbound_transfer), ROW | {"id": "2", "state": "Amira"}, UsageError),
        (insert(outbound_transfer), ROW | {"id": "2", "ags": None}, UsageError),
        (insert(outbound_transfer), ROW | {"id": "2", "ags": object()}, UsageError),
        (insert(outbound_transfer), ROW | {"id": "2", "version": 2**70}, UsageError),
        (
            insert(outbound_transfer),
            ROW | {"id": "2", "created_at": "Amira"},
            UsageError,
        ),
        (
            insert(outbound_transfer),
            ROW | {"id": "2", "replaces": "Amira"},
            ConflictError,
        ),
    ],
)
def test_errors_are_ours_and_show_no_value(
    connection: Connection,
    means: Means,
    statement: Executable,
    row: dict[str, Any],
    error: type[Exception],
) -> None:
    work = Work(connection, means, is_reading=False)
    work.allow(Access.WRITE)
    with pytest.raises(error) as caught:
        work.change(statement, row)
    assert "Amira" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.postgres
def test_postgresql_is_left_to_sqlalchemy(postgres: Postgres) -> None:
    engines = open_engine(postgres.url("postgres"), durable=False)
    with engines.writer.connect() as connection:
        assert directly(connection, ONE, {"id_": "x"}) is None
    engines.close()
