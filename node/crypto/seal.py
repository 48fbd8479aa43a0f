"""The sealed container: the only room that seals a packet and opens one.

Enters: the recipient's sealing key and plaintext as a stream; or a container as it was
received, and both shares. Leaves: the container's bytes; or plaintext, after all of it
was found authentic. Must never happen: a decryption before the key commitment was
compared; a plaintext byte given out before the whole stream was verified; two reasons
of failure that a sender could tell apart (HO-65).
Implements handover 8.2, 8.6 (steps 1 and 2), HO-57 to HO-59, SR-P4. Sources:
RFC 9180, RFC 5869, libsodium secretstream, draft-irtf-cfrg-xchacha.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from node.crypto import hpke
from node.crypto.container import (
    MAX_PRELUDE_BYTES,
    MAX_PREVIEW_BYTES,
    PREVIEW_STEP_BYTES,
    PacketHeader,
    Prelude,
    container_length,
    encode_fixed,
    encode_prelude,
    padme,
    read_prelude,
)
from node.crypto.keys import OpeningKey, Randomness, SealingKey
from node.crypto.shares import SHARE_BYTES, draw_shares, packet_key, preview_key
from node.crypto.stream import HEADER_BYTES, pull_stream, push_stream
from node.errors import PacketUnreadableError, SealError, UsageError

__all__ = [
    "MAX_COMMENT_BYTES",
    "MAX_PRELUDE_BYTES",
    "PacketHeader",
    "Prelude",
    "SealedPrelude",
    "begin_seal",
    "container_length",
    "open_comment",
    "open_preview",
    "open_share_a",
    "open_share_b",
    "open_stream",
    "padme",
    "read_prelude",
    "seal_comment",
    "seal_stream",
    "wrap_share_b",
]

MAX_COMMENT_BYTES: Final = 2048
_NONCE_BYTES: Final = 24

Stream = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class SealedPrelude:
    """The beginning of a container that is being made.

    Attributes:
        raw: Its bytes, all before the stream.
        hh: SHA-256 of the fixed part; binds shares and preview.
        ph: SHA-256 of ``raw``; binds stream and manifest.
        share_b: To be stored under the week key; in no message but the grant.
        pad: Bytes of plaintext the stream must have.
        stream_key: K; memory only.
        randomness: Draws the stream's header, anew at each sealing.
    """

    raw: bytes = field(repr=False)
    hh: bytes
    ph: bytes
    share_b: bytes = field(repr=False)
    pad: int
    stream_key: bytes = field(repr=False)
    randomness: Randomness = field(repr=False)


def begin_seal(
    to: SealingKey,
    header: PacketHeader,
    preview: bytes | None,
    *,
    randomness: Randomness,
) -> SealedPrelude:
    """Draw both shares and make all of the container that stands before the stream.

    Args:
        to: The recipient's key that ``header.kid`` names.
        header: The clear part; its ``pad`` is ``padme`` of the plaintext's length.
        preview: JSON text of 1 to 8192 bytes that share A alone opens (HO-61), or None.
        randomness: Draws shares, nonce and stream header.

    Raises:
        UsageError: The preview is empty, too long or ends in a zero byte.
        SignatureError: The key fails the modulus check.
    """
    share_a, share_b = draw_shares(randomness)
    fixed = encode_fixed(header)
    hh = hashlib.sha256(fixed).digest()
    stream_key, commitment = packet_key(share_a, share_b, hh)
    wrapped = hpke.wrap(to, _info(b"share-a", hh), share_a)
    shown = b"" if preview is None else _seal_preview(preview, share_a, hh, randomness)
    raw = encode_prelude(fixed, commitment=commitment, wrap=wrapped, preview=shown)
    ph = hashlib.sha256(raw).digest()
    return SealedPrelude(raw, hh, ph, share_b, header.pad, stream_key, randomness)


def seal_stream(prelude: SealedPrelude, plaintext: Iterable[bytes]) -> Iterator[bytes]:
    """The whole container: the prelude, then the stream, chunk by chunk.

    Raises:
        UsageError: The plaintext is not ``pad`` bytes; what came out before has no end
            and opens nowhere.
    """
    yield prelude.raw
    # A second call must not repeat a key stream, so each draws a header of its own.
    yield from push_stream(
        prelude.stream_key,
        prelude.randomness(HEADER_BYTES),
        prelude.ph,
        _exactly(prelude.pad, plaintext),
    )


def open_share_a(prelude: Prelude, key: OpeningKey) -> bytes:
    """Share A, which the container carries for the recipient.

    Raises:
        PacketUnreadableError: Not for this key, or not with this header.
    """
    return _share(hpke.unwrap(key, _info(b"share-a", prelude.hh), prelude.wrap))


def wrap_share_b(to: SealingKey, hh: bytes, dig: bytes, share_b: bytes) -> bytes:
    """Share B for the grant, bound to one container (1168 bytes).

    Args:
        to: The recipient's key that the container's header names.
        hh: SHA-256 of the container's fixed part.
        dig: SHA-256 of the whole container.
        share_b: 32 bytes.
    """
    return hpke.wrap(to, _info(b"share-b", hh + dig), share_b)


def open_share_b(key: OpeningKey, hh: bytes, dig: bytes, sealed: bytes) -> bytes:
    """Share B from a grant.

    Raises:
        PacketUnreadableError: Not for this key, or not for this container.
    """
    return _share(hpke.unwrap(key, _info(b"share-b", hh + dig), sealed))


def open_preview(prelude: Prelude, share_a: bytes) -> bytes:
    """The preview's text, exactly as it was sealed.

    Raises:
        UsageError: The container has none.
        PacketUnreadableError: Other share, changed.
    """
    if prelude.preview is None:
        raise UsageError("this packet has no preview")
    key, commitment = preview_key(share_a, prelude.hh)
    found, nonce, box = _cut(prelude.preview, 32, _NONCE_BYTES)
    # HO-57: the cipher commits to no key, so Cp is compared before it runs.
    if not hmac.compare_digest(commitment, found):
        raise PacketUnreadableError("unreadable")
    try:
        padded = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            box, prelude.hh, nonce, key
        )
    except CryptoError as error:
        raise PacketUnreadableError("unreadable") from error
    return padded.rstrip(b"\0")


def open_stream(
    prelude: Prelude, share_a: bytes, share_b: bytes, stream: Stream
) -> Stream:
    """Verify the whole stream, and only then hand out a way to read it.

    Args:
        prelude: Of this container.
        share_a: From ``open_share_a``.
        share_b: From ``open_share_b``.
        stream: Gives the container's bytes after the prelude, in portions of any size,
            from their beginning at each call.

    Returns:
        A function whose each call reads ``stream`` once more and gives ``pad`` bytes of
        plaintext in portions of 64 KiB. Every portion is verified again, so a file that
        changed in between fails as well.

    Raises:
        PacketUnreadableError: Any failure, without distinction (HO-65).
    """
    key, commitment = packet_key(share_a, share_b, prelude.hh)
    # HO-57: the stream commits to no key, so C is compared before anything is decrypted.
    if not hmac.compare_digest(commitment, prelude.commitment):
        raise PacketUnreadableError("unreadable")

    def read() -> Iterator[bytes]:
        length = 0
        try:
            for chunk in pull_stream(key, prelude.ph, stream()):
                length += len(chunk)
                if length > prelude.header.pad:
                    raise PacketUnreadableError("unreadable")
                yield chunk
        except SealError as error:
            raise PacketUnreadableError("unreadable") from error
        if length != prelude.header.pad:
            raise PacketUnreadableError("unreadable")

    for _ in read():
        pass  # The first pass only verifies: nothing of it leaves this room.
    return read


def seal_comment(to: SealingKey, off: bytes, text: bytes) -> bytes:
    """Seal the comment of a refusal to the sender, bound to the offer.

    Args:
        to: The sender's key.
        off: SHA-256 of the offer's JWS.
        text: UTF-8, at most 2 KiB.
    """
    if len(text) > MAX_COMMENT_BYTES:
        raise UsageError("a comment has at most 2 KiB")
    return hpke.wrap(to, _info(b"comment", off), text)


def open_comment(key: OpeningKey, off: bytes, sealed: bytes) -> bytes:
    """The comment of a refusal.

    Raises:
        PacketUnreadableError: Other key, other offer, changed.
    """
    return hpke.unwrap(key, _info(b"comment", off), sealed)


def _info(purpose: bytes, context: bytes) -> bytes:
    return b"staffelstab/1 " + purpose + b"\0" + context


def _seal_preview(
    text: bytes, share_a: bytes, hh: bytes, randomness: Randomness
) -> bytes:
    if not 0 < len(text) <= MAX_PREVIEW_BYTES or text.endswith(b"\0"):
        raise UsageError("a preview is a text of 1 to 8192 bytes")
    key, commitment = preview_key(share_a, hh)
    nonce = randomness(_NONCE_BYTES)
    padded = text + bytes(-len(text) % PREVIEW_STEP_BYTES)
    box = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, hh, nonce, key)
    return commitment + nonce + box


def _exactly(length: int, plaintext: Iterable[bytes]) -> Iterator[bytes]:
    left = length
    for portion in plaintext:
        left -= len(portion)
        if left < 0:
            raise UsageError("the plaintext is longer than the header says")
        yield portion
    if left:
        raise UsageError("the plaintext is shorter than the header says")


def _share(found: bytes) -> bytes:
    if len(found) != SHARE_BYTES:
        raise PacketUnreadableError("unreadable")
    return found


def _cut(text: bytes, first: int, second: int) -> tuple[bytes, bytes, bytes]:
    return text[:first], text[first : first + second], text[first + second :]
