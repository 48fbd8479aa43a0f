"""A member's request to list a new key beside one that is going to end.

Enters: the old key, the new key, the instant. Leaves: the file for the registrar, or a
checked ``RotationRequest`` and its twelve words. Must never happen here: a request believed
that the old and the new key did not both sign. Implements handover 11.4 (rotation).

The file is a JSON object of two JWS over one payload. A statement or sheet key is rotated
by itself: ``old`` and ``new`` are both keys of that use. Log and witness keys sign nothing
but notes, so the statement key and the sheet key sign for them.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from node import strictjson
from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.crypto.keys import SigningKey, VerifyKey
from node.errors import DirectoryFileError, MalformedMessageError, SignatureError
from node.ids import KeyId, MemberId
from node.trust.fields import Fields, unix_seconds
from node.trust.fingerprint import words_of
from node.trust.keysheet import unverified_payload
from node.trust.member import ListedKey, ListedNoteKey, Member, NoteKeys, Purpose

ROTATION_TYPE: Final = "staffelstab-rotation+jwt"
MAX_ROTATION_BYTES: Final = 32 * 1024
OVERLAP: Final = timedelta(days=90)
KEY_LIFE: Final = timedelta(days=365)
_NOTES: Final = {Purpose.LOG: ED25519, Purpose.WITNESS: COSIGNATURE}
_NAMED: Final = frozenset({Purpose.SIGN, Purpose.SHEET})


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """What a member asks for.

    Attributes:
        id: The member.
        use: ``sig``, ``sheet``, ``log`` or ``witness``.
        kid: Name of the new key; empty for log and witness.
        key: The new key: 43 characters, or a note's verifier key.
        made_at: When it was asked for.
        payload: The bytes both keys signed.
        signers: Key ids of both signatures.
    """

    id: MemberId
    use: Purpose
    kid: str
    key: str
    made_at: datetime
    payload: bytes
    signers: tuple[KeyId, KeyId]
    signatures: tuple[str, str]

    @property
    def fingerprint(self) -> str:
        """Twelve words over every byte of the request."""
        return words_of(self.payload)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a request; its signatures are checked against a record by ``check``.

        Raises:
            MalformedMessageError: The schema is broken.
            SignatureError: Two different requests under one cover.
        """
        if len(data) > MAX_ROTATION_BYTES:
            raise MalformedMessageError("rotation: too long")
        outer = Fields(strictjson.parse(data, depth=1), "rotation")
        outer.version()
        both = tuple(outer.text(n, most=MAX_ROTATION_BYTES) for n in ("old", "new"))
        outer.end()
        payload = unverified_payload(both[0])
        if unverified_payload(both[1]) != payload:
            raise SignatureError("rotation: two requests")
        fields = Fields(strictjson.parse(payload, depth=1), "rotation")
        fields.version()
        member = MemberId(fields.text("id"))
        use = fields.text("use")
        if use not in {*_NOTES, *_NAMED}:
            raise MalformedMessageError("rotation.use")
        request = cls(
            id=member,
            use=Purpose(use),
            kid=fields.kid("kid") if use in _NAMED else "",
            key=fields.text("key", most=512),
            made_at=fields.unix_instant("iat"),
            payload=payload,
            signers=(KeyId(peek_kid(both[0])), KeyId(peek_kid(both[1]))),
            signatures=(both[0], both[1]),
        )
        fields.end()
        return request

    def check(self, record: Member, at: datetime) -> None:
        """Hold the request against the member's record.

        Raises:
            SignatureError: A signature does not hold, or is by a key that may not ask.
        """
        old, new = self.signers
        if old.member != record.id or new.member != record.id:
            raise SignatureError("rotation: key of another member")
        if self.use in _NAMED:
            listed = record.sig if self.use is Purpose.SIGN else record.sheet
            keys = [_listed(listed, old.name, at), VerifyKey.parse(self.key)]
            if new.name != self.kid:
                raise SignatureError("rotation: key id")
        else:
            keys = [
                _listed(record.sig, old.name, at),
                _listed(record.sheet, new.name, at),
            ]
        for jws, key in zip(self.signatures, keys, strict=True):
            if open_jws(jws, ROTATION_TYPE, key) != self.payload:
                raise SignatureError("rotation: two requests")

    def applied(self, record: Member, at: datetime) -> Member:
        """The record that follows: the new key from now on, the old one 90 days more.

        Keys whose life is over leave the record; what they signed stays checkable.

        Raises:
            DirectoryFileError: The name of the log or witness changes.
        """
        at = at.replace(microsecond=0)
        end = at + KEY_LIFE
        record = replace(record, serial=record.serial + 1)
        if self.use in _NAMED:
            new = ListedKey(self.kid, VerifyKey.parse(self.key), at, end)
            if self.use is Purpose.SIGN:
                return replace(record, sig=(*_ending(record.sig, at), new))
            return replace(record, sheet=(*_ending(record.sheet, at), new))
        note = NoteKey.parse(self.key)
        notes = record.log if self.use is Purpose.LOG else record.witness
        if note.type != _NOTES[self.use] or note.name != notes.name:
            raise DirectoryFileError("log and witness keep their name")
        kept = [
            ListedNoteKey(e.key, e.nbf, min(e.exp, at + OVERLAP))
            for e in notes.keys
            if e.exp > at
        ]
        after = NoteKeys(notes.name, (*kept, ListedNoteKey(note, at, end)))
        if self.use is Purpose.LOG:
            return replace(record, log=after)
        return replace(record, witness=after)


def rotation_request(
    member: MemberId,
    use: Purpose,
    kid: str,
    key: str,
    *,
    signers: tuple[tuple[str, SigningKey], tuple[str, SigningKey]],
    at: datetime,
) -> bytes:
    """The file a node hands to the registrar.

    Args:
        member: Who asks.
        use: What the new key is for.
        kid: Its name; empty for log and witness.
        key: The new public key as it will be listed.
        signers: Name and private key of both signatures: the old and the new key, or
            statement and sheet key for log and witness.
        at: Now.
    """
    named = {"kid": kid} if kid else {}
    payload = strictjson.encode(
        {"v": 1, "id": member, "use": use, "key": key, "iat": unix_seconds(at), **named}
    )
    old, new = (
        sign_jws(payload, signer, str(KeyId(f"{member}#{name}")), ROTATION_TYPE)
        for name, signer in signers
    )
    return strictjson.encode({"v": 1, "old": old, "new": new})


def _listed(keys: tuple[ListedKey, ...], kid: str, at: datetime) -> VerifyKey:
    for listed in keys:
        if listed.kid == kid and listed.is_valid(at):
            return listed.key
    raise SignatureError("rotation: not a valid key of the member")


def _ending(keys: tuple[ListedKey, ...], at: datetime) -> tuple[ListedKey, ...]:
    return tuple(replace(e, exp=min(e.exp, at + OVERLAP)) for e in keys if e.exp > at)
