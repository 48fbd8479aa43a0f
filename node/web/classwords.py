"""How two logs agree, in sentences.

Enters: classes, faults of a consent, moments. Leaves: words. Must never happen here: a code
shown bare; an accusation of a person. Implements screens S11 (Gegenüberstellung).
"""

from collections.abc import Mapping

from node.exchangelog.consent import Fault, Moment
from node.exchangelog.finding import Verdict
from node.exchangelog.reconcile import Class
from node.web.language import Words, msgid

_C = Class
_CLASSES: Mapping[Class, str] = {
    _C.MATCHED: msgid("Both sides say the same."),
    _C.OPEN: msgid("Not finished yet."),
    _C.SENDER_ONLY: msgid("The sending side names a step that the other side lacks."),
    _C.RECIPIENT_ONLY: msgid(
        "The receiving side names a step that the other side lacks."
    ),
    _C.PACKET_DIFFERS: msgid("The sides name different contents."),
    _C.ORDER_VIOLATED: msgid("The steps are not in their order."),
    _C.RECEIPT_MISSING: msgid("An answer of the other side is overdue."),
    _C.CONSENT_MISSING: msgid("There was no consent for it."),
    _C.CONSENT_WITHDRAWN_BEFORE: msgid("The consent had been withdrawn before."),
    _C.CONSENT_EXPIRED: msgid("The consent was not valid on that day."),
    _C.CONSENT_SCOPE: msgid("The consent did not cover what was sent."),
    _C.LATE: msgid(
        "A time does not fit its limit or the foreign signatures around it."
    ),
    _C.DUPLICATE: msgid("A step happened twice that may happen once."),
    _C.ERASED_LAWFUL: msgid("One side has erased it after its time."),
    _C.ERASED_UNLAWFUL: msgid("One side has erased it without a ground."),
    _C.PEER_LOG_INCONSISTENT: msgid("The other side's log contradicts itself."),
    _C.BELOW_QUORUM: msgid("It left before its witnesses had signed."),
    _C.OVERRIDDEN: msgid("Two people let it leave without its witnesses."),
}
_FAULTS: Mapping[Fault, Class] = {fault: Class(fault) for fault in Fault}
_MOMENTS: Mapping[Moment, str] = {
    Moment.SENT: msgid("When it was sent"),
    Moment.GRANTED: msgid("When the key was handed over"),
}
_KINDS: Mapping[Verdict, str] = {
    Verdict.VERIFIED: "success",
    Verdict.TAMPERED: "danger",
    Verdict.INCOMPLETE: "warning",
}


def class_word(kind: Class, words: Words) -> str:
    """The sentence of a class."""
    return words.gettext(_CLASSES[kind])


def class_look(kind: Class) -> str:
    """How a badge of this class looks."""
    if kind in {Class.OPEN, Class.BELOW_QUORUM, Class.OVERRIDDEN, Class.ERASED_LAWFUL}:
        return "info"
    return _KINDS[kind.verdict]


def fault_word(fault: Fault, words: Words) -> str:
    """What was wrong with a consent."""
    return class_word(_FAULTS[fault], words)


def moment_word(moment: Moment, words: Words) -> str:
    """When it was looked at."""
    return words.gettext(_MOMENTS[moment])
