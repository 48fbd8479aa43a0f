"""How the node stands, in findings that a mayor can read: each with what to do.

Enters: the store, the directory, the clock. Leaves: findings, the faults first. Must never
happen: a check that fails as a whole because one part cannot be asked: that is a finding of
its own. Implements S16 and a part of flow I; the rest of flow I needs the operator's hands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.accounts.notices import SHOWN_FOR
from node.accounts.policy import Actor, require
from node.errors import NodeError, UnknownNodeError
from node.exchangelog.alarms import Alarm, Facts, find_alarms
from node.exchangelog.standing import Standing
from node.ids import MemberId
from node.report.alarmfacts import facts_of
from node.report.backups import is_overdue, last_verified
from node.report.logview import LogViewUnit
from node.sync import quorum
from node.sync.office import Office
from node.sync.rows import Due
from node.trust.directory import Directory, Freshness
from node.trust.standing import has_foreign_sheet

UNASKED_AFTER: Final = timedelta(minutes=1)
WAITING_AFTER: Final = timedelta(hours=4)
KEY_ENDS_WITHIN: Final = timedelta(days=7)


@unique
class Check(StrEnum):
    """What is looked at; the page and other programs know each by this name."""

    DATABASE = "database"
    BACKUP = "backup"
    LOG_SIGNED = "log_signed"
    LOG_WITNESSED = "log_witnessed"
    DIRECTORY = "directory"
    OWN_KEY = "own_key"
    PEER = "peer"
    BEHIND = "behind"
    READMITTED = "readmitted"
    FOREIGN_SHEET = "foreign_sheet"
    QUARANTINE = "quarantine"
    STANDING = "standing"
    FIRST_WORD = "first_word"
    QUORUM = "quorum"
    WITNESS_SILENT = "witness_silent"
    CONFLICT = "conflict"
    CLOCK = "clock"
    RECEIPT = "receipt"
    ERASURE = "erasure"
    HOLD = "hold"
    MAIL = "mail"


_CHECKS: Final = {
    Alarm.PACKET_WAITING: Check.QUORUM,
    Alarm.WITNESS_SILENT: Check.WITNESS_SILENT,
    Alarm.CONFLICT: Check.CONFLICT,
    Alarm.CLOCK_OFF: Check.CLOCK,
    Alarm.RECEIPT_MISSING: Check.RECEIPT,
    Alarm.ERASURE_OVERDUE: Check.ERASURE,
    Alarm.HOLD_UNREVIEWED: Check.HOLD,
}


@unique
class Level(StrEnum):
    """How much it matters."""

    FAULT = "fault"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: how it stands, since when, about whom, and a number for its sentence."""

    check: Check
    level: Level
    since: datetime | None = None
    peer: MemberId | None = None
    count: int = 0


def look(uow: LogViewUnit, office: Office, by: Actor) -> Sequence[Finding]:
    """Every check in one reading unit; faults first, then warnings."""
    require(by, "status.read")
    at = office.clock.now()
    found = [Finding(Check.DATABASE, Level.OK)]
    found += _standing(uow, at)
    found.append(_backup(uow, at))
    found += _mails(uow, at)
    found += _log(facts_of(uow, own=office.witness_name, named=_named(office)), at)
    found += _directory(office, at)
    found += _peers(uow, office, at)
    order = list(Level)
    return sorted(found, key=lambda item: order.index(item.level))


def _standing(uow: LogViewUnit, at: datetime) -> list[Finding]:
    """Whether the node may speak (exchange-log 5.4); waiting is short where peers are up."""
    stand = uow.stands.read()
    if stand.standing is Standing.QUARANTINE:
        return [Finding(Check.STANDING, Level.FAULT, since=stand.since)]
    if stand.standing is Standing.WAITING and at - stand.since > UNASKED_AFTER:
        return [Finding(Check.FIRST_WORD, Level.WARNING, since=stand.since)]
    return []


def log_alarms(uow: LogViewUnit, office: Office, by: Actor) -> Sequence[Alarm]:
    """What is wrong with the log and its witnesses, for who reads the log."""
    require(by, "log.read")
    facts = facts_of(uow, own=office.witness_name, named=_named(office))
    return [item.alarm for item in find_alarms(facts, office.clock.now())]


def _backup(uow: LogViewUnit, at: datetime) -> Finding:
    """Only a verified one counts, and only for 26 hours (SR-R2)."""
    taken_at = last_verified(uow.backups.rows())
    level = Level.FAULT if is_overdue(taken_at, at) else Level.OK
    return Finding(Check.BACKUP, level, since=taken_at)


def _mails(uow: LogViewUnit, at: datetime) -> list[Finding]:
    """Mails that did not go in the last two days and are not gone since."""
    failing = uow.notices.failing(at - SHOWN_FOR)
    if not failing:
        return []
    since, count = failing[0].made_at, len(failing)
    return [Finding(Check.MAIL, Level.WARNING, since=since, count=count)]


def _log(facts: Facts, at: datetime) -> list[Finding]:
    """The same alarms that ``staffelstab log watch`` raises, as findings of the page."""
    raised = {item.alarm: item for item in find_alarms(facts, at)}
    met = [w.last_at for w in facts.witnesses if w.last_at is not None]
    found = [
        Finding(Check.LOG_SIGNED, Level.OK, since=facts.signed_at, count=facts.size),
        Finding(
            Check.LOG_WITNESSED,
            Level.OK,
            since=max(met, default=None),
            count=len(facts.witnesses),
        ),
    ]
    shown = {Alarm.UNSIGNED: 0, Alarm.NOT_WITNESSED: 1}
    for alarm, place in shown.items():
        if alarm in raised:
            level = Level.FAULT if alarm.is_fault else Level.WARNING
            found[place] = replace(found[place], level=level)
    for alarm, check in _CHECKS.items():
        if alarm in raised:
            item = raised[alarm]
            level = Level.FAULT if alarm.is_fault else Level.WARNING
            found.append(Finding(check, level, since=item.since, count=item.count))
    return found


def _named(office: Office) -> list[str]:
    """The witnesses of our policy, as far as there is a directory."""
    try:
        policy = quorum.policy_of(office, office.member)
    except UnknownNodeError:
        return []
    return [key.name for key in policy.keys] if policy else []


def _directory(office: Office, at: datetime) -> list[Finding]:
    try:
        directory = office.directory()
    except UnknownNodeError:
        return [Finding(Check.DIRECTORY, Level.FAULT)]
    levels = {
        Freshness.FRESH: Level.OK,
        Freshness.WARN: Level.WARNING,
        Freshness.EXPIRED: Level.FAULT,
    }
    found = [
        Finding(
            Check.DIRECTORY,
            levels[directory.stale(at)],
            since=directory.head.signed_at,
            count=len(directory.members()),
        )
    ]
    found += _news(office, directory, at)
    try:
        directory.sealing_key(office.member, at)
    except NodeError:
        return [*found, Finding(Check.OWN_KEY, Level.FAULT)]
    # A successor is made and listed by itself; only where that fails the end comes near.
    last = max(entry.seal_until for entry in directory.sheet(office.member).kem)
    soon = last - at < KEY_ENDS_WITHIN
    level = Level.WARNING if soon else Level.OK
    return [*found, Finding(Check.OWN_KEY, level, since=last)]


def _news(office: Office, directory: Directory, at: datetime) -> list[Finding]:
    """Alarms of the directory: kept behind, a sheet that is not ours, who came back."""
    found = []
    ahead = office.behind()
    if ahead is not None:
        found.append(Finding(Check.BEHIND, Level.FAULT, peer=ahead))
    if has_foreign_sheet(directory, office.keyring, at):
        found.append(Finding(Check.FOREIGN_SHEET, Level.FAULT))
    found += [
        Finding(Check.READMITTED, Level.WARNING, peer=member.id)
        for member in directory.members()
        if member.id != office.member and directory.readmitted(member.id, at)
    ]
    return found


def _peers(uow: LogViewUnit, office: Office, at: datetime) -> list[Finding]:
    found = []
    waiting = set(uow.outbox.waiting_peers())
    try:
        members = office.directory().members()
    except UnknownNodeError:
        members = ()
    for member in members:
        if member.id == office.member:
            continue
        if uow.chains.quarantined(member.id):
            found.append(Finding(Check.QUARANTINE, Level.FAULT, peer=member.id))
        due = uow.outbox.due(member.id)
        found.append(_peer(due, at, is_waiting=member.id in waiting))
    return found


def _peer(due: Due, at: datetime, *, is_waiting: bool) -> Finding:
    since = due.failing_since
    if since is None:
        return Finding(Check.PEER, Level.OK, since=due.last_success_at, peer=due.peer)
    late = is_waiting and at - since > WAITING_AFTER
    level = Level.FAULT if late else Level.WARNING
    return Finding(Check.PEER, level, since=since, peer=due.peer, count=due.failures)
