"""What a town decides about its node from day to day, and may change on a page.

Enters: what an administrator typed. Leaves: checked values, the statutes in force. Must
never happen: a period outside its bounds; a statute that one person alone put in force.
Everything else about a node stands in its file, ``node.toml``. Implements screens S15,
FR-21, FR-25 and the retention table of the field document, chapter 4. ADR 0058.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Protocol

from node.errors import InputError
from node.ids import AccountId, Hex128

HANDED_OVER_DAYS: Final = (90, 3650)
"""The fewest and the most days that content stays here after a handover (P10)."""

CLOSED_CASE_YEARS: Final = (1, 10)
"""The fewest and the most whole years that a closed case of our own stays."""

RECORD_YEARS: Final = (3, 10)
"""The fewest and the most whole years that consents and records of handovers stay (HO-47)."""

TALLY_YEARS: Final = (5, 15)
"""The fewest and the most years that counted lines stay after the period of funding."""

BOUNDS: Final = {
    "handed_over_days": HANDED_OVER_DAYS,
    "closed_case_years": CLOSED_CASE_YEARS,
    "record_years": RECORD_YEARS,
    "tally_years": TALLY_YEARS,
}
"""The bounds of each number, by its field."""

AGREE_WITHIN: Final = timedelta(days=7)
"""How long a statute may wait for its second person (four eyes, chapter 6)."""

_LONGEST: Final = 120
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


@unique
class Topic(StrEnum):
    """What is changed together, on one page."""

    CONTACT = "contact"
    DELIVERY = "delivery"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class TownSettings:
    """The values in force; without a row of the town these are the defaults.

    ``helper``, ``phone`` and ``mail`` say who helps. ``delivery`` is ``auto`` or
    ``confirm`` (FR-25). ``handed_over_days`` counts from the later of import and durable
    backup, ``closed_case_years`` from the end of the year of the last activity,
    ``record_years`` from that of the last use, ``tally_years`` from the end of the funding.
    ``statutes`` are the codes that two people have put in force.
    """

    helper: str = ""
    phone: str = ""
    mail: str = ""
    delivery: str = "auto"
    handed_over_days: int = HANDED_OVER_DAYS[0]
    closed_case_years: int = 3
    record_years: int = RECORD_YEARS[0]
    tally_years: int = TALLY_YEARS[0]
    statutes: frozenset[str] = frozenset()

    @property
    def help_contact(self) -> str:
        """Who helps, in one line; empty if nobody is named."""
        return ", ".join(part for part in (self.helper, self.phone, self.mail) if part)

    @property
    def handed_over(self) -> timedelta:
        """How long content stays here after a handover."""
        return timedelta(days=self.handed_over_days)


@dataclass(frozen=True, slots=True)
class Kept:
    """One topic as the town keeps it: texts by field; ``version`` 0 is not yet kept."""

    values: Mapping[str, str]
    version: int = 0
    changed_by: AccountId | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statute:
    """A paragraph by which this body may hand over without a consent (FR-21)."""

    id: Hex128
    code: str
    title: str
    asked_by: AccountId
    asked_at: datetime
    agreed_by: AccountId | None = None
    agreed_at: datetime | None = None
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what no offer could name.

        Raises:
            InputError: The code is none, or the title is missing or too long.
        """
        if _CODE.fullmatch(self.code) is None:
            raise InputError("code", "form" if self.code else "missing")
        if not self.title.strip() or len(self.title) > _LONGEST:
            raise InputError("title", "too_long" if self.title.strip() else "missing")

    @property
    def is_in_force(self) -> bool:
        """Whether two people have agreed and nobody has ended it."""
        return self.agreed_at is not None and self.ended_at is None

    def is_waiting(self, at: datetime) -> bool:
        """Whether a second person may still agree."""
        is_open = self.agreed_at is None and self.ended_at is None
        return is_open and at < self.asked_at + AGREE_WITHIN


class Town(Protocol):
    """The town's own settings, inside one unit of work."""

    def topics(self) -> Mapping[Topic, Kept]:
        """Every topic that was ever changed."""
        ...

    def keep(self, topic: Topic, kept: Kept) -> None:
        """Write a topic; ``kept.version`` is the one that was seen.

        Raises:
            ConflictError: Somebody changed it meanwhile.
        """
        ...

    def statutes(self) -> Sequence[Statute]:
        """All of them, also those that ended, newest first."""
        ...

    def statute(self, statute: Hex128) -> Statute:
        """One of them. NotFoundError if absent."""
        ...

    def add_statute(self, statute: Statute) -> None:
        """One that waits. ConflictError if its code waits or is in force already."""
        ...

    def replace_statute(self, before: Statute, after: Statute) -> None:
        """Compare and set. ConflictError if it moved."""
        ...


def in_force(
    defaults: TownSettings,
    topics: Mapping[Topic, Kept],
    statutes: Iterable[Statute],
) -> TownSettings:
    """The defaults, with what the town has decided."""
    texts = {
        name: text for kept in topics.values() for name, text in kept.values.items()
    }
    numbers = {name: int(texts.get(name) or getattr(defaults, name)) for name in BOUNDS}
    return TownSettings(
        helper=texts.get("helper", defaults.helper),
        phone=texts.get("phone", defaults.phone),
        mail=texts.get("mail", defaults.mail),
        delivery=texts.get("delivery", defaults.delivery),
        statutes=frozenset(s.code for s in statutes if s.is_in_force),
        **numbers,
    )


def values_of(settings: TownSettings, topic: Topic) -> dict[str, str]:
    """The fields of a topic as they are shown and typed."""
    match topic:
        case Topic.CONTACT:
            return {
                "helper": settings.helper,
                "phone": settings.phone,
                "mail": settings.mail,
            }
        case Topic.DELIVERY:
            return {"delivery": settings.delivery}
        case Topic.RETENTION:
            return {name: str(getattr(settings, name)) for name in BOUNDS}


def checked(topic: Topic, typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed, as it may be kept.

    Raises:
        InputError: The first field that cannot be taken; names it and why.
    """
    values = {
        name: typed.get(name, "").strip() for name in values_of(TownSettings(), topic)
    }
    for name, text in values.items():
        if len(text) > _LONGEST:
            raise InputError(name, "too_long")
    match topic:
        case Topic.CONTACT:
            if values["mail"] and _MAIL.fullmatch(values["mail"]) is None:
                raise InputError("mail", "form")
        case Topic.DELIVERY:
            if values["delivery"] not in {"auto", "confirm"}:
                raise InputError("delivery", "missing")
        case Topic.RETENTION:
            for name, (fewest, most) in BOUNDS.items():
                text = values[name]
                is_number = text.isascii() and text.isdigit() and len(text) < 6
                if not is_number or not fewest <= int(text) <= most:
                    raise InputError(name, "bounds")
                values[name] = str(int(text))
    return values
