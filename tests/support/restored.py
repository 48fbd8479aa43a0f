"""A node put back to an earlier day, in the ways in which that happens.

Enters: a data folder whose node is not running, unless said otherwise. Leaves: copies of it,
put back whole or in part. What the heads of a log were, told from outside the product.
"""

import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from node.crypto.checkpoint import ED25519, NoteKey, open_checkpoint
from node.crypto.keys import VerifyKey
from node.crypto.merkle import MemoryTree, leaf_hash, root_of


def back_up(folder: Path, to: Path) -> Path:
    """What an operator backs up: all but ``state/``; the node may be running."""
    to.mkdir(parents=True)
    source = sqlite3.connect(folder / "node.db")
    target = sqlite3.connect(to / "node.db")
    with source, target:
        source.backup(target)
    source.close()
    target.close()
    for name in ("files", "keys"):
        shutil.copytree(folder / name, to / name)
    return to


def put_back(backup: Path, folder: Path) -> None:
    """Restore a backup over a node that is stopped; ``state/`` stays as it is."""
    for name in ("node.db", "node.db-wal", "node.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy2(backup / "node.db", folder / "node.db")
    for name in ("files", "keys"):
        shutil.rmtree(folder / name)
        shutil.copytree(backup / name, folder / name)


def roll_back(snapshot: Path, folder: Path) -> None:
    """A whole machine is put back: ``state/`` as well."""
    shutil.rmtree(folder)
    shutil.copytree(snapshot, folder)


def signed_heads(database: Path) -> dict[tuple[str, int], set[bytes]]:
    """The roots of all heads that lie signed in a database, by origin and size."""
    found: dict[tuple[str, int], set[bytes]] = {}
    connection = sqlite3.connect(database, timeout=10)
    try:
        tables = {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        }
        for table in tables & {"log_checkpoint", "past_checkpoint"}:
            for size, root, note in connection.execute(
                f"SELECT size, root, note FROM {table}"
            ):
                origin = str(note).split("\n", 1)[0]
                found.setdefault((origin, size), set()).add(bytes(root))
    finally:
        connection.close()
    return found


def cosigned_heads(database: Path) -> dict[tuple[str, int], set[bytes]]:
    """The roots that this node remembers of other logs, by origin and size."""
    connection = sqlite3.connect(database, timeout=10)
    try:
        found: dict[tuple[str, int], set[bytes]] = {}
        for origin, size, root in connection.execute(
            "SELECT origin, size, root FROM witness_past"
        ):
            found.setdefault((origin, size), set()).add(bytes(root))
        return found
    finally:
        connection.close()


def leaves_of(database: Path, origin: str) -> list[bytes]:
    """The leaf inputs of one of the node's logs, the present one or a former."""
    connection = sqlite3.connect(database, timeout=10)
    try:
        (present,) = connection.execute("SELECT origin FROM log_head").fetchone()
        query = "SELECT input FROM log_leaf ORDER BY idx"
        given: tuple[str, ...] = ()
        if present != origin:
            query = "SELECT input FROM past_leaf WHERE origin = ? ORDER BY idx"
            given = (origin,)
        return [bytes(row[0]) for row in connection.execute(query, given)]
    finally:
        connection.close()


def forks(signed: Iterable[Path], witness: Path, origin: str) -> list[int]:
    """Sizes at which somebody signed a head that contradicts a cosigned one.

    A head of another size contradicts as well: if both are the roots of prefixes of two
    different logs. That is told from the leaves of the database that holds the head.
    """
    remembered = {
        size: roots
        for (name, size), roots in cosigned_heads(witness).items()
        if name == origin
    }
    found = []
    for database in signed:
        leaves = leaves_of(database, origin)
        tree = MemoryTree([leaf_hash(leaf) for leaf in leaves])
        sizes = [size for name, size in signed_heads(database) if name == origin]
        newest = max(sizes, default=0)
        for size, roots in sorted(remembered.items()):
            if size <= min(newest, len(leaves)) and roots != {root_of(size, tree)}:
                found.append(size)
    return found


def verified(database: Path, key: VerifyKey) -> int:
    """How many stored checkpoints carry the log's good signature; a bad one raises."""
    connection = sqlite3.connect(database, timeout=10)
    try:
        notes = [
            row[0] for row in connection.execute("SELECT note FROM log_checkpoint")
        ]
    finally:
        connection.close()
    for note in notes:
        open_checkpoint(note, NoteKey(note.split("\n", 1)[0], key, ED25519))
    return len(notes)
