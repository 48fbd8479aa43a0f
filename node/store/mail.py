"""What of ours lies in mailboxes, and what we owe for letters.

Enters: what a relay has taken from us, letters of peers. Leaves: what is due again, what is
to be answered. Must never happen: something of ours that is neither acknowledged nor ever
sent again (HO-90). Implements ``Mail``.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, exists, func, or_, select, update

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node.ids import MemberId, MessageId, TransferId
from node.store.relaytables import mail_post as _post
from node.store.relaytables import mail_reply as _reply
from node.store.tables import outbox_packet as _packet
from node.store.tables import statement as _statement
from node.store.work import Work
from node.sync.mailports import Owed, Turn
from node.sync.schedule import post_again

HELLO: Final = "hello"
LAST: Final = "relay"
"""The row that remembers which relay took something last; it is never due."""
FAILING: Final = "failing"
"""The row that remembers since when no relay takes anything; it is never due either."""
_MARKS: Final = (LAST, FAILING)

_TO: Final = _post.c.peer == bindparam("to")
_ONE: Final = select(_post).where(_TO, _post.c.key == bindparam("what"))
_DUE: Final = select(func.count()).where(
    _TO, _post.c.key.not_in(_MARKS), _post.c.until <= bindparam("now")
)
_OUTSTANDING: Final = or_(
    exists().where(
        _statement.c.peer == _post.c.peer,
        _statement.c.jti == _post.c.key,
        _statement.c.acknowledged_at.is_(None),
    ),
    exists().where(_packet.c.transfer == _post.c.key),
)
_LIES: Final = select(func.min(_post.c.posted_at)).where(
    or_(
        exists().where(
            _statement.c.transfer == bindparam("of"),
            _statement.c.peer == _post.c.peer,
            _statement.c.jti == _post.c.key,
            _statement.c.acknowledged_at.is_(None),
        ),
        exists().where(
            _packet.c.transfer == bindparam("of"), _packet.c.transfer == _post.c.key
        ),
    )
)
_TIDY: Final = delete(_post).where(
    _TO, _post.c.key.not_in((HELLO, *_MARKS)), ~_OUTSTANDING
)
_WORKS: Final = delete(_post).where(_TO, _post.c.key == FAILING)
_GREETED: Final = delete(_post).where(_TO, _post.c.key == HELLO)
_HASTEN: Final = update(_post).where(_TO, _post.c.until > bindparam("now"))

_OWED: Final = select(_reply).where(_reply.c.peer == bindparam("to")).with_for_update()
_PAID: Final = delete(_reply).where(
    _reply.c.peer == bindparam("to"), _reply.c.version == bindparam("seen")
)


def _noted() -> Insert:
    new = insert(_post)
    names = ("relay", "posted_at", "until", "attempts")
    return new.on_conflict_do_update(
        index_elements=["peer", "key"], set_={n: new.excluded[n] for n in names}
    )


def _owing() -> Insert:
    new = insert(_reply)
    return new.on_conflict_do_update(
        index_elements=["peer"],
        set_={
            "results": new.excluded.results,
            "version": _reply.c.version + new.excluded.version,
        },
    )


_NOTE: Final = _noted()
_OWE: Final = _owing()


class SqlMail:
    """One row per thing that lies there, one per peer that is owed a reply."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def note(
        self, peer: MemberId, keys: Iterable[str], relay: str, at: datetime
    ) -> None:
        """These lie at a relay now; each time it is longer until they go again."""
        self._work.change(_TIDY, {"to": peer})
        for key in keys:
            row = self._work.row(_ONE, {"to": peer, "what": key})
            attempts = 1 + (row.attempts if row else 0)
            self._work.change(
                _NOTE,
                {
                    "peer": peer,
                    "key": key,
                    "relay": relay,
                    "posted_at": at,
                    "until": post_again(attempts, at),
                    "attempts": attempts,
                },
            )
        self.reached(peer, relay, at)

    def lies(self, peer: MemberId, key: str, now: datetime) -> bool:
        """Whether one lies there and is not due again."""
        row = self._work.row(_ONE, {"to": peer, "what": key})
        return row is not None and row.until > now

    def lies_since(self, transfer: TransferId) -> datetime | None:
        """Since when something of a transfer lies at a relay, unanswered (HO-92)."""
        row = self._work.row(_LIES, {"of": transfer})
        return None if row is None else row[0]

    def turn(self, peer: MemberId, now: datetime) -> Turn:
        """Which relay took something last, and whether that brought nothing in time."""
        last = self._work.row(_ONE, {"to": peer, "what": LAST})
        due = self._work.row(_DUE, {"to": peer, "now": now})
        failing = self._work.row(_ONE, {"to": peer, "what": FAILING})
        return Turn(
            last.relay if last else "",
            int(due[0]) if due else 0,
            failing.posted_at if failing else None,
        )

    def missed(self, peer: MemberId, at: datetime) -> None:
        """The relay whose turn it was took nothing; the first time counts."""
        if self._work.row(_ONE, {"to": peer, "what": FAILING}) is None:
            self._mark(peer, FAILING, "", at)

    def reached(self, peer: MemberId, relay: str, at: datetime) -> None:
        """This relay took something: it is the one that works."""
        self._work.change(_WORKS, {"to": peer})
        self._mark(peer, LAST, relay, at)

    def _mark(self, peer: MemberId, key: str, relay: str, at: datetime) -> None:
        row = {"peer": peer, "key": key, "relay": relay, "posted_at": at, "until": at}
        self._work.change(_NOTE, row | {"attempts": 0})

    def heard(self, peer: MemberId) -> None:
        """The peer has said something: it reads its mailbox."""
        self._work.change(_GREETED, {"to": peer})

    def hasten(self, peer: MemberId, at: datetime) -> None:
        """Something is missing there: all that lies there is due again at this instant."""
        self._work.change(_HASTEN, {"to": peer, "now": at, "until": at})

    def owe(self, peer: MemberId, results: Mapping[MessageId, str]) -> None:
        """Add to what we owe."""
        row = self._work.row(_OWED, {"to": peer})
        before = json.loads(row.results) if row else {}
        owed = {**before, **{str(jti): said for jti, said in results.items()}}
        self._work.change(
            _OWE, {"peer": peer, "results": json.dumps(owed), "version": 1}
        )

    def owed(self, peer: MemberId) -> Owed | None:
        """What we owe, None if nothing."""
        row = self._work.row(_OWED, {"to": peer})
        if row is None:
            return None
        said = {MessageId(jti): code for jti, code in json.loads(row.results).items()}
        return Owed(said, row.version)

    def paid(self, peer: MemberId, version: int) -> None:
        """It was said, unless more came meanwhile."""
        self._work.change(_PAID, {"to": peer, "seen": version})
