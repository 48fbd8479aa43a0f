"""When a closed case of our own is erased: its last activity, and the day that follows.

Enters: an open case, its consents, the years that the town has set. Leaves: since when the
case is closed and from which day it is offered to the archive and erased. Must never
happen: a case that is worked with, or kept for a legal procedure, called due. Person-scoped:
the latest activity keeps or releases everything of a person. Implements the retention table
of the field document, chapter 4; I8. Content that was handed over: ``sync.sourceend``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.cases.consent import Consent
from node.cases.days import local_day
from node.cases.model import Baton, CaseContent, Record

CLOSED: Final = "closed"
"""The code of ``care_status`` that closes a case."""

NO_ACTIVITY: Final = frozenset({"erasure_wish", "hold", "restriction"})
"""Kinds of records about the rights themselves: writing one is no work with the case."""

_DATED: Final = {
    "contact": ("date",),
    "care_status": ("valid_from", "closed_on"),
    "review": ("reviewed_on",),
}


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a closed case stays: closed since, last activity, first day without it."""

    closed_on: date
    last_activity: date
    due: date


def keeping_of(
    content: CaseContent, consents: Iterable[Consent], *, years: int
) -> Keeping | None:
    """How long a case stays; None unless it is ours and its newest status closes it.

    Args:
        content: The case, opened.
        consents: All of the person, also those that ended.
        years: From the end of the year of the last activity.
    """
    status = _newest_status(content)
    if status is None or not is_closed(content):
        return None
    said = _day(status.text("closed_on")) or _day(status.text("valid_from"))
    last = last_activity(content, consents)
    return Keeping(
        closed_on=said or local_day(status.recorded_at),
        last_activity=last,
        due=closed_case_due(last, years),
    )


def last_activity(content: CaseContent, consents: Iterable[Consent]) -> date:
    """The last day on which something was written or done in a case."""
    return max(_days(content, consents))


def is_closed(content: CaseContent) -> bool:
    """Whether a case is in our hands and its newest status closes it."""
    status = _newest_status(content)
    return (
        content.file.baton is Baton.ACTIVE
        and status is not None
        and status.text("care_status") == CLOSED
    )


def closed_case_due(last_activity: date, years: int) -> date:
    """The first day on which a closed case without transfer is offered and erased.

    So many years after the end of the year of the last activity. A day beyond the
    calendar is its last one: it never comes.
    """
    year = last_activity.year + years + 1
    return date(year, 1, 1) if year <= date.max.year else date.max


def is_on_hold(persons: Iterable[Record], on: date) -> bool:
    """Whether a legal hold of the person stands; its last day counts."""
    return any(on.isoformat() <= person.text("legal_hold") for person in persons)


def _newest_status(content: CaseContent) -> Record | None:
    standing = [r for r in content.of("care_status") if not r.text("voided_on")]
    return max(
        standing, key=lambda r: (r.text("valid_from"), r.recorded_at), default=None
    )


def _days(content: CaseContent, consents: Iterable[Consent]) -> Iterable[date]:
    """When something was written, and when it happened, which may be known later."""
    yield content.file.opened_on
    for record in content.records:
        if record.kind in NO_ACTIVITY:
            continue
        yield local_day(record.recorded_at)
        for name in _DATED.get(record.kind, ()):
            if (day := _day(record.text(name))) is not None:
                yield day
    for consent in consents:
        yield local_day(consent.recorded_at)
        if consent.withdrawn_at is not None:
            yield local_day(consent.withdrawn_at)


def _day(text: str) -> date | None:
    """A day; what a peer sent may be a month or no date at all."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
