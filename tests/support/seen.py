"""What lies in a node's folder, read from outside: rows and files.

Imports nothing of the product, so that no fault of it can hide here. Enters: a data folder.
Leaves: its rows as they are in the tables, and the files in which a text lies in the clear.
"""

import base64
import sqlite3
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg


@dataclass(frozen=True, slots=True)
class Seen:
    """One node as its files show it."""

    member: str
    folder: Path
    tables: Mapping[str, Sequence[Mapping[str, Any]]]

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """All rows of a table."""
        return self.tables[table]

    def by(self, table: str, key: str) -> dict[Any, Mapping[str, Any]]:
        """The rows of a table by one column."""
        return {row[key]: row for row in self.tables[table]}


TABLES: Final = (
    "case_file",
    "record",
    "outbound_transfer",
    "outbound_member",
    "outbound_secret",
    "outbox_packet",
    "inbound_transfer",
    "received_packet",
    "received_part",
    "document_file",
    "statement",
    "taken",
    "chain",
    "log_head",
    "log_leaf",
    "log_body",
    "log_checkpoint",
)


def look(folder: Path, tables: Sequence[str] = TABLES) -> Seen:
    """Read a node's database; the node may be running, or dead."""
    settings = tomllib.loads((folder / "node.toml").read_text("utf-8"))
    url = settings.get("database") or ""
    rows = (
        _read_postgres(url, tables) if url else _read_sqlite(folder / "node.db", tables)
    )
    return Seen(settings["member"], folder, rows)


def _read_sqlite(path: Path, tables: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("BEGIN")
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
            for table in tables
        }
    finally:
        connection.close()


def _read_postgres(url: str, tables: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for table in tables:
            cursor = connection.execute(f"SELECT * FROM {table}".encode())
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            found[table] = [dict(zip(names, row, strict=True)) for row in cursor]
    return found


# -- Texts that must not lie anywhere ----------------------------------------------------


def spellings(text: str) -> Iterator[bytes]:
    """A text as it may lie in a file: plain, as JSON, wide, hex, base64 at each offset."""
    raw = text.encode()
    yield raw
    yield text.encode("unicode_escape")
    yield text.encode("utf-16-le")
    yield raw.hex().encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        # The first and last characters also depend on the neighbours.
        core = coded[(0, 2, 3)[shift] : -4]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def spilled(folder: Path, canaries: Iterable[str]) -> list[str]:
    """The files below a folder in which one of these texts lies in the clear.

    Another program reads them: where a process closes a file of SQLite that it has open,
    the system takes its locks away.
    """
    forms = sorted({form for text in canaries for form in spellings(text)})
    if not forms:
        return []
    pattern = "|".join("".join(f"\\x{byte:02x}" for byte in form) for form in forms)
    found = subprocess.run(
        ["grep", "-rlaP", "-e", pattern, str(folder)],
        env={"LC_ALL": "C"},
        capture_output=True,
        check=False,
        text=True,
    )
    # 1: nothing found. 2: also where a file under way has got its name meanwhile.
    assert found.returncode < 2 or "No such file" in found.stderr, found.stderr
    return found.stdout.splitlines()
