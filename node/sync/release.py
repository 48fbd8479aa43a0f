"""From held to queued: gate, extract, container, and the transaction that freezes.

Enters: a transfer that is held, the cases and consents as they are now. Leaves: a sealed
container on disk, and then one transaction with everything that must hold together (P1).
Must never happen: a ``Permit`` outliving the transaction that asked for it; a container
made from a case that has changed since. Implements handover chapter 2, steps 2 to 5; 5,
8.1 to 8.5; HO-26 to HO-28; P1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from node import strictjson
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
from node.cases.extract import (
    Evidence,
    Extract,
    age_band,
    birth_of,
    count_documents,
    count_records,
    interpreter_languages,
    is_minor,
    select,
)
from node.cases.model import Baton, CaseContent
from node.crypto.container import PacketHeader, padme
from node.crypto.seal import begin_seal, seal_stream
from node.errors import ConflictError
from node.failpoints import Point
from node.ids import CaseId, TransferId
from node.sync import packet, sender
from node.sync.courier import Courier
from node.sync.limits import OFFER_LIFE
from node.sync.logbook import Act
from node.sync.manifest import preview_digest
from node.sync.message import jws_digest
from node.sync.offer import (
    BasisLine,
    Counts,
    NotIncluded,
    OfferBody,
    PacketName,
    TaggedCase,
    case_tag,
)
from node.sync.packet import PacketPlan
from node.sync.ports import Office, PacketFiles, StoredFile, UnitOfWork
from node.sync.transfer import (
    Effect,
    MemberScope,
    Outbound,
    OutboundTransfer,
    OutEvent,
)
from node.sync.words import Band, Basis, DocumentKind, Kind, Purpose
from node.sync.words import Reason as MoveReason
from node.trust.keysheet import KemKey

PURPOSE = "relocation"
NEEDS_CONFIRMATION = "confirmation"
"""Not a reason of the gate: policy ``auto`` leaves this transfer to a person (FR-25)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a container is made of, and what must still hold when it is committed."""

    transfer: OutboundTransfer
    scope: tuple[MemberScope, ...]
    not_included: tuple[int, int]
    versions: Mapping[CaseId, int]
    extracts: tuple[Extract, ...]
    grounds: tuple[BasisLine, ...]
    bands: tuple[Band, ...]
    preview: bytes | None
    kem: KemKey
    expires_at: datetime
    made_at: datetime


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Nothing leaves: the reasons per person, or that a person must confirm."""

    reasons: tuple[tuple[CaseId, str], ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A container on disk, and the half of its key that stays here."""

    file: StoredFile
    header_hash: bytes
    share_b: bytes


async def release(courier: Courier, transfer_id: TransferId) -> None:
    """Take a held transfer as far as it goes: to the outbox, or to a task that says why.

    A case that changes meanwhile is read again; after three times the next wake tries.
    """
    run, office = courier.run, courier.office
    for _ in range(3):
        drafted = await run.read(draft, office, transfer_id)
        if drafted is None:
            return
        if isinstance(drafted, HeldBack):
            await run.write(hold_back, office, transfer_id, drafted)
            return
        office.failpoints.reach(Point.PERMIT_DECIDED)
        sealed = await run.read(seal, office, drafted, courier.files)
        office.failpoints.reach(Point.PACKET_STORED)
        try:
            await run.write(freeze, office, drafted, sealed)
        except ConflictError:
            courier.files.remove(sealed.file.name)
            continue
        office.failpoints.reach(Point.FREEZE_AFTER_COMMIT)
        return


# -- Draft: gate (a), extract ------------------------------------------------------------


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
        None if the transfer is not held any more.

    Raises:
        DirectoryExpiredError, UnknownKeyError, KeyRetiredError: Not fresh enough to seal
            (handover 12.2); the transfer stays held.
    """
    now = office.clock.now()
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is not Outbound.HELD or transfer.recipient is None:
            return None
        household = _open(uow, transfer, now)
        left_behind = _stay_behind(uow, transfer, household)
    routed = office.directory().route(transfer.ags, transfer.move_on)
    recipient = Recipient(
        transfer.recipient, transfer.ags, routed == transfer.recipient
    )
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
    kem = office.directory().sealing_key(transfer.recipient, now)
    stay = [*left_behind, *(household.contents[case] for case in declined)]
    minors = sum(is_minor(birth_of(c.person), now.date()) for c in stay)
    extracts = tuple(
        select(household.contents[m.case], answer, home=office.member) for m in going
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
        expires_at=min(now + OFFER_LIFE, answer.until).replace(microsecond=0),
        made_at=now.replace(microsecond=0),
    )


def _open(uow: UnitOfWork, transfer: OutboundTransfer, at: datetime) -> _Household:
    opened = [sender.open_member(uow, m.case, at) for m in transfer.members]
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


# -- Seal --------------------------------------------------------------------------------


def seal(uow: UnitOfWork, office: Office, drafted: Draft, files: PacketFiles) -> Sealed:
    """Seal the extract and sync it to disk; no row names it yet (HO-15).

    Documents are read through a reading unit of work, chunk by chunk.

    Raises:
        InputError: More content than a packet holds.
    """
    transfer = drafted.transfer
    assert transfer.recipient is not None
    preview = drafted.preview
    plan: PacketPlan = packet.plan_packet(
        drafted.extracts,
        packet.Envelope(
            issuer=office.member,
            audience=transfer.recipient,
            transfer=transfer.id,
            issued_at=drafted.made_at,
            expires_at=drafted.expires_at,
            kem=drafted.kem.key.thumbprint,
            kind=Kind.MOVE,
            purpose=Purpose(PURPOSE),
            preview=preview_digest(preview) if preview else None,
        ),
        uow.cases.open_document,
    )
    ring = office.keyring
    pad = padme(plan.measure(ring.key_id))
    header = PacketHeader(
        transfer=transfer.id,
        to=transfer.recipient,
        kid=drafted.kem.kid,
        exp=int(drafted.expires_at.timestamp()),
        pad=pad,
    )
    prelude = begin_seal(drafted.kem.key, header, preview, randomness=office.randomness)
    plaintext = plan.encode(prelude.ph, pad, key=ring.sign, kid=ring.key_id)

    def written() -> Iterator[bytes]:
        for number, chunk in enumerate(seal_stream(prelude, plaintext)):
            if number == 1:
                office.failpoints.reach(Point.PACKET_PART_WRITTEN)
            yield chunk

    return Sealed(files.keep(written()), prelude.hh, prelude.share_b)


# -- Freeze: gate (b), and everything that must hold together ---------------------------


def freeze(
    uow: UnitOfWork, office: Office, drafted: Draft, sealed: Sealed
) -> OutboundTransfer:
    """One transaction: gate again, cases frozen, share B, packet row, offer, log entry.

    Raises:
        ConflictError: A case changed since the extract, or another transfer holds it;
            the container is thrown away and made anew (HO-28).
    """
    with uow:
        stored = uow.outbound.get(drafted.transfer.id)
        if stored.state is not Outbound.HELD:
            raise ConflictError("not held any more")
        for case, version in drafted.versions.items():
            if uow.cases.file(case).version != version:
                raise ConflictError("a case has changed")
        transfer = replace(
            stored,
            members=drafted.scope,
            not_included=drafted.not_included,
            expires_at=drafted.expires_at,
            packet_digest=sealed.file.name,
            packet_bytes=sealed.file.length,
            header_hash=sealed.header_hash,
            kem_kid=drafted.kem.kid,
            withheld=(),
        )
        # HO-26 b: the permit of the draft is gone; this one lives in this transaction.
        if isinstance(sender.ask_gate(uow, office, transfer), Withheld):
            raise ConflictError("not permitted any more")
        uow.secrets.keep_share_b(transfer.id, sealed.share_b, sealed.file)
        scope = sorted({c for m in drafted.scope for c in m.categories})
        act = Act(
            more={
                "persons": len(drafted.scope),
                "scope": scope,
                "bytes": sealed.file.length,
                "expires": drafted.expires_at.date().isoformat(),
                "basis": _basis_word(drafted.grounds),
                "register": office.register,
                "consents": sender.consent_references(uow, transfer),
            }
        )
        after = sender.apply(
            uow,
            office,
            transfer,
            OutEvent.PERMITTED,
            sender.Cause(
                act=act, bodies={Effect.SEND_OFFER: _offer(office, drafted, sealed)}
            ),
            stored=stored,
        )
        # Every later statement names the offer by the digest of its bytes (claim ``off``).
        (offer,) = uow.outbox.of_transfer(transfer.id)
        named = replace(after, offer_digest=jws_digest(offer.jws))
        uow.outbound.replace(after, named)
        uow.tasks.settle("transfer.held", transfer=transfer.id)
        office.failpoints.reach(Point.FREEZE_BEFORE_COMMIT)
        uow.commit()
    return named


def _basis_word(grounds: Sequence[BasisLine]) -> str:
    """``consent``, ``statute:<code>`` or ``mixed``, as the log names it."""
    words = {
        f"statute:{line.paragraph}" if line.paragraph else "consent" for line in grounds
    }
    return words.pop() if len(words) == 1 else "mixed"


def _offer(office: Office, drafted: Draft, sealed: Sealed) -> OfferBody:
    """What the recipient may know before anything is opened (HO-60)."""
    transfer = drafted.transfer
    tag_key = office.keyring.tag_key
    cases = sorted(
        (
            TaggedCase(case_tag(tag_key, transfer.id, m.case, epoch=m.epoch), m.epoch)
            for m in drafted.scope
        ),
        key=lambda case: case.tag,
    )
    adults, minors = drafted.not_included
    return OfferBody(
        kind=Kind.MOVE,
        reason=MoveReason(transfer.reason),
        purpose=Purpose(PURPOSE),
        exp=drafted.expires_at,
        cases=tuple(cases),
        persons=len(cases),
        bands=drafted.bands,
        not_included=NotIncluded(adults, minors),
        move_on=transfer.move_on,
        ags=transfer.ags,
        categories=Counts(
            count_records(drafted.extracts),
            {
                DocumentKind(kind): count
                for kind, count in count_documents(drafted.extracts).items()
            },
        ),
        bases=drafted.grounds,
        named=drafted.preview is not None,
        interpreters=interpreter_languages(drafted.extracts),
        pkt=PacketName(sealed.file.name, sealed.file.length),
        kid=drafted.kem.kid,
        kem=drafted.kem.key.thumbprint,
        suite=1,
        schema="case/1",
        replaces=transfer.replaces,
    )


def hold_back(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, held: HeldBack
) -> None:
    """WITHHELD: a task with the reasons; nothing leaves (HO-29)."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is not Outbound.HELD or transfer.withheld == held.reasons:
            return
        codes = tuple(sorted({code for _, code in held.reasons}))
        before = replace(transfer, withheld=held.reasons)
        sender.apply(uow, office, before, OutEvent.WITHHELD, sender.Cause(codes=codes))
        uow.commit()
