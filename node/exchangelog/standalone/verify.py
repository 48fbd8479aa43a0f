#!/usr/bin/env python3
"""Check a Staffelstab evidence bundle (``*.nachweis.zip``) without Staffelstab.

Usage: ``python3 verify.py FILE [--trust FILE] [--json] [--lang de|en]``

Enters: a bundle, perhaps an own list of trusted keys (one line ``<name> <fingerprint>``
each). Leaves: what was found, as sentences or JSON, and an exit status: 0 verified,
1 tampering proved, 2 incomplete or keys not confirmed, 3 wrong use. Must never happen: a
file written, a connection opened, a bundle believed because it says so. One file, standard
library only, Python 3.9 or newer. Implements exchange-log 7.2, LR-34, LR-35. Sources:
RFC 8032, RFC 9162, RFC 7515, C2SP signed-note, tlog-checkpoint, tlog-cosignature,
tlog-proof, tlog-policy. ``Judge`` holds what a second program may replace.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import struct
import sys
import zlib
from datetime import datetime, timezone
from typing import Any

MAX_FILES, MAX_BYTES, MAX_RATIO = 1000, 100 * 1024 * 1024, 100
MAX_BUNDLE, MAX_NOTE, MAX_ENTRY, MAX_JWS = 50 * 1024 * 1024, 65536, 8192, 16384
TOLERANCE_S = 300
MAX_INT = 2**53 - 1
MAX_SIZE = 2**63 - 1

# fmt: off
# code: weight, German, English
CODES = {
    "bundle_damaged": ("gap", "Die Datei ist kein unversehrtes Beweispaket.", "The file is no undamaged evidence bundle."),
    "bundle_changed": ("proof", "Stimmt nicht mit dem Inhaltsverzeichnis überein.", "Differs from the list of contents."),
    "manifest_bad": ("proof", "Die Unterschrift unter dem Inhaltsverzeichnis passt nicht.", "The signature under the list of contents does not fit."),
    "file_bad": ("proof", "Folgt nicht seinem Format.", "Does not follow its format."),
    "checkpoint_signature_bad": ("proof", "Der Prüfpunkt trägt keine gültige Unterschrift seines Protokolls.", "The checkpoint has no valid signature of its log."),
    "cosignature_bad": ("proof", "Eine Gegenzeichnung passt nicht.", "A cosignature does not fit."),
    "fork": ("proof", "Zwei Stände desselben Protokolls widersprechen sich.", "Two states of one log contradict each other."),
    "checkpoint_not_extending": ("proof", "Der Beweis der Fortsetzung stimmt nicht.", "The proof of continuation does not hold."),
    "proof_bad": ("proof", "Der Eintrag steht so nicht in diesem Protokoll.", "The entry does not stand in this log so."),
    "body_changed": ("proof", "Der Inhalt ist nicht, worauf sich das Protokoll festgelegt hat.", "The content is not what the log committed to."),
    "statement_bad": ("proof", "Die Erklärung ist ungültig oder passt nicht zu ihrem Eintrag.", "The statement is invalid or does not fit its entry."),
    "packet_differs": ("proof", "Beide Seiten nennen verschiedene Inhalte oder Umfänge.", "Both sides name different packets or scopes."),
    "order_violated": ("proof", "Die Schritte stehen in falscher Reihenfolge.", "The steps stand in the wrong order."),
    "duplicate": ("proof", "Ein Schritt, den es einmal gibt, steht zweimal da.", "A step that happens once stands there twice."),
    "consent_missing": ("proof", "Für eine Person ist keine Grundlage genannt.", "No basis is named for a person."),
    "consent_withdrawn_before": ("proof", "Die Einwilligung war vorher widerrufen.", "The consent had been withdrawn before."),
    "consent_expired": ("proof", "Die Einwilligung galt an diesem Tag nicht.", "The consent was not valid on that day."),
    "consent_scope": ("proof", "Die Einwilligung deckt Umfang oder Empfänger nicht.", "The consent does not cover scope or recipient."),
    "missing": ("gap", "Fehlt ohne Erklärung.", "Is missing without explanation."),
    "continuation_unshown": ("gap", "Dass das Protokoll hier nur fortgesetzt wurde, ist nicht gezeigt.", "It is not shown that the log was only continued here."),
    "chain_gap": ("gap", "Der Eintrag davor fehlt.", "The entry before it is missing."),
    "receipt_missing": ("gap", "Die Erklärung, auf die sich der Eintrag beruft, fehlt.", "The statement that the entry rests on is missing."),
    "unproven_statement": ("gap", "Der Eintrag zu dieser Erklärung ist nicht gezeigt.", "The entry of this statement is not shown."),
    "key_unconfirmed": ("note", "Der Schlüssel steht nicht in Ihrer Liste.", "The key is not in your list."),
    "erased_lawful": ("note", "Rechtmäßig gelöscht; der Grund steht im Protokoll.", "Lawfully erased; the ground stands in the log."),
    "consent_unshown": ("note", "Den Ort der Einwilligung zeigt nur das Beweispaket der abgebenden Stelle.", "Only the sender's own bundle shows where the consent stands."),
    "time_outside": ("note", "Die genannte Zeit passt nicht zu fremden Unterschriften.", "The time named does not fit foreign signatures."),
    "below_quorum": ("note", "Die verlangten Zeugen sind hier nicht gezeigt.", "The demanded witnesses are not shown here."),
    "overridden": ("note", "Zwei Personen haben auf Zeugen verzichtet.", "Two people waived witnesses."),
    "pair_only": ("note", "Bezeugt nur durch die Gegenstelle.", "Witnessed by the other side only."),
}
VERDICTS = {
    "verified": ("Geprüft: unversehrt, die Schlüssel sind bestätigt.", "Verified: sound, the keys are confirmed."),
    "tampered": ("Eine Veränderung oder ein Widerspruch ist bewiesen.", "A change or a contradiction is proved."),
    "incomplete": ("Unvollständig: es lässt sich nicht alles sagen.", "Incomplete: not everything can be told."),
    "unconfirmed": ("In sich stimmig, die Schlüssel sind nicht bestätigt.", "In itself sound, keys not confirmed."),
}
# fmt: on
EXIT = {"verified": 0, "tampered": 1, "incomplete": 2, "unconfirmed": 2}

# Types of entries, and the keys that each has beyond the common ones.
_TABLE = """
transfer.withheld: transfer peer persons outcome
transfer.sent: T persons scope bytes expires basis register consents
transfer.granted: T consents
transfer.received: T scope bytes expires
transfer.rejected: T count
transfer.approved: T scope
transfer.imported: T persons scope
transfer.denied transfer.recalled transfer.delivered transfer.completed transfer.secured: T
transfer.refused transfer.backed_up transfer.dropped notice.sent notice.taken notice.answered: T
source.erasing source.erased: T basis
export.sealed export.told export.acknowledged: transfer packet persons scope basis register consents outcome
consent.recorded: consent scope recipients valid_from valid_until basis register
consent.withdrawn consent.replaced: consent outcome
audit.viewed: count digest
audit.revealed: target
audit.exported: digest
hold.set hold.released log.erasure log.erased: basis order_ref ranges
log.opened: vkey continues inc
log.recovered: old_size new_size inc lost
key.added key.retired peer.changed policy.changed witness.resumed witness.conflict: target digest
operator.override: what transfer missing outcome
"""
_T = "transfer attempt peer epoch packet statement peer_cp outcome"
_KEYS = {
    kind: keys.strip().replace("T", _T)
    for kinds, keys in (line.split(":") for line in _TABLE.strip().split("\n"))
    for kind in kinds.split()
}
_COMMON = "v id type at log class role actor second prev"

NAMED_BY = {
    "offer": ("transfer.sent",),
    "stored": ("transfer.received",),
    "open-request": ("transfer.approved",),
    "grant": ("transfer.granted",),
    "imported": ("transfer.imported",),
    "closed": ("transfer.completed",),
    "durable": ("transfer.backed_up",),
    "rejected": ("transfer.rejected", "transfer.refused"),
    "recall": ("transfer.recalled", "transfer.denied"),
    "recalled": ("transfer.dropped",),
    "expired": ("transfer.dropped",),
    "withdrawal": ("notice.sent",),
    "withdrawal-answer": ("notice.answered",),
}
ONCE = ("transfer.sent", "transfer.received", "transfer.granted", "transfer.imported", "transfer.completed")
ALWAYS_SAID = (*ONCE, "transfer.approved")
IN_ORDER = (
    ("transfer.sent", "transfer.granted", "transfer.completed"),
    ("transfer.received", "transfer.approved", "transfer.imported"),
)
# An answer names the statement that caused it: what must come before what, over both logs.
CAUSED = {
    "transfer.received": "offer",
    "transfer.granted": "open-request",
    "transfer.imported": "grant",
    "transfer.completed": "imported",
}

class WrongError(Exception):
    """Something in the bundle does not follow its format."""

UNREADABLE = (WrongError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)

# -- Ed25519 (RFC 8032), judged as libsodium does: LR-35 ---------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
ZERO = (0, 1, 1, 0)

def decode_point(raw):
    """The point of 32 bytes in extended coordinates, None if there is none so spelled."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    top, bottom = (y * y - 1) % P, (D * y * y + 1) % P
    square = top * pow(bottom, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)

def add_points(p, q):
    """The sum, complete on this curve."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)

def double_point(p):
    """Twice a point."""
    a, b = p[0] * p[0] % P, p[1] * p[1] % P
    c, h = 2 * p[2] * p[2] % P, a + b
    e, g = h - (p[0] + p[1]) ** 2, a - b
    f = c + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)

def is_zero(p):
    """Whether it is the neutral point."""
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0

BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def verify_ed25519(key, message, signature):
    """Whether the signature (64 bytes) is of this key (32 bytes) over the message."""
    if len(key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    a, r = decode_point(key), decode_point(signature[:32])
    if s >= L or a is None or r is None:
        return False
    for point in (a, r):
        if is_zero(double_point(double_point(double_point(point)))):
            return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    h = int.from_bytes(digest, "little") % L
    minus_a = (P - a[0], a[1], a[2], P - a[3])
    both, found = add_points(BASE, minus_a), ZERO
    for bit in range(max(s.bit_length(), h.bit_length()) - 1, -1, -1):
        found = double_point(found)
        pick = (s >> bit & 1) + 2 * (h >> bit & 1)
        if pick:
            found = add_points(found, (BASE, minus_a, both)[pick - 1])
    return (found[0] * r[2] - r[0] * found[2]) % P == 0 and (found[1] * r[2] - r[1] * found[2]) % P == 0

# -- Formats -----------------------------------------------------------------------------

def unb64(text, where):
    """Standard base64 in its canonical spelling."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise WrongError(where) from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise WrongError(where)
    return raw

def unb64u(text, where):
    """Base64url without padding in its canonical spelling."""
    if not isinstance(text, str) or re.search(r"[^A-Za-z0-9_-]", text):
        raise WrongError(where)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""
    if base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=") != text:
        raise WrongError(where)
    return raw

def read_text(raw, most, where):
    """ASCII or UTF-8 text without control characters but newline."""
    if len(raw) > most:
        raise WrongError(where)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WrongError(where) from error
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text):
        raise WrongError(where)
    return text

def read_archive(raw: bytes) -> dict[str, bytes]:
    """The files of a bundle by name: our own ZIP layout and no other (SR-P5)."""
    if len(raw) > MAX_BUNDLE or len(raw) < 22:
        raise WrongError("zip")
    end = struct.unpack("<4s4H2LH", raw[-22:])
    _, disk, start_disk, here, count, length, offset, comment = end
    plain = (disk, start_disk, comment, here) == (0, 0, 0, count)
    if end[0] != b"PK\x05\x06" or not plain or offset + length + 22 != len(raw):
        raise WrongError("zip")
    if not 0 < count <= MAX_FILES:
        raise WrongError("zip: too many files")
    files, at, place, total = {}, offset, 0, 0
    for _ in range(count):
        head = raw[at : at + 46]
        if len(head) != 46:
            raise WrongError("zip")
        found = struct.unpack("<4s6H3L5H2L", head)
        crc, packed, size, named = found[7:11]
        name = raw[at + 46 : at + 46 + named]
        if at + 46 + named > offset + length or name.decode("ascii", "replace") in files:
            raise WrongError("zip: names")
        local = raw[place : place + 30 + named]
        if head + name != central_header(name, crc, packed, size, place) or (
            local != local_header(name, crc, packed, size)
        ):
            raise WrongError("zip: headers")
        total += size
        if total > MAX_BYTES or size > MAX_RATIO * packed + 64:
            raise WrongError("zip: too large")
        place += 30 + named
        files[name.decode("ascii")] = _inflate(raw[place : place + packed], size, crc)
        place += packed
        at += 46 + named
    if place != offset or at != offset + length:
        raise WrongError("zip: gaps")
    return files

def local_header(name: bytes, crc: int, packed: int, size: int) -> bytes:
    """The header before a file: deflated, 1 January 1980, nothing extra."""
    head = (b"PK\x03\x04", 20, 0, 8, 0, 33, crc, packed, size, len(name), 0)
    if re.fullmatch(rb"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", name) is None:
        raise WrongError("zip: name")
    return struct.pack("<4s5H3L2H", *head) + name

def central_header(name: bytes, crc: int, packed: int, size: int, place: int) -> bytes:
    """The line of a file in the list at the end: rw-r--r--."""
    fixed = (b"PK\x01\x02", 0x0314, 20, 0, 8, 0, 33, crc, packed, size, len(name))
    return struct.pack("<4s6H3L5H2L", *fixed, 0, 0, 0, 0, 0o100644 << 16, place) + name

def _inflate(packed, size, crc):
    machine = zlib.decompressobj(-15)
    try:
        content = machine.decompress(packed, size + 1)
    except zlib.error as error:
        raise WrongError("zip: data") from error
    whole = machine.eof and not machine.unused_data and not machine.unconsumed_tail
    if not whole or len(content) != size or zlib.crc32(content) != crc:
        raise WrongError("zip: data")
    return content

def read_json(raw, most=1024 * 1024):
    """Strict JSON: UTF-8, no duplicate names, no floats, integers below 2^53."""
    text = read_text(raw, most, "json")

    def pairs(items):
        found = dict(items)
        if len(found) != len(items):
            raise WrongError("json: names")
        return found

    def integer(digits):
        number = int(digits) if len(digits) < 18 else MAX_INT + 1
        if abs(number) > MAX_INT or digits == "-0":
            raise WrongError("json: number")
        return number

    def refuse(_):
        raise WrongError("json: number")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_int=integer, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise WrongError("json") from error

def read_object(raw, keys, where, reader=read_json):
    """A JSON object with exactly these members."""
    found = reader(raw)
    if not isinstance(found, dict) or set(found) != set(keys.split()):
        raise WrongError(where)
    return found

class Key:
    """A named public key of a log (1) or a witness (4), from its vkey."""

    def __init__(self, text):
        match = re.fullmatch(r"([^\s+]{1,255})\+([0-9a-f]{8})\+(\S{1,64})", str(text))
        if match is None:
            raise WrongError("vkey")
        raw = unb64(match[3], "vkey")
        self.text, self.name, self.id = text, match[1], bytes.fromhex(match[2])
        self.type, self.raw = raw[0] if raw else 0, raw[1:]
        named = self.name.encode() + b"\n" + raw
        fits = hashlib.sha256(named).digest()[:4] == self.id
        if len(raw) != 33 or self.type not in (1, 4) or not fits:
            raise WrongError("vkey")

    @property
    def fingerprint(self):
        """SHA-256 of the vkey, as it is printed on the town's sheet."""
        return hashlib.sha256(self.text.encode()).hexdigest()

class Head:
    """The three lines of a checkpoint."""

    def __init__(self, body):
        lines = body.split("\n")
        if len(lines) != 4 or lines[3] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise WrongError("checkpoint")
        if not re.fullmatch(r"[!-*,-@\[-~]{1,255}", lines[0]):
            raise WrongError("checkpoint")
        self.body, self.origin, self.size = body, lines[0], int(lines[1])
        self.root = unb64(lines[2], "checkpoint")
        if len(self.root) != 32 or self.size > MAX_SIZE:
            raise WrongError("checkpoint")

def read_note(text):
    """Head and signature lines (name, key id, signature) of a signed note."""
    body, blank, tail = text.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() or not 0 < len(lines) <= 100:
        raise WrongError("note")
    found = []
    for line in lines:
        match = re.fullmatch("\u2014 ([^\\s+]+) (\\S+)", line)
        raw = unb64(match[2], "note") if match else b""
        if len(raw) < 5:
            raise WrongError("note")
        found.append((match[1], raw[:4], raw[4:]))
    return Head(body + "\n"), found

def read_hashes(lines):
    """Hashes in base64, one per line."""
    found = [unb64(line, "hash") for line in lines]
    if len(found) > 63 or any(len(item) != 32 for item in found):
        raise WrongError("hash")
    return found

def read_proof(raw):
    """Index, path and note of a C2SP tlog-proof."""
    text = read_text(raw, MAX_NOTE + 8192, "proof")
    top, blank, note = text.partition("\n\n")
    lines = top.split("\n")
    index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines[1]) if len(lines) > 1 else None
    if lines[0] != "c2sp.org/tlog-proof@v1" or not blank or index is None:
        raise WrongError("proof")
    return int(index[1]), read_hashes(lines[2:]), note

def read_step(raw: bytes) -> tuple[tuple[int, bytes], tuple[int, bytes], list[bytes]]:
    """A consistency file: two lines ``<size> <root>``, then the proof."""
    lines = read_text(raw, 16384, "consistency").split("\n")
    if len(lines) < 4 or lines[0] != "staffelstab-consistency/1" or lines.pop():
        raise WrongError("consistency")
    heads = []
    for line in lines[1:3]:
        match = re.fullmatch(r"([1-9][0-9]{0,18}) (\S{44})", line)
        if match is None:
            raise WrongError("consistency")
        heads.append((int(match[1]), read_hashes([match[2]])[0]))
    return heads[0], heads[1], read_hashes(lines[3:])

def read_jws(raw, typ):
    """Key id, payload, signature and signed bytes of a compact JWS."""
    parts = read_text(raw, MAX_JWS, "jws").split(".")
    if len(parts) != 3 or not raw.isascii():
        raise WrongError("jws")
    header = read_object(unb64u(parts[0], "jws"), "alg kid typ", "jws")
    if header["alg"] != "Ed25519" or header["typ"] != typ or not isinstance(header["kid"], str):
        raise WrongError("jws")
    signed = (parts[0] + "." + parts[1]).encode()
    return header["kid"], unb64u(parts[1], "jws"), unb64u(parts[2], "jws"), signed

def read_policy(raw):
    """Witness keys by their name here, groups, and the quorum (C2SP tlog-policy)."""
    keys, groups, quorum, members = {}, {}, None, set()
    for line in read_text(raw.replace(b"\t", b" "), 65536, "policy").split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            Key(words[1])
        elif words[0] == "witness" and len(words) in (3, 4) and words[1] not in {**keys, **groups}:
            keys[words[1]] = Key(words[2])
        elif words[0] == "group" and len(words) > 3 and words[1] not in {**keys, **groups}:
            names = words[3:]
            need = {"all": len(names), "any": 1}.get(words[2], 0)
            if re.fullmatch(r"[1-9][0-9]{0,3}", words[2]):
                need = int(words[2])
            known = set(names) <= {*keys, *groups} and not members & set(names)
            if not known or len(set(names)) < len(names) or not 1 <= need <= len(names):
                raise WrongError("policy")
            members |= set(names)
            groups[words[1]] = (need, names)
        elif words[0] == "quorum" and len(words) == 2 and quorum is None:
            quorum = words[1]
            if quorum != "none" and quorum not in {**keys, **groups}:
                raise WrongError("policy")
        else:
            raise WrongError("policy")
    if quorum is None or len({key.raw for key in keys.values()}) < len(keys):
        raise WrongError("policy")
    return keys, groups, quorum

def quorum_met(name, cosigned, groups):
    """Whether a witness or group counts as cosigning."""
    if name == "none":
        return True
    if name in groups:
        need, names = groups[name]
        return sum(quorum_met(item, cosigned, groups) for item in names) >= need
    return name in cosigned

def read_trust(raw: bytes) -> set[tuple[str, str]]:
    """The auditor's own list: lines ``<name> <fingerprint>``."""
    trusted = set()
    raw = raw[3:] if raw.startswith(b"\xef\xbb\xbf") else raw  # as editors begin a file
    for line in read_text(raw.replace(b"\r\n", b"\n"), 1024 * 1024, "trust").split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or not re.fullmatch(r"[0-9a-fA-F]{64}", words[1]):
            raise WrongError("trust")
        trusted.add((words[0], words[1].lower()))
    return trusted

# -- Tree (RFC 9162) ---------------------------------------------------------------------

def node_hash(left, right):
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()

def check_inclusion(index, size, leaf, path, root):
    """Whether a leaf hash stands at an index under a root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, found = index, size - 1, leaf
    for step in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = node_hash(step, found)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == root

def check_consistency(m, n, root_m, root_n, path):
    """Whether the tree of n leaves begins with that of m (2.1.4.2)."""
    if not 0 < m <= n or (m == n and (path or root_m != root_n)):
        return False
    if m == n:
        return True
    steps = list(path) if m & (m - 1) else [root_m, *path]
    if not steps:
        return False
    fn, sn = m - 1, n - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(step, fr), node_hash(step, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == root_m and sr == root_n

class Judge:
    """What decides about bytes; another program may put its own in place."""

    def archive(self, raw):
        """The files by name."""
        return read_archive(raw)

    def signed(self, key, message, signature):
        """Whether the signature fits."""
        return verify_ed25519(key, message, signature)

    def included(self, index, size, leaf_input, path, root):
        """Whether the leaf stands there."""
        leaf = hashlib.sha256(b"\x00" + leaf_input).digest()
        return check_inclusion(index, size, leaf, path, root)

    def continues(self, m, n, root_m, root_n, path):
        """Whether one tree begins with the other."""
        return check_consistency(m, n, root_m, root_n, path)

    def entry(self, raw):
        """An entry as an object."""
        found = read_json(raw, MAX_ENTRY)
        if not isinstance(found, dict) or found.get("type") not in _KEYS:
            raise WrongError("entry")
        keys = (_COMMON + " " + _KEYS[found["type"]]).split()
        spelled = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
        if set(found) != set(keys) or found["v"] != 1 or spelled != raw:
            raise WrongError("entry")
        return found

    def claims(self, payload):
        """The claims of a statement as an object."""
        found = read_json(payload, MAX_JWS)
        names = "v jti iat iss aud inc seq prev got dir tr entry cp seen t b"
        if not isinstance(found, dict) or set(found) - {"off"} != set(names.split()):
            raise WrongError("statement")
        return found

# -- The check, in the order of exchange-log 7.2 -----------------------------------------

class Side:
    """One node in the bundle: its keys, and what holds of its log."""

    def __init__(self, member, origin, whole):
        self.member, self.origin, self.whole = member, origin, whole
        self.logs, self.own_witness, self.signers = [], [], {}
        self.roots, self.signed, self.cosigned = {}, set(), {}
        self.places, self.entries = {}, {}

    def of_type(self, *types):
        """Opened entries of these types, by place."""
        found = sorted(self.entries.items())
        return [(i, c, entry) for i, (c, entry) in found if entry["type"] in types]

class Check:
    """One bundle being checked."""

    def __init__(self, files: dict[str, bytes], judge: Judge, trusted: Any = None) -> None:
        self.files, self.judge, self.trusted = files, judge, trusted
        self.findings: list[tuple[str, str]] = []
        self.known: Any = {}
        self.used: Any = {}
        self.sides: Any = {}
        self.witnesses: Any = {}
        self.groups: Any = {}
        self.quorum, self.bundle = "none", ""
        self.manifest: Any = {}
        self.statements: Any = []
        names = "files checkpoints cosignatures proofs opened erased statements"
        self.counts = dict.fromkeys(names.split(), 0)

    def run(self) -> Check:
        """All checks; what one of them cannot read, the later ones go without."""
        self.check_manifest()
        if self.sides:
            for step in (
                self.check_notes,
                self.check_steps,
                self.check_proofs,
                self.check_openings,
                self.check_statements,
                self.check_sides,
                self.check_consents,
                self.check_times,
                self.check_cards,
                self.check_quorum,
                self.check_keys,
            ):
                # A file of another shape than its format says stops one step, not all.
                self.reading(step.__name__, step)
        return self

    def add(self, code, where):
        """Note a finding once."""
        if (code, where) not in self.findings:
            self.findings.append((code, where))

    def reading(self, where, reader, *arguments):
        """What a reader makes of bytes, or None with a finding."""
        try:
            return reader(*arguments)
        except UNREADABLE:
            self.add("file_bad", where)
            return None

    def paths(self, pattern):
        """Files whose name fits, with the parts of it, numbers as numbers."""
        found = []
        for name in self.files:
            match = re.fullmatch(pattern, name)
            if match:
                parts = [int(x) if x.isdigit() else x for x in match.groups()]
                found.append((parts, name))
        return sorted(found)

    def is_signed(self, key, message, signature):
        """Each signature is tried once."""
        place = (key, message, signature)
        if place not in self.known:
            self.known[place] = self.judge.signed(*place)
        return self.known[place]

    # Manifest and keys.

    def check_manifest(self):
        """The list of contents, the keys that the bundle claims, its signature."""
        raw = self.files.get("manifest.json")
        keys = "by files kind made_at period query sides tool v"
        found = raw and self.reading("manifest.json", read_object, raw, keys, "manifest")
        if not found or not self.reading("manifest.json", self.read_manifest, found):
            self.add("bundle_damaged", "manifest.json")
            return
        self.manifest, self.bundle = found, hashlib.sha256(raw).hexdigest()
        listed = {item["path"]: item for item in found["files"]}
        for name in sorted({*listed, *self.files} - {"manifest.json", "manifest.jws"}):
            content, item = self.files.get(name), listed.get(name)
            digest = hashlib.sha256(content or b"").hexdigest()
            if content is None or item is None or (len(content), digest) != (item["bytes"], item["sha256"]):
                self.add("bundle_changed", name)
            if not re.fullmatch(ALLOWED, name):
                self.add("file_bad", name)
        self.counts["files"] = len(listed)
        for letter, side in self.sides.items():
            name = f"keys/{letter}.json"
            self.reading(name, self.read_keys, side, self.files.get(name, b""))
        policy = self.reading("policy.txt", read_policy, self.files.get("policy.txt", b""))
        if policy:
            self.witnesses, self.groups, self.quorum = policy
        if not self.reading("manifest.jws", self.check_signature, raw):
            self.add("manifest_bad", "manifest.jws")

    def read_manifest(self, found):
        """The members that decide what is checked."""
        sides, files, query = found["sides"], found["files"], found["query"]
        good = (
            found["v"] == 1
            and isinstance(sides, dict)
            and set(sides) in ({"a"}, {"a", "b"})
            and all(isinstance(s, dict) and set(s) == {"member", "origin", "whole"} for s in sides.values())
            and isinstance(files, list)
            and all(isinstance(f, dict) and set(f) == {"path", "bytes", "sha256"} for f in files)
            and isinstance(query, dict)
            and (found["kind"], set(query)) in (("transfer", {"transfer"}), ("range", {"from", "to"}))
            and all(isinstance(f["path"], str) for f in files)
            and len({f["path"] for f in files}) == len(files)
        )
        if good and found["kind"] == "range":
            low, high = query["from"], query["to"]
            good = type(low) is int and type(high) is int and 0 <= low < high <= low + MAX_FILES
        if not good:
            raise WrongError("manifest")
        for letter, side in sorted(sides.items()):
            self.sides[letter] = Side(side["member"], side["origin"], side["whole"])
        return True

    def read_keys(self, side, raw):
        """The keys of one node as the exporter claims them; no trust follows from it."""
        found = read_object(raw, "log member sign v witness", "keys")
        if found["v"] != 1 or found["member"] != side.member:
            raise WrongError("keys")
        side.logs = [Key(text) for text in found["log"]]
        side.own_witness = [Key(text) for text in found["witness"]]
        side.signers = {kid: unb64u(text, "keys") for kid, text in found["sign"].items()}
        names = {key.name for key in side.logs} | {side.origin}
        owned = all(kid.partition("#")[0] == side.member for kid in side.signers)
        if len(names) > 1 or not owned or any(key.type != 1 for key in side.logs):
            raise WrongError("keys")

    def check_signature(self, raw):
        """The exporting node signed the digest of the list of contents."""
        jws = self.files.get("manifest.jws", b"")
        kid, payload, signature, signed = read_jws(jws, "staffelstab-evidence+jwt")
        found = read_object(payload, "manifest v", "manifest.jws")
        key = self.signer(kid, self.manifest["by"])
        digest = hashlib.sha256(raw).hexdigest()
        return key and found == {"manifest": digest, "v": 1} and self.is_signed(key, signed, signature)

    def signer(self, kid, member):
        """The statement key of this id, if it is this member's."""
        for side in self.sides.values():
            if side.member == member and kid in side.signers:
                raw = side.signers[kid]
                self.used[(member, hashlib.sha256(raw).hexdigest())] = "statement"
                return raw
        return None

    # Notes and their order.

    def check_notes(self):
        """Every signed head: its own signature, its cosignatures, one root per size."""
        for (letter, size), name in self.paths(r"([ab])/checkpoints/(\d{1,19})\.txt"):
            head = self.reading(name, self.open_note, letter, self.files[name], name)
            if head and head.size != size:
                self.add("file_bad", name)

    def open_note(self, letter, raw, name):
        """The head of a note whose signatures hold, None with a finding if not."""
        side, text = self.sides.get(letter), read_text(raw, MAX_NOTE, "note")
        if side is None:
            raise WrongError("side")
        head, lines = read_note(text)
        logs = {(key.name, key.id): key for key in side.logs}
        own = [logs[line[:2]] for line in lines if line[:2] in logs]
        good = head.origin == side.origin and own
        for key, line in zip(own, [line for line in lines if line[:2] in logs]):
            good = good and self.is_signed(key.raw, head.body.encode(), line[2])
            self.used[(key.name, key.fingerprint)] = "log"
        if not good:
            self.add("checkpoint_signature_bad", name)
            return None
        if side.roots.setdefault(head.size, head.root) != head.root:
            self.add("fork", name)
            return None
        self.counts["checkpoints"] += head.size not in side.signed
        side.signed.add(head.size)
        own_raw = {key.raw for key in side.own_witness}
        for label, key in self.witnesses.items():
            for line in lines:
                if line[:2] == (key.name, key.id) and key.raw not in own_raw:
                    self.cosigned(side, head, label, key, line[2], name)
        return head

    def cosigned(self, side, head, label, key, raw, name):
        """One cosignature: its time counts once the signature holds."""
        time_s = int.from_bytes(raw[:8], "big")
        message = f"cosignature/v1\ntime {time_s}\n{head.body}".encode()
        if not self.is_signed(key.raw, message, raw[8:]):
            self.add("cosignature_bad", name)
            return
        seen = side.cosigned.setdefault(head.size, set())
        self.counts["cosignatures"] += (label, time_s) not in seen
        seen.add((label, time_s))
        self.used[(key.name, key.fingerprint)] = "witness"

    def check_steps(self):
        """The heads of each log follow one from another."""
        for letter, side in self.sides.items():
            for (_, _, note), _name in self.notes_of_proofs(letter):
                self.reading(_name, self.open_note, letter, note.encode(), _name)
            after = {}
            for (m, n), name in self.paths(letter + r"/consistency/(\d{1,19})-(\d{1,19})\.txt"):
                step = self.reading(name, read_step, self.files[name])
                if not step:
                    continue
                (size_m, root_m), (size_n, root_n), path = step
                if (m, n) != (size_m, size_n) or not self.judge.continues(m, n, root_m, root_n, path):
                    self.add("checkpoint_not_extending", name)
                elif any(side.roots.setdefault(s, r) != r for s, r in ((m, root_m), (n, root_n))):
                    self.add("fork", name)
                else:
                    after.setdefault(m, set()).add(n)
            self.check_continued(letter, side, after)

    def check_continued(self, letter, side, after):
        """From the smallest signed head each other one is reached by proofs."""
        sizes = sorted(side.signed - {0})
        reached = set(sizes[:1])
        for size in sorted({*after, *sizes}):
            if size in reached:
                reached |= after.get(size, set())
        for size in sizes:
            if size not in reached:
                self.add("continuation_unshown", f"{letter}/checkpoints/{size}")
        side.roots = {s: r for s, r in side.roots.items() if s in reached or s in side.signed}

    def notes_of_proofs(self, letter):
        """All proofs of a side that can be read, each with its file."""
        for _, name in self.paths(letter + r"/proofs/(\d{1,19})\.tlog-proof"):
            proof = self.reading(name, read_proof, self.files[name])
            if proof:
                yield proof, name

    # Entries.

    def check_proofs(self):
        """Each leaf stands at its place under a signed head."""
        for letter, side in self.sides.items():
            for (index, path, note), name in self.notes_of_proofs(letter):
                head = self.reading(name, self.open_note, letter, note.encode(), name)
                leaf = self.files.get(f"{letter}/entries/{index}.leaf", b"")
                place = f"{letter}/proofs/{index}.tlog-proof"
                fits = head and place == name and len(leaf) == 33 and leaf[0] == 1
                if head and not (fits and self.judge.included(index, head.size, leaf, path, head.root)):
                    self.add("proof_bad", name)
                elif head:
                    self.counts["proofs"] += 1
                    side.places[leaf[1:].hex()] = index
            for (index,), name in self.paths(letter + r"/entries/(\d{1,19})\.leaf"):
                if f"{letter}/proofs/{index}.tlog-proof" not in self.files:
                    self.add("missing", name)

    def check_openings(self):
        """What an entry says is what its leaf commits to."""
        for letter, side in self.sides.items():
            for (index,), name in self.paths(letter + r"/entries/(\d{1,19})\.json"):
                raw, stem = self.files[name], name[: -len(".json")]
                salt = self.files.get(stem + ".salt", b"")
                committed = hashlib.sha256(b"staffelstab/log/entry/v1\0" + salt + raw)
                c = committed.hexdigest()
                if len(salt) != 32 or self.files.get(stem + ".leaf", b"")[1:].hex() != c:
                    self.add("body_changed", name)
                    continue
                entry = self.reading(name, self.judge.entry, raw)
                if entry and entry["log"] != side.origin:
                    self.add("file_bad", name)
                elif entry and side.places.get(c) == index:
                    self.counts["opened"] += 1
                    side.entries[index] = (c, entry)
            for (index,), name in self.paths(letter + r"/entries/(\d{1,19})\.salt"):
                if f"{letter}/entries/{index}.json" not in self.files:
                    self.add("missing", name)
        for (index,), name in self.paths(r"erasures/(\d{1,19})\.json"):
            if self.files[name] != self.files.get(f"a/entries/{index}.json"):
                self.add("body_changed", name)
        if self.manifest["kind"] == "range":
            self.check_range()

    def check_range(self):
        """Each index of the range is opened, or an opened erasure names it (LR-41)."""
        side, query = self.sides["a"], self.manifest["query"]
        erased = [r for _, _, e in side.of_type("log.erasure") for r in e["ranges"]]
        shown = set(side.places.values())
        for index in range(query["from"], query["to"]):
            if index not in shown:
                self.add("missing", f"a/entries/{index}")
            elif index not in side.entries:
                lawful = any(low <= index < high for low, high in erased)
                self.counts["erased"] += lawful
                self.add("erased_lawful" if lawful else "missing", f"a/entries/{index}")

    # Statements and both sides.

    def check_statements(self):
        """Signature, place in the chain, the entry that each names."""
        for _, name in self.paths(r"statements/(\d{1,6})\.jws"):
            found = self.reading(name, self.read_statement, self.files[name])
            if found is False:
                self.add("statement_bad", name)
            elif found:
                self.counts["statements"] += 1
                digest = hashlib.sha256(self.files[name])
                self.statements.append((name, found, digest))
        offers = [d for _, claims, d in self.statements if claims["t"] == "offer"]
        by_place = {(c["iss"], c["inc"], c["seq"]): d for _, c, d in self.statements}
        for name, claims, _ in self.statements:
            before = by_place.get((claims["iss"], claims["inc"], claims["seq"] - 1))
            wrong_before = before and claims["prev"] != b64u(before.digest())
            wrong_offer = offers and claims.get("off", "") not in ("", b64u(offers[0].digest()))
            if wrong_before or wrong_offer or len(offers) > 1:
                self.add("statement_bad", name)
            self.check_named(name, claims)

    def read_statement(self, raw):
        """The claims, False if the signature or the issuer is wrong."""
        kid, payload, signature, signed = read_jws(raw, "staffelstab-statement+jwt")
        member = kid.partition("#")[0]
        key = self.signer(kid, member)
        if key is None or not self.is_signed(key, signed, signature):
            return False
        claims = self.judge.claims(payload)
        members = {side.member for side in self.sides.values()}
        ours = claims["iss"] == member and {claims["iss"], claims["aud"]} == members
        return claims if ours and claims["tr"] == self.manifest["query"].get("transfer") else False

    def check_named(self, name, claims):
        """The entry of a statement says what the statement says; heads do not disagree."""
        side = next(s for s in self.sides.values() if s.member == claims["iss"])
        if claims["cp"] and claims["cp"]["log"] != side.origin:
            self.add("statement_bad", name)
        for head in (claims["cp"], claims["seen"]):
            self.check_head(name, head and (head["log"], head["size"], unb64(head["root"], "root")))
        c = claims["entry"]
        if c is None:
            return
        if c not in side.places:
            # LR-30: the delivery receipt only stops the resending and needs no proof.
            if claims["t"] != "stored":
                self.add("unproven_statement", name)
            return
        _, entry = side.entries.get(side.places[c], (c, None))
        types = NAMED_BY.get(claims["t"], ())
        if entry and not (entry["type"] in types and entry.get("transfer") == claims["tr"]):
            self.add("statement_bad", name)

    def check_head(self, name, head):
        """A head that somebody names is not another one than we have."""
        for side in self.sides.values():
            if head and head[0] == side.origin and side.roots.get(head[1], head[2]) != head[2]:
                self.add("fork", name)

    def check_sides(self):
        """What both logs say of one transfer (exchange-log 6.4)."""
        transfer = self.manifest["query"].get("transfer")
        if transfer is None:
            return
        said = {digest.hexdigest(): claims["t"] for _, claims, digest in self.statements}
        packets, scopes = set(), {}
        for letter, side in self.sides.items():
            before = None
            for index, (c, entry) in sorted(side.entries.items()):
                if entry.get("transfer") != transfer:
                    continue
                name = f"{letter}/entries/{index}.json"
                if side.whole and entry["type"] != "operator.override":
                    if entry["prev"] != before:
                        self.add("chain_gap", name)
                    before = c
                packets |= {entry["packet"]} if entry.get("packet") else set()
                scopes.setdefault(entry["type"], set(entry.get("scope", ())))
                head = entry.get("peer_cp")
                self.check_head(name, head and (head["log"], head["size"], bytes.fromhex(head["root"])))
                self.check_cause(name, c, entry, said)
            self.check_order(letter, side)
        sent, taken = scopes.get("transfer.sent"), scopes.get("transfer.imported")
        for wide, narrow in (
            (sent, scopes.get("transfer.received")),
            (sent, taken),
            (scopes.get("transfer.approved"), taken),
        ):
            if wide is not None and narrow is not None and not narrow <= wide:
                self.add("packet_differs", "scope")
        if len(packets) > 1:
            self.add("packet_differs", "packet")

    def check_cause(self, name, c, entry, said):
        """The statement an entry rests on is there and of the right type."""
        cause, needed = entry.get("statement"), CAUSED.get(entry["type"])
        if cause is not None and cause not in said:
            self.add("receipt_missing", name)
        elif needed and cause is not None and said[cause] != needed:
            self.add("order_violated", name)
        named = {claims["entry"] for _, claims, _ in self.statements}
        if entry["type"] in ALWAYS_SAID and c not in named:
            self.add("receipt_missing", name)

    def check_order(self, letter, side):
        """Steps of one log in their order, and once."""
        for order in IN_ORDER:
            places = [i for t in order for i, _, _ in side.of_type(t)]
            if places != sorted(places):
                self.add("order_violated", letter)
        for kind in ONCE:
            if len(side.of_type(kind)) > 1:
                self.add("duplicate", f"{letter}: {kind}")

    # Consent, time, witnesses, keys.

    def check_consents(self):
        """The basis was recorded before, not withdrawn, valid, and covers (EL-8)."""
        for letter, side in self.sides.items():
            for index, _, entry in side.of_type("transfer.sent", "transfer.granted"):
                name, grounds = f"{letter}/entries/{index}.json", entry["consents"]
                if entry["type"] == "transfer.sent" and len(grounds) < entry["persons"]:
                    self.add("consent_missing", name)
                found = [self.read_ground(side, name, index, entry, g) for g in grounds if "c" in g]
                covered = {code for recorded in found if recorded for code in recorded["scope"]}
                if found and len(found) == len(grounds) and all(found) and not set(entry.get("scope", ())) <= covered:
                    self.add("consent_scope", name)

    def read_ground(self, side, name, index, entry, ground):
        """``consent.recorded`` of one ground, or None if it is not shown here."""
        recorded, head = side.places.get(ground["at"]), side.places.get(ground["head"])
        _, found = side.entries.get(recorded, (None, None))
        if recorded is None or head is None or found is None:
            self.add("consent_unshown", name)
            return None
        if not recorded <= head < index or found["type"] != "consent.recorded" or found["consent"] != ground["c"]:
            self.add("consent_missing", name)
            return None
        step = ground["head"]
        while step != ground["at"]:
            _, later = side.entries.get(side.places.get(step), (None, None))
            if later is None:
                self.add("consent_unshown", name)
                return None
            if later["type"] != "consent.recorded" and later.get("consent") == ground["c"]:
                self.add("consent_withdrawn_before", name)
                return None
            step = later["prev"]
        if not found["valid_from"] <= entry["at"][:10] <= found["valid_until"]:
            self.add("consent_expired", name)
        members = [to for to in found["recipients"] if to.startswith("member:")]
        if len(members) == len(found["recipients"]) and f"member:{entry['peer']}" not in members:
            self.add("consent_scope", name)
        return found

    def check_times(self):
        """``at`` lies between foreign signatures below and above (LR-29)."""
        for letter, side in self.sides.items():
            marks = [(s, t) for s, seen in side.cosigned.items() for _, t in seen]
            for index, (_, entry) in side.entries.items():
                at = seconds(entry["at"])
                below = [(s, t) for s, t in marks if s <= index]
                above = [(s, t) for s, t in marks if s > index]
                low = max((t for s, t in below if s == max(below)[0]), default=at)
                high = min((t for s, t in above if s == min(above)[0]), default=at)
                if not low - TOLERANCE_S <= at <= high + TOLERANCE_S:
                    self.add("time_outside", f"{letter}/entries/{index}.json")

    def check_quorum(self):
        """A head over the sent entry is cosigned as the policy demands (LR-20)."""
        sender, other = self.sides["a"], self.sides.get("b")
        if self.manifest["kind"] != "transfer":
            return
        floor = {n for n, key in self.witnesses.items() if other and key.text in {k.text for k in other.own_witness}}
        for index, _, _ in sender.of_type("transfer.sent"):
            heads = [{n for n, _ in seen if self.counts_as(n)} for s, seen in sender.cosigned.items() if s > index]
            name, everybody = f"a/entries/{index}.json", set().union(*heads)
            met = any(quorum_met(self.quorum, seen, self.groups) for seen in heads)
            if not (floor & everybody and met):
                self.add("below_quorum", name)
            elif everybody <= floor:
                self.add("pair_only", name)
        for letter, side in self.sides.items():
            for index, _, _ in side.of_type("operator.override"):
                self.add("overridden", f"{letter}/entries/{index}.json")

    def counts_as(self, label):
        """Without a list every witness counts, with one those that stand in it."""
        key = self.witnesses[label]
        return self.trusted is None or (key.name, key.fingerprint) in self.trusted

    def check_cards(self):
        """A key card speaks for log and witness of a node whose statement key is trusted."""
        for (letter,), name in self.paths(r"keys/([ab])-card\.jws"):
            card = self.reading(name, self.read_card, letter, self.files[name])
            if card is False:
                self.add("statement_bad", name)
            elif card and self.trusted is not None:
                self.trusted = {*self.trusted, *card}

    def check_keys(self):
        """Which of the keys that something rests on stand in the auditor's own list."""
        for (name, fingerprint), kind in sorted(self.used.items()):
            if kind != "witness" and (name, fingerprint) not in (self.trusted or ()):
                self.add("key_unconfirmed", name)

    def read_card(self, letter, raw):
        """Log and witness keys under a statement key, if that one is trusted."""
        kid, payload, signature, signed = read_jws(raw, "staffelstab-keys+jwt")
        side = self.sides[letter]
        key = side.signers.get(kid)
        card = read_object(payload, "continues inc log witness", "card")
        keys = [Key(card["log"]), Key(card["witness"])]
        if key is None or not self.is_signed(key, signed, signature) or keys[0].name != side.origin:
            return False
        known = (side.member, hashlib.sha256(key).hexdigest()) in (self.trusted or ())
        return {(k.name, k.fingerprint) for k in keys} if known else set()

    # The answer.

    @property
    def verdict(self):
        """The answer in one word."""
        weights = {CODES[code][0] for code, _ in self.findings}
        if "proof" in weights:
            return "tampered"
        if "gap" in weights:
            return "incomplete"
        codes = {code for code, _ in self.findings}
        return "unconfirmed" if "key_unconfirmed" in codes else "verified"

    def as_json(self, language: str = "de") -> dict[str, Any]:
        """The form that ``--json`` prints."""
        text = {"de": 1, "en": 2}[language]
        order = {"proof": 0, "gap": 1, "note": 2}
        found = sorted(self.findings, key=lambda f: (order[CODES[f[0]][0]], f[1], f[0]))
        return {
            "v": 1,
            "verb": "check",
            "verdict": self.verdict,
            "bundle": self.bundle,
            "by": self.manifest.get("by", ""),
            "query": self.manifest.get("query", {}),
            "checked": self.counts,
            "keys": [
                {"name": name, "kind": kind, "fingerprint": fp, "confirmed": (name, fp) in (self.trusted or ())}
                for (name, fp), kind in sorted(self.used.items())
            ],
            "findings": [
                {"code": code, "where": where, "weight": CODES[code][0], "text": CODES[code][text]}
                for code, where in found
            ],
        }

ALLOWED = (
    r"policy\.txt|keys/[ab]\.json|keys/[ab]-card\.jws|statements/\d{1,6}\.jws"
    r"|[ab]/(checkpoints/\d{1,19}\.txt|entries/\d{1,19}\.(json|salt|leaf)"
    r"|proofs/\d{1,19}\.tlog-proof|consistency/\d{1,19}-\d{1,19}\.txt)"
    r"|erasures/\d{1,19}\.json|bericht\.(html|csv)|LIESMICH\.txt|README\.txt|verify\.py"
)

def b64u(raw):
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")

def seconds(text):
    """Unix seconds of an instant of an entry."""
    try:
        found = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.000Z")
    except ValueError:
        return 0
    return int(found.replace(tzinfo=timezone.utc).timestamp())

def check_bundle(raw: bytes, trusted: Any = None, judge: Judge | None = None) -> Check:
    """Check the bytes of a bundle; always gives a ``Check``."""
    judge = judge or Judge()
    try:
        files = judge.archive(raw)
    except WrongError:
        check = Check({}, judge, trusted)
        check.add("bundle_damaged", "zip")
        return check
    return Check(files, judge, trusted).run()

def print_report(report: dict[str, Any], language: str) -> None:
    """The report as sentences, in German or English."""
    number = {"de": 0, "en": 1}[language]
    for found in report["findings"]:
        weight = {"proof": ("FEHLER", "WRONG"), "gap": ("LÜCKE", "GAP"), "note": ("Hinweis", "note")}
        print(f"{weight[found['weight']][number]:8}{found['where']}: {found['text']}")
    counts = ", ".join(f"{name} {count}" for name, count in report["checked"].items())
    print(("Geprüft: ", "Checked: ")[number] + counts)
    for key in report["keys"]:
        state = (("bestätigt", "unbestätigt"), ("confirmed", "unconfirmed"))[number]
        print(f"{key['name']} {key['fingerprint']} ({state[not key['confirmed']]})")
    print(("Kennung: ", "Identity: ")[number] + report["bundle"])
    print(VERDICTS[report["verdict"]][number])

class _Parser(argparse.ArgumentParser):
    """Wrong use is exit status 3; 2 says that something is incomplete."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(3, message + "\n")

def main(arguments=None):
    """Read, check, print; gives the exit status."""
    setting = next((os.environ[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(n)), "de")
    parser = _Parser(description="Beweispaket prüfen / check an evidence bundle")
    parser.add_argument("file", metavar="DATEI")
    parser.add_argument("--trust", metavar="FILE", help="<name> <fingerprint>")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--lang", choices=("de", "en"), default="en" if setting.startswith("en") else "de")
    options = parser.parse_args(arguments)
    try:
        with open(options.file, "rb") as file:
            raw = file.read(MAX_BUNDLE + 1)
        trusted = None
        if options.trust:
            with open(options.trust, "rb") as file:
                trusted = read_trust(file.read(1024 * 1024 + 1))
    except (OSError, WrongError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3
    report = check_bundle(raw, trusted).as_json(options.lang)
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        print_report(report, options.lang)
    return EXIT[report["verdict"]]

if __name__ == "__main__":
    sys.exit(main())
