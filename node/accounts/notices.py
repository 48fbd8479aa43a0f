"""Mails to people who work here: which kinds there are, when one is tried, when given up.

Enters: instants, how often it failed. Leaves: rows of an outbox, the next try. Must never
happen here: a word about a person or a handover; more than one mail a day and kind.
Implements screens chapter 2 (mails), FR-31, SC-53.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Protocol

from node.ids import AccountId

DAILY_HOUR: Final = 7
"""From this hour of the day on, local time, the mails of the day go out."""

DUE_WITHIN: Final = timedelta(hours=24)
CLAIM: Final = timedelta(minutes=10)
"""How long a mail that is being sent belongs to whoever sends it."""

MOST_CLAIMS: Final = 2
"""A crash while sending leaves open whether it went; it is sent once more, then never."""

FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=2)
GIVEN_UP_AFTER: Final = timedelta(hours=20)
"""Then the mail of the next day says it again."""

SHOWN_FOR: Final = timedelta(days=2)
KEPT_FOR: Final = timedelta(days=90)


@unique
class NoticeKind(StrEnum):
    """What a mail says; an alarm is one kind for each check."""

    WORKLIST = "worklist"
    OFFERS = "offers"
    DECISION = "decision"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail; ``kind`` is a ``NoticeKind``, for alarms with the check behind a dot."""

    account: AccountId
    kind: str
    day: date
    made_at: datetime
    next_try_at: datetime | None
    claims: int = 0
    failures: int = 0
    sent_at: datetime | None = None

    @property
    def says(self) -> NoticeKind:
        """What it says."""
        return NoticeKind(self.kind.partition(".")[0])

    def next_after_failure(self, at: datetime) -> datetime | None:
        """When it is tried again; None once the day is over."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.failures, 10))
        again = at + pause
        return again if again < self.made_at + GIVEN_UP_AFTER else None


class Notices(Protocol):
    """The outbox of mails, inside one unit of work."""

    def add(self, notice: Notice) -> bool:
        """Keep one; False if this account has one of the kind and day already."""
        ...

    def last(self, account: AccountId, kind: str) -> datetime | None:
        """When the newest mail of a kind was made for an account."""
        ...

    def claim(self, at: datetime) -> Notice | None:
        """The oldest one that is due, with one more claim on it."""
        ...

    def sent(self, notice: Notice, at: datetime) -> None:
        """It went; it is never tried again."""
        ...

    def failed(self, notice: Notice, at: datetime) -> None:
        """It certainly did not go."""
        ...

    def failing(self, since: datetime) -> Sequence[Notice]:
        """Those made since an instant that failed and did not go, oldest first."""
        ...

    def wanted(self, account: AccountId) -> bool:
        """Whether the account wants mails; True if it never said."""
        ...

    def choose(self, account: AccountId, *, wanted: bool) -> None:
        """The account has said whether it wants mails."""
        ...
