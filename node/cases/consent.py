"""Consent, and the one gate before anything leaves.

Enters: the members of a transfer with their consents, what shall travel, to whom, at which
instant. Leaves: a ``Permit``, or ``Withheld`` with a reason code per member. Must never
happen: a ``Permit`` made anywhere else; it is the only key to an extract (HO-26 to HO-36,
FR-20). There is no override.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique

from node.cases.model import PartialDate
from node.ids import AccountId, Ags, CaseId, ConsentId, MemberId, RecordId

RESPONSIBLE_AT_NEW_PLACE = "class:responsible_at_new_place"


@unique
class GivenBy(StrEnum):
    """Who answered."""

    SELF = "self"
    GUARDIAN = "guardian"
    BOTH_GUARDIANS = "both_guardians"
    APPOINTED_GUARDIAN = "appointed_guardian"


@unique
class Basis(StrEnum):
    """The legal ground."""

    CONSENT = "consent"
    STATUTE = "statute"


@unique
class Reason(StrEnum):
    """List ``withheld``: why the gate said no; each has a sentence and a cure on screen."""

    NO_BASIS = "no_basis"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    OTHER_RECIPIENT = "other_recipient"
    GUARDIAN_MISSING = "guardian_missing"
    GUARDIAN_CONSENT_LAPSED = "guardian_consent_lapsed"
    SECRECY_RELEASE_MISSING = "secrecy_release_missing"
    SECOND_PERSON_MISSING = "second_person_missing"
    PROTECTION = "protection"
    STATUTE_UNCONFIRMED = "statute_unconfirmed"


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement of a person, or of who answers for them, about one purpose.

    ``recipients`` holds ``member:<id>``, ``class:responsible_at_new_place`` or
    ``ags:<prefix>``. ``categories`` and ``documents`` hold what was answered with yes; no
    answer is no. ``valid_until`` is mandatory and ends at 24:00 Europe/Berlin (HO-31).
    ``evidence`` is the bytes that the person agreed to, as recorded; ``digest`` its
    SHA-256; ``salt`` blinds it in offers. A declined statement has no categories and
    ``declined_on`` set. ``entry`` is the commitment of its ``consent.recorded``.
    """

    id: ConsentId
    case: CaseId
    given_by: GivenBy
    guardians: tuple[CaseId, ...]
    basis: Basis
    purpose: str
    recipients: tuple[str, ...]
    categories: frozenset[str]
    documents: frozenset[RecordId]
    valid_from: date
    valid_until: date
    recorded_at: datetime
    recorded_by: AccountId | None
    language: str
    form: str
    text_version: str
    evidence: bytes
    digest: bytes
    salt: bytes
    statute: str | None = None
    second: AccountId | None = None
    announce_by_name: bool = False
    secrecy_release: bool = False
    contact_back: bool = False
    may_tell_old_office: bool = False
    declined_on: date | None = None
    withdrawn_at: datetime | None = None
    withdrawn_how: str | None = None
    received_by: AccountId | None = None
    replaced_by: ConsentId | None = None
    entry: bytes | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a transfer, with all that the gate must know about them.

    ``custody`` and ``guardians`` as recorded (FR-12); ``protection`` the codes of flags in
    force with the case they concern (FR-16); ``secrecy_bound`` whether the caseworker is
    (FR-22).
    """

    case: CaseId
    consents: tuple[Consent, ...]
    birth: PartialDate | None = None
    custody: str | None = None
    guardians: tuple[CaseId, ...] = ()
    protection: tuple[tuple[str, CaseId | None], ...] = ()
    secrecy_bound: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who shall receive: the member and the place.

    ``responsible`` is whether the directory names this member for the new AGS on the
    move date.
    """

    member: MemberId
    ags: Ags
    responsible: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall travel of one case; ``None`` means whatever its basis covers (build)."""

    categories: frozenset[str] | None = None
    documents: frozenset[RecordId] | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class PermittedCase:
    """What of one case may leave, and on which ground."""

    case: CaseId
    categories: frozenset[str]
    documents: frozenset[RecordId]
    basis: Consent


@dataclass(frozen=True, slots=True)
class Permit:
    """The gate's yes (HO-27). Lives inside one transaction, is never stored or passed on.

    ``until`` is the earliest end of all bases, an exclusive instant.
    """

    recipient: MemberId
    purpose: str
    cases: tuple[PermittedCase, ...]
    until: datetime

    def of(self, case: CaseId) -> PermittedCase:
        """What is permitted of one case. KeyError if nothing is."""
        return {c.case: c for c in self.cases}[case]


@dataclass(frozen=True, slots=True)
class Withheld:
    """The gate's no: one code per member who is not covered (HO-29)."""

    reasons: tuple[tuple[CaseId, Reason], ...]


def gate(
    members: Sequence[Member],
    wishes: Mapping[CaseId, Wish],
    recipient: Recipient,
    *,
    purpose: str,
    at: datetime,
    second: AccountId | None = None,
) -> Permit | Withheld:
    """Whether this content of these persons may leave for this recipient at this instant.

    Args:
        members: Everybody whose case shall travel; one Withheld member withholds all.
        wishes: Per case what shall travel; missing or None: all that is covered and not
            sensitive. A wish for more than is covered withholds (HO-28).
        recipient: Member and place.
        purpose: Code of list ``purpose``.
        at: The own clock's instant, not in doubt (HO-32).
        second: The second person, where one confirmed (FR-17).
    """
    raise NotImplementedError
