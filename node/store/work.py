"""The hand through which every repository reaches the database, inside one unit of work.

Enters: statements built once at module level, parameters. Leaves: rows, counts, or one of
our own errors. Must never happen: a bound value or a ``DETAIL`` text of the database in an
error (SR-D2); a unit that is over touching the connection, which by then may belong to
its neighbour.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Executable, Result, Row, select
from sqlalchemy.exc import (
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import (
    TimeoutError as PoolTimeoutError,
)

from node.clock import Clock
from node.crypto.casekey import WrapKey, open_small, seal_small, wrapped_week
from node.crypto.keys import Keyring, Randomness
from node.errors import (
    ConflictError,
    NodeError,
    ReadingOnlyError,
    StoreError,
    UsageError,
)
from node.exchangelog.standing import Standing
from node.report.ledger import Ledger
from node.store.direct import Parameters, directly
from node.store.engine import unguarded
from node.store.files import SealedFiles
from node.store.register import DeletionRegister
from node.store.tables import node_standing

_PAGE: Final = 2048


# Somebody else inserted or removed first; anything else is a fault of our own.
_CONFLICTS: Final = frozenset(
    {
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_ROWID",
        "SQLITE_CONSTRAINT_FOREIGNKEY",
        "23505",  # unique_violation
        "23503",  # foreign_key_violation
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
    }
)


# A statement that cannot be.
_OURS: Final = frozenset({"SQLITE_ERROR", "SQLITE_MISMATCH", "SQLITE_READONLY"})
_OUTSIDE: Final = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    sqlite3.OperationalError,
)
_FOREIGN: Final = (SQLAlchemyError, sqlite3.Error, TypeError, ValueError, OverflowError)


_STANDING: Final = select(node_standing.c.standing)
# Signing in and out, who leads, what was read, how peers are reached: reading needs these.
# And that an alarm is told.
_OPEN_TABLES: Final = frozenset(
    {
        "access_log",
        "authenticator",
        "directory_file",
        "kept_form",
        "lease",
        "login_failure",
        "node_standing",
        "notice",
        "passkey",
        "peer_queue",
        "recovery_code",
        "session",
        "sign_in",
        "used_challenge",
    }
)


class WeekKeys(Protocol):
    """The week keys of this node; they lie outside the database (SR-K5)."""

    @property
    def newest(self) -> WrapKey:
        """The key that seals what is written now."""
        ...

    def get(self, week: str) -> WrapKey | None:
        """An older key, None once it is erased."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a unit of work needs besides its connection.

    ``files`` holds containers, ``documents`` the documents of cases, ``ledger`` what
    reports counted last.
    """

    files: SealedFiles
    documents: SealedFiles
    register: DeletionRegister
    week_keys: WeekKeys
    clock: Clock
    randomness: Randomness
    keyring: Keyring
    log_origin: str
    ledger: Ledger = field(default_factory=Ledger)


class Access(IntEnum):
    """What a unit may do just now."""

    NONE = 0
    READ = 1
    WRITE = 2


class Work:
    """One unit's access to the database and to its means; dead once the unit is over."""

    __slots__ = (
        "_access",
        "_connection",
        "_streams",
        "after",
        "documents",
        "erasures",
        "files",
        "is_reading",
        "is_reading_only",
        "keyring",
        "ledger",
        "log_origin",
        "now",
        "randomness",
        "register",
        "week_keys",
    )

    def __init__(
        self, connection: Connection, means: Means, *, is_reading: bool
    ) -> None:
        self._connection = connection
        self._access = Access.READ if is_reading else Access.NONE
        self._streams: list[Result[*tuple[Any, ...]]] = []
        self.is_reading = is_reading
        self.is_reading_only: bool | None = None
        self.files = means.files
        self.documents = means.documents
        self.keyring = means.keyring
        self.ledger = means.ledger
        # Before the unit looks at the database; what counts may be asked for much later.
        self.erasures = means.ledger.erasures
        self.log_origin = means.log_origin
        self.now = means.clock.now
        self.register = means.register
        self.week_keys = means.week_keys
        self.randomness = means.randomness
        self.after: list[Callable[[], None]] = []

    def rows(
        self, statement: Executable, parameters: Parameters = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """All rows of a query."""
        connection = self._reach(Access.READ)
        try:
            if direct := directly(connection, statement, parameters):
                return direct.rows(connection, parameters)
            return connection.execute(statement, parameters).all()
        except _FOREIGN as error:
            raise translated(error) from None

    def column(self, statement: Executable, parameters: Parameters = None) -> list[Any]:
        """The first value of each row, for queries of thousands of rows."""
        connection = self._reach(Access.READ)
        try:
            if direct := directly(connection, statement, parameters):
                return direct.column(connection, parameters)
            return [*connection.execute(statement, parameters).scalars()]
        except _FOREIGN as error:
            raise translated(error) from None

    def stream(
        self, statement: Executable, parameters: Parameters = None
    ) -> Iterator[Row[*tuple[Any, ...]]]:
        """The rows of a long query, a page at a time; only while the unit lasts."""
        connection = self._reach(Access.READ)
        try:
            found = connection.execute(
                statement, parameters, execution_options={"yield_per": _PAGE}
            )
            self._streams.append(found)
            for page in found.partitions():
                yield from page
        except _FOREIGN as error:
            raise translated(error) from None

    def row(
        self, statement: Executable, parameters: Parameters = None
    ) -> Row[*tuple[Any, ...]] | None:
        """The first row of a query, None if there is none."""
        connection = self._reach(Access.READ)
        try:
            if direct := directly(connection, statement, parameters):
                return direct.row(connection, parameters)
            return connection.execute(statement, parameters).first()
        except _FOREIGN as error:
            raise translated(error) from None

    def change(self, statement: Executable, parameters: Parameters = None) -> int:
        """Insert, update or delete; gives the number of rows (-1 for many at once).

        Raises:
            ReadingOnlyError: The node is in quarantine, and this is none of the tables
                that people need to read by.
        """
        connection = self._reach(Access.WRITE)
        if _table_of(statement) not in _OPEN_TABLES and self.find_out():
            raise ReadingOnlyError("in quarantine nothing is written")
        try:
            if direct := directly(connection, statement, parameters):
                return direct.change(connection, parameters)
            return connection.execute(statement, parameters).rowcount
        except _FOREIGN as error:
            raise translated(error) from None

    def move(self, statement: Executable, parameters: Parameters) -> None:
        """Compare-and-set on one row.

        Raises:
            ConflictError: No such row, or it is no longer what the caller saw.
        """
        if self.change(statement, parameters) != 1:
            raise ConflictError("it moved")

    def find_out(self) -> bool:
        """Whether the node was in quarantine when this unit first wrote (SR-R5).

        Asked once: the unit that enters quarantine, or leaves it, may finish what it does.
        """
        if self.is_reading_only is None:
            row = self.row(_STANDING)
            self.is_reading_only = row is not None and row[0] == Standing.QUARANTINE
        return self.is_reading_only

    def unguarded(self, tables: Sequence[str]) -> AbstractContextManager[None]:
        """Let rows of insert-only tables go while the block lasts (``engine.unguarded``)."""
        return unguarded(self._reach(Access.WRITE), tables)

    def seal(self, place: bytes, data: bytes) -> bytes:
        """Seal a small value under the newest week key, for one place (SR-K1)."""
        return seal_small(self.week_keys.newest, place, data, self.randomness)

    def unseal(self, place: bytes, sealed: bytes) -> bytes | None:
        """What ``seal`` sealed, None once its week key is erased (SR-K5).

        Raises:
            SealError: It belongs to another place, or is damaged.
        """
        key = self.week_keys.get(wrapped_week(sealed))
        return None if key is None else open_small(key, place, sealed)

    def after_commit(self, tidy: Callable[[], None]) -> None:
        """Do this once the unit is durable, like removing a shredded file.

        It may also never happen (a crash here), so it only tidies up. An OSError of it is
        left for the next sweep.
        """
        self.after.append(tidy)

    def allow(self, access: Access) -> None:
        """From now on its repositories may reach the database so far."""
        self._access = access
        if access is Access.NONE:
            # A cursor that nobody read to its end must not outlive the transaction.
            for stream in self._streams:
                stream.close()

    def _reach(self, needed: Access) -> Connection:
        if self._access < needed:
            raise UsageError("this unit of work is over, not entered or only reads")
        return self._connection


def _table_of(statement: Executable) -> str:
    return getattr(getattr(statement, "table", None), "name", "")


def translated(error: Exception) -> NodeError:
    """The same failure in our words, to be raised ``from None``.

    The foreign error is not chained: its text and its ``DETAIL`` quote rows (SR-D2). What
    helps a developer, the kind of failure and the constraint's name, is kept.

    Returns:
        ConflictError: Unique or foreign key, or a deadlock: somebody moved first.
        StoreError: Full, locked, damaged, connection lost.
        UsageError: A check, a trigger, a value or a statement of ours.
    """
    original = getattr(error, "orig", None) or error
    kind = str(
        getattr(original, "sqlite_errorname", None)
        or getattr(original, "sqlstate", None)
        or type(original).__name__
    )
    where = f"{kind} {_constraint(original)}".strip()
    if kind in _CONFLICTS:
        return ConflictError(where)
    is_ours = kind.startswith("SQLITE_CONSTRAINT") or kind in _OURS
    if isinstance(error, _OUTSIDE) and not is_ours:
        return StoreError(where)
    return UsageError(f"database statement failed: {where}")


def _constraint(original: object) -> str:
    """The constraint's name; SQLite names table and columns instead, never values."""
    diagnostics = getattr(original, "diag", None)
    if diagnostics is not None:
        return str(getattr(diagnostics, "constraint_name", None) or "")
    text = str(original)
    return (
        text.rpartition("constraint failed: ")[2] if "constraint failed" in text else ""
    )
