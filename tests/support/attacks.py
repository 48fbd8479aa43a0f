"""What can be done to the rows of a log, each with what a check must say of it.

Enters: an attacker at a copy of a log. Leaves: the changed copy and the finding that must
come first. Kinds are those of EL-1; bytes of
columns stand in ``byteattacks``, rewriting and files in ``rewriting``.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Final

from node.crypto.checkpoint import Checkpoint, NoteKey, cosign, sign_checkpoint
from node.crypto.keys import SigningKey
from tests.support.attacker import TILE, Attacker, Expected, expect
from tests.support.byteattacks import (
    change_type,
    flip_body,
    flip_body_index,
    flip_checkpoint,
    flip_checkpoint_size,
    flip_cosignature,
    flip_cosignature_size,
    flip_erased_leaf,
    flip_head,
    flip_key,
    flip_leaf,
    flip_leaf_index,
    flip_tile,
    flip_tile_place,
    place_of,
    some_cosignature,
    some_tile,
)
from tests.support.databases import KEYRING
from tests.support.townlog import ORIGIN, WITNESSES

Attack = Callable[[Attacker], Expected | None]

_THIEF: Final = SigningKey.from_seed(b"\x66" * 32)
_SECOND: Final = b"\x99" * 32

# -- Leaves and bodies -------------------------------------------------------------------


def delete_leaf(a: Attacker) -> Expected:
    """Delete a leaf, with or without its body."""
    index, size = a.any_index(), a.size
    a.sql("DELETE FROM log_leaf WHERE idx = ?", index)
    if a.chance.random() < 0.5:
        a.sql("DELETE FROM log_body WHERE idx = ?", index)
    return expect("tail_cut" if index == size - 1 else "leaf_missing", at=index)


def close_gap(a: Attacker) -> Expected:
    """Delete an entry and renumber all behind it."""
    index, size = a.any_index(), a.size
    low = a.below(a.signed(), index)
    for table in ("log_leaf", "log_body"):
        a.sql(f"DELETE FROM {table} WHERE idx = ?", index)
        a.shift(table, index + 1, -1)
    if index < (size - 1) // TILE * TILE:
        return expect("leaf_missing", at=index)
    codes = {("leaf_missing", low), ("leaf_missing", index), ("tail_cut", size - 1)}
    return Expected(frozenset(codes))


def insert_leaf(a: Attacker) -> Expected:
    """Insert a leaf, bodies stay or move along."""
    index, size = a.any_index(), a.size
    low = a.below(a.signed(), index)
    a.shift("log_leaf", index, 1)
    a.sql("INSERT INTO log_leaf VALUES (?, ?)", index, b"\x01" + a.chance.randbytes(32))
    if a.chance.random() < 0.5:
        return expect("leaf_extra", at=index)
    a.shift("log_body", index, 1)
    if index < (size + 1) // TILE * TILE:
        return expect("leaf_extra", at=index)
    return expect("leaf_extra", "rewritten", at={low, index})


def append_leaf(a: Attacker) -> Expected:
    """Add a leaf behind the last one."""
    size = a.size
    a.sql("INSERT INTO log_leaf VALUES (?, ?)", size, b"\x01" + a.chance.randbytes(32))
    return expect("leaf_extra", at=size)


def double_leaf(a: Attacker) -> Expected:
    """Put a copy of a leaf beside it."""
    index = a.any_index()
    a.loosen("log_leaf")
    a.shift("log_leaf", index, 1)
    a.sql(
        "INSERT INTO log_leaf SELECT ?, input FROM log_leaf WHERE idx = ?",
        index,
        index + 1,
    )
    return expect("leaf_extra", at={index, index + 1})


def swap_leaves(a: Attacker) -> Expected:
    """Swap two leaves, bodies stay."""
    pair = a.two()
    a.loosen("log_leaf")
    a.exchange("log_leaf", "idx", "input", pair=pair)
    return expect("order_changed", at=pair[0])


def swap_entries(a: Attacker) -> Expected:
    """Swap two entries whole."""
    pair, size = a.two(), a.size
    a.loosen("log_leaf")
    a.loosen("log_body")
    a.exchange("log_leaf", "idx", "input", pair=pair)
    a.exchange("log_body", "idx", "event_id", "key_id", "sealed", pair=pair)
    covered = size // TILE * TILE
    if pair[1] < covered:
        return expect("order_changed", at=pair[0])
    if pair[0] < covered:
        return expect("leaf_changed", "order_changed", at=pair[0])
    low = a.below(a.signed(), pair[0])
    return expect("order_changed", "rewritten", at={low, pair[0]})


def delete_body(a: Attacker) -> Expected:
    """Delete a body."""
    index = a.any_index()
    a.sql("DELETE FROM log_body WHERE idx = ?", index)
    return expect("missing", at=index)


def insert_body(a: Attacker) -> Expected:
    """Put a body where none belongs: behind the end, or where one was erased."""
    gone = sorted(a.gone())
    index = a.size + a.chance.randrange(9)
    if gone and a.chance.random() < 0.5:
        index = a.chance.choice(gone)
    source = a.any_index()
    a.loosen("log_body")
    a.sql(
        "INSERT INTO log_body SELECT ?, event_id, key_id, sealed FROM log_body "
        "WHERE idx = ?", index, source,
    )  # fmt: skip
    return expect("body_changed", at=index)


def swap_bodies(a: Attacker) -> Expected:
    """Swap two bodies, leaves stay."""
    pair = a.two()
    a.loosen("log_body")
    a.exchange("log_body", "idx", "event_id", "key_id", "sealed", pair=pair)
    return expect("body_changed", at=pair[0])


def double_body(a: Attacker) -> Expected:
    """Put a copy of a body in place of another."""
    source, index = a.two()
    a.loosen("log_body")
    a.sql("DELETE FROM log_body WHERE idx = ?", index)
    a.sql(
        "INSERT INTO log_body SELECT ?, event_id, key_id, sealed FROM log_body "
        "WHERE idx = ?", index, source,
    )  # fmt: skip
    return expect("body_changed", at=index)


def widen_consent(a: Attacker) -> Expected:
    """Open a consent, widen its scope, seal it again."""
    while True:
        index = a.any_index()
        text = a.read(index)
        if b'"type":"consent.recorded"' in text:
            break
    a.write(index, text.replace(b'["K01","K04"]', b'["K01","K02","K04"]'))
    return expect("body_changed", at=index)


# -- Tiles, checkpoints, cosignatures ----------------------------------------------------


def delete_tile(a: Attacker) -> Expected:
    """Delete a tile."""
    level, n, _, _ = some_tile(a)
    a.sql("DELETE FROM log_tile WHERE level = ? AND n = ?", level, n)
    return expect("tile_differs", at=n * TILE ** (level + 1))


def insert_tile(a: Attacker) -> Expected:
    """Put a copy of a tile where none is full yet."""
    _, _, root, data = some_tile(a)
    level = a.chance.randrange(3)
    n = a.size // TILE ** (level + 1) + a.chance.randrange(4)
    a.sql(
        "INSERT INTO log_tile (level, n, root, data) VALUES (?, ?, ?, ?)",
        level, n, root, data,
    )  # fmt: skip
    return expect("tile_differs", at=a.size)


def swap_tiles(a: Attacker) -> Expected:
    """Swap two tiles of the leaves."""
    one, other = sorted(a.chance.sample(range(a.size // TILE), 2))
    a.exchange("log_tile", "level = 0 AND n", "root", "data", pair=(one, other))
    return expect("tile_differs", at=one * TILE)


def delete_checkpoint(a: Attacker) -> Expected:
    """Delete a checkpoint: one with a cosignature, or the auditor's with all of it."""
    if a.chance.random() < 0.3:
        a.sql("DELETE FROM log_checkpoint WHERE size = ?", a.known)
        a.sql("DELETE FROM log_cosig WHERE size = ?", a.known)
        return expect("missing", at=a.known)
    size = a.chance.choice(a.cosigned())
    a.sql("DELETE FROM log_checkpoint WHERE size = ?", size)
    return expect("cosignature_bad", at=size)


def _unsigned_size(a: Attacker) -> int:
    signed = set(a.signed())
    while (size := a.chance.randrange(1, a.known)) in signed:
        pass
    return size


def insert_checkpoint(a: Attacker) -> Expected:
    """Sign a head that the leaves never had."""
    size = _unsigned_size(a)
    a.resign(Checkpoint(ORIGIN, size, a.chance.randbytes(32)))
    return expect("checkpoint_not_extending", at=size)


def foreign_checkpoint(a: Attacker) -> Expected:
    """Put another town's checkpoint in place, or one signed by another key."""
    size = a.chance.choice(a.signed())
    (root,) = a.sql("SELECT root FROM log_checkpoint WHERE size = ?", size)[0]
    origin, key = a.chance.choice(
        (
            ("laufenburg.example/log/1", _THIEF),
            (ORIGIN, _THIEF),
            ("x/log/1", KEYRING.log),
        )
    )
    note = sign_checkpoint(Checkpoint(origin, size, root), key)
    a.sql("UPDATE log_checkpoint SET note = ? WHERE size = ?", note, size)
    return expect("checkpoint_signature_bad", at=size)


def swap_checkpoints(a: Attacker) -> Expected:
    """Swap two checkpoints."""
    one, other = sorted(a.chance.sample(a.signed(), 2))
    a.exchange("log_checkpoint", "size", "root", "note", pair=(one, other))
    return expect("checkpoint_signature_bad", at=one)


def double_checkpoint(a: Attacker) -> Expected:
    """Keep a checkpoint under another size as well."""
    source, size = a.chance.choice(a.signed()), _unsigned_size(a)
    a.sql(
        "INSERT INTO log_checkpoint SELECT ?, root, note, signed_at "
        "FROM log_checkpoint WHERE size = ?", size, source,
    )  # fmt: skip
    return expect("checkpoint_signature_bad", at=size)


def forge_cosignature(a: Attacker) -> Expected:
    """Make a witness say what it never said."""
    witness: NoteKey = a.chance.choice(WITNESSES)
    size = a.chance.choice(a.signed())
    (note,) = a.sql("SELECT note FROM log_checkpoint WHERE size = ?", size)[0]
    line = cosign(note, witness.name, _THIEF, 1_770_000_000)
    if a.chance.random() < 0.5:  # under the witness's own key id
        raw = b64decode(line.rstrip("\n").rpartition(" ")[2])
        line = f"\u2014 {witness.name} {b64encode(witness.id + raw[4:]).decode()}\n"
    where, place = place_of(size, witness.name)
    a.sql(f"DELETE FROM log_cosig {where}", *place)
    a.sql(
        "INSERT INTO log_cosig (size, name, key_id, first_at, first_line, last_at, "
        "last_line) VALUES (?, ?, ?, 0, ?, 0, ?)",
        size, witness.name, witness.id, line, line,
    )  # fmt: skip
    return expect("cosignature_bad", at=size)


def double_cosignature(a: Attacker) -> Expected:
    """Keep a cosignature under another checkpoint as well."""
    size, name, *_ = some_cosignature(a)
    others = [s for s in a.signed() if s != size]
    other = a.chance.choice(others)
    where, place = place_of(other, name)
    a.sql(f"DELETE FROM log_cosig {where}", *place)
    a.sql(
        "INSERT INTO log_cosig (size, name, key_id, first_at, first_line, last_at, "
        "last_line) SELECT ?, name, key_id, first_at, first_line, last_at, last_line "
        "FROM log_cosig WHERE size = ? AND name = ?", other, size, name,
    )  # fmt: skip
    return expect("cosignature_bad", at=other)


def swap_cosignatures(a: Attacker) -> Expected:
    """Swap the lines of one witness under two checkpoints."""
    name = WITNESSES[0].name
    sizes = [s for (s,) in a.sql("SELECT size FROM log_cosig WHERE name = ?", name)]
    if len(sizes) < 2:
        return double_cosignature(a)
    pair = a.chance.sample(sizes, 2)
    one, other = sorted(pair)
    columns = ("first_line", "last_line")
    a.exchange("log_cosig", f"name = '{name}' AND size", *columns, pair=(one, other))
    return expect("cosignature_bad", at=one)


# -- Keys and erasures -------------------------------------------------------------------


def delete_key(a: Attacker) -> Expected:
    """Destroy a group's key without a word."""
    key_id, first = a.chance.choice(sorted(a.groups().items()))
    a.sql("DELETE FROM log_key WHERE key_id = ?", key_id)
    return expect("missing", at=first)


def swap_keys(a: Attacker) -> Expected:
    """Swap two groups' keys."""
    (one, first), (other, second) = a.chance.sample(sorted(a.groups().items()), 2)
    a.exchange("log_key", "key_id", "wrapped", pair=(one, other))
    return expect("body_changed", at=min(first, second))


def erase_unlawfully(a: Attacker) -> Expected:
    """Erase a group as the product would, but without an entry that says so."""
    key_id, first = a.chance.choice(sorted(a.groups().items()))
    a.sql(
        "INSERT INTO log_erased SELECT idx, ? FROM log_body WHERE key_id = ?",
        _SECOND,
        key_id,
    )
    a.sql("DELETE FROM log_body WHERE key_id = ?", key_id)
    a.sql("DELETE FROM log_key WHERE key_id = ?", key_id)
    return expect("erased_without_ground", at=first)


def move_erasure(a: Attacker) -> Expected:
    """Let the row of a lawful erasure speak of another entry."""
    gone, index = sorted(a.gone()), a.any_index()
    if not gone:
        a.sql("INSERT INTO log_erased VALUES (?, ?)", index, _SECOND)
    else:
        from_index = a.chance.choice(gone)
        a.sql("UPDATE log_erased SET idx = ? WHERE idx = ?", index, from_index)
    if a.chance.random() < 0.5:
        a.sql("DELETE FROM log_body WHERE idx = ?", index)
    return expect("erased_without_ground", at=index)


ATTACKS: Final[Mapping[str, tuple[Attack, ...]]] = {
    "byte of log_leaf": (flip_leaf, flip_erased_leaf, flip_leaf_index),
    "byte of log_body": (flip_body, flip_body_index),
    "byte of log_tile (tile against leaf)": (flip_tile, flip_tile, flip_tile_place),
    "byte of log_key": (flip_key,),
    "byte of log_checkpoint": (flip_checkpoint, flip_checkpoint, flip_checkpoint_size),
    "byte of log_cosig": (flip_cosignature, flip_cosignature, flip_cosignature_size),
    "byte of log_head": (flip_head,),
    "value of another type": (change_type,),
    "leaf deleted": (delete_leaf, close_gap),
    "leaf inserted": (insert_leaf, append_leaf),
    "leaf doubled": (double_leaf,),
    "leaves or entries swapped": (swap_leaves, swap_entries),
    "body deleted": (delete_body,),
    "body inserted": (insert_body,),
    "bodies swapped": (swap_bodies,),
    "body doubled": (double_body,),
    "opened consent widened": (widen_consent,),
    "tile deleted": (delete_tile,),
    "tile inserted or doubled": (insert_tile,),
    "tiles swapped": (swap_tiles,),
    "checkpoint deleted": (delete_checkpoint,),
    "checkpoint inserted": (insert_checkpoint,),
    "another town's or key's checkpoint": (foreign_checkpoint,),
    "checkpoints swapped or doubled": (swap_checkpoints, double_checkpoint),
    "cosignature forged": (forge_cosignature,),
    "cosignatures swapped or doubled": (swap_cosignatures, double_cosignature),
    "key destroyed": (delete_key,),
    "keys swapped": (swap_keys,),
    "erased without ground": (erase_unlawfully,),
    "erasure moved": (move_erasure,),
}
