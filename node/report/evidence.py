"""What the store is asked when evidence is put together.

Enters: indexes and sizes of our log, origins of others. Leaves: signed notes, kept proofs,
the chain of heads we remember of another log. Must never happen: a row of the store beyond
this port. The store implements ``EvidenceView``; use cases reach it as ``uow.evidence``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.exchangelog.tlogproof import TlogProof
from node.ids import TransferId
from node.report.logview import LogViewUnit


@dataclass(frozen=True, slots=True)
class Kept:
    """The other side's entry as it was shown to us, with the note it was proven under."""

    origin: str
    c: bytes
    opening: bytes | None
    proof: TlogProof


@dataclass(frozen=True, slots=True)
class PastHead:
    """A head of another log that we remember, and the proof from the one before."""

    size: int
    root: bytes
    former: int | None
    path: tuple[bytes, ...]


class EvidenceView(Protocol):
    """Queries of one reading unit."""

    def note(self, size: int) -> str | None:
        """Our checkpoint of this size with each witness's first and newest line."""
        ...

    def signed_over(self, index: int) -> int | None:
        """The newest size above an index that somebody else cosigned, else that we signed."""
        ...

    def bracket(self, index: int) -> tuple[int, ...]:
        """The cosigned sizes just below and just above an entry (LR-29)."""
        ...

    def root(self, size: int) -> bytes | None:
        """Our root at a size."""
        ...

    def leaves(self, low: int, high: int) -> Sequence[tuple[int, bytes]]:
        """Index and commitment of our leaves from ``low`` up to, without, ``high``."""
        ...

    def kept(self, transfer: TransferId) -> Sequence[Kept]:
        """What the other side showed us of one transfer, by index."""
        ...

    def chain(self, origin: str, low: int) -> Sequence[PastHead]:
        """The heads of another log that we remember, from a size on."""
        ...


class EvidenceUnit(LogViewUnit, Protocol):
    """A unit of work as evidence is gathered in it."""

    @property
    def evidence(self) -> EvidenceView:
        """What only evidence needs."""
        ...
