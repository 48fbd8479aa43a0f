"""One transfer as both logs tell it: entries with their places, proofs and times.

Enters: nothing; these are the values in which the store, a peer's list and the checks speak
of a shared transfer. Must never happen here: an entry without its place; a side called
complete that showed only what its statements named. Serves ``consent`` and ``reconcile``;
exchange-log 6.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from node.exchangelog.entry import Entry
from node.exchangelog.kinds import EntryType
from node.ids import MemberId, TransferId

_T: Final = EntryType


@unique
class Gone(StrEnum):
    """Why an entry cannot be read."""

    UNSHOWN = "unshown"  # nobody was ever shown it
    LAWFUL = "lawful"  # an erasure in the same tree names its index
    UNLAWFUL = "unlawful"  # its body is gone and nothing explains it


@dataclass(frozen=True, slots=True)
class Bracket:
    """Between which foreign signatures an entry was written (LR-29).

    ``after`` is the last cosignature on the newest head below the entry, ``before`` the
    first on the oldest head above it; None where there is none.
    """

    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of one side, or the place where it was.

    ``proven_at`` is the size of a signed head under which its inclusion proof holds, None
    if under none; ``root`` is that head's root. ``is_witnessed`` says whether the floor of
    LR-20 was met for it; None where that is not asked. ``gone`` is set where ``entry`` is
    None.
    """

    c: bytes
    index: int | None
    entry: Entry | None
    proven_at: int | None = None
    root: bytes | None = None
    bracket: Bracket = Bracket()
    is_witnessed: bool | None = None
    gone: Gone | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """What one log holds of a transfer, in the order of the log.

    ``is_complete`` is false where only the entries named by statements were shown.
    """

    log: str
    items: tuple[Item, ...]
    is_complete: bool = True

    def entries(self) -> Iterator[tuple[Item, Entry]]:
        """Those that can be read."""
        return ((item, item.entry) for item in self.items if item.entry is not None)

    def all(self, *kinds: EntryType) -> list[Item]:
        """Every readable entry of these types, in order."""
        return [item for item, entry in self.entries() if entry.type in kinds]

    def first(self, *kinds: EntryType) -> Item | None:
        """The first entry of these types."""
        return next(iter(self.all(*kinds)), None)

    def last(self, *kinds: EntryType) -> Item | None:
        """The last entry of these types."""
        return next(iter(reversed(self.all(*kinds))), None)


@dataclass(frozen=True, slots=True)
class Ground:
    """One consent that an entry names, as our own log holds it.

    ``chain`` are all entries of that person's consents, in order. ``is_of_member`` says
    whether the chain belongs to a person of the transfer; None where nobody can say.
    """

    named: str
    at: str
    chain: tuple[Item, ...]
    is_of_member: bool | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """One transfer between two logs.

    ``grounds`` are the consents that the sender's entries name, by the commitment of their
    record; at the recipient nobody knows them but by the packet (``knows_grounds``).
    ``overridden`` says that two people let it leave below its quorum.
    """

    transfer: TransferId
    sender: Side
    recipient: Side
    recipient_id: MemberId
    is_ours_sender: bool
    grounds: tuple[Ground, ...] = ()
    knows_grounds: bool = False
    overridden: bool = False


def theirs(shared: Shared) -> Side:
    """The side that the other node showed."""
    return shared.recipient if shared.is_ours_sender else shared.sender


def sending(shared: Shared) -> Item | None:
    """The entry of the sending."""
    return shared.sender.first(_T.TRANSFER_SENT)
