"""What a node brings to its use cases: keys, clock, chance and the directory in force.

Enters: what ``bootstrap`` has opened. Leaves: one value that every use case is given. Must
never happen: a use case that reads a clock or draws chance from anywhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from node.cases.townsettings import TownSettings
from node.clock import Clock
from node.crypto.checkpoint import Checkpoint
from node.crypto.keys import Keyring, Randomness
from node.failpoints import Failpoints
from node.ids import MemberId
from node.sync.limits import (
    DOCUMENT_BYTES,
    OPEN_TRANSFERS_PER_PEER,
    PACKET_BYTES,
    UNOPENED_BYTES_PER_PEER,
)
from node.trust.directory import Directory


def _nobody(_peer: MemberId | None, _version: int) -> None:
    """Without a worker nobody refreshes the directory."""


def _no_peer() -> None:
    """Without a refreshing job nobody is known to be ahead of us."""


@dataclass(frozen=True, slots=True)
class Office:
    """What this node brings to a use case: its keys, clock, chance and directory.

    ``keys`` gives the keyring and ``directory`` the directory in force at the moment of the
    call. ``failpoints`` is inert in every real node. ``continues`` is the head of our former
    log that the present one continues, None for a first log (LR-28). ``register`` is the id
    of this procedure in the body's register of processing (Art. 30 GDPR). ``town`` gives what
    the town has decided, as it stands at the moment of the call. ``newer`` is told which
    version of the directory a peer knows; ``behind`` says which peer has known a newer one
    for an hour that we cannot fetch.
    ``accept_override`` says whether a container may come in whose sender's quorum two
    people have waived (LR-24). ``packet_bytes`` and ``document_bytes`` are the most that we
    take, as our key sheet says; ``unopened_bytes`` the most of one peer that may wait here.
    """

    keys: Callable[[], Keyring]
    clock: Clock
    randomness: Randomness
    directory: Callable[[], Directory]
    failpoints: Failpoints
    log_origin: str
    witness_name: str
    continues: Checkpoint | None = None
    register: str = "V-01"
    open_transfers: int = OPEN_TRANSFERS_PER_PEER
    packet_bytes: int = PACKET_BYTES
    document_bytes: int = DOCUMENT_BYTES
    unopened_bytes: int = UNOPENED_BYTES_PER_PEER
    town: Callable[[], TownSettings] = TownSettings
    newer: Callable[[MemberId | None, int], None] = _nobody
    behind: Callable[[], MemberId | None] = _no_peer
    accept_override: bool = True

    @property
    def keyring(self) -> Keyring:
        """This node's private keys, as they stand now (handover 12.1)."""
        return self.keys()

    @property
    def statutes(self) -> frozenset[str]:
        """The paragraphs that two people of this body have put in force (FR-21)."""
        return self.town().statutes

    @property
    def member(self) -> MemberId:
        """This node's own member id."""
        return self.keyring.member
