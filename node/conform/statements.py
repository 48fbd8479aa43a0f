"""Checks of statements: their form, who speaks to whom, their place in the chain.

Enters: the bench. Leaves: lines about HO-2, HO-20, HO-39 to HO-45, MSG-1 to MSG-12. Must
never happen: a number of our own chain used for two statements, but in ``fork``, which is
asked for by name and ends the pair for good.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from node import strictjson
from node.conform.bench import Ask, Bench, P
from node.conform.wire import Seen
from node.crypto.base64url import b64u
from node.crypto.sign import sign
from node.errors import UnreachableError
from node.ids import MessageId, TransferId
from node.strictjson import Json, JsonObject
from node.sync.bodies import RecallBody
from node.sync.chain import Link, next_link
from node.sync.delivery import deliver_due
from node.sync.hello import say_hello
from node.sync.issue import issue
from node.sync.message import (
    STATEMENT_TYP,
    Claims,
    Envelope,
    Statement,
    encode_claims,
    encode_envelopes,
    sign_statement,
)
from node.sync.ports import UnitOfWork
from node.sync.transfer import Why
from node.sync.words import StatementType

_PATH: Final = f"{P}/statements"
_PAD: Final = "="


async def forms(bench: Bench) -> None:
    """HO-39, HO-40, MSG-2, MSG-10: every other spelling is refused."""
    good = _next(bench)
    payload = json.loads(encode_claims(good.claims))
    text = strictjson.encode(payload)
    for number, what, jws in (
        ("HO-39", "alg none", _jws(bench, text, alg="none")),
        ("HO-39", "alg EdDSA", _jws(bench, text, alg="EdDSA")),
        ("HO-39", "anderes typ", _jws(bench, text, typ="JWT")),
        ("HO-39", "Kopf mit weiterem Feld", _jws(bench, text, crit=["x"])),
        ("HO-40", "aufgefülltes base64url", good.jws.replace(".", _PAD + ".", 1)),
        ("HO-40", "nicht kanonisches base64url", _uncanonical(good.jws)),
        ("HO-39", "vier Teile", good.jws + ".e30"),
        ("MSG-2", "doppelter Name", _jws(bench, b'{"v":1,' + text[1:])),
        ("MSG-2", "Gleitkommazahl", _jws(bench, text[:-1] + b',"x":1.5}')),
        ("MSG-10", "Feld opt", _jws(bench, _with(payload, opt=["x"]))),
        ("MSG-10", "ohne jti", _jws(bench, _with(payload, jti=None))),
        ("VER-2", "andere Version v", _jws(bench, _with(payload, v=2))),
        ("MSG-10", "unbekannte Art t", _jws(bench, _with(payload, t="letter"))),
        ("MSG-6", "tr in base64url", _jws(bench, _with(payload, tr=b64u(bytes(16))))),
        ("HO-48", "hello mit Kettenplatz", _jws(bench, _with(payload, t="hello"))),
    ):
        await _refused(bench, number, what, jws, (400, "bad-syntax"))
    long = _jws(bench, _with(payload, jti="a" * 16384))
    await _refused(bench, "HO-51", "über 16 KiB", long, (400, "bad-syntax"))
    hello = bench.node.store.read_sync(
        say_hello, bench.node.office, bench.peer, bench.node.office.clock.now()
    )
    await _refused(bench, "HO-48", "hello als Liste", hello.jws, (400, "bad-syntax"))


async def signatures(bench: Bench) -> None:
    """MSG-1, HO-2, MSG-5: who signed, and for whom."""
    good = _next(bench)
    payload = json.loads(encode_claims(good.claims))
    head, body, signature = good.jws.split(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    await _refused(
        bench, "MSG-1", "andere Unterschrift", f"{head}.{body}.{other}", _UNSIGNED
    )
    foreign = _jws(bench, _with(payload, iss="08999999-stadt-anderswo"))
    await _refused(
        bench, "HO-2", "iss einer anderen Stelle", foreign, (403, "identity-mismatch")
    )
    elsewhere = _jws(bench, _with(payload, aud="08999999-stadt-anderswo"))
    await _refused(
        bench,
        "MSG-5",
        "an eine andere Stelle",
        elsewhere,
        (403, "wrong-recipient"),
    )
    unknown = _jws(
        bench, strictjson.encode(payload), kid=f"{bench.node.office.member}#zz"
    )
    await _refused(
        bench, "HO-41", "Schlüssel nicht im Verzeichnis", unknown, (503, "unknown-key")
    )


_UNSIGNED: Final = (401, "bad-signature")


async def chains(bench: Bench) -> None:
    """MSG-11, HO-45, HO-20: gap, no line in the table, repeat, same id with other bytes."""
    office = bench.node.office
    await deliver_due(bench.node.courier, bench.peer)
    link = _next(bench).claims.link
    assert link is not None
    gap = _say(bench, replace(link, seq=link.seq + 5))
    await _result(bench, "MSG-11", "Lücke in der Kette", gap, "chain-gap")
    said = nudge(bench)
    before = (await bench.queued(said.claims.jti))[:-1]
    what = "Aussage ohne Zeile in der Tabelle"
    await _result(bench, "HO-45", what, said, "refused", before=before)
    await _result(bench, "HO-20", "dieselbe Aussage noch einmal", said, "refused")
    twin = sign_statement(
        replace(said.claims, dir=said.claims.dir + 1),
        office.keyring.sign,
        office.keyring.key_id,
    )
    await _result(bench, "HO-20", "gleiche jti, andere Bytes", twin, "id-conflict")
    await deliver_due(bench.node.courier, bench.peer)


async def fork(bench: Bench) -> None:
    """MSG-12: two statements at one place; then only hello is answered."""
    what = "zwei Aussagen an einem Platz"
    if not bench.last:
        bench.report.skip("MSG-12", what, "trennt das Paar für immer: --last")
        return
    # They must hold what stands there already, else they see a gap and no fork.
    await deliver_due(bench.node.courier, bench.peer)
    now = bench.node.store.read_sync(_last, bench)
    if now is None:
        bench.report.skip("MSG-12", what, "noch keine Kette")
        return
    second = _say(bench, now)
    await _result(bench, "MSG-12", what, second, "history-conflict")


# -- Making statements -------------------------------------------------------------------


def _next(bench: Bench) -> Statement:
    """A good statement at our next place; it is never sent as it is."""
    return _say(bench, bench.node.store.read_sync(_place, bench))


def _place(uow: UnitOfWork, bench: Bench) -> Link:
    with uow:
        return next_link(uow.chains.last_out(bench.peer), uow.chains.incarnation())


def _last(uow: UnitOfWork, bench: Bench) -> Link | None:
    """The newest place of our chain, which is taken already."""
    with uow:
        last = uow.chains.last_out(bench.peer)
    return Link(last.inc, last.seq, bytes(32)) if last else None


def _say(bench: Bench, link: Link) -> Statement:
    office = bench.node.office
    claims = Claims(
        jti=MessageId.of(office.randomness(16)),
        iat=office.clock.now().replace(microsecond=0),
        iss=office.member,
        aud=bench.peer,
        dir=office.directory().timestamp_version,
        t=StatementType.RECALL,
        b=RecallBody(Why.MOOT),
        inc=link.inc,
        seq=link.seq,
        prev=link.prev,
        tr=TransferId.of(office.randomness(16)),
        off=office.randomness(32),
    )
    return sign_statement(claims, office.keyring.sign, office.keyring.key_id)


def nudge(bench: Bench) -> Statement:
    """Queue a statement that is taken and means nothing: a recall of an unknown transfer.

    It names no entry, and keeps our chain whole.
    """
    return bench.node.store.write_sync(_issue, bench)


def _issue(uow: UnitOfWork, bench: Bench) -> Statement:
    office = bench.node.office
    with uow:
        said = issue(
            uow,
            office,
            to=bench.peer,
            kind=StatementType.RECALL,
            body=RecallBody(Why.MOOT),
            transfer=TransferId.of(office.randomness(16)),
            off=office.randomness(32),
            entry=None,
        )
        uow.commit()
    return said


def _jws(bench: Bench, payload: bytes, **header: Json) -> str:
    """Signed with our key, whatever it says."""
    ring = bench.node.office.keyring
    first = {"alg": "Ed25519", "kid": str(ring.key_id), "typ": STATEMENT_TYP} | header
    text = f"{b64u(strictjson.encode(first))}.{b64u(payload)}"
    return f"{text}.{b64u(sign(ring.sign, text.encode('ascii')))}"


def _with(payload: JsonObject, **changes: Json) -> bytes:
    changed = {n: v for n, v in (payload | changes).items() if v is not None}
    kept = {n: None for n in payload if payload[n] is None and n not in changes}
    return strictjson.encode(changed | kept)


def _uncanonical(jws: str) -> str:
    """The last character carries bits that mean nothing; set one of them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return jws[:-1] + alphabet[alphabet.index(jws[-1]) ^ 1]


# -- Asking ------------------------------------------------------------------------------


async def _refused(
    bench: Bench, number: str, what: str, jws: str, expected: tuple[int, str]
) -> None:
    await bench.refused(
        number,
        what,
        status=expected[0],
        code=expected[1],
        ask=Ask(path=_PATH, body=strictjson.encode([{"jws": jws, "att": None}])),
    )


async def _result(
    bench: Bench,
    number: str,
    what: str,
    said: Statement,
    expected: str,
    *,
    before: Sequence[Envelope] = (),
) -> None:
    """The list is answered with 200, and the statement has this result."""
    seen: Seen | None = None
    result: Json = None
    try:
        seen = await bench.wire.send(
            "POST", _PATH, encode_envelopes([*before, Envelope(said.jws, None)])
        )
        results = seen.content.get("results")
        if isinstance(results, dict):
            result = results.get(str(said.claims.jti))
    except UnreachableError as error:
        result = str(error)
    good = seen is not None and seen.status == 200 and not seen.fault
    bench.judge(
        number,
        what,
        good=good and result == expected,
        seen=f"{seen}: {result}, erwartet {expected}",
    )
