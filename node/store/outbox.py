"""The outbox: what wants to go out, per peer, and how often it failed.

Enters: statements and packets in the transaction of their cause. Leaves: what is next for
a peer. Must never happen: a statement that overtakes its predecessor (HO-81), a packet
before its offer was taken (HO-46), "is connected" as a row (HO-78). Statements stay after
they are acknowledged (HO-47). Implements ``Outbox``.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    Row,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    union,
    update,
)

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import insert

from node.ids import MemberId, MessageId, TransferId
from node.store.peerqueue import DUE, FAILED, MET, SUCCEEDED
from node.store.relaytables import mail_post as _post
from node.store.relaytables import mail_reply as _reply
from node.store.tables import outbox_packet as _packet
from node.store.tables import statement as _statement
from node.store.witnesstables import quorum_wait as _wait
from node.store.work import Work
from node.sync.limits import PUT_BYTES
from node.sync.rows import Due, PacketRow, StatementRow
from node.sync.words import StatementType

_COLUMNS: Final = (
    _statement.c.peer,
    _statement.c.jti,
    _statement.c.inc,
    _statement.c.seq,
    _statement.c.type,
    _statement.c.jws,
    _statement.c.entry,
    _statement.c.cp_size,
    _statement.c.transfer,
)
_IN_ORDER: Final = (_statement.c.inc, _statement.c.seq)
_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_WAITS: Final = _statement.c.acknowledged_at.is_(None)
_PRESSES: Final = and_(_WAITS, _statement.c.parked_at.is_(None))
_OF_PEER: Final = _statement.c.peer == bindparam("to")

_ADD_STATEMENT: Final = insert(_statement)
_WAITING: Final = (
    select(*_COLUMNS)
    .where(_OF_PEER, _WAITS)
    .order_by(*_IN_ORDER)
    .limit(bindparam("most"))
)
# What lies at a relay goes again when its time has come (HO-92).
_AT_RELAY: Final = exists().where(
    _post.c.peer == _statement.c.peer,
    _post.c.key == _statement.c.jti,
    _post.c.until > bindparam("now"),
)
_TO_SEND: Final = (
    select(*_COLUMNS)
    .where(_OF_PEER, _WAITS, ~_AT_RELAY)
    .order_by(*_IN_ORDER)
    .limit(bindparam("most"))
)
_ONE: Final = select(*_COLUMNS).where(_OF_PEER, _statement.c.jti == bindparam("id_"))
_AFTER: Final = (
    select(*_COLUMNS)
    .where(
        _OF_PEER,
        _statement.c.acknowledged_at.is_not(None),
        or_(
            _statement.c.inc > bindparam("past_inc"),
            and_(
                _statement.c.inc == bindparam("past_inc"),
                _statement.c.seq > bindparam("past_seq"),
            ),
        ),
    )
    .order_by(*_IN_ORDER)
    .limit(bindparam("most"))
)
_VOID: Final = delete(_statement).where(
    _OF_PEER,
    _statement.c.inc == bindparam("at_inc"),
    _statement.c.seq == bindparam("at_seq"),
)
_OF_TRANSFER: Final = (
    select(*_COLUMNS)
    .where(_statement.c.transfer == bindparam("id_"))
    .order_by(_statement.c.peer, *_IN_ORDER)
)
_ACKNOWLEDGE: Final = update(_statement).where(
    _OF_PEER, _WAITS, _statement.c.jti.in_(bindparam("ids", expanding=True))
)
_ACKNOWLEDGE_THROUGH: Final = update(_statement).where(
    _OF_PEER,
    _WAITS,
    or_(
        _statement.c.inc < bindparam("to_inc"),
        and_(
            _statement.c.inc == bindparam("to_inc"),
            _statement.c.seq <= bindparam("to_seq"),
        ),
    ),
)

# Asked again after a restore of the peer, the row may still be there (LOST).
_ADD_PACKET: Final = insert(_packet).on_conflict_do_nothing()
_DROP_PACKET: Final = delete(_packet).where(_packet.c.transfer == bindparam("id_"))
_DROP_WAIT: Final = delete(_wait).where(_wait.c.transfer == bindparam("id_"))
_PARK: Final = update(_statement).where(
    _statement.c.transfer == bindparam("id_"), _WAITS
)
_GOES_ON: Final = _packet.c.parked_at.is_(None)
_PACKETS: Final = (
    select(_packet)
    .where(
        _packet.c.peer == bindparam("to"),
        _GOES_ON,
        or_(
            _packet.c.next_attempt_at.is_(None),
            _packet.c.next_attempt_at <= bindparam("now"),
        ),
        exists().where(
            _statement.c.transfer == _packet.c.transfer,
            _statement.c.peer == _packet.c.peer,
            _statement.c.type == StatementType.OFFER.value,
            _statement.c.acknowledged_at.is_not(None),
        ),
        ~exists().where(
            _post.c.peer == _packet.c.peer,
            _post.c.key == _packet.c.transfer,
            _post.c.until > bindparam("lies_at"),
        ),
    )
    .order_by(case((_packet.c.length <= PUT_BYTES, 0), else_=1), _packet.c.id)
    .limit(bindparam("most"))
)
_PACKET_FAILED: Final = update(_packet).where(_packet.c.transfer == bindparam("id_"))
_HAS_PACKET: Final = select(_packet.c.id).where(_packet.c.transfer == bindparam("id_"))
_NEXT_PACKET: Final = select(func.min(_packet.c.next_attempt_at)).where(
    _packet.c.peer == bindparam("to"), _GOES_ON
)
_PARKED: Final = select(_packet.c.transfer, _packet.c.code).where(
    _packet.c.parked_at.is_not(None)
)
_PEERS: Final = union(
    select(_statement.c.peer).where(_PRESSES),
    select(_packet.c.peer).where(_GOES_ON),
    select(_reply.c.peer),
).order_by("peer")
_WAITS_FOR: Final = select(
    or_(
        exists().where(_OF_PEER, _PRESSES),
        exists().where(_packet.c.peer == bindparam("to"), _GOES_ON),
        exists().where(_reply.c.peer == bindparam("to")),
    )
)


class SqlOutbox:
    """Statements in chain order, packets by size and age, one queue per peer."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add_statement(self, row: StatementRow) -> None:
        """Queue a statement at the end of its chain.

        Raises:
            ConflictError: Its place or its jti is taken.
        """
        self._work.change(
            _ADD_STATEMENT,
            {
                "peer": row.peer,
                "jti": row.jti,
                "inc": row.inc,
                "seq": row.seq,
                "type": row.type,
                "jws": row.jws,
                "entry": row.entry,
                "cp_size": row.cp_size,
                "transfer": row.transfer,
            },
        )

    def add_packet(self, row: PacketRow) -> None:
        """Queue a container, once per transfer."""
        self._work.change(
            _ADD_PACKET,
            {
                "peer": row.peer,
                "transfer": row.transfer,
                "digest": row.digest,
                "length": row.length,
                "offer_entry": row.offer_entry,
                "failures": 0,
            },
        )

    def drop_packet(self, transfer: TransferId) -> None:
        """Remove the packet row, if there is one."""
        self._work.change(_DROP_PACKET, {"id_": transfer})
        self._work.change(_DROP_WAIT, {"id_": transfer})

    def statements(self, peer: MemberId, limit: int) -> Sequence[StatementRow]:
        """The oldest statements not yet acknowledged, in chain order."""
        rows = self._work.rows(_WAITING, {"to": peer, "most": limit})
        return [_to_statement(row) for row in rows]

    def to_send(self, peer: MemberId, limit: int) -> Sequence[StatementRow]:
        """The same, but for what lies at a relay."""
        asked = {"to": peer, "most": limit, "now": self._work.now()}
        return [_to_statement(row) for row in self._work.rows(_TO_SEND, asked)]

    def statement(self, peer: MemberId, jti: MessageId) -> StatementRow | None:
        """One of our statements, acknowledged or not."""
        row = self._work.row(_ONE, {"to": peer, "id_": jti})
        return None if row is None else _to_statement(row)

    def after(
        self, peer: MemberId, inc: int, seq: int, *, limit: int
    ) -> Sequence[StatementRow]:
        """Our statements after a place that the peer took, in chain order (recovery).

        What it did not take yet goes its usual way and is no memory.
        """
        place = {"to": peer, "past_inc": inc, "past_seq": seq, "most": limit}
        return [_to_statement(row) for row in self._work.rows(_AFTER, place)]

    def keep_again(self, row: StatementRow, at: datetime) -> None:
        """A statement of ours that the peer holds and we had forgotten; never sent again.

        What stood at its place was written after the restore and never left.
        """
        place = {"to": row.peer, "at_inc": row.inc, "at_seq": row.seq}
        self._work.change(_VOID, place)
        self.add_statement(row)
        self.acknowledge(row.peer, [row.jti], at)

    def of_transfer(self, transfer: TransferId) -> Sequence[StatementRow]:
        """All our statements about one transfer, in chain order, acknowledged or not."""
        rows = self._work.rows(_OF_TRANSFER, {"id_": transfer})
        return [_to_statement(row) for row in rows]

    def acknowledge(
        self, peer: MemberId, jtis: Iterable[MessageId], at: datetime
    ) -> None:
        """A signed answer lists these as taken (HO-47)."""
        ids = [*jtis]
        if ids:
            self._work.change(
                _ACKNOWLEDGE, {"to": peer, "ids": ids, "acknowledged_at": at}
            )

    def acknowledge_through(
        self, peer: MemberId, inc: int, seq: int, at: datetime
    ) -> None:
        """The peer's ``got`` reaches this place; earlier incarnations lie before it."""
        self._work.change(
            _ACKNOWLEDGE_THROUGH,
            {"to": peer, "to_inc": inc, "to_seq": seq, "acknowledged_at": at},
        )

    def packets(
        self, peer: MemberId, limit: int, due_by: datetime | None = None
    ) -> Sequence[PacketRow]:
        """Containers whose offer was acknowledged, smallest class first, oldest first.

        None that is parked, and none whose next attempt lies after ``due_by``.
        """
        asked = {"to": peer, "most": limit, "now": due_by or _EVER}
        asked["lies_at"] = self._work.now()
        return [
            PacketRow(
                peer=MemberId(row.peer),
                transfer=TransferId(row.transfer),
                digest=row.digest,
                length=row.length,
                offer_entry=row.offer_entry,
                failures=row.failures,
                code=row.code,
            )
            for row in self._work.rows(_PACKETS, asked)
        ]

    def has_packet(self, transfer: TransferId) -> bool:
        """Whether the container of this transfer still wants to go out."""
        return self._work.row(_HAS_PACKET, {"id_": transfer}) is not None

    def packet_failed(
        self,
        row: PacketRow,
        *,
        next_at: datetime,
        code: str,
        parked: bool,
    ) -> None:
        """One more failure of this container alone (P20)."""
        self._work.change(
            _PACKET_FAILED,
            {
                "id_": row.transfer,
                "failures": row.failures + 1,
                "next_attempt_at": next_at,
                "parked_at": next_at if parked else None,
                "code": code,
            },
        )

    def next_packet_at(self, peer: MemberId) -> datetime | None:
        """When the next container of its own accord is tried again."""
        row = self._work.row(_NEXT_PACKET, {"to": peer})
        return None if row is None else row[0]

    def parked(self) -> Sequence[tuple[TransferId, str]]:
        """The containers that were put aside, each with the code that did it."""
        return [(TransferId(row[0]), row[1]) for row in self._work.rows(_PARKED)]

    def park(self, transfer: TransferId, at: datetime) -> None:
        """What was given up of a transfer goes out when the peer greets (HO-85)."""
        self._work.change(_PARK, {"id_": transfer, "parked_at": at})

    def waiting_peers(self) -> Sequence[MemberId]:
        """Peers with a row waiting that is not parked, or owed a reply, by name."""
        return [MemberId(row[0]) for row in self._work.rows(_PEERS)]

    def waits_for(self, peer: MemberId) -> bool:
        """Whether anything that is not parked waits for this peer."""
        row = self._work.row(_WAITS_FOR, {"to": peer})
        return row is not None and bool(row[0])

    def met_last(self, limit: int) -> Sequence[MemberId]:
        """The peers that answered last, newest first."""
        return [MemberId(row[0]) for row in self._work.rows(MET, {"most": limit})]

    def due(self, peer: MemberId) -> Due:
        """How the queue of a peer stands."""
        row = self._work.row(DUE, {"to": peer})
        if row is None:
            return Due(peer, 0, None, None, None, None)
        return Due(
            peer=peer,
            failures=row.failures,
            next_attempt_at=row.next_attempt_at,
            failing_since=row.failing_since,
            last_success_at=row.last_success_at,
            code=row.code,
        )

    def failed(
        self, peer: MemberId, *, at: datetime, next_at: datetime, code: str
    ) -> None:
        """One more failure in a row."""
        self._work.change(
            FAILED,
            {
                "peer": peer,
                "next_attempt_at": next_at,
                "failing_since": at,
                "code": code,
            },
        )

    def succeeded(self, peer: MemberId, at: datetime) -> None:
        """A verified answer: the row of failures ends."""
        self._work.change(SUCCEEDED, {"peer": peer, "last_success_at": at})


def _to_statement(row: Row[*tuple[Any, ...]]) -> StatementRow:
    return StatementRow(
        peer=MemberId(row.peer),
        jti=MessageId(row.jti),
        inc=row.inc,
        seq=row.seq,
        type=row.type,
        jws=row.jws,
        entry=row.entry,
        cp_size=row.cp_size,
        transfer=TransferId(row.transfer) if row.transfer else None,
    )
