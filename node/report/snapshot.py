"""A report frozen as it was, and what has become of it since.

Enters: a table, who freezes it, when. Leaves: a ``Snapshot``; the settings of reports and
the funder's template as values. Must never happen: a snapshot that changes, or that
somebody could not compare by its digest. Implements the field document, chapter 5
(snapshot); DO-38.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from node.ids import AccountId, Hex128


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table as it was known at an instant; ``content`` are the bytes of ``digest``."""

    id: Hex128
    definition: str
    definition_digest: bytes
    first: date
    last: date
    caseworker: AccountId | None
    known_at: datetime
    software: str
    content: bytes
    digest: bytes
    made_by: AccountId


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """The funding period, and how long a contact counts for care."""

    first: date
    last: date
    window_months: int = 12


@dataclass(frozen=True, slots=True)
class Template:
    """The funder's own pattern and which number goes where; ``version`` guards changes."""

    digest: bytes
    name: str
    content: bytes
    cells: Mapping[str, object]
    uploaded_by: AccountId
    uploaded_at: datetime
    version: int = 1


class Reports(Protocol):
    """What is kept of reports."""

    def settings(self) -> ReportSettings | None:
        """The settings, None as long as nobody made any."""
        ...

    def set_settings(
        self, settings: ReportSettings, *, by: AccountId, at: datetime
    ) -> None:
        """Write them anew."""
        ...

    def add(self, snapshot: Snapshot) -> None:
        """Keep a snapshot. ConflictError if it is there."""
        ...

    def get(self, snapshot: Hex128) -> Snapshot:
        """One snapshot. NotFoundError if absent."""
        ...

    def of(self, definition: str) -> Sequence[Snapshot]:
        """The snapshots of a report, newest first."""
        ...

    def template(self) -> Template | None:
        """The template in use: the one uploaded last."""
        ...

    def put_template(self, template: Template) -> None:
        """Take a new template, or write where numbers go. ConflictError if it moved."""
        ...
