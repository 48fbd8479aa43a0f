"""Taking what a relay kept for us: letters, and containers part by part.

Enters: items in the order of their arrival. Leaves: what the same statements and bytes
would have caused over HTTP, and what we owe for them. Must never happen: an item given back
to the relay's bin before our own commit; anything done twice because it came twice (HO-90).
Implements handover 10.5 on the receiving side.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from node.errors import (
    ConflictError,
    DeliveryError,
    FirstWordError,
    MalformedMessageError,
    NodeError,
    NotFoundError,
    ReadingOnlyError,
    RejectedError,
    SealError,
    StoreError,
    UnknownNodeError,
)
from node.ids import MemberId, MessageId, TransferId
from node.sync import deposit, firstword, hello, limits, reception, uploading
from node.sync.bodies import AckBody, HelloBody
from node.sync.courier import Courier
from node.sync.letter import open_letter
from node.sync.mailports import CONTAINER
from node.sync.message import Envelope, statement_kid
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.uploading import Digests, Intake, Progress

log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class Slip:
    """One item of our mailbox as its keeper lists it; ``n`` is its place."""

    n: int
    id: MessageId
    kind: str
    size: int


class Mailbox(Protocol):
    """Where items for us lie: a relay, or a folder that was carried here."""

    async def wait(self, after: int) -> Sequence[Slip]:
        """What lies behind a place, in order of arrival; may wait for something."""
        ...

    async def read(self, slip: Slip, start: int) -> bytes:
        """At most 4 MiB of an item from a place on."""
        ...

    async def remove(self, slip: Slip) -> None:
        """It is not needed any more."""
        ...


class Answers:
    """Who waits for a peer's hello; a letter brings it (LR-22, LR-25)."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiting: dict[MemberId, set[asyncio.Future[HelloBody]]] = {}

    async def wait(self, peer: MemberId, seconds: float) -> HelloBody:
        """The peer's next hello.

        Raises:
            TimeoutError: It takes longer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[HelloBody] = loop.create_future()
        waiting = self._waiting.setdefault(peer, set())
        waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                return await future
        finally:
            waiting.discard(future)

    def came(self, peer: MemberId, said: HelloBody) -> None:
        """Wake whoever waits for this peer."""
        for future in self._waiting.pop(peer, set()):
            if not future.done():
                future.set_result(said)


_GONE = "not-found"
# A later attempt may go otherwise: the item stays where it is.
_STAYS = (FirstWordError, ReadingOnlyError, ConflictError, UnknownNodeError)


async def empty(
    courier: Courier,
    mailbox: Mailbox,
    after: int,
    *,
    contact: Callable[[MemberId], None],
    answers: Answers,
) -> tuple[int, bool]:
    """Take what lies behind a place, one item after the other.

    Returns:
        The place of the last item that was looked at, and whether one was left there.

    Raises:
        DeliveryError: The mailbox does not answer.
    """
    left = False
    for slip in await mailbox.wait(after):
        try:
            await _take(courier, mailbox, slip, contact=contact, answers=answers)
        except _STAYS:
            left = True
        except NodeError as error:
            is_gone = isinstance(error, RejectedError) and error.problem == _GONE
            if isinstance(error, DeliveryError) and not is_gone:
                raise
            if error.retryable:
                left = True
            else:
                # What we cannot read today we cannot read tomorrow; its sender asks again.
                log.warning("mail dropped", code=error.code, kind=slip.kind)
                await mailbox.remove(slip)
        else:
            # Crash here: it comes again, and changes nothing.
            await mailbox.remove(slip)
        after = slip.n
    return after, left


async def _take(
    courier: Courier,
    mailbox: Mailbox,
    slip: Slip,
    *,
    contact: Callable[[MemberId], None],
    answers: Answers,
) -> None:
    if slip.kind == CONTAINER:
        contact(await _take_container(courier, mailbox, slip))
        return
    # A container is as long as its offer, which was judged when it came.
    if slip.size > 2 * limits.LIST_BYTES:
        raise MalformedMessageError("too-large")
    parts = [part async for part in _pieces(mailbox, slip, 0)]
    office = courier.office
    envelopes = await courier.run.file(open_letter, office.keyring, b"".join(parts))
    peer = statement_kid(envelopes[0].jws).member
    said = await courier.run.write(take_said, office, peer, envelopes)
    for hello_ in said.hellos:
        answers.came(peer, hello_)
    # A reply may wait even where the chain must: hello is answered in every state.
    contact(peer)
    if said.linked:
        await courier.run.write(take_linked, office, peer, said.linked)
        contact(peer)


# -- Letters -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A letter taken apart: what stands outside the chain, and what is left to take."""

    hellos: tuple[HelloBody, ...]
    linked: tuple[Envelope, ...]


def take_said(
    uow: UnitOfWork, office: Office, peer: MemberId, envelopes: Sequence[Envelope]
) -> Said:
    """Take what a letter says outside the chain, each in its own right (HO-48).

    A hello without results is a question, which is answered; results answer one of ours,
    so two nodes never greet each other for ever.

    Raises:
        MalformedMessageError, SignatureError, UnknownKeyError, KeyRetiredError: A part of
            it is broken or not the peer's; nothing is taken.
    """
    bodies = [hello.read_from(office, peer, e.jws) for e in envelopes]
    hellos = tuple(body for body in bodies if isinstance(body, HelloBody))
    acks = tuple(body for body in bodies if isinstance(body, AckBody))
    linked = [
        envelope
        for envelope, body in zip(envelopes, bodies, strict=True)
        if not isinstance(body, HelloBody | AckBody)
    ]
    with uow:
        uow.mail.heard(peer)
        for body in hellos:
            hello.note_hello(uow, office, peer, body)
        for ack in acks:
            hello.note_results(uow, office, peer, ack)
        if hellos and not acks and not linked:
            uow.mail.owe(peer, {})
        uow.commit()
    return Said(hellos, tuple(linked))


def take_linked(
    uow: UnitOfWork, office: Office, peer: MemberId, envelopes: Sequence[Envelope]
) -> None:
    """As the federation's route takes a list; what it would answer is owed.

    Raises:
        FirstWordError, ReadingOnlyError: Nothing is taken now (exchange-log 5.4).
    """
    opened = reception.open_list(office, peer, envelopes)
    with uow:
        firstword.require_speaking(uow)
        results = reception.take_opened(uow, office, peer, opened)
        uow.mail.owe(peer, {MessageId(jti): result for jti, result in results.items()})
        uow.commit()


# -- Containers --------------------------------------------------------------------------


async def _take_container(courier: Courier, mailbox: Mailbox, slip: Slip) -> MemberId:
    """Take a container part by part; it goes on where it stopped.

    Returns:
        Its sender, by the offer.

    Raises:
        NotFoundError, MalformedMessageError: Nobody offered these bytes: they are dropped,
            and sent again if somebody has.
    """
    run, office, files = courier.run, courier.office, courier.files
    first = await mailbox.read(slip, 0)
    transfer = deposit.named_in(first)
    sender = await run.read(_sender_of, transfer)
    found = await run.write(uploading.begin, office, sender, transfer)
    if isinstance(found, deposit.Answered):
        # Its ``stored``, or the end, is a statement of ours and travels as one.
        return sender
    packet, upload = found.expected.packet, found.upload
    if not found.expected.is_witnessed or packet.len != slip.size:
        raise MalformedMessageError("container")
    left = packet.len - upload.received
    if found.expected.over_quota or not await run.file(files.has_room, left):
        # It may wait at the relay, whose room it takes meanwhile (HO-76).
        raise StoreError("no room for a container")
    intake = Intake(run, office, files, Digests())
    async for part in _pieces(mailbox, slip, upload.received):
        try:
            upload = await intake.add(transfer, upload, part)
        except (NotFoundError, SealError):
            # HO-87: a part is gone or damaged; it begins anew when it comes again.
            await run.write(uploading.forget, transfer)
            raise MalformedMessageError("container") from None
    await _keep(intake, transfer, Progress(upload, found.expected))
    return sender


async def _keep(intake: Intake, transfer: TransferId, progress: Progress) -> None:
    """All parts are here: is it the container that was offered (P18)?"""
    run, upload = intake.run, progress.upload
    expected = progress.expected
    start = await intake.whole(transfer, upload, expected.packet.dig)
    if start is None:
        await run.write(uploading.forget, transfer)
        raise MalformedMessageError("container")
    fits = deposit.fits_offer(transfer, expected.offer, start)
    await run.write(
        partial(deposit.take_packet, key=upload.key, fits=fits),
        intake.office,
        transfer,
    )


def _sender_of(uow: UnitOfWork, transfer: TransferId) -> MemberId:
    with uow:
        inbound = uow.inbound.find(transfer)
    if inbound is None:
        raise NotFoundError("unknown-transfer")
    return inbound.sender


async def _pieces(mailbox: Mailbox, slip: Slip, start: int) -> AsyncIterator[bytes]:
    """An item from a place on; what its keeper holds back or adds is an error."""
    while start < slip.size:
        piece = await mailbox.read(slip, start)
        if not piece or start + len(piece) > slip.size:
            raise MalformedMessageError("item")
        start += len(piece)
        yield piece
