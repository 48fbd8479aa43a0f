"""What an export needs of the store beyond its transfer, and what an import leaves.

The store implements ``Exports``. Must never happen: a receipt code here, only its keyed
hash; an address or a name outside a sealed column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from node.ids import AccountId, Ags, MemberId, TransferId


@dataclass(frozen=True, slots=True)
class Address:
    """Who shall receive: the body's name, its address as lines, its AGS; told to whom.

    ``told`` names the persons on the phone, the newest last.
    """

    name: str
    lines: tuple[str, ...]
    ags: Ags
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """What is kept beside the transfer of a sealed export.

    ``code`` is the keyed hash of the receipt code; ``failures`` counts wrong ones in a row,
    ``next_try_at`` is when the next one is looked at. ``shown_until`` and ``shown_to`` say
    who may see the passphrase until when. ``asked_by`` is the first of two persons who
    say that it was never opened or that a letter is filed here, ``asked`` which of both.
    """

    transfer: TransferId
    address: Address
    code: bytes | None = None
    failures: int = 0
    next_try_at: datetime | None = None
    shown_until: datetime | None = None
    shown_to: AccountId | None = None
    asked: str | None = None
    asked_by: AccountId | None = None


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A sealed file that was imported here: the tombstone that makes the second one nothing.

    ``manifest`` is the SHA-256 of its manifest's JWS, ``entry`` the commitment of the entry.
    """

    transfer: TransferId
    sender: MemberId
    manifest: bytes
    imported_at: datetime
    imported_by: AccountId | None
    entry: bytes
    durable_at: datetime | None = None


class Exports(Protocol):
    """Sealed exports of ours, and those taken in."""

    def add(self, export: Export) -> None:
        """Insert one. ConflictError if it is there."""
        ...

    def get(self, transfer: TransferId) -> Export:
        """One, locked. NotFoundError if absent."""
        ...

    def replace(self, export: Export) -> None:
        """Write it anew; its transfer's version guards it."""
        ...

    def take_in(self, taken: TakenIn) -> None:
        """Keep the tombstone of an import. ConflictError on a second one."""
        ...

    def taken_in(self, transfer: TransferId) -> TakenIn | None:
        """The tombstone of an import, or None."""
        ...

    def not_durable(self, before: datetime) -> Sequence[TakenIn]:
        """Imports from before an instant of which no ``durable`` was said."""
        ...

    def durable(self, transfer: TransferId, at: datetime) -> None:
        """``durable`` was said for this import."""
        ...
