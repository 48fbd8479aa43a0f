"""Resumable uploads between nodes: a subset of the IETF draft (handover 10.4).

Enters: requests for containers above 1 MiB. Leaves: offsets, and at the end the same
answer as ``PUT /packets``. Must never happen: success before a part is synced; a part read
that has no room; one container checked twice at a time.
"""

import asyncio
from functools import partial
from http import HTTPStatus

from node import strictjson
from node.errors import (
    ConflictError,
    MalformedMessageError,
    NotFoundError,
    SealError,
)
from node.federation.desk import Desk, check_room, with_statement
from node.federation.listener import Call, Reply
from node.federation.pace import ProblemError
from node.ids import TransferId
from node.sync import deposit, uploading
from node.sync.deposit import Answered
from node.sync.uploading import Progress

FINISH_S = 8.0
"""Shorter than a peer waits for an answer; it comes again and finds the work done."""


async def create(desk: Desk, call: Call) -> Reply:
    """``POST /uploads``: where to go on."""
    wanted = strictjson.parse_object(call.body)
    if set(wanted) != {"tr", "len", "dig"} or not isinstance(wanted["tr"], str):
        raise MalformedMessageError("bad-syntax")
    transfer = TransferId(wanted["tr"])
    found = await desk.run.write(uploading.begin, desk.office, call.peer, transfer)
    if isinstance(found, Answered):
        return _answered(found)
    packet = found.expected.packet
    if not found.expected.is_witnessed:
        raise ProblemError("log-unproven")
    if (wanted["len"], wanted["dig"]) != (packet.len, packet.dig.hex()):
        raise ProblemError("id-conflict")
    if found.is_complete:
        return await _finish(desk, call, transfer, found)
    offset = found.upload.received
    check_room(desk, found.expected, packet.len - offset)
    return Reply(
        HTTPStatus.CREATED,
        strictjson.encode({"offset": offset}),
        headers={
            "location": f"/staffelstab/1/uploads/{transfer}",
            "upload-offset": str(offset),
        },
    )


async def may_append(desk: Desk, call: Call) -> Reply | None:
    """Before a part is read: the offset, the length and the room are right (HO-76)."""
    transfer = TransferId(call.match["transfer"])
    found = await desk.run.read(uploading.look, desk.office, call.peer, transfer)
    if isinstance(found, Answered):
        return _answered(found)
    if not found.expected.is_witnessed:
        raise ProblemError("log-unproven")
    length = int(call.headers.get("content-length", "0"))
    if not found.is_complete:
        _check_offset(call, found)
        if found.upload.received + length > found.expected.packet.len:
            raise ProblemError("too-large")
        check_room(desk, found.expected, length)
    return None


async def append(desk: Desk, call: Call) -> Reply:
    """``PATCH /uploads/{T}``: one part; the last one answers like ``PUT``."""
    transfer = TransferId(call.match["transfer"])
    if not call.body:
        raise MalformedMessageError("bad-syntax")
    found = await desk.run.read(uploading.look, desk.office, call.peer, transfer)
    if isinstance(found, Answered):
        return _answered(found)
    if not found.is_complete:
        _check_offset(call, found)
        if found.upload.received + len(call.body) > found.expected.packet.len:
            raise ProblemError("too-large")
        try:
            upload = await desk.intake.add(transfer, found.upload, call.body)
        except ConflictError:
            raise ProblemError("offset-mismatch") from None
        except (NotFoundError, SealError):
            await desk.run.write(uploading.forget, transfer)
            raise ProblemError("bad-digest", offset=0) from None
        found = Progress(upload, found.expected)
        if not found.is_complete:
            body = strictjson.encode({"offset": upload.received})
            return Reply(HTTPStatus.OK, body)
    return await _finish(desk, call, transfer, found)


async def forget(desk: Desk, call: Call) -> Reply:
    """``DELETE /uploads/{T}``: give up; no effect on the transfer."""
    transfer = TransferId(call.match["transfer"])
    found = await desk.run.read(deposit.expect_packet, desk.office, call.peer, transfer)
    if not isinstance(found, Answered):
        await desk.run.write(uploading.forget, transfer)
    return Reply(HTTPStatus.OK, strictjson.encode({"offset": 0}))


def _answered(found: Answered) -> Reply:
    status = HTTPStatus.GONE if found.over else HTTPStatus.OK
    return with_statement(found.statement, status)


def _check_offset(call: Call, found: Progress) -> None:
    claimed = call.headers.get("upload-offset", "")
    if not claimed.isascii() or not claimed.isdigit() or len(claimed) > 12:
        raise MalformedMessageError("bad-syntax")
    if int(claimed) != found.upload.received:
        raise ProblemError("offset-mismatch", offset=found.upload.received)


async def _finish(
    desk: Desk, call: Call, transfer: TransferId, found: Progress
) -> Reply:
    """All parts are there: once at a time, whoever asks and however often."""
    job = desk.finishing.get(transfer)
    if job is None:
        loop = asyncio.get_running_loop()
        job = loop.create_task(_check(desk, transfer, found))
        desk.finishing[transfer] = job
        job.add_done_callback(lambda _: desk.finishing.pop(transfer, None))
    try:
        async with asyncio.timeout(FINISH_S):
            reply = await asyncio.shield(job)
    except TimeoutError:
        raise ProblemError("maintenance", retry_after=5) from None
    desk.contact(call.peer)
    return reply


async def _check(desk: Desk, transfer: TransferId, found: Progress) -> Reply:
    expected = found.expected
    start = await desk.intake.whole(transfer, found.upload, expected.packet.dig)
    if start is None:
        await desk.run.write(uploading.forget, transfer)
        raise ProblemError("bad-digest", offset=0)
    fits = deposit.fits_offer(transfer, expected.offer, start)
    row = await desk.run.write(
        partial(deposit.take_packet, key=found.upload.key, fits=fits),
        desk.office,
        transfer,
    )
    return with_statement(row, HTTPStatus.CREATED)
