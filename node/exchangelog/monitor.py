"""What a monitor concludes from a head that a log publishes now.

Enters: the head remembered from the last cycle, the one published now, a proof. Leaves: one
word. Must never happen: an empty log, a first meeting or a new origin taken for a fault; a
head that goes back taken for sound. Pure. Implements EL-16 for ``log watch``.
"""

from enum import StrEnum, unique

from node.crypto.checkpoint import Checkpoint
from node.exchangelog.witness import Extension, goes_on


@unique
class Seen(StrEnum):
    """How a published head stands to the remembered one."""

    FIRST = "first"  # nothing was remembered of this origin: normal
    SAME = "same"
    GREW = "grew"
    OLDER = (
        "older"  # smaller than remembered, on the same history: a database put back?
    )
    UNSHOWN = "unshown"  # no proof that it goes on: not remembered
    FORK = "fork"  # two roots at one size

    @property
    def is_fine(self) -> bool:
        """Whether nobody needs to look."""
        return self in {Seen.FIRST, Seen.SAME, Seen.GREW}


def judge_head(
    known: Checkpoint | None, head: Checkpoint, proof: Extension | None
) -> Seen:
    """Judge a head whose signature was verified.

    Args:
        known: Remembered from the last cycle, of the same origin.
        head: As published now.
        proof: From the smaller to the larger of both, None if there is none.
    """
    if known is None or known.size == 0:
        return Seen.FIRST if known is None else Seen.GREW
    if known.size == head.size:
        return Seen.SAME if known.root == head.root else Seen.FORK
    if head.size > known.size:
        return Seen.GREW if goes_on(known, head, proof) else Seen.UNSHOWN
    return Seen.OLDER if goes_on(head, known, proof) else Seen.UNSHOWN
