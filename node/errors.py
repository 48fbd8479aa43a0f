"""Every error of the product, grouped by who has to act.

A class has a stable ``code`` (log field, problem document, German text) and says whether
trying again can help. Messages hold no personal data and no key material: codes, counts,
ids and positions only. What is expected is a value, not an exception.
"""

from datetime import date
from typing import ClassVar


class NodeError(Exception):
    """The root of all families; never raised itself."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class UsageError(NodeError):
    """Our own code or the operator did something that cannot be."""

    code = "usage"


class TransitionError(UsageError):
    """A state table has no line for this state and event (HO-11)."""

    code = "transition"


class ConfigError(UsageError):
    """A setting is missing, unknown or wrong; the message names it and the way out."""

    code = "config"


class SchemaError(UsageError):
    """The database has a schema that this program does not know."""

    code = "schema"


class ForbiddenError(UsageError):
    """The account has no right to this action; ``action`` names it."""

    code = "forbidden"

    def __init__(self, action: str) -> None:
        """Remember the action of the permission table that was refused."""
        super().__init__(f"not allowed: {action}")
        self.action = action


class NotFoundError(UsageError):
    """Absent or not yours: both look the same (SR-B9)."""

    code = "not-found"


class InputError(UsageError):
    """A person or program typed something we cannot take; ``field`` and ``reason`` say what.

    ``reason`` is a stable code with a sentence in every language of the screens.
    """

    code = "input"

    def __init__(self, field: str, reason: str) -> None:
        """Name the field and the reason code."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ConflictError(NodeError):
    """Somebody moved first: reload and decide again."""

    code = "conflict"
    retryable = True


class StaleEpochError(ConflictError):
    """The case is at another epoch or not editable here (HO-4); keep the typed text."""

    code = "stale-epoch"
    retryable = False


class ErasedError(UsageError):
    """The key of this case or entry was destroyed; pages say "gelöscht", and when."""

    code = "erased"

    def __init__(self, what: str, *, on: date | None = None, ground: str = "") -> None:
        """Keep the day and the ground, a code, where they are known."""
        super().__init__(what)
        self.on = on
        self.ground = ground


class RestrictedError(UsageError):
    """The case may be read only to answer the person; pages say so (Art. 18 GDPR)."""

    code = "restricted"


class StoreError(UsageError):
    """Database or disk did not take it: full, locked, gone. Nothing of the unit is kept."""

    code = "store"
    retryable = True


class PrinterError(UsageError):
    """No PDF can be made just now: its program is missing, died or took too long (SC-68)."""

    code = "printer"
    retryable = True


class UnprintableError(UsageError):
    """A character that no shipped font holds (SC-67); ``character`` is for the page alone."""

    code = "unprintable"

    def __init__(self, character: str) -> None:
        """Remember the character; the message names its number."""
        super().__init__(f"no glyph: U+{ord(character):04X}")
        self.character = character


class OutcomeUnknownError(StoreError):
    """The connection broke during a commit: read back by id before saying anything (HO-38)."""

    code = "outcome-unknown"


class PeerError(NodeError):
    """The other node did something wrong."""

    code = "peer"


class MalformedMessageError(PeerError):
    """Bytes from outside do not follow their format; ``where`` names the part."""

    code = "bad-syntax"


class SignatureError(PeerError):
    """A signature, its key or its coverage is wrong."""

    code = "bad-signature"


class ReceiptError(PeerError):
    """A receipt does not name the transfer, packet and sides it must."""

    code = "bad-receipt"


class PacketUnreadableError(PeerError):
    """The one failure of opening (HO-65).

    Its text is always the same; ``reason`` is a code for the local log alone.
    """

    code = "unreadable"

    def __init__(self, reason: str = "unreadable") -> None:
        """Keep the reason where no answer to the sender reads it."""
        super().__init__("unreadable")
        self.reason = reason


class HistoryConflictError(PeerError):
    """Two statements at one position, or a head that contradicts our memory."""

    code = "history-conflict"


class TrustError(NodeError):
    """The directory does not vouch for this."""

    code = "trust"


class UnknownNodeError(TrustError):
    """No member record, or no route to one body."""

    code = "unknown-node"


class UnknownKeyError(TrustError):
    """A key id our directory does not list; it may be behind (HO-71)."""

    code = "unknown-key"
    retryable = True


class KeyRetiredError(TrustError):
    """The key or member is retired; it never becomes valid again."""

    code = "not-a-peer"


class DirectoryExpiredError(TrustError):
    """The directory is too old: no new packet is sealed, all else goes on."""

    code = "directory-expired"
    retryable = True


class DirectoryFileError(TrustError):
    """A directory file is broken, too long, outside its role or not signed by enough keys."""

    code = "directory-file"


class RollbackError(TrustError):
    """A directory file went back, or a key moved to another owner or purpose."""

    code = "rollback"


class DeliveryError(NodeError):
    """The way to the peer failed; nothing is lost."""

    code = "delivery"


class UnreachableError(DeliveryError):
    """No validly signed answer: DNS, TCP, TLS, time-out, cut, foreign answer (HO-70).

    ``moved`` says that something had got through before, so the peer is there.
    """

    code = "unreachable"
    retryable = True
    moved = False


class RejectedError(DeliveryError):
    """A validly signed problem document of the peer."""

    code = "rejected"

    def __init__(
        self, problem: str, *, can_retry: bool, retry_after_s: int | None = None
    ) -> None:
        """Keep the peer's problem code, whether time can cure it, and its wish to wait."""
        super().__init__(problem)
        self.problem = problem
        self.can_retry = can_retry
        self.retry_after_s = retry_after_s


class AtRelayError(DeliveryError):
    """It lies in the peer's mailbox; what the peer says to it comes as a letter (HO-92)."""

    code = "at-relay"
    retryable = True


class LogError(NodeError):
    """The exchange log does not add up: stop, tell a person, never repair silently."""

    code = "log"


class ReadingOnlyError(LogError):
    """Somebody may know more of our log than we do: nothing is written (exchange-log 5.4)."""

    code = "reading-only"
    retryable = True


class FirstWordError(NodeError):
    """Just started: nothing is stated before others have had the first word (SR-R4)."""

    code = "first-word"
    retryable = True


class BackupError(NodeError):
    """A backup file does not verify, is not ours, or does not hold what it must."""

    code = "backup"


class SealError(NodeError):
    """Stored bytes do not open under their key and context; the row is damaged or moved."""

    code = "seal"
