"""Keys as values: what signs, what verifies, what seals, what opens.

Enters: raw bytes, text forms from the directory, randomness as an argument. Leaves:
frozen keys whose ``repr`` shows no secret. Must never happen: a private key in a
message, a log line or an error; a public key of small order or with coefficients
outside its field being enrolled. Implements HO-97, HO-110 (key forms), SR-K3.
Sources: RFC 8032 (Ed25519); draft-ietf-hpke-pq and draft-connolly-cfrg-xwing-kem
(MLKEM768_X25519, KEM 0x647a, seed expanded with SHAKE-256); FIPS 203, 7.2.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.hpke import (
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
)
from nacl import bindings

from node.crypto.base64url import b64u, unb64u
from node.errors import ConfigError, MalformedMessageError, SignatureError, UsageError
from node.ids import KeyId, MemberId
from node.strictjson import encode, parse_object

Randomness = Callable[[int], bytes]

SEED_BYTES: Final = 32
MLKEM_PUBLIC_BYTES: Final = 1184
SEALING_KEY_BYTES: Final = MLKEM_PUBLIC_BYTES + 32
# A secret of nobody: an exchange with it fails for keys of small order only.
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(31) + b"\x40")


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public Ed25519 key: 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise MalformedMessageError("verify-key")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 43 characters of base64url; ``str`` is the inverse."""
        return cls(unb64u(text))

    def __str__(self) -> str:
        return b64u(self.raw)

    def check_enrolment(self) -> None:
        """Refuse a key outside the prime-order group before it is ever listed.

        Raises:
            SignatureError: Not a canonical point, of small order, or with a part of
                small order: such a key lets one signature pass for several messages,
                or pass with one verifier and fail with another (HO-97).
        """
        if not bindings.crypto_core_ed25519_is_valid_point(self.raw):
            raise SignatureError("key is not of prime order")


def proven_keys(keys: Collection[VerifyKey]) -> frozenset[VerifyKey]:
    """Those of many keys that ``check_enrolment`` lets pass, found on two cores.

    The check leaves the interpreter for most of its time; beside other Python work it
    would wait for its turn longer than it takes, so nothing else is done meanwhile.
    """
    waiting = list(keys)
    halves = waiting[::2], waiting[1::2]
    with ThreadPoolExecutor(max_workers=2) as threads:
        first, second = threads.map(_passing, halves)
    return frozenset(first + second)


def _passing(keys: list[VerifyKey]) -> list[VerifyKey]:
    is_valid = bindings.crypto_core_ed25519_is_valid_point
    return [key for key in keys if is_valid(key.raw)]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key, made from 32 bytes of seed."""

    seed: bytes = field(repr=False)
    public: VerifyKey = field(init=False, compare=False)
    expanded: bytes = field(
        init=False, repr=False, compare=False
    )  # seed and public key

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise UsageError("a signing key has 32 bytes of seed")
        public, expanded = bindings.crypto_sign_seed_keypair(self.seed)
        object.__setattr__(self, "public", VerifyKey(public))
        object.__setattr__(self, "expanded", expanded)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Make the key of a seed (32 bytes)."""
        return cls(seed)


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A public MLKEM768_X25519 key: 1184 bytes of ML-KEM, then 32 of X25519."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != SEALING_KEY_BYTES:
            raise MalformedMessageError("sealing-key")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 1622 characters of base64url; ``str`` is the inverse."""
        return cls(unb64u(text))

    def __str__(self) -> str:
        return b64u(self.raw)

    @property
    def thumbprint(self) -> bytes:
        """SHA-256 of the key, as offers and manifests name it (32 bytes)."""
        return hashlib.sha256(self.raw).digest()

    def library_key(self) -> MLKEM768X25519PublicKey:
        """The form that the HPKE library takes.

        Raises:
            SignatureError: A coefficient is not below 3329 (FIPS 203, 7.2).
        """
        return MLKEM768X25519PublicKey(*self._parts())

    def check_enrolment(self) -> None:
        """Refuse a key that cannot be sealed to safely, before it is ever listed.

        Raises:
            SignatureError: The ML-KEM part fails the modulus check, or the X25519 part
                is of small order (HO-97).
        """
        _, x25519 = self._parts()
        try:
            _PROBE.exchange(x25519)
        except ValueError as error:
            raise SignatureError("key is of small order") from error

    def _parts(self) -> tuple[MLKEM768PublicKey, X25519PublicKey]:
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(self.raw[:MLKEM_PUBLIC_BYTES])
        except ValueError as error:
            raise SignatureError("key fails the modulus check") from error
        return mlkem, X25519PublicKey.from_public_bytes(self.raw[MLKEM_PUBLIC_BYTES:])


@dataclass(frozen=True, slots=True)
class OpeningKey:
    """A private MLKEM768_X25519 key, kept as its 32 bytes of seed."""

    raw: bytes = field(repr=False)
    public: SealingKey = field(init=False, repr=False, compare=False)
    library_key: MLKEM768X25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != SEED_BYTES:
            raise UsageError("an opening key has 32 bytes of seed")
        expanded = hashlib.shake_256(self.raw).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        public = SealingKey(
            mlkem.public_key().public_bytes_raw()
            + x25519.public_key().public_bytes_raw()
        )
        object.__setattr__(self, "public", public)
        object.__setattr__(self, "library_key", MLKEM768X25519PrivateKey(mlkem, x25519))

    @classmethod
    def generate(cls, randomness: Randomness = token_bytes) -> Self:
        """Draw a fresh key."""
        return cls(randomness(SEED_BYTES))

    @classmethod
    def from_raw(cls, raw: bytes) -> Self:
        """Make the key of 32 bytes that ``raw`` gave before."""
        return cls(raw)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every private key of a node, one for each purpose (SR-K3).

    Attributes:
        member: The body these keys belong to.
        sign_kid: Name of the statement key, like ``s1``.
        sign: Signs statements and requests.
        sheet_kid: Name of the sheet key, like ``h1``.
        sheet: Signs the key sheet, nothing else.
        log: Signs checkpoints of the own log.
        witness: Cosigns logs of others.
        openings: KEM keys by name, old ones until their end (HO-110).
        tag_key: 32 bytes that make the case tags of offers (HO-23).
        pending: By purpose (``sig``, ``sheet``): name and key that wait until the directory
            lists them (handover 11.4, rotation).
    """

    member: MemberId
    sign_kid: str
    sign: SigningKey
    sheet_kid: str
    sheet: SigningKey
    log: SigningKey
    witness: SigningKey
    openings: Mapping[str, OpeningKey] = field(hash=False)
    tag_key: bytes = field(repr=False)
    pending: Mapping[str, tuple[str, SigningKey]] = field(
        default_factory=dict, hash=False, repr=False
    )

    def __post_init__(self) -> None:
        if len(self.tag_key) != 32:
            raise UsageError("a tag key has 32 bytes")

    @property
    def key_id(self) -> KeyId:
        """The id of the statement key, as it stands in a header."""
        return KeyId(f"{self.member}#{self.sign_kid}")

    @property
    def sheet_key_id(self) -> KeyId:
        """The id of the sheet key."""
        return KeyId(f"{self.member}#{self.sheet_kid}")

    def encode(self) -> bytes:
        """JSON with every secret in it: to be locked at once (``keyfile``)."""
        waiting = {
            purpose: {kid: b64u(key.seed)}
            for purpose, (kid, key) in self.pending.items()
        }
        return encode(
            {
                "v": 1,
                "member": self.member,
                "sign": {self.sign_kid: b64u(self.sign.seed)},
                "sheet": {self.sheet_kid: b64u(self.sheet.seed)},
                "log": b64u(self.log.seed),
                "witness": b64u(self.witness.seed),
                "openings": {kid: b64u(key.raw) for kid, key in self.openings.items()},
                "tag_key": b64u(self.tag_key),
            }
            | ({"pending": waiting} if waiting else {})
        )

    @classmethod
    def decode(cls, text: bytes) -> Self:
        """Read what ``encode`` wrote.

        Raises:
            ConfigError: Another version or not a keyring.
        """
        try:
            return cls._read(text)
        except (MalformedMessageError, UsageError) as error:
            raise ConfigError("the key file holds no keyring of version 1") from error

    @classmethod
    def _read(cls, text: bytes) -> Self:
        members = parse_object(text)
        try:
            if members.pop("v") != 1:
                raise UsageError("version")
            ((sign_kid, sign),) = members.pop("sign").items()
            ((sheet_kid, sheet),) = members.pop("sheet").items()
            keyring = cls(
                member=MemberId(members.pop("member")),
                sign_kid=sign_kid,
                sign=SigningKey(unb64u(sign)),
                sheet_kid=sheet_kid,
                sheet=SigningKey(unb64u(sheet)),
                log=SigningKey(unb64u(members.pop("log"))),
                witness=SigningKey(unb64u(members.pop("witness"))),
                openings={
                    kid: OpeningKey(unb64u(raw))
                    for kid, raw in members.pop("openings").items()
                },
                tag_key=unb64u(members.pop("tag_key")),
                pending={
                    purpose: (kid, SigningKey(unb64u(seed)))
                    for purpose, named in members.pop("pending", {}).items()
                    for kid, seed in named.items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError("member") from error
        if members:
            raise UsageError("unknown member")
        return keyring
