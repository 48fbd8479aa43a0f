"""When content is erased: the periods, and the days that follow from them.

Enters: instants and days of what happened last. Leaves: the day from which something may
be erased. Must never happen: content of a case is due before the recipient's verified
backup holds it (I8, P10). Person-scoped: the latest activity keeps or releases everything
of a person. Implements the retention table of the field document, chapter 4; DO-33. All
periods are settings; these are the defaults.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from node.cases.days import day_end, local_day


@dataclass(frozen=True, slots=True)
class Periods:
    """How long what is kept.

    ``after_handover`` counts from the later of import and durable backup. The years count
    from the end of the year of the last activity or use.
    """

    after_handover: timedelta = timedelta(days=90)
    closed_case_years: int = 3
    consent_years: int = 3
    tally_years: int = 5
    access_log_years: int = 2
    drafts: timedelta = timedelta(days=30)


def handed_over_due(
    imported_at: datetime, durable_at: datetime | None, periods: Periods
) -> datetime | None:
    """From when the sender may erase a case it handed over; None while it must not.

    Args:
        imported_at: The instant in the receipt ``imported``.
        durable_at: The instant in the receipt ``durable``; without it nothing is due.
        periods: The settings.
    """
    if durable_at is None:
        return None
    return max(imported_at, durable_at) + periods.after_handover


def end_of_years(last: date, years: int) -> date:
    """The last day of keeping: so many years after the end of the year of ``last``."""
    return date(last.year + years, 12, 31)


def closed_case_due(last_activity: date, periods: Periods) -> date:
    """The first day on which a closed case without transfer is offered and erased."""
    return end_of_years(last_activity, periods.closed_case_years) + timedelta(days=1)


def consent_due(last_used: date, periods: Periods) -> date:
    """The first day on which a consent, its evidence or a transfer record is erased."""
    return end_of_years(last_used, periods.consent_years) + timedelta(days=1)


def is_due(first_day: date, at: datetime, *, hold_until: date | None = None) -> bool:
    """Whether erasure may begin: the day has come and no legal hold stands.

    Args:
        first_day: From ``closed_case_due`` or ``consent_due``.
        at: The own clock's instant, not in doubt (SR-K7).
        hold_until: The last day of a legal hold, inclusive.
    """
    is_held = hold_until is not None and at < day_end(hold_until)
    return local_day(at) >= first_day and not is_held
