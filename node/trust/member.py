"""One body's signed record: who it is, for whom it answers, which keys speak for it.

Enters: the bytes of ``members/<id>.json``, already vouched for by the registrar's role.
Leaves: a frozen ``Member``. Must never happen here: a record that serves a place outside
its own scope, or one key that has two purposes. Implements handover 11.2, HO-96 and the
part of HO-97 that a record shows by itself.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique
from typing import Final, Self

from node import strictjson
from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey
from node.crypto.keys import VerifyKey
from node.errors import DirectoryFileError, MalformedMessageError, RollbackError
from node.ids import Ags, MemberId
from node.trust.fields import Fields, day_text, instant_text

MAX_RECORD_BYTES: Final = 64 * 1024
MAX_PLACES: Final = 1_200  # the largest Land has about 2,300 towns; no body serves all


@unique
class Purpose(StrEnum):
    """What a public key is for; no key has two (HO-97)."""

    SIGN = "sig"
    SHEET = "sheet"
    LOG = "log"
    WITNESS = "witness"
    SEAL = "kem"


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A statement or sheet key with its life."""

    kid: str
    key: VerifyKey
    nbf: datetime
    exp: datetime

    def is_valid(self, at: datetime) -> bool:
        """Whether the instant lies inside the key's life."""
        return self.nbf <= at < self.exp


@dataclass(frozen=True, slots=True)
class ListedNoteKey:
    """A log or witness key with its life."""

    key: NoteKey
    nbf: datetime
    exp: datetime


@dataclass(frozen=True, slots=True)
class NoteKeys:
    """The name a log or witness signs under, and its keys."""

    name: str
    keys: tuple[ListedNoteKey, ...]

    @property
    def newest(self) -> NoteKey:
        """The key that begins last."""
        return max(self.keys, key=lambda listed: listed.nbf).key


@dataclass(frozen=True, slots=True)
class Served:
    """A place this body answers for, from one day until before another."""

    ags: Ags
    since: date
    until: date | None

    def covers(self, on: date) -> bool:
        """Whether the day lies inside; ``until`` is the first day that does not."""
        return self.since <= on and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True)
class Contact:
    """Where people of the body are reached; an office, never a person's private data."""

    office: str
    phone: str
    mail: str


@dataclass(frozen=True, slots=True)
class Member:
    """One body of the directory."""

    id: MemberId
    serial: int
    name: str
    admitted_on: date
    readmitted_on: date | None
    closed_on: date | None
    successor: MemberId | None
    serves: tuple[Served, ...]
    contact: Contact
    sig: tuple[ListedKey, ...]
    sheet: tuple[ListedKey, ...]
    log: NoteKeys
    witness: NoteKeys

    def is_open(self, on: date) -> bool:
        """Whether the body still takes new transfers on that day."""
        return self.closed_on is None or on < self.closed_on

    def public_keys(self) -> Iterator[tuple[Purpose, str, VerifyKey]]:
        """Every Ed25519 key of the record with its purpose and its name there."""
        for purpose, listed in ((Purpose.SIGN, self.sig), (Purpose.SHEET, self.sheet)):
            for entry in listed:
                yield purpose, entry.kid, entry.key
        for purpose, notes in (
            (Purpose.LOG, self.log),
            (Purpose.WITNESS, self.witness),
        ):
            for note in notes.keys:
                yield purpose, "", note.key.key

    def check_keys(self, proven: Container[VerifyKey] = ()) -> None:
        """Check what a record must show before it is believed for the first time.

        Args:
            proven: Keys whose order was checked before (``proven_keys``).

        Raises:
            SignatureError: A key is not of prime order (HO-97).
            RollbackError: One key or one key name stands twice in the record.
        """
        keys, names = set[bytes](), set[str]()
        for _, kid, key in self.public_keys():
            if key not in proven:
                key.check_enrolment()
            if key.raw in keys or kid in names:
                raise RollbackError("key with two purposes")
            keys.add(key.raw)
            names |= {kid} - {""}

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a record.

        Raises:
            MalformedMessageError: The schema is broken.
            DirectoryFileError: The body serves a place outside its scope (HO-96).
        """
        if len(data) > MAX_RECORD_BYTES:
            raise MalformedMessageError("record: too long")
        fields = Fields(strictjson.parse(data, depth=5, members=8_000), "record")
        fields.version()
        successor = fields.text_or_none("successor")
        member = cls(
            id=MemberId(fields.text("id")),
            serial=fields.number("serial", least=1),
            name=fields.text("name", most=120),
            admitted_on=fields.day("admitted_on"),
            readmitted_on=fields.day_or_none("readmitted_on"),
            closed_on=fields.day_or_none("closed_on"),
            successor=None if successor is None else MemberId(successor),
            serves=tuple(
                parse_served(place)
                for place in fields.inners("serves", most=MAX_PLACES)
            ),
            contact=parse_contact(fields.inner("contact")),
            sig=_parse_keys(fields, "sig"),
            sheet=_parse_keys(fields, "sheet"),
            log=_parse_notes(fields.inner("log"), "origin", ED25519),
            witness=_parse_notes(fields.inner("witness"), "name", COSIGNATURE),
        )
        fields.end()
        for place in member.serves:
            if not place.ags.startswith(member.id.scope):
                raise DirectoryFileError("place outside the member's scope")
        return member

    def encode(self) -> bytes:
        """The record as it is published."""
        return strictjson.encode(
            {
                "v": 1,
                "id": self.id,
                "serial": self.serial,
                "name": self.name,
                "admitted_on": day_text(self.admitted_on),
                "readmitted_on": day_text(self.readmitted_on),
                "closed_on": day_text(self.closed_on),
                "successor": self.successor,
                "serves": [
                    {
                        "ags": place.ags,
                        "from": day_text(place.since),
                        "until": day_text(place.until),
                    }
                    for place in self.serves
                ],
                "contact": encode_contact(self.contact),
                "sig": [_encode_key(entry) for entry in self.sig],
                "sheet": [_encode_key(entry) for entry in self.sheet],
                "log": {"origin": self.log.name, "vkeys": _encode_notes(self.log)},
                "witness": {
                    "name": self.witness.name,
                    "vkeys": _encode_notes(self.witness),
                },
            }
        )


def parse_served(fields: Fields) -> Served:
    """Read ``ags``, ``from`` and ``until`` of a place."""
    place = Served(
        Ags(fields.text("ags")), fields.day("from"), fields.day_or_none("until")
    )
    fields.end()
    return place


def parse_contact(fields: Fields) -> Contact:
    """Read office, phone and mail; each may be empty."""
    contact = Contact(
        office=fields.text("office", least=0),
        phone=fields.text("phone", least=0, most=64),
        mail=fields.text("mail", least=0),
    )
    fields.end()
    return contact


def encode_contact(contact: Contact) -> dict[str, str]:
    """The inverse of ``parse_contact``."""
    return {"office": contact.office, "phone": contact.phone, "mail": contact.mail}


def parse_vkey(text: str, type_: int) -> NoteKey:
    """Read a C2SP vkey of one type: a log's own key or a cosigner's.

    Raises:
        MalformedMessageError: Another form or type.
    """
    key = NoteKey.parse(text)
    if key.type != type_:
        raise MalformedMessageError("vkey: type")
    return key


def _parse_keys(fields: Fields, name: str) -> tuple[ListedKey, ...]:
    keys = []
    for entry in fields.inners(name, least=1, most=8):
        key = ListedKey(
            entry.kid("kid"),
            VerifyKey.parse(entry.text("pk")),
            entry.instant("nbf"),
            entry.instant("exp"),
        )
        entry.end()
        keys.append(key)
    return tuple(keys)


def _encode_key(entry: ListedKey) -> dict[str, str]:
    return {
        "kid": entry.kid,
        "pk": str(entry.key),
        "nbf": instant_text(entry.nbf),
        "exp": instant_text(entry.exp),
    }


def _parse_notes(fields: Fields, title: str, type_: int) -> NoteKeys:
    name = fields.text(title, most=255)
    if not name.isascii() or name != name.lower() or set(name) & set(" +"):
        raise MalformedMessageError(f"record.{title}")
    keys = []
    for entry in fields.inners("vkeys", least=1, most=8):
        key = parse_vkey(entry.text("vkey", most=512), type_)
        keys.append(ListedNoteKey(key, entry.instant("nbf"), entry.instant("exp")))
        entry.end()
        if key.name != name:
            raise MalformedMessageError("record.vkeys: other name")
    fields.end()
    return NoteKeys(name, tuple(keys))


def _encode_notes(notes: NoteKeys) -> list[dict[str, str]]:
    return [
        {
            "vkey": str(entry.key),
            "nbf": instant_text(entry.nbf),
            "exp": instant_text(entry.exp),
        }
        for entry in notes.keys
    ]
