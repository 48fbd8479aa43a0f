"""What states, reasons and fields are called on the pages of caseworkers.

Enters: codes of the handover and of records. Leaves: message ids, or finished words. Must
never happen: a state without a sentence, or a technical word on a page for staff (screens,
chapter 8). Labels of code lists stand in the lists themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.cases.dictionary import field_of
from node.cases.model import Record
from node.cases.standing import Reason
from node.errors import InputError
from node.strictjson import Json
from node.sync.drafting import NEEDS_CONFIRMATION
from node.sync.transfer import Outbound, OutboundTransfer, Why
from node.sync.words import OF_PEOPLE
from node.web.language import Words, msgid
from node.web.typed import typed_day, typed_partial

GOAL_CHOICES: Final = (
    *("open", "in_progress", "reached", "partly_reached"),
    *("postponed", "adapted", "given_up", "not_reached"),
)


Wrong = Mapping[tuple[str, str], str]
"""A message id for each field and what may be wrong with it."""


@dataclass(frozen=True, slots=True)
class State:
    """A state as a badge: message id, kind of badge, icon."""

    word: str
    kind: str = ""
    icon: str = ""


_STATES: Final[Mapping[Outbound, State]] = {
    Outbound.HELD: State(msgid("not sent yet"), "", "pause"),
    Outbound.CANCELLED: State(msgid("discarded"), "", "close"),
    Outbound.QUEUED: State(msgid("on its way"), "info", "send"),
    Outbound.DELIVERED: State(msgid("delivered, sealed"), "info", "lock"),
    Outbound.ASKED: State(msgid("accepted"), "info", "key"),
    Outbound.GRANTED: State(msgid("key handed out"), "info", "key"),
    Outbound.CLOSED: State(msgid("taken over"), "success", "success"),
    Outbound.DURABLE: State(msgid("taken over and secured"), "success", "success"),
    Outbound.ERASED: State(msgid("taken over, deleted here"), "success", "success"),
    Outbound.RECALLING: State(msgid("being called back"), "warning", "undo"),
    Outbound.RECALLED: State(msgid("called back"), "", "undo"),
    Outbound.REJECTED: State(msgid("refused"), "", "close"),
    Outbound.RECLAIMED: State(msgid("taken back"), "", "undo"),
    Outbound.EXPORTED: State(msgid("sealed file is ready"), "info", "lock"),
    Outbound.TOLD: State(msgid("password told"), "info", "key"),
}
_ENDED: Final[Mapping[Why, State]] = {
    Why.CALLED_BACK: _STATES[Outbound.RECALLED],
    Why.BASIS_GONE: State(msgid("consent withdrawn"), "", "close"),
    Why.EXPIRED: State(msgid("time limit passed"), "", "schedule"),
    Why.KEY: State(msgid("not readable there"), "warning", "warning"),
    Why.RESTORED: State(msgid("to be sent again"), "warning", "warning"),
    Why.MOOT: State(msgid("overtaken by a later handover"), "", "close"),
}


def field_errors(
    error: InputError, sentences: Wrong, words: Words, **named: str
) -> Mapping[str, str]:
    """What was typed wrong, at its field; what the case itself hinders stands elsewhere."""
    found = sentences.get((error.field, error.reason))
    return {error.field: words.gettext(found) % named} if found else {}


def state_words(transfer: OutboundTransfer) -> State:
    """How a transfer stands, in one badge."""
    if transfer.state is Outbound.HELD and transfer.withheld:
        return State(msgid("held back"), "warning", "pause")
    if transfer.state is Outbound.RECALLED and transfer.why is not None:
        return _ENDED[transfer.why]
    if transfer.state is Outbound.CANCELLED and "paper" in transfer.facts:
        return State(msgid("handed over on paper"), "", "print")
    if transfer.body is not None and transfer.state is Outbound.REJECTED:
        return State(msgid("never opened there"), "", "close")
    return _STATES[transfer.state]


# What would cure each reason of the gate (screens S7). The reasons have their sentences
# in the code list ``withheld``.
_CURES: Final[Mapping[str, str]] = {
    Reason.NO_BASIS: msgid("Ask the person and record the answer."),
    Reason.NOT_YET_VALID: msgid("It goes on when the consent begins."),
    Reason.EXPIRED: msgid("Ask the person again and record the answer."),
    Reason.WITHDRAWN: msgid("Nothing can be sent. The person may decide anew."),
    Reason.DECLINED: msgid("The person stays out of this handover."),
    Reason.OTHER_RECIPIENT: msgid("Ask the person about this recipient."),
    Reason.GUARDIAN_MISSING: msgid("Record the answer of everybody who has custody."),
    Reason.GUARDIAN_CONSENT_LAPSED: msgid("Ask the person, who is of age now."),
    Reason.SECRECY_RELEASE_MISSING: msgid(
        "Ask for the release from professional secrecy and record it."
    ),
    Reason.SECOND_PERSON_MISSING: msgid("Ask a colleague to look at it and confirm."),
    Reason.PROTECTION: msgid(
        "These people must not be handed over together. Untick one of them."
    ),
    Reason.STATUTE_UNCONFIRMED: msgid(
        "The data protection officer must enter the legal basis first."
    ),
}
_CONFIRM: Final = (
    msgid("Everything is covered. It waits for your decision."),
    msgid("Please look at what is sent, then send."),
)
# What stands against sealing besides the gate (handover 12.2, 8.5), and what cures it.
_BESIDES: Final[Mapping[str, tuple[str, str]]] = {
    "directory-expired": (
        msgid("The directory is out of date. Nothing new is sealed."),
        msgid("It goes on by itself when the directory is fresh again."),
    ),
    "not-a-peer": (
        msgid("The keys of the other office were taken out of use."),
        msgid("It goes on when that office has new keys. Call it if that takes long."),
    ),
    "unknown-key": (
        msgid("The other office has no key that may be used yet."),
        msgid("New keys rest for some days, so that a swindle is noticed."),
    ),
    "peer-suspended": (
        msgid("Your administration has suspended the exchange with this office."),
        msgid("It goes on by itself when the administration ends that."),
    ),
    "unknown-node": (
        msgid("The other office is not in the directory."),
        msgid("Please speak to your administrator."),
    ),
    "too-large": (
        msgid("It is more than the other office can take."),
        msgid("Please send it without large documents, or give them by another way."),
    ),
}
_UNEXPLAINED: Final = msgid("Please speak to your administrator.")


def reason_words(code: str, words: Words) -> tuple[str, str]:
    """Why a person is held back, and what would cure it."""
    if code == NEEDS_CONFIRMATION:
        return words.gettext(_CONFIRM[0]), words.gettext(_CONFIRM[1])
    if code in _BESIDES:
        why, cure = _BESIDES[code]
        return words.gettext(why), words.gettext(cure)
    cure = _CURES.get(code, _UNEXPLAINED)
    return words.code(code, "withheld"), words.gettext(cure)


_RULES: Final[Mapping[str, str]] = {
    "not_for_us": msgid("The handover was addressed to another body."),
    "suite": msgid("Their software is too old for this handover."),
    "schema_too_old": msgid("Their software is too old for this handover."),
    "no_basis": msgid("The consent does not cover this handover."),
    "too_large": msgid("The handover is larger than they can take."),
    "policy": msgid("Their rules do not allow this handover."),
    "log": msgid("The exchange logs of both sides do not agree."),
    "bad_packet": msgid("The handover did not arrive unchanged."),
    "unreadable": msgid("The content could not be opened there."),
    "cannot_open": msgid("The content could not be opened there."),
    "withdrawn": msgid("The consent was withdrawn before it was opened."),
    "stale_epoch": msgid("They hold a newer state of this case."),
}


def refusal_words(code: str, words: Words) -> str:
    """Why the other side said no: people choose from a list, rules have sentences."""
    if code in OF_PEOPLE:
        return words.code(code, "refusal")
    return (
        words.gettext(_RULES[code]) if code in _RULES else words.code(code, "refusal")
    )


# Fields of records that the page of details shows, in words.
_FACTS: Final[Mapping[str, str]] = {
    "family_name": msgid("Family name"),
    "given_names": msgid("Given names"),
    "birth_name": msgid("Birth name"),
    "name_in_document": msgid("Name in the document"),
    "aliases": msgid("Also known as"),
    "name_other_script": msgid("Name in other scripts"),
    "birth_date": msgid("Birth date"),
    "birth_date_fictitious": msgid("Birth date set by an office"),
    "birth_place": msgid("Place of birth"),
    "birth_country": msgid("Country of birth"),
    "citizenships": msgid("Citizenships"),
    "gender": msgid("Gender"),
    "phones": msgid("Phone"),
    "emails": msgid("E-mail"),
    "messengers": msgid("Messenger"),
    "preferred_channel": msgid("Best reached by"),
    "messenger_allowed": msgid("May be written to by messenger"),
    "counselling_start": msgid("Counselling since"),
    "clock_interruptions": msgid("Interruptions"),
    "clock_extension": msgid("Extension"),
    "clock_extension_on": msgid("Extension decided on"),
    "clock_extension_reason": msgid("Reason for the extension"),
    "care_status": msgid("Care"),
    "closure_reason": msgid("Closed because"),
    "closed_on": msgid("Closed on"),
    "marital_status": msgid("Marital status"),
    "needs_unit": msgid("Shares benefits with the household"),
    "role": msgid("Role in the household"),
    "custody": msgid("Custody"),
    "guardians": msgid("Who has custody"),
    "last_place_origin": msgid("Last place in the country of origin"),
    "health_note": msgid("What one must know to help"),
    "accessibility": msgid("Accessibility"),
    "protection": msgid("Protection flag"),
    "concerns": msgid("Which person it concerns"),
    "concerns_text": msgid("Who else it concerns"),
    "reason": msgid("Reason"),
    "document_no": msgid("Document number"),
    "ags": msgid("Municipality"),
    "land": msgid("Land"),
    "lifted_by": msgid("Lifted by"),
    "rent": msgid("Rent"),
    "notice_until": msgid("Notice given for"),
    "area": msgid("Life area"),
    "sign": msgid("How we notice"),
    "horizon": msgid("Time frame"),
    "importance": msgid("Importance to the person"),
    "target_date": msgid("Wished for by"),
    "measure_kind": msgid("Kind of measure"),
    "bearer": msgid("Who does it"),
    "done_on": msgid("Done on"),
    "need": msgid("Need"),
    "own_estimate": msgid("Own estimate"),
    "situation": msgid("Situation"),
    "strengths": msgid("Strengths"),
    "wishes": msgid("Wishes"),
    "note": msgid("Note"),
    "date": msgid("Day of the contact"),
    "origin_country": msgid("Country of origin"),
    "arrival_germany": msgid("In Germany since"),
    "arrival_town": msgid("In this town since"),
    "literacy": msgid("Reads and writes"),
    "interpreter_needed": msgid("Needs an interpreter"),
    "case_number": msgid("File number"),
    "residence": msgid("Residence title"),
    "work_permission": msgid("Work permission"),
    "asylum_step": msgid("Asylum procedure"),
    "authority": msgid("Authority"),
    "condition": msgid("Residence condition"),
    "valid_from": msgid("From"),
    "valid_until": msgid("Until"),
    "language": msgid("Language"),
    "lang_kind": msgid("Kind"),
    "level": msgid("Level"),
    "evidence": msgid("Evidence"),
    "assessed_on": msgid("Assessed on"),
    "course": msgid("Course"),
    "hours": msgid("Hours"),
    "status": msgid("Status"),
    "break_off_reason": msgid("Broken off because"),
    "provider": msgid("Provider"),
    "years": msgid("Years"),
    "country": msgid("Country"),
    "recognition": msgid("Recognition"),
    "completed_on": msgid("Completed on"),
    "title": msgid("Title"),
    "body": msgid("School or body"),
    "employment": msgid("Employment"),
    "livelihood": msgid("Livelihood"),
    "employer": msgid("Employer"),
    "occupation_text": msgid("Occupation"),
    "childcare": msgid("Care or school"),
    "facility": msgid("Facility"),
    "housing": msgid("Housing"),
    "move_in": msgid("Moved in"),
    "move_out": msgid("Moved out"),
    "rooms": msgid("Rooms"),
    "persons": msgid("Persons"),
    "street": msgid("Street"),
    "number": msgid("House number"),
    "extra": msgid("Addition"),
    "care_of": msgid("Care of"),
    "postcode": msgid("Postcode"),
    "town": msgid("Town"),
    "name": msgid("Name"),
    "function": msgid("Function"),
    "organisation": msgid("Organisation"),
    "phone": msgid("Phone"),
    "due": msgid("Due"),
    "text": msgid("Text"),
}


def fact_label(name: str, words: Words) -> str:
    """What a field is called; empty if pages do not show it."""
    return words.gettext(_FACTS[name]) if name in _FACTS else ""


def fact_value(record: Record, name: str, words: Words) -> str:
    """A field in words: codes by their label, dates as people write them."""
    known = field_of(record.kind, name)
    return value_words(record.values.get(name), known.codes if known else None, words)


def value_words(value: Json, codes: str | None, words: Words) -> str:
    """A value in words, with the list its codes come from."""
    if isinstance(value, list):
        return ", ".join(value_words(item, codes, words) for item in value)
    if isinstance(value, Mapping):
        named = ("service", "text", "handle")
        return " ".join(str(value[name]) for name in named if value.get(name))
    if isinstance(value, bool):
        return words.gettext(msgid("yes")) if value else words.gettext(msgid("no"))
    if isinstance(value, str):
        return words.code(value, codes) if codes else partial_day(value, words)
    return "" if value is None else words.number(value)


def partial_day(text: str, words: Words) -> str:
    """A date known to the day or the month; any other text as it is."""
    if typed_partial(text) != text or len(text) < 7:
        return text
    day = typed_day(text)
    return words.day(day) if day else f"{text[5:7]}.{text[:4]}"
