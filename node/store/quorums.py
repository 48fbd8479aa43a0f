"""What waits for witnesses here, and what senders have shown of theirs.

Enters: how a container of ours stands to our policy; the proof beside an offer. Leaves:
the same. Must never happen: a beginning of waiting that moves, since the hours of an
override count from it (LR-24). Implements ``Quorums``.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, select, update

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node.ids import AccountId, TransferId
from node.store.witnesstables import gossip_head, quorum_shown, quorum_wait
from node.store.work import Work
from node.strictjson import encode
from node.sync.rows import Head, OverrideAsked, QuorumWait


def _wait() -> Insert:
    new = insert(quorum_wait)
    kept = ("got", "needed", "missing")
    return new.on_conflict_do_update(
        index_elements=["transfer"], set_={name: new.excluded[name] for name in kept}
    )


def _show() -> Insert:
    new = insert(quorum_shown)
    kept = ("outcome", "note")
    return new.on_conflict_do_update(
        index_elements=["transfer"], set_={name: new.excluded[name] for name in kept}
    )


_WAIT: Final = _wait()
_ALL: Final = select(quorum_wait).order_by(quorum_wait.c.since, quorum_wait.c.transfer)
_ONE: Final = select(quorum_wait).where(quorum_wait.c.transfer == bindparam("of"))
_DROP: Final = delete(quorum_wait).where(quorum_wait.c.transfer == bindparam("of"))
_CHANGE: Final = update(quorum_wait).where(quorum_wait.c.transfer == bindparam("of"))
_SHOW: Final = _show()
_SHOWN: Final = select(quorum_shown.c.outcome).where(
    quorum_shown.c.transfer == bindparam("of")
)
_HEARD: Final = select(gossip_head).where(
    gossip_head.c.origin == bindparam("of"), gossip_head.c.size == bindparam("at")
)
_HEARD_OF: Final = (
    select(gossip_head)
    .where(gossip_head.c.origin == bindparam("of"))
    .order_by(gossip_head.c.size)
)
_HEAR: Final = insert(gossip_head).on_conflict_do_nothing()
_SETTLE: Final = delete(gossip_head).where(
    gossip_head.c.origin == bindparam("of"), gossip_head.c.size == bindparam("at")
)


class SqlQuorums:
    """Waiting and shown quorums inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def waiting(self, transfer: TransferId) -> QuorumWait | None:
        """How a container of ours waits, None if it does not."""
        row = self._work.row(_ONE, {"of": transfer})
        return None if row is None else _from_row(row)

    def all_waiting(self) -> Sequence[QuorumWait]:
        """Every container of ours that waits for witnesses, the oldest first."""
        return [_from_row(row) for row in self._work.rows(_ALL)]

    def wait(self, waits: QuorumWait) -> None:
        """Note how it stands; when it began to wait stays, and so does an override."""
        row = {
            "transfer": waits.transfer,
            "since": waits.since,
            "got": waits.got,
            "needed": waits.needed,
            "missing": encode(list(waits.missing)).decode(),
            "code": None,
            "asked_role": None,
            "asked_by": None,
            "override": None,
        }
        self._work.change(_WAIT, row)

    def ask_override(self, transfer: TransferId, asked: OverrideAsked) -> None:
        """Somebody asks for an override; it counts for nothing until it is confirmed."""
        self._work.move(
            _CHANGE,
            {
                "of": transfer,
                "code": asked.code,
                "asked_role": asked.role,
                "asked_by": asked.account,
            },
        )

    def override(self, transfer: TransferId, entry: bytes) -> None:
        """The override stands in our log."""
        self._work.move(_CHANGE, {"of": transfer, "override": entry})

    def drop(self, transfer: TransferId) -> None:
        """It waits no more."""
        self._work.change(_DROP, {"of": transfer})

    def show(self, transfer: TransferId, outcome: str, note: str) -> None:
        """A sender has shown its quorum, or an override, under this note."""
        row = {"transfer": transfer, "outcome": outcome, "note": note}
        self._work.change(_SHOW, row)

    def shown(self, transfer: TransferId) -> str | None:
        """``met`` or ``overridden``, None while nothing was shown."""
        row = self._work.row(_SHOWN, {"of": transfer})
        return None if row is None else row.outcome

    def heard(self, origin: str, size: int) -> Head | None:
        """A head of a third log that a peer told of."""
        row = self._work.row(_HEARD, {"of": origin, "at": size})
        return None if row is None else _head(row)

    def heard_of(self, origin: str) -> Sequence[Head]:
        """All such heads of one log, the smallest first."""
        return [_head(row) for row in self._work.rows(_HEARD_OF, {"of": origin})]

    def hear(self, head: Head) -> None:
        """Keep a head until it can be compared."""
        self._work.change(
            _HEAR,
            {
                "origin": head.origin,
                "size": head.size,
                "root": head.root,
                "note": head.note,
            },
        )

    def settle(self, origin: str, size: int) -> None:
        """It was compared."""
        self._work.change(_SETTLE, {"of": origin, "at": size})


def _head(row: Row[*tuple[Any, ...]]) -> Head:
    return Head(row.origin, row.size, row.root, row.note)


def _from_row(row: Row[*tuple[Any, ...]]) -> QuorumWait:
    asked = None
    if row.code is not None:
        account = AccountId(row.asked_by) if row.asked_by else None
        asked = OverrideAsked(row.code, row.asked_role, account)
    return QuorumWait(
        transfer=TransferId(row.transfer),
        since=row.since,
        got=row.got,
        needed=row.needed,
        missing=tuple(json.loads(row.missing)),
        asked=asked,
        override=row.override,
    )
