"""Delivery: the only code that sends. One loop per peer, woken or due.

Enters: what the outbox holds for one peer. Leaves: requests, and what the signed answers
to them mean. Must never happen: an HTTP status, a time-out or a cut changes a transfer
(P6); a statement overtakes its predecessor; a packet leaves before the recipient has
cosigned the log head that covers its offer (HO-46, LR-20). Implements handover 10.1, 10.2.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from node.errors import (
    DeliveryError,
    NodeError,
    PeerError,
    RejectedError,
    TrustError,
)
from node.exchangelog.attachment import (
    attachment_json,
)
from node.exchangelog.policy import Standing
from node.failpoints import Point
from node.ids import MemberId, TransferId
from node.sync import (
    failing,
    firstword,
    gossip,
    permission,
    posting,
    proving,
    quorum,
    reception,
    witnessing,
)
from node.sync.courier import Courier, StatementsAnswer
from node.sync.limits import CONNECTIONS_PER_PEER, PUT_BYTES, STATEMENTS_PER_LIST
from node.sync.message import Envelope
from node.sync.office import Office
from node.sync.peerkeys import witness_key_of
from node.sync.ports import UnitOfWork
from node.sync.rows import PacketRow, StatementRow
from node.sync.words import StatementType

_SETTLED = frozenset({reception.TAKEN, reception.REFUSED})
_NOT_ANSWERED = "not-answered"
_PACKETS_AT_ONCE = 16
_PACKETS_WEIGHED = 256


@dataclass(frozen=True, slots=True)
class Batch:
    """The next statements for a peer, each with a fresh attachment under one head."""

    rows: tuple[StatementRow, ...]
    envelopes: tuple[Envelope, ...]


async def deliver_due(courier: Courier, peer: MemberId) -> bool:
    """Send everything that can be sent to one peer now.

    Returns:
        Whether the queue is empty or waits for something else than the peer; False after
        a failure, which is noted with the next attempt's time.
    """
    answered: set[TransferId] = set()
    try:
        await _reply(courier, peer)
        try:
            while await _send_statements(courier, peer) or await _send_packets(
                courier, peer, answered
            ):
                pass
        except RejectedError as error:
            if error.problem in failing.OF_PEER:
                raise
            # The peer is there: a statement it will not take holds no container up.
            while await _send_packets(courier, peer, answered):
                pass
            raise
    except (DeliveryError, TrustError, PeerError) as error:
        await courier.run.write(failing.note_failure, courier.office, peer, error)
        return False
    return True


async def take_greeting(
    courier: Courier, peer: MemberId, answer: StatementsAnswer
) -> None:
    """Take what waited for us at a peer that we greeted."""
    await _take_answer(courier, peer, Batch((), ()), answer)


async def _reply(courier: Courier, peer: MemberId) -> None:
    """Say what we owe for letters; an answer that is lost is asked for again (HO-90)."""
    owed = await courier.run.read(posting.owed, peer)
    if owed is None:
        return
    answer = await courier.transport.reply(peer, owed.results)
    # Crash here: it is said twice, which changes nothing.
    await courier.run.write(posting.paid, peer, owed.version)
    if not answer.waits_at:
        await _take_answer(courier, peer, Batch((), ()), answer)


# -- Statements --------------------------------------------------------------------------


async def _send_statements(courier: Courier, peer: MemberId) -> bool:
    """Send the oldest statements that can be proven; whether the peer took any.

    Raises:
        RejectedError: It took none. Without a failure on record nothing would say when to
            try again.
    """
    result = _NOT_ANSWERED
    # Race: an answer that was lost had moved the peer's memory of our log. The next one
    # tells where it stands now, and proofs from there may do; a third try would not.
    for _ in range(2):
        batch = await courier.run.read(next_batch, courier.office, peer)
        if not batch.rows:
            return False
        answer = await courier.transport.send_statements(peer, batch.envelopes)
        if answer.waits_at:
            keys = tuple(row.jti for row in batch.rows)
            await _note(courier, peer, keys, answer.waits_at)
            return True
        corrected = await _take_answer(courier, peer, batch, answer)
        if any(answer.results.get(row.jti) in _SETTLED for row in batch.rows):
            return True
        result = answer.results.get(batch.rows[0].jti, result)
        if not corrected:
            break
    raise RejectedError(result, can_retry=True)


def next_batch(uow: UnitOfWork, office: Office, peer: MemberId) -> Batch:
    """The oldest statements that can be proven: always a prefix of the chain (HO-81).

    None before the first word, none in quarantine (SR-R4).
    """
    with uow:
        if not firstword.is_speaking(uow):
            return Batch((), ())
        head = uow.log.newest()
        # Neighbours share most of their proofs, so all read through one tree.
        tree = uow.log.tree()
        beside = gossip.beside(uow, office, peer)
        rows = []
        envelopes = []
        for row in uow.outbox.to_send(peer, STATEMENTS_PER_LIST):
            if row.entry is None:
                attachment = None
            else:
                index = uow.log.index_of(row.entry)
                if head is None or index is None or index >= head.size:
                    break
                made = proving.attachment(uow, row, head, tree, index=index)
                attachment = attachment_json(beside.into(made))
                beside = beside.without_third
            rows.append(row)
            envelopes.append(Envelope(row.jws, attachment))
    return Batch(tuple(rows), tuple(envelopes))


async def _take_answer(
    courier: Courier, peer: MemberId, batch: Batch, answer: StatementsAnswer
) -> bool:
    """In one unit, unless what the peer says for itself is broken (HO-47).

    Returns:
        Whether the peer remembers another size of our log than we thought: then the
        proofs we sent began at the wrong place, and fresh ones may do.
    """
    office = courier.office
    try:
        opened = reception.open_list(office, peer, answer.statements)
    except NodeError:
        await courier.run.write(_settle, office, peer, batch.rows, answer, opened=())
        raise
    return await courier.run.write(
        _settle, office, peer, batch.rows, answer, opened=opened
    )


def _settle(
    uow: UnitOfWork,
    office: Office,
    peer: MemberId,
    rows: Sequence[StatementRow],
    answer: StatementsAnswer,
    *,
    opened: Sequence[reception.Opened],
) -> bool:
    """What a verified answer means for the outbox (HO-47), and what came with it."""
    now = office.clock.now()
    with uow:
        corrected = answer.seen is not None and answer.seen != uow.heads.shown(peer)
        taken = [r.jti for r in rows if answer.results.get(r.jti) in _SETTLED]
        uow.outbox.acknowledge(peer, taken, now)
        if answer.got is not None:
            uow.outbox.acknowledge_through(peer, answer.got.inc, answer.got.seq, now)
        if answer.seen is not None:
            uow.heads.set_shown(peer, answer.seen)
        if "history-conflict" in answer.results.values():
            uow.chains.quarantine(peer, "history-conflict", "")
        uow.outbox.succeeded(peer, now)
        reception.take_opened(uow, office, peer, opened)
        uow.commit()
    return corrected


# -- Packets -----------------------------------------------------------------------------


async def _send_packets(
    courier: Courier, peer: MemberId, answered: set[TransferId]
) -> bool:
    """Send the containers whose offers are taken and cosigned; whether there were any.

    ``answered`` are those that got a verified answer since the loop was woken. Where its
    ``stored`` stands behind statements that still travel, the row stays until they come;
    sending the container again would bring nothing new.

    What a peer refuses of one container is noted at that container alone (P20).

    Raises:
        DeliveryError: The peer is not there, or takes nothing at all just now.
    """
    due = await courier.run.read(_packets_due, courier.office, peer, answered)
    if not due.ready and due.uncovered:
        await witnessing.collect(courier, peer)
        due = await courier.run.read(_packets_due, courier.office, peer, answered)
        if due.waiting:
            now = courier.office.clock.now()
            await courier.run.write(quorum.note_waits, due.waiting, now)
    slots = asyncio.Semaphore(CONNECTIONS_PER_PEER)

    async def send(row: PacketRow) -> None:
        async with slots:
            try:
                await _send_packet(courier, peer, row, due.shown.get(row.transfer))
            except RejectedError as error:
                if error.problem in failing.OF_PEER:
                    raise
                await courier.run.write(
                    failing.note_refusal, courier.office, row, error
                )
        answered.add(row.transfer)

    small = [row for row in due.ready if row.length <= PUT_BYTES]
    # One that fails must not cut the others short: what they bring counts.
    sent = await asyncio.gather(*map(send, small), return_exceptions=True)
    for failure in filter(None, sent):
        raise failure
    for row in due.ready[len(small) :]:
        await send(row)
    return bool(due.ready)


@dataclass(frozen=True, slots=True)
class _PacketsDue:
    """``shown`` holds what a policy of ours makes us prove first, by transfer."""

    ready: tuple[PacketRow, ...]
    uncovered: bool
    shown: Mapping[TransferId, quorum.Leave] = field(default_factory=dict)
    waiting: Mapping[TransferId, Standing] = field(default_factory=dict)


def _packets_due(
    uow: UnitOfWork, office: Office, peer: MemberId, answered: Collection[TransferId]
) -> _PacketsDue:
    """LR-20: what lies under a head that its recipient, and our quorum, have cosigned."""
    policy = quorum.policy_of(office, office.member)
    with uow:
        if not firstword.is_speaking(uow):
            return _PacketsDue((), uncovered=False)
        # One that two people let go must be seen behind many that wait.
        most = _PACKETS_AT_ONCE if policy is None else _PACKETS_WEIGHED
        now = office.clock.now()
        found = uow.outbox.packets(peer, most + len(answered), now)
        rows = [row for row in found if row.transfer not in answered]
        if policy is not None:
            judged = quorum.weigh(uow, office, policy, rows)
            shown = {
                item.row.transfer: item
                for item in judged
                if isinstance(item, quorum.Leave)
            }
            waiting = {
                item.row.transfer: item.standing
                for item in judged
                if isinstance(item, quorum.Stay)
            }
            ready = [row for row in rows if row.transfer in shown]
            return _PacketsDue(tuple(ready), bool(waiting), shown, waiting)
        covered = uow.log.cosigned_size(witness_key_of(uow, office, peer).name)
        ready = []
        for row in rows:
            index = uow.log.index_of(row.offer_entry)
            # The log of an offer that was taken may have ended since (LR-26).
            ended = index is None and bool(uow.log.former_origins())
            if ended or (index is not None and index < covered):
                ready.append(row)
    return _PacketsDue(tuple(ready), uncovered=len(ready) < len(rows))


async def _send_packet(
    courier: Courier, peer: MemberId, row: PacketRow, shown: quorum.Leave | None
) -> None:
    office = courier.office
    if not await courier.run.read(permission.may_leave, office, row.transfer):
        await courier.run.write(permission.stop, office, row.transfer)
        return
    if shown is not None:
        # The same offer once more, its attachment under the head that meets the policy.
        again = await courier.run.read(_offer_again, office, shown)
        answer = await courier.transport.send_statements(peer, again)
        await _take_answer(courier, peer, Batch((), ()), answer)
    office.failpoints.reach(Point.UPLOAD_CONNECTED)
    answer = await courier.transport.send_packet(
        peer,
        row,
        partial(courier.files.read, row.digest),
        between=partial(_between_parts, courier, row),
    )
    if answer.waits_at:
        await _note(courier, peer, (row.transfer,), answer.waits_at)
        return
    office.failpoints.reach(Point.RECEIPT_READ)
    await _take_answer(courier, peer, Batch((), ()), answer)
    office.failpoints.reach(Point.DELIVERED_AFTER_COMMIT)
    if not answer.statements:
        # Its answer stands behind statements that still travel; it asks again later.
        raise RejectedError(_NOT_ANSWERED, can_retry=True)


async def _between_parts(courier: Courier, row: PacketRow) -> bool:
    """A statement goes between two parts (HO-81); a stopped transfer ends its upload."""
    with suppress(RejectedError):
        while await _send_statements(courier, row.peer):
            pass
    return await courier.run.read(_is_queued, row.transfer)


def _is_queued(uow: UnitOfWork, transfer: TransferId) -> bool:
    with uow:
        return uow.outbox.has_packet(transfer)


async def _note(
    courier: Courier, peer: MemberId, keys: tuple[str, ...], relay: str
) -> None:
    """It lies at a relay, which is no receipt: it stays in the outbox (HO-92)."""
    await courier.run.write(posting.note, courier.office, peer, keys, relay)


def _offer_again(
    uow: UnitOfWork, office: Office, leave: quorum.Leave
) -> tuple[Envelope, ...]:
    """The offer of a container with the proof that our quorum is met, or overridden."""
    with uow:
        row = next(
            row
            for row in uow.outbox.of_transfer(leave.row.transfer)
            if row.type == StatementType.OFFER
        )
        index = uow.log.index_of(leave.row.offer_entry)
        assert index is not None
        tree = uow.log.tree()
        made = proving.attachment(
            uow, row, leave.head, tree, index=index, override=leave.override
        )
        beside = gossip.beside(uow, office, row.peer)
    return (Envelope(row.jws, attachment_json(beside.into(made))),)
