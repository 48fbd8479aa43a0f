"""Running a statement straight on SQLite's driver.

Enters: a statement that SQLAlchemy built once, parameters. Leaves: named rows, or counts.
Must never happen: another meaning than SQLAlchemy's own execution, which stays the way for
PostgreSQL and for lists of unknown length; so text, order and types of all parameters and
columns are taken from what it compiled.

Why: executing through SQLAlchemy costs three times what SQLite itself needs for one of our
statements, and a handover has about a hundred (performance, P1 and P10). Each statement is
compiled once for each set of parameter names.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Delete,
    Dialect,
    Executable,
    Insert,
    Row,
    Select,
    Update,
)
from sqlalchemy.sql.compiler import SQLCompiler

from node.errors import UsageError

Found = Row[*tuple[Any, ...]]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

_Convert = Callable[[Any], Any] | None
_MISSING: Final = object()
_MOST: Final = 2000
_known: dict[tuple[Executable, tuple[str, ...]], "Direct | None"] = {}


def directly(
    connection: Connection, statement: Executable, parameters: Parameters
) -> "Direct | None":
    """The prepared form of a statement, None where SQLAlchemy must run it."""
    if connection.dialect.name != "sqlite":
        return None
    # Nearly always a dictionary, which is seen faster than that it is a mapping.
    if type(parameters) is dict or isinstance(parameters, Mapping):
        key = (statement, tuple(parameters))
    else:
        key = (statement, tuple(parameters[0]) if parameters else ())
    found = _known.get(key, _MISSING)
    if found is _MISSING:
        if len(_known) >= _MOST:
            # Somebody builds statements anew each time; that must not fill the memory.
            _known.clear()
        found = _known[key] = _prepare(statement, key[1], connection.dialect)
    return found  # type: ignore[return-value]  # the marker is gone


class Direct:
    """One statement, ready for the driver."""

    def __init__(
        self,
        text: str,
        parameters: Sequence[tuple[str, Any, _Convert]],
        columns: Sequence[tuple[str, _Convert]],
    ) -> None:
        self._text = text
        self._parameters = parameters
        make: Any = namedtuple  # noqa: PYI024 - the names are known here only
        self._row = make("Row", [name for name, _ in columns], rename=True)
        self._convert = [(i, to) for i, (_, to) in enumerate(columns) if to is not None]

    def rows(self, connection: Connection, parameters: Parameters) -> Sequence[Found]:
        """All rows."""
        cursor = self._execute(connection, parameters)
        return [self._named(row) for row in cursor.fetchall()]

    def column(self, connection: Connection, parameters: Parameters) -> list[Any]:
        """The first value of each row."""
        found = [row[0] for row in self._execute(connection, parameters)]
        if self._convert and self._convert[0][0] == 0:
            return [self._convert[0][1](value) for value in found]
        return found

    def row(self, connection: Connection, parameters: Parameters) -> Found | None:
        """The first row."""
        row = self._execute(connection, parameters).fetchone()
        return None if row is None else self._named(row)

    def change(self, connection: Connection, parameters: Parameters) -> int:
        """How many rows were changed."""
        return int(self._execute(connection, parameters).rowcount)

    def _execute(self, connection: Connection, parameters: Parameters) -> Any:
        driver: Any = connection.connection.driver_connection
        if parameters is None:
            return driver.execute(self._text, self._bound({}))
        if type(parameters) is dict or isinstance(parameters, Mapping):
            return driver.execute(self._text, self._bound(parameters))
        return driver.executemany(self._text, map(self._bound, parameters))

    def _bound(self, parameters: Mapping[str, Any]) -> list[Any]:
        bound = []
        for name, default, convert in self._parameters:
            value = parameters.get(name, default)
            if value is _MISSING:
                raise UsageError(f"statement without a value for {name}")
            bound.append(value if convert is None else convert(value))
        return bound

    def _named(self, row: Sequence[Any]) -> Found:
        if self._convert:
            row = list(row)
            for place, convert in self._convert:
                row[place] = convert(row[place])
        # Behaves like a row of SQLAlchemy: by name, by place, as a tuple.
        found: Found = self._row._make(row)
        return found


def _prepare(
    statement: Executable, names: tuple[str, ...], dialect: Dialect
) -> Direct | None:
    if isinstance(statement, Insert):
        # Without: it would ask for the number that the database gave the row.
        statement = statement.inline()
    elif not isinstance(statement, (Select, CompoundSelect, Update, Delete)):
        return None
    compiled = statement.compile(dialect=dialect, column_keys=[*names])
    assert isinstance(compiled, SQLCompiler)
    # Lists of unknown length and literals are put into the text anew each time.
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    if compiled.effective_returning or compiled.insert_prefetch:
        return None
    parameters = []
    for name in compiled.positiontup or ():
        bind = compiled.binds[name]
        default = _MISSING if bind.required else bind.effective_value
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        parameters.append((bind.key, default, convert))
    columns: Iterable[ColumnElement[Any]] = ()
    if isinstance(statement, (Select, CompoundSelect)):
        columns = statement.selected_columns
    return Direct(
        compiled.string, parameters, [_reader(column, dialect) for column in columns]
    )


def _reader(column: ColumnElement[Any], dialect: Dialect) -> tuple[str, _Convert]:
    kind = column.type.dialect_impl(dialect)
    return column.key or "", kind.result_processor(dialect, None)
