"""The key sheet of a member: sealing keys, address, limits; made by the member itself.

Enters: the compact JWS of ``keys/<id>.jws``. Leaves: a frozen ``KeySheet``. Must never
happen here: a sheet believed that no ``sheet`` key of the member's record signed.
Implements handover 11.2, HO-98 (whose signature counts), HO-110 and HO-111.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from urllib.parse import urlsplit

from node import strictjson
from node.crypto.jws import open_jws, peek_kid, sign_jws, unb64u
from node.crypto.keys import SealingKey, SigningKey
from node.errors import MalformedMessageError, SignatureError
from node.ids import KeyId, MemberId
from node.trust.fields import Fields, unix_seconds
from node.trust.member import ListedKey, Member

SHEET_TYPE: Final = "staffelstab-keysheet+jwt"
KEM_ALGORITHM: Final = "MLKEM768_X25519"
MAX_SHEET_BYTES: Final = 64 * 1024
SEAL_MARGIN: Final = timedelta(hours=1)
MIB: Final = 1024 * 1024
_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class KemKey:
    """A sealing key with its life (handover 12.1)."""

    kid: str
    key: SealingKey
    nbf: datetime
    seal_until: datetime
    open_until: datetime

    def may_seal(self, at: datetime) -> bool:
        """Whether a container may be sealed to it now (HO-110)."""
        return self.nbf <= at <= self.seal_until - SEAL_MARGIN


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest container and the largest document the member takes, in bytes."""

    packet: int
    document: int


@dataclass(frozen=True, slots=True)
class KeySheet:
    """What changes often about a member.

    ``url`` is empty where nobody can call the member: then it fetches from its ``relays``.
    """

    iss: MemberId
    serial: int
    iat: datetime
    kem: tuple[KemKey, ...]
    url: str
    relays: tuple[str, ...]
    suites: tuple[int, ...]
    proto: tuple[int, ...]
    schema: tuple[str, ...]
    limits: Limits

    @property
    def is_pull_only(self) -> bool:
        """Whether the member has no address of its own (handover 10.5)."""
        return not self.url

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read the signed payload.

        Raises:
            MalformedMessageError: The schema is broken.
        """
        fields = Fields(strictjson.parse(payload, depth=4), "sheet")
        fields.version()
        limits = fields.inner("limits")
        sheet = cls(
            iss=MemberId(fields.text("iss")),
            serial=fields.number("serial", least=1),
            iat=fields.unix_instant("iat"),
            kem=tuple(
                _parse_kem(entry) for entry in fields.inners("kem", least=1, most=8)
            ),
            url=_url(url) if (url := fields.text("url", least=0, most=255)) else "",
            relays=tuple(_url(relay) for relay in fields.texts("relays", most=4)),
            suites=fields.numbers("suites", least=1, most=16),
            proto=fields.numbers("proto", least=1, most=16),
            schema=fields.texts("schema", least=1, most=16),
            limits=Limits(
                packet=limits.number("packet", least=MIB, most=2048 * MIB),
                document=limits.number("document", least=1, most=2048 * MIB),
            ),
        )
        limits.end()
        fields.end()
        if not sheet.url and not sheet.relays:
            raise MalformedMessageError("sheet.url")
        return sheet

    def encode(self) -> bytes:
        """The payload to sign."""
        return strictjson.encode(
            {
                "v": 1,
                "iss": self.iss,
                "serial": self.serial,
                "iat": unix_seconds(self.iat),
                "kem": [
                    {
                        "kid": entry.kid,
                        "alg": KEM_ALGORITHM,
                        "pk": str(entry.key),
                        "nbf": unix_seconds(entry.nbf),
                        "seal_until": unix_seconds(entry.seal_until),
                        "open_until": unix_seconds(entry.open_until),
                    }
                    for entry in self.kem
                ],
                "url": self.url,
                "relays": list(self.relays),
                "suites": list(self.suites),
                "proto": list(self.proto),
                "schema": list(self.schema),
                "limits": {
                    "packet": self.limits.packet,
                    "document": self.limits.document,
                },
            }
        )

    def check_keys(self) -> None:
        """Check what a sheet must show before it is believed for the first time.

        Raises:
            SignatureError: An ML-KEM key fails the modulus check (HO-97).
            MalformedMessageError: One key or key name stands twice.
        """
        for entry in self.kem:
            entry.key.check_enrolment()
        if len({entry.kid for entry in self.kem}) != len(self.kem) or len(
            {entry.key.thumbprint for entry in self.kem}
        ) != len(self.kem):
            raise MalformedMessageError("sheet.kem: twice")


def sign_sheet(sheet: KeySheet, key: SigningKey, *, kid: str) -> str:
    """Sign a sheet with the member's sheet key of that name; the content of its file."""
    return sign_jws(sheet.encode(), key, str(KeyId(f"{sheet.iss}#{kid}")), SHEET_TYPE)


def open_sheet(jws: str, record: Member) -> KeySheet:
    """Read a sheet that a ``sheet`` key of the record signed (HO-98).

    Raises:
        MalformedMessageError: JWS or schema is broken.
        SignatureError: Signed by a key of another role or member, outside the key's
            life, or not at all; or the sheet speaks of another member.
    """
    if len(jws) > MAX_SHEET_BYTES:
        raise MalformedMessageError("sheet: too long")
    kid = KeyId(peek_kid(jws))
    listed = _sheet_key(record, kid)
    sheet = KeySheet.parse(open_jws(jws, SHEET_TYPE, listed.key))
    if sheet.iss != record.id:
        raise SignatureError("sheet of another member")
    if not listed.is_valid(sheet.iat):
        raise SignatureError("sheet signed outside the key's life")
    return sheet


def peek_sheet(jws: str) -> KeySheet:
    """Read a sheet that was verified when it was stored; no signature is checked.

    Raises:
        MalformedMessageError: JWS or schema is broken.
    """
    return KeySheet.parse(unverified_payload(jws))


def unverified_payload(jws: str) -> bytes:
    """The payload of a JWS, for what is verified elsewhere: before or directly after.

    Raises:
        MalformedMessageError: Not three parts, or not canonical base64url.
    """
    parts = jws.split(".", 3)
    if len(parts) != 3:
        raise MalformedMessageError("jws-parts")
    return unb64u(parts[1])


def _sheet_key(record: Member, kid: KeyId) -> ListedKey:
    if kid.member == record.id:
        for listed in record.sheet:
            if listed.kid == kid.name:
                return listed
    raise SignatureError("not a sheet key of the member")


def _parse_kem(entry: Fields) -> KemKey:
    kid = entry.kid("kid")
    if entry.text("alg") != KEM_ALGORITHM:
        raise MalformedMessageError("sheet.kem.alg")
    key = KemKey(
        kid,
        SealingKey.parse(entry.text("pk", most=2048)),
        entry.unix_instant("nbf"),
        entry.unix_instant("seal_until"),
        entry.unix_instant("open_until"),
    )
    entry.end()
    if not key.nbf < key.seal_until < key.open_until:
        raise MalformedMessageError("sheet.kem: life")
    return key


def _url(text: str) -> str:
    """An https address without user, query and fragment; http on loopback for a demo.

    The transport refuses http outside demo mode (SR-F10); here it is a matter of form.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise MalformedMessageError("sheet.url") from None
    host = parts.hostname or ""
    netloc = host if ":" not in host else f"[{host}]"
    local = host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
    allowed = parts.scheme == "https" or (parts.scheme == "http" and local)
    expected = netloc if port is None else f"{netloc}:{port}"
    plain = not parts.query and not parts.fragment and len(text) <= 255
    if (
        not allowed
        or not plain
        or parts.netloc != expected
        or _HOST.fullmatch(netloc) is None
        or not text.isascii()
        or not text.isprintable()
    ):
        raise MalformedMessageError("sheet.url")
    return text
