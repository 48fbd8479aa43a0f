"""Which statements of a person stand, about one recipient, at one instant.

Enters: a member of a transfer with every statement on record, the recipient, the purpose,
the instant. Leaves: a ``Standing`` (what is covered, on which grounds, until when), or the
``Reason`` why nothing is. Must never happen: an older yes outliving a newer no; a yes of
somebody who may not decide for this person. Implements FR-12 to FR-14, FR-20 to FR-22,
HO-30, HO-31. The gate in ``cases.consent`` asks here and nowhere else.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique
from typing import Final

from node.cases.days import birthday, day_end, day_start, local_day
from node.cases.model import CATEGORIES, PartialDate
from node.ids import AccountId, Ags, CaseId, ConsentId, MemberId, RecordId

RESPONSIBLE_AT_NEW_PLACE: Final = "class:responsible_at_new_place"

MINIMUM: Final = "K01"
"""Without this category nothing of a person travels."""

OWN_NO_COUNTS_FROM: Final = 16
OF_AGE: Final = 18

_PREFIX: Final = re.compile(r"ags:([0-9]{2}|[0-9]{3}|[0-9]{5}|[0-9]{8})", re.ASCII)


@unique
class GivenBy(StrEnum):
    """Who answered.

    ``authorised_guardian`` is one holder of joint custody with the recorded authority of
    the other (FR-12).
    """

    SELF = "self"
    GUARDIAN = "guardian"
    BOTH_GUARDIANS = "both_guardians"
    AUTHORISED_GUARDIAN = "authorised_guardian"
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
    withdrawn_by: str | None = None
    received_by: AccountId | None = None
    replaced_by: ConsentId | None = None
    entry: bytes | None = None

    @property
    def ground(self) -> str:
        """What a packet that rests on it names: its number, or the paragraph (HO-28)."""
        by_law = self.basis is Basis.STATUTE
        return f"statute:{self.statute}" if by_law else str(self.id)

    @property
    def is_yes(self) -> bool:
        """Whether it says yes and was neither withdrawn nor replaced; dates aside."""
        return (
            self.declined_on is None
            and self.withdrawn_at is None
            and self.replaced_by is None
        )


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a transfer, with all that the gate must know about them.

    ``consents`` as they were recorded, oldest first: their order says which is the latest.
    ``custody`` and ``guardians`` as recorded (FR-12); ``protection`` the codes of flags in
    force with the case they concern (FR-16); ``secrecy_bound`` whether the caseworker is
    (FR-22). A missing birth date may be any: then guardians and the person must answer.
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
    """Who shall receive.

    The member, the AGS of the place, and ``responsible``: whether the directory names this
    member for that AGS on the move date.
    """

    member: MemberId
    ags: Ags
    responsible: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What is covered for one person, on which grounds, until which exclusive instant.

    Two grounds where the person may or may not be of age yet (FR-14); else one.
    """

    categories: frozenset[str]
    documents: frozenset[RecordId]
    bases: tuple[Consent, ...]
    until: datetime


def standing(
    member: Member,
    recipient: Recipient,
    *,
    purpose: str,
    at: datetime,
    statutes: frozenset[str],
) -> Standing | Reason:
    """What this person's statements cover for this recipient and purpose.

    Args:
        member: The person.
        recipient: Member and place.
        purpose: Code of list ``purpose``; a statement about another purpose is none.
        at: The own clock's instant.
        statutes: The codes of list ``statute`` that this body confirmed.
    """
    stated = [
        c for c in member.consents if c.case == member.case and c.purpose == purpose
    ]
    about = [c for c in stated if _is_about(c, recipient)]
    latest = _latest(about)
    if latest is not None and latest.basis is Basis.STATUTE:
        found = _by_statute(latest, at, statutes)
    else:
        consents = [c for c in about if c.basis is Basis.CONSENT]
        found = _by_consent(member, consents, at)
        if found is Reason.NO_BASIS and any(c.is_yes for c in stated if c not in about):
            return Reason.OTHER_RECIPIENT
    if isinstance(found, Reason):
        return found
    if MINIMUM not in found.categories:
        return Reason.NO_BASIS
    if member.secrecy_bound and not all(b.secrecy_release for b in found.bases):
        return Reason.SECRECY_RELEASE_MISSING
    return found


def _is_about(consent: Consent, recipient: Recipient) -> bool:
    """Whether the statement names this recipient; a no that names nobody means everybody."""
    if consent.declined_on is not None and not consent.recipients:
        return True
    return any(_names(named, recipient) for named in consent.recipients)


def _names(named: str, recipient: Recipient) -> bool:
    if named == RESPONSIBLE_AT_NEW_PLACE:
        return recipient.responsible
    prefix = _PREFIX.fullmatch(named)
    if prefix is None:
        return named == f"member:{recipient.member}"
    # HO-30: the prefix covers both, the new place and the body responsible there.
    return (
        recipient.responsible
        and recipient.ags.startswith(prefix[1])
        and recipient.member.scope.startswith(prefix[1])
    )


def _latest(statements: Sequence[Consent]) -> Consent | None:
    """The statement that counts, of statements in the order of their recording.

    A withdrawal is a statement too. It has no place in the order, so its instant is
    compared; when both instants are equal nobody can say which came first, and no counts.
    """
    newest: Consent | None = None
    for statement in statements:
        if statement.withdrawn_at is not None or statement.replaced_by is None:
            newest = statement
    if newest is None or newest.withdrawn_at is not None:
        return newest
    for statement in statements:
        taken_back = statement.withdrawn_at
        if taken_back is not None and taken_back >= newest.recorded_at:
            return statement
    return newest


def _by_statute(
    statute: Consent, at: datetime, statutes: frozenset[str]
) -> Standing | Reason:
    """FR-21: a paragraph the body confirmed, recorded by one person and seen by a second."""
    reason = _why_not(statute, at)
    if reason is not None:
        return reason
    if statute.statute is None or statute.statute not in statutes:
        return Reason.STATUTE_UNCONFIRMED
    if statute.second is None or statute.second == statute.recorded_by:
        return Reason.SECOND_PERSON_MISSING
    return _covered((statute,), ends=())


def _by_consent(
    member: Member, consents: Sequence[Consent], at: datetime
) -> Standing | Reason:
    """Ask whoever may decide for this person at this age (FR-12 to FR-14)."""
    own = _latest([c for c in consents if c.given_by is GivenBy.SELF])
    guardians = _latest([c for c in consents if c.given_by is not GivenBy.SELF])
    today = local_day(at)
    may_be_of_age, surely_of_age = _turns(member.birth, OF_AGE)
    heard_from, _ = _turns(member.birth, OWN_NO_COUNTS_FROM)

    own_answer = () if own is None or today < heard_from else (own,)

    for answer in own_answer:
        if (refusal := _refusal(answer)) is not None:
            return refusal
    if today >= surely_of_age:
        mine = _own_answer(own, guardians, at)
        return mine if isinstance(mine, Reason) else _covered((mine,), ends=())
    theirs = _guardians_answer(member, guardians, own, at=at)
    if isinstance(theirs, Reason):
        return theirs
    if today < may_be_of_age:
        # Their yes alone ends with the first day on which the person may be of age.
        ends = (day_start(may_be_of_age),)
        return _covered((theirs,), ends=ends, narrowed=own_answer)
    mine = _own_answer(own, guardians, at)
    if isinstance(mine, Reason):
        return mine
    return _covered((theirs, mine), ends=(day_start(surely_of_age),))


def _guardians_answer(
    member: Member, theirs: Consent | None, own: Consent | None, *, at: datetime
) -> Consent | Reason:
    if theirs is None:
        return Reason.NO_BASIS if own is None else Reason.GUARDIAN_MISSING
    if (reason := _why_not(theirs, at)) is not None:
        return reason
    return theirs if _may_decide(theirs, member) else Reason.GUARDIAN_MISSING


def _own_answer(
    own: Consent | None, theirs: Consent | None, at: datetime
) -> Consent | Reason:
    """The person's own yes; the guardians' was good until the 18th birthday (FR-13)."""
    if own is None:
        lapsed = theirs is not None and _why_not(theirs, at) is None
        return Reason.GUARDIAN_CONSENT_LAPSED if lapsed else Reason.NO_BASIS
    return _why_not(own, at) or own


def _turns(birth: PartialDate | None, years: int) -> tuple[date, date]:
    """The first and the last day on which the person may turn this old."""
    if birth is None:
        return date.min, date.max
    return birthday(birth.first, years), birthday(birth.last, years)


def _refusal(statement: Consent) -> Reason | None:
    if statement.declined_on is not None:
        return Reason.DECLINED
    return None if statement.withdrawn_at is None else Reason.WITHDRAWN


def _why_not(statement: Consent, at: datetime) -> Reason | None:
    """The will of the person first, then the dates."""
    refusal = _refusal(statement)
    if refusal is not None:
        return refusal
    if at < day_start(statement.valid_from):
        return Reason.NOT_YET_VALID
    if at >= day_end(statement.valid_until):
        return Reason.EXPIRED
    return None


def _may_decide(statement: Consent, member: Member) -> bool:
    """Whether those who answered hold the custody that is recorded.

    Guardians without a case at this node have no id, so ``guardians`` names only those
    who have one: nobody else may have signed, and both means all of them.
    """
    signed, known = set(statement.guardians), set(member.guardians)
    if not signed <= known:
        return False
    match member.custody, statement.given_by:
        case "joint" | "sole", GivenBy.BOTH_GUARDIANS:
            return signed == known
        case "joint", GivenBy.AUTHORISED_GUARDIAN:
            return True
        case "sole", GivenBy.GUARDIAN:
            return bool(signed) or not known
        case "guardian", GivenBy.APPOINTED_GUARDIAN:
            return True
    return False


def _covered(
    bases: tuple[Consent, ...],
    *,
    ends: Iterable[datetime],
    narrowed: tuple[Consent, ...] = (),
) -> Standing:
    """What all of these say yes to; ``narrowed`` adds the noes of one who need not say yes."""
    heard = bases + narrowed
    return Standing(
        frozenset(CATEGORIES).intersection(*(c.categories for c in heard)),
        frozenset.intersection(*(c.documents for c in heard)),
        bases,
        min([day_end(c.valid_until) for c in bases] + list(ends)),
    )
