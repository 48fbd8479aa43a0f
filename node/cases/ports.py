"""What the cases need of the world: where they are kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from node.cases.consent import Consent
from node.cases.consenttext import ConsentText
from node.cases.model import CaseContent, CaseFile, Former, Record
from node.cases.relocation import Relocation
from node.cases.staged import StagedDocument, StagedKey
from node.cases.tally import History, TallyLine
from node.ids import AccountId, CaseId, ConsentId, RecordId, TransferId


class IncomingDocument(Protocol):
    """A document that is sealed while it arrives."""

    def add(self, portion: bytes) -> None:
        """Seal one more portion."""
        ...

    def finish(self) -> StagedDocument:
        """It was the whole document, and is synced now."""
        ...

    def drop(self) -> None:
        """Forget it; nothing stays on the disk."""
        ...


class CaseRepository(Protocol):
    """Cases and their records; every call happens inside one unit of work."""

    def file(self, case: CaseId) -> CaseFile:
        """The case file, locked for this unit of work. NotFoundError if absent."""
        ...

    def find_file(self, case: CaseId) -> CaseFile | None:
        """The case file, locked, or None if no such case was ever here."""
        ...

    def all_files(self) -> Sequence[CaseFile]:
        """Every case file, by id: for a recovery, which knows its cases by tags alone."""
        ...

    def household(self, household: RecordId) -> Sequence[CaseFile]:
        """All cases of one household, ordered by id."""
        ...

    def quiet_since(self, at: datetime) -> Sequence[CaseId]:
        """Active cases that were once closed and in which nothing was written since."""
        ...

    def content(self, case: CaseId) -> CaseContent:
        """The whole case, opened. NotFoundError if absent, ErasedError if its key is gone."""
        ...

    def person_content(self, case: CaseId) -> CaseContent:
        """The case with nothing but what the gate asks for: person and protection."""
        ...

    def open_new(self, file: CaseFile, key: StagedKey | None = None) -> None:
        """Insert a case under a new case key, or under the one that was staged for it."""
        ...

    def reopen(self, file: CaseFile, key: StagedKey | None = None) -> None:
        """A case comes back (handed_over or shredded -> active): new key if shredded.

        ConflictError if files were staged under another key than it has.
        """
        ...

    def replace(self, before: CaseFile, after: CaseFile) -> None:
        """Compare-and-set on ``before.version``; writes ``before.version + 1``.

        ConflictError if it moved.
        """
        ...

    def put(self, records: Iterable[Record]) -> None:
        """Insert records, or replace those with the same (case, id); old versions are kept."""
        ...

    def kinds(self, case: CaseId) -> frozenset[str]:
        """Which kinds of records a case has, without opening any."""
        ...

    def remove(self, case: CaseId, records: Iterable[Record]) -> None:
        """Some records go with every former version, and the files of documents."""
        ...

    def record(self, case: CaseId, record: RecordId) -> Record:
        """One record, opened. NotFoundError if absent."""
        ...

    def former(self, case: CaseId, records: Sequence[RecordId]) -> Sequence[Former]:
        """Every earlier version of these records, oldest first."""
        ...

    def touch(self, case: CaseId) -> None:
        """Raise the version of the case file: something in the case changed."""
        ...

    def set_birth_year(self, case: CaseId, year: int | None) -> None:
        """Keep the one clear number reports need (age bands)."""
        ...

    def stage_key(self, case: CaseId) -> StagedKey:
        """The key that this case has, or a new one for it; in a reading unit of work."""
        ...

    def stage_document(
        self, key: StagedKey, epoch: int, chunks: Iterator[bytes]
    ) -> StagedDocument:
        """Seal a file, synced to disk, and name it nowhere; in a reading unit of work."""
        ...

    def receive_document(self, key: StagedKey, epoch: int) -> IncomingDocument:
        """Seal a file while it arrives, longer than this unit of work lasts."""
        ...

    def adopt_document(self, staged: StagedDocument) -> tuple[bytes, int]:
        """Name a staged file; gives digest and byte count."""
        ...

    def drop_staged(self, staged: StagedDocument) -> None:
        """Remove a staged file that nobody took over."""
        ...

    def seal_document(
        self, case: CaseId, epoch: int, chunks: Iterator[bytes]
    ) -> tuple[bytes, int]:
        """Seal a file under the case key, synced to disk; gives digest and byte count."""
        ...

    def open_document(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        """The plaintext of a document, verified chunk by chunk."""
        ...

    def measure_document(self, case: CaseId, digest: bytes) -> tuple[int, bytes]:
        """Length and SHA-256 of a document's plaintext, without reading it."""
        ...


class ConsentRepository(Protocol):
    """Consents; the gate reads them under lock (HO-33)."""

    def cases_with(self, on: date) -> Sequence[CaseId]:
        """Cases with a consent that was logged and still stands on a day."""
        ...

    def of_case(self, case: CaseId) -> Sequence[Consent]:
        """All consents of one case, oldest first, locked against change."""
        ...

    def get(self, consent: ConsentId) -> Consent:
        """One consent, locked. NotFoundError if absent."""
        ...

    def put(self, consent: Consent) -> None:
        """Insert, or replace the one with the same id."""
        ...

    def last_entry(self, case: CaseId) -> bytes | None:
        """Commitment of the newest log entry of this case's consent chain."""
        ...

    def set_last_entry(self, case: CaseId, entry: bytes) -> None:
        """Remember the newest entry of the consent chain."""
        ...


@dataclass(frozen=True, slots=True)
class KeptText:
    """A consent text with who worded this version here; nobody yet for a shipped one."""

    text: ConsentText
    put_at: datetime | None = None
    put_by: AccountId | None = None
    verified_by: AccountId | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A spoken block; ``of`` is the digest of the words that are spoken."""

    language: str
    block: str
    of: str
    media_type: str
    sound: bytes


class ConsentTextRepository(Protocol):
    """The words with which people are asked, in every version (SC-38)."""

    def current(self) -> Mapping[str, KeptText]:
        """The text of every language that counts now; the shipped one where none is kept."""
        ...

    def version(self, digest: str) -> KeptText | None:
        """One version, old ones and shipped ones too."""
        ...

    def put(self, kept: KeptText) -> None:
        """Keep a version; worded again or verified, it is the same row."""
        ...

    def recordings(self) -> Mapping[tuple[str, str], str]:
        """Of which words there are recordings: digests by language and block."""
        ...

    def recording(self, language: str, block: str) -> Recording | None:
        """The recording of one block."""
        ...

    def record(self, made: Recording) -> None:
        """Keep a recording instead of the one before."""
        ...


class RelocationRepository(Protocol):
    """Recorded changes of place."""

    def add(self, relocation: Relocation) -> None:
        """Insert one."""
        ...

    def get(self, relocation: RecordId) -> Relocation:
        """One relocation. NotFoundError if absent."""
        ...

    def of_case(self, case: CaseId) -> Sequence[Relocation]:
        """All relocations of one case, oldest first."""
        ...

    def by_idempotency(self, caller: str, key: str) -> tuple[bytes, bytes] | None:
        """(digest of the request, stored answer) of an earlier call with this key."""
        ...

    def remember(self, caller: str, key: str, *, request: bytes, answer: bytes) -> None:
        """Store the answer under the caller's key, for repeats."""
        ...


class TallyRepository(Protocol):
    """What is left of erased cases to count; nameless."""

    def history(self, case: CaseId) -> History:
        """What a case that is about to go leaves to count."""
        ...

    def add(self, lines: Iterable[TallyLine], made_on: date) -> None:
        """Keep the lines of one person."""
        ...


class TaskRepository(Protocol):
    """What a person must see or do; never with personal data in it."""

    def add(
        self,
        kind: str,
        *,
        at: datetime,
        case: CaseId | None = None,
        transfer: TransferId | None = None,
        for_role: str = "caseworker",
        account: AccountId | None = None,
        due: date | None = None,
        codes: Sequence[str] = (),
    ) -> None:
        """Add a task unless an open one of the same kind, case and transfer stands."""
        ...

    def on_desks(self, kind: str) -> Mapping[AccountId, int]:
        """How many open tasks of this kind are about cases of which caseworker."""
        ...

    def is_open(self, kind: str, *, case: CaseId) -> bool:
        """Whether a task of this kind about a case waits for somebody."""
        ...

    def settle(
        self,
        kind: str,
        *,
        case: CaseId | None = None,
        transfer: TransferId | None = None,
    ) -> None:
        """Mark matching open tasks as done."""
        ...
