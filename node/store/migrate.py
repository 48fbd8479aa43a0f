"""The schema of a database: brought forward, and checked before a node opens it.

Enters: a database. Leaves: the same at the schema of this program, or a refusal. Must
never happen: a program at work on a schema it does not know; half a migration (one
transaction each); a way back. A database names the oldest schema whose programs may still
open it, so that during an update two versions can stand side by side.

``alembic`` is imported only to upgrade; a start needs none of it.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from node.errors import SchemaError
from node.store.engine import Engines, lock_schema
from node.store.tables import node_state
from node.store.work import translated

SCHEMA: Final = 1
"""The newest migration that this program knows; files in ``migrations/versions`` count."""

# Race: alembic keeps its context in its module, and two nodes may share a process.
_ALONE: Final = threading.Lock()
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class _Found:
    schema: int
    oldest: int


def upgrade(engines: Engines) -> None:
    """Bring a database to the schema of this program; an empty one is filled.

    Raises:
        SchemaError: A newer program has changed it already.
        StoreError: The database did not take it; it is as it was.
    """
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with _ALONE, engines.writer.begin() as connection:
            lock_schema(connection)
            found = _find(connection)
            if found is not None and found.schema > SCHEMA:
                raise SchemaError("a newer program has changed this database")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise translated(error) from None


def check_schema(engines: Engines) -> None:
    """Refuse to start on a schema that this program does not know.

    Raises:
        SchemaError: Empty, older (the message says what to run), or too new.
        StoreError: The database cannot be read.
    """
    try:
        with engines.reader.begin() as connection:
            found = _find(connection)
    except SQLAlchemyError as error:
        raise translated(error) from None
    if found is None or found.schema < SCHEMA:
        raise SchemaError("run: staffelstab database upgrade")
    if found.oldest > SCHEMA:
        raise SchemaError(f"this database needs a program of schema {found.oldest}")


def _find(connection: Connection) -> _Found | None:
    """The schema of a database, None if it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    number = connection.scalar(text("SELECT version_num FROM alembic_version"))
    oldest = connection.scalar(select(node_state.c.oldest_schema))
    if number is None or not str(number).isdecimal() or oldest is None:
        raise SchemaError("this is no database of ours")
    return _Found(int(number), oldest)
