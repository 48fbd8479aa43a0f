"""Vectors of statements: what their claims may be, and their places in a chain."""

from node import strictjson
from node.crypto.base64url import b64u
from node.sync.chain import START
from node.sync.offer import case_tag
from node.sync.words import StatementType
from tests.support.statements import CASES, TRANSFER, broken, payload_of
from tests.vectors.text_vectors import Cases

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))
LAST = {"inc": 2, "seq": 5, "h": b64u(A)}
PLACES = [
    ("the first of all", None, (1, 1, START), None, {}),
    ("the first of a later incarnation", None, (4, 1, START), None, {}),
    ("the next", LAST, (2, 6, A), None, {}),
    ("the first after a recovery", LAST, (3, 1, A), None, {}),
    ("the same once more", LAST, (2, 3, B), C, {"repeat": True}),
    ("the same id, other bytes", LAST, (2, 6, A), B, "id-conflict"),
    ("one missing", LAST, (2, 7, A), None, "chain-gap"),
    ("one missing after a recovery", LAST, (3, 2, A), None, "chain-gap"),
    ("the first missing", None, (1, 2, START), None, "chain-gap"),
    ("the next of another history", LAST, (2, 6, B), None, "history-conflict"),
    ("a place that is taken", LAST, (2, 5, A), None, "history-conflict"),
    ("a recovery from nothing", LAST, (3, 1, START), None, "history-conflict"),
    ("a former incarnation", LAST, (1, 6, A), None, "history-conflict"),
    ("a past that is not ours", None, (1, 1, B), None, "history-conflict"),
]


def build():
    """The file ``statement.json``."""
    cases = Cases(
        "Claims, bodies, chains: HO-20, HO-23, HO-42 to HO-51, MSG-1 to MSG-17"
    )
    for kind in StatementType:
        cases.add(f"{kind}: good", "claims", _payload(payload_of(kind)), {"t": kind})
        for name, payload in broken(kind):
            wanted = kind is StatementType.STORED or name.startswith("b")
            if wanted and name.endswith(("missing", "extra", "true")):
                given = _payload(payload)
                cases.refuse(f"{kind}: {name}", "claims", given, "bad-syntax")
    for name, last, (inc, seq, prev), known, expect in PLACES:
        given = {
            "last": last,
            "link": {"inc": inc, "seq": seq, "prev": b64u(prev)},
            "h": b64u(C),
            "known": b64u(known) if known else None,
        }
        outcome = {"error": expect} if isinstance(expect, str) else expect
        cases.add(f"place: {name}", "place", given, outcome)
    for epoch in (1, 3, 2**40):
        key = bytes(range(32))
        tag = case_tag(key, TRANSFER, CASES[0], epoch=epoch)
        given = {"key": key.hex(), "tr": TRANSFER, "case": CASES[0], "e": epoch}
        cases.add(f"tag: epoch {epoch}", "tag", given, {"tag": b64u(tag)})
    return cases.file()


def _payload(payload):
    return {"payload": strictjson.encode(payload).decode()}
