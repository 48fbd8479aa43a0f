"""Checks of containers: whole and in parts, wrong and right, once and again.

Enters: the bench, a prepared transfer. Leaves: lines about API-3, API-4, API-11, API-12,
HO-86, HO-87. Must never happen: a container sent that its offer does not name.
"""

import hashlib

from node import strictjson
from node.conform.bench import Ask, Bench, P
from node.conform.person import Sent
from node.conform.wire import Bend, Seen
from node.errors import NodeError
from node.federation.caller import PACKET_TYPE, PART_TYPE
from node.strictjson import JsonObject
from node.sync.bodies import StoredBody
from node.sync.delivery import deliver_due
from node.sync.message import open_statement, statement_kid


async def container(bench: Bench, sent: Sent) -> None:
    """API-3, API-4: length, digest, then the right one, twice; and its state."""
    path = f"{P}/packets/{sent.transfer}"
    changed = sent.container[:-1] + bytes([sent.container[-1] ^ 1])
    for what, body, status, code in (
        ("Container anderer Länge", sent.container + b"x", 409, "id-conflict"),
        ("Container mit anderer Prüfsumme", changed, 422, "bad-digest"),
    ):
        await bench.refused(
            "API-4",
            what,
            status=status,
            code=code,
            ask=Ask(method="PUT", path=path, body=body, media_type=PACKET_TYPE),
        )
    first = await _put(bench, sent, "Container wird genommen", 201)
    again = await _put(bench, sent, "derselbe Container noch einmal", 200)
    if first is None or again is None:
        return
    fault = _stored(bench, first, sent)
    bench.judge("API-3", "die Antwort trägt stored", good=not fault, seen=fault)
    bench.judge(
        "API-3",
        "es ist beide Male dieselbe Aussage",
        good=first.content.get("statements") == again.content.get("statements"),
        seen="zwei verschiedene",
    )
    state = await bench.good(
        "API-24",
        "der Stand der Übergabe ist zu lesen",
        method="GET",
        path=f"{P}/transfers/{sent.transfer}",
    )
    if state is not None:
        said = state.content.get("state")
        bench.judge(
            "API-24",
            "sie wartet dort auf die Genehmigung",
            good=said in {"waiting", "approved"},
            seen=said,
        )
    await deliver_due(bench.node.courier, bench.peer)


async def _put(bench: Bench, sent: Sent, what: str, status: int) -> Seen | None:
    return await bench.good(
        "API-3",
        what,
        method="PUT",
        path=f"{P}/packets/{sent.transfer}",
        status=status,
        body=sent.container,
        media_type=PACKET_TYPE,
    )


def _stored(bench: Bench, seen: Seen, sent: Sent) -> str:
    """Why this answer carries no good ``stored``, or nothing."""
    listed = seen.content.get("statements")
    if not isinstance(listed, list) or len(listed) != 1:
        return "keine Aussage"
    jws = str(listed[0].get("jws"))
    try:
        key = bench.node.office.directory().sign_key(statement_kid(jws))
        body = open_statement(jws, key).claims.b
    except NodeError as error:
        return error.code
    if not isinstance(body, StoredBody):
        return "kein stored"
    fits = body.pkt.dig == hashlib.sha256(sent.container).digest()
    return "" if fits else "stored nennt einen anderen Container"


async def repeated(bench: Bench, sent: Sent) -> None:
    """API-12: an upload of a container that is there already is answered like PUT."""
    wanted = {
        "tr": str(sent.transfer),
        "len": len(sent.container),
        "dig": hashlib.sha256(sent.container).hexdigest(),
    }
    await bench.good(
        "API-12",
        "Hochladen eines Containers, der schon da ist",
        method="POST",
        path=f"{P}/uploads",
        body=strictjson.encode(wanted),
    )


async def parts(bench: Bench, sent: Sent) -> None:
    """HO-86, HO-87, API-11: begin, other digest, other offset, one part, go on."""
    wanted: JsonObject = {
        "tr": str(sent.transfer),
        "len": len(sent.container),
        "dig": hashlib.sha256(sent.container).hexdigest(),
    }
    await bench.refused(
        "HO-86",
        "Hochladen mit anderer Länge",
        status=409,
        code="id-conflict",
        ask=Ask(
            path=f"{P}/uploads",
            body=strictjson.encode(wanted | {"len": len(sent.container) + 1}),
        ),
    )
    await _offset(bench, wanted, 0)
    half = len(sent.container) // 2
    path = f"{P}/uploads/{sent.transfer}"
    part = sent.container[:half]
    for number, what, offset, status in (
        ("API-11", "Teil an anderer Stelle", 7, 409),
        ("HO-87", "erster Teil", 0, 200),
        ("API-11", "derselbe Teil noch einmal", 0, 409),
    ):
        seen = await _patch(bench, path, part, offset)
        bench.judge(
            number,
            what,
            good=seen.status == status and not seen.fault,
            seen=f"{seen}, erwartet {status}",
        )
    await _offset(bench, wanted, half)
    given_up = await bench.wire.send("DELETE", path)
    bench.judge(
        "API-25",
        "Hochladen aufgeben",
        good=given_up.status == 200 and given_up.content.get("offset") == 0,
        seen=given_up,
    )
    await _offset(bench, wanted, 0)


async def _offset(bench: Bench, wanted: JsonObject, expected: int) -> None:
    seen = await bench.wire.send("POST", f"{P}/uploads", strictjson.encode(wanted))
    said = seen.content.get("offset")
    field = seen.headers.get("upload-offset")
    good = (seen.status, said, field) == (201, expected, str(expected))
    bench.judge(
        "HO-86",
        f"Hochladen geht bei {'0' if expected == 0 else 'der Hälfte'} weiter",
        good=good and not seen.fault,
        seen=f"{seen} {said} {field}, erwartet 201 {expected}",
    )


async def _patch(bench: Bench, path: str, part: bytes, offset: int) -> Seen:
    fields = {"upload-offset": str(offset), "upload-complete": "?0"}
    return await bench.wire.send("PATCH", path, part, PART_TYPE, Bend(fields=fields))
