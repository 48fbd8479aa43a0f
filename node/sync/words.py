"""The closed lists of words that statements use.

A word that stands in none of them is refused: within one protocol version nothing is
guessed, and no free text can hide in a code (HO-60). Implements the lists of handover 5.2,
7.3 and 8.3; those of the field document are named where they are used.
"""

from enum import StrEnum, unique
from typing import Final


@unique
class StatementType(StrEnum):
    """The types of statements (handover 7.3): sender, recipient, any."""

    OFFER = "offer"
    GRANT = "grant"
    CLOSED = "closed"
    RECALL = "recall"
    WITHDRAWAL = "withdrawal"
    RETURN_REQUEST = "return-request"
    STORED = "stored"
    OPEN_REQUEST = "open-request"
    IMPORTED = "imported"
    DURABLE = "durable"
    REJECTED = "rejected"
    RECALLED = "recalled"
    EXPIRED = "expired"
    WITHDRAWAL_ANSWER = "withdrawal-answer"
    RETURN_ANSWER = "return-answer"
    FIRST_CONTACT = "first-contact"
    PASSED_ON = "passed-on"
    LOST = "lost"
    HELLO = "hello"
    ACK = "ack"


UNLINKED: Final = frozenset({StatementType.HELLO, StatementType.ACK})
"""Signed alike, but no links of a chain and without effect on a transfer (HO-48)."""


@unique
class Kind(StrEnum):
    """What a transfer is for."""

    MOVE = "move"
    RETURN = "return"
    FORWARDING = "forwarding"
    ADDENDUM = "addendum"


@unique
class Reason(StrEnum):
    """List ``transfer_reason`` of the field document."""

    MOVE = "move"
    ASSIGNMENT = "assignment"
    AREA_CHANGE = "area_change"
    RETURN = "return"
    RECALL = "recall"
    FORWARDING = "forwarding"


@unique
class Purpose(StrEnum):
    """List ``purpose`` of the field document."""

    RELOCATION = "relocation"
    DISTRICT_COOPERATION = "district_cooperation"
    REFERRAL = "referral"
    STATISTICS = "statistics"


@unique
class Band(StrEnum):
    """List ``age_band`` of the field document, youngest first."""

    TO_5 = "0-5"
    TO_15 = "6-15"
    TO_17 = "16-17"
    TO_26 = "18-26"
    TO_49 = "27-49"
    TO_64 = "50-64"
    FROM_65 = "65+"
    UNKNOWN = "unknown"


@unique
class DocumentKind(StrEnum):
    """List ``doc_kind``; health and protection documents count as ``restricted``."""

    IDENTITY = "identity"
    RESIDENCE = "residence"
    ASYLUM_NOTICE = "asylum_notice"
    SCHOOL = "school"
    VOCATIONAL = "vocational"
    LANGUAGE_CERTIFICATE = "language_certificate"
    WORK = "work"
    HOUSING = "housing"
    BENEFIT_NOTICE = "benefit_notice"
    CUSTODY_CIVIL = "custody_civil"
    CONSENT = "consent"
    PLAN = "plan"
    LETTER = "letter"
    OTHER = "other"
    RESTRICTED = "restricted"


@unique
class Basis(StrEnum):
    """On which ground a person's case travels."""

    CONSENT = "consent"
    STATUTE = "statute"


@unique
class By(StrEnum):
    """Who said no: a person refuses, a rule rejects."""

    APPROVER = "approver"
    RULE = "rule"


@unique
class Cause(StrEnum):
    """Why a basis of a granted transfer ended."""

    BASIS_ENDED = "basis-ended"
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    ERASURE = "erasure"


@unique
class Answer(StrEnum):
    """What the recipient did about a withdrawal."""

    ERASED = "erased"
    RESTRICTED = "restricted"
    KEPT = "kept"


@unique
class ReturnAnswer(StrEnum):
    """The only answer to a return request that is not an offer."""

    DECLINED = "declined"


@unique
class RejectionCode(StrEnum):
    """Why a transfer was rejected: list ``refusal`` for people, then the rules (HO-52)."""

    NOT_RESPONSIBLE = "not_responsible"
    OTHER_BODY = "other_body"
    UNKNOWN_NOT_ARRIVED = "unknown_not_arrived"
    ALREADY_HERE = "already_here"
    CAPACITY = "capacity"
    CONSENT_INSUFFICIENT = "consent_insufficient"
    CONTENT_INSUFFICIENT = "content_insufficient"
    TECHNICAL = "technical"
    OTHER = "other"
    NOT_FOR_US = "not_for_us"
    SUITE = "suite"
    SCHEMA_TOO_OLD = "schema_too_old"
    NO_BASIS = "no_basis"
    TOO_LARGE = "too_large"
    POLICY = "policy"
    LOG = "log"
    BAD_PACKET = "bad_packet"
    UNREADABLE = "unreadable"
    CANNOT_OPEN = "cannot_open"
    WITHDRAWN = "withdrawn"
    STALE_EPOCH = "stale_epoch"


_C = RejectionCode
OF_PEOPLE: Final = tuple(_C)[: tuple(_C).index(_C.OTHER) + 1]
"""List ``refusal``: what an approver may answer."""

OF_RULES: Final = (*tuple(_C)[tuple(_C).index(_C.OTHER) + 1 :], _C.CAPACITY)
"""What a rule may answer; ``capacity`` stands in both lists."""
