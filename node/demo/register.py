"""What a town of the demo consists of.

Enters: parts made elsewhere in this package. Leaves: frozen values that the demo writes to
a node's store. Must never happen: a value here that a store could not hold. Implements the
field document, chapter 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from node.accounts.model import Account
from node.cases.consent import Consent
from node.cases.model import CaseFile, Record
from node.demo.records import Place
from node.ids import RecordId


@dataclass(frozen=True, slots=True)
class DemoCase:
    """One case of the demo.

    ``files`` are the contents of its documents, by the document's record; the record
    lacks ``digest`` until the store has sealed the file.
    """

    file: CaseFile
    records: tuple[Record, ...]
    consents: tuple[Consent, ...] = ()
    files: Mapping[RecordId, bytes] = field(default_factory=dict)
    birth_year: int | None = None


@dataclass(frozen=True, slots=True)
class DemoTown:
    """One town: who works there, and every case that was ever there."""

    place: Place
    accounts: tuple[Account, ...]
    cases: tuple[DemoCase, ...]


@dataclass(frozen=True, slots=True)
class Handover:
    """One handover that is over.

    ``before`` are the cases as they stood at the sender, active; whoever stages the
    handover for real begins with them. ``after`` is what the sender keeps, ``arrived``
    what the recipient got, before it added anything of its own.
    """

    day: date
    before: tuple[DemoCase, ...]
    after: tuple[DemoCase, ...]
    arrived: tuple[DemoCase, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """Both towns, the handovers from Wehr between them, the Monday of their numbers."""

    wehr: DemoTown
    saeckingen: DemoTown
    handovers: tuple[Handover, ...]
    monday: date
