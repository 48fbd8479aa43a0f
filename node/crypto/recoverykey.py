"""Recovery keys: what opens a backup when the node and its master key are gone.

Enters: an opening key, the key that signs backups. Leaves: the text of a recovery sheet,
or the keys that a sheet holds. Must never happen: a private part kept on the node; a
mistyped sheet that opens nothing without saying why, so each line carries a check.
Implements the recovery keys of the assurance document (4.1) and SR-R1.

A line is ``STFR1`` (private) or ``STFV1`` (public), then base32 of 32 bytes of key and the
first 3 bytes of its SHA-256, in groups of four, so that it can be typed from paper.
"""

import hashlib
import re
from base64 import b32decode, b32encode
from binascii import Error as Base32Error
from dataclasses import dataclass, field
from typing import Final, Self

from node.crypto.keys import OpeningKey, VerifyKey
from node.errors import ConfigError

_PRIVATE: Final = "STFR1"
_PUBLIC: Final = "STFV1"
_CHECK_BYTES: Final = 3
_KEY_BYTES: Final = 32
_FORM: Final = re.compile(r"\b(STF[RV]1)((?:[ -]+[A-Z2-7]{4})+)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RecoverySheet:
    """One sheet of paper: a recovery key, and the key that our backups are signed with."""

    opening: OpeningKey = field(repr=False)
    signer: VerifyKey

    def lines(self) -> tuple[str, str]:
        """The private line and the public line."""
        return _spell(_PRIVATE, self.opening.raw), _spell(_PUBLIC, self.signer.raw)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a sheet, or what somebody typed from it; other text is passed over.

        Raises:
            ConfigError: A line is missing, stands there twice or was mistyped.
        """
        found: dict[str, bytes] = {}
        for match in _FORM.finditer(text.upper()):
            kind, letters = match.group(1), re.sub(r"[ -]", "", match.group(2))
            if found.setdefault(kind, _read(letters)) != _read(letters):
                raise ConfigError("the recovery sheet names two keys of one kind")
        if found.keys() != {_PRIVATE, _PUBLIC}:
            raise ConfigError("a recovery sheet has a line STFR1 and a line STFV1")
        return cls(OpeningKey(found[_PRIVATE]), VerifyKey(found[_PUBLIC]))


def _spell(kind: str, raw: bytes) -> str:
    checked = raw + hashlib.sha256(raw).digest()[:_CHECK_BYTES]
    letters = b32encode(checked).decode("ascii").rstrip("=")
    groups = [letters[at : at + 4] for at in range(0, len(letters), 4)]
    return "-".join((kind, *groups))


def _read(letters: str) -> bytes:
    try:
        raw = b32decode(letters + "=" * (-len(letters) % 8))
    except Base32Error:
        raise ConfigError("a line of the recovery sheet is mistyped") from None
    key, check = raw[:_KEY_BYTES], raw[_KEY_BYTES:]
    if hashlib.sha256(key).digest()[:_CHECK_BYTES] != check:
        raise ConfigError("a line of the recovery sheet is mistyped")
    return key
