"""Everything a directory ever accepted, and what follows from it.

Enters: files that were verified when they came. Leaves: records, sheets, routes and keys,
found by name. Must never happen here: a check, which belongs to ``renewal``; or a file
that is forgotten, since old signatures and the rule "no key under two owners" need all of
them (HO-97, HO-102). A ``Directory`` holds one and never changes it.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from typing import Final, Self

from node.crypto.jws import peek_kid
from node.ids import Ags, KeyId, MemberId
from node.trust.keysheet import KemKey, KeySheet, peek_sheet
from node.trust.member import ListedKey, Member, Purpose, Served
from node.trust.revocations import Revocations
from node.trust.routes import Routes

MANY: Final = 200_000  # values; a directory of ten thousand bodies has a million


@unique
class FileKind(StrEnum):
    """What a stored file is."""

    HEAD = "head"
    RECORD = "record"
    SHEET = "sheet"
    ROUTES = "routes"
    REVOCATIONS = "revocations"
    POLICY = "policy"


@contextmanager
def many_at_once() -> Iterator[None]:
    """While hundreds of thousands of values are made that stay until the next directory.

    None of them is part of a cycle, so counting references frees them when the next
    directory comes. The collector would walk through all of them again for every quarter
    more, now and for as long as the node runs: a pause for everybody who waits for a
    page. So it is told to leave them alone.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_count()[0] > MANY:
                # Once at a start or a first verification: garbage of that moment stays.
                gc.freeze()
            gc.enable()


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """One accepted file: a row of the store, unique by kind, name and serial.

    Attributes:
        kind: What it is.
        name: Member id, Kreis, AGS prefix, or empty.
        serial: Its serial; routes and the head have 0, there is one of each; policies are
            counted here.
        body: The bytes as they were published.
        first_seen_at: When this node first saw them (HO-98).
    """

    kind: FileKind
    name: str
    serial: int
    body: bytes
    first_seen_at: datetime

    @property
    def place(self) -> tuple[FileKind, str, int]:
        """What a later file of the same place replaces."""
        return self.kind, self.name, self.serial


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """A member record and when it came."""

    record: Member
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class SeenSheet:
    """A key sheet, whose sheet key signed it, and when it came."""

    sheet: KeySheet
    signer: KeyId
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class SeenPolicy:
    """A witness policy as published, empty once it is withdrawn, and when it came."""

    body: bytes
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a public key is, and for what."""

    member: MemberId
    purpose: Purpose


@dataclass(slots=True)
class Holdings:
    """The accepted files and the indexes over them.

    Attributes:
        files: All files by place.
        records: Per member, oldest first.
        sheets: Per member, oldest first.
        routes: Per Kreis.
        revocations: The newest list.
        retired_keys: Its keys, as ``owners`` knows them.
        retired_members: Its members.
        owners: Raw Ed25519 key, or SHA-256 of a sealing key, to its owner, for ever.
        named: Key id to what ``owners`` knows it by, for ever.
        spoken: Name of a log or witness to the member that first spoke under it, for ever.
        signers: Every statement key ever listed.
        kems: Every sealing key ever listed.
        serving: What the newest records say about a place, whatever the index says.
        policies: Per AGS prefix, every witness policy there was.
    """

    files: dict[tuple[FileKind, str, int], DirectoryFile] = field(default_factory=dict)
    records: dict[MemberId, tuple[SeenRecord, ...]] = field(default_factory=dict)
    sheets: dict[MemberId, tuple[SeenSheet, ...]] = field(default_factory=dict)
    routes: dict[str, Routes] = field(default_factory=dict)
    revocations: Revocations = field(default_factory=Revocations)
    retired_keys: frozenset[bytes] = frozenset()
    retired_members: frozenset[MemberId] = frozenset()
    owners: dict[bytes, Owner] = field(default_factory=dict)
    named: dict[KeyId, bytes] = field(default_factory=dict)
    spoken: dict[str, MemberId] = field(default_factory=dict)
    signers: dict[KeyId, ListedKey] = field(default_factory=dict)
    kems: dict[KeyId, KemKey] = field(default_factory=dict)
    serving: dict[Ags, tuple[tuple[Served, MemberId], ...]] = field(
        default_factory=dict
    )
    policies: dict[str, tuple[SeenPolicy, ...]] = field(default_factory=dict)

    def copy(self) -> Self:
        """A second one that can grow without the first."""
        return type(self)(
            files=dict(self.files),
            records=dict(self.records),
            sheets=dict(self.sheets),
            routes=dict(self.routes),
            revocations=self.revocations,
            retired_keys=self.retired_keys,
            retired_members=self.retired_members,
            owners=dict(self.owners),
            named=dict(self.named),
            spoken=dict(self.spoken),
            signers=dict(self.signers),
            kems=dict(self.kems),
            serving=dict(self.serving),
            policies=dict(self.policies),
        )

    @classmethod
    @many_at_once()
    def of(cls, files: Iterable[DirectoryFile]) -> Self:
        """Read files that were accepted before.

        Raises:
            MalformedMessageError: A file is none of ours.
        """
        holdings = cls()
        for file in sorted(files, key=lambda file: file.place):
            match file.kind:
                case FileKind.RECORD:
                    holdings.add_record(Member.parse(file.body), file)
                case FileKind.SHEET:
                    jws = file.body.decode("ascii", "replace")
                    holdings.add_sheet(
                        peek_sheet(jws), file, signer=KeyId(peek_kid(jws))
                    )
                case FileKind.ROUTES:
                    holdings.add_routes(Routes.parse(file.body), file)
                case FileKind.REVOCATIONS:
                    holdings.add_revocations(Revocations.parse(file.body), file)
                case FileKind.POLICY:
                    holdings.add_policy(file)
                case _:  # the head, which `Directory` reads
                    holdings.files[file.place] = file
        return holdings

    def record(self, member: MemberId) -> Member | None:
        """The newest record."""
        seen = self.records.get(member)
        return seen[-1].record if seen else None

    def sheet(self, member: MemberId) -> KeySheet | None:
        """The newest sheet."""
        seen = self.sheets.get(member)
        return seen[-1].sheet if seen else None

    def add_record(self, record: Member, file: DirectoryFile) -> None:
        """Keep a record as the newest of its member."""
        former = self.record(record.id)
        self.files[file.place] = file
        self.records[record.id] = (
            *self.records.get(record.id, ()),
            SeenRecord(record, file.first_seen_at),
        )
        for purpose, kid, key in record.public_keys():
            self.owners[key.raw] = Owner(record.id, purpose)
            if kid:
                self.named[KeyId(f"{record.id}#{kid}")] = key.raw
        for name in (record.log.name, record.witness.name):
            self.spoken.setdefault(name, record.id)
        for listed in record.sig:
            self.signers[KeyId(f"{record.id}#{listed.kid}")] = listed
        for place in former.serves if former else ():
            said = self.serving[place.ags]
            self.serving[place.ags] = tuple(
                (served, member) for served, member in said if member != record.id
            )
        for place in record.serves:
            said = self.serving.get(place.ags, ())
            self.serving[place.ags] = (*said, (place, record.id))

    def add_sheet(self, sheet: KeySheet, file: DirectoryFile, *, signer: KeyId) -> None:
        """Keep a sheet as the newest of its member."""
        self.files[file.place] = file
        self.sheets[sheet.iss] = (
            *self.sheets.get(sheet.iss, ()),
            SeenSheet(sheet, signer, file.first_seen_at),
        )
        for entry in sheet.kem:
            key_id = KeyId(f"{sheet.iss}#{entry.kid}")
            self.owners[entry.key.thumbprint] = Owner(sheet.iss, Purpose.SEAL)
            self.named[key_id] = entry.key.thumbprint
            self.kems[key_id] = entry

    def add_routes(self, routes: Routes, file: DirectoryFile) -> None:
        """Keep an index as the one of its Kreis."""
        self.files[file.place] = file
        self.routes[routes.kreis] = routes

    def add_policy(self, file: DirectoryFile) -> None:
        """Keep a policy as the newest of its prefix; an empty file withdraws it."""
        self.files[file.place] = file
        seen = SeenPolicy(file.body, file.first_seen_at)
        self.policies[file.name] = (*self.policies.get(file.name, ()), seen)

    def add_revocations(self, revocations: Revocations, file: DirectoryFile) -> None:
        """Keep the newest deny list."""
        self.files.pop(
            (FileKind.REVOCATIONS, "", self.revocations.serial), None
        )  # the newer list contains it
        self.files[file.place] = file
        self.revocations = revocations
        self.retired_keys = frozenset(entry.pk for entry in revocations.keys)
        self.retired_members = frozenset(entry.id for entry in revocations.members)
