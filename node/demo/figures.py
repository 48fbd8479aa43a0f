"""The exact numbers of the two towns, as the field document gives them.

Enters: nothing. Leaves: quotas. Must never happen: a number of chapter 9 that stands
anywhere else in this package; the people themselves are counted in the vocabulary's
tables. Implements the field document, chapter 9, DO-1.
"""

from datetime import date
from typing import Final

from node.demo.plans import PlanQuota
from node.demo.residents import REFERENCE
from node.demo.talks import Span, TalkQuota

FIRST_DAY: Final = date(2018, 5, 2)
MID_MARK: Final = date(2020, 2, 15)

# 772 talks: 548 by the middle mark; from March 2020 on phone, messenger and e-mail are
# more than sixty of a hundred.
_WEHR_TALKS: Final = (
    Span(
        FIRST_DAY,
        MID_MARK,
        {
            "office": 252,
            "phone": 107,
            "home_visit": 84,
            "messenger": 41,
            "accompaniment": 38,
            "email": 14,
            "video": 2,
            "drop_in": 10,
        },
    ),
    Span(
        date(2020, 2, 16),
        date(2020, 2, 29),
        {"office": 5, "phone": 2, "home_visit": 2, "messenger": 1},
    ),
    Span(
        date(2020, 3, 1),
        REFERENCE,
        {
            "office": 44,
            "phone": 78,
            "home_visit": 10,
            "messenger": 42,
            "accompaniment": 6,
            "email": 24,
            "video": 10,
        },
    ),
)

WEHR_TALKS: Final = TalkQuota(
    talks=_WEHR_TALKS,
    topics={
        "work": 148,
        "authorities": 132,
        "housing": 121,
        "participation": 92,
        "language": 84,
        "personal": 66,
        "residence": 47,
        "finances": 38,
        "children": 24,
        "health": 14,
        "training": 6,
    },
    interpreters={
        "none": 402,
        "volunteer": 118,
        "family": 97,
        "app": 93,
        "professional": 61,
        "child": 1,
    },
    others={
        "contact": (
            Span(
                FIRST_DAY,
                REFERENCE,
                {"messenger": 610, "phone": 250, "email": 240, "letter": 80},
            ),
        ),
        "coordination": (Span(FIRST_DAY, REFERENCE, {"third_party": 210}),),
        "attempt": (Span(FIRST_DAY, REFERENCE, {"no_show": 40, "phone": 24}),),
    },
)

WEHR_PLANS: Final = PlanQuota(
    marks=((56, date(2018, 6, 30)), (113, MID_MARK), (144, REFERENCE)),
    goals={
        "open": 71,
        "in_progress": 128,
        "reached": 117,
        "partly_reached": 29,
        "postponed": 41,
        "adapted": 18,
        "given_up": 15,
        "not_reached": 12,
    },
)

_SAECKINGEN_FIRST: Final = date(2019, 2, 4)

SAECKINGEN_TALKS: Final = TalkQuota(
    talks=(
        Span(
            _SAECKINGEN_FIRST,
            REFERENCE,
            {
                "office": 104,
                "phone": 70,
                "home_visit": 30,
                "messenger": 32,
                "email": 14,
                "video": 10,
            },
        ),
    ),
    topics={
        "work": 60,
        "authorities": 50,
        "housing": 40,
        "language": 36,
        "participation": 30,
        "personal": 24,
        "residence": 20,
    },
    interpreters={"none": 150, "volunteer": 40, "app": 40, "professional": 30},
    others={
        "contact": (
            Span(_SAECKINGEN_FIRST, REFERENCE, {"messenger": 180, "phone": 80}),
        ),
        "coordination": (Span(_SAECKINGEN_FIRST, REFERENCE, {"third_party": 40}),),
        "attempt": (Span(_SAECKINGEN_FIRST, REFERENCE, {"no_show": 12}),),
    },
)

SAECKINGEN_PLANS: Final = PlanQuota(
    marks=((38, REFERENCE),),
    goals={
        "open": 24,
        "in_progress": 38,
        "reached": 26,
        "partly_reached": 8,
        "postponed": 10,
        "adapted": 4,
        "given_up": 2,
        "not_reached": 2,
    },
)
