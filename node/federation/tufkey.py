"""The one Ed25519 verifier of the product, inside The Update Framework.

Enters: keys and signatures of TUF metadata. Leaves: a verdict of ``node.crypto.sign``.
Must never happen: metadata verified by another library or another algorithm; one key
counted twice towards a threshold under two key ids. Implements HO-94 (Ed25519
throughout), HO-103. Source: TUF specification 1.0, 4.2 (keys), 4.3 (key ids).
"""

import hashlib
from typing import Any, Self

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import (
    KEY_FOR_TYPE_AND_SCHEME,
    Key,
    SecretsHandler,
    Signature,
    Signer,
)

from node.crypto.keys import SigningKey, VerifyKey
from node.crypto.sign import sign, verify
from node.errors import MalformedMessageError, SignatureError

_ED25519 = "ed25519"


class NodeKey(Key):
    """A public Ed25519 key of a role."""

    @classmethod
    def of(cls, key: VerifyKey) -> Self:
        """The form that metadata lists."""
        keyval = {"public": key.raw.hex()}
        return cls(_key_id(keyval), _ED25519, _ED25519, keyval)

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> Self:
        """Read a key; its id must be the hash of what it is.

        Raises:
            ValueError: Another id, another form, or a key not of prime order.
        """
        keytype, scheme, keyval = cls._from_dict(key_dict)
        if key_dict or keyval.keys() != {"public"} or keyid != _key_id(keyval):
            raise ValueError("key id is not the hash of the key")
        key = cls(keyid, keytype, scheme, keyval)
        try:
            key._raw().check_enrolment()
        except (MalformedMessageError, SignatureError) as error:
            raise ValueError("not an Ed25519 key") from error
        return key

    def to_dict(self) -> dict[str, Any]:
        """The form that metadata lists."""
        return self._to_dict()

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Ask the one verifier.

        Raises:
            UnverifiedSignatureError: The signature does not hold.
        """
        try:
            verify(self._raw(), data, bytes.fromhex(signature.signature))
        except (SignatureError, ValueError) as error:
            raise UnverifiedSignatureError("signature does not fit") from error

    def _raw(self) -> VerifyKey:
        return VerifyKey(bytes.fromhex(self.keyval["public"]))


class NodeSigner(Signer):
    """Signs metadata with a private key held in memory."""

    def __init__(self, key: SigningKey) -> None:
        """Take the private key."""
        self._key = key
        self._public = NodeKey.of(key.public)

    @property
    def public_key(self) -> NodeKey:
        """Its public key."""
        return self._public

    def sign(self, payload: bytes) -> Signature:
        """Sign the canonical bytes of the metadata."""
        return Signature(self._public.keyid, sign(self._key, payload).hex())

    @classmethod
    def from_priv_key_uri(
        cls,
        priv_key_uri: str,
        public_key: Key,
        secrets_handler: SecretsHandler | None = None,
    ) -> Signer:
        """Not offered: keys come from key files, never from a URI."""
        raise NotImplementedError


def _key_id(keyval: dict[str, Any]) -> str:
    form = {"keytype": _ED25519, "scheme": _ED25519, "keyval": keyval}
    text = encode_canonical(form) or ""
    return hashlib.sha256(text.encode()).hexdigest()


def use_one_verifier() -> None:
    """Make this key type the only one that metadata may use (HO-94, HO-103).

    The table belongs to the library's process-wide extension point.
    """
    KEY_FOR_TYPE_AND_SCHEME.clear()
    KEY_FOR_TYPE_AND_SCHEME[_ED25519, _ED25519] = NodeKey
