"""The track of a handover in words: each sentence belongs to one fact or one wait.

Enters: a track with its transfer. Leaves: steps for the macro, the lead beside the two-key
figure, the next step for lists. Must never happen: a sentence that a fact does not bear
(SC-42 to SC-44). Implements screens flow D.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from node.report.readings import TransferRow
from node.report.track import Mark, Step, Track, Waits
from node.sync.transfer import Outbound, OutboundTransfer
from node.web.language import Words, msgid
from node.web.wording import state_words

_LABELS: Final[Mapping[Step, str]] = {
    Step.PREPARED: msgid("Prepared"),
    Step.PERMITTED: msgid("Consent checked"),
    Step.SENT: msgid("Sent"),
    Step.DELIVERED: msgid("Delivered, sealed"),
    Step.ACCEPTED: msgid("Accepted"),
    Step.GRANTED: msgid("Key handed out"),
    Step.TAKEN_OVER: msgid("Taken over"),
    Step.SECURED: msgid("Secured there"),
}
_WAITING: Final[Mapping[Waits, str]] = {
    Waits.LINE: msgid("%(body)s cannot be reached. You need not do anything."),
    Waits.RELAY: msgid(
        "It lies sealed at the relay since %(since)s. It is not delivered before"
        " %(body)s has fetched it."
    ),
    Waits.WITNESSES: msgid(
        "It waits for witnesses (%(got)s of %(needed)s). Nothing is lost; it goes on by"
        " itself as soon as they have cosigned."
    ),
    Waits.APPROVAL: msgid(
        "It lies there sealed. %(body)s decides until %(day)s. After that it ends by"
        " itself."
    ),
    Waits.IMPORT: msgid("It waits for the confirmation that it was taken over."),
    Waits.BACKUP: msgid("It waits for the first backup there."),
    Waits.DELIVERY: msgid("It goes by itself. You can leave this page."),
    Waits.GRANT: msgid("Consent is checked once more, then the key leaves."),
    Waits.DECISION: msgid("It waits for your decision."),
    Waits.NOTHING: "",
}
_NEXT: Final[Mapping[Waits, str]] = {
    Waits.DECISION: msgid("You decide."),
    Waits.LINE: msgid("%(body)s cannot be reached. It goes on by itself."),
    Waits.RELAY: msgid("At the relay. %(body)s fetches it there."),
    Waits.WITNESSES: msgid("Waits for witnesses (%(got)s of %(needed)s)."),
    Waits.APPROVAL: msgid("%(body)s decides until %(day)s."),
    **dict.fromkeys(
        (Waits.IMPORT, Waits.GRANT, Waits.DELIVERY, Waits.BACKUP),
        msgid("It goes on by itself."),
    ),
    Waits.NOTHING: "",
}
_NO_LINE: Final = msgid(
    "%(body)s has not been reached since %(since)s. Next try: %(next)s. You need not do"
    " anything."
)
_UNREADABLE: Final = msgid("The content stays unreadable there for ever.")
_ARRIVED: Final = (msgid("Taken over."), msgid("%(body)s is responsible now."))
_SEALED: Final = (msgid("Sealed."), msgid("Nobody there can read the content."))
_LEADS: Final[Mapping[Outbound, tuple[str, str]]] = {
    Outbound.HELD: (msgid("Not sent yet."), ""),
    Outbound.CANCELLED: (msgid("Discarded."), msgid("Nothing was sent.")),
    Outbound.QUEUED: _SEALED,
    Outbound.DELIVERED: _SEALED,
    Outbound.ASKED: (msgid("Accepted."), msgid("They have asked for the key.")),
    Outbound.GRANTED: (
        msgid("Key handed out."),
        msgid("It can be opened there now. It cannot be called back."),
    ),
    Outbound.CLOSED: _ARRIVED,
    Outbound.DURABLE: _ARRIVED,
    Outbound.ERASED: _ARRIVED,
    Outbound.REJECTED: (msgid("Refused."), msgid("The case stays here.")),
    Outbound.RECLAIMED: (msgid("Taken back."), msgid("The case is here again.")),
    Outbound.EXPORTED: _SEALED,
    Outbound.TOLD: (msgid("Told."), msgid("They can open the file now.")),
}


def mark_of(*shown: object) -> str:
    """A word for what a page shows of a handover, so that it can ask for changes only."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def figure_of(transfer: OutboundTransfer) -> str:
    """How the two-key figure stands: sealed, requested, opened, ended."""
    match transfer.state:
        case Outbound.CLOSED | Outbound.DURABLE | Outbound.ERASED:
            return "opened"
        case Outbound.ASKED | Outbound.GRANTED:
            return "requested"
        case Outbound.HELD | Outbound.QUEUED | Outbound.DELIVERED:
            return "sealed"
    return "ended"


def lead_of(row: TransferRow, body: str, words: Words) -> tuple[str, str]:
    """The state in one sentence, and what it means."""
    transfer = row.transfer
    if transfer.state in _LEADS:
        first, then = _LEADS[transfer.state]
        return words.gettext(first), _filled(then, row, body, words)
    word = words.gettext(state_words(transfer).word)
    return f"{word[:1].upper()}{word[1:]}.", words.gettext(_UNREADABLE)


def next_of(track: Track, row: TransferRow, body: str, words: Words) -> str:
    """Who is next, until when; for lists."""
    return _filled(_NEXT[track.waits], row, body, words)


def steps_of(
    track: Track, row: TransferRow, body: str, words: Words
) -> list[Mapping[str, object]]:
    """The track as the macro draws it; steps that never came are left out at an end."""
    steps: list[Mapping[str, object]] = [
        {
            "label": words.gettext(_LABELS[mark.step]),
            "state": _step_state(mark, track),
            "at": mark.at,
            "text": _waiting(track, row, body, words)
            if mark.step is track.current
            else _said(mark, track, row, body, words),
        }
        for mark in track.marks
        if mark.at is not None or track.ended_at is None
    ]
    if track.ended_at is not None:
        word = words.gettext(state_words(row.transfer).word)
        label = f"{word[:1].upper()}{word[1:]}"
        steps.append({"label": label, "state": "ended", "at": track.ended_at})
    return steps


def _step_state(mark: Mark, track: Track) -> str:
    if mark.at is not None:
        return "done"
    return "current" if mark.step is track.current else "todo"


def _said(mark: Mark, track: Track, row: TransferRow, body: str, words: Words) -> str:
    """What a ticked step means from now on."""
    if mark.step is Step.TAKEN_OVER and mark.at is not None:
        return words.gettext("Responsible now: %(body)s") % {"body": body}
    erased = row.transfer.facts.get(Outbound.ERASED)
    if mark.step is Step.SECURED and erased is not None:
        return words.gettext("Your copy was deleted on %(day)s.") % {
            "day": words.day(erased)
        }
    if mark.step is Step.SECURED and track.deleted_from is not None:
        return words.gettext("Your copy is deleted on %(day)s.") % {
            "day": words.day(track.deleted_from)
        }
    return ""


def _waiting(track: Track, row: TransferRow, body: str, words: Words) -> str:
    """What is waited for, who is next, and when it ends by itself."""
    if track.failing_since is not None and track.next_try is not None:
        return words.gettext(_NO_LINE) % {
            "body": body,
            "since": words.moment(track.failing_since),
            "next": words.moment(track.next_try),
        }
    return _filled(_WAITING[track.waits], row, body, words)


def _filled(sentence: str, row: TransferRow, body: str, words: Words) -> str:
    if not sentence:
        return ""
    expires = row.transfer.expires_at
    day = words.day(expires) if expires else ""
    quorum = row.quorum
    return words.gettext(sentence) % {
        "body": body,
        "day": day,
        "since": words.moment(row.at_relay) if row.at_relay else "",
        "got": quorum.got if quorum else 0,
        "needed": quorum.needed if quorum else 0,
    }
