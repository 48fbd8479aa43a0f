"""What an auditor must look at first, from how the log stands.

Enters: size, signature, witnesses, the newest daily check. Leaves: codes, the gravest
first; pages have a sentence and "what to do" for each. Must never happen: an alarm that
names a person. Implements exchange-log 8, the alarms that this node sees by itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.exchangelog.finding import Verdict
from node.report.logaudit import SelfCheck
from node.report.logview import Overview

UNSIGNED_AFTER: Final = timedelta(minutes=10)
UNSEEN_AFTER: Final = timedelta(hours=24)
UNCHECKED_AFTER: Final = timedelta(hours=36)


@unique
class LogAlarm(StrEnum):
    """The gravest first."""

    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"
    LOOKS_REMOVED = "looks_removed"
    UNSIGNED = "unsigned"
    UNSEEN = "unseen"
    UNCHECKED = "unchecked"


def alarms_of(
    state: Overview, check: SelfCheck | None, now: datetime, *, own: str, broken: int
) -> Sequence[LogAlarm]:
    """What is wrong now.

    Args:
        state: How the log stands.
        check: The newest daily check.
        now: The clock.
        own: The own witness, which never counts.
        broken: How many sessions of looks miss rows.
    """
    signed, seen = state.signed_at, [w for w in state.witnesses if w.name != own]
    newest = max((w.last_at for w in seen), default=None)
    verdict = "" if check is None else check.verdict
    stands = {
        LogAlarm.TAMPERED: verdict == Verdict.TAMPERED,
        LogAlarm.INCOMPLETE: verdict == Verdict.INCOMPLETE,
        LogAlarm.LOOKS_REMOVED: broken > 0,
        LogAlarm.UNSIGNED: state.size > state.signed_size
        and (signed is None or now - signed > UNSIGNED_AFTER),
        LogAlarm.UNSEEN: newest is not None and now - newest > UNSEEN_AFTER,
        LogAlarm.UNCHECKED: check is not None and now - check.at > UNCHECKED_AFTER,
    }
    return [alarm for alarm in LogAlarm if stands[alarm]]
