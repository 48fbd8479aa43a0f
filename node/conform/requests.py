"""Checks of requests: what is answered, and everything that must be refused.

Enters: the bench. Leaves: lines about HO-66 to HO-71, SR-F2, API-2, API-5, API-9. The list
``[]`` is no list of statements, so a request that is wrongly let through ends as
``bad-syntax`` and shows in the report. Nothing here changes a transfer.
"""

from datetime import timedelta

from node import strictjson
from node.conform.bench import Ask, Bench, P
from node.conform.wire import Bend
from node.crypto.base64url import b64u
from node.crypto.keys import SigningKey
from node.errors import NodeError, UnreachableError
from node.sync.hello import read_hello, say_hello

_COVERED = (
    "@method",
    "@target-uri",
    "staffelstab-from",
    "staffelstab-to",
    "staffelstab-directory",
    "staffelstab-version",
    "content-type",
    "content-digest",
)
_MEMBERS = {"results", "got", "seen", "statements", "hello"}


async def discovery(bench: Bench) -> bool:
    """Who is there; without an answer nothing else is tried."""
    what = "nennt Kennung, Protokolle und Suiten"
    try:
        seen = await bench.wire.exchange("GET", "/.well-known/staffelstab", {}, b"")
    except UnreachableError as error:
        return bench.judge("API-20", what, good=False, seen=error)
    said = seen.content
    good = (
        seen.status == 200
        and set(said) == {"member", "protocol", "suites"}
        and said["member"] == str(bench.peer)
        and 1 in said["protocol"]
        and 1 in said["suites"]
    )
    bench.judge("API-20", what, good=good, seen=f"{seen.status} {said}")
    return seen.status == 200


async def hello(bench: Bench) -> bool:
    """HO-48, API-2: hello is answered by a signed hello."""
    ours = bench.node.store.read_sync(
        say_hello, bench.node.office, bench.peer, bench.node.office.clock.now()
    )
    seen = await bench.good(
        "API-2",
        "hello wird beantwortet, die Antwort ist unterschrieben",
        method="POST",
        path=f"{P}/hello",
        body=strictjson.encode({"hello": ours.jws}),
    )
    if seen is None:
        return False
    said = seen.content
    bench.judge(
        "API-21",
        "die Antwort hat genau ihre Bestandteile",
        good=set(said) == _MEMBERS,
        seen=sorted(said),
    )
    try:
        read_hello(bench.node.office, bench.peer, str(said.get("hello", "")))
        fault = ""
    except NodeError as error:
        fault = f"{error.code}: {error}"
    return bench.judge(
        "HO-48", "ihr hello ist eine gültige Aussage an uns", good=not fault, seen=fault
    )


async def coverage(bench: Bench) -> None:
    """HO-66: each component uncovered, label, tag, number of signatures."""
    for name in _COVERED:
        await bench.refused(
            "HO-66",
            f"{name} nicht unterschrieben",
            status=401,
            code="bad-signature",
            ask=Ask(bend=Bend(uncovered=name)),
        )
    for what, bend in (
        ("zwei Unterschriften", Bend(twice=True)),
        ("anderes Kennzeichen (tag)", Bend(tag="staffelstab-2")),
        ("andere Bezeichnung (label)", Bend(label="sig1")),
        ("Feld nach dem Unterschreiben geändert", Bend(later=_DIRECTORY)),
        ("mit fremdem Schlüssel unterschrieben", Bend(key=SigningKey(bytes(32)))),
    ):
        await bench.refused(
            "HO-66",
            what,
            status=401,
            code="bad-signature",
            signed="label" not in what,
            ask=Ask(bend=bend),
        )
    await bench.refused(
        "HO-66",
        "ohne Unterschrift",
        status=401,
        code="bad-signature",
        signed=False,
        ask=Ask(bend=Bend(signed=False)),
    )


_DIRECTORY = {"staffelstab-directory": "999999"}


async def window(bench: Bench) -> None:
    """HO-67: old, ahead, living too long, repeated."""
    for what, bend in (
        ("seit einer Stunde abgelaufen", Bend(aged=-timedelta(hours=1))),
        ("eine Stunde in der Zukunft", Bend(aged=timedelta(hours=1))),
    ):
        await bench.refused(
            "HO-67", what, status=401, code="clock-skew", ask=Ask(bend=bend)
        )
    await bench.refused(
        "HO-67",
        "länger als 300 Sekunden gültig",
        status=401,
        code="bad-signature",
        ask=Ask(bend=Bend(life_s=301)),
    )
    nonce = b64u(bench.node.office.randomness(16))
    path = f"{P}/transfers/{bench.node.office.randomness(16).hex()}"
    first = await bench.wire.send("GET", path, bend=Bend(nonce=nonce))
    bench.judge(
        "API-5",
        "eine unbekannte Übergabe ist 404 unknown-transfer",
        good=(first.status, first.code, first.fault) == (404, "unknown-transfer", ""),
        seen=first,
    )
    await bench.refused(
        "HO-67",
        "dieselbe nonce ein zweites Mal",
        status=409,
        code="replay",
        ask=Ask(method="GET", path=path, body=b"", bend=Bend(nonce=nonce)),
    )


async def parties(bench: Bench) -> None:
    """HO-2, HO-71: who speaks to whom, with which key, in which version."""
    member = bench.node.office.member
    for number, what, status, code, bend in (
        (
            "HO-2",
            "Absender ist nicht der Eigentümer des Schlüssels",
            403,
            "identity-mismatch",
            Bend(fields={"staffelstab-from": str(bench.peer)}),
        ),
        (
            "HO-2",
            "an eine andere Stelle gerichtet",
            403,
            "wrong-recipient",
            Bend(fields={"staffelstab-to": str(member)}),
        ),
        (
            "HO-71",
            "unbekannter Schlüssel",
            503,
            "unknown-key",
            Bend(keyid=f"{member}#zz"),
        ),
        (
            "VER-1",
            "andere Version des Protokolls",
            426,
            "version",
            Bend(fields={"staffelstab-version": "2"}),
        ),
    ):
        await bench.refused(
            number,
            what,
            status=status,
            code=code,
            signed="Absender" not in what,
            ask=Ask(bend=bend),
        )


async def bodies(bench: Bench) -> None:
    """SR-F2, LIM-1, API-9: digest, media type, coding, size."""
    wrong = "sha-256=:" + "A" * 43 + "=:"
    for number, what, status, code, bend in (
        (
            "HO-69",
            "Prüfsumme eines anderen Inhalts",
            422,
            "bad-digest",
            Bend(fields={"content-digest": wrong}),
        ),
        (
            "SR-F2",
            "anderer Medientyp",
            415,
            "media-type",
            Bend(fields={"content-type": "text/plain"}),
        ),
        (
            "SR-F2",
            "Content-Encoding",
            415,
            "media-type",
            Bend(raw=("Content-Encoding: gzip",)),
        ),
        (
            "LIM-1",
            "mehr als 40 Kopffelder",
            413,
            "too-large",
            Bend(raw=tuple(f"X-{n}: 1" for n in range(40))),
        ),
    ):
        # What is refused by its header alone was not verified, so its answer may be unsigned.
        await bench.refused(
            number, what, status=status, code=code, ask=Ask(bend=bend), signed=False
        )
    await bench.refused(
        "LIM-1",
        "Anfragezeile über 512 Zeichen",
        status=413,
        code="too-large",
        ask=Ask(path=f"{P}/statements?{'a' * 600}"),
        signed=False,
    )
    for what, text in (
        ("leere Liste", b"[]"),
        ("kein JSON", b"{"),
        ("doppelter Name", b'[{"jws":"a","jws":"a","att":null}]'),
        ("unbekanntes Feld", b'[{"jws":"a","att":null,"more":1}]'),
        ("mit Byte-Order-Mark", b"\xef\xbb\xbf[]"),
        ("siebzehn Aussagen", _seventeen()),
    ):
        await bench.refused(
            "HO-49", what, status=400, code="bad-syntax", ask=Ask(body=text)
        )


def _seventeen() -> bytes:
    return strictjson.encode([{"jws": "a", "att": None}] * 17)


async def reject_list(bench: Bench) -> None:
    """SR-F2: refused by their shape alone. Nobody needs to sign these answers."""
    path = f"{P}/statements"
    for what, bend in (
        ("HTTP/1.0", Bend(version="HTTP/1.0")),
        ("doppelter Schrägstrich", Bend(target="/" + path)),
        ("Punkte im Pfad", Bend(target=f"{P}/../1/statements")),
        ("%2e im Pfad", Bend(target=f"{P}/%2e/statements")),
        ("%2F im Pfad", Bend(target=f"{P}%2Fstatements")),
        ("absolute Adresse", Bend(target=f"{bench.wire.url}{path}")),
        ("fremder Host", Bend(host="other.example")),
        ("zwei Host", Bend(raw=("Host: other.example",))),
        ("ohne Host", Bend(host="")),
        ("Upgrade", Bend(raw=("Upgrade: websocket",))),
        ("Trailer", Bend(raw=("Trailer: x",))),
        ("ohne Content-Length", Bend(raw=("Transfer-Encoding: chunked",))),
    ):
        try:
            seen = await bench.wire.send("POST", path, b"[]", bend=bend)
        except UnreachableError:
            # A connection that is closed without a word refuses as well.
            bench.judge("SR-F2", what, good=True, seen="")
            continue
        good = 400 <= seen.status < 500 and seen.status != 429
        bench.judge("SR-F2", what, good=good, seen=f"{seen}, erwartet 4xx")
