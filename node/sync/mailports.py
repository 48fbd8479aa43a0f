"""What relay and mailbox need of the store, and the values they speak in.

``Shelf`` is what a relay keeps for others, ``Mail`` what of ours lies at relays. Must never
happen: an item that names its sender (HO-91).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from node.ids import MemberId, MessageId
from node.sync.rows import StoredFile

LETTER = "s"
"""Kind of an item: a sealed list of statements."""
CONTAINER = "p"
"""Kind of an item: a container as it is."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a mailbox: for whom, what, how much, since and until when; ``n`` its place.

    ``digest`` is SHA-256 of its bytes, ``file`` where they lie.
    """

    queue: MemberId
    n: int
    id: MessageId
    kind: str
    digest: bytes
    size: int
    file: bytes
    arrived_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Parcel:
    """An item on its way in, part by part; ``tag`` is a keyed hash of who sends it."""

    id: MessageId
    queue: MemberId
    tag: bytes
    kind: str
    digest: bytes
    size: int
    received: int
    parts: tuple[StoredFile, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """Items and bytes that count against a quota."""

    items: int
    bytes: int


class Shelf(Protocol):
    """What a relay keeps."""

    def find(self, queue: MemberId, digest: bytes) -> Item | None:
        """The item with these bytes, so that nothing lies there twice."""
        ...

    def get(self, queue: MemberId, item: MessageId, now: datetime) -> Item | None:
        """One item of this queue that has not ended."""
        ...

    def page(
        self, queue: MemberId, after: int, now: datetime, limit: int
    ) -> Sequence[Item]:
        """What arrived after a place, in order of arrival."""
        ...

    def add(self, item: Item) -> None:
        """Put an item at the end of its queue; its ``n`` is given here."""
        ...

    def remove(self, item: Item) -> None:
        """Take an item out, and let the quotas of its queue follow."""
        ...

    def used(self, queue: MemberId, tag: bytes) -> Used:
        """What counts against one sender's quota in one queue."""
        ...

    def charge(self, queue: MemberId, tag: bytes, size: int) -> None:
        """Count one item more."""
        ...

    def uploads(self, tag: bytes) -> int:
        """How many uploads of one sender run."""
        ...

    def start(self, parcel: Parcel, at: datetime) -> None:
        """Begin an upload. ConflictError if it runs."""
        ...

    def parcel(self, upload: MessageId) -> Parcel | None:
        """An upload under way, locked."""
        ...

    def parcel_of(self, queue: MemberId, tag: bytes, digest: bytes) -> Parcel | None:
        """The same by what it will be."""
        ...

    def add_part(
        self, before: Parcel, part: StoredFile, length: int, at: datetime
    ) -> None:
        """Append a synced part. ConflictError if it moved."""
        ...

    def drop(self, upload: MessageId) -> None:
        """Forget an upload."""
        ...

    def ended(self, now: datetime) -> Sequence[Item]:
        """Items whose time is over."""
        ...

    def stale(self, before: datetime) -> Sequence[Parcel]:
        """Uploads that have not moved since."""
        ...

    def named_files(self) -> set[bytes]:
        """All files that a row names."""
        ...


@dataclass(frozen=True, slots=True)
class Owed:
    """What we owe a peer for its letters: results by jti; ``version`` moves with each."""

    results: Mapping[MessageId, str]
    version: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Where something was left last, and how often it is another one's turn since.

    ``failing_since`` is when the first attempt failed since something was left.
    """

    last: str
    steps: int
    failing_since: datetime | None = None

    def among(self, relays: Sequence[str]) -> str:
        """The relay whose turn it is."""
        start = relays.index(self.last) if self.last in relays else 0
        return relays[(start + self.steps) % len(relays)]


class Mail(Protocol):
    """What of ours lies at relays, and what we owe for letters."""

    def note(
        self, peer: MemberId, keys: Iterable[str], relay: str, at: datetime
    ) -> None:
        """These lie at a relay now; each time it is longer until they go again."""
        ...

    def lies(self, peer: MemberId, key: str, now: datetime) -> bool:
        """Whether one lies there and is not due again."""
        ...

    def turn(self, peer: MemberId, now: datetime) -> Turn:
        """Which relay took something last, and whether that brought nothing in time."""
        ...

    def missed(self, peer: MemberId, at: datetime) -> None:
        """The relay whose turn it was took nothing; the first time counts."""
        ...

    def reached(self, peer: MemberId, relay: str, at: datetime) -> None:
        """This relay took something: it is the one that works."""
        ...

    def heard(self, peer: MemberId) -> None:
        """The peer has said something: it reads its mailbox."""
        ...

    def hasten(self, peer: MemberId, at: datetime) -> None:
        """Something is missing there: all that lies there is due again at this instant."""
        ...

    def owe(self, peer: MemberId, results: Mapping[MessageId, str]) -> None:
        """Add to what we owe."""
        ...

    def owed(self, peer: MemberId) -> Owed | None:
        """What we owe, None if nothing."""
        ...

    def paid(self, peer: MemberId, version: int) -> None:
        """It was said, unless more came meanwhile."""
        ...
