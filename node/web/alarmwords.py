"""What an alarm of the log says, and what to do, for who reads the log.

Enters: alarms. Leaves: two sentences each. Must never happen here: an alarm without a way
on. Implements exchange-log 8 (alarms) and screens S11 ("Was tun?").
"""

from collections.abc import Mapping
from typing import Final

from node.exchangelog.alarms import Alarm
from node.report.logalarms import LogAlarm
from node.web.language import Words, msgid

_VERIFY: Final = (
    msgid("The exchange log is not signed up to its end"),
    msgid("Run “staffelstab log verify” on the server and read its answer."),
)
_TWO_HISTORIES: Final = (
    msgid("The log of another office has shown two histories"),
    msgid("Call the office and the registrar. Change nothing on the server."),
)
_ALARMS: Final[Mapping[LogAlarm | Alarm, tuple[str, str]]] = {
    LogAlarm.TAMPERED: (
        msgid("The daily check proves that the log was changed."),
        msgid(
            "Change nothing, note the time, call the operator and the other offices."
        ),
    ),
    LogAlarm.INCOMPLETE: (
        msgid("The daily check misses something in the log."),
        msgid("Check the whole log and look at what is named."),
    ),
    LogAlarm.LOOKS_REMOVED: (
        msgid("Lines about who looked were removed or changed."),
        msgid(
            "Open “Who looked” and ask the operator about the lines that do not fit."
        ),
    ),
    LogAlarm.UNCHECKED: (
        msgid("The daily check has not run since yesterday."),
        msgid("Check the whole log yourself and tell the operator."),
    ),
    Alarm.CONFLICT: _TWO_HISTORIES,
    Alarm.QUARANTINE: _TWO_HISTORIES,
    Alarm.NO_MARK: _VERIFY,
    Alarm.BEHIND_MARK: _VERIFY,
    Alarm.MARK_BEHIND: _VERIFY,
    Alarm.UNSIGNED: _VERIFY,
    Alarm.PACKET_WAITING: (
        msgid("A handover has waited for witnesses for hours."),
        msgid("Look under “Witnesses” who is missing, and call that office."),
    ),
    Alarm.NOT_WITNESSED: (
        msgid("No other office has cosigned the log for more than 24 hours."),
        msgid("Ask the operator whether the line to the other offices works."),
    ),
    Alarm.WITNESS_SILENT: (
        msgid("A witness has been silent for two days."),
        msgid("Look under “Witnesses” who it is, and call that office."),
    ),
    Alarm.CLOCK_OFF: (
        msgid("A witness has another time than we do"),
        msgid("Compare the clock of the server with the time of day."),
    ),
    Alarm.RECEIPT_MISSING: (
        msgid("A key was handed over, and the takeover has not been confirmed."),
        msgid("Call the other office; it can be that its node stands still."),
    ),
    Alarm.ERASURE_OVERDUE: (
        msgid("An erasure should have been done a week ago."),
        msgid("Look under “Erasures and holds” and tell the operator."),
    ),
    Alarm.HOLD_UNREVIEWED: (
        msgid("A hold has not been looked at for twelve months."),
        msgid("Look under “Erasures and holds” whether its reason still stands."),
    ),
    Alarm.KEY_ENDS: (
        msgid("Our key for incoming handovers is ending or missing"),
        msgid("Publish a new key sheet with the registrar of the directory."),
    ),
}


def alarm_words(alarm: LogAlarm | Alarm, words: Words) -> Mapping[str, str]:
    """The alarm and the way on."""
    title, todo = _ALARMS[alarm]
    return {"title": words.gettext(title), "todo": words.gettext(todo)}
