"""May this node speak? What it does after a start until others have had the first word.

Enters: how the signer's mark stands to the log, whom the node has met, and what each of
them says it remembers of our log. Leaves: a standing, and why. Must never happen: a
signature while somebody knows a newer head of ours; a quarantine because somebody merely
claims to (LR-19); a wait in which two nodes wait for each other, so nothing here asks
whether the other side may speak (LR-25). Implements exchange-log 5.4, SR-R3, SR-R4, P14.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    open_checkpoint,
    peek_origin,
)
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.proof import OwnLog
from node.ids import MemberId

MET_WITHIN: Final = timedelta(days=180)
ENOUGH: Final = 2
"""So many answers of members met within that time let a node speak (LR-25)."""

DECLARED_AFTER: Final = timedelta(hours=1)
"""Two persons may declare "not rolled back" after so long a wait (LR-24)."""


@unique
class Standing(StrEnum):
    """What the node may do."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    QUARANTINE = "quarantine"


@unique
class Reason(StrEnum):
    """Why the node is in quarantine; pages and commands know each by this name."""

    NO_MARK = "no_mark"
    NOT_OF_MARK = "not_of_mark"  # the log does not contain its mark
    READ_BACK = "read_back"
    AHEAD = "ahead"  # somebody shows our own signature under a head we lack


@dataclass(frozen=True, slots=True)
class Stand:
    """How the node stands; ``since`` begins with each change, ``proof`` is a note of ours.

    ``declared`` says that two persons ended the wait (LR-24).
    """

    standing: Standing
    since: datetime
    reason: Reason | None = None
    proof: str | None = None
    declared: bool = False


@unique
class Said(StrEnum):
    """What a peer's memory of our log comes to."""

    NOTHING = "nothing"  # it remembers no head of ours
    KNOWN = "known"  # our log contains it
    AHEAD = "ahead"  # our signature, and our log lacks it
    VOID = "void"  # not our signature: a claim, which counts for nothing (LR-19)


def judge_note(note: str | None, own: OwnLog) -> Said:
    """What a note of our log, remembered by somebody else, says about us.

    Args:
        note: As it came; None where nothing is remembered.
        own: Our log. What is remembered of a log of ours with a smaller number was
            settled when this one began.
    """
    if note is None:
        return Said.NOTHING
    head = own_head(note, own)
    if head is None:
        return Said.VOID
    if head.origin == own.key.name:
        return Said.KNOWN if own.contains(head) else Said.AHEAD
    later = number_of(head.origin) > number_of(own.key.name)
    return Said.AHEAD if later else Said.KNOWN


def own_head(note: str, own: OwnLog) -> Checkpoint | None:
    """The head that a note carries under our own valid signature, else None.

    A log of ours with a later number counts as well: after a restore from before it began
    its notes are all that is left of it.
    """
    try:
        origin = peek_origin(note)
        if series_of(origin) != series_of(own.key.name):
            return None
        return open_checkpoint(note, NoteKey(origin, own.key.key, own.key.type))
    except (MalformedMessageError, SignatureError):
        return None


def number_of(name: str) -> int:
    """The number at the end of an origin or of a witness's name."""
    return int(name.rpartition("/")[2])


def series_of(origin: str) -> str:
    """The part of an origin that all logs of a node share: ``<host>/log/``."""
    return origin.rpartition("/")[0]


def at_start(*, mark: Reason | None, to_ask: Iterable[MemberId]) -> Standing:
    """How a node stands when it starts.

    Args:
        mark: What is wrong with the signer's mark, None if the log reaches and contains it.
        to_ask: Whom to ask for the first word; nobody at the first start ever.
    """
    if mark is not None:
        return Standing.QUARANTINE
    return Standing.WAITING if any(True for _ in to_ask) else Standing.SPEAKING


def to_ask(
    met: Mapping[MemberId, datetime], listed: Iterable[MemberId] | None, at: datetime
) -> frozenset[MemberId]:
    """Whose answers count: met within 180 days and still listed.

    Args:
        met: When each member last answered us or called.
        listed: Members of the directory; None while there is no directory.
        at: Now.
    """
    recent = {member for member, seen_at in met.items() if at - seen_at <= MET_WITHIN}
    return frozenset(recent if listed is None else recent.intersection(listed))


def after_answers(
    stand: Standing, asked: frozenset[MemberId], said: Mapping[MemberId, Said]
) -> Standing:
    """How the node stands once these have answered; who did not is not in ``said``.

    Whoever shows that we are behind puts us into quarantine, met or not. A void claim is
    no answer: else one liar could speak for two.
    """
    if stand is Standing.QUARANTINE or Said.AHEAD in said.values():
        return Standing.QUARANTINE
    good = {m for m in asked if said.get(m) in {Said.NOTHING, Said.KNOWN}}
    enough = len(good) >= min(ENOUGH, len(asked))
    return Standing.SPEAKING if enough else stand


def may_declare(stand: Stand, at: datetime) -> bool:
    """Whether two persons may end the wait by their word (LR-24)."""
    return (
        stand.standing is Standing.WAITING
        and stand.reason is None
        and at - stand.since >= DECLARED_AFTER
    )
