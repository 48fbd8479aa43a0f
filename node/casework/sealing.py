"""Making a sealed export: from a held transfer to a file under a passphrase.

Enters: a held transfer to a body without a node, confirmed by a person. Leaves: the age
file on disk, then one transaction with freeze, passphrase, code and entry. Must never
happen: a passphrase or a code outside the sealed columns; a file made from a case that has
changed since. Implements HELD on EXPORTED of chapter 13; HO-26, HO-28, HO-116.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from node.cases.consent import Withheld
from node.crypto import export, passphrase
from node.errors import ConflictError, PrinterError, UnprintableError
from node.failpoints import Point
from node.ids import TransferId
from node.report import brief
from node.report.sheet import Sheet
from node.sync import exportend, outward, permission, release, sealedfile
from node.sync.courier import Courier
from node.sync.drafting import PURPOSE, Draft, HeldBack, draft
from node.sync.logbook import Act
from node.sync.office import Office
from node.sync.packet import lay_out
from node.sync.ports import UnitOfWork
from node.sync.rows import QuorumWait, StoredFile, Wake
from node.sync.transfer import Outbound, OutboundTransfer, OutEvent
from node.sync.words import Purpose

PrintLetter = Callable[[Sheet], bytes]
"""How the letter becomes a PDF; PrinterError, UnprintableError where it cannot."""


class Seal(Protocol):
    """How a file is sealed under a passphrase; a process outside this one."""

    def __call__(self, content: bytes, passphrase: str) -> bytes:
        """The age file."""
        ...


@dataclass(frozen=True, slots=True)
class Package:
    """A sealed export before it is sealed, in memory only."""

    drafted: Draft
    archive: bytes
    letter: Sheet
    manifest: bytes
    passphrase: str
    code: str


def no_paper(letter: Sheet) -> bytes:  # noqa: ARG001
    """Where nothing can be printed: the letter is a page of HTML."""
    raise PrinterError("no press")


async def release_any(
    courier: Courier,
    transfer_id: TransferId,
    seal: Seal = export.seal_under,
    print_letter: PrintLetter = no_paper,
) -> None:
    """Take a held transfer as far as it goes, to a node or into a sealed file.

    A letter that cannot be printed, be it for one character, holds nothing up (SC-68).
    """
    await release.release(courier, transfer_id)
    run, office = courier.run, courier.office
    for _ in range(3):
        drafted = await run.read(_draft_export, office, transfer_id)
        if drafted is None:
            return
        package = await run.read(gather, office, drafted)
        archive = await run.file(_with_letter, package, print_letter)
        sealed = await run.file(seal, archive, package.passphrase)
        file = await run.file(courier.files.keep, _portions(sealed))
        office.failpoints.reach(Point.EXPORT_STORED)
        # Crash here: no row names the file, the sweeper removes it.
        try:
            await run.write(freeze, office, package, file)
        except ConflictError:
            courier.files.remove(file.name)
            continue
        office.failpoints.reach(Point.EXPORT_AFTER_COMMIT)
        return


def _with_letter(package: Package, print_letter: PrintLetter) -> bytes:
    """The archive with the letter as PDF, else as the page it always was."""
    try:
        name, letter = sealedfile.LETTER, print_letter(package.letter)
    except (PrinterError, UnprintableError):
        name, letter = sealedfile.LETTER_PAGE, brief.letter_page(package.letter)
    return sealedfile.with_paper(package.archive, name, letter)


def _portions(content: bytes) -> Iterator[bytes]:
    yield content


def _draft_export(
    uow: UnitOfWork, office: Office, transfer_id: TransferId
) -> Draft | None:
    """A draft for a body without a node that may leave; ``release`` tells why not."""
    transfer = uow.outbound.find(transfer_id)
    if transfer is None or transfer.body is None:
        return None
    drafted = draft(uow, office, transfer_id)
    return None if isinstance(drafted, HeldBack) else drafted


def gather(uow: UnitOfWork, office: Office, drafted: Draft) -> Package:
    """Letter, receipt, manifest and parts, with fresh words and a fresh code.

    Raises:
        InputError: More content than a packet holds, so never more than one file does.
    """
    transfer = drafted.transfer
    assert transfer.body is not None
    address = uow.exports.get(transfer.id).address
    layout = lay_out(drafted.extracts, uow.cases, {})
    ring = office.keyring
    manifest = sealedfile.sign_manifest(
        sealedfile.Heading(
            issuer=office.member,
            body=transfer.body,
            transfer=transfer.id,
            at=drafted.made_at,
            purpose=Purpose(PURPOSE),
            move_on=transfer.move_on,
            ags=transfer.ags,
        ),
        layout,
        ring.sign,
        ring.key_id,
    )
    code = passphrase.draw_code(office.randomness)
    sender = office.directory().member(office.member)
    letter = brief.Letter(
        sender=sender.name,
        body=address.name,
        lines=address.lines,
        number=str(transfer.id),
        on=drafted.made_at.date(),
        move_on=transfer.move_on,
    )
    papers = {sealedfile.RECEIPT: brief.receipt(letter, code)}
    return Package(
        drafted=drafted,
        archive=sealedfile.pack(manifest, drafted.made_at, layout, papers),
        letter=brief.letter_sheet(
            letter,
            drafted.extracts,
            {p.label: sealedfile.part_name(p) for p in layout.parts},
        ),
        manifest=sha256(manifest.encode()).digest(),
        passphrase=passphrase.draw_passphrase(office.randomness),
        code=code,
    )


def freeze(
    uow: UnitOfWork, office: Office, package: Package, file: StoredFile
) -> OutboundTransfer:
    """EXPORTED: gate again, cases frozen, passphrase and code kept, entry written.

    Raises:
        ConflictError: A case changed since the extract, or another transfer holds it.
    """
    drafted = package.drafted
    with uow:
        stored = uow.outbound.get(drafted.transfer.id)
        if stored.state is not Outbound.HELD or stored.body != drafted.transfer.body:
            raise ConflictError("not held any more, or for another body")
        for case, version in drafted.versions.items():
            if uow.cases.file(case).version != version:
                raise ConflictError("a case has changed")
        transfer = replace(
            stored,
            members=drafted.scope,
            not_included=drafted.not_included,
            expires_at=drafted.expires_at,
            packet_digest=file.name,
            packet_bytes=file.length,
            offer_digest=package.manifest,
            withheld=(),
        )
        # HO-26 b: the permit of the draft is gone; this one lives in this transaction.
        if isinstance(permission.ask_gate(uow, office, transfer), Withheld):
            raise ConflictError("not permitted any more")
        # The passphrase takes the place of share B.
        uow.secrets.keep_share_b(transfer.id, package.passphrase.encode(), file)
        digest = passphrase.code_digest(
            office.keyring.tag_key, transfer.id, package.code
        )
        uow.exports.replace(replace(uow.exports.get(transfer.id), code=digest))
        act = Act(more=exportend.grounds(uow, office, transfer))
        after = outward.apply(
            uow,
            office,
            transfer,
            OutEvent.EXPORTED,
            outward.Cause(act=act),
            stored=stored,
        )
        if not exportend.may_leave(uow, office, after):
            uow.quorums.wait(QuorumWait(after.id, office.clock.now(), 0, 1, ()))
        uow.tasks.settle("transfer.held", transfer=transfer.id)
        uow.wake(Wake.PUBLISH, "")
        uow.wake(Wake.WITNESS, "")
        office.failpoints.reach(Point.EXPORT_BEFORE_COMMIT)
        uow.commit()
    return after
