"""One unit of work: one transaction over every repository.

Enters: a connection on which the runner has begun a transaction. Leaves: whether it may
be kept, and what is to be done after the commit. Must never happen: something written
that is neither kept nor undone, or a log entry without its effect (P1, P18); so
``commit`` sequences the log as its last statements (LR-7) and the runner alone sends
``COMMIT``. Implements ``node.sync.ports.UnitOfWork``.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from node.accounts.notices import Notices
from node.accounts.ports import (
    AccountRepository,
    ReadLog,
    Reveals,
    SessionRepository,
)
from node.accounts.programs import Programs
from node.accounts.views import SavedViews
from node.accounts.wayports import (
    AccountChanges,
    Emergencies,
    KeptForms,
    WayRepository,
)
from node.cases.erased import ErasedCases
from node.cases.expiry import Remainders
from node.cases.importports import Imports
from node.cases.matchports import Matches
from node.cases.ports import (
    CaseRepository,
    ConsentRepository,
    ConsentTextRepository,
    RelocationRepository,
    TallyRepository,
    TaskRepository,
)
from node.cases.townsettings import Town
from node.errors import UsageError
from node.report.backups import Backups
from node.report.evidence import EvidenceView
from node.report.keepview import Keeping
from node.report.ledger import Counting
from node.report.logaudit import LogAudit
from node.report.logview import LogView
from node.report.readings import Readings
from node.report.snapshot import Reports
from node.store.access import SqlReadLog
from node.store.accountchanges import SqlAccountChanges, SqlEmergencies
from node.store.accounts import SqlAccounts
from node.store.backuprows import SqlBackups
from node.store.cards import SqlCards
from node.store.cases import SqlCases
from node.store.chains import SqlChains
from node.store.consents import SqlConsents
from node.store.consenttexts import SqlConsentTexts
from node.store.counting import SqlCounting
from node.store.counts import SqlReports
from node.store.diary import SqlDiary
from node.store.directory import SqlDirectory
from node.store.dump import Dump
from node.store.erased import SqlErasedCases
from node.store.evidence import SqlEvidence
from node.store.exchangelog import SqlExchangeLog
from node.store.exports import SqlExports
from node.store.heads import SqlHeads
from node.store.imports import SqlImports
from node.store.inbox import SqlInbox
from node.store.keeping import SqlKeeping
from node.store.leases import SqlLeases
from node.store.logaudit import SqlLogAudit
from node.store.logrows import LogRows
from node.store.logview import SqlLogView
from node.store.made import Made
from node.store.mail import SqlMail
from node.store.matching import SqlMatches
from node.store.notices import SqlNotices
from node.store.outbox import SqlOutbox
from node.store.pastlog import PastLogs
from node.store.programs import SqlPrograms
from node.store.quorums import SqlQuorums
from node.store.readings import SqlReadings
from node.store.relocations import SqlRelocations
from node.store.remainders import SqlRemainders
from node.store.reveals import SqlReveals
from node.store.savedviews import SqlSavedViews
from node.store.secrets import SqlTransferSecrets
from node.store.sessions import SqlSessions
from node.store.shelf import SqlShelf
from node.store.standing import SqlStands
from node.store.suspensions import SqlSuspensions
from node.store.tally import SqlTally
from node.store.tasks import SqlTasks
from node.store.townsettings import SqlTown
from node.store.transfers import SqlInbound, SqlOutbound
from node.store.upkeep import Upkeep
from node.store.uploads import SqlUploads
from node.store.waysin import SqlKeptForms, SqlWays
from node.store.work import Access, Means, Work
from node.sync.exportports import Exports
from node.sync.logports import Cards, ExchangeLog, Heads, Quorums, Stands
from node.sync.mailports import Mail, Shelf
from node.sync.outboxport import Outbox
from node.sync.ports import (
    Chains,
    Inbox,
    Leases,
    TransferSecrets,
    Uploads,
)
from node.sync.rows import Wake
from node.sync.transferports import InboundRepository, OutboundRepository
from node.trust.suspension import Suspensions


class _State(Enum):
    NEW = auto()
    OPEN = auto()
    COMMITTED = auto()
    UNDONE = auto()


def _log_audit(work: Work) -> LogAudit:
    return SqlLogAudit(work, SqlLogView(work), SqlExchangeLog(work))


class SqlUnitOfWork:
    """Everything a use case may read and write, together or not at all.

    Entered once: one use case is one unit of work (HO-38). A reading unit needs not be
    entered and has nothing to commit. Repositories are made when a use case asks for them:
    there are sixty, and most units need five.
    """

    cases: Made[CaseRepository] = Made(SqlCases)
    consents: Made[ConsentRepository] = Made(SqlConsents)
    consent_texts: Made[ConsentTextRepository] = Made(SqlConsentTexts)
    relocations: Made[RelocationRepository] = Made(SqlRelocations)
    tasks: Made[TaskRepository] = Made(SqlTasks)
    tally: Made[TallyRepository] = Made(SqlTally)
    matches: Made[Matches] = Made(SqlMatches)
    erased_cases: Made[ErasedCases] = Made(SqlErasedCases)
    remainders: Made[Remainders] = Made(SqlRemainders)
    outbound: Made[OutboundRepository] = Made(SqlOutbound)
    inbound: Made[InboundRepository] = Made(SqlInbound)
    chains: Made[Chains] = Made(SqlChains)
    outbox: Made[Outbox] = Made(SqlOutbox)
    inbox: Made[Inbox] = Made(SqlInbox)
    secrets: Made[TransferSecrets] = Made(SqlTransferSecrets)
    uploads: Made[Uploads] = Made(SqlUploads)
    leases: Made[Leases] = Made(SqlLeases)
    shelf: Made[Shelf] = Made(SqlShelf)
    mail: Made[Mail] = Made(SqlMail)
    exports: Made[Exports] = Made(SqlExports)
    past: Made[PastLogs] = Made(PastLogs)
    cards: Made[Cards] = Made(SqlCards)
    heads: Made[Heads] = Made(SqlHeads)
    quorums: Made[Quorums] = Made(SqlQuorums)
    log_rows: Made[LogRows] = Made(LogRows)
    log_view: Made[LogView] = Made(SqlLogView)
    log_audit: Made[LogAudit] = Made(_log_audit)
    evidence: Made[EvidenceView] = Made(SqlEvidence)
    keeping: Made[Keeping] = Made(SqlKeeping)
    directory: Made[SqlDirectory] = Made(SqlDirectory)
    suspensions: Made[Suspensions] = Made(SqlSuspensions)
    accounts: Made[AccountRepository] = Made(SqlAccounts)
    sessions: Made[SessionRepository] = Made(SqlSessions)
    ways: Made[WayRepository] = Made(SqlWays)
    kept_forms: Made[KeptForms] = Made(SqlKeptForms)
    changes: Made[AccountChanges] = Made(SqlAccountChanges)
    emergencies: Made[Emergencies] = Made(SqlEmergencies)
    read_log: Made[ReadLog] = Made(SqlReadLog)
    reveals: Made[Reveals] = Made(SqlReveals)
    readings: Made[Readings] = Made(SqlReadings)
    views: Made[SavedViews] = Made(SqlSavedViews)
    imports: Made[Imports] = Made(SqlImports)
    diary: Made[SqlDiary] = Made(SqlDiary)
    counting: Made[Counting] = Made(SqlCounting)
    reports: Made[Reports] = Made(SqlReports)
    programs: Made[Programs] = Made(SqlPrograms)
    notices: Made[Notices] = Made(SqlNotices)
    town: Made[Town] = Made(SqlTown)
    upkeep: Made[Upkeep] = Made(Upkeep)
    backups: Made[Backups] = Made(SqlBackups)
    dump: Made[Dump] = Made(Dump)

    def __init__(
        self, connection: Connection, means: Means, *, is_reading: bool = False
    ) -> None:
        self._work = Work(connection, means, is_reading=is_reading)
        self._is_reading = is_reading
        self._state = _State.NEW
        self._wakes: dict[tuple[Wake, str], None] = {}
        self.run = SqlStands(self._work)
        self.stands: Stands = self.run
        self._log = SqlExchangeLog(self._work)
        self.log: ExchangeLog = self._log

    @property
    def is_committed(self) -> bool:
        """Whether ``commit`` was reached; only then may the runner keep it."""
        return self._state is _State.COMMITTED

    @property
    def wakes(self) -> tuple[tuple[Wake, str], ...]:
        """What is due after the commit, each once."""
        return tuple(self._wakes)

    @property
    def after(self) -> tuple[Callable[[], None], ...]:
        """What tidies up after the commit."""
        return tuple(self._work.after)

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            UsageError: It was entered before.
        """
        if not self._is_reading:
            if self._state is not _State.NEW:
                raise UsageError("a unit of work is entered once")
            self._state = _State.OPEN
            self._work.allow(Access.WRITE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave; what was not committed is undone by the runner."""
        if self._state is _State.OPEN:
            self._state = _State.UNDONE
        if not self._is_reading:
            self.close()

    def commit(self) -> None:
        """Sequence the log entries; until the block ends it can still be read.

        It is durable when the runner's future resolves, not when this returns.

        Raises:
            UsageError: Outside the block, or in a reading unit.
        """
        if self._state is not _State.OPEN:
            raise UsageError("only an open unit of work can be committed")
        self._log.sequence()
        self._state = _State.COMMITTED
        self._work.allow(Access.READ)

    def start_log(self, at: datetime) -> bytes:
        """Begin our exchange log with its first entry; ``init`` does it once.

        Raises:
            ConflictError: There is one already.
        """
        return self._log.start(at)

    def after_commit(self, tidy: Callable[[], None]) -> None:
        """Do this once the unit is durable; a crash may come first, so it only tidies."""
        self._work.after_commit(tidy)

    def wake(self, what: Wake, key: str) -> None:
        """After the commit, tell the worker that something is due."""
        self._wakes[what, key] = None

    def close(self) -> None:
        """Cut it off from the connection, which its neighbours will use."""
        self._work.allow(Access.NONE)
