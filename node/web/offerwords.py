"""What the pages of incoming handovers say: each sentence rests on a fact.

Enters: an offer as it stands, the directory's record of its sender, an instant. Leaves:
words, checks and steps for the templates. Must never happen here: a later step shown before
its fact; a sentence that claims a check nobody made. Implements flow E, E1, E3 and E8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from node.cases.codes import label
from node.casework.inbox import OfferSight, Received
from node.errors import UnknownNodeError
from node.ids import MemberId
from node.sync.offer import DOCUMENTS, OfferBody
from node.sync.office import Office
from node.sync.transfer import Inbound
from node.sync.words import Basis, By, RejectionCode
from node.trust.member import Member
from node.web.language import Words, msgid

_UNREADABLE = frozenset({RejectionCode.UNREADABLE, RejectionCode.CANNOT_OPEN})


# The word of each state, the kind of its badge, its icon.
_STATES: Mapping[Inbound, tuple[str, str, str]] = {
    Inbound.ABSENT: (msgid("on its way"), "", "schedule"),
    Inbound.ANNOUNCED: (msgid("on its way"), "", "schedule"),
    Inbound.WAITING: (msgid("to be decided"), "warning", "lock"),
    Inbound.APPROVED: (msgid("key requested"), "info", "key"),
    Inbound.OPENING: (msgid("key requested"), "info", "key"),
    Inbound.IMPORTED: (msgid("opened"), "success", "lock-open"),
    Inbound.CLOSED: (msgid("opened"), "success", "lock-open"),
    Inbound.DURABLE: (msgid("opened"), "success", "lock-open"),
    Inbound.REJECTED: (msgid("refused"), "", "close"),
    Inbound.EXPIRED: (msgid("expired"), "", "schedule"),
    Inbound.RECALLED: (msgid("called back"), "", "undo"),
}

_ON_ITS_WAY = (
    "sealed",
    msgid("Announced."),
    msgid("The sealed content is still on its way. You need not do anything yet."),
)
_IS_OPEN = (
    "opened",
    msgid("Opened."),
    msgid("What was handed over is now here, as cases of this office."),
)
# The two-key figure of each state, the state in a sentence, and who is next.
_HEADLINES: Mapping[Inbound, tuple[str, str, str]] = {
    Inbound.ABSENT: _ON_ITS_WAY,
    Inbound.ANNOUNCED: _ON_ITS_WAY,
    Inbound.WAITING: (
        "sealed",
        msgid("Sealed."),
        msgid("Nobody here can read the content."),
    ),
    Inbound.APPROVED: (
        "requested",
        msgid("Key requested at %(time)s."),
        msgid(
            "%(office)s checks the consent again and then hands the key over, mostly"
            " within seconds. You can leave this page."
        ),
    ),
    Inbound.OPENING: (
        "requested",
        msgid("The key is here."),
        msgid("The content is being opened. This takes seconds."),
    ),
    Inbound.IMPORTED: _IS_OPEN,
    Inbound.CLOSED: _IS_OPEN,
    Inbound.DURABLE: _IS_OPEN,
    Inbound.REJECTED: ("ended", "", ""),
    Inbound.EXPIRED: (
        "ended",
        msgid("Expired."),
        msgid(
            "Nobody decided in time. The content stays unreadable for ever."
            " Both offices know."
        ),
    ),
    Inbound.RECALLED: (
        "ended",
        msgid("Called back."),
        msgid(
            "%(office)s called the handover back before it was opened. The content"
            " stays unreadable for ever. You need not do anything."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Sender:
    """The office that hands over, as the directory knows it; None if it does not."""

    id: str
    member: Member | None
    is_retired: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return self.member.name if self.member else self.id


@dataclass(frozen=True, slots=True)
class Headline:
    """The state line beside the two-key figure."""

    figure: str
    title: str
    text: str


def state_word(found: Received, words: Words) -> tuple[str, str, str]:
    """State in a word, with the kind of its badge and its icon."""
    transfer = found.transfer
    word, kind, icon = _STATES[transfer.state]
    if transfer.state is Inbound.WAITING and transfer.decided_by is not None:
        word, kind, icon = msgid("second approval missing"), "warning", "groups"
    if transfer.state is Inbound.REJECTED and not _refused_by_person(found):
        word = msgid("ended unopened")
    return words.gettext(word), kind, icon


def headline(
    sight: OfferSight, sender: str, words: Words, *, is_first: bool = False
) -> Headline:
    """E1 and E8: whether anybody here can read it, and who is next.

    Args:
        sight: The offer.
        sender: The office's name.
        words: The reader's language.
        is_first: Whether the reader is who approved first.
    """
    transfer = sight.received.transfer
    figure, title, text = _HEADLINES[transfer.state]
    at = transfer.facts.get(Inbound.APPROVED)
    if transfer.state is Inbound.WAITING and transfer.decided_by is not None:
        text = (
            msgid("Approved by you, the second approval is missing.")
            if is_first
            else msgid("Approved by %(name)s, the second approval is missing.")
        )
    elif transfer.state is Inbound.APPROVED and sight.queue.failures:
        text = msgid(
            "%(office)s cannot be reached just now; it goes on by itself."
            " You can leave this page."
        )
    elif transfer.state is Inbound.REJECTED:
        title, text = _refused(sight.received)
    filled = {
        "office": sender,
        "name": sight.decided_by,
        "time": words.time(at) if at else "",
    }
    return Headline(figure, words.gettext(title) % filled, words.gettext(text) % filled)


def _refused(found: Received) -> tuple[str, str]:
    """Title and text of an end that is no recall: by a person, a withdrawal, a rule."""
    refusal = found.transfer.refusal
    code = refusal.code if refusal else ""
    if _refused_by_person(found):
        return msgid("Refused."), msgid(
            "The content stays unreadable for ever. %(office)s has the reason."
        )
    if code == RejectionCode.WITHDRAWN:
        return msgid("Consent withdrawn."), msgid(
            "The content stays unreadable for ever. You need not do anything."
        )
    if code in _UNREADABLE:
        return msgid("Not readable."), msgid(
            "It was refused by itself and nothing was stored. Both offices know;"
            " %(office)s can send anew."
        )
    return msgid("Refused by a rule."), msgid(
        "Nothing was opened or stored. %(office)s knows why."
    )


def checks_of(
    sight: OfferSight, sender: Sender, words: Words, *, at: datetime
) -> list[Mapping[str, object]]:
    """E3: three checks as sentences; ``ok`` is false, true or None for not yet."""
    return [
        _sender_check(sender, words),
        _consent_check(sight.received.offer, sender, words, at=at),
        _bytes_check(sight, words),
    ]


def _sender_check(sender: Sender, words: Words) -> Mapping[str, object]:
    _ = words.gettext
    if sender.member is None or sender.is_retired:
        text = _(
            "Sender not known: %(office)s is not in the directory, or was struck off it."
        )
        detail = _("Do not approve. Tell your administrator.")
        return {"ok": False, "text": text % {"office": sender.name}, "detail": detail}
    text = _("Sender known: %(office)s, in the directory since %(day)s.")
    since = words.day(sender.member.admitted_on)
    return {"ok": True, "text": text % {"office": sender.name, "day": since}}


def _consent_check(
    offer: OfferBody, sender: Sender, words: Words, *, at: datetime
) -> Mapping[str, object]:
    _ = words.gettext
    again = _("It is checked again before the key is handed over.")
    statutes = [line for line in offer.bases if line.basis is Basis.STATUTE]
    ends = [line.until for line in offer.bases if line.until is not None]
    if not offer.bases or any(end <= at for end in ends):
        text = _("The consent has expired, or there is none.")
        detail = _("Refuse with this reason; a new offer needs a new consent.")
        return {"ok": False, "text": text, "detail": detail}
    if statutes:
        text = _(
            "Basis: a legal duty, confirmed by a second person at %(office)s (%(paragraph)s)."
        )
        names = ", ".join(sorted({line.paragraph or "" for line in statutes}))
        filled = text % {"office": sender.name, "paragraph": names}
        return {"ok": True, "text": filled, "detail": again}
    text = _(
        "Consent: confirmed by %(office)s with its signature, valid until %(day)s."
    )
    last = words.day(last_day(min(ends)))
    return {
        "ok": True,
        "text": text % {"office": sender.name, "day": last},
        "detail": again,
    }


def _bytes_check(sight: OfferSight, words: Words) -> Mapping[str, object]:
    _ = words.gettext
    size = size_in_words(sight.received.offer.pkt.len, words)
    state = sight.received.transfer.state
    if state is Inbound.ANNOUNCED:
        text = _("Not arrived yet: %(size)s are on their way.")
        return {"ok": None, "text": text % {"size": size}}
    if not sight.is_here and state in {Inbound.WAITING, Inbound.APPROVED}:
        text = _("Arrived, but no longer complete on our disk: %(size)s.")
        detail = _("Tell your administrator; the office can send again.")
        return {"ok": False, "text": text % {"size": size}, "detail": detail}
    text = _("Arrived unchanged: %(size)s, complete.")
    return {"ok": True, "text": text % {"size": size}}


def chain_of(sight: OfferSight, words: Words) -> list[Mapping[str, object]]:
    """E8: approved, key requested, opened; each with its time, none before its fact."""
    _ = words.gettext
    transfer = sight.received.transfer
    facts = {str(state): at for state, at in transfer.facts.items()}
    approved, opened = facts.get(Inbound.APPROVED), facts.get(Inbound.IMPORTED)
    steps: list[Mapping[str, object]] = [
        {"label": _("Arrived, sealed"), "at": facts.get(Inbound.WAITING)},
        {"label": _("Approved"), "at": approved},
        {"label": _("Key requested"), "at": approved},
        {"label": _("Opened"), "at": opened},
    ]
    ended = transfer.state in {Inbound.REJECTED, Inbound.EXPIRED, Inbound.RECALLED}
    shown: list[Mapping[str, object]] = []
    for step in steps:
        if step["at"] is not None:
            shown.append({**step, "state": "done"})
        elif ended:
            break
        else:
            waiting = all(known["state"] == "done" for known in shown)
            shown.append({**step, "state": "current" if waiting else "todo"})
    if ended:
        word = state_word(sight.received, words)[0]
        at = facts.get(transfer.state)
        shown.append({"label": word[:1].upper() + word[1:], "at": at, "state": "ended"})
    return shown


def content_of(offer: OfferBody, words: Words) -> Sequence[tuple[str, str, int]]:
    """E4: categories in words with how many records of each travel; code, word, count."""
    records = [
        (code, label("category", code, words.language), count)
        for code, count in sorted(offer.categories.records.items())
    ]
    papers = sum(offer.categories.documents.values())
    if papers:
        name = label("category", DOCUMENTS, words.language)
        records.append((DOCUMENTS, name, papers))
    return sorted(records)


def people_of(offer: OfferBody, words: Words) -> Sequence[str]:
    """E4: age bands in words with their numbers."""
    return [
        f"{words.number(count)}\u00a0\u00d7\u00a0{label('age_band', band, words.language)}"
        for band, count in _counted(offer.bands)
    ]


def left_out(offer: OfferBody, words: Words) -> str:
    """E4: who of the household stays behind, in numbers; empty if nobody does."""
    adults, minors = offer.not_included.adults, offer.not_included.minors
    parts = []
    if adults:
        text = words.ngettext("%(count)s adult", "%(count)s adults", adults)
        parts.append(text % {"count": words.number(adults)})
    if minors:
        text = words.ngettext("%(count)s minor", "%(count)s minors", minors)
        parts.append(text % {"count": words.number(minors)})
    return ", ".join(parts)


def size_in_words(length: int, words: Words) -> str:
    """A number of bytes in KB or MB, like ``3,4 MB``."""
    if length < 1_000_000:
        return f"{words.number(max(1, round(length / 1000)))}\u00a0KB"
    return f"{words.number(round(length / 1_000_000, 1))}\u00a0MB"


def last_day(end: datetime) -> date:
    """The last day before an exclusive end."""
    return datetime.fromtimestamp(end.timestamp() - 1, end.tzinfo).date()


def _counted(bands: Sequence[str]) -> Sequence[tuple[str, int]]:
    return [(band, bands.count(band)) for band in dict.fromkeys(bands)]


def _refused_by_person(found: Received) -> bool:
    refusal = found.transfer.refusal
    return refusal is not None and refusal.by == By.APPROVER


def sender_of(office: Office, sender: MemberId) -> Sender:
    """Who sent it, as the directory knows them now."""
    try:
        directory = office.directory()
        return Sender(sender, directory.member(sender), directory.is_retired(sender))
    except UnknownNodeError:
        return Sender(sender, None, is_retired=False)


def bodies_of(office: Office) -> Sequence[tuple[str, str]]:
    """The other bodies of the directory, for the reason that names one."""
    return sorted(
        (
            (str(member.id), member.name)
            for member in office.directory().members()
            if member.id != office.member
        ),
        key=lambda pair: pair[1],
    )
