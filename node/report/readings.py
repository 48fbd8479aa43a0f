"""The reading side: what pages and reports show, as frozen rows.

Enters: the day and whose work it is. Leaves: rows made of clear columns, and persons with
their names opened, for memory only. Must never happen: a row that is written back, or a
search that hands a name to the database. The store implements ``Readings``; pages reach it
as ``uow.readings`` inside a reading unit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from node.accounts.ports import AccountRepository, ReadLog
from node.cases.model import Baton, counselling_last_day
from node.ids import AccountId, CaseId, ConsentId, MemberId, RecordId, TransferId
from node.sync.ports import UnitOfWork
from node.sync.rows import Due, QuorumWait
from node.sync.transfer import OutboundTransfer

_HERE: Final = (Baton.ACTIVE, Baton.FROZEN, Baton.GRANTED)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person as lists show them and searches find them.

    ``scripts`` are names in other scripts with their language tag. ``birth`` is a partial
    date as text. ``threatened`` persons are found by their own caseworker only (FR-16).
    """

    case: CaseId
    version: int
    baton: Baton
    caseworker: AccountId | None
    household: RecordId | None
    responsible_from: date | None
    responsible_until: date | None
    family_name: str = ""
    given_names: str = ""
    scripts: tuple[tuple[str, str], ...] = ()
    other_names: tuple[str, ...] = ()
    birth: str = ""
    birth_fictitious: bool = False
    case_number: str = ""
    languages: tuple[str, ...] = ()
    interpreter_needed: bool = False
    care_status: str = ""
    plan_due: date | None = None
    last_contact: date | None = None
    counselling_start: date | None = None
    clock_extended: bool = False
    household_role: str = ""
    threatened: bool = False
    address_blocked: bool = False

    @property
    def name(self) -> str:
        """Given names and family name, as a person is called."""
        return f"{self.given_names} {self.family_name}".strip()

    @property
    def birth_year(self) -> str:
        """The year of birth, empty if unknown."""
        return self.birth[:4]

    @property
    def clock_end(self) -> date | None:
        """The last day of the counselling clock (FR-1)."""
        if self.counselling_start is None:
            return None
        return counselling_last_day(
            self.counselling_start, 4 if self.clock_extended else 3
        )

    @property
    def is_here(self) -> bool:
        """Whether this office still works on the case."""
        return self.baton in _HERE

    def is_ours(self, on: date) -> bool:
        """Whether this office is responsible on this day (FR-3)."""
        until = self.responsible_until
        return self.is_here and (until is None or on <= until)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Something a person must see or do; codes only."""

    kind: str
    case: CaseId | None
    transfer: TransferId | None
    for_role: str
    account: AccountId | None
    due: date | None
    codes: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DatedRow:
    """A record with a day: a follow-up due, a residence title that ends."""

    case: CaseId
    record: RecordId
    kind: str
    on: date
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class EndingConsent:
    """A consent that ends soon."""

    case: CaseId
    consent: ConsentId
    until: date


@dataclass(frozen=True, slots=True)
class MonthRow:
    """How many entries of each kind were made on days of one month."""

    talks: int
    contacts: int


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A transfer with what its peer's queue says.

    ``offered_at`` is when the peer signed that it took the offer; ``due`` how its queue
    stands; ``quorum`` how it waits for witnesses; ``at_relay`` since when something of it
    lies in the peer's mailbox.
    """

    transfer: OutboundTransfer
    offered_at: datetime | None
    due: Due | None
    quorum: QuorumWait | None = None
    at_relay: datetime | None = None


class Readings(Protocol):
    """Queries of one reading unit."""

    def mark(self) -> tuple[object, ...]:
        """Another one after everything written to any case, by any process."""
        ...

    def versions(self) -> Mapping[CaseId, int]:
        """The version of every case file that can still be opened."""
        ...

    def people(self, cases: Collection[CaseId]) -> Sequence[PersonRow]:
        """These persons, opened; those that are gone are left out."""
        ...

    def household(self, household: RecordId) -> Sequence[CaseId]:
        """The cases of one household, ordered by id."""
        ...

    def tasks(self) -> Sequence[TaskRow]:
        """All open tasks, oldest first."""
        ...

    def follow_ups(
        self, whose: Collection[AccountId], until: date
    ) -> Sequence[DatedRow]:
        """Open follow-ups of these caseloads due until a day, opened, soonest first."""
        ...

    def residence_ends(
        self, whose: Collection[AccountId], since: date, until: date
    ) -> Sequence[DatedRow]:
        """Residence titles of these caseloads that end in these days, soonest first."""
        ...

    def consents_ending(
        self, whose: Collection[AccountId], since: date, until: date
    ) -> Sequence[EndingConsent]:
        """Consents of these caseloads that stand and end in these days, soonest first."""
        ...

    def month(self, caseworker: AccountId, first: date, last: date) -> MonthRow:
        """Own talks and contacts of this caseload in these days (FR-8)."""
        ...

    def transfers(self, whose: Collection[AccountId] | None) -> Sequence[TransferRow]:
        """Outbound transfers with a case of these caseloads, or all; newest first."""
        ...

    def transfer(self, transfer: TransferId) -> TransferRow:
        """One outbound transfer. NotFoundError if absent."""
        ...

    def received(self, cases: Collection[CaseId]) -> Mapping[CaseId, MemberId]:
        """Which of these cases came from another body, and from which."""
        ...

    def unassigned(self, sender: MemberId) -> Sequence[CaseId]:
        """Editable cases that came from this body and have no caseworker yet."""
        ...


class ReadingUnit(UnitOfWork, Protocol):
    """A unit of work as pages read it."""

    readings: Readings
    accounts: AccountRepository
    read_log: ReadLog
