"""When a person may be asked, and what may be written down as an answer.

Enters: consents and a day. Leaves: whether a request may be made, how a consent stands, or
an ``InputError`` before a form is saved. Must never happen: a consent that never ends; a
"no" that is asked about until it becomes a yes. Implements FR-23, DO-14, and the computed
status of the field document, 3.5. What may leave is decided elsewhere, by the gate.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.cases.days import day_end, day_start
from node.cases.standing import Consent
from node.errors import InputError

ASK_AGAIN_AFTER: Final = timedelta(days=90)


@unique
class Status(StrEnum):
    """How one consent stands, computed and never stored."""

    DRAFT = "draft"
    ACTIVE = "active"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    DECLINED = "declined"


def status_of(consent: Consent, at: datetime) -> Status:
    """How the consent stands at this instant; one that has not begun is a draft."""
    if consent.declined_on is not None:
        return Status.DECLINED
    if consent.withdrawn_at is not None:
        return Status.WITHDRAWN
    if consent.replaced_by is not None:
        return Status.REPLACED
    if at < day_start(consent.valid_from):
        return Status.DRAFT
    return Status.EXPIRED if at >= day_end(consent.valid_until) else Status.ACTIVE


def check_end(valid_from: date, valid_until: date | None, clock_end: date) -> date:
    """The end of a new consent, if it may be saved; a "no" needs none and is not checked.

    Args:
        valid_from: First day.
        valid_until: Last day, from the form.
        clock_end: ``counselling_max_end`` of the person (FR-1).

    Raises:
        InputError: ``valid_until`` is missing, before the first day, or after the clock.
    """
    if valid_until is None:
        raise InputError("valid_until", "missing")
    if valid_until < valid_from:
        raise InputError("valid_until", "before_start")
    if valid_until > clock_end:
        raise InputError("valid_until", "after_counselling_end")
    return valid_until


def may_ask(consents: Iterable[Consent], today: date) -> bool:
    """Whether a task may ask for a consent: 90 days have passed since the last "no".

    A person who asks of their own accord is never kept waiting; this is about us asking.
    """
    return all(
        consent.declined_on is None or today - consent.declined_on >= ASK_AGAIN_AFTER
        for consent in consents
    )
