"""Who hears of what by mail, and whether they want to.

Enters: what waits for whom, the clock. Leaves: rows of the outbox. Must never happen: a
mail for somebody who does not want it or no longer works here; a second one of a kind on
one day. Implements screens chapter 2 (mails), FR-31, SC-53.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from node.accounts.model import Account, Role
from node.accounts.notices import (
    DAILY_HOUR,
    DUE_WITHIN,
    Notice,
    NoticeKind,
    Notices,
)
from node.accounts.policy import OPERATOR
from node.cases.days import local_day
from node.casework import health
from node.casework.health import Check, Level
from node.casework.inbox import questions
from node.errors import InputError
from node.ids import AccountId
from node.report.backups import BERLIN
from node.report.logview import LogViewUnit
from node.report.readings import ReadingUnit
from node.sync.limits import NOTICE_DAYS
from node.sync.office import Office
from node.sync.transfer import Inbound, InboundTransfer, Outbound

_SATURDAY: Final = 5
_MAIL: Final = re.compile(r"[^\s@<>,;\"]{1,64}@[A-Za-z0-9.-]{1,180}\.[A-Za-z]{2,24}")
# Mails cannot tell of mails that do not go; without a database nothing is told at all.
_NOT_TOLD: Final = frozenset({Check.MAIL, Check.DATABASE})


class NoticesUnit(ReadingUnit, LogViewUnit, Protocol):
    """A unit of work that knows what waits for whom, and the outbox."""

    @property
    def notices(self) -> Notices:
        """The outbox of mails."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Where mails go to, and whether they are wanted."""

    email: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that is to be sent now, and to whom."""

    notice: Notice
    email: str
    language: str


def own_choice(uow: NoticesUnit, account: AccountId) -> Choice:
    """What the own account has chosen."""
    return Choice(uow.accounts.get(account).email, uow.notices.wanted(account))


def choose(uow: NoticesUnit, account: AccountId, choice: Choice) -> None:
    """Change the own address and whether mails are wanted.

    Raises:
        InputError: It is no address, or mails are wanted without one.
    """
    email = choice.email.strip()
    if email and _MAIL.fullmatch(email) is None:
        raise InputError("email", "form")
    if choice.wanted and not email:
        raise InputError("email", "missing")
    with uow:
        uow.accounts.replace(replace(uow.accounts.get(account), email=email))
        uow.notices.choose(account, wanted=choice.wanted)
        uow.commit()


def plan(uow: NoticesUnit, office: Office) -> int:
    """Put into the outbox what is to be told now; gives how many mails.

    Worklist and offers once a day from seven o'clock on; deadlines within 24 hours and
    alarms at once.
    """
    at = office.clock.now()
    today = local_day(at)
    made = 0
    with uow:
        for account in uow.accounts.all():
            if not _is_reached(uow, account, today):
                continue
            for kind in _kinds(uow, office, account, at):
                notice = Notice(account.id, kind, today, at, at)
                made += uow.notices.add(notice)
        uow.commit()
    return made


def next_letter(uow: NoticesUnit, at: datetime) -> Letter | None:
    """The next mail that is due, claimed for whoever asks; None if there is none.

    Who left, or wants no mails any more, gets none: then it counts as sent.
    """
    with uow:
        found = None
        while found is None and (notice := uow.notices.claim(at)) is not None:
            account = uow.accounts.get(notice.account)
            if _is_reached(uow, account, local_day(at)):
                found = Letter(notice, account.email, account.language)
            else:
                uow.notices.sent(notice, at)
        uow.commit()
    return found


def went(uow: NoticesUnit, notice: Notice, at: datetime, *, sent: bool) -> None:
    """A mail went, or certainly did not."""
    with uow:
        if sent:
            uow.notices.sent(notice, at)
        else:
            uow.notices.failed(notice, at)
        uow.commit()


def _is_reached(uow: NoticesUnit, account: Account, on: date) -> bool:
    has_address = bool(account.email) and account.is_active(on)
    return has_address and uow.notices.wanted(account.id)


def _kinds(
    uow: NoticesUnit, office: Office, account: Account, at: datetime
) -> Iterator[str]:
    local = at.astimezone(BERLIN)
    daily = local.hour >= DAILY_HOUR and local.weekday() < _SATURDAY
    if Role.CASEWORKER in account.roles and daily and _has_work(uow, account.id, at):
        yield NoticeKind.WORKLIST
    if Role.APPROVER in account.roles:
        offers = [uow.inbound.get(t) for t in uow.inbound.in_states((Inbound.WAITING,))]
        last = uow.notices.last(account.id, NoticeKind.OFFERS)
        if daily and any(_is_news(offer, last, at) for offer in offers):
            yield NoticeKind.OFFERS
        soon = at + DUE_WITHIN
        asked = questions(uow, local_day(at))
        if any(offer.expires_at <= soon for offer in offers) or any(
            one.due is not None and one.due <= local_day(soon) for one in asked
        ):
            yield NoticeKind.DECISION
    if Role.ADMINISTRATOR in account.roles:
        yield from _alarms(uow, office)


def _has_work(uow: NoticesUnit, account: AccountId, at: datetime) -> bool:
    """Something is due today or overdue, or a handover needs this caseworker."""
    if uow.readings.follow_ups([account], local_day(at)):
        return True
    transfers = uow.readings.transfers([account])
    return any(row.transfer.state is Outbound.HELD for row in transfers)


def _is_news(offer: InboundTransfer, last: datetime | None, at: datetime) -> bool:
    """Whether it came, or one of its days came, since the last mail."""
    moments = (offer.offered_at + timedelta(days=day) for day in (0, *NOTICE_DAYS))
    return any(moment <= at and (last is None or last < moment) for moment in moments)


def _alarms(uow: NoticesUnit, office: Office) -> Iterator[str]:
    """Each fault once a day; an old directory is told before it is one (12.2)."""
    for finding in health.look(uow, office, OPERATOR):
        is_told = finding.level is Level.FAULT or (
            finding.check is Check.DIRECTORY and finding.level is Level.WARNING
        )
        if is_told and finding.check not in _NOT_TOLD:
            yield f"{NoticeKind.ALARM}.{finding.check}"
