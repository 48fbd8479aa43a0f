"""A stream that opens under two keys: the attack that key commitments are for.

Poly1305 is linear in the message, so two free blocks of ciphertext suffice to give one
tag under two keys (Len, Grubbs, Ristenpart 2021: partitioning oracles; Albertini and
others 2022: abuse of non-committing AEADs). The stream has one chunk of 48 bytes.
"""

import struct
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

PLAINTEXT_BYTES = 48
_PRIME = 2**130 - 5
_FINAL = 3
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def collide(
    key: bytes, others: Iterable[bytes], header: bytes, associated: bytes
) -> tuple[bytes, bytes]:
    """A key of ``others`` and a stream that is authentic under it and under ``key``.

    Args:
        key: 32 bytes.
        others: Candidates; one in 256 serves, since both must decrypt one byte to FINAL.
        header: 24 bytes.
        associated: At least one byte.
    """
    first = _Side(key, header, associated)
    for other in others:
        second = _Side(other, header, associated)
        if first.tag_stream[0] == second.tag_stream[0]:
            return other, header + _solve(first, second)
    raise LookupError("no candidate serves")


class _Side:
    """What one key fixes: pad and one-time key, as libsodium's secretstream has them."""

    def __init__(self, key: bytes, header: bytes, associated: bytes) -> None:
        inner = _hchacha20(key, header[:16])
        nonce = struct.pack("<I", 1) + header[16:]
        stream = (Cipher(ChaCha20(inner, bytes(4) + nonce), None).encryptor()).update(
            bytes(64 * 3)
        )
        self.r = int.from_bytes(stream[:16], "little") & _CLAMP
        self.s = int.from_bytes(stream[16:32], "little")
        self.tag_stream = stream[64:128]
        self._associated = associated + bytes(-len(associated) % 16)
        self._lengths = struct.pack("<QQ", len(associated), 64 + PLAINTEXT_BYTES)

    def line(self, final_byte: int, third: bytes) -> tuple[int, int, int]:
        """Coefficients a, b, c: the hash is a * first + b * second + c."""
        head = self._associated + bytes([final_byte]) + self.tag_stream[1:]
        rest = [third, self._lengths]
        blocks = [head[i : i + 16] for i in range(0, len(head), 16)]
        count = len(blocks) + 2 + len(rest)
        constant = sum(
            _number(block) * pow(self.r, count - i, _PRIME)
            for i, block in enumerate(blocks)
        )
        constant += sum(
            _number(block) * pow(self.r, len(rest) - i, _PRIME)
            for i, block in enumerate(rest)
        )
        power = len(rest) + 1
        a, b = pow(self.r, power + 1, _PRIME), pow(self.r, power, _PRIME)
        return a, b, constant % _PRIME


def _solve(first: _Side, second: _Side) -> bytes:
    final_byte = first.tag_stream[0] ^ _FINAL
    for attempt in range(10_000):
        third = attempt.to_bytes(16, "little")
        tag = attempt
        a1, b1, c1 = first.line(final_byte, third)
        a2, b2, c2 = second.line(final_byte, third)
        d1 = (tag - first.s) % 2**128 - c1
        d2 = (tag - second.s) % 2**128 - c2
        inverse = pow(a1 * b2 - a2 * b1, -1, _PRIME)
        one = (d1 * b2 - d2 * b1) * inverse % _PRIME
        two = (a1 * d2 - a2 * d1) * inverse % _PRIME
        if one >> 128 == 1 and two >> 128 == 1:
            body = b"".join(
                (number & (2**128 - 1)).to_bytes(16, "little") for number in (one, two)
            )
            return bytes([final_byte]) + body + third + tag.to_bytes(16, "little")
    raise LookupError("no solution in range")


def _number(block: bytes) -> int:
    return int.from_bytes(block, "little") | 1 << 128


def _hchacha20(key: bytes, nonce: bytes) -> bytes:
    """HChaCha20 (draft-irtf-cfrg-xchacha, 2.2)."""
    state = [*b"expand 32-byte k"]
    words = list(struct.unpack("<4I8I4I", bytes(state) + key + nonce))
    for _ in range(10):
        for a, b, c, d in (
            (0, 4, 8, 12),
            (1, 5, 9, 13),
            (2, 6, 10, 14),
            (3, 7, 11, 15),
            (0, 5, 10, 15),
            (1, 6, 11, 12),
            (2, 7, 8, 13),
            (3, 4, 9, 14),
        ):
            _quarter(words, a, b, c, d)
    return struct.pack("<8I", *words[:4], *words[12:])


def _quarter(words: list[int], a: int, b: int, c: int, d: int) -> None:
    for left, right, target, bits in (
        (a, b, d, 16),
        (c, d, b, 12),
        (a, b, d, 8),
        (c, d, b, 7),
    ):
        words[left] = (words[left] + words[right]) & 0xFFFFFFFF
        mixed = words[target] ^ words[left]
        words[target] = (mixed << bits | mixed >> 32 - bits) & 0xFFFFFFFF
