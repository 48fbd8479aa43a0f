"""Everything of a person in the words of papers: who got it, what passed, who looked.

Enters: what ``casework.rights`` gathered. Leaves: holdings for the copy. Must never happen:
a handover that was never readable told as one; a basis without consent told as a consent
(FR-21). Implements Art. 15 GDPR, "Wer hat meine Daten gesehen oder bekommen?".
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Final

from node.accounts.model import Reading
from node.cases.days import local_day
from node.casework.rights import ACTION, Everything
from node.errors import PeerError, TrustError
from node.ids import CaseId, MemberId
from node.report.personcopy import Holdings, Look, Receipt, Todo
from node.report.personpaper import categories_named
from node.sync.transfer import Inbound, Outbound, OutboundTransfer
from node.web.afterwords import story_of
from node.web.casework import body_name, recipient_name
from node.web.frame import Parts
from node.web.language import Words, msgid
from node.web.wording import state_words

# From here on the other side could read it.
_READABLE: Final = (Outbound.CLOSED, Outbound.GRANTED, Outbound.TOLD)
_ARRIVED: Final = (Inbound.IMPORTED, Inbound.CLOSED, Inbound.DURABLE)
_LOOKS: Final = {
    "case.read": msgid("opened the case"),
    ACTION: msgid("opened it to answer the person"),
    "preview.open": msgid("looked at the names of the announcement"),
    "break_glass": msgid("opened it in an emergency"),
}
_LOOKED: Final = msgid("looked at it")
_STATUTE: Final = "statute:"


def holdings_of(
    found: Everything,
    parts: Parts,
    words: Words,
    task_words: Callable[[str, Words], str],
) -> Holdings:
    """What was gathered, in words.

    Args:
        found: Everything.
        parts: Directory and places.
        words: The language of the copy.
        task_words: What a task says, by its kind.
    """
    case = found.content.file.id
    members = {
        *(record.origin_node for record in found.content.records),
        *(t.recipient for t, _ in found.sent),
        *(t.sender for t, _ in found.received),
        found.content.file.handed_to,
        found.content.file.came_from,
        *(relocation.recipient for relocation in found.relocations),
    }
    known = {str(m): body_name(parts, m) for m in members if m is not None}
    for consent in found.consents:
        for named in consent.recipients:
            kind, _, member = named.partition(":")
            if kind == "member":
                known[member] = _listed(parts, member)
    return Holdings(
        content=found.content,
        consents=found.consents,
        receipts=tuple(_receipts(found, case, parts)),
        looks=tuple(_look(reading, found, words) for reading in found.readings),
        story=tuple(_story(found, parts, words)),
        former=found.former,
        relocations=found.relocations,
        tasks=tuple(
            Todo(
                task.kind,
                task_words(task.kind, words),
                task.created_at,
                task.due,
            )
            for task in found.tasks
        ),
        names=found.names,
        bodies=known,
    )


def _listed(parts: Parts, member: str) -> str:
    """A body by the id that a consent names; one that is gone keeps its id."""
    try:
        return parts.office.directory().member(MemberId(member)).name
    except (TrustError, PeerError):
        return member


def _receipts(found: Everything, case: CaseId, parts: Parts) -> Iterator[Receipt]:
    grounds = {str(c.id): c for c in found.consents}
    for transfer, _ in found.sent:
        at = _first(transfer)
        scope = next((m for m in transfer.members if m.case == case), None)
        if at is None or scope is None:
            continue
        said = []
        for ground in scope.basis.split("+"):
            if ground.startswith(_STATUTE):
                said.append(f"ohne Einwilligung, {ground.removeprefix(_STATUTE)}")
            elif ground in grounds:
                on = local_day(grounds[ground].recorded_at)
                said.append(f"Einwilligung vom {on:%d.%m.%Y}")
        yield Receipt(
            on=local_day(at),
            body=recipient_name(parts, transfer),
            what=categories_named(scope.categories),
            number=transfer.id.short,
            ground=", ".join(said),
        )


def _first(transfer: OutboundTransfer) -> datetime | None:
    """Since when the other side could read it; None if it never could."""
    readable = [transfer.facts[s] for s in _READABLE if s in transfer.facts]
    return min(readable, default=None)


def _look(reading: Reading, found: Everything, words: Words) -> Look:
    what = _LOOKS.get(reading.action, _LOOKED)
    return Look(
        at=reading.at,
        who=found.names.get(reading.account, words.gettext("somebody who left")),
        what=words.gettext(what),
        reason=reading.reason or "",
    )


def _story(found: Everything, parts: Parts, words: Words) -> Iterator[str]:
    """What passed between offices, oldest first."""
    told: list[tuple[date, str]] = []
    for sent, after in found.sent:
        place = recipient_name(parts, sent)
        sentence = words.gettext("Handover %(number)s to %(place)s: %(state)s.") % {
            "number": sent.id.short,
            "place": place,
            "state": words.gettext(state_words(sent).word),
        }
        at = max(sent.facts.values(), default=sent.created_at)
        told.append((local_day(at), sentence))
        told += [
            (said.at, said.text)
            for said in story_of(after, place, parts, words, is_ours=True)
        ]
    for received, after in found.received:
        place = body_name(parts, received.sender)
        at = next(
            (received.facts[s] for s in _ARRIVED if s in received.facts),
            received.offered_at,
        )
        sentence = words.gettext("Handover %(number)s came from %(place)s.") % {
            "number": received.id.short,
            "place": place,
        }
        told.append((local_day(at), sentence))
        told += [
            (said.at, said.text)
            for said in story_of(after, place, parts, words, is_ours=False)
        ]
    told.sort(key=lambda item: item[0])
    return (f"{words.day(on)}: {text}" for on, text in told)
