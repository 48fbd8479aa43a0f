"""The chain of statements from one node to one other: the next place, and what fits it.

Enters: the newest position that is remembered, and the place a statement claims. Leaves:
the next link, or one judgement. Must never happen: two statements taken at one position; a
gap passed over. Implements handover 7.2; HO-20, HO-42 to HO-44, HO-50.
"""

from dataclasses import dataclass
from typing import Final

from node.errors import UsageError

START: Final = bytes(32)
"""``prev`` where the audience holds nothing: 43 times ``A`` on the wire (HO-42)."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a chain of statements: incarnation, number, SHA-256 of the JWS there."""

    inc: int
    seq: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """Where a statement stands in its chain; ``prev`` is the SHA-256 of the JWS before."""

    inc: int
    seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class Take:
    """It is the next one of its chain, or the first of a new incarnation (HO-50)."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """It was taken before with equal bytes: the stored result is the answer (HO-20)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Its ``jti`` was taken before with other bytes: alarm (HO-20)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something before it is missing: the position that is expected (HO-44)."""

    inc: int
    seq: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Two histories: the pair goes into quarantine, both are kept as proof (HO-44)."""


Judgement = Take | Repeat | Conflict | Gap | Fork


def next_link(last: Position | None, inc: int, *, held: bytes | None = None) -> Link:
    """Where our next statement to a peer stands; call it under the chain's lock (HO-43).

    Args:
        last: Our newest statement to this peer, of any incarnation.
        inc: Our incarnation now.
        held: For the first one of an incarnation: the digest of our last statement that
            the peer says it holds, None if it holds nothing (HO-42).

    Raises:
        UsageError: ``last`` is of a later incarnation than ours.
    """
    if last is not None and last.inc > inc:
        raise UsageError("chain: incarnation went back")
    if last is None or last.inc < inc:
        return Link(inc, 1, held or START)
    return Link(inc, last.seq + 1, last.digest)


def judge(
    last: Position | None, link: Link, *, digest: bytes, known: bytes | None
) -> Judgement:
    """Whether a peer's statement is the next link of its chain.

    Args:
        last: The peer's newest statement taken without a gap.
        link: The place that a verified statement claims.
        digest: SHA-256 of its JWS.
        known: The digest under which its ``jti`` was taken before, if it was.

    ``Take`` of a higher incarnation still needs the log gate: the log must go on.
    """
    if known is not None:
        return Repeat() if known == digest else Conflict()
    if last is None or link.inc > last.inc:
        if link.seq > 1:
            return Gap(link.inc, 1)
        held = START if last is None else last.digest
        return Take() if link.prev == held else Fork()
    if link.inc == last.inc and link.seq > last.seq + 1:
        return Gap(last.inc, last.seq + 1)
    fits = link.seq == last.seq + 1 and link.prev == last.digest
    return Take() if link.inc == last.inc and fits else Fork()
