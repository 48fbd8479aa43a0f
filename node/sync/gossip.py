"""What travels beside our proofs about other logs: theirs, and those of third towns.

Enters: what we remember of the reader's log and of other logs. Leaves: the reader's own
checkpoint with our cosignature. Must never happen: a note shown whose log did not sign it;
a claim about us believed without our own signature (LR-19). Implements ``seen_note`` of
exchange-log 6.1, which shows a restored node that it is behind.
"""

from dataclasses import dataclass, replace

from node.crypto.checkpoint import add_lines, cosign
from node.exchangelog.attachment import Attachment
from node.ids import MemberId
from node.sync.office import Office
from node.sync.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Beside:
    """The same for every statement of one sending; ``seen_note`` is the reader's head."""

    seen_note: str | None

    def into(self, attachment: Attachment) -> Attachment:
        """The attachment with it."""
        return replace(attachment, seen_note=self.seen_note)


def beside(uow: UnitOfWork, office: Office, peer: MemberId) -> Beside:
    """What goes beside all statements to one peer; inside the caller's unit."""
    seen = uow.heads.seen(office.log_of(peer))
    if seen is None:
        return Beside(None)
    # Only our cosignature: others' lines would be theirs to show, and cost their length.
    bare = seen.note[: seen.note.index("\n", seen.note.index("\n\n") + 2) + 1]
    time_s = int(office.clock.now().timestamp())
    line = cosign(seen.note, office.witness_name, office.keyring.witness, time_s)
    return Beside(add_lines(bare, [line]))
