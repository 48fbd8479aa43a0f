"""What a peer may call: fixed paths, each one use case (handover 9.1).

Enters: verified requests. Leaves: one use case each through the store's runner, and its
answer. Must never happen: an answer before the commit (P5); a body read that has no room
(HO-76). Read routes of the log, the witness and the directory mirror need no log-in.
"""

import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from node import strictjson
from node.crypto.base64url import b64u
from node.errors import (
    ConflictError,
    MalformedMessageError,
    NodeError,
    NotFoundError,
)
from node.exchangelog.witness import REQUEST_BYTES
from node.failpoints import Point
from node.federation import relay, shared, uploads, witness
from node.federation.answers import encode_answer
from node.federation.caller import JSON_TYPE, PACKET_TYPE, PART_TYPE, PREFIX
from node.federation.desk import Desk, check_room, keep_container, with_statement
from node.federation.listener import (
    RETRY_AFTER_S,
    Call,
    Guard,
    Reply,
    check_syntax,
    plain_problem,
)
from node.federation.pace import ProblemError, Proxies
from node.ids import MemberId, TransferId
from node.sync import (
    deposit,
    firstword,
    hello,
    limits,
    reception,
    recollection,
)
from node.sync.courier import StatementsAnswer
from node.sync.delivery import next_batch
from node.sync.message import parse_envelopes
from node.sync.ports import UnitOfWork

log = structlog.get_logger("federation")
_PLACE = frozenset({"inc", "after", "of"})


def make_peer_app(desk: Desk) -> web.Application:
    """The application behind the peers' listener."""
    app = web.Application(client_max_size=limits.PART_BYTES)
    proxies = Proxies(desk.trusted_proxies)
    guard = Guard(desk.office, desk.public_url, desk.requests_per_s, proxies)
    add = app.router.add_route
    add(
        "POST",
        f"{PREFIX}/statements",
        guard.wrap(
            partial(_statements, desk), most=limits.LIST_BYTES, media_type=JSON_TYPE
        ),
    )
    add(
        "GET",
        f"{PREFIX}/statements",
        guard.wrap(partial(_recollect, desk), most=0, media_type=None),
    )
    add(
        "POST",
        f"{PREFIX}/hello",
        guard.wrap(
            partial(_hello, desk), most=limits.JSON_BODY_BYTES, media_type=JSON_TYPE
        ),
    )
    add(
        "PUT",
        PREFIX + "/packets/{transfer}",
        guard.wrap(
            partial(_packet, desk),
            most=limits.PUT_BYTES,
            media_type=PACKET_TYPE,
            before=partial(_may_put, desk),
        ),
    )
    add(
        "POST",
        f"{PREFIX}/uploads",
        guard.wrap(
            partial(uploads.create, desk),
            most=limits.JSON_BODY_BYTES,
            media_type=JSON_TYPE,
        ),
    )
    add(
        "PATCH",
        PREFIX + "/uploads/{transfer}",
        guard.wrap(
            partial(uploads.append, desk),
            most=limits.PART_BYTES,
            media_type=PART_TYPE,
            before=partial(uploads.may_append, desk),
        ),
    )
    add(
        "DELETE",
        PREFIX + "/uploads/{transfer}",
        guard.wrap(partial(uploads.forget, desk), most=0, media_type=None),
    )
    add(
        "GET",
        PREFIX + "/transfers/{transfer}",
        guard.wrap(partial(_transfer, desk), most=0, media_type=None),
    )
    add("GET", f"{PREFIX}/keysheet", partial(_keysheet, desk))
    add(
        "GET",
        PREFIX + shared.PATH,
        guard.wrap(partial(shared.answer, desk), most=0, media_type=None),
    )
    add("POST", "/witness/add-checkpoint", partial(_add_checkpoint, desk))
    add("GET", "/witness/{origin}/checkpoint", partial(_witnessed, desk))
    add("GET", "/log/checkpoint", partial(_checkpoint, desk))
    add("GET", "/log/inclusion", partial(_inclusion, desk))
    add("GET", "/log/consistency", partial(_consistency, desk))
    add("GET", "/.well-known/staffelstab", partial(_about, desk))
    add("GET", "/directory/{path:[A-Za-z0-9._/-]+}", partial(_mirror, desk))
    if desk.relay is not None:
        relay.add_routes(app, desk, desk.relay, guard)
    app.middlewares.append(_last_resort)
    return app


@web.middleware
async def _last_resort(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Unknown paths and our own faults become problem documents without detail."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return plain_problem("not-found")
    except web.HTTPMethodNotAllowed:
        return plain_problem("method")
    except web.HTTPRequestEntityTooLarge:
        return plain_problem("too-large")
    except web.HTTPException:
        return plain_problem("bad-syntax")
    except Exception as error:
        log.error("request failed", exc_info=error, route=request.path)  # noqa: TRY400
        return plain_problem("internal")


# -- Signed routes -----------------------------------------------------------------------


async def _statements(desk: Desk, call: Call) -> Reply:
    envelopes = parse_envelopes(call.body)
    answer = await desk.run.write(
        reception.take_list, desk.office, call.peer, envelopes
    )
    desk.contact(call.peer)
    return Reply(HTTPStatus.OK, encode_answer(answer))


async def _recollect(desk: Desk, call: Call) -> Reply:
    """For a peer that recovers; answered in every state, like hello."""
    place = [call.query.get(name, "") for name in ("inc", "after")]
    of = call.query.get("of", "")
    good = all(n.isascii() and n.isdigit() and len(n) < 16 for n in place)
    if not good or of not in {"", "me"} or not set(call.query) <= _PLACE:
        raise MalformedMessageError("bad-syntax")
    found = await desk.run.read(
        recollection.tell,
        call.peer,
        (int(place[0]), int(place[1])),
        of_caller=of == "me",
    )
    answer = StatementsAnswer({}, found, None, None)
    return Reply(HTTPStatus.OK, encode_answer(answer))


async def _hello(desk: Desk, call: Call) -> Reply:
    """Answered in every state: our hello, and what waits for the caller (HO-84)."""
    said = strictjson.parse_object(call.body)
    ack = said.pop("ack", None)
    if set(said) != {"hello"} or not isinstance(said["hello"], str):
        raise MalformedMessageError("bad-syntax")
    if ack is not None:
        results = hello.read_results(desk.office, call.peer, ack)
        await desk.run.write(hello.hear_results, desk.office, call.peer, results)
    heard = hello.read_hello(desk.office, call.peer, said["hello"])
    await desk.run.write(hello.hear, desk.office, call.peer, heard)
    ours = await desk.run.read(hello.say_hello, desk.office, call.peer, desk.started_at)
    waiting = await desk.run.read(next_batch, desk.office, call.peer)
    answer = StatementsAnswer({}, waiting.envelopes, None, None)
    desk.contact(call.peer)
    body = strictjson.parse_object(
        encode_answer(answer),
        members=limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST,
    )
    return Reply(HTTPStatus.OK, strictjson.encode({**body, "hello": ours.jws}))


async def _may_put(desk: Desk, call: Call) -> Reply | None:
    """Before the body is read: is it welcome, and is there room (HO-76)?"""
    transfer = TransferId(call.match["transfer"])
    expected = await desk.run.read(
        deposit.expect_packet, desk.office, call.peer, transfer
    )
    if isinstance(expected, deposit.Answered):
        status = HTTPStatus.GONE if expected.over else HTTPStatus.OK
        return with_statement(expected.statement, status)
    if not expected.is_witnessed:
        raise ProblemError("log-unproven")
    if call.headers.get("content-length") != str(expected.packet.len):
        raise ProblemError("id-conflict")
    check_room(desk, expected, expected.packet.len)
    return None


async def _packet(desk: Desk, call: Call) -> Reply:
    transfer = TransferId(call.match["transfer"])
    expected = await desk.run.read(
        deposit.expect_packet, desk.office, call.peer, transfer
    )
    if isinstance(expected, deposit.Answered):
        status = HTTPStatus.GONE if expected.over else HTTPStatus.OK
        return with_statement(expected.statement, status)
    if hashlib.sha256(call.body).digest() != expected.packet.dig:
        raise ProblemError("bad-digest", offset=0)
    row = await keep_container(
        desk,
        transfer,
        call.body,
        key=desk.office.randomness(32),
        chunks=lambda: iter([call.body]),
        expected=expected,
    )
    desk.contact(call.peer)
    return with_statement(row, HTTPStatus.CREATED)


async def _transfer(desk: Desk, call: Call) -> Reply:
    """For diagnosis; ends nothing (HO-75)."""
    transfer = TransferId(call.match["transfer"])
    state = await desk.run.read(_state_for, call.peer, transfer)
    return Reply(HTTPStatus.OK, strictjson.encode(state))


def _state_for(
    uow: UnitOfWork, peer: MemberId, transfer: TransferId
) -> strictjson.JsonObject:
    with uow:
        firstword.require_speaking(uow)
        inbound = uow.inbound.find(transfer)
        outbound = uow.outbound.find(transfer)
        ours = [row.jti for row in uow.outbox.of_transfer(transfer)]
    if inbound is not None and inbound.sender == peer:
        return {"state": str(inbound.state), "statements": ours}
    if outbound is not None and outbound.recipient == peer:
        return {"state": str(outbound.state), "statements": ours}
    raise NotFoundError("unknown-transfer")


# -- Routes without log-in ---------------------------------------------------------------


async def _add_checkpoint(desk: Desk, request: web.Request) -> web.Response:
    check_syntax_of(desk, request)
    if (request.content_length or 0) > REQUEST_BYTES:
        return plain_problem("too-large")
    body = await _read(request, REQUEST_BYTES + 1)
    try:
        status, text, media_type = await desk.run.write(
            witness.add_checkpoint, desk.office, body
        )
    except ConflictError:
        # Race: another caller moved the memory first; this one asks again.
        status, text, media_type = 503, "", witness.PLAIN
    headers = {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)} if status == 503 else None
    desk.office.failpoints.reach(Point.WITNESS_ANSWERED)
    return web.Response(
        status=status, text=text, content_type=media_type, headers=headers
    )


async def _read(request: web.Request, most: int) -> bytes:
    """The body, which may come in pieces, up to so many bytes."""
    found = b""
    while len(found) < most:
        piece = await request.content.read(most - len(found))
        if not piece:
            break
        found += piece
    return found


async def _witnessed(desk: Desk, request: web.Request) -> web.Response:
    note = await desk.run.read(
        witness.remembered, desk.office, request.match_info["origin"]
    )
    if note is None:
        return plain_problem("not-found")
    return web.Response(text=note, content_type="text/plain")


async def _checkpoint(desk: Desk, request: web.Request) -> web.Response:
    check_syntax_of(desk, request)
    head = await desk.run.read(witness.newest_note)
    return (
        web.Response(text=head, content_type="text/plain")
        if head
        else plain_problem("not-found")
    )


async def _inclusion(desk: Desk, request: web.Request) -> web.Response:
    return await _proof(desk, request, "index", "size", witness.inclusion)


async def _consistency(desk: Desk, request: web.Request) -> web.Response:
    return await _proof(desk, request, "from", "to", witness.consistency)


async def _proof(
    desk: Desk,
    request: web.Request,
    first: str,
    second: str,
    make: Callable[[UnitOfWork, int, int], list[bytes] | None],
) -> web.Response:
    numbers = [request.query.get(name, "") for name in (first, second)]
    if not all(n.isascii() and n.isdigit() and len(n) < 16 for n in numbers):
        return plain_problem("bad-syntax")
    path = await desk.run.read(make, int(numbers[0]), int(numbers[1]))
    if path is None:
        return plain_problem("not-found")
    body = strictjson.encode({"path": [b64u(step) for step in path]})
    return web.Response(body=body, content_type=JSON_TYPE)


async def _about(desk: Desk, _: web.Request) -> web.Response:
    """For people and for ``doctor``; decides nothing."""
    body = {"member": str(desk.office.member), "protocol": [1], "suites": [1]}
    return web.Response(body=strictjson.encode(body), content_type=JSON_TYPE)


async def _keysheet(desk: Desk, _: web.Request) -> web.Response:
    """Our newest sheet for the directory's operator; its own signature proves it."""
    text = await desk.run.file(desk.keysheet)
    if text is None:
        return plain_problem("not-found")
    return web.Response(text=text, content_type="application/jose")


async def _mirror(desk: Desk, request: web.Request) -> web.StreamResponse:
    """The directory's files as we last verified them: every node may be a mirror."""
    if desk.mirror is None:
        return plain_problem("not-found")
    path = (desk.mirror / request.match_info["path"]).resolve()
    if not path.is_relative_to(desk.mirror.resolve()) or not path.is_file():
        return plain_problem("not-found")
    return web.FileResponse(path, headers={hdrs.CACHE_CONTROL: "max-age=60"})


def check_syntax_of(desk: Desk, request: web.Request) -> None:
    """SR-F2 for a route without signature; a fault ends as 400."""
    try:
        check_syntax(request, desk.public_url.split("://", 1)[1])
    except NodeError:
        raise web.HTTPBadRequest from None
