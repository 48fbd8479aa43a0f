"""Passwords: which are good enough, how they are kept, how fast they may be tried.

Enters: what was typed, random bytes, failures with their instants. Leaves: a PHC text for
the store, yes or no, or the instant of the next try. Must never happen here: a password in
an error, a shorter computation for a name nobody has, a rule of composition. Implements
SR-B4, SR-B5. Source: RFC 9106 (argon2id) through libsodium, RFC 8265, 4.2 (spelling).
"""

import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from node.crypto.keys import Randomness
from node.errors import InputError

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters; more only costs time to normalise."""

WINDOW: Final = timedelta(minutes=15)
FAILURES_PER_ACCOUNT: Final = 10
FAILURES_PER_ADDRESS: Final = 30
FREE_TRIES: Final = 3
"""Failures that cost no waiting: people mistype."""

_DIGITS_ONLY: Final = 20
_LETTERS: Final = 5
_WORDS: Final = 2
_LOOKALIKES: Final = str.maketrans("013457@$!", "oieastasi")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one computation takes: KiB of memory and passes over it."""

    memory_kib: int
    passes: int

    @property
    def prefix(self) -> str:
        """The beginning of every PHC text of this cost."""
        return f"$argon2id$v=19$m={self.memory_kib},t={self.passes},p=1$"


STANDARD: Final = Cost(memory_kib=64 * 1024, passes=3)


def check_new_password(password: str, *, words: Iterable[str] = ()) -> None:
    """Refuse a password that others would try first.

    Args:
        password: As typed.
        words: The login, the name, the body's name: what a neighbour would guess.

    Raises:
        InputError: ``too_short``, ``too_long`` or ``too_common``.
    """
    text = unicodedata.normalize("NFC", password)
    if len(text) < SHORTEST:
        raise InputError("password", "too_short")
    if len(text) > LONGEST:
        raise InputError("password", "too_long")
    known = _block_list() | {
        word for part in words for word in part.casefold().split() if len(word) > 2
    }
    plain = text.casefold()
    core = plain.strip("".join({char for char in plain if not char.isalpha()}))
    if len(set(plain)) < _LETTERS or any(
        _is_made_of(variant, known)
        for variant in (plain, plain[::-1], core.translate(_LOOKALIKES))
    ):
        raise InputError("password", "too_common")


def hash_password(
    password: str, *, randomness: Randomness, cost: Cost = STANDARD
) -> str:
    """Compute what the store keeps: a PHC text with salt, cost and 32 bytes of hash.

    Takes 0.1 s and 64 MiB at the standard cost: run it in a thread, two at once.
    """
    salt = randomness(argon2id.SALTBYTES)
    return f"{cost.prefix}{_b64(salt)}${_b64(_derive(password, salt, cost))}"


def verify_password(
    stored: str | None, password: str, *, cost: Cost = STANDARD
) -> bool:
    """Whether the password is the one that was hashed.

    Args:
        stored: The PHC text, or None for a name nobody has or an account without a
            password: the same work is done and the answer is no.
        password: As typed.
        cost: The cost of the work in the second case.
    """
    if stored is None or len(password) > LONGEST:
        _derive(password[:LONGEST], bytes(argon2id.SALTBYTES), cost)
        return False
    try:
        return argon2id.verify(stored.encode("ascii"), _normal(password))
    except CryptoError:
        return False


def next_try_at(failures: Sequence[datetime], limit: int) -> datetime | None:
    """When the next try is taken, None if at once.

    Args:
        failures: Instants of failed tries of one account or one address, in any order.
            Only those of the last 15 minutes before the newest one count.
        limit: ``FAILURES_PER_ACCOUNT`` or ``FAILURES_PER_ADDRESS``.

    The waiting doubles from one second on after the third failure in the window; with the
    limit reached it lasts until the oldest counted failure leaves the window.
    """
    if not failures:
        return None
    newest = max(failures)
    counted = sorted(at for at in failures if newest - at < WINDOW)
    if len(counted) >= limit:
        return counted[-limit] + WINDOW
    over = len(counted) - FREE_TRIES * limit // FAILURES_PER_ACCOUNT
    if over <= 0:
        return None
    return newest + timedelta(seconds=2 ** min(over - 1, 8))


def _is_made_of(text: str, known: frozenset[str] | set[str]) -> bool:
    """Whether at most two known words, digits and signs are all there is."""
    rest = "".join(char for char in text if char.isalpha())
    if not rest:
        return 0 < len(text) < _DIGITS_ONLY
    used = 0
    for word in sorted(known, key=len, reverse=True):
        if word in rest:
            rest = rest.replace(word, "")
            used += 1
    return not rest and used <= _WORDS


@cache
def _block_list() -> frozenset[str]:
    text = files("node.accounts").joinpath("blocklist.txt").read_text("utf-8")
    return frozenset(
        line for line in text.split("\n") if line and not line.startswith("#")
    )


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    return argon2id.kdf(
        32,
        _normal(password),
        salt,
        opslimit=cost.passes,
        memlimit=cost.memory_kib * 1024,
    )


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii").rstrip("=")
