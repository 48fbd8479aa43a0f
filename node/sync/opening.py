"""After the grant: open the container, and import the cases in one transaction.

Enters: the sealed container, both shares, the offer. Leaves: the cases, active here at
their next epoch; or one refusal that tells the sender nothing but its code. Must never
happen: plaintext on a disk outside a case's key; half a case; an import of what the offer
did not announce. Implements handover 8.6, HO-8, HO-54, HO-65, P8.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import structlog

from node.cases.addendum import CORRECTION, plan_addendum
from node.cases.consent import DOCUMENTS
from node.cases.intake import NewCase, StaleEpoch, plan_intake, with_file
from node.cases.model import CaseContent
from node.cases.staged import StagedDocument, StagedKey
from node.crypto.container import MAX_PRELUDE_BYTES, Prelude, read_prelude
from node.crypto.seal import open_preview, open_share_a, open_share_b, open_stream
from node.errors import (
    ErasedError,
    MalformedMessageError,
    NodeError,
    OutcomeUnknownError,
    PacketUnreadableError,
)
from node.failpoints import Point
from node.ids import CaseId, TransferId
from node.sync import inward
from node.sync.bodies import ImportedBody
from node.sync.courier import Courier
from node.sync.logbook import Act
from node.sync.manifest import Announced, preview_digest
from node.sync.office import Office
from node.sync.ports import PacketFiles, UnitOfWork
from node.sync.room import Room
from node.sync.rows import SealedPart
from node.sync.transfer import Inbound, InboundTransfer, InEvent
from node.sync.unpack import OpenedPacket, read_documents, read_packet
from node.sync.words import Kind, RejectionCode

log = structlog.get_logger("opening")


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that opens one container."""

    transfer: InboundTransfer
    key: bytes
    parts: tuple[SealedPart, ...]
    grant: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A container verified from its first byte to its last, still in memory only.

    ``plaintext`` gives the plaintext once more, for the documents (8.6, second pass).
    """

    ready: Ready
    packet: OpenedPacket
    plaintext: Callable[[], Iterator[bytes]]


async def open_and_import(courier: Courier, transfer_id: TransferId) -> None:
    """Open and import, from the start each time; a crash leaves nothing behind."""
    run, office = courier.run, courier.office
    ready = await run.read(ready_to_open, transfer_id)
    if ready is None:
        return
    try:
        opened = await run.file(open_container, office, courier.files, ready)
    except PacketUnreadableError as error:
        code = RejectionCode.UNREADABLE
        if error.reason == "no-key":
            code = RejectionCode.CANNOT_OPEN
        log.warning(
            "container unreadable", code=error.reason, transfer=str(transfer_id)
        )
        await run.write(give_up, office, transfer_id, code)
        return
    office.failpoints.reach(Point.PACKET_OPENED)
    staged = await run.read(stage_documents, opened)
    try:
        await run.write(import_cases, office, opened, staged)
    except OutcomeUnknownError:
        # Rows may name the files by now; the sweeper will know.
        raise
    except NodeError:
        await run.read(_drop_staged, staged)
        raise
    office.failpoints.reach(Point.IMPORT_AFTER_COMMIT)


def ready_to_open(uow: UnitOfWork, transfer_id: TransferId) -> Ready | None:
    """Container, transfer key and grant of a transfer that is opening."""
    with uow:
        transfer = uow.inbound.get(transfer_id)
        received = uow.secrets.received(transfer_id)
        grant = uow.secrets.grant(transfer_id)
    if transfer.state is not Inbound.OPENING or received is None or grant is None:
        return None
    return Ready(transfer, received[0], received[1], grant)


# -- Open: steps 1 to 4 of 8.6 -----------------------------------------------------------


def open_container(office: Office, files: PacketFiles, ready: Ready) -> Opened:
    """Unwrap both shares, check the commitment, verify the whole container.

    Raises:
        PacketUnreadableError: Any failure; its ``reason`` is for the local log alone.
    """
    transfer = ready.transfer
    offer = inward.offer_of(transfer)

    def sealed() -> Iterator[bytes]:
        return files.read_sealed(ready.key, transfer.id, ready.parts)

    try:
        prelude = read_prelude(_first(sealed(), MAX_PRELUDE_BYTES))
        prelude.check_length(offer.pkt.len)
    except MalformedMessageError as error:
        raise PacketUnreadableError("prelude") from error
    key = office.keyring.openings.get(prelude.header.kid)
    if key is None:
        raise PacketUnreadableError("no-key")
    share_a = open_share_a(prelude, key)
    share_b = open_share_b(key, prelude.hh, offer.pkt.dig, ready.grant)
    plaintext = open_stream(
        prelude, share_a, share_b, lambda: _after(sealed(), prelude.prelude_length)
    )
    announced = Announced(
        offer=offer,
        issuer=transfer.sender,
        offered_at=transfer.offered_at,
        audience=office.member,
        transfer=transfer.id,
        ph=prelude.ph,
        preview=_preview_digest(prelude, share_a),
        room=Room(office.packet_bytes, office.document_bytes),
    )
    found = read_packet(plaintext(), announced, office.directory().manifest_key)
    return Opened(ready, found, plaintext)


def _preview_digest(prelude: Prelude, share_a: bytes) -> bytes | None:
    if prelude.preview is None:
        return None
    return preview_digest(open_preview(prelude, share_a))


def _first(chunks: Iterator[bytes], most: int) -> bytes:
    """The first bytes of a stream, at least so many if there are."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= most:
            break
    return start


def _after(chunks: Iterator[bytes], skip: int) -> Iterator[bytes]:
    """The stream without its first bytes."""
    for chunk in chunks:
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        yield chunk[skip:]
        skip = 0


# -- Import: steps 5 and 6 ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Staged:
    """Step 5: the documents, sealed under the keys that their cases will have."""

    keys: Mapping[CaseId, StagedKey]
    documents: Mapping[int, StagedDocument]


def stage_documents(uow: UnitOfWork, opened: Opened) -> Staged:
    """One more pass over the plaintext; the transaction after it only names the files.

    A large document would hold up everybody else's writing there. What a crash leaves of
    them has no row and is swept.
    """
    transfer = opened.ready.transfer
    offer = inward.offer_of(transfer)
    take = transfer.take or frozenset(inward.offered_categories(offer))
    if offer.kind is Kind.ADDENDUM or DOCUMENTS not in take:
        return Staged({}, {})
    arrivals = [a for a in opened.packet.arrivals if a.documents]
    keys = {a.case: uow.cases.stage_key(a.case) for a in arrivals}
    home = {part: a for a in arrivals for part in a.documents.values()}
    documents: dict[int, StagedDocument] = {}
    if home:
        manifest = opened.packet.manifest
        for part, chunks in read_documents(opened.plaintext(), manifest, home):
            arrival = home[part]
            documents[part] = uow.cases.stage_document(
                keys[arrival.case], arrival.epoch + 1, chunks
            )
    return Staged(keys, documents)


def _drop_staged(uow: UnitOfWork, staged: Staged) -> None:
    for document in staged.documents.values():
        uow.cases.drop_staged(document)


def import_cases(
    uow: UnitOfWork, office: Office, opened: Opened, staged: Staged
) -> None:
    """OPENED: new case keys, rows, epochs, ``imported``, log entry, or nothing at all."""
    now = office.clock.now()
    with uow:
        transfer = uow.inbound.get(opened.ready.transfer.id)
        if transfer.state is not Inbound.OPENING:
            return
        offer = inward.offer_of(transfer)
        take = transfer.take or frozenset(inward.offered_categories(offer))
        is_addendum = offer.kind is Kind.ADDENDUM
        planned = plan_addendum if is_addendum else plan_intake
        plan = planned(
            opened.packet.arrivals,
            _known(uow, opened.packet),
            taken=take,
            at=now,
            sender=transfer.sender,
        )
        if isinstance(plan, StaleEpoch):
            inward.reject(
                uow, office, transfer, InEvent.UNREADABLE, RejectionCode.STALE_EPOCH
            )
            uow.commit()
            return
        for number, case in enumerate(plan.cases):
            if number == 0:
                office.failpoints.reach(Point.IMPORT_ROW)
            if is_addendum:
                _append(uow, office, case, transfer.id)
            else:
                _write_case(uow, case, staged)
        tags = {case.case: case.tag for case in opened.packet.manifest.cases}
        brought = [(case.file.id, tags[case.file.id]) for case in plan.cases]
        uow.inbound.keep_cases(transfer.id, brought)
        inward.apply(
            uow,
            office,
            transfer,
            InEvent.OPENED,
            inward.Cause(
                act=Act(more={"persons": len(plan.cases), "scope": sorted(plan.taken)}),
                body=ImportedBody(
                    pkt=offer.pkt,
                    taken=plan.taken,
                    not_taken=plan.not_taken,
                    cases=len(plan.cases),
                    at=now.replace(microsecond=0),
                ),
            ),
        )
        office.failpoints.reach(Point.IMPORT_BEFORE_COMMIT)
        uow.commit()


def _known(uow: UnitOfWork, opened: OpenedPacket) -> dict[CaseId, CaseContent]:
    """Cases that were here before, with what is left of them (FR-29)."""
    known: dict[CaseId, CaseContent] = {}
    for arrival in opened.arrivals:
        file = uow.cases.find_file(arrival.case)
        if file is None:
            continue
        try:
            known[arrival.case] = uow.cases.content(arrival.case)
        except ErasedError:
            known[arrival.case] = CaseContent(file, ())
    return known


def _append(
    uow: UnitOfWork, office: Office, case: NewCase, transfer: TransferId
) -> None:
    """Notes and requests join a case that lives here; its caseworker is told (HO-9)."""
    uow.cases.put(case.records)
    kinds = sorted({record.kind for record in case.records})
    if kinds:
        uow.tasks.add(
            f"added.{CORRECTION if CORRECTION in kinds else kinds[0]}",
            at=office.clock.now(),
            case=case.file.id,
            transfer=transfer,
        )


def _write_case(uow: UnitOfWork, case: NewCase, staged: Staged) -> None:
    key = staged.keys.get(case.file.id)
    if case.before is None:
        uow.cases.open_new(case.file, key)
    else:
        uow.cases.reopen(case.file, key)
    uow.cases.set_birth_year(case.file.id, case.birth_year)
    sealed = {
        record: uow.cases.adopt_document(staged.documents[part])
        for record, part in case.documents.items()
    }
    uow.cases.put(
        with_file(record, *sealed[record.id]) if record.id in sealed else record
        for record in case.records
    )


def give_up(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, code: RejectionCode
) -> None:
    """UNREADABLE: the one outcome of every failure to open (HO-65)."""
    with uow:
        transfer = uow.inbound.get(transfer_id)
        if transfer.state is Inbound.OPENING:
            inward.reject(uow, office, transfer, InEvent.UNREADABLE, code)
            uow.commit()
