"""A second reader of cosignatures, written from C2SP tlog-cosignature alone.

It imports nothing of the product, so that both can be wrong in different ways only. What
it says of a note: when the witness of a name and a key cosigned it, or None.
"""

import re
from base64 import b64decode, b64encode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_NAME = re.compile(r"[^\s+]+")


class BadNoteError(Exception):
    """Not a signed note, or a line of a known key does not hold."""


def when_cosigned(note: str, name: str, public: bytes) -> int | None:
    """The time at which a witness cosigned a note.

    Raises:
        BadNoteError: Not a note, or the witness's first line is false.
    """
    end = note.rfind("\n\n")
    if end < 0 or not note.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise BadNoteError
    body, lines = note[: end + 1], note[end + 2 :].split("\n")[:-1]
    if not 1 <= len(lines) <= 100 or len(note.encode()) > 65536:
        raise BadNoteError
    named = sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    first: bytes | None = None
    for line in lines:
        dash, signer, blob = _words(line)
        raw = _raw(blob)
        if dash != "\u2014" or not _NAME.fullmatch(signer):
            raise BadNoteError
        if first is None and signer == name and raw[:4] == named:
            first = raw[4:]
    if first is None:
        return None
    if len(first) != 72:
        raise BadNoteError
    time_s = int.from_bytes(first[:8], "big")
    message = f"cosignature/v1\ntime {time_s}\n{body}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(first[8:], message)
    except InvalidSignature:
        raise BadNoteError from None
    return time_s


def _words(line: str) -> tuple[str, str, str]:
    words = line.split(" ")
    if len(words) != 3:
        raise BadNoteError
    return words[0], words[1], words[2]


def _raw(blob: str) -> bytes:
    try:
        raw = b64decode(blob, validate=True)
    except ValueError:
        raise BadNoteError from None
    if len(raw) < 5 or b64encode(raw).decode() != blob:
        raise BadNoteError
    return raw
