"""What a container will hold: the gate's first answer, the extract, the recipient's key.

Enters: a transfer that is held, the cases and consents as they are now. Leaves: a draft,
or why nothing leaves. Must never happen: a ``Permit`` that leaves this room. Implements
handover chapter 2, steps 2 and 3; 5; HO-26 a, HO-29, HO-35, FR-11, FR-25.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from node import strictjson
from node.cases.addendum import added
from node.cases.consent import (
    Member,
    Permit,
    Reason,
    Recipient,
    Wish,
    Withheld,
    auto_allowed,
    explain,
    gate,
    may_announce,
)
from node.cases.days import day_end
from node.cases.extract import Evidence, Extract, age_band, birth_of, is_minor, select
from node.cases.model import Baton, CaseContent
from node.ids import CaseId, TransferId
from node.sync.limits import OFFER_LIFE
from node.sync.offer import BasisLine
from node.sync.office import Office
from node.sync.permission import open_member, recipient_of
from node.sync.ports import UnitOfWork
from node.sync.transfer import MemberScope, Outbound, OutboundTransfer
from node.sync.words import Band, Basis, Kind
from node.trust.keysheet import KemKey

PURPOSE = "relocation"
NEEDS_CONFIRMATION = "confirmation"
"""Not a reason of the gate: policy ``auto`` leaves this transfer to a person (FR-25)."""
SUSPENDED = "peer-suspended"
"""Not a reason of the gate: the own town has suspended the recipient."""


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a container is made of, and what must still hold when it is committed.

    A body without a node has no ``kem``: its file is sealed under a passphrase.
    """

    transfer: OutboundTransfer
    scope: tuple[MemberScope, ...]
    not_included: tuple[int, int]
    versions: Mapping[CaseId, int]
    extracts: tuple[Extract, ...]
    grounds: tuple[BasisLine, ...]
    bands: tuple[Band, ...]
    preview: bytes | None
    kem: KemKey | None
    expires_at: datetime
    made_at: datetime


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Nothing leaves: the reasons per person, or that a person must confirm."""

    reasons: tuple[tuple[CaseId, str], ...]


@dataclass(frozen=True, slots=True)
class _Household:
    """The cases of a transfer, opened, with what the gate must know of each person."""

    contents: Mapping[CaseId, CaseContent]
    members: tuple[Member, ...]


def draft(
    uow: UnitOfWork, office: Office, transfer_id: TransferId
) -> Draft | HeldBack | None:
    """Ask the gate, select what it permits, choose the recipient's key.

    Returns:
        None if the transfer is not held any more; why it stays held, if anything is
        missing or its recipient is suspended here.

    Raises:
        DirectoryExpiredError, UnknownKeyError, KeyRetiredError: Not fresh enough to seal
            (handover 12.2); the transfer stays held.
    """
    now = office.clock.now()
    with uow:
        transfer = uow.outbound.get(transfer_id)
        unaddressed = transfer.recipient is None and transfer.body is None
        if transfer.state is not Outbound.HELD or unaddressed:
            return None
        if transfer.recipient and uow.suspensions.standing(transfer.recipient):
            return HeldBack(tuple((m.case, SUSPENDED) for m in transfer.members))
        household = _open(uow, transfer, now)
        left_behind = (
            []
            if transfer.kind is Kind.ADDENDUM
            else _stay_behind(uow, transfer, household)
        )
    recipient = recipient_of(office, transfer)
    wishes = _wishes(transfer)
    going, declined = _who_goes(household.members, wishes, recipient, office=office)
    answer = gate(
        going,
        {case: wish for case, wish in wishes.items() if case not in declined},
        recipient,
        purpose=PURPOSE,
        at=now,
        second=transfer.second,
        prepared_by=transfer.created_by,
        statutes=office.statutes,
    )
    if isinstance(answer, Withheld):
        return HeldBack(tuple((case, str(code)) for case, code in answer.reasons))
    if transfer.policy != "confirmed" and (
        transfer.policy != "auto" or not auto_allowed(answer, going)
    ):
        return HeldBack(tuple((m.case, NEEDS_CONFIRMATION) for m in going))
    kem = None
    if transfer.body is None:
        kem = office.directory().sealing_key(recipient.member, now)
    stay = [*left_behind, *(household.contents[case] for case in declined)]
    minors = sum(is_minor(birth_of(c.person), now.date()) for c in stay)
    chosen = added if transfer.kind is Kind.ADDENDUM else select
    extracts = tuple(
        chosen(household.contents[m.case], answer, home=office.member) for m in going
    )
    return Draft(
        transfer=transfer,
        scope=tuple(_scope(household.contents[m.case], answer) for m in going),
        not_included=(len(stay) - minors, minors),
        versions={case: c.file.version for case, c in household.contents.items()},
        extracts=extracts,
        grounds=_grounds(answer),
        bands=tuple(
            sorted(
                (Band(age_band(m.birth, transfer.move_on)) for m in going),
                key=list(Band).index,
            )
        ),
        preview=_preview(extracts, transfer) if may_announce(answer, going) else None,
        kem=kem,
        # HO-35: an offer never outlives its bases.
        expires_at=_end_of(answer, now, lives_long=kem is None).replace(microsecond=0),
        made_at=now.replace(microsecond=0),
    )


def _end_of(permit: Permit, now: datetime, *, lives_long: bool) -> datetime:
    """An offer ends after 14 days; letters take longer, but never longer than a basis."""
    return permit.until if lives_long else min(now + OFFER_LIFE, permit.until)


def _open(uow: UnitOfWork, transfer: OutboundTransfer, at: datetime) -> _Household:
    opened = [open_member(uow, m.case, at) for m in transfer.members]
    return _Household(
        {content.file.id: content for content, _ in opened},
        tuple(member for _, member in opened),
    )


def _stay_behind(
    uow: UnitOfWork, transfer: OutboundTransfer, household: _Household
) -> list[CaseContent]:
    """Members of the household who are not in the transfer: they appear as numbers."""
    homes = {c.file.household for c in household.contents.values()} - {None}
    listed = {m.case for m in transfer.members}
    return [
        uow.cases.content(file.id)
        for home in homes
        if home is not None
        for file in uow.cases.household(home)
        if file.id not in listed and file.baton is Baton.ACTIVE
    ]


def _wishes(transfer: OutboundTransfer) -> dict[CaseId, Wish]:
    """What a caseworker ticked; before that, whatever the bases cover."""
    if transfer.policy != "confirmed":
        return {m.case: Wish() for m in transfer.members}
    return {m.case: Wish(m.categories, m.documents) for m in transfer.members}


def _who_goes(
    members: Sequence[Member],
    wishes: Mapping[CaseId, Wish],
    recipient: Recipient,
    *,
    office: Office,
) -> tuple[list[Member], set[CaseId]]:
    """Who said no stays behind; the others go, if there are others (FR-11)."""
    covered = explain(
        members,
        wishes,
        recipient,
        purpose=PURPOSE,
        at=office.clock.now(),
        statutes=office.statutes,
    )
    declined = {c.case for c in covered if c.reason is Reason.DECLINED}
    if len(declined) == len(members):
        return list(members), set()
    return [m for m in members if m.case not in declined], declined


def _scope(content: CaseContent, permit: Permit) -> MemberScope:
    permitted = permit.of(content.file.id)
    return MemberScope(
        case=permitted.case,
        epoch=content.file.epoch,
        categories=permitted.categories,
        documents=permitted.documents,
        basis=permitted.ground,
    )


def _grounds(permit: Permit) -> tuple[BasisLine, ...]:
    lines = []
    for case in permit.cases:
        for basis in case.bases:
            proof = Evidence(basis.id, basis.evidence, basis.salt)
            statute = basis.statute
            lines.append(
                BasisLine(
                    c=proof.commitment,
                    basis=Basis.STATUTE if statute else Basis.CONSENT,
                    until=day_end(basis.valid_until),
                    paragraph=statute,
                    second=True if statute else None,
                )
            )
    return tuple(sorted(lines, key=lambda line: line.c))


def _preview(extracts: Sequence[Extract], transfer: OutboundTransfer) -> bytes:
    """Exactly name, birth date and new place per member (HO-61)."""
    people = []
    for extract in extracts:
        person = next(
            r["values"] for r in extract.parts["K01"] if r["kind"] == "person"
        )
        people.append(
            {
                name: person.get(name)
                for name in ("family_name", "given_names", "birth_date")
            }
            | {"ags": str(transfer.ags)}
        )
    return strictjson.encode({"persons": people})
