"""Who takes part: each body of the directory as this office knows it.

Enters: the directory in force, how each queue stands. Leaves: one state per body. Must
never happen here: anything of a person; a state that hides a worse one. Implements screens
S12, SC-66.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.accounts.policy import Action, Actor, require
from node.cases.days import local_day
from node.errors import NotFoundError, ReadingOnlyError, UnknownNodeError
from node.exchangelog.standing import Standing
from node.ids import MemberId
from node.report.logview import LogViewUnit
from node.sync.office import Office
from node.sync.transfer import Outbound
from node.trust.directory import Directory
from node.trust.fingerprint import words_of
from node.trust.member import Member
from node.trust.suspension import Suspension

ASK_ABOUT_NEW: Final = timedelta(days=7)
"""How long a key is shown as new; as long as a changed sheet rests (HO-98)."""


@unique
class BodyState(StrEnum):
    """How a body stands, the worst first."""

    STRUCK_OFF = "struck_off"
    QUARANTINE = "quarantine"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    NOT_SET_UP = "not_set_up"
    READMITTED = "readmitted"
    FAILING = "failing"
    TAKES_PART = "takes_part"


@dataclass(frozen=True, slots=True)
class MemberKey:
    """The key a body signs with: its words to compare on the phone, since when we know it.

    ``is_new`` while people should ask about it: another one was known before.
    """

    words: str
    since: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class Body:
    """One body: its record, its state, and when it last answered us.

    ``has_address`` is false where it fetches what is for it from a relay. ``waiting``
    handovers to it are held or have not left yet.
    """

    member: Member
    state: BodyState
    is_own: bool
    has_address: bool = True
    software: str = ""
    last_success_at: datetime | None = None
    failing_since: datetime | None = None
    suspension: Suspension | None = None
    key: MemberKey | None = None
    waiting: int = 0

    @property
    def takes_new(self) -> bool:
        """Whether a new handover may go there, by all that is known here."""
        return self.state in {BodyState.FAILING, BodyState.TAKES_PART}


def bodies(
    uow: LogViewUnit, office: Office, members: Sequence[MemberId]
) -> Sequence[Body]:
    """These bodies in this order; everybody who works here may know them."""
    directory, at = office.directory(), office.clock.now()
    return [_body(uow, office, directory, directory.member(m), at) for m in members]


def one_body(uow: LogViewUnit, office: Office, member: MemberId) -> Body:
    """One body.

    Raises:
        NotFoundError: The directory does not know it.
    """
    try:
        found = bodies(uow, office, [member])[0]
    except UnknownNodeError:
        raise NotFoundError("body") from None
    on_hold = uow.outbound.in_states([Outbound.HELD, Outbound.QUEUED])
    waiting = sum(uow.outbound.get(t).recipient == member for t in on_hold)
    return replace(found, key=_key(office, found.member), waiting=waiting)


def _key(office: Office, member: Member) -> MemberKey | None:
    directory, at = office.directory(), office.clock.now()
    voice = directory.voice(member.id, at)
    if voice is None:
        return None
    listed, since = voice
    first = directory.holdings.records[member.id][0].first_seen_at
    is_new = since > first and at < since + ASK_ABOUT_NEW
    return MemberKey(words_of(listed.key.raw), since, is_new)


def may_call(uow: LogViewUnit, by: Actor) -> None:
    """Whether a body may be called by hand now.

    Raises:
        ForbiddenError: Not an administrator.
        ReadingOnlyError: The node may not speak before others have had the first word.
    """
    require(by, Action.STATUS_READ)
    if uow.stands.read().standing is not Standing.SPEAKING:
        raise ReadingOnlyError("first word")


def answers_for(member: Member, on: date) -> Sequence[tuple[str, date]]:
    """The places it answers for on a day, each with since when."""
    return [(str(s.ags), s.since) for s in member.serves if s.covers(on)]


def _body(
    uow: LogViewUnit, office: Office, directory: Directory, member: Member, at: datetime
) -> Body:
    due = uow.outbox.due(member.id)
    is_own = member.id == office.member
    try:
        sheet = directory.sheet(member.id)
    except UnknownNodeError:
        sheet = None
    suspension = uow.suspensions.standing(member.id)
    state = BodyState.TAKES_PART
    if directory.is_retired(member.id):
        state = BodyState.STRUCK_OFF
    elif uow.chains.quarantined(member.id):
        state = BodyState.QUARANTINE
    elif suspension is not None:
        state = BodyState.SUSPENDED
    elif not member.is_open(local_day(at)):
        state = BodyState.CLOSED
    elif sheet is None:
        state = BodyState.NOT_SET_UP
    elif directory.readmitted(member.id, at):
        state = BodyState.READMITTED
    elif due.failing_since is not None and not is_own:
        state = BodyState.FAILING
    return Body(
        member=member,
        state=state,
        is_own=is_own,
        has_address=sheet is None or not sheet.is_pull_only,
        software=max(sheet.schema, default="") if sheet else "",
        last_success_at=due.last_success_at,
        failing_since=due.failing_since,
        suspension=suspension,
    )
