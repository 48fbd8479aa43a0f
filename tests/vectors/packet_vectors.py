"""Vectors of the container (handover 8.1, 8.2).

A *base* is a recipe: everything needed to make the same bytes, and their SHA-256; the
short ones are given in full. A case takes *pieces* of a base: ranges of it and hex.
"""

import hashlib
import json

from node.crypto.base64url import b64u, unb64u
from node.crypto.shares import packet_key
from node.crypto.stream import pull_stream
from tests.support.two_keys import collide
from tests.vectors.drawn import seeded
from tests.vectors.packet_recipes import (
    HEADER,
    RECIPIENT,
    STRANGER,
    Bases,
    plaintext_of,
    spell,
)


class Cases:
    """Collects cases about containers."""

    def __init__(self, bases):
        self.bases = bases
        self.found = []

    def open(self, name, base, pieces=None, *, error=None, plaintext=None, **given):
        """Open a container with shares given in clear, or by key and grant."""
        recipe = self.bases.recipes[base]
        raw = self.bases.raw[base]
        given.setdefault("share_b", recipe["share_b"])
        given["key"] = b64u(given.pop("key", RECIPIENT).raw)
        given |= {"base": base, "pieces": pieces or [[0, len(raw)]]}
        if error is None:
            pad = json.loads(recipe["header"])["pad"]
            text = plaintext or plaintext_of(pad)
            digest = hashlib.sha256(text).hexdigest()
            expect = {"sha256": digest, "length": pad}
        else:
            expect = {"error": error}
        self.found.append({"name": name, "do": "open", "in": given, "expect": expect})

    def flip(self, name, base, position, *, error):
        """One bit of one byte changed."""
        raw = self.bases.raw[base]
        changed = bytes([raw[position] ^ 1]).hex()
        pieces = [[0, position], changed, [position + 1, len(raw)]]
        self.open(name, base, pieces, error=error)

    def put(self, name, base, at, old, new, *, error):
        """Some bytes replaced by as many or others."""
        raw = self.bases.raw[base]
        pieces = [[0, at], new.hex(), [at + len(old), len(raw)]]
        assert raw[at : at + len(old)] == old, name
        self.open(name, base, pieces, error=error)

    def add(self, name, do, given, expect):
        self.found.append({"name": name, "do": do, "in": given, "expect": expect})


def build(drawn):
    """The file ``packet.json``."""
    bases = Bases(drawn)
    preview = '{"name":"Ahmadi"}'
    bases.add("small", 100, preview=preview)
    bases.add("other", 100, preview=preview)
    for size in (1, 65535, 65536, 65537, 131172):
        bases.add(f"size {size}", size)
    cases = Cases(bases)
    for base in bases.recipes:
        cases.open(f"opens: {base}", base)
    _lengths(cases)
    _fields(cases)
    _streams(cases)
    _shares(cases)
    _headers(cases)
    return {
        "about": "Containers: handover 8.1, 8.2; HO-55 to HO-59, HO-65, HO-114",
        "recipient": b64u(RECIPIENT.raw),
        "plaintext": "byte i is (7 * i + 3) mod 256; text fields are hex or base64url",
        "bases": bases.recipes,
        "cases": cases.found,
    }


def _borders(cases, base):
    """Where each field of a base begins and the last one ends."""
    raw = cases.bases.raw[base]
    hlen = 9 + int.from_bytes(raw[5:9], "big")
    stream = cases.bases.prelude[base]
    return {
        "magic": 0,
        "format": 4,
        "hlen": 5,
        "header": 9,
        "commitment": hlen,
        "wlen": hlen + 32,
        "wrap": hlen + 34,
        "plen": hlen + 34 + 1168,
        "preview": hlen + 38 + 1168,
        "stream": stream,
        "chunk": stream + 24,
        "end": len(raw),
    }


def _lengths(cases):
    borders = _borders(cases, "small")
    for field, at in borders.items():
        if field != "end":
            name = f"cut before {field}"
            cases.open(name, "small", [[0, at]], error="bad-syntax")
    end = borders["end"]
    cases.open("one byte short", "small", [[0, end - 1]], error="bad-syntax")
    cases.open("one byte more", "small", [[0, end], "00"], error="bad-syntax")
    raw = cases.bases.raw["small"]
    for field, width in (("hlen", 4), ("wlen", 2), ("plen", 4)):
        at = borders[field]
        old = raw[at : at + width]
        for step in (1, -1):
            new = (int.from_bytes(old, "big") + step).to_bytes(width, "big")
            name = f"{field} {step:+d}"
            cases.put(name, "small", at, old, new, error="bad-syntax")
        name, new = f"{field} as large as can be", b"\xff" * width
        cases.put(name, "small", at, old, new, error="bad-syntax")


def _fields(cases):
    at = _borders(cases, "small")
    cases.flip("other magic", "small", 3, error="bad-syntax")
    cases.flip("other format", "small", 4, error="bad-syntax")
    for name, position in {
        "commitment changed": at["commitment"],
        "ML-KEM ciphertext changed": at["wrap"],
        "X25519 share changed": at["wrap"] + 1088,
        "wrapped share changed": at["wrap"] + 1120,
        "tag of the wrap changed": at["wrap"] + 1167,
        "commitment of the preview changed": at["preview"],
        "preview changed": at["preview"] + 60,
        "stream header changed": at["stream"],
        "mark of the chunk changed": at["chunk"],
        "chunk changed": at["chunk"] + 50,
        "tag of the chunk changed": at["end"] - 1,
    }.items():
        cases.flip(name, "small", position, error="unreadable")
    raw = cases.bases.raw["small"]
    for old, new in [
        (b'"ab', b'"bb'),
        (b"wehr", b"wehs"),
        (b'"k7"', b'"k8"'),
        (b"1771322405", b"1771322406"),
    ]:
        position = raw.index(old)
        name = f"clear header says {new.decode()}"
        cases.put(name, "small", position, old, new, error="unreadable")
    position = raw.index(b'"pad":100')
    cases.put(
        "clear header says another pad",
        "small",
        position,
        b'"pad":100',
        b'"pad":101',
        error="bad-syntax",
    )
    other = cases.bases.raw["other"]
    start = _borders(cases, "other")["commitment"]
    cases.put(
        "commitment of another container",
        "small",
        at["commitment"],
        raw[at["commitment"] : at["commitment"] + 32],
        other[start : start + 32],
        error="unreadable",
    )
    start = _borders(cases, "other")["wrap"]
    cases.put(
        "wrap of another container",
        "small",
        at["wrap"],
        raw[at["wrap"] : at["wrap"] + 1168],
        other[start : start + 1168],
        error="unreadable",
    )
    pieces = [[0, at["preview"]], [at["stream"], at["end"]]]
    cases.open("preview taken out", "small", pieces, error="bad-syntax")


def _streams(cases):
    base = "size 131172"
    start, end = cases.bases.prelude[base] + 24, len(cases.bases.raw[base])
    first, second = start + 65553, start + 2 * 65553
    whole = [0, start], [start, first], [first, second], [second, end]
    head, one, two, three = whole
    for name, pieces, error in [
        ("chunks swapped", [head, two, one, three], "unreadable"),
        ("chunk doubled", [head, one, one, three], "unreadable"),
        ("chunk doubled, one more", [head, one, one, two, three], "bad-syntax"),
        ("last chunk gone", [head, one, two], "bad-syntax"),
        ("first chunk gone", [head, two, three], "bad-syntax"),
        ("last chunk doubled", [head, one, two, three, three], "bad-syntax"),
    ]:
        cases.open(name, base, [list(piece) for piece in pieces], error=error)
    for name, pad, chunks, error in [
        ("no FINAL", 100, [[100, "MESSAGE"]], "unreadable"),
        ("PUSH for FINAL", 100, [[100, "PUSH"]], "unreadable"),
        ("REKEY for FINAL", 100, [[100, "REKEY"]], "unreadable"),
        ("FINAL too early", 65537, [[65536, "FINAL"], [1, "FINAL"]], "unreadable"),
        ("PUSH between", 65537, [[65536, "PUSH"], [1, "FINAL"]], "unreadable"),
        ("REKEY between", 65537, [[65536, "REKEY"], [1, "FINAL"]], "unreadable"),
        ("more after FINAL", 65537, [[65536, "FINAL"], [1, "MESSAGE"]], "unreadable"),
        ("cut elsewhere", 65537, [[65535, "MESSAGE"], [2, "FINAL"]], "unreadable"),
        ("empty chunk at the end", 100, [[100, "MESSAGE"], [0, "FINAL"]], "bad-syntax"),
        ("two small chunks", 100, [[50, "MESSAGE"], [50, "FINAL"]], "bad-syntax"),
        ("plaintext shorter than pad", 100, [[99, "FINAL"]], "bad-syntax"),
        ("plaintext longer than pad", 100, [[101, "FINAL"]], "bad-syntax"),
    ]:
        cases.bases.add(name, pad, chunks=chunks)
        cases.open(f"stream: {name}", name, error=error)
    for associated in ("hh", "none"):
        name = f"bound to {associated}"
        cases.bases.add(name, 100, associated=associated)
        cases.open(f"stream {name} instead of ph", name, error="unreadable")


def _shares(cases):
    small, other = (cases.bases.recipes[name] for name in ("small", "other"))
    zero = bytes(32).hex()
    for name, share_b in [("zero", zero), ("of another container", other["share_b"])]:
        cases.open(f"share B {name}", "small", error="unreadable", share_b=share_b)
    for name, share_a in [("zero", zero), ("of another container", other["share_a"])]:
        cases.open(f"share A {name}", "small", error="unreadable", share_a=share_a)
    cases.open(
        "shares exchanged",
        "small",
        error="unreadable",
        share_a=small["share_b"],
        share_b=small["share_a"],
    )
    cases.open("key of somebody else", "small", error="unreadable", key=STRANGER)
    for label in (b"share-b", b"relay", b""):
        name = f"wrap under the label {label.decode()!r}"
        cases.bases.add(name, 100, label=label)
        cases.open(name, name, error="unreadable")
    _grants(cases, small)
    _two_keys(cases)
    preview = {"base": "small", "share_a": small["share_a"]}
    text = small["preview"]["text"]
    cases.add("preview opens", "preview", preview, {"text": text})
    for name, share_a in [("other share A", other["share_a"]), ("zero", zero)]:
        given = preview | {"share_a": share_a}
        expect = {"error": "unreadable"}
        cases.add(f"preview, {name}", "preview", given, expect)


def _grants(cases, small):
    hh, dig = bytes.fromhex(small["hh"]), bytes.fromhex(small["sha256"])
    share = bytes.fromhex(small["share_b"])

    def grant(to, label, context, secret):
        info = b"staffelstab/1 " + label + b"\0" + context
        return b64u(cases.bases.drawn.wrap(to, info, secret))

    good = grant(RECIPIENT, b"share-b", hh + dig, share)
    cases.open("opens by its grant", "small", grant=good)
    for name, sealed in [
        ("for another header", grant(RECIPIENT, b"share-b", dig + dig, share)),
        ("for another digest", grant(RECIPIENT, b"share-b", hh + hh, share)),
        ("without digest", grant(RECIPIENT, b"share-b", hh, share)),
        ("under the label share-a", grant(RECIPIENT, b"share-a", hh + dig, share)),
        ("for somebody else", grant(STRANGER, b"share-b", hh + dig, share)),
        ("of 31 bytes", grant(RECIPIENT, b"share-b", hh + dig, share[:31])),
        ("cut", b64u(unb64u(good)[:-1])),
        ("empty", ""),
    ]:
        cases.open(f"grant {name}", "small", error="unreadable", grant=sealed)


def _two_keys(cases):
    found = {}

    def stream(key, header, ph, share_a, hh):
        candidates = (seeded(f"two keys {i}", 32) for i in range(5000))
        shares = {packet_key(share_a, share, hh)[0]: share for share in candidates}
        other, sealed = collide(key, shares, header, ph)
        found["share_b"], found["key"] = shares[other].hex(), other.hex()
        found["plaintext"] = b"".join(pull_stream(key, ph, [sealed]))
        return sealed

    name = "opens under two keys"
    recipe = cases.bases.add(name, 48, stream=stream)
    recipe["second_share_b"], recipe["second_key"] = found["share_b"], found["key"]
    cases.open("opens under the first share B", name, plaintext=found["plaintext"])
    cases.open(
        "stream opens under a second share B, which the commitment refuses",
        name,
        error="unreadable",
        share_b=found["share_b"],
    )


def _headers(cases):
    good = HEADER | {"pad": 100}
    expect = {"pad": 100, "exp": 1771322405, "kid": "k7"}
    cases.add("header", "header", {"text": spell(good)}, expect)
    later = good | {"opt": ["later"], "later": 1}
    cases.add("header with opt", "header", {"text": spell(later)}, expect)
    spaced = json.dumps(good)
    cases.add("header in another spelling", "header", {"text": spaced}, expect)
    for name, change in {
        "v 2": {"v": 2},
        "v true": {"v": True},
        "suite 2": {"suite": 2},
        "id in capitals": {"id": "AB" * 16},
        "id too short": {"id": "ab"},
        "to without scope": {"to": "stadt-wehr"},
        "kid with owner": {"kid": "08337116-stadt-wehr#k7"},
        "exp as text": {"exp": "1771322405"},
        "exp 0": {"exp": 0},
        "pad 0": {"pad": 0},
        "pad negative": {"pad": -1},
        "pad beyond 2 GiB": {"pad": 2**31 + 1},
        "unknown member": {"later": 1},
        "unknown member, opt names another": {"later": 1, "opt": ["other"]},
        "opt names a known member": {"opt": ["pad"]},
        "opt is no list": {"opt": "later"},
        "sender in the clear": {"from": "08336104-stadt-zell"},
    }.items():
        text = spell(good | change)
        given, expect = {"text": text}, {"error": "bad-syntax"}
        cases.add(f"header: {name}", "header", given, expect)
    for member in good:
        text = spell({k: v for k, v in good.items() if k != member})
        given, expect = {"text": text}, {"error": "bad-syntax"}
        cases.add(f"header without {member}", "header", given, expect)
    whole = spell(good)
    for name, text in {
        "duplicate key": whole.replace('"v":1', '"v":1,"v":1'),
        "float": whole.replace('"pad":100', '"pad":100.0'),
        "exponent": whole.replace('"pad":100', '"pad":1e2'),
        "byte order mark": "\ufeff" + whole,
        "two documents": whole + whole,
        "list": f"[{whole}]",
        "empty": "",
    }.items():
        given, expect = {"text": text}, {"error": "bad-syntax"}
        cases.add(f"header: {name}", "header", given, expect)
