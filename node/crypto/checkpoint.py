"""Signed heads of exchange logs, in the public C2SP formats.

Enters: a head and a key, or a note from outside. Leaves: note text, a verified head, a
cosigner's time. Must never happen: a note being judged differently by the C2SP tools;
a known key with a bad signature being passed over; a log key cosigning.
Implements exchange log 4. Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature.

A *line* is a signature line with its final newline, as an add-checkpoint answer has it.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from node.crypto.keys import SigningKey, VerifyKey
from node.crypto.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from node.crypto.sign import SIGNATURE_BYTES, sign, verify
from node.errors import MalformedMessageError, SignatureError

ED25519: Final = 0x01  # a log's own signature
COSIGNATURE: Final = 0x04  # a witness's, with a time

MAX_NOTE_BYTES: Final = 65536
MAX_LINES: Final = 100
_ORIGIN: Final = re.compile(r"[!-*,-@\[-~]{1,255}", re.ASCII)
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VKEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")
_DASH: Final = "\u2014 "


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A named public key of a log or a witness; ``str`` gives its vkey.

    Attributes:
        name: The log's origin, or the cosigner's name.
        key: The public key.
        type: ``ED25519`` or ``COSIGNATURE``.
    """

    name: str
    key: VerifyKey
    type: int

    def __post_init__(self) -> None:
        known = self.type in {ED25519, COSIGNATURE}
        if not known or _NAME.fullmatch(self.name) is None:
            raise MalformedMessageError("vkey")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey: ``<name>+<8 hex digits>+<base64 of type and key>``.

        Raises:
            MalformedMessageError: Another form or type, or an id that does not fit.
        """
        match = _VKEY.fullmatch(text)
        if match is None:
            raise MalformedMessageError("vkey")
        name, key_id, encoded = match.groups()
        raw = _unb64(encoded, "vkey")
        if len(raw) != 33:
            raise MalformedMessageError("vkey")
        found = cls(name, VerifyKey(raw[1:]), raw[0])
        if found.id.hex() != key_id:
            raise MalformedMessageError("vkey")
        return found

    @property
    def id(self) -> bytes:
        """The four bytes that announce this key in a signature line."""
        return _key_id(self.name, self.key, self.type)

    def __str__(self) -> str:
        raw = bytes([self.type]) + self.key.raw
        return f"{self.name}+{self.id.hex()}+{_b64(raw)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of one log: how many entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if (
            _ORIGIN.fullmatch(self.origin) is None
            or not 0 <= self.size <= MAX_SIZE
            or len(self.root) != HASH_BYTES
            or (self.size == 0 and self.root != EMPTY_ROOT)
        ):
            raise MalformedMessageError("checkpoint")

    def body(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"

    @classmethod
    def parse_body(cls, text: str) -> Self:
        """Read exactly three lines.

        Raises:
            MalformedMessageError: Extension lines, or another spelling than ``body``.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or _SIZE.fullmatch(lines[1]) is None:
            raise MalformedMessageError("checkpoint")
        return cls(lines[0], int(lines[1]), _unb64(lines[2], "checkpoint"))


def vkey(name: str, key: VerifyKey, type: int) -> str:  # noqa: A002 - C2SP's word
    """The text form of a named public key."""
    return str(NoteKey(name, key, type))


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """A note with the log's own signature; the key name is the origin."""
    body = checkpoint.body()
    key_id = _key_id(checkpoint.origin, key.public, ED25519)
    line = _line(checkpoint.origin, key_id + sign(key, body.encode("ascii")))
    return f"{body}\n{line}"


def peek_origin(note: str) -> str:
    """Whose log a note claims to be of, so that its key can be looked up.

    Raises:
        MalformedMessageError: Not a note over a checkpoint.
    """
    return Checkpoint.parse_body(_split(note)[0]).origin


def open_checkpoint(note: str, log_key: NoteKey) -> Checkpoint:
    """The head, after the log's own signature was verified.

    Raises:
        MalformedMessageError: Not a note over a checkpoint, or of another origin.
        SignatureError: No signature of this key, or a wrong one.
    """
    body, lines = _split(note)
    checkpoint = Checkpoint.parse_body(body)
    if log_key.type != ED25519 or checkpoint.origin != log_key.name:
        raise MalformedMessageError("checkpoint-origin")
    signature = _of(lines, log_key)
    if signature is None:
        raise SignatureError("checkpoint is not signed by its log")
    verify(log_key.key, body.encode("ascii"), signature)
    return checkpoint


def cosign(note: str, name: str, key: SigningKey, time_s: int) -> str:
    """The line of a witness that verified and remembers this checkpoint.

    Args:
        note: The note; its signatures are not covered.
        name: The witness's name, like ``<host>/witness/1``.
        key: The witness key, never a log key.
        time_s: Unix seconds.
    """
    body, _ = _split(note)
    Checkpoint.parse_body(body)
    key_id = NoteKey(name, key.public, COSIGNATURE).id
    signature = sign(key, _cosigned(body, time_s))
    return _line(name, key_id + time_s.to_bytes(8, "big") + signature)


def verify_cosignature(note: str, key: NoteKey) -> int | None:
    """When this witness cosigned (Unix seconds), or None if it did not.

    Raises:
        MalformedMessageError: Not a note, or a line of this key of another length.
        SignatureError: A line of this key does not fit.
    """
    body, lines = _split(note)
    if key.type != COSIGNATURE:
        raise MalformedMessageError("cosignature-key")
    signed = _of(lines, key)
    if signed is None:
        return None
    if len(signed) != 8 + SIGNATURE_BYTES:
        raise MalformedMessageError("cosignature")
    time_s = int.from_bytes(signed[:8], "big")
    verify(key.key, _cosigned(body, time_s), signed[8:])
    return time_s


def signature_lines(note: str) -> tuple[str, ...]:
    """The signature lines of a note, each with its newline."""
    return tuple(line.text for line in _split(note)[1])


def cosigned_at_s(line: str) -> int:
    """When a witness says it signed, in seconds since 1970; for a line once verified.

    Raises:
        MalformedMessageError: No line of a cosignature.
    """
    signed = _parse_line(line.rstrip("\n")).signature
    if len(signed) != 8 + SIGNATURE_BYTES:
        raise MalformedMessageError("cosignature")
    return int.from_bytes(signed[:8], "big")


def add_lines(note: str, lines: Iterable[str]) -> str:
    """The note with more signature lines; those it has already are not repeated.

    Raises:
        MalformedMessageError: Not signature lines, or the note becomes too long.
    """
    known = set(signature_lines(note))
    result = note
    for line in lines:
        if line not in known:
            known.add(line)
            result += line
    _split(result)
    return result


def only(note: str, key: NoteKey) -> str:
    """The note with the signature of one key alone.

    Raises:
        MalformedMessageError: Not a note.
        SignatureError: This key did not sign it; whether it signed well is not asked.
    """
    body, lines = _split(note)
    for line in lines:
        if line.name == key.name and line.key_id == key.id:
            return f"{body}\n{line.text}"
    raise SignatureError("not signed by this key")


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    key_id: bytes
    signature: bytes
    text: str


def _split(note: str) -> tuple[str, tuple[_Line, ...]]:
    """Signed text (with its newline) and signature lines.

    Raises:
        MalformedMessageError: Not a signed note in the sense of C2SP.
    """
    try:
        length = len(note.encode("utf-8"))
    except UnicodeEncodeError:
        raise MalformedMessageError("note") from None
    if length > MAX_NOTE_BYTES or _CONTROL.search(note):
        raise MalformedMessageError("note")
    text, blank, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() or not 0 < len(lines) <= MAX_LINES:
        raise MalformedMessageError("note")
    return text + "\n", tuple(_parse_line(line) for line in lines)


def _parse_line(line: str) -> _Line:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or _NAME.fullmatch(name) is None:
        raise MalformedMessageError("note-line")
    raw = _unb64(encoded, "note-line")
    if len(raw) < 5:
        raise MalformedMessageError("note-line")
    return _Line(name, raw[:4], raw[4:], line + "\n")


def _of(lines: tuple[_Line, ...], key: NoteKey) -> bytes | None:
    """The first signature that claims this key, as the C2SP reference reads it."""
    for line in lines:
        if line.name == key.name and line.key_id == key.id:
            return line.signature
    return None


def _line(name: str, signature: bytes) -> str:
    return f"{_DASH}{name} {_b64(signature)}\n"


def _cosigned(body: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()


def _key_id(name: str, key: VerifyKey, key_type: int) -> bytes:
    named = name.encode("utf-8") + b"\n" + bytes([key_type]) + key.raw
    return hashlib.sha256(named).digest()[:4]


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _unb64(text: str, where: str) -> bytes:
    """Read base64 with padding, in its canonical spelling only."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raise MalformedMessageError(where) from None
    if _b64(raw) != text:
        raise MalformedMessageError(where)
    return raw
