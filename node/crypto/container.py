"""The bytes of a container: its clear header, its prelude, its lengths.

Enters: a header as a value, or the first bytes of a container as they were received.
Leaves: bytes, or a prelude whose every length was checked. Must never happen: a key
being touched here, so this room may read what anybody sent; a received byte being
rewritten before it is hashed. Implements handover 8.1, HO-55, HO-56, HO-114. Padme:
"Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (2019).

``STFP`` 01 | u32 hlen, header | C (32) | u16 wlen, wrap (1168) |
u32 plen, preview (0, or Cp 32, nonce 24, AEAD n + 16) | stream. Integers big endian.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, Self

from node.crypto.hpke import OVERHEAD_BYTES
from node.crypto.shares import SHARE_BYTES
from node.crypto.stream import stream_length
from node.errors import MalformedMessageError
from node.ids import MemberId, TransferId
from node.strictjson import MAX_INTEGER, Json, JsonObject, encode, parse_object

MAX_PAD_BYTES: Final = 2**31
MAX_PREVIEW_BYTES: Final = 8192
PREVIEW_STEP_BYTES: Final = 1024
_MAGIC: Final = b"STFP\x01"
_MAX_HEADER_BYTES: Final = 4096
_WRAP_BYTES: Final = SHARE_BYTES + OVERHEAD_BYTES
_PREVIEW_EXTRA_BYTES: Final = 32 + 24 + 16
MAX_PRELUDE_BYTES: Final = (
    len(_MAGIC)
    + (4 + _MAX_HEADER_BYTES)
    + 32
    + (2 + _WRAP_BYTES)
    + (4 + _PREVIEW_EXTRA_BYTES + MAX_PREVIEW_BYTES)
)
_MEMBERS: Final = {"v", "id", "to", "kid", "suite", "exp", "pad"}
_KEM_KEY: Final = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
_OPTIONAL: Final = re.compile(r"[a-z_]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PacketHeader:
    """What a container says in the clear: no sender, no person, no purpose (HO-56).

    Attributes:
        transfer: The transfer it belongs to.
        to: The recipient.
        kid: Name of the recipient's KEM key, like ``k7``.
        exp: Unix seconds after which nobody may open it.
        pad: Bytes of plaintext in the stream, 1 to 2 GiB.
    """

    transfer: TransferId
    to: MemberId
    kid: str
    exp: int
    pad: int

    def __post_init__(self) -> None:
        if (
            _KEM_KEY.fullmatch(self.kid) is None
            or not 0 < self.exp <= MAX_INTEGER
            or not 0 < self.pad <= MAX_PAD_BYTES
        ):
            raise MalformedMessageError("packet-header")

    def encode(self) -> bytes:
        """The header as it will travel."""
        return encode(
            {
                "v": 1,
                "id": self.transfer,
                "to": self.to,
                "kid": self.kid,
                "suite": 1,
                "exp": self.exp,
                "pad": self.pad,
            }
        )

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a header strictly.

        Raises:
            MalformedMessageError: Another version or suite, a member missing, wrong, or
                unknown and not named in ``opt`` (HO-55, HO-114).
        """
        found = parse_object(text, depth=2)
        unknown = found.keys() - _MEMBERS - {"opt"}
        if not found.keys() >= _MEMBERS or not unknown <= _optional(found):
            raise MalformedMessageError("packet-header")
        _integer(found, "v", only=1)
        _integer(found, "suite", only=1)
        return cls(
            transfer=TransferId(_text(found, "id")),
            to=MemberId(_text(found, "to")),
            kid=_text(found, "kid"),
            exp=_integer(found, "exp"),
            pad=_integer(found, "pad"),
        )


@dataclass(frozen=True, slots=True)
class Prelude:
    """The beginning of a container that was received; nothing in it is trusted yet.

    Attributes:
        header: The clear part.
        hh: SHA-256 of the fixed part.
        ph: SHA-256 of the whole prelude.
        commitment: C.
        wrap: Share A, sealed to the recipient (1168 bytes).
        preview: Cp, nonce, ciphertext; or None.
        prelude_length: Bytes before the stream.
        length: Bytes of the whole container; any other is refused unopened (HO-55).
    """

    header: PacketHeader
    hh: bytes
    ph: bytes
    commitment: bytes
    wrap: bytes = field(repr=False)
    preview: bytes | None = field(repr=False)
    prelude_length: int
    length: int

    def check_length(self, length: int) -> None:
        """Refuse a container of another length before a key is touched (HO-55).

        Raises:
            MalformedMessageError: It does not have ``self.length`` bytes.
        """
        if length != self.length:
            raise MalformedMessageError("packet-length")


def padme(length: int) -> int:
    """The length to pad to: at most 12 % more, and few lengths to tell apart."""
    exponent = max(length.bit_length() - 1, 0)
    mask = (1 << exponent - exponent.bit_length()) - 1
    return length + mask & ~mask


def container_length(prelude_length: int, pad: int) -> int:
    """Bytes of a whole container."""
    return prelude_length + stream_length(pad)


def encode_fixed(header: PacketHeader) -> bytes:
    """The part that ``hh`` is the SHA-256 of: magic, format, header."""
    clear = header.encode()
    return _MAGIC + len(clear).to_bytes(4, "big") + clear


def encode_prelude(
    fixed: bytes, *, commitment: bytes, wrap: bytes, preview: bytes
) -> bytes:
    """All that stands before the stream; an empty preview says there is none."""
    lengths = len(wrap).to_bytes(2, "big"), len(preview).to_bytes(4, "big")
    return fixed + commitment + lengths[0] + wrap + lengths[1] + preview


def read_prelude(first_bytes: bytes) -> Prelude:
    """Read the beginning of a container strictly, touching no key.

    Args:
        first_bytes: At least the prelude; ``MAX_PRELUDE_BYTES`` always suffice. What
            follows it is not looked at.

    Raises:
        MalformedMessageError: A field of another form or length, or cut.
    """
    if not first_bytes.startswith(_MAGIC):
        raise MalformedMessageError("packet-magic")
    clear, at = _sized(first_bytes, len(_MAGIC), 4, most=_MAX_HEADER_BYTES)
    header = PacketHeader.parse(clear)
    hh = hashlib.sha256(first_bytes[:at]).digest()
    commitment = first_bytes[at : at + 32]
    wrapped, at = _sized(first_bytes, at + 32, 2, most=_WRAP_BYTES)
    if len(wrapped) != _WRAP_BYTES:
        raise MalformedMessageError("packet-wrap")
    most = _PREVIEW_EXTRA_BYTES + MAX_PREVIEW_BYTES
    preview, at = _sized(first_bytes, at, 4, most=most)
    shown = len(preview) - _PREVIEW_EXTRA_BYTES
    if preview and (shown <= 0 or shown % PREVIEW_STEP_BYTES):
        raise MalformedMessageError("packet-preview")
    return Prelude(
        header=header,
        hh=hh,
        ph=hashlib.sha256(first_bytes[:at]).digest(),
        commitment=commitment,
        wrap=wrapped,
        preview=preview or None,
        prelude_length=at,
        length=container_length(at, header.pad),
    )


def _sized(text: bytes, at: int, width: int, *, most: int) -> tuple[bytes, int]:
    """One length-prefixed field from ``at`` on, and where the next one begins."""
    start = at + width
    length = int.from_bytes(text[at:start], "big")
    if length > most:
        raise MalformedMessageError("packet-length")
    if len(text) < start + length:
        raise MalformedMessageError("packet-cut")
    return text[start : start + length], start + length


def _optional(found: JsonObject) -> set[str]:
    """The unknown members that this header allows us to ignore."""
    named = found.get("opt", [])
    if not isinstance(named, list) or not all(
        isinstance(name, str) and _OPTIONAL.fullmatch(name) for name in named
    ):
        raise MalformedMessageError("packet-header")
    if len(set(named)) != len(named) or _MEMBERS & set(named):
        raise MalformedMessageError("packet-header")
    return set(named)


def _integer(found: JsonObject, name: str, *, only: int | None = None) -> int:
    value: Json = found[name]
    if type(value) is not int or (only is not None and value != only):
        raise MalformedMessageError("packet-header")
    return value


def _text(found: JsonObject, name: str) -> str:
    value: Json = found[name]
    if not isinstance(value, str):
        raise MalformedMessageError("packet-header")
    return value
