"""Base64url without padding, in its one canonical spelling.

Enters: bytes, or text from outside. Leaves: text, or bytes. Must never happen: two
spellings of the same bytes both being accepted, since what is hashed is the text.
Implements HO-40, SR-P2. Source: RFC 4648, section 5; RFC 7515, appendix C.
"""

from binascii import a2b_base64, b2a_base64
from typing import Final

from node.errors import MalformedMessageError

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


def b64u(raw: bytes) -> str:
    """Spell bytes in base64url without padding."""
    return _spelled(raw).decode("ascii")


def unb64u(text: str) -> bytes:
    """Read base64url strictly.

    Raises:
        MalformedMessageError: Padding, a foreign character, or another spelling than
            ``b64u`` gives for the same bytes.
    """
    # The library's reader skips foreign characters and ignores spare bits, so only
    # spelling the result again tells whether the text was the canonical one.
    try:
        coded = text.encode("ascii")
        raw = a2b_base64(coded.translate(_FROM_URL) + b"=" * (-len(coded) % 4))
    except ValueError:
        raise MalformedMessageError("base64url") from None
    if _spelled(raw) != coded:
        raise MalformedMessageError("base64url")
    return raw


def _spelled(raw: bytes) -> bytes:
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL)
