"""One entry's proof as the public C2SP tlog-proof file, at rest and in evidence.

Enters: an index, an audit path and a signed checkpoint; or the text of such a file.
Leaves: the text, or its parts, strictly read. Must never happen: a proof without the
checkpoint it holds under; ``extra`` believed, so a file with it is refused. Implements
exchange-log 6.1 and 7.1 (``.tlog-proof``). Source: C2SP tlog-proof, version 1.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from node.crypto.checkpoint import MAX_NOTE_BYTES, Checkpoint
from node.crypto.merkle import leaf_hash, verify_inclusion
from node.errors import MalformedMessageError
from node.exchangelog.witness import MAX_PROOF_LINES

HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_HASH: Final = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
_MOST_CHARACTERS: Final = MAX_NOTE_BYTES + 8192


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Index, audit path from the leaf up, and the note it holds under."""

    index: int
    path: tuple[bytes, ...]
    note: str

    def encode(self) -> str:
        """The file."""
        hashes = encode_path(self.path)
        return f"{HEADER}\nindex {self.index}\n{hashes}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a file; no signature is verified.

        Raises:
            MalformedMessageError: Another form, or with ``extra``.
        """
        if len(text) > _MOST_CHARACTERS:
            raise MalformedMessageError("tlog-proof")
        top, blank, note = text.partition("\n\n")
        first, *lines = top.split("\n")
        found = _INDEX.fullmatch(lines[0]) if lines else None
        if first != HEADER or not blank or found is None:
            raise MalformedMessageError("tlog-proof")
        proof = cls(int(found[1]), parse_path(lines[1:]), note)
        proof.head()
        return proof

    def head(self) -> Checkpoint:
        """The head that the note names.

        Raises:
            MalformedMessageError: Not a note over a checkpoint.
        """
        return Checkpoint.parse_body(self.note.partition("\n\n")[0] + "\n")

    def check(self, leaf_input: bytes) -> None:
        """Accept silently that a leaf stands there under the note's root.

        Raises:
            MalformedMessageError: It does not, by this proof.
        """
        head = self.head()
        leaf = leaf_hash(leaf_input)
        verify_inclusion(self.index, head.size, leaf, self.path, head.root)


def encode_path(path: Iterable[bytes]) -> str:
    """Hashes in base64, each with its newline."""
    return "".join(f"{b64encode(step).decode('ascii')}\n" for step in path)


def parse_path(lines: Iterable[str]) -> tuple[bytes, ...]:
    """The inverse, from lines without their newlines.

    Raises:
        MalformedMessageError: Too many, or not canonical base64 of 32 bytes.
    """
    path: list[bytes] = []
    for line in lines:
        if _HASH.fullmatch(line) is None:
            raise MalformedMessageError("hash-line")
        step = b64decode(line)
        if b64encode(step).decode("ascii") != line or len(path) == MAX_PROOF_LINES:
            raise MalformedMessageError("hash-line")
        path.append(step)
    return tuple(path)
