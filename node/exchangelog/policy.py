"""When a packet may leave: the pair policy and the floor.

Enters: a checkpoint, its cosigners, whose packet it is. Leaves: yes or no. Must never
happen: a packet leaving before its recipient cosigned the entry that sends it; the own
cosignature counting. Implements LR-20, LR-21, HO-46 and the built-in policy **pair** of
exchange-log 5.2; a district's policy adds its quorum to the floor, never instead of it.
"""

from collections.abc import Collection, Iterable

from node.crypto.checkpoint import Checkpoint, NoteKey, verify_cosignature
from node.errors import MalformedMessageError, SignatureError


def cosigners(note: str, witnesses: Iterable[NoteKey]) -> frozenset[NoteKey]:
    """Which of these witnesses cosigned a note, each line verified.

    A note that any of them spoiled with a bad signature has no cosigners: a known key
    with a bad signature refuses the note (C2SP signed-note).
    """
    try:
        return frozenset(
            key for key in witnesses if verify_cosignature(note, key) is not None
        )
    except (MalformedMessageError, SignatureError):
        return frozenset()


def met(
    head: Checkpoint,
    cosigned_by: Collection[NoteKey],
    *,
    recipient: NoteKey,
    own: NoteKey,
    index: int,
) -> bool:
    """Whether the packet whose ``transfer.sent`` stands at ``index`` may leave.

    Args:
        head: The head of the sender's log that was cosigned.
        cosigned_by: From ``cosigners``.
        recipient: The witness key of the recipient; its cosignature cannot be waived.
        own: The sender's witness key, which never counts, even as a recipient's.
        index: Of the entry in the sender's log.
    """
    if recipient.key.raw == own.key.raw:
        return False
    return recipient in cosigned_by and 0 <= index < head.size
