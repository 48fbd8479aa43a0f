"""Resumable uploads between nodes: a subset of the IETF draft (handover 10.4).

Enters: requests for containers above 1 MiB. Leaves: offsets, and at the end the same
answer as ``PUT /packets``. Must never happen: success before a part is synced.
"""

from http import HTTPStatus

from node import strictjson
from node.errors import ConflictError, MalformedMessageError
from node.federation.desk import Desk, keep_container, with_statement
from node.federation.listener import Call, ProblemError, Reply
from node.ids import TransferId
from node.sync import uploading
from node.sync.deposit import Answered


async def create(desk: Desk, call: Call) -> Reply:
    """``POST /uploads``: where to go on."""
    wanted = strictjson.parse_object(call.body)
    if set(wanted) != {"tr", "len", "dig"} or not isinstance(wanted["tr"], str):
        raise MalformedMessageError("bad-syntax")
    transfer = TransferId(wanted["tr"])
    found = await desk.run.write(uploading.begin, desk.office, call.peer, transfer)
    if isinstance(found, Answered):
        status = HTTPStatus.GONE if found.over else HTTPStatus.OK
        return with_statement(found.statement, status)
    packet = found.expected.packet
    if not found.expected.is_witnessed:
        raise ProblemError("log-unproven")
    if (wanted["len"], wanted["dig"]) != (packet.len, packet.dig.hex()):
        raise ProblemError("id-conflict")
    offset = found.upload.received
    return Reply(
        HTTPStatus.CREATED,
        strictjson.encode({"offset": offset}),
        headers={
            "location": f"/staffelstab/1/uploads/{transfer}",
            "upload-offset": str(offset),
        },
    )


async def append(desk: Desk, call: Call) -> Reply:
    """``PATCH /uploads/{T}``: one part; the last one answers like ``PUT``."""
    transfer = TransferId(call.match["transfer"])
    claimed = call.headers.get("upload-offset", "")
    if not claimed.isascii() or not claimed.isdigit() or not call.body:
        raise MalformedMessageError("bad-syntax")
    found = await desk.run.write(uploading.begin, desk.office, call.peer, transfer)
    if isinstance(found, Answered):
        status = HTTPStatus.GONE if found.over else HTTPStatus.OK
        return with_statement(found.statement, status)
    upload, packet = found.upload, found.expected.packet
    if not found.expected.is_witnessed:
        raise ProblemError("log-unproven")
    if not found.is_complete:
        if int(claimed) != upload.received:
            raise ProblemError("offset-mismatch", offset=upload.received)
        if upload.received + len(call.body) > packet.len:
            raise ProblemError("too-large")
        part = await desk.run.file(
            desk.files.keep_sealed, upload.key, transfer, iter([call.body])
        )
        try:
            upload = await desk.run.write(
                uploading.add_part, transfer, upload, part, len(call.body)
            )
        except ConflictError:
            raise ProblemError("offset-mismatch") from None
        if upload.received < packet.len:
            return Reply(HTTPStatus.OK, strictjson.encode({"offset": upload.received}))
    read = uploading.whole(desk.files, transfer, upload)
    if await desk.run.file(lambda: uploading.digest_of(read())) != packet.dig:
        await desk.run.write(uploading.forget, transfer)
        raise ProblemError("bad-digest", offset=0)
    start = await desk.run.file(lambda: next(read()))
    row = await keep_container(
        desk, transfer, start, key=upload.key, chunks=read, expected=found.expected
    )
    desk.contact(call.peer)
    return with_statement(row, HTTPStatus.CREATED)


async def forget(desk: Desk, call: Call) -> Reply:
    """``DELETE /uploads/{T}``: give up; no effect on the transfer."""
    transfer = TransferId(call.match["transfer"])
    found = await desk.run.write(uploading.begin, desk.office, call.peer, transfer)
    if not isinstance(found, Answered):
        await desk.run.write(uploading.forget, transfer)
    return Reply(HTTPStatus.OK, strictjson.encode({"offset": 0}))
