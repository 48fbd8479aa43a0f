"""A node's request to be listed: who it is, its public keys, the proof that it has them.

Enters: what ``init`` made, or the file a registrar was handed. Leaves: the file, or a
checked ``AdmissionRequest`` and its fingerprint in words. Must never happen here: a
request believed whose keys did not both sign it. Implements handover 11.4 (admission).

The file is a JSON object of two JWS over one payload, one by the statement key and one by
the sheet key. The payload names the body, its places and its keys, and encloses the first
key sheet. Log and witness keys sign nothing but notes (C2SP fixes their messages), so
they are named here and proven by the first checkpoint.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self

from node import strictjson
from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.crypto.keys import Keyring, VerifyKey
from node.errors import DirectoryFileError, MalformedMessageError, SignatureError
from node.ids import Ags, MemberId
from node.trust.fields import Fields
from node.trust.fingerprint import words_of
from node.trust.keysheet import open_sheet, peek_sheet, unverified_payload
from node.trust.member import (
    MAX_PLACES,
    Contact,
    ListedKey,
    ListedNoteKey,
    Member,
    NoteKeys,
    Served,
    encode_contact,
    parse_contact,
    parse_vkey,
)

REQUEST_TYPE: Final = "staffelstab-admission+jwt"
MAX_REQUEST_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Applicant:
    """What a node knows about itself when it asks to be listed.

    Attributes:
        name: The body in words, like ``Stadt Wehr``.
        ags: The places it answers for.
        contact: Its office.
        origin: Name of its exchange log, ``<host>/log/<n>``.
        witness_name: Name it cosigns under, ``<host>/witness/<n>``.
    """

    name: str
    ags: tuple[Ags, ...]
    contact: Contact
    origin: str
    witness_name: str


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """What a body asks to be listed with.

    Attributes:
        id: The member id it wants, for ever.
        name: Its name in words.
        ags: The places it answers for.
        contact: Its office.
        sign: Statement key and its name.
        sheet: Sheet key and its name.
        log: Checkpoint key; its name is the origin.
        witness: Cosigner key.
        key_sheet: The first key sheet, signed by the sheet key.
        payload: The bytes both keys signed.
    """

    id: MemberId
    name: str
    ags: tuple[Ags, ...]
    contact: Contact
    sign: tuple[str, VerifyKey]
    sheet: tuple[str, VerifyKey]
    log: NoteKey
    witness: NoteKey
    key_sheet: str
    payload: bytes

    @property
    def fingerprint(self) -> str:
        """Twelve words that both ends read out; they cover every byte of the request."""
        return words_of(self.payload)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read and check a request.

        Raises:
            MalformedMessageError: The schema is broken.
            SignatureError: One of the proofs or the key sheet does not hold.
            DirectoryFileError: A place outside the scope of the id (HO-96).
        """
        if len(data) > MAX_REQUEST_BYTES:
            raise MalformedMessageError("admission: too long")
        outer = Fields(strictjson.parse(data, depth=1), "admission")
        outer.version()
        by_sign = outer.text("sig", most=MAX_REQUEST_BYTES)
        by_sheet = outer.text("sheet", most=MAX_REQUEST_BYTES)
        outer.end()
        request = cls._read(unverified_payload(by_sign))
        for jws, (kid, key) in ((by_sign, request.sign), (by_sheet, request.sheet)):
            if peek_kid(jws) != f"{request.id}#{kid}":
                raise SignatureError("admission: key id")
            if open_jws(jws, REQUEST_TYPE, key) != request.payload:
                raise SignatureError("admission: two requests")
        return request

    @classmethod
    def _read(cls, payload: bytes) -> Self:
        fields = Fields(strictjson.parse(payload, depth=3, members=4_000), "admission")
        fields.version()
        request = cls(
            id=MemberId(fields.text("id")),
            name=fields.text("name", most=120),
            ags=tuple(
                Ags(ags) for ags in fields.texts("ags", least=1, most=MAX_PLACES)
            ),
            contact=parse_contact(fields.inner("contact")),
            sign=_parse_named(fields.inner("sig")),
            sheet=_parse_named(fields.inner("sheet")),
            log=parse_vkey(fields.text("log", most=512), ED25519),
            witness=parse_vkey(fields.text("witness", most=512), COSIGNATURE),
            key_sheet=fields.text("key_sheet", most=MAX_REQUEST_BYTES),
            payload=payload,
        )
        fields.end()
        if any(not ags.startswith(request.id.scope) for ags in request.ags):
            raise DirectoryFileError("place outside the member's scope")
        return request

    @property
    def made_at(self) -> datetime:
        """When the node signed its first key sheet; the life of its keys begins here."""
        return peek_sheet(self.key_sheet).iat

    def record(self, on: date, *, exp: datetime) -> Member:
        """The first record of the body; its key sheet is checked against it.

        Args:
            on: The day of admission, from which it answers for its places.
            exp: End of its keys.

        Raises:
            SignatureError: The key sheet is not signed by the sheet key, or a key is
                not of prime order.
            RollbackError: One key has two purposes.
        """
        nbf = self.made_at
        record = Member(
            id=self.id,
            serial=1,
            name=self.name,
            admitted_on=on,
            readmitted_on=None,
            closed_on=None,
            successor=None,
            serves=tuple(Served(ags, on, None) for ags in self.ags),
            contact=self.contact,
            sig=(ListedKey(*self.sign, nbf, exp),),
            sheet=(ListedKey(*self.sheet, nbf, exp),),
            log=NoteKeys(self.log.name, (ListedNoteKey(self.log, nbf, exp),)),
            witness=NoteKeys(
                self.witness.name, (ListedNoteKey(self.witness, nbf, exp),)
            ),
        )
        record.check_keys()
        open_sheet(self.key_sheet, record)
        return Member.parse(record.encode())


def admission_request(keyring: Keyring, body: Applicant, *, key_sheet: str) -> bytes:
    """The file a node hands to the registrar.

    Args:
        keyring: The node's keys; statement and sheet key sign the request.
        body: Who asks.
        key_sheet: The first key sheet, from ``sign_sheet``.
    """
    payload = strictjson.encode(
        {
            "v": 1,
            "id": keyring.member,
            "name": body.name,
            "ags": list(body.ags),
            "contact": encode_contact(body.contact),
            "sig": {"kid": keyring.sign_kid, "pk": str(keyring.sign.public)},
            "sheet": {"kid": keyring.sheet_kid, "pk": str(keyring.sheet.public)},
            "log": str(NoteKey(body.origin, keyring.log.public, ED25519)),
            "witness": str(
                NoteKey(body.witness_name, keyring.witness.public, COSIGNATURE)
            ),
            "key_sheet": key_sheet,
        }
    )
    signed = {
        name: sign_jws(payload, key, str(key_id), REQUEST_TYPE)
        for name, key, key_id in (
            ("sig", keyring.sign, keyring.key_id),
            ("sheet", keyring.sheet, keyring.sheet_key_id),
        )
    }
    return strictjson.encode({"v": 1, **signed})


def _parse_named(fields: Fields) -> tuple[str, VerifyKey]:
    named = fields.kid("kid"), VerifyKey.parse(fields.text("pk"))
    fields.end()
    return named
