"""Consent, and the one gate before anything leaves.

Enters: the members of a transfer with their consents, what shall travel, to whom, at which
instant. Leaves: a ``Permit``, or ``Withheld`` with a reason code per member. Must never
happen: a ``Permit`` made anywhere else; it is the only key to an extract (HO-26 to HO-36,
FR-20). There is no override. Which statements stand for a person is decided in
``cases.standing``; here they are held against the wish.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.cases.model import FOUR_EYES, SENSITIVE
from node.cases.standing import (
    MINIMUM,
    RESPONSIBLE_AT_NEW_PLACE,
    Basis,
    Consent,
    GivenBy,
    Member,
    Reason,
    Recipient,
    Standing,
    standing,
)
from node.errors import UsageError
from node.ids import AccountId, CaseId, MemberId, RecordId

DOCUMENTS: Final = "K13"
"""The category of documents, each of which is ticked singly (HO-31)."""

__all__ = [
    "RESPONSIBLE_AT_NEW_PLACE",
    "Basis",
    "Consent",
    "Coverage",
    "GivenBy",
    "Member",
    "Permit",
    "PermittedCase",
    "Reason",
    "Recipient",
    "Wish",
    "Withheld",
    "auto_allowed",
    "explain",
    "gate",
    "may_announce",
]


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall travel of one case; ``None`` means whatever its basis covers (build).

    ``basis`` is the ground a packet was built on (``PermittedCase.ground``): another one,
    even a wider one, is no ground for that packet.
    """

    categories: frozenset[str] | None = None
    documents: frozenset[RecordId] | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class PermittedCase:
    """What of one case may leave, and on which grounds.

    There are two grounds where both guardians and person must answer (FR-14), else one.
    ``contact_data`` is False where phones and addresses stay (FR-16).
    """

    case: CaseId
    categories: frozenset[str]
    documents: frozenset[RecordId]
    bases: tuple[Consent, ...]
    contact_data: bool

    @property
    def basis(self) -> Consent:
        """The first ground; the guardians' where there are two."""
        return self.bases[0]

    @property
    def ground(self) -> str:
        """The grounds as one text, to be stored and asked for again (HO-28)."""
        return _ground(self.bases)


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


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far one person is covered, for pages; it permits nothing.

    ``reason`` is None if the person's statements stand. ``covered`` is what they cover,
    wished for or not; ``missing`` what was wished for and is not covered.
    ``needs_second`` says that a second person must confirm.
    """

    case: CaseId
    reason: Reason | None
    covered: frozenset[str]
    missing: frozenset[str]
    documents: frozenset[RecordId]
    missing_documents: frozenset[RecordId]
    needs_second: bool
    until: datetime | None

    @property
    def is_complete(self) -> bool:
        """Whether everything that was wished for may leave."""
        return self.reason is None and not self.missing and not self.missing_documents


def gate(
    members: Sequence[Member],
    wishes: Mapping[CaseId, Wish],
    recipient: Recipient,
    *,
    purpose: str,
    at: datetime,
    second: AccountId | None = None,
    prepared_by: AccountId | None = None,
    statutes: frozenset[str] = frozenset(),
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
        prepared_by: Who prepared the transfer; never their own second person (DO-20).
        statutes: Codes of list ``statute``, which ships empty (FR-21).

    Raises:
        UsageError: A case stands twice among the members, or ``at`` has no time zone.
    """
    cases = frozenset(member.case for member in members)
    if len(cases) != len(members):
        raise UsageError("a case is in the transfer twice")
    confirmed = second is not None and second != prepared_by
    reasons: list[tuple[CaseId, Reason]] = []
    permitted: list[PermittedCase] = []
    ends: list[datetime] = []
    for member in members:
        stands = standing(member, recipient, purpose=purpose, at=at, statutes=statutes)
        if isinstance(stands, Standing):
            answer = _answer(member, stands, wishes.get(member.case) or Wish())
            if isinstance(answer, Reason):
                reasons.append((member.case, answer))
            elif _is_kept_apart(member, cases):
                reasons.append((member.case, Reason.PROTECTION))
            elif _needs_second(member, answer.categories, stands) and not confirmed:
                reasons.append((member.case, Reason.SECOND_PERSON_MISSING))
            else:
                permitted.append(answer)
                ends.append(stands.until)
        else:
            reasons.append((member.case, stands))
    reasons += [(case, Reason.NO_BASIS) for case in sorted(wishes.keys() - cases)]
    if reasons or not permitted:
        return Withheld(tuple(reasons))
    return Permit(recipient.member, purpose, tuple(permitted), min(ends))


def explain(
    members: Sequence[Member],
    wishes: Mapping[CaseId, Wish],
    recipient: Recipient,
    *,
    purpose: str,
    at: datetime,
    statutes: frozenset[str] = frozenset(),
) -> tuple[Coverage, ...]:
    """How far each person is covered: for pages, which then ask for what is missing.

    Arguments as ``gate``; the second person is not asked for, but announced.
    """
    cases = frozenset(member.case for member in members)
    return tuple(
        _coverage(
            member,
            standing(member, recipient, purpose=purpose, at=at, statutes=statutes),
            wishes.get(member.case) or Wish(),
            cases=cases,
        )
        for member in members
    )


def auto_allowed(permit: Permit, members: Sequence[Member]) -> bool:
    """Whether policy ``auto`` may send this without a caseworker's confirmation (FR-25).

    Every basis is a consent that names the body or the class; an AGS prefix is too wide.
    Nobody has a flag, nothing sensitive travels.
    """
    named = {f"member:{permit.recipient}", RESPONSIBLE_AT_NEW_PLACE}
    return not any(member.protection for member in members) and all(
        not case.categories & SENSITIVE
        and all(
            basis.basis is Basis.CONSENT and not named.isdisjoint(basis.recipients)
            for basis in case.bases
        )
        for case in permit.cases
    )


def may_announce(permit: Permit, members: Sequence[Member]) -> bool:
    """Whether the offer may carry a sealed preview with names (HO-61)."""
    return all(
        basis.announce_by_name for case in permit.cases for basis in case.bases
    ) and not any(
        code == "no_announcement" for member in members for code, _ in member.protection
    )


def _ground(bases: Sequence[Consent]) -> str:
    return "+".join(basis.ground for basis in bases)


def _default(member: Member, stands: Standing) -> frozenset[str]:
    """What travels unless somebody says otherwise: nothing sensitive.

    Nor the address of somebody with a protection flag whose flag does not come along
    (FR-16); flags are sensitive, so they never come along unasked.
    """
    address = {"K07"} if member.protection else set()
    return stands.categories - SENSITIVE - address


def _answer(member: Member, stands: Standing, wish: Wish) -> PermittedCase | Reason:
    """Hold the wish against what stands; more than is covered is not covered (HO-28)."""
    categories = wish.categories
    if categories is None:
        categories = _default(member, stands)
    documents = wish.documents
    if documents is None:
        documents = stands.documents if DOCUMENTS in categories else frozenset()
    if (
        MINIMUM not in categories
        or not categories <= stands.categories
        or not documents <= stands.documents
        or (documents and DOCUMENTS not in categories)
        or wish.basis not in (None, _ground(stands.bases))
    ):
        return Reason.NO_BASIS
    reachable = not member.protection or not categories.isdisjoint({"K07", "K14"})
    return PermittedCase(member.case, categories, documents, stands.bases, reachable)


def _is_kept_apart(member: Member, cases: frozenset[CaseId]) -> bool:
    """FR-16: a transfer together with the person the flag names cannot be built.

    A flag that names nobody by a case id keeps the member apart from everybody.
    """
    others = cases - {member.case}
    return any(
        code == "no_joint_transfer"
        and (concerns in others if concerns else bool(others))
        for code, concerns in member.protection
    )


def _needs_second(member: Member, categories: frozenset[str], stands: Standing) -> bool:
    """FR-16, FR-17: health, protection, a statute, or any flag in force."""
    return (
        bool(member.protection)
        or not categories.isdisjoint(FOUR_EYES)
        or any(basis.basis is Basis.STATUTE for basis in stands.bases)
    )


def _coverage(
    member: Member, stands: Standing | Reason, wish: Wish, *, cases: frozenset[CaseId]
) -> Coverage:
    documents = wish.documents or frozenset()
    if isinstance(stands, Reason):
        return Coverage(
            case=member.case,
            reason=stands,
            covered=frozenset(),
            missing=wish.categories or frozenset(),
            documents=frozenset(),
            missing_documents=documents,
            needs_second=False,
            until=None,
        )
    wanted = wish.categories
    if wanted is None:
        wanted = _default(member, stands)
    return Coverage(
        case=member.case,
        reason=Reason.PROTECTION if _is_kept_apart(member, cases) else None,
        covered=stands.categories,
        missing=wanted - stands.categories,
        documents=stands.documents,
        missing_documents=documents - stands.documents,
        needs_second=_needs_second(member, wanted, stands),
        until=stands.until,
    )
