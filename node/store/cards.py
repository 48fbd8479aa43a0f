"""Key cards of peers that were judged and taken.

Enters: a card. Leaves: the newest one of a peer. Must never happen: a card over a later one.
Implements ``node.sync.logports.Cards``.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node import strictjson
from node.exchangelog.keycard import KeyCard, encode_card, parse_card
from node.ids import MemberId
from node.store.pasttables import peer_card as _card
from node.store.work import Work


def _keep() -> Insert:
    new = insert(_card)
    return new.on_conflict_do_update(
        index_elements=["peer"],
        set_={name: new.excluded[name] for name in ("inc", "payload", "taken_at")},
        where=_card.c.inc < new.excluded.inc,
    )


_FIND: Final = select(_card.c.payload).where(_card.c.peer == bindparam("of"))
_ANY: Final = select(_card.c.peer).limit(1)
_KEEP: Final = _keep()


class SqlCards:
    """One row per peer that ever recovered."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def find(self, peer: MemberId) -> KeyCard | None:
        """The newest card taken of a peer, None if the directory says all."""
        row = self._work.row(_FIND, {"of": peer})
        return (
            None
            if row is None
            else parse_card(strictjson.parse_object(row[0].encode()))
        )

    def any(self) -> bool:
        """Whether there is any: mostly there is none, and the directory says all."""
        return self._work.row(_ANY) is not None

    def keep(self, peer: MemberId, card: KeyCard, at: datetime) -> None:
        """Take a later card. ConflictError if one as late is there."""
        payload = strictjson.encode(encode_card(card)).decode()
        row = {"peer": peer, "inc": card.inc, "payload": payload, "taken_at": at}
        self._work.move(_KEEP, row)
