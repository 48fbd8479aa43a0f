"""The second factor of a password: six digits from an app, or a recovery code on paper.

Enters: random bytes, what was typed, the time. Leaves: a secret, the step a code belongs
to, recovery codes. Must never happen here: a code that is taken twice; a recovery code that
can be read back from what is stored. Implements SR-B4. Source: RFC 6238, through pyotp.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from node.accounts.code import AuditorCode
from node.crypto.keys import Randomness
from node.ids import AccountId

RECOVERY_CODES: Final = 10
_SECRET_BYTES: Final = 20
_STEP_S: Final = 30
_SIX_DIGITS: Final = re.compile(r"[0-9]{6}", re.ASCII)


class RecoveryCode(AuditorCode):
    """Sixteen letters in groups of four: opens once, in place of the six digits."""

    __slots__ = ()

    @property
    def digest(self) -> bytes:
        """SHA-256, 32 bytes; 80 random bits need no slower one."""
        return hashlib.sha256(b"recovery\0" + self.encode("ascii")).digest()


def new_codes(randomness: Randomness) -> list[RecoveryCode]:
    """Ten fresh codes, to be shown once."""
    return [RecoveryCode.of(randomness(10)) for _ in range(RECOVERY_CODES)]


@dataclass(frozen=True, slots=True)
class Authenticator:
    """An app that shows six digits: its secret in base32, and the last step that was used."""

    account: AccountId
    secret: str = field(repr=False)
    last_step: int = 0

    def address(self, login: str, body: str) -> str:
        """What the QR code says to the app."""
        from pyotp import TOTP  # noqa: PLC0415

        return TOTP(self.secret).provisioning_uri(name=login, issuer_name=body)

    def used(self, typed: str, at: datetime) -> Self | None:
        """The same after a good code; None for a wrong one or one that was used before.

        One step of 30 seconds either way is taken, because clocks differ.
        """
        from pyotp import TOTP  # noqa: PLC0415

        code = re.sub(r"\s", "", typed)
        if _SIX_DIGITS.fullmatch(code) is None:
            return None
        now, totp = int(at.timestamp()) // _STEP_S, TOTP(self.secret)
        for step in (now - 1, now, now + 1):
            if step > self.last_step and totp.verify(code, for_time=step * _STEP_S):
                return replace(self, last_step=step)
        return None


def new_secret(randomness: Randomness) -> str:
    """160 random bits as 32 letters, as apps take them."""
    return base64.b32encode(randomness(_SECRET_BYTES)).decode("ascii")
