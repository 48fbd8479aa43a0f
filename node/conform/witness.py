"""Checks of what needs no log-in: the witness for our log, their log, the directory mirror.

Enters: the bench. Leaves: lines about LR-14 to LR-18 and page 80. Must never happen: two
signed heads of one size, which would be a conflict for ever (LR-18). Source: C2SP
tlog-witness.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from node.conform.bench import Bench
from node.conform.wire import Seen
from node.crypto.base64url import unb64u
from node.crypto.checkpoint import (
    ED25519,
    Checkpoint,
    NoteKey,
    only,
    open_checkpoint,
    sign_checkpoint,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import verify_consistency
from node.errors import NodeError, UnreachableError
from node.exchangelog.witness import (
    AddCheckpoint,
    SignedHead,
    ask,
    encode_add_checkpoint,
    read_cosignatures,
)
from node.sync.ports import UnitOfWork

_PLAIN: Mapping[str, str] = {"content-type": "text/plain"}
_ADD = "/witness/add-checkpoint"


async def statuses(bench: Bench) -> None:
    """LR-15: the exact status for each request, then a cosignature that holds."""
    office = bench.node.office
    await asyncio.to_thread(bench.node.publisher.publish)
    named = hashlib.sha256(office.log_origin.encode()).hexdigest()
    remembered = await _get(bench, f"/witness/{named}/checkpoint")
    size = 0
    if remembered is not None and remembered.status == 200:
        size = int(remembered.body.decode().split("\n")[1])
    key = NoteKey(office.log_origin, office.keyring.log.public, ED25519)
    asked = bench.node.store.read_sync(_ask, size, key)
    if asked is None:
        bench.report.skip("LR-15", "Mitzeichnen", "das eigene Protokoll ist leer")
        return
    wrong = replace(asked, old_size=size + 1, path=())
    stranger = Checkpoint("unknown.example/log/1", 1, bytes(32))
    forged = sign_checkpoint(_head(asked), SigningKey(bytes(32)))
    for what, body, status in (
        ("kein add-checkpoint", b"hello", 400),
        ("negative Größe", b"old -1\n\n" + asked.note.encode(), 400),
        (
            "alte Größe über der neuen",
            _spell(replace(asked, old_size=_head(asked).size + 1, path=())),
            400,
        ),
        (
            "unbekanntes Protokoll",
            _spell(AddCheckpoint(0, (), sign_checkpoint(stranger, office.keyring.log))),
            404,
        ),
        ("fremde Unterschrift", _spell(replace(asked, note=forged)), 403),
    ):
        await _status(bench, what, body, status)
    if size + 1 <= _head(asked).size:
        seen = await _status(bench, "andere Größe als gemerkt", _spell(wrong), 409)
        bench.judge(
            "LR-15",
            "409 nennt die gemerkte Größe als text/x.tlog.size",
            good=seen is not None
            and seen.body == f"{size}\n".encode()
            and seen.headers.get("content-type", "").startswith("text/x.tlog.size"),
            seen=seen and seen.body,
        )
    needless = replace(asked, path=(*asked.path, bytes(32)))
    await _status(bench, "Beweis, der nichts zeigt", _spell(needless), 422)
    await _cosign(bench, asked)


async def _cosign(bench: Bench, asked: AddCheckpoint) -> None:
    """LR-16: a good request is cosigned, remembered, and cosigned again."""
    seen = await _status(bench, "guter Kopf wird mitgezeichnet", _spell(asked), 200)
    if seen is None:
        return
    key = bench.node.office.directory().witness_key(bench.peer)
    try:
        lines = read_cosignatures(seen.body, asked.note, [key])
        fault = "" if lines != asked.note else "keine Zeile dieses Zeugen"
    except NodeError as error:
        fault = error.code
    bench.judge("LR-16", "die Mitzeichnung gilt", good=not fault, seen=fault)
    again = replace(asked, old_size=_head(asked).size, path=())
    await _status(bench, "derselbe Kopf noch einmal", _spell(again), 200)
    named = hashlib.sha256(_head(asked).origin.encode()).hexdigest()
    kept = await _get(bench, f"/witness/{named}/checkpoint")
    bench.judge(
        "LR-14",
        "der gemerkte Kopf ist zu lesen",
        good=kept is not None and kept.body.startswith(_head(asked).body().encode()),
        seen=kept and kept.status,
    )


async def reading(bench: Bench) -> None:
    """LR-14: their own log can be read and holds together."""
    seen = await _get(bench, "/log/checkpoint")
    what = "der eigene Prüfpunkt gilt"
    if seen is None or seen.status == 404:
        bench.report.skip("LR-14", what, "das Protokoll ist leer")
        return
    key = bench.node.office.directory().log_key(bench.peer)
    try:
        head = open_checkpoint(seen.body.decode(), key)
    except (NodeError, UnicodeDecodeError) as error:
        bench.judge("LR-14", what, good=False, seen=type(error).__name__)
        return
    bench.judge("LR-14", what, good=True, seen="")
    for what, path, status in (
        ("Einschluss außerhalb des Protokolls", _inclusion(head.size, head.size), 404),
        ("Einschluss mit Buchstaben", "/log/inclusion?index=a&size=1", 400),
        ("Fortsetzung rückwärts", f"/log/consistency?from={head.size + 1}&to=1", 404),
        ("Fortsetzung ohne Zahl", "/log/consistency?from=&to=", 400),
        ("Einschluss des ersten Eintrags", _inclusion(0, head.size), 200),
    ):
        found = await _get(bench, path)
        bench.judge(
            "LR-14",
            what,
            good=found is not None and found.status == status,
            seen=f"{found and found.status}, erwartet {status}",
        )
    known = bench.node.store.read_sync(_remembered, head.origin)
    what = "der Kopf setzt den gemerkten fort"
    if known is None or known.size == 0:
        bench.report.skip("LR-10", what, "keiner gemerkt")
        return
    if known.size >= head.size:
        bench.judge("LR-10", what, good=known == head, seen=f"kürzer: {head.size}")
        return
    found = await _get(bench, f"/log/consistency?from={known.size}&to={head.size}")
    bench.judge(
        "LR-10",
        what,
        good=found is not None and _goes_on(known, head, found),
        seen=found and found.status,
    )


async def others(bench: Bench) -> None:
    """Unknown paths and methods, and the mirror of the directory."""
    for number, what, method, path, status in (
        ("API-23", "unbekannter Pfad", "GET", "/staffelstab/1/nothing", 404),
        ("API-23", "falsche Methode", "DELETE", "/staffelstab/1/statements", 405),
        ("API-22", "Verzeichnis: nichts da", "GET", "/directory/none.json", 404),
        ("API-22", "Verzeichnis: Pfad hinaus", "GET", "/directory/../master.key", 404),
    ):
        seen = await _get(bench, path, method)
        good = seen is not None and (
            seen.status == status or (".." in path and 400 <= seen.status < 500)
        )
        bench.judge(number, what, good=good, seen=f"{seen}, erwartet {status}")


def _inclusion(index: int, size: int) -> str:
    return f"/log/inclusion?index={index}&size={size}"


def _goes_on(known: Checkpoint, head: Checkpoint, seen: Seen) -> bool:
    steps = seen.content.get("path")
    if not isinstance(steps, list):
        return False
    try:
        path = [unb64u(str(step)) for step in steps]
        verify_consistency(known.size, head.size, known.root, head.root, path)
    except NodeError:
        return False
    return True


async def _status(bench: Bench, what: str, body: bytes, status: int) -> Seen | None:
    try:
        seen = await bench.wire.exchange("POST", _ADD, _PLAIN, body)
    except UnreachableError as error:
        bench.judge("LR-15", what, good=False, seen=error)
        return None
    good = seen.status == status
    bench.judge("LR-15", what, good=good, seen=f"{seen.status}, erwartet {status}")
    return seen if good else None


async def _get(bench: Bench, path: str, method: str = "GET") -> Seen | None:
    try:
        return await bench.wire.exchange(method, path, {}, b"")
    except UnreachableError:
        return None


def _head(asked: AddCheckpoint) -> Checkpoint:
    return Checkpoint.parse_body(asked.note.split("\n\n")[0] + "\n")


def _spell(asked: AddCheckpoint) -> bytes:
    return encode_add_checkpoint(asked)


def _ask(uow: UnitOfWork, size: int, key: NoteKey) -> AddCheckpoint | None:
    """Our newest head for a witness that remembers so much of our log.

    With our signature alone: a hello may have brought us the same cosignature in the same
    second, and then nothing would tell the one that is answered now.
    """
    with uow:
        newest = uow.log.newest()
        if newest is None or newest.size < size:
            return None
        head = Checkpoint(newest.origin, newest.size, newest.root)
        return ask(SignedHead(head, only(newest.note, key)), size, uow.log.tree())


def _remembered(uow: UnitOfWork, origin: str) -> Checkpoint | None:
    with uow:
        seen = uow.heads.seen(origin)
    return Checkpoint(seen.origin, seen.size, seen.root) if seen else None
