"""What the cases need of the world: where they are kept."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

from node.cases.consent import Consent
from node.cases.model import CaseContent, CaseFile, Record
from node.cases.relocation import Relocation
from node.cases.tally import History, TallyLine
from node.ids import AccountId, CaseId, ConsentId, RecordId, TransferId


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

    def content(self, case: CaseId) -> CaseContent:
        """The whole case, opened. NotFoundError if absent, ErasedError if its key is gone."""
        ...

    def person_content(self, case: CaseId) -> CaseContent:
        """The case with nothing but what the gate asks for: person and protection."""
        ...

    def open_new(self, file: CaseFile) -> None:
        """Insert a case under a new case key."""
        ...

    def reopen(self, file: CaseFile) -> None:
        """A case comes back (handed_over or shredded -> active): new key if shredded."""
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

    def touch(self, case: CaseId) -> None:
        """Raise the version of the case file: something in the case changed."""
        ...

    def set_birth_year(self, case: CaseId, year: int | None) -> None:
        """Keep the one clear number reports need (age bands)."""
        ...

    def seal_document(
        self, case: CaseId, epoch: int, chunks: Iterator[bytes]
    ) -> tuple[bytes, int]:
        """Seal a file under the case key, synced to disk; gives digest and byte count."""
        ...

    def open_document(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        """The plaintext of a document, verified chunk by chunk."""
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


class RelocationRepository(Protocol):
    """Recorded changes of place."""

    def add(self, relocation: Relocation) -> None:
        """Insert one."""
        ...

    def get(self, relocation: RecordId) -> Relocation:
        """One relocation. NotFoundError if absent."""
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

    def settle(
        self,
        kind: str,
        *,
        case: CaseId | None = None,
        transfer: TransferId | None = None,
    ) -> None:
        """Mark matching open tasks as done."""
        ...
