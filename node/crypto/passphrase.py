"""What is told on the phone: six words, and the code that comes back.

Enters: random bytes, or what somebody typed. Leaves: a passphrase, a receipt code, the
keyed hash of a code, and both spelled as they were made. Must never happen: a word that can
be taken for the beginning of another; a code kept as itself; a biased draw. Implements
chapter 13 of the handover, HO-115.
"""

import hashlib
import hmac
from functools import cache
from importlib.resources import files
from typing import Final

from node.crypto.keys import Randomness

WORDS: Final = 6
"""Of 2048: 66 bits, and scrypt before each try."""

LIST_WORDS: Final = 2048
CODE_CHARACTERS: Final = 8
CODE_ALPHABET: Final = "CDEFGHJKMNPRTVWXY34679"
"""No character that looks or sounds like another: no 0 O Q, 1 I L, 2 Z, 5 S, 8 B, A U."""

_PURPOSE: Final = b"staffelstab/1 receipt code\0"


@cache
def word_list() -> tuple[str, ...]:
    """The words, as they are shipped."""
    text = (files("node.crypto") / "wortliste.txt").read_text("ascii")
    return tuple(text.split())


def draw_passphrase(randomness: Randomness) -> str:
    """Six words with hyphens between them."""
    words = word_list()
    drawn = randomness(2 * WORDS)
    picks = (drawn[i : i + 2] for i in range(0, len(drawn), 2))
    # 65,536 is a multiple of 2048, so the remainder is even.
    return "-".join(words[int.from_bytes(pick, "big") % LIST_WORDS] for pick in picks)


def draw_code(randomness: Randomness) -> str:
    """Eight characters of ``CODE_ALPHABET``."""
    fair = 256 - 256 % len(CODE_ALPHABET)
    code = ""
    while len(code) < CODE_CHARACTERS:
        code += "".join(
            CODE_ALPHABET[byte % len(CODE_ALPHABET)]
            for byte in randomness(CODE_CHARACTERS)
            if byte < fair
        )
    return code[:CODE_CHARACTERS]


def spell_passphrase(typed: str) -> str:
    """A passphrase as it was made, from what somebody typed or read out."""
    return "-".join(typed.lower().replace("-", " ").split())


def spell_code(typed: str) -> str:
    """A code as it was made: capitals, without the blanks and hyphens of the reader."""
    return "".join(c for c in typed.upper() if c.isalnum())


def code_digest(key: bytes, transfer: str, code: str) -> bytes:
    """What is kept of a code: HMAC-SHA-256, of no use without the node's own key.

    Args:
        key: 32 bytes that only this node has.
        transfer: The transfer the code belongs to.
        code: As ``spell_code`` gives it.
    """
    text = _PURPOSE + transfer.encode() + b"\0" + code.encode()
    return hmac.digest(key, text, hashlib.sha256)
