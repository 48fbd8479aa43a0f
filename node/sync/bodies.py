"""What each type of statement but the offer says: its body, with a closed schema.

Enters: the claim ``b`` of a verified statement, or values of a use case. Leaves: the other
one of the two. Must never happen: anything personal or any free text in a body (HO-3); the
only text of a person is the sealed comment of a refusal.
Implements handover 7.3; HO-21, HO-48, HO-51 to HO-54.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from node.errors import MalformedMessageError
from node.ids import Ags, MemberId, MessageId
from node.sync import schema as s
from node.sync.limits import CASES_PER_TRANSFER, COMMENT_BYTES, STATEMENTS_PER_LIST
from node.sync.offer import (
    CATEGORY,
    DIGEST,
    KID,
    OFFER,
    PACKET,
    PARAGRAPH,
    TAG,
    OfferBody,
    PacketName,
)
from node.sync.transfer import Why
from node.sync.words import (
    OF_PEOPLE,
    OF_RULES,
    Answer,
    By,
    Cause,
    Reason,
    RejectionCode,
    ReturnAnswer,
    StatementType,
)

_WRAP_BYTES: Final = 1120 + 16
"""What HPKE adds in suite 1: the encapsulation and the tag."""

_CATEGORIES: Final = s.ascending(CATEGORY, most=99)
_TAGS: Final = s.ascending(TAG, least=1, most=CASES_PER_TRANSFER)


@dataclass(frozen=True, slots=True)
class StoredBody:
    """The container is complete, its digest is the offer's, and it is committed."""

    pkt: PacketName


@dataclass(frozen=True, slots=True)
class OpenRequestBody:
    """An approver said yes: for these categories, one or two persons (HO-54)."""

    kid: str
    take: tuple[str, ...]
    hands: int


@dataclass(frozen=True, slots=True)
class GrantBody:
    """Share B, wrapped for the KEM key ``kid`` of the recipient (8.2)."""

    kid: str
    share: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class ImportedBody:
    """What was imported from which container; ``cases`` is their number."""

    pkt: PacketName
    taken: tuple[str, ...]
    not_taken: tuple[str, ...]
    cases: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ClosedBody:
    """The ``jti`` of the ``imported`` that closed the transfer."""

    imp: MessageId


@dataclass(frozen=True, slots=True)
class DurableBody:
    """A backup set taken after the import was verified; ``set`` is opaque."""

    set: str
    taken_at: datetime
    verified_at: datetime

    def __post_init__(self) -> None:
        """Refuse a set that was verified before it was taken."""
        if self.verified_at < self.taken_at:
            raise MalformedMessageError("b.verified_at")


@dataclass(frozen=True, slots=True)
class SealedComment:
    """A text of at most 2 KiB, sealed for the KEM key ``kid`` of the sender (8.2)."""

    kid: str
    ct: bytes


@dataclass(frozen=True, slots=True)
class RejectedBody:
    """No: from a person with a code of list ``refusal``, or from a rule (HO-52).

    ``other_body`` names the body that is responsible, or the AGS.
    """

    by: By
    code: RejectionCode
    body: MemberId | None = None
    ags: Ags | None = None
    comment: SealedComment | None = None

    def __post_init__(self) -> None:
        """Refuse a code of the other list, and hints or comments where none belong."""
        by_person = self.by is By.APPROVER
        hints = (self.body is not None) + (self.ags is not None)
        wanted = self.code is RejectionCode.OTHER_BODY
        if (
            self.code not in (OF_PEOPLE if by_person else OF_RULES)
            or hints != wanted
            or (self.comment is not None and not by_person)
        ):
            raise MalformedMessageError("b.code")


@dataclass(frozen=True, slots=True)
class RecallBody:
    """The transfer is over at the sender; share B is destroyed."""

    why: Why


@dataclass(frozen=True, slots=True)
class EmptyBody:
    """The type of the statement says everything."""


@dataclass(frozen=True, slots=True)
class WithdrawalBody:
    """A basis of a granted transfer ended, for these members and categories."""

    cause: Cause
    tags: tuple[bytes, ...]
    scope: tuple[str, ...]
    due: datetime


@dataclass(frozen=True, slots=True)
class WithdrawalAnswerBody:
    """What was done; ``paragraph`` only and always if kept."""

    tags: tuple[bytes, ...]
    answer: Answer
    passed_on: bool
    paragraph: str | None = None

    def __post_init__(self) -> None:
        """Refuse keeping without a paragraph, or a paragraph without keeping."""
        if (self.paragraph is not None) != (self.answer is Answer.KEPT):
            raise MalformedMessageError("b.paragraph")


@dataclass(frozen=True, slots=True)
class ReturnRequestBody:
    """The sender asks for the case back; ``return`` or ``recall`` of list reasons."""

    code: Reason


@dataclass(frozen=True, slots=True)
class ReturnAnswerBody:
    """The recipient declines; a yes is an ordinary offer the other way (HO-21)."""

    answer: ReturnAnswer
    code: RejectionCode


@dataclass(frozen=True, slots=True)
class FirstContactBody:
    """The day of the first talk at the new place."""

    on: date


@dataclass(frozen=True, slots=True)
class PassedOnBody:
    """The case went on to a further body; named only if the person allowed it (FR-30)."""

    on: date
    to: MemberId | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """A place in a chain: incarnation, number, SHA-256 of the JWS there."""

    inc: int
    seq: int
    h: bytes


@dataclass(frozen=True, slots=True)
class HelloBody:
    """Where the issuer stands, and what it remembers of the audience.

    ``inc`` and ``seq`` are the newest place in the issuer's own chain to the audience,
    ``seq`` 0 if there is none. ``card`` is the issuer's key card. ``memory`` is the
    newest statement of the audience taken without a gap, ``note`` the newest checkpoint
    note of the audience that the issuer cosigned. ``since`` is the start of the program.
    """

    inc: int
    seq: int
    card: str
    memory: Memory | None
    note: str | None
    clock: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class AckBody:
    """The results of statements by ``jti``: ``taken``, ``refused`` or a problem code."""

    results: Mapping[MessageId, str]


Body = (
    OfferBody
    | StoredBody
    | OpenRequestBody
    | GrantBody
    | ImportedBody
    | ClosedBody
    | DurableBody
    | RejectedBody
    | RecallBody
    | EmptyBody
    | WithdrawalBody
    | WithdrawalAnswerBody
    | ReturnRequestBody
    | ReturnAnswerBody
    | FirstContactBody
    | PassedOnBody
    | HelloBody
    | AckBody
)


_INC: Final = s.number(1, 2**31)
MEMORY: Final = s.record(Memory, inc=_INC, seq=s.number(1), h=DIGEST)
_NOTE: Final = s.text(r"[\n -~\u2014]+", most=4096)
_CARD: Final = s.text(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", most=4096)
_RESULT: Final = s.text(r"[a-z]+(-[a-z]+)*", most=40)
_EMPTY: Final = s.record(EmptyBody)

BODIES: Final[Mapping[StatementType, s.Form[Any]]] = {
    StatementType.OFFER: OFFER,
    StatementType.GRANT: s.record(
        GrantBody, kid=KID, share=s.binary(_WRAP_BYTES + 32), at=s.INSTANT
    ),
    StatementType.CLOSED: s.record(ClosedBody, imp=s.identifier(MessageId)),
    StatementType.RECALL: s.record(RecallBody, why=s.code(*Why)),
    StatementType.WITHDRAWAL: s.record(
        WithdrawalBody,
        cause=s.code(*Cause),
        tags=_TAGS,
        scope=s.ascending(CATEGORY, least=1, most=99),
        due=s.INSTANT,
    ),
    StatementType.RETURN_REQUEST: s.record(ReturnRequestBody, code=s.code(*Reason)),
    StatementType.STORED: s.record(StoredBody, pkt=PACKET),
    StatementType.OPEN_REQUEST: s.record(
        OpenRequestBody,
        kid=KID,
        take=s.ascending(CATEGORY, least=1, most=99),
        hands=s.number(1, 2),
    ),
    StatementType.IMPORTED: s.record(
        ImportedBody,
        pkt=PACKET,
        taken=_CATEGORIES,
        not_taken=_CATEGORIES,
        cases=s.number(1, CASES_PER_TRANSFER),
        at=s.INSTANT,
    ),
    StatementType.DURABLE: s.record(
        DurableBody,
        set=s.text(r"[A-Za-z0-9._-]+", most=64),
        taken_at=s.INSTANT,
        verified_at=s.INSTANT,
    ),
    StatementType.REJECTED: s.record(
        RejectedBody,
        by=s.code(*By),
        code=s.code(*RejectionCode),
        body=s.optional(s.identifier(MemberId)),
        ags=s.optional(s.identifier(Ags)),
        comment=s.optional(
            s.record(
                SealedComment,
                kid=KID,
                ct=s.binary(_WRAP_BYTES + 1, _WRAP_BYTES + COMMENT_BYTES),
            )
        ),
    ),
    StatementType.RECALLED: _EMPTY,
    StatementType.EXPIRED: _EMPTY,
    StatementType.WITHDRAWAL_ANSWER: s.record(
        WithdrawalAnswerBody,
        tags=_TAGS,
        answer=s.code(*Answer),
        passed_on=s.FLAG,
        paragraph=s.optional(PARAGRAPH),
    ),
    StatementType.RETURN_ANSWER: s.record(
        ReturnAnswerBody, answer=s.code(*ReturnAnswer), code=s.code(*OF_PEOPLE)
    ),
    StatementType.FIRST_CONTACT: s.record(FirstContactBody, on=s.DAY),
    StatementType.PASSED_ON: s.record(
        PassedOnBody, on=s.DAY, to=s.optional(s.identifier(MemberId))
    ),
    StatementType.LOST: _EMPTY,
    StatementType.HELLO: s.record(
        HelloBody,
        inc=_INC,
        seq=s.number(0),
        card=_CARD,
        memory=s.nullable(MEMORY),
        note=s.nullable(_NOTE),
        clock=s.INSTANT,
        since=s.INSTANT,
    ),
    StatementType.ACK: s.record(
        AckBody,
        results=s.table(s.identifier(MessageId), _RESULT, most=STATEMENTS_PER_LIST),
    ),
}
"""The schema of the body of each type."""
