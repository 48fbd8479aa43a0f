"""Errors between nodes as RFC 9457 problem documents, from one table.

Enters: an error of our families, or a peer's document. Leaves: a document, or a
``RejectedError``. Must never happen: foreign text or anything personal in a document; a
document that ends a transfer (HO-75). Implements HO-74 and handover 9.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from node import strictjson
from node.errors import (
    ConflictError,
    FirstWordError,
    KeyRetiredError,
    MalformedMessageError,
    NodeError,
    RejectedError,
    SignatureError,
    UnknownKeyError,
    UnknownNodeError,
)
from node.strictjson import Json

MEDIA_TYPE: Final = "application/problem+json"
_PREFIX: Final = "/staffelstab/1/problems/"

# code: (status, whether trying again can help, title)
TABLE: Final[Mapping[str, tuple[int, bool, str]]] = {
    "bad-syntax": (400, False, "The message does not follow its format"),
    "media-type": (415, False, "Media type, charset or content coding not taken here"),
    "bad-signature": (401, False, "Signature missing, wrong or not covering enough"),
    "clock-skew": (401, True, "Outside the time window"),
    "bad-digest": (422, True, "The body is not the one its digest names"),
    "replay": (409, True, "This nonce was seen before"),
    "not-a-peer": (403, False, "Member or key not listed, retired or suspended"),
    "wrong-recipient": (403, False, "Addressed to another member"),
    "identity-mismatch": (403, False, "A sender field differs from the key's owner"),
    "version": (426, False, "Protocol version not spoken here"),
    "suite": (422, False, "Suite not spoken here"),
    "unknown-key": (503, True, "Key not in our directory yet"),
    "unknown-transfer": (404, True, "No offer taken for this transfer"),
    "chain-gap": (409, True, "A statement before this one is missing"),
    "offset-mismatch": (409, True, "The upload stands at another offset"),
    "log-unproven": (503, True, "The log proof is not there yet"),
    "log-behind": (409, True, "We remember a newer head of your log"),
    "history-conflict": (409, False, "Two histories"),
    "id-conflict": (409, False, "Same id, other bytes"),
    "gone": (410, False, "The transfer is over"),
    "too-large": (413, False, "Over the limit"),
    "too-slow": (408, True, "Below the minimum speed"),
    "rate": (429, True, "Too many requests"),
    "quota": (429, True, "Quota of unopened bytes or uploads reached"),
    "no-space": (507, True, "No room just now"),
    "maintenance": (503, True, "Upgrade running"),
    "reading-only": (503, True, "Reading only"),
    "not-found": (404, False, "No such resource"),
    "method": (405, False, "Method not taken here"),
    "internal": (500, True, "Something went wrong here"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document."""

    code: str
    trace: str
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return TABLE[self.code][0]

    @property
    def retryable(self) -> bool:
        """Whether time can cure it."""
        return TABLE[self.code][1]

    def encode(self) -> bytes:
        """The document as JSON."""
        status, retryable, title = TABLE[self.code]
        return strictjson.encode(
            {
                "type": _PREFIX + self.code,
                "title": title,
                "status": status,
                "code": self.code,
                "retryable": retryable,
                "trace": self.trace,
                **self.extra,
            }
        )


def code_of(error: NodeError) -> str:
    """The problem code for an error met while answering a peer."""
    match error:
        case MalformedMessageError() | SignatureError() if str(error) in TABLE:
            return str(error)
        case UnknownKeyError() | UnknownNodeError():
            return "unknown-key"
        case KeyRetiredError():
            return "not-a-peer"
        case SignatureError() | MalformedMessageError():
            return error.code
        case ConflictError() | FirstWordError():
            return "maintenance"
    return error.code if error.code in TABLE else "internal"


def parse_problem(body: bytes) -> RejectedError:
    """A peer's problem document, as the error it means for us.

    Raises:
        MalformedMessageError: It is no problem document of this protocol.
    """
    document = strictjson.parse_object(body)
    code = document.get("code")
    retryable = document.get("retryable")
    wait = document.get("retry_after")
    if not isinstance(code, str) or not isinstance(retryable, bool):
        raise MalformedMessageError("problem")
    known = code if code in TABLE else "rejected"
    seconds = wait if isinstance(wait, int) and 0 <= wait <= 3600 else None
    return RejectedError(known, can_retry=retryable, retry_after_s=seconds)
