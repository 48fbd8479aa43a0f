"""The next directory from the last one and the files of a refresh.

Enters: the previous ``Directory`` and files that the metadata vouches for. Leaves: a new
``Directory`` with the faults of this refresh. Must never happen here: a fault of one
member keeping the news of all others away, since members write their sheets themselves;
or a directory that goes back. Implements HO-96, HO-97, HO-98 (signature), HO-102.

The checks of a record (R), a sheet (S) and an index (I):
1. It is what its path says, and not older than what we have; equal serial, equal bytes.
2. R: no place outside the scope. I: no place outside the Kreis. (In their parsers.)
3. S: signed by a ``sheet`` key of the record we believe.
4. Every key is sound, was never seen under another member or purpose, is not retired,
   and keeps its name; a statement key that was dropped does not come back (HO-106).
"""

from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from node.crypto.jws import peek_kid
from node.crypto.keys import VerifyKey, proven_keys
from node.errors import (
    DirectoryFileError,
    KeyRetiredError,
    PeerError,
    RollbackError,
    TrustError,
)
from node.ids import KeyId, MemberId
from node.trust.directory import Directory
from node.trust.head import MAX_FAULTS, Fault, Head
from node.trust.holdings import DirectoryFile, FileKind, Holdings, Owner
from node.trust.keysheet import KeySheet, open_sheet
from node.trust.member import Member, Purpose
from node.trust.publishedkeys import PUBLISHED_KEYS
from node.trust.revocations import Revocations
from node.trust.routes import Routes

REVOCATIONS_PATH: Final = "revocations.json"
FEW_KEYS: Final = 100  # not worth two threads


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one refresh brought: files the metadata vouches for, still unread.

    Attributes:
        head: The metadata's versions and instants; its faults are those of fetching.
        revocations: ``revocations.json``, if there is one.
        routes: Per Kreis.
        records: Per member id, as the path says.
        sheets: Per member id, as the path says.
        policies: Per AGS prefix; who put them here has read them.
    """

    head: Head
    revocations: bytes | None = None
    routes: Mapping[str, bytes] = field(default_factory=dict)
    records: Mapping[MemberId, bytes] = field(default_factory=dict)
    sheets: Mapping[MemberId, bytes] = field(default_factory=dict)
    policies: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Records:
    """Records that differ from ours, read before the first is judged.

    Attributes:
        parsed: Those that could be read; of the others the error is told in their turn.
        proven: Their keys that are of prime order, the costliest check of all.
    """

    parsed: Mapping[MemberId, Member]
    proven: frozenset[VerifyKey]

    @classmethod
    def read(cls, holdings: Holdings, records: Mapping[MemberId, bytes]) -> Self:
        parsed = dict[MemberId, Member]()
        for member, data in records.items():
            if not _is_same_record(holdings, member, data):
                with suppress(TrustError, PeerError):
                    parsed[member] = Member.parse(data)
        keys = [k for record in parsed.values() for _, _, k in record.public_keys()]
        return cls(parsed, proven_keys(keys) if len(keys) > FEW_KEYS else frozenset())


def renew(previous: Directory | None, fetched: Fetched, at: datetime) -> Directory:
    """The next directory.

    A file that fails is a ``Fault`` of the result, and the last good one stays.

    Raises:
        RollbackError: The metadata or the deny list went back; the previous directory
            stays in force.
        MalformedMessageError: The deny list is broken.
    """
    holdings = previous.holdings.copy() if previous else Holdings()
    if previous:
        check_progress(previous.head, fetched.head)
    faults = list(fetched.head.faults)
    # The deny list comes first: what it names must not be accepted below.
    if fetched.revocations is not None:
        _take_revocations(holdings, fetched.revocations, at)
    news = _Records.read(holdings, fetched.records)
    for member, data in sorted(fetched.records.items()):
        try:
            _take_record(holdings, member, data, news=news, at=at)
        except (TrustError, PeerError) as error:
            faults.append(Fault(record_path(member), error.code, str(error)))
    for member, data in sorted(fetched.sheets.items()):
        try:
            _take_sheet(holdings, member, data, at=at)
        except (TrustError, PeerError) as error:
            faults.append(Fault(sheet_path(member), error.code, str(error)))
    for kreis, data in sorted(fetched.routes.items()):
        try:
            _take_routes(holdings, kreis, data, at=at)
        except (TrustError, PeerError) as error:
            faults.append(Fault(routes_path(kreis), error.code, str(error)))
    _take_policies(holdings, fetched, at)
    head = replace(fetched.head, faults=tuple(faults[:MAX_FAULTS]))
    return Directory(head, at, holdings).with_head(head, at)


def check_progress(old: Head, new: Head) -> None:
    """Check that metadata goes on, also if the updater's folder was lost.

    A newer root may start the other versions anew: it is how a federation recovers from
    a stolen timestamp key that was used to run far ahead.

    Raises:
        RollbackError: A version or the signing instant falls.
    """
    fell = (
        new.timestamp < old.timestamp
        or new.snapshot < old.snapshot
        or new.signed_at < old.signed_at
    )
    if new.root < old.root or (new.root == old.root and fell):
        raise RollbackError("directory went back")


def record_path(member: MemberId) -> str:
    """Where a member record lies."""
    return f"members/{member}.json"


def sheet_path(member: MemberId) -> str:
    """Where a key sheet lies."""
    return f"keys/{member}.jws"


def routes_path(kreis: str) -> str:
    """Where the index of a Kreis lies."""
    return f"routes/{kreis}.json"


def policy_path(prefix: str) -> str:
    """Where the witness policy of an AGS prefix lies."""
    return f"policy/{prefix}"


def check_record(
    holdings: Holdings, record: Member, *, proven: Container[VerifyKey] = ()
) -> None:
    """Check the keys and the names of logs of a record that would come next.

    Args:
        holdings: What was accepted before.
        record: The record.
        proven: Keys whose order was checked before.

    Raises:
        SignatureError: A key is not of prime order.
        RollbackError: A key has another owner, purpose or name, or comes back; a log or
            witness speaks under the name of another member's.
        KeyRetiredError: A key is on the deny list.
    """
    record.check_keys(proven)
    for name in (record.log.name, record.witness.name):
        if holdings.spoken.get(name, record.id) != record.id:
            raise RollbackError("log or witness name of another member")
    former = holdings.record(record.id)
    kept = {key.raw for _, _, key in former.public_keys()} if former else set()
    for purpose, kid, key in record.public_keys():
        _check_key(holdings, key.raw, Owner(record.id, purpose), kid=kid)
        if key.raw in holdings.owners and key.raw not in kept:
            raise RollbackError("a dropped key came back")


def check_sheet(holdings: Holdings, sheet: KeySheet) -> None:
    """Check the keys of a sheet that would come next.

    Raises:
        SignatureError: A key fails the modulus check.
        MalformedMessageError: A key stands twice.
        RollbackError: A key has another owner, purpose or name.
        KeyRetiredError: A key is on the deny list.
    """
    sheet.check_keys()
    owner = Owner(sheet.iss, Purpose.SEAL)
    for entry in sheet.kem:
        _check_key(holdings, entry.key.thumbprint, owner, kid=entry.kid)


def _check_key(holdings: Holdings, key: bytes, owner: Owner, *, kid: str) -> None:
    if holdings.owners.get(key, owner) != owner:
        raise RollbackError("key seen under another member or purpose")
    if kid and holdings.named.get(KeyId(f"{owner.member}#{kid}"), key) != key:
        raise RollbackError("key name moved to another key")
    if key in holdings.retired_keys:
        raise KeyRetiredError("key on the deny list")
    if key in PUBLISHED_KEYS:
        # SR-S5: its private part is public.
        raise KeyRetiredError("key from the repository")


def _is_same(
    holdings: Holdings, kind: FileKind, name: str, *, serial: int | None, data: bytes
) -> bool:
    """Whether these are the bytes we have; they were checked when they came."""
    if serial is None:
        return False
    held = holdings.files.get((kind, name, serial))
    return held is not None and held.body == data


def _check_serial(serial: int, newest: int | None) -> None:
    """Check that a file with other bytes than ours is newer.

    Raises:
        RollbackError: Its serial falls, or stays with other bytes.
    """
    if newest is not None and serial < newest:
        raise RollbackError("serial falls")
    if newest is not None and serial == newest:
        raise RollbackError("same serial, other bytes")


def _take_revocations(holdings: Holdings, data: bytes, at: datetime) -> None:
    new = Revocations.parse(data)
    holdings.revocations.check_successor(new)
    if new != holdings.revocations:
        file = DirectoryFile(FileKind.REVOCATIONS, "", new.serial, data, at)
        holdings.add_revocations(new, file)


def _is_same_record(holdings: Holdings, member: MemberId, data: bytes) -> bool:
    former = holdings.record(member)
    newest = former.serial if former else None
    return _is_same(holdings, FileKind.RECORD, member, serial=newest, data=data)


def _take_record(
    holdings: Holdings, member: MemberId, data: bytes, *, news: _Records, at: datetime
) -> None:
    if _is_same_record(holdings, member, data):
        return
    record = news.parsed.get(member) or Member.parse(data)
    if record.id != member:
        raise DirectoryFileError("id differs from the path")
    file = DirectoryFile(FileKind.RECORD, record.id, record.serial, data, at)
    former = holdings.record(member)
    _check_serial(record.serial, former.serial if former else None)
    check_record(holdings, record, proven=news.proven)
    holdings.add_record(record, file)


def _take_sheet(
    holdings: Holdings, member: MemberId, data: bytes, *, at: datetime
) -> None:
    former = holdings.sheet(member)
    newest = former.serial if former else None
    if _is_same(holdings, FileKind.SHEET, member, serial=newest, data=data):
        return
    record = holdings.record(member)
    if record is None:
        raise DirectoryFileError("sheet without a record")
    jws = data.decode("ascii", "replace")
    sheet = open_sheet(jws, record)
    signer = KeyId(peek_kid(jws))
    if holdings.named[signer] in holdings.retired_keys:
        raise KeyRetiredError("sheet key on the deny list")
    file = DirectoryFile(FileKind.SHEET, sheet.iss, sheet.serial, data, at)
    _check_serial(sheet.serial, newest)
    check_sheet(holdings, sheet)
    holdings.add_sheet(sheet, file, signer=signer)


def _take_routes(holdings: Holdings, kreis: str, data: bytes, *, at: datetime) -> None:
    if _is_same(holdings, FileKind.ROUTES, kreis, serial=0, data=data):
        return
    routes = Routes.parse(data)
    if routes.kreis != kreis:
        raise DirectoryFileError("Kreis differs from the path")
    holdings.add_routes(routes, DirectoryFile(FileKind.ROUTES, kreis, 0, data, at))


def _take_policies(holdings: Holdings, fetched: Fetched, at: datetime) -> None:
    """Keep what changed. A policy that is listed no more is withdrawn, not forgotten.

    A refresh that lacks files (its mark is empty) withdraws nothing.
    """
    listed = dict(fetched.policies)
    if fetched.head.mark:
        listed = dict.fromkeys(holdings.policies, b"") | listed
    for prefix, body in sorted(listed.items()):
        seen = holdings.policies.get(prefix, ())
        if body != (seen[-1].body if seen else b""):
            serial = len(seen) + 1
            file = DirectoryFile(FileKind.POLICY, prefix, serial, body, at)
            holdings.add_policy(file)
