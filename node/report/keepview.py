"""Holds and erasures as values, and what their use cases need of the store.

Enters and leaves: rows. Must never happen: a row that says whom a group concerns, beyond the
number of a transfer. The store implements ``Keeping``; use cases reach it as
``uow.keeping``. Implements the shown part of exchange log 9, task 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import Basis, HoldBasis, SignedTime, State
from node.exchangelog.kinds import EntryClass
from node.ids import AccountId, TransferId
from node.sync.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Group:
    """A group of entries whose time may be over.

    ``latest`` is the later of its last entry's own time and the first foreign signature
    over it.
    """

    tag: bytes
    kind: EntryClass
    latest: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Entries that must stay. ``reference`` is that of an order, None without one.

    ``transfer`` is None for a person's consents; ``released_at`` while it is open; ``index``
    and ``set_at`` once the entry of a very old hold was erased itself.
    """

    id: bytes
    tag: bytes
    basis: HoldBasis
    reference: str | None
    transfer: TransferId | None
    index: int | None
    set_at: datetime | None
    is_open: bool
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure with its entries in the log, oldest first.

    ``index`` is the place of its newest ``log.erasure``, None while that is not written;
    ``entries`` counts what it destroyed.
    """

    id: bytes
    basis: Basis
    reference: str | None
    state: State
    index: int | None
    begun_at: datetime | None
    done_at: datetime | None
    entries: int
    ordered_by: AccountId | None
    second: AccountId | None


@dataclass(frozen=True, slots=True)
class Running:
    """An erasure that is not done, as its steps need it; ``intent`` is a commitment."""

    id: bytes
    basis: Basis
    reference: str | None
    state: State
    intent: bytes | None
    begun_at: datetime | None


@dataclass(frozen=True, slots=True)
class Order:
    """An early erasure that waits for its second person."""

    id: bytes
    group: GroupName
    basis: Basis
    reference: str
    ordered_by: AccountId
    ordered_at: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """A new erasure as it is kept; the people are None for what the program does."""

    id: bytes
    basis: Basis
    reference: str | None
    intent: bytes | None
    ordered_by: AccountId | None = None
    second: AccountId | None = None


class Keeping(Protocol):
    """Holds, orders and erasures, inside one unit of work."""

    def tag(self, group: GroupName) -> bytes:
        """The name of a group's rows."""
        ...

    def lock(self, tag: bytes) -> bool:
        """Keep a group as it is until the commit; False if it has no key."""
        ...

    def indexes(self, tag: bytes, start: int = 0) -> Sequence[int]:
        """The places of a group's entries from an index on that still have a body."""
        ...

    def is_held(self, tag: bytes) -> bool:
        """Whether a hold on the group is open."""
        ...

    def add_hold(self, hold: bytes, tag: bytes, basis: HoldBasis, entry: bytes) -> None:
        """Keep a hold. ConflictError if there is an open one for the same reason."""
        ...

    def release(self, hold: bytes, entry: bytes) -> None:
        """End an open hold. ConflictError if it is not open."""
        ...

    def holds(self) -> Sequence[Hold]:
        """All holds, open ones first, then the newest."""
        ...

    def open_holds(self, tag: bytes) -> Sequence[tuple[bytes, HoldBasis]]:
        """Ids and reasons of a group's open holds."""
        ...

    def add_order(self, order: Order) -> None:
        """Keep an order. ConflictError if one waits for the same group."""
        ...

    def orders(self) -> Sequence[Order]:
        """All orders, oldest first."""
        ...

    def remove_order(self, order: bytes) -> None:
        """It was carried out, taken back or has lapsed. ConflictError if it is gone."""
        ...

    def begin(self, begun: Begun, groups: Sequence[tuple[bytes, int]]) -> None:
        """Keep an erasure of groups, each with the index below which all is named.

        Without an intent it is ``replayed``. ConflictError if another one has a group.
        """
        ...

    def erasure_of(self, tag: bytes) -> Running | None:
        """The erasure under way that has this group."""
        ...

    def running(self) -> Sequence[Running]:
        """Erasures that are not done."""
        ...

    def locked(self, erasure: bytes) -> Running:
        """One of them, locked. NotFoundError if it is done or never was."""
        ...

    def groups_of(self, erasure: bytes) -> Sequence[tuple[bytes, int]]:
        """Its groups, and below which index their entries are named in the tree."""
        ...

    def renamed(self, erasure: bytes, intent: bytes, to: int) -> None:
        """A newer ``log.erasure`` names everything below this index too."""
        ...

    def move(
        self, erasure: bytes, before: State, after: State, done: bytes | None = None
    ) -> None:
        """Compare-and-set of the state. ConflictError if it moved."""
        ...

    def is_witnessed(self, entry: bytes, own: str) -> bool:
        """Whether a witness of another name than ``own`` cosigned a head over an entry."""
        ...

    def register(self, erasure: bytes) -> None:
        """Write its keys into the deletion register, synced. StoreError if not taken."""
        ...

    def destroy(self, erasure: bytes) -> int:
        """Remove keys, bodies and foreign entries of its groups; gives the entries."""
        ...

    def erased_by(self, erasure: bytes) -> Sequence[int]:
        """The places of the entries it destroyed."""
        ...

    def outlived(self) -> Sequence[bytes]:
        """Groups whose key is here although the register says it was destroyed."""
        ...

    def erasures(self) -> Sequence[Erasure]:
        """All erasures, the newest first."""
        ...

    def candidates(self, before: datetime, own: str) -> Sequence[Group]:
        """Groups without hold or erasure whose last entry was cosigned before an instant."""
        ...

    def consenting(self, on: date) -> Sequence[bytes]:
        """Tags of the consent chains in which a consent is in force on a day or later."""
        ...

    def signed_times(self, own: str) -> Sequence[SignedTime]:
        """The newest times that foreign witnesses signed over our log."""
        ...


class KeepingUnit(UnitOfWork, Protocol):
    """A unit of work that knows holds and erasures."""

    @property
    def keeping(self) -> Keeping:
        """Holds, orders, erasures."""
        ...
