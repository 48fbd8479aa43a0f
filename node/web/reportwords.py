"""What reports say about their numbers: how each was counted, what its parts are called.

Enters: a column, its frame. Leaves: a sentence under the number, the name of a part. Must
never happen: a number without the sentence that says how it came about (screens, chapter 1,
principle 10). The sentences say in words what the field document, chapter 5, defines.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from node.report.definition import Audience
from node.report.figures import NO_CONTACT, UNKNOWN, Frame, months_before
from node.report.tables import Column
from node.web.language import Words, msgid

_SO: Final[Mapping[str, str]] = {
    "responsible": msgid(
        "Persons for whom this office was responsible on %(last)s. Who came or left on"
        " that day is counted at one office only."
    ),
    "cared_for": msgid(
        "Of these, persons with the status cared for on %(last)s and at least one own talk"
        " or contact from %(window_first)s to %(last)s (%(window)s months)."
    ),
    "not_cared_for": msgid(
        "Responsible, but not cared for, by the status on %(last)s. Without contact means:"
        " status cared for, but no own talk or contact since %(window_first)s."
    ),
    "arrivals": msgid("Times of responsibility that began from %(first)s to %(last)s."),
    "departures": msgid(
        "Times of responsibility whose last day lies from %(first)s to %(last)s."
    ),
    "closures": msgid("Cases closed from %(first)s to %(last)s, by reason."),
    "level_changes": msgid(
        "Persons whose overall level of German is higher on %(last)s than on %(first)s."
    ),
    "limit_soon": msgid(
        "Responsible on %(last)s, and the last day of counselling lies within 90 days."
    ),
    "over_limit": msgid(
        "Responsible on %(last)s, and the last day of counselling is past."
    ),
    "plans_created": msgid(
        "First versions of own plans that were agreed from %(first)s to %(last)s."
    ),
    "plans_updated": msgid(
        "Later versions of own plans that were agreed from %(first)s to %(last)s."
    ),
    "plans_in_force": msgid(
        "Plans in force on %(last)s, of persons for whom this office is responsible."
    ),
    "plans_reviewed": msgid(
        "Of the plans in force, those with a review from %(review_first)s to %(last)s."
    ),
    "talks": msgid(
        "Own talks from %(first)s to %(last)s. One with several persons counts once. Entries"
        " taken over from other offices do not count."
    ),
    "talk_persons": msgid(
        "Different persons in own talks from %(first)s to %(last)s, each counted once."
    ),
    "contacts": msgid(
        "Own entries of the kind contact from %(first)s to %(last)s, like messages and"
        " letters."
    ),
    "coordination": msgid(
        "Own entries about coordination with others from %(first)s to %(last)s."
    ),
    "attempts": msgid(
        "Own attempts from %(first)s to %(last)s in which nobody was reached."
    ),
    "referrals": msgid(
        "Own talks and contacts from %(first)s to %(last)s in which somebody was referred."
    ),
    "goals": msgid(
        "Own goals as they stood at the end of %(last)s. Goals taken over from other offices"
        " do not count."
    ),
    "goals_reached": msgid("Own goals that were reached by the end of %(last)s."),
    "goals_settled": msgid(
        "Own goals that were reached, partly reached, given up or not reached. Postponed and"
        " adapted goals are left out."
    ),
    "transfers_out": msgid(
        "Handovers that another office took over from %(first)s to %(last)s."
    ),
    "transfers_out_persons": msgid("Persons in these handovers."),
    "transfers_in": msgid(
        "Handovers that this office took over from %(first)s to %(last)s."
    ),
    "transfers_in_persons": msgid("Persons in these handovers."),
    "refused": msgid(
        "Handovers refused from %(first)s to %(last)s, here or at the other office."
    ),
    "days_to_grant": msgid(
        "Days from the offer to the opening, of handovers opened from %(first)s to"
        " %(last)s."
    ),
}
_RATIO: Final = msgid(
    "%(part)s divided by %(whole)s: %(numbers)s. The window for care is %(window)s months."
)
_PLAIN_RATIO: Final = msgid("%(part)s divided by %(whole)s: %(numbers)s.")

# By what a number is divided -> the list its codes come from.
_LISTS: Final[Mapping[str, str]] = {
    "form": "contact_form",
    "topic": "area",
    "interpreter": "interpreter",
    "reason": "care_status",
    "language": "language",
    "closure": "closure",
    "status": "goal_status",
    "area": "area",
    "service": "service",
    "outcome": "outcome",
    "refusal": "refusal",
}
_SPLITS: Final[Mapping[str, str]] = {
    "form": msgid("Form"),
    "topic": msgid("Main topic"),
    "duration": msgid("Duration"),
    "interpreter": msgid("Interpreter"),
    "month": msgid("Month"),
    "reason": msgid("Reason"),
    "language": msgid("First language"),
    "closure": msgid("Reason for closing"),
    "status": msgid("Status"),
    "area": msgid("Area of life"),
    "service": msgid("Referred to"),
    "outcome": msgid("Outcome"),
    "refusal": msgid("Reason for refusing"),
}
_DURATIONS: Final[Mapping[str, str]] = {
    "15": msgid("up to 15 minutes"),
    "30": msgid("up to 30 minutes"),
    "60": msgid("up to 60 minutes"),
    "longer": msgid("longer than 60 minutes"),
}
_AUDIENCES: Final[Mapping[Audience, str]] = {
    Audience.INTERNAL: msgid("inside the office"),
    Audience.COUNCIL: msgid("the council"),
    Audience.LAND: msgid("the Land"),
    Audience.PUBLIC: msgid("the public"),
}


def counted_so(column: Column, frame: Frame, words: Words) -> str:
    """How a number was counted."""
    window = column.rule.window_months or frame.window_months
    sentence = words.gettext(_SO[column.rule.indicator])
    return sentence % {
        "first": words.day(frame.first),
        "last": words.day(frame.last),
        "window": words.number(window),
        "window_first": words.day(Frame(frame.first, frame.last, window).window_first),
        "review_first": words.day(_review_first(frame.last)),
    }


def _review_first(last: date) -> date:
    return months_before(last, 6) + timedelta(days=1)


def ratio_so(
    part: tuple[str, str],
    whole: tuple[str, str],
    frame: Frame,
    words: Words,
    *,
    care: bool,
) -> str:
    """How a rate was computed: label and number of both parts."""
    sentence = words.gettext(_RATIO if care else _PLAIN_RATIO)
    return sentence % {
        "part": part[0],
        "whole": whole[0],
        "numbers": f"{part[1]}\u00a0/\u00a0{whole[1]}",
        "window": words.number(frame.window_months),
    }


def part_name(by: str, code: str, words: Words) -> str:
    """What a part of a divided number is called."""
    if code == UNKNOWN:
        return words.gettext("not stated or unknown")
    if code == NO_CONTACT:
        return words.gettext("without contact")
    if by == "month":
        return words.month(date.fromisoformat(f"{code}-01"))
    if by == "duration":
        return words.gettext(_DURATIONS[code])
    return words.code(code, _LISTS[by])


def split_name(by: str, words: Words) -> str:
    """By what a number is divided."""
    return words.gettext(_SPLITS[by])


def audience_name(audience: Audience, words: Words) -> str:
    """For whom a report is."""
    return words.gettext(_AUDIENCES[audience])
