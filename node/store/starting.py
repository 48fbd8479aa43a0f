"""The start of a node: the mark is held against the log, and the standing set anew.

Enters: the signer's mark as it lies on the disk. Leaves: a standing in which the node may
go on. Must never happen: a start that takes over the standing of the last run; a node that
speaks although its log is not the one of its mark (LR-11). Implements SR-R3, exchange-log
5.4.
"""

from pathlib import Path

import structlog

from node.errors import LogError
from node.exchangelog.standing import (
    Reason,
    Said,
    Stand,
    Standing,
    at_start,
    judge_note,
    to_ask,
)
from node.store.mark import Mark, read_mark
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync import firstword
from node.sync.office import Office

log = structlog.get_logger("node")


class Start:
    """Sets the standing of this node; called by each leader before anything else."""

    def __init__(
        self, store: Store, office: Office, mark: Path, *, alone: bool
    ) -> None:
        """Remember what to judge; ``alone``: no other process serves this database."""
        self._store = store
        self._office = office
        self._mark = mark
        self._alone = alone

    def __call__(self) -> None:
        """Judge the mark and set the standing anew."""
        stand = self._store.write_sync(begin, self._office, mark_or_none(self._mark))
        if stand.standing is Standing.QUARANTINE:
            log.warning("reading only", code=stand.reason)

    def unless_led(self) -> None:
        """The same before the listeners open, so that none answers as the last run did.

        Where another process of this node leads, its standing is the one that counts.
        """
        at = self._office.clock.now()
        if self._alone or not self._store.read_sync(lambda uow: uow.run.is_led(at)):
            self()


def begin(uow: SqlUnitOfWork, office: Office, mark: Mark | None) -> Stand:
    """Set the standing for this start, whatever the last run left (LR-11, SR-R3).

    A note that put the last run into quarantine is held against the log once more: it
    needs no peer to say it again.
    """
    with uow:
        at = office.clock.now()
        fault, proof = uow.run.fault_of(mark), uow.stands.read().proof
        if (
            fault is None
            and judge_note(proof, firstword.own_log(uow, office)) is Said.AHEAD
        ):
            fault = Reason.AHEAD
        asked = to_ask(uow.stands.met(), firstword.listed(office), at)
        standing = at_start(mark=fault, to_ask=asked)
        if standing is not Standing.QUARANTINE:
            proof = None
        stand = Stand(standing, at, fault, proof)
        uow.run.begin(stand)
        uow.commit()
    return stand


def mark_or_none(path: Path) -> Mark | None:
    """The signer's mark; one that cannot be read is as good as none."""
    try:
        return read_mark(path)
    except LogError:
        return None
