"""The keys of entry groups: drawn at a group's first entry, wrapped, shredded with it.

Enters: names of groups. Leaves: keys, for one unit of work,
and entries that they open. Must never happen: a key that
outlives its unit; a row that tells whose group it is, so rows are named by a tag that only
the holder of the keyring can make. Implements LR-3.
"""

import hmac
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, text

from node.crypto.commit import GroupKey, commitment, leaf_input, open_body
from node.errors import ErasedError, MalformedMessageError, SealError
from node.exchangelog.entry import Entry, parse_entry
from node.store.logtables import log_key
from node.store.weekkeys import unwrap, wrap
from node.store.work import Work

_TAG_BYTES: Final = 16
_PURPOSE: Final = b"staffelstab/log/group/v1\0"

_GET: Final = select(log_key.c.wrapped).where(log_key.c.key_id == bindparam("tag"))
# Race: two units may meet at the first entry of a month. On PostgreSQL the second waits
# for the first and then takes its key; the statement is the same on both dialects.
_ADD: Final = text(
    "INSERT INTO log_key (key_id, retention, wrapped) "
    "VALUES (:tag, :retention, :wrapped) ON CONFLICT DO NOTHING"
)


class GroupKeys:
    """The group keys that one unit of work touches."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys: dict[bytes, GroupKey] = {}

    def tag(self, group: str) -> bytes:
        """The name of a group's row, 16 bytes."""
        named = _PURPOSE + group.encode("ascii")
        return hmac.digest(self._work.keyring.tag_key, named, "sha256")[:_TAG_BYTES]

    def make(self, group: str, retention: str) -> tuple[bytes, GroupKey]:
        """The row's name and the key of a group, drawn now if it is the first entry.

        Raises:
            ErasedError: The week key above it is gone.
        """
        tag = self.tag(group)
        key = self.find(tag)
        if key is None:
            fresh = GroupKey.generate(self._work.randomness)
            wrapped = wrap(self._work, fresh.raw, group_key_place(tag))
            row = {"tag": tag, "retention": retention, "wrapped": wrapped}
            self._work.change(_ADD, row)
            key = self.find(tag)
        if key is None:
            raise ErasedError("the group's key was destroyed")
        return tag, key

    def find(self, tag: bytes) -> GroupKey | None:
        """The key in a row, None once it is destroyed.

        Raises:
            ErasedError: The week key above it is gone.
            SealError: The row holds no key that opens here.
        """
        if tag not in self._keys:
            row = self._work.row(_GET, {"tag": tag})
            if row is None:
                return None
            if not isinstance(row.wrapped, bytes):
                raise SealError("not a wrapped key")
            raw = unwrap(self._work, row.wrapped, group_key_place(tag))
            self._keys[tag] = GroupKey(raw)
        return self._keys[tag]

    def entry(self, row: Row[*tuple[Any, ...]]) -> Entry | None:
        """The entry of a leaf and its body, if the body is what the leaf commits to."""
        if row.sealed is None:
            return None
        try:
            key = self.find(row.key_id)
            if key is None:
                return None
            origin = self._work.log_origin
            spelled = open_body(key, row.event_id, row.sealed, origin=origin)
            if leaf_input(commitment(key, row.event_id, spelled)) != row.input:
                return None
            return parse_entry(spelled)
        except (SealError, ErasedError, MalformedMessageError):
            return None


def group_key_place(tag: bytes) -> bytes:
    """Where a group key opens: in its own row."""
    return b"log_key\0wrapped\0" + tag


def peer_entry_id(c: bytes) -> bytes:
    """What stands for the id where a foreign entry is sealed under a group key of ours."""
    return c[:16]
