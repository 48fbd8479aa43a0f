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
from node.report.facts import Counting
from node.report.keepview import Keeping
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
from node.store.mail import SqlMail
from node.store.matching import SqlMatches
from node.store.notices import SqlNotices
from node.store.outbox import SqlOutbox
from node.store.pastlog import PastLogs
from node.store.programs import SqlPrograms
from node.store.quorums import SqlQuorums
from node.store.readings import SqlReadings
from node.store.relocations import SqlRelocations
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


class SqlUnitOfWork:
    """Everything a use case may read and write, together or not at all.

    Entered once: one use case is one unit of work (HO-38). A reading unit needs not be
    entered and has nothing to commit.
    """

    def __init__(
        self, connection: Connection, means: Means, *, is_reading: bool = False
    ) -> None:
        self._work = Work(connection, means, is_reading=is_reading)
        self._is_reading = is_reading
        self._state = _State.NEW
        self._wakes: dict[tuple[Wake, str], None] = {}
        self.cases: CaseRepository = SqlCases(self._work)
        self.consents: ConsentRepository = SqlConsents(self._work)
        self.consent_texts: ConsentTextRepository = SqlConsentTexts(self._work)
        self.relocations: RelocationRepository = SqlRelocations(self._work)
        self.tasks: TaskRepository = SqlTasks(self._work)
        self.tally: TallyRepository = SqlTally(self._work)
        self.matches: Matches = SqlMatches(self._work)
        self.erased_cases: ErasedCases = SqlErasedCases(self._work)
        self.outbound: OutboundRepository = SqlOutbound(self._work)
        self.inbound: InboundRepository = SqlInbound(self._work)
        self.chains: Chains = SqlChains(self._work)
        self.outbox: Outbox = SqlOutbox(self._work)
        self.inbox: Inbox = SqlInbox(self._work)
        self.secrets: TransferSecrets = SqlTransferSecrets(self._work)
        self.uploads: Uploads = SqlUploads(self._work)
        self.leases: Leases = SqlLeases(self._work)
        self.shelf: Shelf = SqlShelf(self._work)
        self.mail: Mail = SqlMail(self._work)
        self.exports: Exports = SqlExports(self._work)
        self.past = PastLogs(self._work)
        self.cards: Cards = SqlCards(self._work)
        self.run = SqlStands(self._work)
        self.stands: Stands = self.run
        self.heads: Heads = SqlHeads(self._work)
        self.quorums: Quorums = SqlQuorums(self._work)
        self._log = SqlExchangeLog(self._work)
        self.log: ExchangeLog = self._log
        self.log_rows = LogRows(self._work)
        view = SqlLogView(self._work)
        self.log_view: LogView = view
        self.log_audit: LogAudit = SqlLogAudit(self._work, view, self._log)
        self.evidence: EvidenceView = SqlEvidence(self._work)
        self.keeping: Keeping = SqlKeeping(self._work)
        self.directory = SqlDirectory(self._work)
        self.suspensions: Suspensions = SqlSuspensions(self._work)
        self._open_for_people()

    def _open_for_people(self) -> None:
        """What staff and their pages ask for."""
        self.accounts: AccountRepository = SqlAccounts(self._work)
        self.sessions: SessionRepository = SqlSessions(self._work)
        self.ways: WayRepository = SqlWays(self._work)
        self.kept_forms: KeptForms = SqlKeptForms(self._work)
        self.changes: AccountChanges = SqlAccountChanges(self._work)
        self.emergencies: Emergencies = SqlEmergencies(self._work)
        self.read_log: ReadLog = SqlReadLog(self._work)
        self.reveals: Reveals = SqlReveals(self._work)
        self.readings: Readings = SqlReadings(self._work)
        self.views: SavedViews = SqlSavedViews(self._work)
        self.imports: Imports = SqlImports(self._work)
        self.diary = SqlDiary(self._work)
        self.counting: Counting = SqlCounting(self._work)
        self.reports: Reports = SqlReports(self._work)
        self.programs: Programs = SqlPrograms(self._work)
        self.notices: Notices = SqlNotices(self._work)
        self.town: Town = SqlTown(self._work)
        self.upkeep = Upkeep(self._work)
        self.backups: Backups = SqlBackups(self._work)
        self.dump = Dump(self._work)

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
