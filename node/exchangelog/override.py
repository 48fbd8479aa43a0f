"""The entry by which two people let one packet leave without its quorum (LR-24).

Enters: an attachment whose head was verified. Leaves: the override it proves for one
transfer, or nothing. Must never happen: an override believed that is not in the sender's
log, is about another transfer, or has no second hand.
"""

from node.crypto.checkpoint import Checkpoint
from node.crypto.commit import check_opening, leaf_input
from node.crypto.merkle import leaf_hash, verify_inclusion
from node.errors import MalformedMessageError
from node.exchangelog.attachment import Attachment
from node.exchangelog.entry import Entry, parse_entry
from node.exchangelog.kinds import EntryType
from node.ids import TransferId


def override_in(
    attachment: Attachment, head: Checkpoint, transfer: TransferId
) -> Entry | None:
    """The override that stands last in an attachment, if it is proven.

    Args:
        attachment: Beside the offer; its last entry is opened if it is an override.
        head: The verified head of the attachment.
        transfer: T.
    """
    shown = attachment.entries[-1] if len(attachment.entries) > 1 else None
    if shown is None or shown.opening is None:
        return None
    leaf = leaf_hash(leaf_input(shown.c))
    try:
        verify_inclusion(shown.index, head.size, leaf, shown.path, head.root)
        entry = parse_entry(check_opening(shown.c, shown.opening))
    except MalformedMessageError:
        return None
    fits = (
        entry.type is EntryType.OPERATOR_OVERRIDE
        and entry.log == head.origin
        and entry.more["what"] == "quorum"
        and entry.more["transfer"] == str(transfer)
        and entry.second is not None
    )
    return entry if fits else None
