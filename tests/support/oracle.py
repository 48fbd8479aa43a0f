"""Notes and proofs, made and mutated by us, before an independent judge.

The judge is ``tests/oracle/main.go`` over golang.org/x/mod. Where Go or the library is
absent, the tests say so and do not run.
"""

import json
import os
import random
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.crypto.checkpoint import (
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    open_checkpoint,
    sign_checkpoint,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import (
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from node.errors import MalformedMessageError, SignatureError

SOURCE: Final = Path(__file__).parent.parent / "oracle" / "main.go"
LIBRARY: Final = Path("/usr/share/gocode")
NOTES: Final = "src/golang.org/x/mod/sumdb/note/note.go"
ORIGIN: Final = "wehr.example/log/1"


@dataclass(frozen=True, slots=True)
class Question:
    """One job, what we say of it, and the note text if it is one."""

    job: dict[str, Any]
    ours: bool
    note: bytes | None = None


def missing() -> str | None:
    """What the oracle lacks here, None if it can be built."""
    if shutil.which("go") is None:
        return "the Go oracle is not run: there is no go (Debian: golang-go)"
    if not (LIBRARY / NOTES).exists():
        return "the Go oracle is not run: Debian's golang-golang-x-mod-dev is absent"
    return None


def build(folder: Path) -> Path:
    """Compile the judge without a network."""
    program = folder / "oracle"
    place = {"GO111MODULE": "off", "GOPATH": str(LIBRARY), "GOFLAGS": ""}
    cache = {"GOCACHE": str(folder / "cache"), "CGO_ENABLED": "0"}
    subprocess.run(
        ["go", "build", "-o", str(program), str(SOURCE)],
        check=True,
        env=dict(os.environ) | place | cache,
        timeout=240,
    )
    return program


def ask(program: Path, questions: list[Question]) -> list[bool]:
    """The judge's answers."""
    lines = "".join(json.dumps(item.job) + "\n" for item in questions)
    done = subprocess.run(
        [str(program)], input=lines, capture_output=True, text=True, check=True
    )
    answers = done.stdout.split()
    assert len(answers) == len(questions)
    return [answer == "OK" for answer in answers]


class Inventor:
    """Makes questions from a seed: two in three are spoiled in some way."""

    def __init__(self, seed: int) -> None:
        """Grow a tree and draw keys."""
        self._chance = random.Random(seed)
        self._leaves = [leaf_hash(self._chance.randbytes(33)) for _ in range(700)]
        self._tree = MemoryTree(self._leaves)
        self._key = SigningKey.from_seed(self._chance.randbytes(32))
        self._other = SigningKey.from_seed(self._chance.randbytes(32))
        self._log_key = NoteKey(ORIGIN, self._key.public, ED25519)

    def questions(self, count: int) -> Iterator[Question]:
        """That many, of the three kinds in turn."""
        kinds: list[Callable[[], Question]] = [self._note, self._record, self._history]
        for number in range(count):
            yield kinds[number % 3]()

    def _note(self) -> Question:
        size = self._chance.randrange(1, 700)
        head = Checkpoint(ORIGIN, size, root_of(size, self._tree))
        note = sign_checkpoint(head, self._key)
        stranger = sign_checkpoint(head, self._other).rpartition("\n\n")[2]
        dice = self._chance.randrange(6)
        if dice == 0:
            note = add_lines(note, [stranger])
        elif dice == 1:
            note = note.replace("\n\n", "\n\n" + stranger)
        text = note.encode()
        if self._chance.random() < 0.65:
            text = self.spoil(text)
        job = {
            "Do": "note",
            "Note": b64encode(text).decode("ascii"),
            "Keys": [str(self._log_key)],
        }
        return Question(job, self._opens(text), text)

    def _opens(self, text: bytes) -> bool:
        try:
            open_checkpoint(text.decode("utf-8"), self._log_key)
        except (MalformedMessageError, SignatureError, UnicodeDecodeError):
            return False
        return True

    def spoil(self, text: bytes) -> bytes:
        """Change, cut, double, move or insert some bytes."""
        at = self._chance.randrange(len(text))
        end = min(len(text), at + self._chance.randrange(1, 9))
        new = bytes(
            [self._chance.choice(b"\n +=/A0a\x00\x7f\xc2\xff\xe2") for _ in range(2)]
        )
        flipped = bytes([text[at] ^ 1 << self._chance.randrange(8)])
        lines = text.split(b"\n")
        place = self._chance.randrange(len(lines))
        return self._chance.choice(
            (
                text[:at] + flipped + text[at + 1 :],
                text[:at] + text[end:],
                text[:at] + text[at:end] + text[at:],
                text[:at] + new + text[at:],
                b"\n".join([*lines[:place], lines[place], *lines[place:]]),
                b"\n".join([*lines[:place], *lines[place + 1 :]]),
                text
                + text.rpartition(b"\n\n")[2]
                * self._chance.choice((1, 15, 98, 99, 100)),
            )
        )

    def _record(self) -> Question:
        size = self._chance.randrange(1, 700)
        at = self._chance.randrange(size)
        path = list(inclusion_proof(at, size, self._tree))
        return self._proof("record", path, size, at, self._leaves[at])

    def _history(self) -> Question:
        size = self._chance.randrange(1, 700)
        at = self._chance.randrange(1, size + 1)
        path = list(consistency_proof(at, size, self._tree))
        return self._proof("tree", path, size, at, root_of(at, self._tree))

    def _proof(
        self, do: str, path: list[bytes], size: int, at: int, start: bytes
    ) -> Question:
        root = root_of(size, self._tree)
        if self._chance.random() < 0.65:
            path, size, at, root, start = self._bend(path, size, at, root, start)
        job = {
            "Do": do,
            "Proof": [b64encode(item).decode("ascii") for item in path],
            "Size": size,
            "Root": b64encode(root).decode("ascii"),
            "At": at,
            "Hash": b64encode(start).decode("ascii"),
        }
        try:
            if do == "record":
                verify_inclusion(at, size, start, path, root)
            else:
                verify_consistency(at, size, start, root, path)
        except MalformedMessageError:
            return Question(job, ours=False)
        return Question(job, ours=True)

    def _bend(
        self, path: list[bytes], size: int, at: int, root: bytes, start: bytes
    ) -> tuple[list[bytes], int, int, bytes, bytes]:
        """Spoil one thing of a proof."""
        dice = self._chance.randrange(8)
        index = self._chance.randrange(len(path)) if path else 0
        some = self._chance.randbytes(self._chance.choice((0, 31, 32, 32, 32, 33)))
        if dice == 0 and path:
            path = [*path[:index], self._flip(path[index]), *path[index + 1 :]]
        elif dice == 1 and path:
            path = [*path[:index], *path[index + 1 :]]
        elif dice == 2:
            path = [*path[:index], some, *path[index:]]
        elif dice == 3:
            size = max(1, size + self._chance.choice((-1, 1, size, -(size // 2))))
        elif dice == 4:
            at = max(1, at + self._chance.choice((-1, 1, 2, at)))
        elif dice == 5:
            root = self._chance.choice((self._flip(root), some, start))
        elif dice == 6:
            start = self._chance.choice((self._flip(start), some, root))
        elif path:
            path = path[::-1]
        return path, size, at, root, start

    def _flip(self, raw: bytes) -> bytes:
        at = self._chance.randrange(len(raw))
        return (
            raw[:at] + bytes([raw[at] ^ 1 << self._chance.randrange(8)]) + raw[at + 1 :]
        )
