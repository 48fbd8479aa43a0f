"""A whole handover as sender: log gate, container, recall, approval, grant, receipts.

Enters: the bench. Leaves: two handovers of invented persons; lines about the log gate, HO-15,
HO-20, HO-23, HO-47. Must never happen: a wait without an end.
"""

import asyncio
import hashlib
from dataclasses import replace
from typing import Final

from node.conform.bench import Ask, Bench, P
from node.conform.container import container, parts, repeated
from node.conform.person import TESTER, Sent, outbound, place_of, prepare
from node.conform.wire import Seen
from node.errors import NodeError
from node.federation.caller import PACKET_TYPE
from node.ids import Ags, TransferId
from node.strictjson import Json, JsonObject
from node.sync import sender, witnessing
from node.sync.delivery import deliver_due
from node.sync.greeting import greet
from node.sync.logbook import Who
from node.sync.message import Envelope, encode_envelopes
from node.sync.ports import UnitOfWork
from node.sync.transfer import Outbound

_POLL_S: Final = 0.2
_ANSWER_S: Final = 20.0


async def send(bench: Bench) -> None:
    """Both handovers; what cannot be begun is said."""
    ags = place_of(bench)
    if ags is None:
        bench.report.skip(
            "HO-46", "Übergabe", "die Stelle ist für keinen Ort zuständig"
        )
        return
    first = await prepare(bench, ags)
    if first is None:
        return
    await _before_offer(bench, first)
    await _gate(bench, first)
    await container(bench, first)
    await repeated(bench, first)
    await _recall(bench, ags)
    await _decision(bench, first)


# -- Offer and log gate ------------------------------------------------------------------


async def _before_offer(bench: Bench, sent: Sent) -> None:
    """API-3: a container without an offer."""
    await bench.refused(
        "API-3",
        "Container ohne Angebot",
        status=404,
        code="unknown-transfer",
        ask=Ask(
            method="PUT",
            path=f"{P}/packets/{sent.transfer}",
            body=sent.container,
            media_type=PACKET_TYPE,
        ),
    )


async def _gate(bench: Bench, sent: Sent) -> None:
    """LR-25, LR-27: without proof, with another entry, under a forged head; then rightly."""
    att = sent.offer.att
    assert att is not None
    for what, attachment in (
        ("Angebot ohne Beweis", None),
        ("Beweis eines anderen Eintrags", _other_entry(att)),
        ("Prüfpunkt mit falscher Unterschrift", _other_note(att)),
    ):
        spoiled = Envelope(sent.offer.jws, attachment)
        seen = await _say(bench, replace(sent, offer=spoiled))
        bench.judge(
            "LR-30",
            what,
            good=_result(seen, sent) == "log-unproven" and not seen.fault,
            seen=f"{seen}: {_result(seen, sent)}, erwartet log-unproven",
        )
    seen = await _say(bench, sent)
    bench.judge(
        "LR-30",
        "Angebot mit Beweis wird genommen",
        good=_result(seen, sent) == "taken" and not seen.fault,
        seen=f"{seen}: {_result(seen, sent)}",
    )
    again = await _say(bench, sent)
    bench.judge(
        "HO-20",
        "dasselbe Angebot noch einmal hat dasselbe Ergebnis",
        good=_result(again, sent) == "taken" and not again.fault,
        seen=f"{again}: {_result(again, sent)}",
    )
    await _is_cosigned(bench)


async def _is_cosigned(bench: Bench) -> None:
    """LR-20: the recipient cosigns the head that covers the offer."""
    key = bench.node.office.directory().witness_key(bench.peer)
    try:
        await witnessing.collect(bench.node.courier, bench.peer)
        fault = ""
    except NodeError as error:
        fault = str(error)
    size, covered = bench.node.store.read_sync(_covered, key.name)
    bench.judge(
        "LR-20",
        "der Kopf über dem Angebot wird mitgezeichnet",
        good=covered >= size > 0,
        seen=fault or f"{covered} von {size}",
    )


def _covered(uow: UnitOfWork, witness: str) -> tuple[int, int]:
    with uow:
        newest = uow.log.newest()
        return (newest.size if newest else 0), uow.log.cosigned_size(witness)


def _other_entry(att: JsonObject) -> JsonObject:
    """The same attachment; the first entry's commitment is another one."""
    entries = [dict(entry) for entry in att["entries"]]
    entries[0]["c"] = hashlib.sha256(b"another").hexdigest()
    return att | {"entries": entries}


def _other_note(att: JsonObject) -> JsonObject:
    """The checkpoint with one character of its signature changed."""
    note = str(att["checkpoint"])
    place = len(note) - 10
    other = "A" if note[place] != "A" else "B"
    return att | {"checkpoint": note[:place] + other + note[place + 1 :]}


async def _say(bench: Bench, sent: Sent) -> Seen:
    """The offer, behind what our chain holds before it."""
    said = encode_envelopes([*sent.before, sent.offer])
    return await bench.wire.send("POST", f"{P}/statements", said)


def _result(seen: Seen, sent: Sent) -> Json:
    """The result of the offer."""
    results = seen.content.get("results")
    return results.get(str(sent.jti)) if isinstance(results, dict) else None


# -- Recall before the grant; the other side's people -------------------------------------


async def _recall(bench: Bench, ags: Ags) -> None:
    """A second handover, begun as an upload in parts and called back before the grant."""
    sent = await prepare(bench, ags)
    if sent is None:
        return
    seen = await _say(bench, sent)
    if _result(seen, sent) != "taken":
        bench.judge("LR-30", "zweites Angebot", good=False, seen=_result(seen, sent))
        return
    await _is_cosigned(bench)
    await parts(bench, sent)
    node = bench.node
    node.store.write_sync(
        sender.call_back,
        node.office,
        sent.transfer,
        who=Who("caseworker", TESTER.account),
    )
    await asyncio.to_thread(node.publisher.publish)
    await deliver_due(node.courier, bench.peer)
    ended = await _until(bench, sent.transfer, {Outbound.RECALLED}, _ANSWER_S)
    bench.judge(
        "HO-15",
        "Rückruf vor der Freigabe wird bestätigt",
        good=ended is Outbound.RECALLED,
        seen=ended,
    )
    seen = await bench.wire.send(
        "PUT", f"{P}/packets/{sent.transfer}", sent.container, PACKET_TYPE
    )
    bench.judge(
        "API-3",
        "ein Container nach dem Rückruf ist 410",
        good=seen.status == 410 and not seen.fault,
        seen=seen,
    )


async def _decision(bench: Bench, sent: Sent) -> None:
    """Wait for the approver there; then grant, ``imported``, ``closed``."""
    what = "dort genehmigt, hier freigegeben, dort aufgenommen"
    asked = {Outbound.GRANTED, Outbound.CLOSED, Outbound.REJECTED}
    state = await _until(bench, sent.transfer, asked, bench.wait_s)
    if state is Outbound.REJECTED:
        bench.judge("HO-53", "die Ablehnung ist gültig", good=True, seen="")
        bench.report.skip("HO-23", what, "dort abgelehnt")
        return
    if state not in asked:
        bench.report.skip("HO-23", what, f"niemand hat entschieden ({state}): --wait")
        return
    await asyncio.to_thread(bench.node.publisher.publish)
    await deliver_due(bench.node.courier, bench.peer)
    state = await _until(bench, sent.transfer, {Outbound.CLOSED}, _ANSWER_S)
    bench.judge("HO-23", what, good=state is Outbound.CLOSED, seen=state)
    await asyncio.to_thread(bench.node.publisher.publish)
    delivered = await deliver_due(bench.node.courier, bench.peer)
    bench.judge("HO-47", "closed wird genommen", good=delivered, seen="nicht genommen")


async def _until(
    bench: Bench, transfer: TransferId, wanted: set[Outbound], seconds: float
) -> Outbound | None:
    """Say hello until the transfer has got there, or the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        await greet(bench.node.courier, bench.peer)
        found = outbound(bench, transfer)
        state = found.state if found else None
        if state in wanted or loop.time() >= end:
            return state
        await asyncio.sleep(_POLL_S)
