"""Case files in SQL, and everything that hangs on them.

Enters: case files, records, documents. Leaves: the same, opened. Must never happen: a
change over a state that somebody else has changed meanwhile; a shredded case with a key in
its row. Implements ``node.cases.ports.CaseRepository`` and P16: the register line is
synced before the key goes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, insert, select, update

from node.cases.merging import renamed
from node.cases.model import Baton, CaseContent, CaseFile, Former, Record
from node.cases.retention import CLOSED, NO_ACTIVITY
from node.cases.staged import StagedDocument, StagedKey
from node.crypto.casekey import CaseKey
from node.errors import ConflictError, NotFoundError
from node.ids import AccountId, CaseId, MemberId, RecordId, TransferId
from node.store.casekeys import CaseKeys, CaseRow
from node.store.casetables import case_file, record
from node.store.counttables import case_past
from node.store.diary import drop_drafts
from node.store.documents import SqlDocuments
from node.store.imports import drop_lists_with
from node.store.incoming import Incoming
from node.store.matching import forget_matches, one_now
from node.store.records import SqlRecords
from node.store.register import Destroyed, RegisterLine
from node.store.work import Work

_ONE: Final = case_file.c.id == bindparam("case")

_ALL_FILES: Final = select(case_file).order_by(case_file.c.id)
_HOUSEHOLD: Final = (
    select(case_file)
    .where(case_file.c.household == bindparam("of"))
    .order_by(case_file.c.id)
)
_QUIET: Final = (
    select(case_file.c.id)
    .where(
        case_file.c.baton == Baton.ACTIVE,
        case_file.c.id.in_(
            select(record.c.case_id).where(
                record.c.kind == "care_status",
                record.c.clear["care_status"].as_string() == CLOSED,
            )
        ),
        ~exists().where(
            record.c.case_id == case_file.c.id,
            record.c.kind.not_in(NO_ACTIVITY),
            record.c.recorded_at >= bindparam("since"),
        ),
    )
    .order_by(case_file.c.id)
)
_ADD: Final = insert(case_file)
_REPLACE: Final = update(case_file).where(
    _ONE, case_file.c.version == bindparam("seen")
)
_REOPEN: Final = update(case_file).where(
    _ONE, case_file.c.baton.in_([Baton.HANDED_OVER, Baton.SHREDDED])
)
_TOUCH: Final = update(case_file).where(_ONE).values(version=case_file.c.version + 1)
_CHANGE: Final = update(case_file).where(_ONE)
_COUNTED: Final = ("caseworker", "responsible_from", "responsible_until", "counted_at")
_KEEP_COUNTED: Final = insert(case_past).from_select(
    ["case_id", "version", *_COUNTED, "known_until"],
    select(
        case_file.c.id,
        case_file.c.version,
        *(case_file.c[name] for name in _COUNTED),
        bindparam("now", type_=case_past.c.known_until.type),
    ).where(_ONE),
)
_DROP_COUNTED: Final = delete(case_past).where(case_past.c.case_id == bindparam("case"))


class SqlCases:
    """Cases inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = CaseKeys(work)
        self._records = SqlRecords(work, self._keys)
        self._documents = SqlDocuments(work, self._keys)

    def file(self, case: CaseId) -> CaseFile:
        """The case file, locked for this unit of work.

        Raises:
            NotFoundError: No such case was ever here.
        """
        return _from_row(self._keys.row(case, locked=True))

    def find_file(self, case: CaseId) -> CaseFile | None:
        """The case file, locked, or None if no such case was ever here."""
        row = self._keys.find_row(case, locked=True)
        return None if row is None else _from_row(row)

    def all_files(self) -> Sequence[CaseFile]:
        """Every case file, by id."""
        return [_from_row(row) for row in self._work.rows(_ALL_FILES)]

    def household(self, household: RecordId) -> Sequence[CaseFile]:
        """All cases of one household, ordered by id."""
        return [_from_row(r) for r in self._work.rows(_HOUSEHOLD, {"of": household})]

    def quiet_since(self, at: datetime) -> Sequence[CaseId]:
        """Active cases that were once closed and in which nothing was written since."""
        return [CaseId(row.id) for row in self._work.rows(_QUIET, {"since": at})]

    def content(self, case: CaseId) -> CaseContent:
        """The whole case, opened; records in the order they were recorded.

        Raises:
            NotFoundError: No such case.
            ErasedError: Its key is gone.
            SealError: A row was moved or damaged.
        """
        row = self._keys.row(case)
        records = self._records.all_of(case, self._keys.of(row))
        return CaseContent(_from_row(row), self._named_now(case, records))

    def person_content(self, case: CaseId) -> CaseContent:
        """The case with nothing but the records of person and protection, opened.

        Raises:
            As ``content``.
        """
        row = self._keys.row(case)
        records = self._records.of_person(case, self._keys.of(row))
        return CaseContent(_from_row(row), self._named_now(case, records))

    def open_new(self, file: CaseFile, key: StagedKey | None = None) -> None:
        """Insert a case under a new case key, or under the one staged for it.

        Raises:
            ConflictError: It is here already.
        """
        place = {
            "id": file.id,
            "version": file.version,
            "counted_at": self._work.now(),
        }
        self._work.change(_ADD, _to_row(file) | self._keys.new(file.id, key) | place)

    def reopen(self, file: CaseFile, key: StagedKey | None = None) -> None:
        """A case comes back: active again, under a new key if it was shredded.

        Raises:
            NotFoundError: No such case was ever here.
            ConflictError: It is neither handed over nor shredded, or files were staged
                under another key than it has.
        """
        row = self._keys.row(file.id, locked=True)
        columns = _to_row(file) | {"version": row.version + 1}
        columns |= self._counted(_from_row(row), file)
        if row.wrapped is None:
            columns |= self._keys.new(file.id, key)
        elif key is not None and key.raw != self._keys.of(row).raw:
            raise ConflictError("case key")
        self._work.move(_REOPEN, columns | {"case": file.id})

    def replace(self, before: CaseFile, after: CaseFile) -> None:
        """Compare-and-set on ``before.version``; writes ``before.version + 1``.

        ``after`` shredded destroys the case: key, records, former versions, documents.

        Raises:
            ConflictError: It moved.
            ErasedError: It was shredded before.
        """
        columns = _to_row(after) | {"version": before.version + 1}
        columns |= self._counted(before, after)
        place = {"case": before.id, "seen": before.version}
        if after.baton is Baton.SHREDDED:
            key = self._keys.of(self._keys.row(before.id, locked=True))
            columns |= {"wrapped": None, "birth_year": None}
            self._work.move(_REPLACE, columns | place)
            self._shred(before.id, key)
        else:
            self._work.move(_REPLACE, columns | place)

    def put(self, records: Iterable[Record]) -> None:
        """Insert records, or replace those with the same case and id.

        The store counts versions itself; each case file's version rises once.

        Raises:
            NotFoundError: No such case.
            ErasedError: Its key is gone.
        """
        for case in self._records.put(records):
            self.touch(case)

    def kinds(self, case: CaseId) -> frozenset[str]:
        """Which kinds of records a case has, without opening any."""
        return self._records.kinds(case)

    def remove(self, case: CaseId, records: Iterable[Record]) -> None:
        """Some records go with every former version, and the files of documents.

        The key of the case stays, so a backup from before can still show them until its
        own period is over.
        """
        gone = tuple(records)
        self._records.drop_some(case, [one.id for one in gone])
        for one in gone:
            if one.kind == "document" and one.text("digest"):
                self._documents.drop_one(case, bytes.fromhex(one.text("digest")))
        self.touch(case)

    def record(self, case: CaseId, record: RecordId) -> Record:
        """One record, opened.

        Raises:
            NotFoundError: No such case or record.
            ErasedError: The key of the case is gone.
        """
        return self._records.get(case, record)

    def former(self, case: CaseId, records: Sequence[RecordId]) -> Sequence[Former]:
        """Every earlier version of these records, oldest first (DO-10)."""
        return self._records.former(case, records)

    def touch(self, case: CaseId) -> None:
        """Raise the version of the case file: something in the case changed."""
        if self._work.change(_TOUCH, {"case": case}) != 1:
            raise NotFoundError("case")

    def set_birth_year(self, case: CaseId, year: int | None) -> None:
        """Keep the one clear number that reports need for age bands."""
        if self._work.change(_CHANGE, {"case": case, "birth_year": year}) != 1:
            raise NotFoundError("case")

    def stage_key(self, case: CaseId) -> StagedKey:
        """The key that this case has, or a new one for it."""
        row = self._keys.find_row(case)
        if row is None or row.wrapped is None:
            return StagedKey(case, CaseKey.generate(self._work.randomness).raw)
        return StagedKey(case, self._keys.of(row).raw)

    def stage_document(
        self, key: StagedKey, epoch: int, chunks: Iterator[bytes]
    ) -> StagedDocument:
        """Seal a file, synced to disk, and name it nowhere."""
        return self._documents.stage(key, epoch, chunks)

    def receive_document(self, key: StagedKey, epoch: int) -> Incoming:
        """Seal a file while it arrives, longer than this unit of work lasts."""
        return Incoming(lambda chunks: self._documents.stage(key, epoch, chunks))

    def adopt_document(self, staged: StagedDocument) -> tuple[bytes, int]:
        """Name a staged file; gives digest and byte count."""
        return self._documents.adopt(staged)

    def drop_staged(self, staged: StagedDocument) -> None:
        """Remove a staged file that nobody took over."""
        self._work.documents.remove(staged.digest)

    def seal_document(
        self, case: CaseId, epoch: int, chunks: Iterator[bytes]
    ) -> tuple[bytes, int]:
        """Seal a file under the case key, synced to disk; gives digest and byte count."""
        return self._documents.seal(case, epoch, chunks)

    def open_document(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        """The plaintext of a document, verified chunk by chunk."""
        return self._documents.open(case, digest)

    def measure_document(self, case: CaseId, digest: bytes) -> tuple[int, bytes]:
        """Length and SHA-256 of a document's plaintext, without reading it."""
        return self._documents.measure(case, digest)

    def _named_now(
        self, case: CaseId, records: tuple[Record, ...]
    ) -> tuple[Record, ...]:
        """Who names a case that was merged means the one that stayed.

        So a flag about it counts for the other one, and an undo has nothing to put back.
        """
        names = one_now(self._work)
        names.pop(case, None)
        return tuple(renamed(r, names) for r in records) if names else records

    def _counted(self, before: CaseFile, after: CaseFile) -> dict[str, Any]:
        """Keep what reports counted so far, if that changes."""
        if _counted(before) == _counted(after):
            return {}
        now = self._work.now()
        if before.baton is not Baton.SHREDDED:
            self._work.change(_KEEP_COUNTED, {"case": before.id, "now": now})
        return {"counted_at": now}

    def _shred(self, case: CaseId, key: CaseKey) -> None:
        """What is left of a case whose key has gone from its row in this unit."""
        digest = hashlib.sha256(key.raw).digest()
        # P16: the line is durable before the key's absence is.
        self._work.register.append(RegisterLine(Destroyed.CASE_KEY, case, digest))
        self._records.drop(case)
        self._documents.drop(case)
        drop_drafts(self._work, case)
        drop_lists_with(self._work, case)
        forget_matches(self._work, case)
        self._work.change(_DROP_COUNTED, {"case": case})
        self._keys.forget(case)
        self._work.after_commit(partial(self._work.ledger.forget, case))


def _counted(file: CaseFile) -> tuple[object, ...]:
    return (file.caseworker, file.responsible_from, file.responsible_until)


def _to_row(file: CaseFile) -> dict[str, Any]:
    """What a state change writes; id, version and key are not among it."""
    return {
        "epoch": file.epoch,
        "baton": file.baton,
        "opened_on": file.opened_on,
        "household": file.household,
        "caseworker": file.caseworker,
        "transfer": file.transfer,
        "responsible_from": file.responsible_from,
        "responsible_until": file.responsible_until,
        "handed_to": file.handed_to,
        "came_from": file.came_from,
        "restricted_on": file.restricted_on,
    }


def _from_row(row: CaseRow) -> CaseFile:
    return CaseFile(
        id=CaseId(row.id),
        epoch=row.epoch,
        baton=Baton(row.baton),
        version=row.version,
        opened_on=row.opened_on,
        household=RecordId(row.household) if row.household else None,
        caseworker=AccountId(row.caseworker) if row.caseworker else None,
        transfer=TransferId(row.transfer) if row.transfer else None,
        responsible_from=row.responsible_from,
        responsible_until=row.responsible_until,
        handed_to=MemberId(row.handed_to) if row.handed_to else None,
        came_from=MemberId(row.came_from) if row.came_from else None,
        restricted_on=row.restricted_on,
    )
