"""Base64url without padding, in its one canonical spelling.

Enters: bytes, or text from outside. Leaves: text, or bytes. Must never happen: two
spellings of the same bytes both being accepted, since what is hashed is the text.
Implements HO-40, SR-P2. Source: RFC 4648, section 5; RFC 7515, appendix C.
"""

from binascii import a2b_base64, b2a_base64
from typing import Final

from node.errors import MalformedMessageError

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")  # the strict reader refuses "!"
# What the last character may be where two or three of four stand: no spare bit is set.
_LAST: Final = {2: b"AQgw", 3: b"AEIMQUYcgkosw048"}


def b64u(raw: bytes) -> str:
    """Spell bytes in base64url without padding."""
    coded = b2a_base64(raw, newline=False).rstrip(b"=")
    return coded.translate(_TO_URL).decode("ascii")


def unb64u(text: str) -> bytes:
    """Read base64url strictly.

    Raises:
        MalformedMessageError: Padding, a foreign character, or another spelling than
            ``b64u`` gives for the same bytes.
    """
    try:
        coded = text.encode("ascii").translate(_FROM_URL)
        last = _LAST.get(len(coded) % 4)
        if last and coded[-1] not in last:
            raise MalformedMessageError("base64url")
        return a2b_base64(coded + b"=" * (-len(coded) % 4), strict_mode=True)
    except ValueError:
        raise MalformedMessageError("base64url") from None
