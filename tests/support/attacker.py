"""Somebody with the whole disk of a node: SQL, files, week keys and the log's own key.

Enters: a copy of a log's folder and a seed. Leaves: the hand that attacks reach with. The
guards are switched off first: triggers, foreign keys, checks and unique columns. What the
attacker lacks are the keys of foreign witnesses and what others remember.
"""

import random
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from node.crypto.casekey import CaseKey, wrapped_week
from node.crypto.checkpoint import Checkpoint, sign_checkpoint
from node.crypto.commit import GroupKey, commitment, leaf_input, open_body, seal_body
from node.crypto.merkle import Frontier, leaf_hash
from node.store.groupkeys import group_key_place
from node.store.mark import Mark, write_mark
from node.store.weekkeys import WeekKeys
from tests.support.databases import KEYRING
from tests.support.townlog import MASTER, ORIGIN, TownLog

TILE: Final = 256
_BARE: Final = {
    "log_leaf": "idx INTEGER PRIMARY KEY, input BLOB",
    "log_body": "idx INTEGER PRIMARY KEY, event_id BLOB, key_id BLOB, sealed BLOB",
    "log_checkpoint": "size INTEGER PRIMARY KEY, root BLOB, note TEXT, signed_at",
}
_EVIDENCE: Final = (
    "SELECT idx, input FROM log_leaf ORDER BY idx",
    "SELECT idx, event_id, key_id, sealed FROM log_body ORDER BY idx",
    "SELECT level, n, root, data FROM log_tile ORDER BY level, n",
    "SELECT key_id, wrapped FROM log_key ORDER BY key_id",
    "SELECT size, root, note FROM log_checkpoint ORDER BY size",
    "SELECT size, name, key_id, first_line, last_line FROM log_cosig ORDER BY 1, 2, 3",
    "SELECT idx FROM log_erased ORDER BY idx",
    "SELECT origin, size, frontier FROM log_head",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be the first finding: one of these codes at one of these indexes.

    ``mark`` and ``unreadable`` stand for a mark or a file that is refused before the check.
    ``bracket`` is, for a rewrite consistent in itself, the last cosigned size that still
    agrees and the first that does not.
    """

    pairs: frozenset[tuple[str, int]]
    bracket: tuple[int, int] | None = None


ANYTHING: Final = Expected(frozenset())


def expect(*codes: str, at: int | Iterable[int]) -> Expected:
    """One of some codes, at an index or at one of several."""
    places = (at,) if isinstance(at, int) else tuple(at)
    return Expected(frozenset((code, place) for code in codes for place in places))


@dataclass
class Attacker:
    """The hand, with what it can learn from the tables."""

    log: TownLog
    folder: Path
    chance: random.Random
    base: sqlite3.Connection = field(init=False)
    is_open: bool = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Switch the guards off."""
        self.base = sqlite3.connect(self.folder / "node.db", isolation_level=None)
        self.sql("PRAGMA foreign_keys = OFF")
        self.sql("PRAGMA ignore_check_constraints = ON")
        self.sql("PRAGMA synchronous = OFF")
        for (name,) in self.sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ):
            self.sql(f"DROP TRIGGER {name}")
        self.sql("BEGIN")
        self.is_open = True

    def close(self) -> None:
        """Leave; everything is in the database's one file."""
        if not self.is_open:
            return
        self.is_open = False
        self.sql("COMMIT")
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.base.close()

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Run one statement."""
        return self.base.execute(statement, values).fetchall()

    def loosen(self, table: str) -> None:
        """Take a table's unique columns away."""
        columns = _BARE[table]
        self.sql(f"CREATE TABLE loose ({columns})")
        self.sql(f"INSERT INTO loose SELECT * FROM {table}")
        self.sql(f"DROP TABLE {table}")
        self.sql(f"ALTER TABLE loose RENAME TO {table}")

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return int(self.sql("SELECT count(*) FROM log_leaf")[0][0])

    @property
    def known(self) -> int:
        """The size that the auditor remembers."""
        return self.log.auditor.size

    def signed(self) -> list[int]:
        """Sizes of stored checkpoints."""
        return [s for (s,) in self.sql("SELECT size FROM log_checkpoint ORDER BY 1")]

    def cosigned(self) -> list[int]:
        """Sizes with a foreign cosignature, each once."""
        return [
            s for (s,) in self.sql("SELECT DISTINCT size FROM log_cosig ORDER BY 1")
        ]

    def below(self, sizes: list[int], index: int) -> int:
        """The last of some sizes that does not reach beyond an index; 0 if none."""
        place = bisect_right(sizes, index)
        return sizes[place - 1] if place else 0

    def gone(self) -> set[int]:
        """Indexes that were lawfully erased."""
        return {i for (i,) in self.sql("SELECT idx FROM log_erased")}

    def any_index(self, low: int = 0, high: int | None = None) -> int:
        """Some index that can be opened."""
        end = self.size if high is None else high
        gone = self.gone()
        while (index := self.chance.randrange(low, end)) in gone:
            pass
        return index

    def two(self) -> tuple[int, int]:
        """Two different indexes that can be opened, in order."""
        one = other = self.any_index()
        while other == one:
            other = self.any_index()
        return min(one, other), max(one, other)

    def groups(self) -> dict[bytes, int]:
        """Key ids, and the first entry under each."""
        return dict(self.sql("SELECT key_id, min(idx) FROM log_body GROUP BY key_id"))

    def flip(self, raw: bytes) -> bytes:
        """Change one byte."""
        place = self.chance.randrange(len(raw))
        new = raw[place] ^ self.chance.randrange(1, 256)
        return raw[:place] + bytes([new]) + raw[place + 1 :]

    def misprint(self, text: str) -> str:
        """Change one character of a text."""
        place = self.chance.randrange(len(text))
        new = text[place]
        while new == text[place]:
            new = chr(self.chance.randrange(33, 127))
        return text[:place] + new + text[place + 1 :]

    def shift(self, table: str, start: int, by: int) -> None:
        """Renumber rows from an index on."""
        self.sql(f"UPDATE {table} SET idx = -1 - (idx + ?) WHERE idx >= ?", by, start)
        self.sql(f"UPDATE {table} SET idx = -1 - idx WHERE idx < 0")

    def exchange(
        self, table: str, key: str, *columns: str, pair: tuple[Any, Any]
    ) -> None:
        """Swap columns between two rows."""
        one, other = (
            self.sql(f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = ?", at)[0]
            for at in pair
        )
        names = ", ".join(f"{column} = ?" for column in columns)
        for at, values in ((pair[0], other), (pair[1], one)):
            self.sql(f"UPDATE {table} SET {names} WHERE {key} = ?", *values, at)

    def evidence(self) -> object:
        """All rows that are evidence, or why they cannot be read.

        Left out are the columns that ``export`` leaves out because nobody signed them.
        """
        try:
            with closing(sqlite3.connect(self.folder / "node.db")) as base:
                return [base.execute(query).fetchall() for query in _EVIDENCE]
        except sqlite3.Error as error:
            return type(error)

    # -- With the keys -------------------------------------------------------------------

    def group_key(self, key_id: bytes) -> GroupKey:
        """A group's key, by the week key on the disk."""
        wrapped = self.sql("SELECT wrapped FROM log_key WHERE key_id = ?", key_id)[0][0]
        week = WeekKeys(self.folder / "weeks", MASTER).get(wrapped_week(wrapped))
        assert week is not None
        return GroupKey(CaseKey.unwrap(week, group_key_place(key_id), wrapped).raw)

    def read(self, index: int) -> bytes:
        """An entry's text."""
        event_id, key_id, sealed = self.sql(
            "SELECT event_id, key_id, sealed FROM log_body WHERE idx = ?", index
        )[0]
        return open_body(self.group_key(key_id), event_id, sealed, origin=ORIGIN)

    def write(self, index: int, text: bytes) -> bytes:
        """Seal another text as the body of an index; give the leaf that would fit it."""
        event_id, key_id = self.sql(
            "SELECT event_id, key_id FROM log_body WHERE idx = ?", index
        )[0]
        key = self.group_key(key_id)
        sealed = seal_body(
            key, event_id, text, origin=ORIGIN, randomness=self.chance.randbytes
        )
        self.sql("UPDATE log_body SET sealed = ? WHERE idx = ?", sealed, index)
        return leaf_input(commitment(key, event_id, text))

    def rebuild(self, start: int, *, sign: bool = True) -> None:
        """Make everything above the leaves fit them again, from an index on.

        Tiles, the sequencer's row and, with the log's own key, every checkpoint; foreign
        cosignatures from there on cannot be made and go.
        """
        leaves = [
            leaf_hash(i) for (i,) in self.sql("SELECT input FROM log_leaf ORDER BY idx")
        ]
        self.retile(leaves)
        frontier = Frontier().extend(leaves)
        self.sql(
            "UPDATE log_head SET size = ?, frontier = ?", len(leaves), frontier.encode()
        )
        if not sign:
            return
        sizes = [size for size in self.signed() if size > start]
        self.sql("DELETE FROM log_cosig WHERE size > ?", start)
        self.sql("DELETE FROM log_checkpoint WHERE size > ?", len(leaves))
        grown = Frontier()
        for size in sizes:
            if size <= len(leaves):
                grown = grown.extend(leaves[grown.size : size])
                self.resign(Checkpoint(ORIGIN, size, grown.root()))
        self.resign(Checkpoint(ORIGIN, len(leaves), frontier.root()))

    def resign(self, head: Checkpoint) -> None:
        """Put a freshly signed checkpoint in place."""
        note = sign_checkpoint(head, KEYRING.log)
        self.sql(
            "INSERT INTO log_checkpoint VALUES (?, ?, ?, 0) ON CONFLICT (size) "
            "DO UPDATE SET root = excluded.root, note = excluded.note",
            head.size, head.root, note,
        )  # fmt: skip

    def retile(self, leaves: list[bytes]) -> None:
        """Write all full tiles anew."""
        self.sql("DELETE FROM log_tile")
        row, level = leaves, 0
        while len(row) >= TILE:
            above = []
            for number in range(len(row) // TILE):
                part = row[number * TILE : (number + 1) * TILE]
                above.append(Frontier().extend(part).root())
                self.sql(
                    "INSERT INTO log_tile (level, n, root, data) VALUES (?, ?, ?, ?)",
                    level, number, above[-1], b"".join(part),
                )  # fmt: skip
            row, level = above, level + 1

    def remark(self) -> None:
        """Write the signer's mark anew over what is in the tables."""
        frontier = Frontier.decode(self.sql("SELECT frontier FROM log_head")[0][0])
        write_mark(self.folder / "log.mark", Mark(ORIGIN, 1, frontier))
