"""Base64url without padding, in its one canonical spelling.

Enters: bytes, or text from outside. Leaves: text, or bytes. Must never happen: two
spellings of the same bytes both being accepted, since what is hashed is the text.
Implements HO-40, SR-P2. Source: RFC 4648, section 5; RFC 7515, appendix C.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from node.errors import MalformedMessageError


def b64u(raw: bytes) -> str:
    """Spell bytes in base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def unb64u(text: str) -> bytes:
    """Read base64url strictly.

    Raises:
        MalformedMessageError: Padding, a foreign character, or another spelling than
            ``b64u`` gives for the same bytes.
    """
    # The library's reader skips foreign characters and ignores spare bits, so only
    # spelling the result again tells whether the text was the canonical one.
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise MalformedMessageError("base64url") from None
    if b64u(raw) != text:
        raise MalformedMessageError("base64url")
    return raw
