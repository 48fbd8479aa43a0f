"""Signed statements as compact JWS, in the one form this protocol knows.

Enters: payload bytes and a key, or text from a peer. Leaves: text, or the payload
bytes that were verified. Must never happen: a header choosing how it is verified, a
payload being read before its signature, two spellings of one statement.
Implements HO-39, HO-40, SR-P2. Sources: RFC 7515, section 3.1; RFC 8725; RFC 9864.
"""

from functools import lru_cache
from typing import Final

from node.crypto.base64url import b64u, unb64u
from node.crypto.keys import SigningKey, VerifyKey
from node.crypto.sign import SIGNATURE_BYTES, sign, verify
from node.errors import MalformedMessageError
from node.ids import KeyId
from node.strictjson import encode, parse_object

__all__ = ["b64u", "open_jws", "peek_kid", "sign_jws", "unb64u"]

_ALGORITHM: Final = "Ed25519"
_HEADER_MEMBERS: Final = {"alg", "kid", "typ"}
_MAX_HEADER_CHARACTERS: Final = 512


def sign_jws(payload: bytes, key: SigningKey, kid: str, typ: str) -> str:
    """Sign a payload.

    Args:
        payload: The bytes as they will travel.
        key: The key that ``kid`` names.
        kid: ``<member>#<key>``.
        typ: Media type without ``application/``, like ``staffelstab-statement+jwt``.
    """
    header = encode({"alg": _ALGORITHM, "kid": KeyId(kid), "typ": typ})
    text = f"{b64u(header)}.{b64u(payload)}"
    return f"{text}.{b64u(sign(key, text.encode('ascii')))}"


def peek_kid(jws: str) -> KeyId:
    """The key id a statement claims, so that its key can be looked up.

    Nothing else of an unverified statement is readable.

    Raises:
        MalformedMessageError: Not three parts, not canonical base64url, or a header
            with another member, algorithm or form of key id.
    """
    header, _, _ = _parts(jws)
    kid, _ = _read_header(header)
    return kid


def open_jws(jws: str, typ: str, key: VerifyKey) -> bytes:
    """The payload bytes, after the signature over the travelled bytes was verified.

    The caller has fetched ``key`` by ``peek_kid`` and knows whose it is.

    Raises:
        MalformedMessageError: As ``peek_kid``, or another ``typ``.
        SignatureError: The signature is not of this key.
    """
    header, payload, signature = _parts(jws)
    _, found = _read_header(header)
    if found != typ:
        raise MalformedMessageError("jws-typ")
    if len(signature) > 2 * SIGNATURE_BYTES:
        raise MalformedMessageError("jws-signature")
    content = unb64u(payload)
    signed = f"{header}.{payload}".encode("ascii")
    verify(key, signed, unb64u(signature))
    return content


def _parts(jws: str) -> tuple[str, str, str]:
    try:
        header, payload, signature = jws.split(".", 3)
    except ValueError:
        raise MalformedMessageError("jws-parts") from None
    return header, payload, signature


@lru_cache(maxsize=64)
def _read_header(text: str) -> tuple[KeyId, str]:
    if len(text) > _MAX_HEADER_CHARACTERS:
        raise MalformedMessageError("jws-header")
    header = parse_object(unb64u(text), depth=1, members=3)
    if header.keys() != _HEADER_MEMBERS:
        raise MalformedMessageError("jws-header")
    alg, kid, typ = header["alg"], header["kid"], header["typ"]
    if alg != _ALGORITHM:
        raise MalformedMessageError("jws-alg")
    if not isinstance(kid, str) or not isinstance(typ, str):
        raise MalformedMessageError("jws-header")
    return KeyId(kid), typ
