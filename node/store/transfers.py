"""Transfers of both ends as rows.

Enters: ``OutboundTransfer`` and ``InboundTransfer`` values. Leaves: the same values, locked
for the unit. Must never happen: a change over a state that somebody else has changed
meanwhile, two transfers holding one case (HO-5, P2), a comment of a person readable in the
file (SR-K1). Implements ``OutboundRepository`` and ``InboundRepository``.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from node.errors import NotFoundError
from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, TransferId
from node.store.brought import SqlBrought
from node.store.columns import encode_instants, parse_instants
from node.store.tables import inbound_transfer as _in
from node.store.tables import outbound_member as _member
from node.store.tables import outbound_transfer as _out
from node.store.work import Work
from node.strictjson import Json, encode
from node.sync.transfer import (
    Inbound,
    InboundTransfer,
    MemberScope,
    Outbound,
    OutboundTransfer,
    Refusal,
    Why,
)
from node.sync.words import Kind

_OPEN: Final = (Inbound.ANNOUNCED, Inbound.WAITING, Inbound.APPROVED, Inbound.OPENING)

_OUT_GET = select(_out).where(_out.c.id == bindparam("id_")).with_for_update()
_OUT_ADD = insert(_out)
_OUT_SET = update(_out).where(
    _out.c.id == bindparam("id_"), _out.c.version == bindparam("seen")
)
_OUT_IN_STATES = (
    select(_out.c.id)
    .where(_out.c.state.in_(bindparam("states", expanding=True)))
    .order_by(_out.c.created_at, _out.c.id)
)
_OUT_RESTING = (
    select(_out.c.id)
    .where(
        _out.c.id.in_(
            select(_member.c.transfer).where(
                _member.c.basis.contains(bindparam("consent"))
            )
        )
    )
    .order_by(_out.c.created_at, _out.c.id)
)
_OUT_OF_CASE = (
    select(_out)
    .where(
        _out.c.id.in_(
            select(_member.c.transfer).where(_member.c.case_id == bindparam("case"))
        )
    )
    .order_by(_out.c.created_at, _out.c.id)
)
_MEMBERS = (
    select(_member)
    .where(_member.c.transfer == bindparam("id_"))
    .order_by(_member.c.place)
)
_MEMBERS_ADD = insert(_member)
_MEMBERS_DROP = delete(_member).where(_member.c.transfer == bindparam("id_"))
_MEMBERS_HOLD = update(_member).where(_member.c.transfer == bindparam("id_"))

_IN_GET = select(_in).where(_in.c.id == bindparam("id_")).with_for_update()
_IN_ADD = insert(_in)
_IN_SET = update(_in).where(
    _in.c.id == bindparam("id_"), _in.c.version == bindparam("seen")
)
_IN_IN_STATES = (
    select(_in.c.id)
    .where(_in.c.state.in_(bindparam("states", expanding=True)))
    .order_by(_in.c.offered_at, _in.c.id)
)
_IN_OPEN_FROM = select(func.count()).where(
    _in.c.sender == bindparam("peer"),
    _in.c.state.in_(bindparam("states", expanding=True)),
)


class SqlOutbound:
    """Transfers this node sends."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, transfer: OutboundTransfer) -> None:
        """Insert one with its members.

        Raises:
            ConflictError: It is there already, or one of its cases is held by another.
        """
        row = _from_outbound(transfer) | _from_refusal(
            transfer.refusal, outbound_comment_place(transfer.id), self._work
        )
        self._work.change(
            _OUT_ADD, {"id": transfer.id, "version": transfer.version} | row
        )
        self._add_members(transfer)

    def get(self, transfer: TransferId) -> OutboundTransfer:
        """One transfer, locked. NotFoundError if absent."""
        found = self.find(transfer)
        if found is None:
            raise NotFoundError("transfer")
        return found

    def find(self, transfer: TransferId) -> OutboundTransfer | None:
        """One transfer, locked, or None."""
        row = self._work.row(_OUT_GET, {"id_": transfer})
        return None if row is None else self._value(row)

    def replace(self, before: OutboundTransfer, after: OutboundTransfer) -> None:
        """Compare-and-set on ``before.version``; writes the next version.

        Raises:
            ConflictError: It moved, or another transfer already holds one of the cases.
        """
        row = _from_outbound(after)
        if after.refusal != before.refusal:
            place = outbound_comment_place(after.id)
            row |= _from_refusal(after.refusal, place, self._work)
        self._work.move(
            _OUT_SET,
            {"id_": before.id, "seen": before.version, "version": before.version + 1}
            | row,
        )
        if after.members != before.members:
            self._work.change(_MEMBERS_DROP, {"id_": after.id})
            self._add_members(after)
        elif after.holds is not before.holds:
            self._work.change(_MEMBERS_HOLD, {"id_": after.id, "holding": after.holds})

    def in_states(self, states: Iterable[Outbound]) -> Sequence[TransferId]:
        """Ids of all transfers in these states, oldest first."""
        return _ids(self._work.rows(_OUT_IN_STATES, {"states": [*states]}))

    def resting_on(self, consent: str) -> Sequence[TransferId]:
        """Ids of all transfers with a member whose basis is this consent, oldest first."""
        return _ids(self._work.rows(_OUT_RESTING, {"consent": consent}))

    def of_case(self, case: str) -> Sequence[OutboundTransfer]:
        """All transfers of one case, oldest first, not locked."""
        rows = self._work.rows(_OUT_OF_CASE, {"case": case})
        return [self._value(row) for row in rows]

    def _add_members(self, transfer: OutboundTransfer) -> None:
        if transfer.members:
            rows = [_from_member(transfer, *m) for m in enumerate(transfer.members)]
            self._work.change(_MEMBERS_ADD, rows)

    def _value(self, row: Row[*tuple[Any, ...]]) -> OutboundTransfer:
        members = self._work.rows(_MEMBERS, {"id_": row.id})
        return _to_outbound(row, tuple(map(_to_member, members)), self._work)


class SqlInbound(SqlBrought):
    """Transfers this node receives."""

    def add(self, transfer: InboundTransfer) -> None:
        """Insert one. ConflictError if the number is taken, by whichever sender."""
        row = _from_inbound(transfer) | _from_refusal(
            transfer.refusal, inbound_comment_place(transfer.id), self._work
        )
        self._work.change(
            _IN_ADD,
            {
                "id": transfer.id,
                "version": transfer.version,
                "sender": transfer.sender,
                "offer": _text(transfer.offer),
            }
            | row,
        )

    def get(self, transfer: TransferId) -> InboundTransfer:
        """One transfer, locked. NotFoundError if absent."""
        found = self.find(transfer)
        if found is None:
            raise NotFoundError("transfer")
        return found

    def find(self, transfer: TransferId) -> InboundTransfer | None:
        """One transfer, locked, or None."""
        row = self._work.row(_IN_GET, {"id_": transfer})
        return None if row is None else _to_inbound(row, self._work)

    def replace(self, before: InboundTransfer, after: InboundTransfer) -> None:
        """Compare-and-set on ``before.version``; sender and offer never change.

        Raises:
            ConflictError: It moved.
        """
        row = _from_inbound(after)
        if after.refusal != before.refusal:
            place = inbound_comment_place(after.id)
            row |= _from_refusal(after.refusal, place, self._work)
        self._work.move(
            _IN_SET,
            {"id_": before.id, "seen": before.version, "version": before.version + 1}
            | row,
        )

    def in_states(self, states: Iterable[Inbound]) -> Sequence[TransferId]:
        """Ids of all transfers in these states, oldest first."""
        return _ids(self._work.rows(_IN_IN_STATES, {"states": [*states]}))

    def open_from(self, sender: MemberId) -> int:
        """How many transfers of this peer are open (announced to opening)."""
        row = self._work.row(_IN_OPEN_FROM, {"peer": sender, "states": [*_OPEN]})
        return int(row[0]) if row else 0


def _from_outbound(transfer: OutboundTransfer) -> dict[str, Any]:
    """What of a transfer may change, but for its refusal and its members."""
    adults, minors = transfer.not_included
    return {
        "state": transfer.state,
        "why": transfer.why,
        "recipient": transfer.recipient,
        "body": transfer.body,
        "ags": transfer.ags,
        "move_on": transfer.move_on,
        "reason": transfer.reason,
        "policy": transfer.policy,
        "adults_left_out": adults,
        "minors_left_out": minors,
        "created_at": transfer.created_at,
        "created_by": transfer.created_by,
        "second": transfer.second,
        "expires_at": transfer.expires_at,
        "packet_digest": transfer.packet_digest,
        "packet_bytes": transfer.packet_bytes,
        "header_hash": transfer.header_hash,
        "kem_kid": transfer.kem_kid,
        "offer_digest": transfer.offer_digest,
        "open_request_digest": transfer.open_request_digest,
        "last_entry": transfer.last_entry,
        "replaces": transfer.replaces,
        "kind": transfer.kind,
        "withheld": _text(transfer.withheld),
        "facts": encode_instants(transfer.facts),
    }


def _to_outbound(
    row: Row[*tuple[Any, ...]], members: tuple[MemberScope, ...], work: Work
) -> OutboundTransfer:
    return OutboundTransfer(
        id=TransferId(row.id),
        state=Outbound(row.state),
        recipient=MemberId(row.recipient) if row.recipient else None,
        ags=Ags(row.ags),
        move_on=row.move_on,
        reason=row.reason,
        members=members,
        created_at=row.created_at,
        created_by=AccountId(row.created_by) if row.created_by else None,
        policy=row.policy,
        second=AccountId(row.second) if row.second else None,
        not_included=(row.adults_left_out, row.minors_left_out),
        why=Why(row.why) if row.why else None,
        version=row.version,
        expires_at=row.expires_at,
        packet_digest=row.packet_digest,
        packet_bytes=row.packet_bytes,
        header_hash=row.header_hash,
        kem_kid=row.kem_kid,
        offer_digest=row.offer_digest,
        open_request_digest=row.open_request_digest,
        last_entry=row.last_entry,
        refusal=_to_refusal(row, outbound_comment_place(row.id), work),
        replaces=TransferId(row.replaces) if row.replaces else None,
        kind=Kind(row.kind),
        withheld=tuple((CaseId(case), code) for case, code in json.loads(row.withheld)),
        facts=parse_instants(row.facts),
        body=Ags(row.body) if row.body else None,
    )


def _from_member(
    transfer: OutboundTransfer, place: int, member: MemberScope
) -> dict[str, Any]:
    return {
        "transfer": transfer.id,
        "case_id": member.case,
        "place": place,
        "epoch": member.epoch,
        "categories": _text(sorted(member.categories)),
        "documents": _text(sorted(member.documents)),
        "basis": member.basis,
        "holding": transfer.holds,
    }


def _to_member(row: Row[*tuple[Any, ...]]) -> MemberScope:
    return MemberScope(
        case=CaseId(row.case_id),
        epoch=row.epoch,
        categories=frozenset(json.loads(row.categories)),
        documents=frozenset(RecordId(text) for text in json.loads(row.documents)),
        basis=row.basis,
    )


def _from_inbound(transfer: InboundTransfer) -> dict[str, Any]:
    """What of a transfer may change, but for its refusal."""
    return {
        "state": transfer.state,
        "offer_digest": transfer.offer_digest,
        "offered_at": transfer.offered_at,
        "expires_at": transfer.expires_at,
        "packet_digest": transfer.packet_digest,
        "packet_bytes": transfer.packet_bytes,
        "take": None if transfer.take is None else _text(sorted(transfer.take)),
        "decided_by": transfer.decided_by,
        "second_by": transfer.second_by,
        "last_entry": transfer.last_entry,
        "peer_entry": transfer.peer_entry,
        "facts": encode_instants(transfer.facts),
    }


def _to_inbound(row: Row[*tuple[Any, ...]], work: Work) -> InboundTransfer:
    return InboundTransfer(
        id=TransferId(row.id),
        state=Inbound(row.state),
        sender=MemberId(row.sender),
        offer=json.loads(row.offer),
        offer_digest=row.offer_digest,
        offered_at=row.offered_at,
        expires_at=row.expires_at,
        version=row.version,
        packet_digest=row.packet_digest,
        packet_bytes=row.packet_bytes,
        take=None if row.take is None else frozenset(json.loads(row.take)),
        decided_by=AccountId(row.decided_by) if row.decided_by else None,
        second_by=AccountId(row.second_by) if row.second_by else None,
        refusal=_to_refusal(row, inbound_comment_place(row.id), work),
        last_entry=row.last_entry,
        peer_entry=row.peer_entry,
        facts=parse_instants(row.facts),
    )


def outbound_comment_place(transfer: str) -> bytes:
    """Where the sealed comment of a transfer we send belongs."""
    return f"outbound_transfer.refused_comment\0{transfer}".encode()


def inbound_comment_place(transfer: str) -> bytes:
    """Where the sealed comment of a transfer we receive belongs."""
    return f"inbound_transfer.refused_comment\0{transfer}".encode()


def _from_refusal(refusal: Refusal | None, place: bytes, work: Work) -> dict[str, Any]:
    """A comment is free text of a person, so it is sealed."""
    if refusal is None:
        names = ("refused_by", "refused_code", "refused_other", "refused_comment")
        return dict.fromkeys(names)
    text = refusal.comment
    return {
        "refused_by": refusal.by,
        "refused_code": refusal.code,
        "refused_other": refusal.other,
        "refused_comment": None if text is None else work.seal(place, text.encode()),
    }


def _to_refusal(row: Row[*tuple[Any, ...]], place: bytes, work: Work) -> Refusal | None:
    if row.refused_by is None:
        return None
    sealed = row.refused_comment
    text = None if sealed is None else work.unseal(place, sealed)
    comment = None if text is None else text.decode()
    return Refusal(row.refused_by, row.refused_code, comment, row.refused_other)


def _text(value: Json) -> str:
    return encode(value).decode("ascii")


def _ids(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[TransferId]:
    return [TransferId(row[0]) for row in rows]
