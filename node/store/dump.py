"""All rows of a database as bytes that either dialect can take back.

Enters: one reading unit, which sees one state of the database; or the bytes of such a dump
and an empty database. Leaves: members of an archive, one per table, parents first; or the
filled database. Must never happen: a value that changes on its way; a table left out. The
schema is not dumped: a migration makes it, the manifest says which.
Implements the database part of SR-R1 (ADR 0030).

A member's first chunk is the JSON list of column names; each other chunk holds whole rows.
A value is a letter and its bytes: ``N`` null, ``0`` ``1`` booleans, ``I`` integer, ``S``
text, ``B`` bytes, ``T`` instant in microseconds, ``D`` day, ``J`` JSON; all but the first
three have a length (4) between letter and bytes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Table,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from node.errors import BackupError
from node.store.archive import CHUNK_BYTES, Member
from node.store.columns import from_micros, to_micros
from node.store.tables import (
    metadata,
    node_standing,
    node_state,
    outbound_transfer,
)
from node.store.work import Work, translated

PREFIX: Final = "db/"
_ROWS_AT_ONCE: Final = 500


class Dump:
    """The tables of one reading unit."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        counts = {}
        for table in metadata.sorted_tables:
            row = self._work.row(select(func.count()).select_from(table))
            counts[table.name] = 0 if row is None else int(row[0])
        return counts

    def members(self) -> Iterator[Member]:
        """One member per table; parents stand before their children."""
        for table in metadata.sorted_tables:
            yield Member(PREFIX + table.name, _dump(self._work, table))


def load_table(connection: Connection, member: Member) -> int:
    """Fill one table of an empty database; gives the number of rows.

    Raises:
        BackupError: A table, column or value that this schema does not have.
        StoreError: The database did not take it.
    """
    table = metadata.tables.get(member.name.removeprefix(PREFIX))
    head = next(member.chunks, None)
    if table is None or head is None:
        raise BackupError("a table that this program does not know")
    columns = json.loads(head)
    if columns != [column.name for column in table.columns]:
        raise BackupError("a table has other columns than this program knows")
    count = 0
    try:
        if table in {node_state, node_standing}:
            # The migration has made the first rows of its own.
            connection.execute(delete(table))
        for rows in _batches(member.chunks, columns):
            connection.execute(insert(table), rows)
            count += len(rows)
        _count_on(connection, table)
    except SQLAlchemyError as error:
        raise translated(error) from None
    return count


def _dump(work: Work, table: Table[Any]) -> Iterator[bytes]:
    columns = list(table.columns)
    yield json.dumps([column.name for column in columns]).encode("ascii")
    is_json = [isinstance(column.type, JSON) for column in columns]
    buffer = bytearray()
    for row in work.stream(select(table).order_by(*_order(table))):
        for value, as_json in zip(row, is_json, strict=True):
            buffer += _spell(value, as_json=as_json)
        if len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def _order(table: Table[Any]) -> Iterable[Column[Any]]:
    """By key; transfers by age, since a later one may name an earlier one."""
    if table is outbound_transfer:
        return (outbound_transfer.c.created_at, outbound_transfer.c.id)
    return table.primary_key.columns


def _batches(
    chunks: Iterable[bytes], columns: list[str]
) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for chunk in chunks:
        at = 0
        while at < len(chunk):
            row = {}
            for name in columns:
                row[name], at = _read(chunk, at)
            rows.append(row)
            if len(rows) >= _ROWS_AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows


def _count_on(connection: Connection, table: Table[Any]) -> None:
    """PostgreSQL draws numbers from a sequence, which must go on after the rows."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    place = {"table": table.name, "column": column.name}
    sequence = connection.scalar(
        text("SELECT pg_get_serial_sequence(:table, :column)"), place
    )
    newest = connection.scalar(select(func.max(column)))
    if sequence is not None and newest is not None:
        connection.execute(
            text("SELECT setval(CAST(:name AS regclass), :newest)"),
            {"name": sequence, "newest": newest},
        )


def _spell(value: Any, *, as_json: bool) -> bytes:
    if as_json:
        return _sized(b"J", json.dumps(value, ensure_ascii=True).encode("ascii"))
    if value is None or isinstance(value, bool):
        return {None: b"N", False: b"0", True: b"1"}[value]
    for kind, letter, spell in _WRITERS:
        if isinstance(value, kind):
            return _sized(letter, spell(value))
    raise BackupError("a value of a kind that has no spelling")


def _sized(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "big") + content


# An instant is a date as well, so it stands first.
_WRITERS: Final[tuple[tuple[type, bytes, Callable[[Any], bytes]], ...]] = (
    (int, b"I", lambda value: str(value).encode("ascii")),
    (str, b"S", lambda value: value.encode("utf-8")),
    (bytes, b"B", bytes),
    (memoryview, b"B", bytes),
    (datetime, b"T", lambda value: str(to_micros(value)).encode("ascii")),
    (date, b"D", lambda value: value.isoformat().encode("ascii")),
)
_READERS: Final[Mapping[bytes, Callable[[bytes], Any]]] = {
    b"I": int,
    b"S": lambda content: content.decode("utf-8"),
    b"B": bytes,
    b"T": lambda content: from_micros(int(content)),
    b"D": lambda content: date.fromisoformat(content.decode("ascii")),
    b"J": json.loads,
}
_PLAIN: Final = {b"N": None, b"0": False, b"1": True}


def _read(chunk: bytes, at: int) -> tuple[Any, int]:
    kind = chunk[at : at + 1]
    if kind in _PLAIN:
        return _PLAIN[kind], at + 1
    start = at + 5
    end = start + int.from_bytes(chunk[at + 1 : start], "big")
    if kind not in _READERS or end > len(chunk):
        raise BackupError("a row is damaged")
    try:
        return _READERS[kind](chunk[start:end]), end
    except ValueError:
        raise BackupError("a row is damaged") from None
