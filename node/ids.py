"""Identifiers: parsed once, never bare strings.

Each is text that was checked when it was made, so it can go into SQL, JSON and URLs as it
is. ``parse`` is the constructor; ``str(x)`` gives the text back.
"""

import re
import uuid
from base64 import urlsafe_b64encode
from typing import ClassVar, Self

from node.errors import MalformedMessageError


class Identifier(str):
    """A text of one fixed form.

    Raises:
        MalformedMessageError: The text has another form; the message names the kind only.
    """

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]

    def __new__(cls, text: str) -> Self:
        """Check the form; the value itself never appears in an error."""
        if cls.pattern.fullmatch(text) is None:
            raise MalformedMessageError(f"not a {cls.__name__}")
        return str.__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The same as the constructor, as a verb."""
        return cls(text)


class Hex128(Identifier):
    """128 random bits as 32 lower-case hex digits."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-f]{32}", re.ASCII)

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Make one from 16 bytes."""
        return cls(raw.hex())

    def raw(self) -> bytes:
        """The 16 bytes."""
        return bytes.fromhex(self)

    @property
    def short(self) -> str:
        """The number people say on the phone, like ``7K3P-9QX`` (no 0 O 1 I)."""
        alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        number = int(self, 16)
        letters = "".join(alphabet[(number >> 5 * i) & 31] for i in range(7))
        return f"{letters[:4]}-{letters[4:]}"


class CaseId(Hex128):
    """The file of one person, constant for life."""

    __slots__ = ()


class RecordId(Hex128):
    """One record in a case: a contact, a plan, a goal. Survives transfers."""

    __slots__ = ()


class ConsentId(Hex128):
    """One consent statement of a person."""

    __slots__ = ()


class TransferId(Hex128):
    """One handover procedure for one or more cases; the same at both ends."""

    __slots__ = ()


class AccountId(Hex128):
    """One natural person who works at this node."""

    __slots__ = ()


class MessageId(Identifier):
    """``jti`` of a statement: 128 random bits in base64url, 22 characters."""

    __slots__ = ()
    pattern = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]", re.ASCII)

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Make one from 16 bytes."""
        return cls(urlsafe_b64encode(raw).decode().rstrip("="))


class Ags(Identifier):
    """Amtlicher Gemeindeschlüssel: eight digits as text, like ``08337116``."""

    __slots__ = ()
    pattern = re.compile(r"(0[1-9]|1[0-6])[0-9]{6}", re.ASCII)

    @property
    def land(self) -> str:
        """The two digits of the Land."""
        return self[:2]

    @property
    def kreis(self) -> str:
        """The five digits of the Kreis."""
        return self[:5]


class MemberId(Identifier):
    """``<scope>-<slug>``: an AGS prefix of 2, 3, 5 or 8 digits and a slug (HO-96)."""

    __slots__ = ()
    pattern = re.compile(
        r"([0-9]{2}|[0-9]{3}|[0-9]{5}|[0-9]{8})-[a-z0-9-]{2,40}", re.ASCII
    )

    @property
    def scope(self) -> str:
        """The AGS prefix this member may serve."""
        return self.split("-", 1)[0]


class KeyId(Identifier):
    """``<member>#<key>``, as it stands in the header of a statement."""

    __slots__ = ()
    pattern = re.compile(MemberId.pattern.pattern + r"#[a-z0-9]{1,20}", re.ASCII)

    @property
    def member(self) -> MemberId:
        """The owner of the key."""
        return MemberId(self.split("#", 1)[0])

    @property
    def name(self) -> str:
        """The key's name at its owner, like ``s1``."""
        return self.split("#", 1)[1]


def uuid7(instant_ms: int, randomness: bytes) -> str:
    """A UUIDv7 (RFC 9562, 5.7) as 32 hex digits: sorts by time, 74 random bits.

    Args:
        instant_ms: Unix time in milliseconds.
        randomness: 10 random bytes.
    """
    value = (instant_ms & (2**48 - 1)) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value).hex
