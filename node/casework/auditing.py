"""Looking at the exchange log: who may, and the line that each check leaves behind.

Enters: who looks, at which transfer. Leaves: dossiers and verdicts, and ``audit.viewed`` in
the log itself. Must never happen: entries shown to somebody without the right; a check of a
transfer that leaves no trace. Implements flow G and exchange-log 8.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor, require
from node.crypto.checkpoint import ED25519, Checkpoint, NoteKey
from node.exchangelog.finding import Report
from node.exchangelog.kinds import ActorRole
from node.ids import TransferId
from node.report.eight import Judged, Ours, judge
from node.report.logview import Dossier, LogLine, LogViewUnit, Overview
from node.report.witnesses import witness_keys
from node.sync.office import Office

_ROLES: Final = (
    (Role.AUDITOR, ActorRole.AUDITOR),
    (Role.APPROVER, ActorRole.APPROVER),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """One transfer with its eight answers, and the check of the whole log behind them."""

    dossier: Dossier
    judged: Judged
    report: Report


def overview(uow: LogViewUnit, by: Actor) -> Overview:
    """How the log stands."""
    require(by, "log.read")
    return uow.log_view.overview()


def lines(uow: LogViewUnit, start: int, by: Actor) -> Sequence[LogLine]:
    """All entries from an index on."""
    require(by, "log.read")
    return uow.log_view.lines(start)


def dossier(
    uow: LogViewUnit, office: Office, transfer: TransferId, by: Actor
) -> Dossier:
    """One transfer, every proof tried.

    Raises:
        NotFoundError: Our log holds nothing of it.
    """
    require(by, "log.read")
    return uow.log_view.dossier(transfer, own_log_key(office))


def check_log(
    uow: LogViewUnit, office: Office, mark: Checkpoint | None, by: Actor
) -> Report:
    """The whole log against the signer's mark and the keys of all witnesses."""
    require(by, "log.verify")
    return uow.log_view.check(
        own_log_key(office),
        witnesses=witness_keys(office.directory(), office.log_origin),
        mark=mark,
    )


def check_transfer(
    uow: LogViewUnit,
    office: Office,
    transfer: TransferId,
    mark: Checkpoint | None,
    by: Actor,
) -> Checked:
    """The whole log, and the eight answers about one transfer, in one state of it."""
    found = dossier(uow, office, transfer, by)
    report = check_log(uow, office, mark, by)
    ours = Ours(office.member, office.witness_name)
    return Checked(found, judge(found, report, office.directory(), ours=ours), report)


def role_of(roles: AbstractSet[Role]) -> ActorRole:
    """In which role somebody reads the log; who lost it since did so as the program."""
    return next((logged for role, logged in _ROLES if role in roles), ActorRole.SYSTEM)


def own_log_key(office: Office) -> NoteKey:
    """The key of our own log, from the keyring."""
    return NoteKey(office.log_origin, office.keyring.log.public, ED25519)
