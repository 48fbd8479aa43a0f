"""Long content as an authenticated stream of 64 KiB chunks.

Enters: a key used for this one stream, associated data, bytes in any portions. Leaves:
24 bytes of header, then chunks each 17 bytes longer than their plaintext; or the
plaintext, chunk by chunk. Must never happen: a stream that was cut, reordered, doubled
or continued being read to its end without an error. This room commits to no key: who
needs that compares a commitment first (``seal``). Implements the stream of handover
8.1, 8.2. Source: libsodium, crypto_secretstream_xchacha20poly1305.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from node.errors import SealError

CHUNK_BYTES: Final = 65536
TAG_BYTES: Final = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
HEADER_BYTES: Final = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_MESSAGE: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL


def stream_length(plaintext_bytes: int) -> int:
    """Bytes of the stream for so many bytes of plaintext; an empty one has a chunk."""
    chunks = max(1, -(-plaintext_bytes // CHUNK_BYTES))
    return HEADER_BYTES + plaintext_bytes + TAG_BYTES * chunks


def push_stream(
    key: bytes, header: bytes, associated: bytes, plaintext: Iterable[bytes]
) -> Iterator[bytes]:
    """Seal plaintext; the header comes first.

    Args:
        key: 32 bytes, for this stream only.
        header: 24 random bytes.
        associated: Bound to every chunk, not contained.
        plaintext: In portions of any size.
    """
    state = _state(key, header)
    yield header
    for block, last in _blocks(b"", plaintext, CHUNK_BYTES):
        yield bindings.crypto_secretstream_xchacha20poly1305_push(
            state, block, associated, _FINAL if last else _MESSAGE
        )


def pull_stream(
    key: bytes, associated: bytes, sealed: Iterable[bytes]
) -> Iterator[bytes]:
    """Open a stream chunk by chunk: each portion given out is authentic.

    That the stream was whole is known only when the iterator has ended without error.

    Raises:
        SealError: Other key or data, changed, reordered, cut, or more after the end.
    """
    portions = iter(sealed)
    buffer = bytearray()
    while len(buffer) < HEADER_BYTES:
        portion = next(portions, None)
        if portion is None:
            raise SealError("stream is cut")
        buffer += portion
    state = _state(key, bytes(buffer[:HEADER_BYTES]))
    rest = bytes(buffer[HEADER_BYTES:])
    is_first = True
    for block, last in _blocks(rest, portions, CHUNK_BYTES + TAG_BYTES):
        try:
            chunk, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(
                state, block, associated
            )
        except CryptoError as error:
            raise SealError("chunk is not authentic") from error
        if tag != (_FINAL if last else _MESSAGE):
            raise SealError("stream does not end at its last chunk")
        # One plaintext has one length: only an empty one ends in an empty chunk.
        if not chunk and not is_first:
            raise SealError("stream ends in an empty chunk")
        is_first = False
        yield chunk


def _state(
    key: bytes, header: bytes
) -> bindings.crypto_secretstream_xchacha20poly1305_state:
    """The state after ``header``, for both directions.

    libsodium's ``init_push`` draws the header itself and then does exactly what
    ``init_pull`` does; so a header from our own randomness needs the latter only.
    """
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    return state


def _blocks(
    first: bytes, portions: Iterable[bytes], size: int
) -> Iterator[tuple[bytes, bool]]:
    """Cut portions into blocks of one size; the last one, shorter or equal, is marked."""
    buffer = bytearray()
    for portion in chain((first,), portions):
        view = memoryview(portion)
        if buffer:
            missing = size - len(buffer)
            buffer += view[:missing]
            view = view[missing:]
            if not view:
                continue
            yield bytes(buffer), False
            buffer.clear()
        while len(view) > size:
            yield bytes(view[:size]), False
            view = view[size:]
        buffer += view
    yield bytes(buffer), True
