"""Alarms: each at its hour, and none for what is normal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.exchangelog.alarms import Alarm, Facts, WitnessFact, find_alarms

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FINE = Facts(
    size=9,
    signed_size=9,
    signed_at=AT - HOUR,
    mark=9,
    mark_asked=True,
    witnesses=(WitnessFact("a/witness/1", AT - HOUR, AT - HOUR),),
)


def found(**changes: object) -> list[Alarm]:
    return [item.alarm for item in find_alarms(replace(FINE, **changes), AT)]


def witness(hours: float, skew_s: float = 0) -> tuple[WitnessFact, ...]:
    at = AT - hours * HOUR
    return (WitnessFact("a/witness/1", at, at + timedelta(seconds=skew_s)),)


@pytest.mark.spec("EL-16")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"size": 0, "signed_size": 0, "signed_at": None, "mark": 0, "witnesses": ()},
        {"witnesses": ()},
        {"witnesses": (WitnessFact("b/witness/1", None),)},
        {"witnesses": witness(24)},
        {"granted": (AT - 23 * HOUR,)},
        {"erasing": (AT - 191 * HOUR,)},
        {"held": (AT - timedelta(days=364),)},
        {"witnesses": witness(1, skew_s=60)},
        {"waiting": (AT - 3.9 * HOUR,)},
        {"size": 10, "signed_at": AT - timedelta(minutes=10)},
        {"mark": None, "mark_asked": False},
        {"key_ends_at": AT + timedelta(days=30)},
    ],
)
def test_what_is_normal_raises_no_alarm(changes):
    assert found(**changes) == []


@pytest.mark.spec("EL-16")
@pytest.mark.parametrize(
    ("changes", "alarm"),
    [
        ({"conflicts": ("x/log/1",)}, Alarm.CONFLICT),
        ({"quarantined": ("08337116-stadt-wehr",)}, Alarm.QUARANTINE),
        ({"mark": None}, Alarm.NO_MARK),
        ({"mark": 10}, Alarm.BEHIND_MARK),
        ({"mark": 8}, Alarm.MARK_BEHIND),
        ({"size": 10}, Alarm.UNSIGNED),
        ({"size": 1, "signed_size": 0, "signed_at": None, "mark": 0}, Alarm.UNSIGNED),
        ({"waiting": (AT - 4 * HOUR,)}, Alarm.PACKET_WAITING),
        ({"witnesses": witness(24.1)}, Alarm.NOT_WITNESSED),
        ({"witnesses": witness(1, skew_s=61)}, Alarm.CLOCK_OFF),
        ({"witnesses": witness(1, skew_s=-61)}, Alarm.CLOCK_OFF),
        ({"key_ends_at": AT + timedelta(days=29)}, Alarm.KEY_ENDS),
        ({"granted": (AT - 24 * HOUR,)}, Alarm.RECEIPT_MISSING),
        ({"erasing": (AT - 192 * HOUR,)}, Alarm.ERASURE_OVERDUE),
        ({"held": (AT - timedelta(days=365),)}, Alarm.HOLD_UNREVIEWED),
    ],
)
def test_each_alarm_is_raised_at_its_hour(changes, alarm):
    assert found(**changes) == [alarm]


def test_one_silent_witness_is_told_although_another_speaks():
    silent = (*witness(1), WitnessFact("b/witness/1", AT - 49 * HOUR))
    (raised,) = find_alarms(replace(FINE, witnesses=silent), AT)
    assert (raised.alarm, raised.about) == (Alarm.WITNESS_SILENT, "b/witness/1")


def test_the_worst_comes_first():
    assert found(waiting=(AT - 9 * HOUR,), conflicts=("x/log/1",), size=10) == [
        Alarm.CONFLICT,
        Alarm.UNSIGNED,
        Alarm.PACKET_WAITING,
    ]
