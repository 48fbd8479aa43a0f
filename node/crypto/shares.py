"""Two-key opening: both shares give the key of a packet, and its commitment.

Enters: share A (in the container, wrapped for the recipient), share B (kept by the
sender until the grant), the digest of the container's header. Leaves: stream key and
commitment. Must never happen: one share alone giving anything but the preview; a share
serving two containers. Implements handover 8.2, HO-57, HO-58. Source: RFC 5869.
"""

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.crypto.keys import Randomness
from node.errors import UsageError

SHARE_BYTES: Final = 32


def draw_shares(randomness: Randomness) -> tuple[bytes, bytes]:
    """Share A and share B, 32 bytes each, for one container (HO-58)."""
    return randomness(SHARE_BYTES), randomness(SHARE_BYTES)


def packet_key(share_a: bytes, share_b: bytes, hh: bytes) -> tuple[bytes, bytes]:
    """K, the key of the stream, and C, its commitment (32 bytes each).

    Args:
        share_a: 32 bytes.
        share_b: 32 bytes.
        hh: SHA-256 of the container's fixed part.

    Raises:
        UsageError: A share has another length, so that its border could move.
    """
    return _derive(_checked(share_a) + _checked(share_b), hh, b"packet")


def preview_key(share_a: bytes, hh: bytes) -> tuple[bytes, bytes]:
    """Kp, the key of the preview, and Cp, its commitment (32 bytes each)."""
    return _derive(_checked(share_a), hh, b"preview")


def _derive(ikm: bytes, hh: bytes, purpose: bytes) -> tuple[bytes, bytes]:
    both = HKDF(SHA256(), 64, hh, b"staffelstab/1 " + purpose).derive(ikm)
    return both[:32], both[32:]


def _checked(share: bytes) -> bytes:
    if len(share) != SHARE_BYTES:
        raise UsageError("a share has 32 bytes")
    return share
