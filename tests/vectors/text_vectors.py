"""Vectors of signatures, JWS and notes."""

import hashlib
import json
from base64 import b64decode, b64encode

from nacl import bindings

from node.crypto.base64url import b64u
from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    sign_checkpoint,
)
from node.crypto.jws import sign_jws
from node.crypto.keys import SigningKey
from node.crypto.sign import sign
from tests.vectors.drawn import seeded

SIGNER = SigningKey.from_seed(seeded("statement key", 32))
STRANGER = SigningKey.from_seed(seeded("stranger key", 32))
LOG = SigningKey.from_seed(b"\1" * 32)
WITNESS = SigningKey.from_seed(b"\2" * 32)
KID = "08337116-stadt-wehr#s1"
TYP = "staffelstab-statement+jwt"
ORIGIN = "wehr.example/log/1"
COSIGNER = "bad-saeckingen.example/witness/1"
ORDER = 2**252 + 27742317777372353535851937790883648493
EXAMPLE_ROOT = "d9773b1c5a0d32d8cb796f1fdd400fa18ad271943f3c8807d9b6dbe4f7a216c4"
TORSION = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"


class Cases:
    """Collects cases of one file."""

    def __init__(self, about):
        self.about, self.found = about, []

    def add(self, name, do, given, expect):
        """A case that succeeds with values, or fails with ``error``."""
        self.found.append({"name": name, "do": do, "in": given, "expect": expect})

    def refuse(self, name, do, given, error):
        self.add(name, do, given, {"error": error})

    def file(self):
        return {"about": self.about, "cases": self.found}


def signatures():
    """The file ``sign.json``."""
    cases = Cases("Ed25519: RFC 8032, SR-P3; keys at enrolment: HO-97")
    message = b"a statement"
    good = sign(SIGNER, message)
    given = {"key": str(SIGNER.public), "message": b64u(message), "sig": b64u(good)}
    cases.add("good", "verify", given, {})
    scalar = int.from_bytes(good[32:], "little") + ORDER
    large = good[:32] + scalar.to_bytes(32, "little")
    identity = b"\1" + bytes(31)
    for name, change in {
        "other message": {"message": b64u(b"another")},
        "other key": {"key": str(STRANGER.public)},
        "S not reduced": {"sig": b64u(large)},
        "63 bytes": {"sig": b64u(good[:63])},
        "65 bytes": {"sig": b64u(good + b"\0")},
        "empty": {"sig": ""},
        "R changed": {"sig": b64u(bytes([good[0] ^ 1]) + good[1:])},
        "S changed": {"sig": b64u(good[:32] + bytes([good[32] ^ 1]) + good[33:])},
        "key and R of order one": {
            "key": b64u(identity),
            "sig": b64u(identity + bytes(32)),
        },
        "valid for a cofactored verifier only": {"sig": b64u(_torsion(message))},
    }.items():
        cases.refuse(name, "verify", given | change, "bad-signature")
    honest = SIGNER.public.raw
    cases.add("prime order", "enrol", {"key": b64u(honest)}, {})
    mixed = bindings.crypto_core_ed25519_add(honest, bytes.fromhex(TORSION))
    for name, key in {
        "order 1": identity,
        "order 2": bytes.fromhex("ec" + "ff" * 30 + "7f"),
        "order 4": bytes(32),
        "order 8": bytes.fromhex(TORSION),
        "mixed order": mixed,
        "not canonical": bytes.fromhex("ee" + "ff" * 30 + "7f"),
        "not on the curve": b"\2" + bytes(31),
    }.items():
        cases.refuse(f"enrol: {name}", "enrol", {"key": b64u(key)}, "bad-signature")
    return cases.file()


def _torsion(message):
    """R with a part of order 8: the equation holds times eight, and not before."""
    digest = hashlib.sha512(SIGNER.seed).digest()
    clamped = bytearray(digest[:32])
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    nonce = seeded("torsion nonce", 32)
    nonce = bindings.crypto_core_ed25519_scalar_reduce(nonce + bytes(32))
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce)
    point = bindings.crypto_core_ed25519_add(point, bytes.fromhex(TORSION))
    hashed = hashlib.sha512(point + SIGNER.public.raw + message).digest()
    challenge = int.from_bytes(hashed, "little")
    secret = int.from_bytes(clamped, "little")
    scalar = (int.from_bytes(nonce, "little") + challenge * secret) % ORDER
    return point + scalar.to_bytes(32, "little")


def statements():
    """The file ``jws.json``."""
    cases = Cases("Compact JWS: HO-39, HO-40, SR-P2")
    payload = b'{"v":1}'
    good = sign_jws(payload, SIGNER, KID, TYP)
    base = {"typ": TYP, "key": str(SIGNER.public)}
    header, body, signature = good.split(".")
    cases.add(
        "good", "jws", base | {"jws": good}, {"payload": b64u(payload), "kid": KID}
    )
    empty = sign_jws(b"", SIGNER, KID, TYP)
    cases.add(
        "empty payload", "jws", base | {"jws": empty}, {"payload": "", "kid": KID}
    )
    right = {"alg": "Ed25519", "kid": KID, "typ": TYP}
    for name, change in {
        "alg none": {"alg": "none"},
        "alg HS256": {"alg": "HS256"},
        "alg EdDSA": {"alg": "EdDSA"},
        "alg ES256": {"alg": "ES256"},
        "alg null": {"alg": None},
        "alg list": {"alg": ["Ed25519"]},
        "crit": {"crit": ["b64"]},
        "b64": {"b64": False},
        "jwk": {"jwk": {}},
        "jku": {"jku": "https://wehr.example/keys"},
        "x5u": {"x5u": "https://wehr.example/cert"},
        "cty": {"cty": "JWT"},
        "kid without owner": {"kid": "s1"},
        "kid number": {"kid": 1},
        "other typ": {"typ": "staffelstab-manifest+jwt"},
        "typ as media type": {"typ": f"application/{TYP}"},
    }.items():
        text = _signed(json.dumps(right | change).encode(), payload)
        cases.refuse(name, "jws", base | {"jws": text}, "bad-syntax")
    for member in right:
        less = {k: v for k, v in right.items() if k != member}
        text = _signed(json.dumps(less).encode(), payload)
        cases.refuse(f"no {member}", "jws", base | {"jws": text}, "bad-syntax")
    whole = json.dumps(right)
    twice = whole.replace('"alg"', '"alg": "none", "alg"')
    for name, text in {
        "duplicate alg": _signed(twice.encode(), payload),
        "header with byte order mark": _signed(
            b"\xef\xbb\xbf" + whole.encode(), payload
        ),
        "header is a list": _signed(f"[{whole}]".encode(), payload),
        "padded header": f"{header}=.{body}.{signature}",
        "padded payload": f"{header}.{body}==.{signature}",
        "padded signature": f"{header}.{body}.{signature}==",
        "signature not canonical": good[:-1] + chr(ord(good[-1]) + 1),
        "payload not canonical": f"{header}.{body[:-1]}{chr(ord(body[-1]) + 1)}.{signature}",
        "line break": good + "\n",
        "space": f"{header}. {body}.{signature}",
        "standard alphabet": f"{header}.{body}+/.{signature}",
        "two parts": f"{header}.{body}",
        "four parts": f"{good}.{signature}",
        "empty": "",
        "no header": f".{body}.{signature}",
    }.items():
        cases.refuse(name, "jws", base | {"jws": text}, "bad-syntax")
    foreign = sign_jws(payload, STRANGER, KID, TYP)
    for name, text in {
        "no signature": f"{header}.{body}.",
        "signature of 63 bytes": f"{header}.{body}.{signature[:84]}",
        "signature of another key": foreign,
        "other payload": f"{header}.{b64u(b'[]')}.{signature}",
    }.items():
        cases.refuse(name, "jws", base | {"jws": text}, "bad-signature")
    return cases.file()


def _signed(header, payload):
    text = f"{b64u(header)}.{b64u(payload)}"
    return f"{text}.{b64u(sign(SIGNER, text.encode()))}"


def notes():
    """The file ``note.json``, from the worked example of the exchange log, 3.4."""
    cases = Cases("C2SP notes, checkpoints, cosignatures: exchange log 3.4 and 4")
    log = NoteKey(ORIGIN, LOG.public, ED25519)
    witness = NoteKey(COSIGNER, WITNESS.public, COSIGNATURE)
    head = Checkpoint(ORIGIN, 3, bytes.fromhex(EXAMPLE_ROOT))
    note = sign_checkpoint(head, LOG)
    line = cosign(note, COSIGNER, WITNESS, 1770112805)
    full = add_lines(note, [line])
    body = head.body()
    read = {"log": str(log), "note": full}
    found = {"size": 3, "root": b64encode(head.root).decode()}
    cases.add("checkpoint", "checkpoint", read, found)
    cases.add("checkpoint alone", "checkpoint", read | {"note": note}, found)
    made = {"body": body, "seed": LOG.seed.hex()}
    cases.add("signing", "sign-note", made, {"note": note})
    seen = {"witness": str(witness), "note": full}
    cases.add("cosignature", "cosignature", seen, {"time": 1770112805})
    cases.add("none", "cosignature", seen | {"note": note}, {"time": None})
    first = note.removeprefix(f"{body}\n")
    mixed = f"{body}\n\u2014 other.example AAAAAAAA\n{first}"
    cases.add("unknown line first", "checkpoint", read | {"note": mixed}, found)
    dash = "\u2014 "
    for name, text in {
        "extension line": _note(body + "more\n"),
        "two lines": _note(f"{ORIGIN}\n3\n"),
        "size 03": _note(body.replace("\n3\n", "\n03\n")),
        "size -3": _note(body.replace("\n3\n", "\n-3\n")),
        "size +3": _note(body.replace("\n3\n", "\n+3\n")),
        "size 2^63": _note(body.replace("\n3\n", "\n9223372036854775808\n")),
        "size 0 with another root": _note(body.replace("\n3\n", "\n0\n")),
        "root without padding": _note(body.replace("=", "")),
        "root not canonical": _note(body.replace("Q=", "R=")),
        "root of 31 bytes": _note(f"{ORIGIN}\n3\n{b64encode(bytes(31)).decode()}\n"),
        "origin in capitals": _note(body.replace("wehr", "Wehr")),
        "origin of another log": _note(body.replace("log/1", "log/2")),
        "no blank line": note.replace("\n\n", "\n"),
        "no newline at the end": note[:-1],
        "newline too many": note + "\n",
        "carriage returns": note.replace("\n", "\r\n"),
        "hyphen for dash": note.replace(dash, "- "),
        "two spaces": note.replace(dash, dash + " "),
        "signature not canonical": note.replace("OAI=", "OAJ="),
        "line of 3 bytes": note + f"{dash}x.example AAAA\n",
        "101 lines": note + f"{dash}x.example AAAAAAAA\n" * 100,
        "no line": f"{body}\n",
        "empty": "",
    }.items():
        cases.refuse(name, "checkpoint", read | {"note": text}, "bad-syntax")
    cases.refuse(
        "not signed", "checkpoint", read | {"note": f"{body}\n{line}"}, "bad-signature"
    )
    stranger = NoteKey(ORIGIN, STRANGER.public, ED25519)
    given = read | {"log": str(stranger)}
    cases.refuse("other log key", "checkpoint", given, "bad-signature")
    for do, given in (("checkpoint", read), ("cosignature", seen)):
        changed = given | {"note": full.replace("\n3\n", "\n4\n")}
        cases.refuse(f"{do} of another size", do, changed, "bad-signature")
    raw = witness.id + (1770112806).to_bytes(8, "big")
    signature = cosign(note, COSIGNER, WITNESS, 1770112805)
    late = _with_time(signature, raw)
    cases.refuse(
        "other time", "cosignature", seen | {"note": note + late}, "bad-signature"
    )
    plain = b64encode(witness.id + sign(WITNESS, body.encode())).decode()
    given = seen | {"note": f"{note}{dash}{COSIGNER} {plain}\n"}
    cases.refuse("cosignature without time", "cosignature", given, "bad-syntax")
    for key in (log, witness):
        given, expect = {"vkey": str(key)}, {"name": key.name, "type": key.type}
        cases.add(f"vkey of {key.name}", "vkey", given, expect)
    good = str(log)
    for name, text in {
        "id does not fit": good.replace("75033fd2", "75033fd3"),
        "id in capitals": good.replace("75033fd2", "75033FD2"),
        "other name": good.replace("log/1", "log/2"),
        "other type": good.replace("+AY", "+Bo"),
        "cut": good[:-4],
        "space": good.replace("wehr", "we hr"),
        "empty": "",
    }.items():
        cases.refuse(f"vkey: {name}", "vkey", {"vkey": text}, "bad-syntax")
    return cases.file()


def _note(body):
    """A note over any text, with a signature that fits."""
    key = NoteKey(ORIGIN, LOG.public, ED25519)
    raw = b64encode(key.id + sign(LOG, body.encode())).decode()
    return f"{body}\n\u2014 {ORIGIN} {raw}\n"


def _with_time(line, head):
    dash, name, encoded = line.split(" ")
    raw = head + b64decode(encoded)[12:]
    return f"{dash} {name} {b64encode(raw).decode()}\n"
