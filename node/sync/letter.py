"""Letters: a list of statements, sealed to the one node that fetches it from a relay.

Enters: statements with their attachments, and the reader's key; or the bytes of an item.
Leaves: the other one of the two. Must never happen: a relay that can read who writes to
whom about what; a letter that opens at another member. Implements the relay item of
handover 8.2: HPKE under ``staffelstab/1 relay``, padded so that few lengths differ.

    u8 length of kid | kid | HPKE(list of statements, then spaces)
"""

from collections.abc import Iterable
from typing import Final

from node.crypto.container import padme
from node.crypto.hpke import OVERHEAD_BYTES, unwrap, wrap
from node.crypto.keys import Keyring
from node.errors import MalformedMessageError, PacketUnreadableError
from node.ids import MemberId
from node.sync.limits import LIST_BYTES
from node.sync.message import Envelope, encode_envelopes, parse_envelopes
from node.trust.keysheet import KemKey

_PURPOSE: Final = b"staffelstab/1 relay\0"
_MOST: Final = padme(LIST_BYTES) + OVERHEAD_BYTES + 64


def seal_letter(to: MemberId, key: KemKey, envelopes: Iterable[Envelope]) -> bytes:
    """Seal statements so that only this member can read them, or see whose they are."""
    plain = encode_envelopes(envelopes)
    padded = plain.ljust(padme(len(plain)), b" ")
    kid = key.kid.encode("ascii")
    return bytes([len(kid)]) + kid + wrap(key.key, _PURPOSE + to.encode(), padded)


def open_letter(keyring: Keyring, raw: bytes) -> tuple[Envelope, ...]:
    """Open a letter to us; nothing in it is verified yet.

    Raises:
        PacketUnreadableError: Not sealed to one of our keys, or to another member.
        MalformedMessageError: No letter, or no list of statements in it.
    """
    if not 1 < len(raw) <= _MOST:
        raise MalformedMessageError("letter")
    end = 1 + raw[0]
    key = keyring.openings.get(raw[1:end].decode("ascii", "replace"))
    if key is None:
        raise PacketUnreadableError("letter-key")
    padded = unwrap(key, _PURPOSE + keyring.member.encode(), raw[end:])
    return parse_envelopes(padded.rstrip(b" "))
