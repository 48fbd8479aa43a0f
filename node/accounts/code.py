"""The one-time code that lets a command act under an auditor's account.

Enters: random bytes; what somebody types from a page. Leaves: a code of 80 bits, and its
digest, which alone is stored. Must never happen here: a code that works twice, longer than
its life, or that can be read back from what is stored. Implements exchange-log 8 (verbs
that show opened entries).
"""

import hashlib
import re
from datetime import timedelta
from typing import Final, Self

from node.ids import Identifier

CODE_LIFE: Final = timedelta(minutes=10)
"""How long a code works; it works once."""

_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_GROUP: Final = 4
_RAW_BYTES: Final = 10


def short_code(raw: bytes) -> str:
    """Seven letters of some bytes, like ``7K3P-9QX``: to be read aloud, not to be secret."""
    number = int.from_bytes(raw[:_RAW_BYTES], "big")
    letters = "".join(_LETTERS[(number >> 5 * i) & 31] for i in range(7))
    return f"{letters[:_GROUP]}-{letters[_GROUP:]}"


class AuditorCode(Identifier):
    """Sixteen letters in groups of four, without those that look alike."""

    __slots__ = ()
    pattern = re.compile(rf"[{_LETTERS}]{{4}}(-[{_LETTERS}]{{4}}){{3}}", re.ASCII)

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Make one from 10 random bytes."""
        number = int.from_bytes(raw[:_RAW_BYTES], "big")
        letters = "".join(_LETTERS[(number >> 5 * i) & 31] for i in range(16))
        return cls("-".join(letters[i : i + _GROUP] for i in range(0, 16, _GROUP)))

    @classmethod
    def typed(cls, text: str) -> Self:
        """What a person typed: letters of either case, groups or none.

        Raises:
            MalformedMessageError: Not a code.
        """
        bare = re.sub(r"[\s-]", "", text).upper()
        return cls("-".join(bare[i : i + _GROUP] for i in range(0, len(bare), _GROUP)))

    @property
    def digest(self) -> bytes:
        """SHA-256, 32 bytes. 80 random bits and ten minutes: a plain digest is enough."""
        return hashlib.sha256(self.encode("ascii")).digest()
