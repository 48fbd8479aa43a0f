"""A byte in any column, or a value of another type: the attacks that need no thought.

Enters: an attacker at a copy of a log. Leaves: the changed copy and the finding that must
come first. The columns that nobody signs and no check reads are left out: when a row was
written, and why a key is kept.
"""

import sqlite3
from typing import Any, Final

from tests.support.attacker import ANYTHING, TILE, Attacker, Expected, expect

# -- A byte in a column ------------------------------------------------------------------


def flip_leaf(a: Attacker) -> Expected:
    """Change a byte of ``log_leaf.input``."""
    index = a.any_index()
    (leaf,) = a.sql("SELECT input FROM log_leaf WHERE idx = ?", index)[0]
    a.sql("UPDATE log_leaf SET input = ? WHERE idx = ?", a.flip(leaf), index)
    return expect("leaf_changed", at=index)


def flip_erased_leaf(a: Attacker) -> Expected:
    """Change a byte of a leaf whose body was lawfully erased."""
    gone = sorted(a.gone())
    if not gone:
        return flip_leaf(a)
    index = a.chance.choice(gone)
    (leaf,) = a.sql("SELECT input FROM log_leaf WHERE idx = ?", index)[0]
    a.sql("UPDATE log_leaf SET input = ? WHERE idx = ?", a.flip(leaf), index)
    if index < a.size // TILE * TILE:
        return expect("leaf_changed", at=index)
    return expect("rewritten", at=a.below(a.signed(), index))


def flip_leaf_index(a: Attacker) -> Expected:
    """Change a bit of ``log_leaf.idx``."""
    index = a.any_index()
    moved = index ^ 1 << a.chance.randrange(14, 40)
    a.sql("UPDATE log_leaf SET idx = ? WHERE idx = ?", moved, index)
    return expect("leaf_missing", at=index)


def flip_body(a: Attacker) -> Expected:
    """Change a byte of any column of ``log_body``."""
    index = a.any_index()
    column = a.chance.choice(("event_id", "key_id", "sealed", "sealed"))
    (raw,) = a.sql(f"SELECT {column} FROM log_body WHERE idx = ?", index)[0]
    a.sql(f"UPDATE log_body SET {column} = ? WHERE idx = ?", a.flip(raw), index)
    return expect("body_changed", "missing", at=index)


def flip_body_index(a: Attacker) -> Expected:
    """Change a bit of ``log_body.idx``."""
    index = a.any_index()
    moved = index ^ 1 << a.chance.randrange(14, 40)
    a.sql("UPDATE log_body SET idx = ? WHERE idx = ?", moved, index)
    return Expected(frozenset({("missing", index), ("body_changed", moved)}))


def some_tile(a: Attacker) -> tuple[int, int, bytes, bytes]:
    """Level, number, root and hashes of a tile."""
    rows = a.sql("SELECT level, n, root, data FROM log_tile")
    return a.chance.choice(rows)  # type: ignore[no-any-return]  # four columns


def flip_tile(a: Attacker) -> Expected:
    """Change a byte of a tile: tile against leaf."""
    level, n, root, data = some_tile(a)
    if a.chance.random() < 0.3:
        new = a.flip(root), data
        at = n * TILE ** (level + 1)
    else:
        new = root, a.flip(data)
        place = next(
            i for i, (x, y) in enumerate(zip(data, new[1], strict=True)) if x != y
        )
        at = (n * TILE + place // 32) * TILE**level
    where = "WHERE level = ? AND n = ?"
    a.sql(f"UPDATE log_tile SET root = ?, data = ? {where}", *new, level, n)
    return expect("tile_differs", at=at)


def flip_tile_place(a: Attacker) -> Expected:
    """Change a bit of a tile's level or number."""
    level, n, _, _ = some_tile(a)
    column = a.chance.choice(("level", "n"))
    old = level if column == "level" else n
    a.sql(
        f"UPDATE log_tile SET {column} = ? WHERE level = ? AND n = ?",
        old ^ 1 << a.chance.randrange(6, 14), level, n,
    )  # fmt: skip
    return expect("tile_differs", at=n * TILE ** (level + 1))


def flip_key(a: Attacker) -> Expected:
    """Change a byte of a group's key or of its name."""
    key_id, first = a.chance.choice(sorted(a.groups().items()))
    column = a.chance.choice(("key_id", "wrapped"))
    (raw,) = a.sql(f"SELECT {column} FROM log_key WHERE key_id = ?", key_id)[0]
    a.sql(f"UPDATE log_key SET {column} = ? WHERE key_id = ?", a.flip(raw), key_id)
    return expect("body_changed", "missing", at=first)


def flip_checkpoint(a: Attacker) -> Expected:
    """Change a byte of a checkpoint's root or note."""
    size = a.chance.choice(a.signed())
    root, note = a.sql("SELECT root, note FROM log_checkpoint WHERE size = ?", size)[0]
    if a.chance.random() < 0.3:
        a.sql("UPDATE log_checkpoint SET root = ? WHERE size = ?", a.flip(root), size)
    else:
        a.sql(
            "UPDATE log_checkpoint SET note = ? WHERE size = ?", a.misprint(note), size
        )
    return expect("checkpoint_signature_bad", at=size)


def flip_checkpoint_size(a: Attacker) -> Expected:
    """Change a bit of a checkpoint's size."""
    size = a.chance.choice(a.signed())
    moved = size ^ 1 << a.chance.randrange(14, 40)
    a.sql("UPDATE log_checkpoint SET size = ? WHERE size = ?", moved, size)
    if size in a.cosigned():
        return expect("cosignature_bad", at=size)
    return expect("checkpoint_signature_bad", at=moved)


def some_cosignature(a: Attacker) -> tuple[int, str, bytes, str, str]:
    """Size, name, key id and both lines of a cosignature."""
    rows = a.sql("SELECT size, name, key_id, first_line, last_line FROM log_cosig")
    return a.chance.choice(rows)  # type: ignore[no-any-return]  # five columns


def place_of(size: int, name: str) -> tuple[str, tuple[Any, ...]]:
    """Where the cosignature of a witness stands."""
    return "WHERE size = ? AND name = ?", (size, name)


def flip_cosignature(a: Attacker) -> Expected:
    """Change a byte of any column of a cosignature."""
    size, name, key_id, first, last = some_cosignature(a)
    column, new = a.chance.choice(
        (
            ("name", a.misprint(name)),
            ("key_id", a.flip(key_id)),
            ("first_line", a.misprint(first)),
            ("last_line", a.misprint(last)),
        )
    )
    where, place = place_of(size, name)
    a.sql(f"UPDATE log_cosig SET {column} = ? {where}", new, *place)
    return expect("cosignature_bad", at=size)


def flip_cosignature_size(a: Attacker) -> Expected:
    """Change a bit of a cosignature's size."""
    size, name, *_ = some_cosignature(a)
    moved = size ^ 1 << a.chance.randrange(14, 40)
    where, place = place_of(size, name)
    a.sql(f"UPDATE log_cosig SET size = ? {where}", moved, *place)
    return expect("cosignature_bad", at=moved)


def flip_head(a: Attacker) -> Expected:
    """Change a byte of the sequencer's row."""
    origin, size, frontier = a.sql("SELECT origin, size, frontier FROM log_head")[0]
    column = a.chance.choice(("origin", "size", "frontier"))
    if column == "origin":
        a.sql("UPDATE log_head SET origin = ?", a.misprint(origin))
        return expect("checkpoint_signature_bad", at=size)
    if column == "size":
        size ^= 1 << a.chance.randrange(14)
        a.sql("UPDATE log_head SET size = ?", size)
        return expect("tile_differs", at=size)
    a.sql("UPDATE log_head SET frontier = ?", a.flip(frontier))
    agreed = a.below(a.signed(), size)
    return Expected(frozenset({("tile_differs", size), ("rewritten", agreed)}))


_COLUMNS: Final = (
    ("log_leaf", "input"), ("log_body", "event_id"), ("log_body", "key_id"),
    ("log_body", "sealed"), ("log_tile", "root"), ("log_tile", "data"),
    ("log_tile", "level"), ("log_tile", "n"), ("log_key", "wrapped"),
    ("log_key", "key_id"), ("log_checkpoint", "root"), ("log_checkpoint", "note"),
    ("log_cosig", "size"), ("log_cosig", "name"), ("log_cosig", "key_id"),
    ("log_cosig", "first_line"), ("log_cosig", "last_line"), ("log_head", "origin"),
    ("log_head", "size"), ("log_head", "frontier"),
)  # fmt: skip


def change_type(a: Attacker) -> Expected | None:
    """Put a value of another type into a column; SQLite takes it, but no key twice."""
    table, column = a.chance.choice(_COLUMNS)
    value = a.chance.choice(("'text'", "17", "2.5", "x'00'", "x'ff00'", "zeroblob(40)"))
    (row,) = a.chance.choice(a.sql(f"SELECT rowid FROM {table}"))
    try:
        a.sql(f"UPDATE {table} SET {column} = {value} WHERE rowid = ?", row)
    except sqlite3.IntegrityError:
        return None
    return ANYTHING
