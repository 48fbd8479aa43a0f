"""What an auditor must look at first, beside the alarms of log and witnesses.

Enters: the newest daily check, sessions of looks that do not fit. Leaves: codes, the
gravest first; pages have a sentence and "what to do" for each. Must never happen: an alarm
that names a person. Implements exchange-log 8, the alarms about checks and looks.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.exchangelog.finding import Verdict
from node.report.logaudit import SelfCheck

UNCHECKED_AFTER: Final = timedelta(hours=36)


@unique
class LogAlarm(StrEnum):
    """The gravest first."""

    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"
    LOOKS_REMOVED = "looks_removed"
    UNCHECKED = "unchecked"


def alarms_of(
    check: SelfCheck | None, now: datetime, *, broken: int
) -> Sequence[LogAlarm]:
    """What is wrong now.

    Args:
        check: The newest daily check.
        now: The clock.
        broken: How many sessions of looks miss rows.
    """
    verdict = "" if check is None else check.verdict
    stands = {
        LogAlarm.TAMPERED: verdict == Verdict.TAMPERED,
        LogAlarm.INCOMPLETE: verdict == Verdict.INCOMPLETE,
        LogAlarm.LOOKS_REMOVED: broken > 0,
        LogAlarm.UNCHECKED: check is not None and now - check.at > UNCHECKED_AFTER,
    }
    return [alarm for alarm in LogAlarm if stands[alarm]]
