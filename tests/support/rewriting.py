"""Attacks by somebody who makes everything fit again: rewriting, cutting, putting back.

The attacker has the log's own key and signs again what was signed; only what others hold,
and the signer's mark if it stays, speaks against it.
"""

import shutil
from collections.abc import Callable, Mapping
from typing import Final

from tests.support.attacker import ANYTHING, Attacker, Expected, expect
from tests.support.attacks import Attack

Blind = Callable[[Attacker], Expected | None]
"""An attack that may have hit nothing."""


def _change(a: Attacker, index: int) -> None:
    """Another text for an entry, leaf and body."""
    leaf = a.write(index, a.read(index).replace(b"2026-02-", b"2026-03-"))
    a.sql("UPDATE log_leaf SET input = ? WHERE idx = ?", leaf, index)


def _bracket(a: Attacker, start: int) -> tuple[int, int]:
    """Last cosigned size that agrees, first that does not."""
    return a.below(a.cosigned(), start), a.known


def rewrite(a: Attacker) -> Expected:
    """Change an entry, fit everything from there on, sign again."""
    index = a.any_index(high=a.known)
    low, high = _bracket(a, index)
    _change(a, index)
    a.rebuild(index)
    if a.chance.random() < 0.7:
        a.remark()
    return Expected(frozenset({("rewritten", low)}), (low, high))


def reorder(a: Attacker) -> Expected:
    """Swap two entries whole, fit everything, sign again."""
    one, other = a.two()
    if one >= a.known:
        return rewrite(a)
    low, high = _bracket(a, one)
    a.loosen("log_leaf")
    a.loosen("log_body")
    a.exchange("log_leaf", "idx", "input", pair=(one, other))
    a.exchange("log_body", "idx", "event_id", "key_id", "sealed", pair=(one, other))
    a.rebuild(one)
    a.remark()
    return Expected(frozenset({("rewritten", low)}), (low, high))


def replace_entry(a: Attacker) -> Expected:
    """Take an entry out and fill the place at the end, so that the size fits."""
    index = a.any_index(high=a.known)
    low, high = _bracket(a, index)
    size = a.size
    for table in ("log_leaf", "log_body"):
        a.sql(f"DELETE FROM {table} WHERE idx = ?", index)
        a.shift(table, index + 1, -1)
    leaf = b"\x01" + a.chance.randbytes(32)
    a.sql("INSERT INTO log_leaf VALUES (?, ?)", size - 1, leaf)
    a.rebuild(index)
    a.remark()
    return Expected(frozenset({("rewritten", low)}), (low, high))


def insert_entry(a: Attacker) -> Expected:
    """Put an entry in, fit everything, sign again."""
    index = a.any_index(high=a.known)
    low, high = _bracket(a, index)
    for table in ("log_leaf", "log_body"):
        a.shift(table, index, 1)
    a.sql("INSERT INTO log_leaf VALUES (?, ?)", index, b"\x01" + a.chance.randbytes(32))
    a.rebuild(index)
    a.remark()
    return Expected(frozenset({("rewritten", low)}), (low, high))


def keep_cosignatures(a: Attacker) -> Expected:
    """Rewrite, sign again, and leave the old cosignatures beside the new heads."""
    index = a.any_index(high=a.known)
    low, high = _bracket(a, index)
    kept = a.sql("SELECT * FROM log_cosig")
    _change(a, index)
    a.rebuild(index)
    a.sql("DELETE FROM log_cosig")
    for row in kept:
        a.sql(f"INSERT INTO log_cosig VALUES ({', '.join('?' * len(row))})", *row)
    return Expected(frozenset({("rewritten", low)}), (low, high))


def rewrite_unsigned(a: Attacker) -> Expected:
    """Change an entry, fit tiles and sequencer, but leave the signed heads."""
    index = a.any_index(high=a.known)
    low = a.below(a.signed(), index)
    _change(a, index)
    a.rebuild(index, sign=False)
    return expect("rewritten", at=low)


def cut_tail(a: Attacker) -> Expected:
    """Delete all rows from an index on; heads stay."""
    size = a.chance.randrange(1, a.known)
    for table in ("log_leaf", "log_body"):
        a.sql(f"DELETE FROM {table} WHERE idx >= ?", size)
    return expect("tail_cut", at=size)


def cut_and_sign(a: Attacker) -> Expected:
    """Cut the tail with all its traces and sign the rest, mark and all."""
    size = a.chance.randrange(1, a.known)
    for table in ("log_leaf", "log_body", "log_erased"):
        a.sql(f"DELETE FROM {table} WHERE idx >= ?", size)
    low = a.below(a.cosigned(), size)
    a.rebuild(size)
    if a.chance.random() < 0.7:
        a.remark()
    return Expected(frozenset({("tail_cut", size)}), (low, a.known))


def drop_entry(a: Attacker) -> Expected:
    """Take an entry out, fit everything, sign again: the log ends too early."""
    index = a.any_index(high=a.known)
    low, high = _bracket(a, index)
    for table in ("log_leaf", "log_body"):
        a.sql(f"DELETE FROM {table} WHERE idx = ?", index)
        a.shift(table, index + 1, -1)
    a.rebuild(index)
    a.remark()
    size = a.size
    if size >= high:
        return Expected(frozenset({("rewritten", low)}), (low, high))
    return Expected(frozenset({("tail_cut", size)}), (low, high))


def yesterday(a: Attacker) -> Expected:
    """Put yesterday's database back, with yesterday's mark or with today's."""
    a.close()
    old = a.log.folder / "yesterday"
    shutil.copy(old / "node.db", a.folder / "node.db")
    if a.chance.random() < 0.5:
        shutil.copy(old / "log.mark", a.folder / "log.mark")
    a.open()
    return expect("tail_cut", at=a.size)


def flip_mark(a: Attacker) -> Expected:
    """Change a byte of the signer's mark."""
    path = a.folder / "log.mark"
    path.write_bytes(a.flip(path.read_bytes()))
    return expect("mark", at=0)


def lose_mark(a: Attacker) -> Expected:
    """Take the signer's mark away, or put yesterday's in its place."""
    path = a.folder / "log.mark"
    path.unlink()
    if a.chance.random() < 0.5:
        shutil.copy(a.log.folder / "yesterday" / "log.mark", path)
    return expect("mark", at=0)


def flip_week_key(a: Attacker) -> Expected:
    """Change a byte of the week key's file."""
    (path,) = (a.folder / "weeks").iterdir()
    path.write_bytes(a.flip(path.read_bytes()))
    return expect("unreadable", at=0)


def flip_database(a: Attacker) -> Expected | None:
    """Change a byte of the database's file, wherever it hits.

    Where no row that is evidence changes, there is nothing to find.
    """
    a.close()
    before, path = a.evidence(), a.folder / "node.db"
    raw = path.read_bytes()
    path.write_bytes(a.flip(raw))
    return None if a.evidence() == before else ANYTHING


REWRITES: Final[Mapping[str, tuple[Attack | Blind, ...]]] = {
    "rewritten from k and signed again": (rewrite, rewrite, keep_cosignatures),
    "reordered, replaced or put in, signed again": (
        reorder,
        replace_entry,
        insert_entry,
    ),
    "rewritten, old heads left": (rewrite_unsigned,),
    "tail cut": (cut_tail, cut_and_sign, drop_entry),
    "yesterday's database": (yesterday,),
    "mark changed, lost, or yesterday's": (flip_mark, lose_mark),
    "byte of a week key": (flip_week_key,),
    "byte of the database file": (flip_database,),
}
