"""Who takes part: each body of the directory as this office knows it.

Enters: the directory in force, how each queue stands. Leaves: one state per body. Must
never happen here: anything of a person; a state that hides a worse one. Implements screens
S12, SC-66.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique

from node.accounts.policy import Action, Actor, require
from node.cases.days import local_day
from node.errors import NotFoundError, ReadingOnlyError, UnknownNodeError
from node.exchangelog.standing import Standing
from node.ids import MemberId
from node.report.logview import LogViewUnit
from node.sync.office import Office
from node.trust.directory import Directory
from node.trust.member import Member


@unique
class BodyState(StrEnum):
    """How a body stands, the worst first."""

    STRUCK_OFF = "struck_off"
    QUARANTINE = "quarantine"
    CLOSED = "closed"
    NOT_SET_UP = "not_set_up"
    READMITTED = "readmitted"
    FAILING = "failing"
    TAKES_PART = "takes_part"


@dataclass(frozen=True, slots=True)
class Body:
    """One body: its record, its state, and when it last answered us.

    ``has_address`` is false where it fetches what is for it from a relay.
    """

    member: Member
    state: BodyState
    is_own: bool
    has_address: bool = True
    software: str = ""
    last_success_at: datetime | None = None
    failing_since: datetime | None = None

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
        return bodies(uow, office, [member])[0]
    except UnknownNodeError:
        raise NotFoundError("body") from None


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
    state = BodyState.TAKES_PART
    if directory.is_retired(member.id):
        state = BodyState.STRUCK_OFF
    elif uow.chains.quarantined(member.id):
        state = BodyState.QUARANTINE
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
    )
