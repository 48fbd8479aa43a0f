"""The exchange log as people read it: lines of a list, and the dossier of one transfer.

Enters: entries that were opened, proofs that were tried. Leaves: frozen rows, and an index
of all lines in memory. Must never happen: a name, a case number or a note in a row, for
auditors see no case content (SC-58); a line that stays after its entry was erased. The
store implements ``LogView``; pages reach it as ``uow.log_view``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Protocol

from node.accounts.notices import Notices
from node.accounts.ports import ReadLog
from node.crypto.checkpoint import Checkpoint, NoteKey
from node.exchangelog.entry import Entry
from node.exchangelog.finding import Report
from node.exchangelog.kinds import EntryType
from node.ids import MemberId, TransferId
from node.report.backups import Backups
from node.report.keepview import Keeping
from node.sync.ports import UnitOfWork

PAGE_LINES: Final = 50


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of our log as a list shows it.

    ``type`` is None for an entry that was lawfully erased or cannot be opened.
    """

    index: int
    type: EntryType | None = None
    at: datetime | None = None
    role: str = ""
    transfer: TransferId | None = None
    peer: MemberId | None = None
    outcome: str = ""
    persons: int | None = None


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An own entry about one transfer; ``entry`` is None once it was erased.

    ``c`` is its commitment. ``is_included`` says whether it stands in our newest signed
    head; None while that head is older than the entry.
    """

    index: int
    c: bytes
    entry: Entry | None
    is_included: bool | None


@dataclass(frozen=True, slots=True)
class TheirEntry:
    """The other side's entry with its proof, as it was shown and kept.

    ``proven_at`` is the size of the signed head of theirs under which the proof holds; None
    if it holds under none that we remember.
    """

    origin: str
    index: int | None
    c: bytes
    entry: Entry | None
    proven_at: int | None


@dataclass(frozen=True, slots=True)
class Witness:
    """How far another town has followed and cosigned our log."""

    name: str
    size: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything that is known here of one transfer's log entries.

    ``said`` and ``heard`` are the signed statements (JWS) of both sides about it.
    They went with the record of the transfer, after its years, on ``gone_on``.
    ``grounds`` maps commitments of consent entries that the entries name to their place in
    our log; absent ones stand in the other side's log.
    """

    transfer: TransferId
    own: tuple[OwnEntry, ...]
    theirs: tuple[TheirEntry, ...]
    said: tuple[str, ...]
    heard: tuple[str, ...]
    grounds: tuple[tuple[str, int], ...]
    signed_size: int
    witnesses: tuple[Witness, ...]
    gone_on: date | None = None

    @property
    def peer(self) -> MemberId | None:
        """The other side, by our own entries."""
        for item in self.own:
            if item.entry is not None and item.entry.more.get("peer"):
                return MemberId(item.entry.more["peer"])
        return None


@dataclass(frozen=True, slots=True)
class Overview:
    """How the log stands; ``erased`` counts rows that explain a missing body."""

    origin: str
    size: int
    erased: int
    signed_size: int
    signed_at: datetime | None
    witnesses: tuple[Witness, ...]


class LogView(Protocol):
    """Queries of one reading unit."""

    def overview(self) -> Overview:
        """Size, signature, witnesses."""
        ...

    def lines(self, start: int) -> Sequence[LogLine]:
        """All entries from an index on, opened, oldest first."""
        ...

    def dossier(self, transfer: TransferId, log_key: NoteKey) -> Dossier:
        """One transfer. NotFoundError if our log holds nothing of it."""
        ...

    def check(
        self,
        log_key: NoteKey,
        *,
        witnesses: tuple[NoteKey, ...],
        mark: Checkpoint | None,
    ) -> Report:
        """The whole check over the raw rows, in this unit."""
        ...


class LogViewUnit(UnitOfWork, Protocol):
    """A unit of work as the log's pages read it."""

    @property
    def log_view(self) -> LogView:
        """The log."""
        ...

    @property
    def read_log(self) -> ReadLog:
        """Who opened what."""
        ...

    @property
    def backups(self) -> Backups:
        """Which backups there are."""
        ...

    @property
    def notices(self) -> Notices:
        """Mails to people who work here."""
        ...

    @property
    def keeping(self) -> Keeping:
        """Holds and erasures."""
        ...


@dataclass(frozen=True, slots=True)
class Sought:
    """What somebody looks for; empty fields say nothing.

    ``number`` is the start of a transfer's short number, ``since`` and ``until`` bound the
    time of an entry, the latter exclusively.
    """

    peer: str = ""
    area: str = ""
    number: str = ""
    outcomes: frozenset[EntryType] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, line: LogLine) -> bool:
        """Whether a line is one of those."""
        if line.type is None or line.at is None:
            return self == Sought()
        return (
            (not self.peer or line.peer == self.peer)
            and (not self.area or line.type.startswith(self.area + "."))
            and (not self.outcomes or line.type in self.outcomes)
            and (not self.number or is_numbered(line.transfer, self.number))
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
        )


@dataclass(slots=True)
class LogIndex:
    """All lines in memory; the log only grows, so it is read once and then its end."""

    _lines: list[LogLine] = field(default_factory=list)
    _erased: int = 0

    @property
    def size(self) -> int:
        """How many entries are known."""
        return len(self._lines)

    def follow(self, overview: Overview) -> int:
        """Forget everything if entries were erased meanwhile; gives where to read on."""
        if overview.erased != self._erased or overview.size < self.size:
            self._lines.clear()
            self._erased = overview.erased
        return self.size

    def extend(self, start: int, lines: Sequence[LogLine]) -> None:
        """Take lines that were read from an index on; what is known already stays."""
        if start <= self.size:
            self._lines += lines[self.size - start :]

    def newest(self, sought: Sought) -> Iterator[LogLine]:
        """The lines that fit, newest first."""
        return (line for line in reversed(self._lines) if sought.fits(line))

    def peers(self) -> list[MemberId]:
        """Everybody who stands in a line, in order."""
        return sorted({line.peer for line in self._lines if line.peer is not None})


def is_numbered(transfer: TransferId | None, number: str) -> bool:
    """Whether a transfer is the one of a short number, or of its start, or of its id."""
    if transfer is None:
        return False
    wanted = number.strip().upper().replace(" ", "")
    bare = transfer.short.replace("-", "")
    return (
        bare.startswith(wanted.replace("-", "")) or transfer == number.strip().lower()
    )
