"""Recipes of containers for the vectors, right ones and deviating ones."""

import hashlib
import json

from nacl import bindings

from node.crypto.base64url import b64u
from node.crypto.container import encode_prelude
from node.crypto.keys import OpeningKey
from node.crypto.shares import packet_key, preview_key
from node.crypto.stream import CHUNK_BYTES
from tests.vectors.drawn import seeded

RECIPIENT = OpeningKey.from_raw(seeded("recipient kem", 32))
STRANGER = OpeningKey.from_raw(seeded("stranger kem", 32))
HEADER = {
    "v": 1,
    "id": "ab" * 16,
    "to": "08337116-stadt-wehr",
    "kid": "k7",
    "suite": 1,
    "exp": 1771322405,
}
TAGS = {"MESSAGE": 0, "PUSH": 1, "REKEY": 2, "FINAL": 3}
FULL_BYTES = 8192


def spell(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def plaintext_of(length):
    """The plaintext of every base: byte i is 7 * i + 3 modulo 256."""
    return bytes((7 * i + 3) & 255 for i in range(length))


def chunks_of(length):
    """How a stream must be cut, and marked."""
    sizes = [CHUNK_BYTES] * ((length - 1) // CHUNK_BYTES)
    sizes.append(length - sum(sizes))
    return [[size, "MESSAGE"] for size in sizes[:-1]] + [[sizes[-1], "FINAL"]]


class Bases:
    """Makes recipes, and remembers the bytes they give."""

    def __init__(self, drawn):
        self.drawn = drawn
        self.recipes = {}
        self.raw = {}
        self.prelude = {}

    def add(
        self,
        name,
        pad,
        *,
        header=None,
        label=b"share-a",
        chunks=None,
        associated=None,
        preview=None,
        commitment=None,
        stream=None,
    ):
        """Make one base; every argument but the first two is a deviation."""
        clear = (header or spell(HEADER | {"pad": pad})).encode()
        fixed = b"STFP\x01" + len(clear).to_bytes(4, "big") + clear
        hh = hashlib.sha256(fixed).digest()
        share_a, share_b = seeded(f"{name} A", 32), seeded(f"{name} B", 32)
        key, own = packet_key(share_a, share_b, hh)
        info = b"staffelstab/1 " + label + b"\0" + hh
        wrapped = self.drawn.wrap(RECIPIENT, info, share_a)
        shown, nonce = b"", seeded(f"{name} nonce", 24)
        kp, cp = preview_key(share_a, hh)
        if preview:
            padded = preview.encode() + bytes(-len(preview) % 1024)
            shown = cp + nonce
            shown += bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
                padded, hh, nonce, kp
            )
        prelude = encode_prelude(
            fixed, commitment=commitment or own, wrap=wrapped, preview=shown
        )
        ph = hashlib.sha256(prelude).digest()
        stream_header = seeded(f"{name} stream", 24)
        cut = chunks or chunks_of(pad)
        ad = ph if associated is None else {"hh": hh, "none": b""}[associated]
        if stream is None:
            body = push(key, stream_header, ad, cut)
        else:
            body = stream(key, stream_header, ph, share_a, hh)
        whole = prelude + body
        self.raw[name], self.prelude[name] = whole, len(prelude)
        recipe = {
            "header": clear.decode(),
            "share_a": share_a.hex(),
            "share_b": share_b.hex(),
            "wrap_label": label.decode(),
            "wrap": b64u(wrapped),
            "preview": {"text": preview, "nonce": nonce.hex()} if preview else None,
            "hh": hh.hex(),
            "key": key.hex(),
            "commitment": (commitment or own).hex(),
            "preview_key": kp.hex(),
            "preview_commitment": cp.hex(),
            "ph": ph.hex(),
            "stream_header": stream_header.hex(),
            "stream_associated": associated or "ph",
            "chunks": cut,
            "prelude_length": len(prelude),
            "length": len(whole),
            "sha256": hashlib.sha256(whole).hexdigest(),
        }
        if stream is not None:
            recipe["chunks"] = "given"
        if len(whole) <= FULL_BYTES:
            recipe["container"] = b64u(whole)
        self.recipes[name] = recipe
        return recipe


def push(key, header, associated, chunks):
    """A stream with any cuts and marks, by libsodium directly."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    plaintext = plaintext_of(sum(size for size, _ in chunks))
    body, at = header, 0
    for size, tag in chunks:
        body += bindings.crypto_secretstream_xchacha20poly1305_push(
            state, plaintext[at : at + size], associated, TAGS[tag]
        )
        at += size
    return body
