"""What came after the key, in plain words: withdrawal, return, first contact, passing on.

Enters: the statements of a transfer as ``sync.aftermath`` reads them. Leaves: sentences
with their day, oldest first. Must never happen: a sentence that no statement bears.
Implements screens flow D (after step 7) and J, FR-24, FR-30.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from node.cases.days import local_day
from node.sync.aftermath import Aftermath, Answered, Notice
from node.sync.words import Answer, Cause, Kind
from node.web.casework import body_name
from node.web.frame import Parts
from node.web.language import Words, msgid
from node.web.wording import refusal_words

_DONE: Final[Mapping[Answer, str]] = {
    Answer.ERASED: msgid("%(body)s has deleted the data."),
    Answer.RESTRICTED: msgid(
        "%(body)s has locked the data. It is opened only to answer the person."
    ),
    Answer.KEPT: msgid("%(body)s keeps the data under %(paragraph)s."),
}

_WHY: Final[Mapping[Cause, str]] = {
    Cause.BASIS_ENDED: msgid("The consent was withdrawn."),
    Cause.OBJECTION: msgid("The person has objected."),
    Cause.RESTRICTION: msgid("The person had the data locked."),
    Cause.ERASURE: msgid("The person had the data deleted."),
}

KINDS: Final[Mapping[Kind, str]] = {
    Kind.RETURN: msgid("Return"),
    Kind.FORWARDING: msgid("Passing on"),
    Kind.ADDENDUM: msgid("Addendum"),
}
"""What a handover is called where it is no move."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence about what came later; ``kind`` colours its badge."""

    at: date
    text: str
    badge: str = ""
    kind: str = ""


def story_of(
    after: Aftermath, other: str, parts: Parts, words: Words, *, is_ours: bool
) -> Sequence[Said]:
    """All that was said after the key had left, oldest first.

    Args:
        after: What both ends said.
        other: What the other body is called.
        parts: Clock and directory.
        words: The reader's language.
        is_ours: Whether this office handed the case over.
    """
    here = parts.settings.body
    receiver, giver = (other, here) if is_ours else (here, other)
    today = local_day(parts.clock.now())
    told: list[tuple[datetime | date, Said]] = []
    for notice in after.notices:
        told.append((notice.at, _notice(notice, receiver, words, today)))
        told += [(a.at, _answer(a, receiver, words)) for a in notice.answers]
    for asked in after.asked:
        text = words.gettext("%(body)s asks for the case back.") % {"body": giver}
        waits = asked is after.open_request
        badge = (words.gettext("waits for an answer"), "info") if waits else ("", "")
        told.append((asked.at, Said(local_day(asked.at), text, *badge)))
        if asked.declined is not None and asked.declined_at is not None:
            no = words.gettext("%(body)s does not give the case back: %(reason)s") % {
                "body": receiver,
                "reason": refusal_words(str(asked.declined.code), words),
            }
            told.append((asked.declined_at, Said(local_day(asked.declined_at), no)))
    lines = [said for _, said in told]
    if after.first_contact is not None:
        text = words.gettext("First contact at %(body)s.") % {"body": receiver}
        lines.append(Said(after.first_contact.on, text))
    if after.passed_on is not None:
        lines.append(_passed_on(after, receiver, parts, words))
    return sorted(lines, key=lambda said: said.at)


def _notice(notice: Notice, receiver: str, words: Words, today: date) -> Said:
    due = local_day(notice.body.due)
    text = words.gettext(_WHY[notice.body.cause])
    text += " " + words.gettext("%(body)s must answer until %(day)s.") % {
        "body": receiver,
        "day": words.day(due),
    }
    if not notice.open_tags:
        return Said(local_day(notice.at), text, words.gettext("answered"), "success")
    if due < today:
        return Said(local_day(notice.at), text, words.gettext("overdue"), "danger")
    return Said(
        local_day(notice.at), text, words.gettext("waits for an answer"), "warning"
    )


def why_told(after: Aftermath, giver: str, words: Words) -> str:
    """Why the office that handed a case over asks what becomes of the data."""
    newest = after.open_notices[-1:] or after.notices[-1:]
    cause = newest[0].body.cause if newest else Cause.BASIS_ENDED
    if cause is Cause.BASIS_ENDED:
        text = words.gettext(
            "The person has withdrawn the consent by which %(office)s handed the case"
            " over."
        )
    else:
        text = words.gettext(_WHY[cause]) + " "
        text += words.gettext("So says %(office)s, which handed the case over.")
    return text % {"office": giver}


def _answer(answer: Answered, receiver: str, words: Words) -> Said:
    return Said(local_day(answer.at), answer_words(answer, receiver, words))


def answer_words(answer: Answered, receiver: str, words: Words) -> str:
    """What became of the data, as it is told to the person."""
    text = words.gettext(_DONE[answer.body.answer]) % {
        "body": receiver,
        "paragraph": answer.body.paragraph or "",
    }
    if answer.body.passed_on:
        text += " " + words.gettext(
            "The case went on from there; the withdrawal was sent after it."
        )
    return text


def _passed_on(after: Aftermath, receiver: str, parts: Parts, words: Words) -> Said:
    assert after.passed_on is not None
    onward = after.passed_on
    text = words.gettext("%(body)s has passed the case on.") % {"body": receiver}
    if onward.to is not None:
        text = words.gettext("%(body)s has passed the case on to %(other)s.") % {
            "body": receiver,
            "other": body_name(parts, onward.to),
        }
    return Said(onward.on, text)
