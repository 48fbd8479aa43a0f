"""How much one recipient takes, as its key sheet says it.

Enters: numbers of a sheet or of the settings. Leaves: the room for a container and for its
documents. Must never happen: a packet sealed for somebody who cannot take it. Implements
HO-65, LIM-3.
"""

from dataclasses import dataclass
from typing import Final

from node.sync.limits import CONTENT_BYTES, DOCUMENT_BYTES, PACKET_BYTES


@dataclass(frozen=True, slots=True)
class Room:
    """The largest container and document that a recipient takes, in bytes."""

    packet: int = PACKET_BYTES
    document: int = DOCUMENT_BYTES

    @property
    def documents(self) -> int:
        """All documents of one transfer; records and evidence have their own share."""
        return max(self.packet - CONTENT_BYTES, self.packet // 4)


USUAL_ROOM: Final = Room()
