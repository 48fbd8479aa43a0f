"""A signed-in browser: its token, what is stored about it, and when it ends.

Enters: a token and instants. Leaves: what the store keeps and whether it still counts. Must
never happen here: a token that can be read back from what is stored. The database knows the
token's hash only, and the values of a session are sealed under a key that only the token
yields, so that a stolen database opens no session and shows no search text. Implements SR-B2.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.ids import AccountId, Identifier

IDLE: Final = timedelta(minutes=15)
ABSOLUTE: Final = timedelta(hours=8)
PROOF_LIFE: Final = timedelta(minutes=5)
"""How long a sign-in, or a confirmation, is fresh enough for what weighs (SR-B7)."""
KEPT: Final = timedelta(minutes=30)
"""How long a form that came too late is kept for whom it belongs to."""
TOKEN_BYTES: Final = 32


class SessionToken(Identifier):
    """256 random bits in base64url, 43 characters; lives in the cookie only."""

    __slots__ = ()
    pattern = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)

    @property
    def stored_hash(self) -> bytes:
        """The 32 bytes under which the store knows the session."""
        return self._derive(b"session-hash")

    @property
    def form_token(self) -> str:
        """The text that each form of this session carries, 64 hex digits (SR-B3)."""
        return self._derive(b"session-form").hex()

    @property
    def value_key(self) -> bytes:
        """The 32 bytes that seal the values of this session."""
        return self._derive(b"session-values")

    @property
    def kept_key(self) -> bytes:
        """The 32 bytes that seal a form which came after the session's end."""
        return self._derive(b"session-kept")

    def _derive(self, purpose: bytes) -> bytes:
        return hashlib.blake2b(self.encode(), person=purpose, digest_size=32).digest()


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One session as the store keeps it.

    Args:
        token_hash: 32 bytes, the key of the row.
        account: Whose session it is.
        began_at: When the account signed in.
        seen_at: The last request, up to half a minute late.
        sealed_values: What pages remember between two requests, sealed.
        proved_at: When the person last showed who they are; None is when it began.
        handed_over: The device is in a client's hands. Nobody is signed in then, and
            only the account's password brings the pages back (flow C, SC-34).
    """

    token_hash: bytes
    account: AccountId
    began_at: datetime
    seen_at: datetime
    sealed_values: bytes
    proved_at: datetime | None = None
    handed_over: bool = False

    def is_fresh(self, at: datetime) -> bool:
        """Whether the person showed less than five minutes ago who they are."""
        return at - (self.proved_at or self.began_at) < PROOF_LIFE

    def is_alive(self, at: datetime) -> bool:
        """Whether neither 15 idle minutes nor 8 hours in all have passed.

        A device that was handed over does not idle: what was answered so far waits.
        """
        idles = not self.handed_over and at - self.seen_at >= IDLE
        return not idles and at - self.began_at < ABSOLUTE


@dataclass(frozen=True, slots=True)
class KeptForm:
    """What somebody sent after their session's end, for them alone, for half an hour."""

    token_hash: bytes
    account: AccountId
    until: datetime
    sealed: bytes
