"""The sealed backup: signed by the node, readable by it and by its recovery keys.

Enters: a header, plaintext as a stream, the readers' keys; or the bytes of such a file.
Leaves: the file's bytes; or its plaintext, after the signature over all of it was checked.
Must never happen: a byte of plaintext from a file that was changed, cut or continued; a
reader who needs more than one key. Implements SR-R1 with the suite of packets (handover
8.2). Sources: RFC 9180, RFC 5869, RFC 8032, libsodium secretstream.

A file: magic, length of the header (4), header (JSON), number of readers (1), for each the
SHA-256 of its key (32) and the wrapped secret (1168), the commitment (32), the stream; at
the end an Ed25519 signature (64) over the SHA-256 of everything before it.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.crypto import hpke
from node.crypto.keys import (
    OpeningKey,
    Randomness,
    SealingKey,
    SigningKey,
    VerifyKey,
)
from node.crypto.sign import SIGNATURE_BYTES, sign, verify
from node.crypto.stream import HEADER_BYTES, pull_stream, push_stream
from node.errors import BackupError, PacketUnreadableError, SealError, SignatureError

_MAGIC: Final = b"staffelstab backup\x01"
_SIGNED: Final = b"staffelstab/1 backup signature\0"
_WRAPPED: Final = b"staffelstab/1 backup secret\0"
_SECRET_BYTES: Final = 32
_READER_BYTES: Final = 32 + hpke.OVERHEAD_BYTES + _SECRET_BYTES
_MOST_HEADER: Final = 4096
_MOST_READERS: Final = 8
_MOST_PRELUDE: Final = (
    len(_MAGIC) + 4 + _MOST_HEADER + 1 + _MOST_READERS * _READER_BYTES + 32
)

Reader = Callable[[], Iterator[bytes]]
"""Gives the bytes of a file from their beginning at each call, in portions of any size."""


@dataclass(frozen=True, slots=True)
class BackupKeys:
    """The node's own two keys for backups; both follow from its master key."""

    sign: SigningKey
    opening: OpeningKey = field(repr=False)


def backup_keys(master: bytes) -> BackupKeys:
    """The keys of a node's backups, each for one purpose (SR-K3).

    Args:
        master: The master key, 32 bytes.
    """
    return BackupKeys(
        SigningKey(_derive(master, b"sign")), OpeningKey(_derive(master, b"open"))
    )


def seal_backup(
    header: bytes,
    plaintext: Iterable[bytes],
    *,
    readers: Sequence[SealingKey],
    signer: SigningKey,
    randomness: Randomness,
) -> Iterator[bytes]:
    """The bytes of a file, as its plaintext comes.

    Args:
        header: What may be read without a key; at most 4 KiB, nothing personal.
        plaintext: In portions of any size.
        readers: Whose keys open it, 1 to 8.
        signer: The node's key for backups.
        randomness: Draws the secret and the stream's header.
    """
    secret = randomness(_SECRET_BYTES)
    fixed = _MAGIC + len(header).to_bytes(4, "big") + header
    bound = hashlib.sha256(fixed).digest()
    key, commitment = _stream_key(secret, bound)
    wrapped = [_for_reader(reader, bound, secret) for reader in readers]
    prelude = b"".join((fixed, bytes([len(readers)]), *wrapped, commitment))
    digest = hashlib.sha256(prelude)
    yield prelude
    associated = hashlib.sha256(prelude).digest()
    for chunk in push_stream(key, randomness(HEADER_BYTES), associated, plaintext):
        digest.update(chunk)
        yield chunk
    yield sign(signer, _SIGNED + digest.digest())


@dataclass(frozen=True, slots=True)
class SealedBackup:
    """A file whose signature holds.

    Attributes:
        header: The clear part, now authentic.
        readers: Thumbprint of each reader's key, and what is wrapped for it.
        bound: SHA-256 of magic and header.
        commitment: Of the stream's key.
        prelude: Bytes before the stream.
        digest: SHA-256 of the whole file.
    """

    header: bytes
    readers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    bound: bytes
    commitment: bytes
    prelude: bytes = field(repr=False)
    digest: bytes


def check_backup(read: Reader, signer: VerifyKey) -> SealedBackup:
    """Read a whole file once and check its signature; no key is touched.

    Raises:
        BackupError: No backup, changed, cut, continued, or signed by another node.
    """
    first = bytearray()
    digest, whole = hashlib.sha256(), hashlib.sha256()
    tail = b""
    for chunk in read():
        whole.update(chunk)
        if len(first) < _MOST_PRELUDE:
            first += chunk[: _MOST_PRELUDE - len(first)]
        held = tail + chunk
        digest.update(held[:-SIGNATURE_BYTES])
        tail = held[-SIGNATURE_BYTES:]
    sealed = _read_prelude(bytes(first), whole.digest())
    try:
        verify(signer, _SIGNED + digest.digest(), tail)
    except SignatureError:
        raise BackupError("the signature does not fit this file") from None
    return sealed


def open_backup(sealed: SealedBackup, key: OpeningKey, read: Reader) -> Iterator[bytes]:
    """The plaintext, in authentic portions of 64 KiB.

    Args:
        sealed: From ``check_backup`` over the same file.
        key: One of the readers' keys.
        read: The file again; what changed since the check is met here.

    Raises:
        BackupError: The file is not for this key, or changed since it was checked.
    """
    stream_key = _unwrap(sealed, key)
    associated = hashlib.sha256(sealed.prelude).digest()
    try:
        yield from pull_stream(stream_key, associated, _stream_of(sealed, read()))
    except SealError as error:
        raise BackupError("the file changed while it was read") from error


def _unwrap(sealed: SealedBackup, key: OpeningKey) -> bytes:
    mine = key.public.thumbprint
    wrapped = next((box for name, box in sealed.readers if name == mine), None)
    if wrapped is None:
        raise BackupError("this backup is not sealed to this key")
    try:
        secret = hpke.unwrap(key, _WRAPPED + sealed.bound, wrapped)
    except PacketUnreadableError:
        raise BackupError("this backup does not open with this key") from None
    stream_key, commitment = _stream_key(secret, sealed.bound)
    # The stream commits to no key, so this is compared before anything is decrypted.
    if not hmac.compare_digest(commitment, sealed.commitment):
        raise BackupError("this backup does not open with this key")
    return stream_key


def _stream_of(sealed: SealedBackup, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What lies between the prelude and the signature."""
    skip = len(sealed.prelude)
    held = b""
    for chunk in chunks:
        rest = chunk[skip:]
        skip -= min(skip, len(chunk))
        held += rest
        yield held[:-SIGNATURE_BYTES]
        held = held[-SIGNATURE_BYTES:]


def _read_prelude(first: bytes, digest: bytes) -> SealedBackup:
    if not first.startswith(_MAGIC):
        raise BackupError("this is no backup of this program")
    at = len(_MAGIC)
    length = int.from_bytes(first[at : at + 4], "big")
    start, end = at + 4, at + 4 + length
    count = first[end] if end < len(first) else 0
    readers_end = end + 1 + count * _READER_BYTES
    if (
        length > _MOST_HEADER
        or not 0 < count <= _MOST_READERS
        or len(first) < readers_end + 32
    ):
        raise BackupError("the beginning of the file is damaged")
    boxes = [
        first[place : place + _READER_BYTES]
        for place in range(end + 1, readers_end, _READER_BYTES)
    ]
    return SealedBackup(
        header=first[start:end],
        readers=tuple((box[:32], box[32:]) for box in boxes),
        bound=hashlib.sha256(first[:end]).digest(),
        commitment=first[readers_end : readers_end + 32],
        prelude=first[: readers_end + 32],
        digest=digest,
    )


def _for_reader(reader: SealingKey, bound: bytes, secret: bytes) -> bytes:
    return reader.thumbprint + hpke.wrap(reader, _WRAPPED + bound, secret)


def _stream_key(secret: bytes, bound: bytes) -> tuple[bytes, bytes]:
    """The key of the stream, and its commitment (32 bytes each)."""
    both = HKDF(SHA256(), 64, bound, b"staffelstab/1 backup stream").derive(secret)
    return both[:32], both[32:]


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, b"", b"staffelstab/1 backup " + purpose).derive(master)
