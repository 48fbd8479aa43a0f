"""Taking in a sealed file that was made for us before we had a node (HO-117).

Enters: an age file and its words, from an approver. Leaves: the cases, active here at their
next epoch, and ``imported`` to the sender; or one reason. Must never happen: a file for
another body taken in; a second import of one file that does anything; plaintext on a disk
outside a case's key. Implements HO-8, HO-117, FR-17.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import partial
from hashlib import sha256

from node.accounts.policy import Actor, require
from node.cases.days import local_day
from node.cases.intake import NewCase, StaleEpoch, plan_intake, with_file
from node.cases.model import FOUR_EYES, CaseContent
from node.crypto import export
from node.crypto.passphrase import spell_passphrase
from node.errors import ErasedError
from node.failpoints import Point
from node.ids import AccountId, CaseId, RecordId
from node.sync import exportend
from node.sync.bodies import ImportedBody
from node.sync.exportports import TakenIn
from node.sync.logbook import Act, Subject, Who, common_epoch
from node.sync.offer import PacketName
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.sealedfile import SealedCases, read_sealed


@unique
class Refused(StrEnum):
    """Why a file that opened is not taken in."""

    NOT_FOR_US = "not_for_us"
    STALE_EPOCH = "stale_epoch"
    SECOND_APPROVER = "second_approver"


@dataclass(frozen=True, slots=True)
class File:
    """What an approver brings: the file as it came, and its name by digest."""

    content: bytes

    @property
    def name(self) -> PacketName:
        """SHA-256 and length of the bytes as they came."""
        return PacketName(sha256(self.content).digest(), len(self.content))


@dataclass(frozen=True, slots=True)
class Done:
    """The file is in; ``again`` says that it was before, and nothing happened now."""

    cases: tuple[CaseId, ...]
    again: bool = False


def open_file(office: Office, file: File, words: str) -> SealedCases:
    """Open and check a file; seconds of work, outside any transaction.

    Raises:
        InputError: The words do not open it.
        PacketUnreadableError: It opened, and is no export of a member we know.
    """
    archive = export.open_under(file.content, spell_passphrase(words))
    return read_sealed(archive, office.directory().sign_key)


def take_in(
    uow: UnitOfWork,
    office: Office,
    file: File,
    opened: SealedCases,
    *,
    by: Actor,
    second: AccountId | None = None,
) -> Done | Refused:
    """Import the cases: keys, rows, epochs, tombstone, entry, statement, or nothing.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        file: The file as it came.
        opened: What ``open_file`` found in it.
        by: An approver.
        second: Another approver, where health or protection is in it (FR-17).

    Raises:
        ForbiddenError: No approver.
    """
    require(by, "transfer.approve")
    manifest, now = opened.manifest, office.clock.now()
    with uow:
        if uow.exports.taken_in(manifest.tr) is not None:
            return Done((), again=True)
        if not _is_for_us(office, opened):
            return Refused.NOT_FOR_US
        taken = frozenset(cat for case in manifest.cases for cat in case.cats)
        if taken & FOUR_EYES and second in {None, by.account}:
            return Refused.SECOND_APPROVER
        plan = plan_intake(
            opened.arrivals,
            _known(uow, opened),
            taken=taken,
            at=now,
            sender=manifest.iss,
        )
        if isinstance(plan, StaleEpoch):
            return Refused.STALE_EPOCH
        for case in plan.cases:
            _write_case(uow, case, opened)
        body = ImportedBody(
            pkt=file.name,
            taken=plan.taken,
            not_taken=plan.not_taken,
            cases=len(plan.cases),
            at=now.replace(microsecond=0),
        )
        entry = _log(uow, office, file, opened, who=Who("approver", by.account, second))
        row = TakenIn(manifest.tr, manifest.iss, opened.digest, now, by.account, entry)
        uow.exports.take_in(row)
        exportend.say_imported(uow, office, row, body)
        uow.wake(Wake.PUBLISH, str(manifest.iss))
        office.failpoints.reach(Point.SEALED_IMPORT_BEFORE_COMMIT)
        # Crash here: the cases are here once; the same file again finds the tombstone.
        uow.after_commit(
            partial(office.failpoints.reach, Point.SEALED_IMPORT_AFTER_COMMIT)
        )
        uow.commit()
    return Done(tuple(case.file.id for case in plan.cases))


def _is_for_us(office: Office, opened: SealedCases) -> bool:
    """Whether the body it names is ours by now, or the new place is."""
    directory, today = office.directory(), local_day(office.clock.now())
    manifest = opened.manifest
    served = {
        directory.route(manifest.body, today),
        directory.route(manifest.ags, max(manifest.move_on, today)),
    }
    return office.member in served and manifest.iss != office.member


def _log(
    uow: UnitOfWork, office: Office, file: File, opened: SealedCases, *, who: Who
) -> bytes:
    manifest = opened.manifest
    subject = Subject(
        transfer=manifest.tr,
        peer=manifest.iss,
        epoch=common_epoch(case.e for case in manifest.cases),
        packet=file.name.dig,
        prev=None,
    )
    more = {
        "persons": len(manifest.cases),
        "scope": sorted({cat for case in manifest.cases for cat in case.cats}),
    }
    act = Act(outcome="sealed-file", who=who, more=more)
    return exportend.log_import(uow, office, subject, act=act, off=opened.digest)


def _known(uow: UnitOfWork, opened: SealedCases) -> dict[CaseId, CaseContent]:
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


def _write_case(uow: UnitOfWork, case: NewCase, opened: SealedCases) -> None:
    if case.before is None:
        uow.cases.open_new(case.file)
    else:
        uow.cases.reopen(case.file)
    uow.cases.set_birth_year(case.file.id, case.birth_year)
    sealed: dict[RecordId, tuple[bytes, int]] = {
        record: uow.cases.seal_document(
            case.file.id, case.file.epoch, _portions(opened.documents[part])
        )
        for record, part in case.documents.items()
    }
    uow.cases.put(
        with_file(record, *sealed[record.id]) if record.id in sealed else record
        for record in case.records
    )


def _portions(content: bytes) -> Iterator[bytes]:
    step = 64 * 1024
    return (content[i : i + step] for i in range(0, len(content), step))
