"""From held to queued: gate, extract, container, and the transaction that freezes.

Enters: a transfer that is held, and its draft (``drafting``). Leaves: a sealed
container on disk, and then one transaction with everything that must hold together (P1).
Must never happen: a ``Permit`` outliving the transaction that asked for it; a container
made from a case that has changed since. Implements handover chapter 2, steps 2 to 5; 5,
8.1 to 8.5; HO-26 to HO-28; P1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from node.cases.consent import Withheld
from node.crypto.container import PacketHeader, container_length, padme
from node.crypto.seal import begin_seal, seal_stream
from node.errors import ConflictError, InputError, TrustError
from node.failpoints import Point
from node.ids import MemberId, TransferId
from node.sync import outward, packet, permission
from node.sync.courier import Courier
from node.sync.drafting import PURPOSE, Draft, HeldBack, draft
from node.sync.limits import RELAY_BYTES
from node.sync.logbook import Act
from node.sync.manifest import preview_digest
from node.sync.message import jws_digest
from node.sync.offer import BasisLine, case_tag
from node.sync.offering import Sealed, make_offer
from node.sync.office import Office
from node.sync.packet import PacketPlan
from node.sync.ports import PacketFiles, UnitOfWork
from node.sync.room import Room
from node.sync.transfer import Effect, Outbound, OutboundTransfer, OutEvent
from node.sync.words import Purpose
from node.trust.mailboxes import is_pull_only

_TOO_LARGE = frozenset({"too_large", "too_many_parts"})


async def release(courier: Courier, transfer_id: TransferId) -> None:
    """Take a held transfer as far as it goes: to the outbox, or to a task that says why.

    A case that changes meanwhile is read again; after three times the next wake tries.
    """
    run, office = courier.run, courier.office
    for _ in range(3):
        try:
            drafted = await run.read(draft, office, transfer_id)
        except TrustError as error:
            # Handover 12.2: not fresh enough to seal; it waits, and people see why.
            held = await run.read(held_by, transfer_id, error.code)
            await run.write(hold_back, office, transfer_id, held)
            return
        if drafted is None:
            return
        if isinstance(drafted, HeldBack):
            await run.write(hold_back, office, transfer_id, drafted)
            return
        if drafted.kem is None:
            # A body without a node: ``casework.sealing`` makes its file.
            return
        office.failpoints.reach(Point.PERMIT_DECIDED)
        try:
            sealed = await run.read(seal, office, drafted, courier.files)
        except InputError as error:
            if error.reason not in _TOO_LARGE:
                raise
            held = await run.read(held_by, transfer_id, "too-large")
            await run.write(hold_back, office, transfer_id, held)
            return
        office.failpoints.reach(Point.PACKET_STORED)
        try:
            await run.write(freeze, office, drafted, sealed)
        except ConflictError:
            courier.files.remove(sealed.file.name)
            continue
        office.failpoints.reach(Point.FREEZE_AFTER_COMMIT)
        return


# -- Seal --------------------------------------------------------------------------------


def seal(uow: UnitOfWork, office: Office, drafted: Draft, files: PacketFiles) -> Sealed:
    """Seal the extract and sync it to disk; no row names it yet (HO-15).

    Documents are read through a reading unit of work, chunk by chunk.

    Raises:
        InputError: More content than a packet holds.
    """
    transfer = drafted.transfer
    assert transfer.recipient is not None
    assert drafted.kem is not None
    preview = drafted.preview
    room = _room_of(office, transfer.recipient)
    plan: PacketPlan = packet.plan_packet(
        drafted.extracts,
        packet.Envelope(
            issuer=office.member,
            audience=transfer.recipient,
            transfer=transfer.id,
            issued_at=drafted.made_at,
            expires_at=drafted.expires_at,
            kem=drafted.kem.key.thumbprint,
            kind=transfer.kind,
            purpose=Purpose(PURPOSE),
            preview=preview_digest(preview) if preview else None,
            tags={
                m.case: case_tag(
                    office.keyring.tag_key, transfer.id, m.case, epoch=m.epoch
                )
                for m in drafted.scope
            },
        ),
        uow.cases,
        room=room,
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
    if container_length(len(prelude.raw), pad) > room.packet:
        raise InputError("packet", "too_large")
    plaintext = plan.encode(prelude.ph, pad, key=ring.sign, kid=ring.key_id)

    def written() -> Iterator[bytes]:
        for number, chunk in enumerate(seal_stream(prelude, plaintext)):
            if number == 1:
                office.failpoints.reach(Point.PACKET_PART_WRITTEN)
            yield chunk

    return Sealed(files.keep(written()), prelude.hh, prelude.share_b)


def _room_of(office: Office, recipient: MemberId) -> Room:
    """What the recipient takes, as its key sheet says it, and what its mailbox holds."""
    directory = office.directory()
    limits = directory.sheet(recipient).limits
    if is_pull_only(directory, recipient):
        # More than a whole quota (HO-91) would wait at the relay's door for ever.
        return Room(min(limits.packet, RELAY_BYTES), limits.document)
    return Room(limits.packet, limits.document)


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
        assert drafted.kem is not None
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
        if isinstance(permission.ask_gate(uow, office, transfer), Withheld):
            raise ConflictError("not permitted any more")
        assert transfer.recipient is not None
        if uow.suspensions.standing(transfer.recipient) is not None:
            raise ConflictError("suspended meanwhile")
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
                "consents": permission.consent_references(uow, transfer),
            }
        )
        after = outward.apply(
            uow,
            office,
            transfer,
            OutEvent.PERMITTED,
            outward.Cause(
                act=act, bodies={Effect.SEND_OFFER: make_offer(office, drafted, sealed)}
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


def held_by(uow: UnitOfWork, transfer_id: TransferId, code: str) -> HeldBack:
    """No person's reason, but the directory's or the size's: for every case of it."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
    return HeldBack(tuple((member.case, code) for member in transfer.members))


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
        outward.apply(
            uow, office, before, OutEvent.WITHHELD, outward.Cause(codes=codes)
        )
        uow.commit()
