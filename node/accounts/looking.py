"""Who looked, and how the exchange log ties it down: digests of a session's rows.

Enters: rows of the read log, the tag key. Leaves: one digest over the rows of a session,
pseudonyms of accounts and cases. Must never happen here: a digest that leaves a row out; a
pseudonym from which anybody without the key finds the account or case. Implements
exchange-log 3.3 (``audit.viewed``), LR-2, SR-D5, SC-58.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.accounts.code import short_code
from node.accounts.model import Reading
from node.ids import AccountId

AREA: Final = "log."
"""Actions of the read log that are looks into the exchange log begin so."""
NOTHING: Final = "0" * 32
"""Stands for the transfer where a look was at the log as a whole."""
SESSION_END: Final = timedelta(minutes=15)
READING_LIFE: Final = timedelta(days=730)
"""Rows end after two years; from then on nothing is said of their sessions."""
_PSEUDONYM: Final = b"staffelstab/access/pseudonym/v1\0"


@dataclass(frozen=True, slots=True)
class LookSession:
    """An account's looks from one instant to another, as ``audit.viewed`` names them.

    ``entry`` is the commitment of that entry.
    """

    entry: bytes
    account: AccountId
    first_at: datetime
    last_at: datetime


def digest_of(rows: Iterable[Reading]) -> str:
    """SHA-256 over the rows in their order by time, action and subject, in hex."""
    lines = sorted(f"{r.at.isoformat()} {r.action} {r.case}\n" for r in rows)
    return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()


def pseudonym(tag_key: bytes, kind: str, identity: str) -> str:
    """A name for an account or a case that only this node can trace, like ``7K3P-9QX``."""
    named = _PSEUDONYM + kind.encode("ascii") + b"\0" + identity.encode("ascii")
    return short_code(hmac.digest(tag_key, named, "sha256"))
