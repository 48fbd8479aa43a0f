"""Who is responsible for a place on a day, and which keys speak for whom.

Enters: verified files (from ``renewal`` or from the store) and instants. Leaves: answers,
or one error of the directory. Must never happen here: a guess where two entries fit, a
retired key that works, a packet sealed by a directory that is too old. Implements
handover 11.3 (staleness), 11.5, 12.2; HO-97 (deny list), HO-98, HO-106, HO-107, HO-110.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Self

from node.crypto.checkpoint import NoteKey
from node.crypto.keys import VerifyKey
from node.errors import (
    DirectoryExpiredError,
    KeyRetiredError,
    MalformedMessageError,
    UnknownKeyError,
    UnknownNodeError,
)
from node.ids import Ags, KeyId, MemberId
from node.trust.head import REVOKER, Fault, Head
from node.trust.holdings import DirectoryFile, FileKind, Holdings
from node.trust.keysheet import KemKey, KeySheet
from node.trust.member import ListedKey, Member

WARN_AFTER: Final = timedelta(hours=24)
SHEET_WAIT: Final = timedelta(days=7)
READMISSION_WAIT: Final = timedelta(hours=72)
MAX_SUCCESSORS: Final = 8
POLICY_KEPT: Final = timedelta(days=7)
MOMENT: Final = timedelta(microseconds=1)


@unique
class Freshness(StrEnum):
    """How old the directory is (handover 11.3)."""

    FRESH = "fresh"
    WARN = "warn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """The directory as this node believes it; replaced as a whole, never changed."""

    head: Head
    refreshed_at: datetime
    holdings: Holdings
    _listed: list[tuple[Member, ...]] = field(init=False, default_factory=list)

    # From and to the store.

    @classmethod
    def decode(cls, files: Iterable[DirectoryFile]) -> Self:
        """Put together what ``files`` gave; nothing is verified again.

        Raises:
            MalformedMessageError: The head is missing, or a file is none of ours.
        """
        holdings = Holdings.of(files)
        head = holdings.files.get((FileKind.HEAD, "", 0))
        if head is None:
            raise MalformedMessageError("directory: no head")
        return cls(Head.parse(head.body), head.first_seen_at, holdings)

    def with_head(self, head: Head, at: datetime) -> Self:
        """The same content under newer metadata."""
        holdings = replace(self.holdings, files=dict(self.holdings.files))
        file = DirectoryFile(FileKind.HEAD, "", 0, head.encode(), at)
        holdings.files[file.place] = file
        return replace(self, head=head, refreshed_at=at, holdings=holdings)

    @property
    def files(self) -> tuple[DirectoryFile, ...]:
        """All that the store keeps: one row each, replaced by kind, name and serial."""
        return tuple(self.holdings.files.values())

    # Age.

    @property
    def timestamp_version(self) -> int:
        """``dir`` of statements and requests (handover 7.1)."""
        return self.head.timestamp

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The alarms of the last refresh."""
        return self.head.faults

    def stale(self, at: datetime) -> Freshness:
        """How old the directory is at an instant.

        A role of one Kreis that has ended stops new packets to its members only; that
        is ``sealing_key``'s business.
        """
        if at >= self.head.expires_at or at >= self.head.end_of(REVOKER):
            return Freshness.EXPIRED
        return (
            Freshness.WARN if at - self.head.signed_at > WARN_AFTER else Freshness.FRESH
        )

    # Members and routes.

    def members(self) -> tuple[Member, ...]:
        """The newest record of everybody, by id."""
        if not self._listed:
            records = sorted(self.holdings.records.items())
            self._listed.append(tuple(seen[-1].record for _, seen in records))
        return self._listed[0]

    def member(self, member: MemberId) -> Member:
        """The newest record of a body, also of a closed or retired one.

        Raises:
            UnknownNodeError: No such member.
        """
        record = self.holdings.record(member)
        if record is None:
            raise UnknownNodeError("no such member")
        return record

    def is_retired(self, member: MemberId) -> bool:
        """Whether the revoker has struck the whole body off."""
        return member in self.holdings.retired_members

    def route(self, ags: Ags, on: date) -> MemberId | None:
        """The body responsible for a place on a day, or none: a task, never a guess.

        Exactly one line of the index and exactly one record must fit, and both must say
        the same (HO-107); a closed record hands on to its successor (11.5).
        """
        routes = self.holdings.routes.get(ags.kreis)
        lines = routes.at(ags, on) if routes else []
        said = [s for s in self.holdings.serving.get(ags, ()) if s[0].covers(on)]
        if [(line.place, line.member) for line in lines] != said or len(said) != 1:
            return None
        member: MemberId | None = said[0][1]
        for _ in range(MAX_SUCCESSORS):
            record = None if member is None else self.holdings.record(member)
            if record is None or self.is_retired(record.id):
                return None
            if record.is_open(on):
                return record.id
            member = record.successor
        return None

    # Witness policies.

    def policy_for(self, scope: str, at: datetime) -> tuple[str, bytes]:
        """The witness policy in force for a body at an instant (exchange-log 5.2).

        Args:
            scope: The AGS prefix of the body's id; the longest prefix of it wins.
            at: As this node saw the directory then.

        Returns:
            The prefix and the file; both empty where the built-in policy holds.
        """
        for length in range(len(scope), 0, -1):
            seen = self.holdings.policies.get(scope[:length], ())
            body = next((p.body for p in reversed(seen) if p.first_seen_at <= at), b"")
            if body:
                return scope[:length], body
        return "", b""

    def policies_for(self, scope: str, at: datetime) -> tuple[bytes, ...]:
        """The policy in force and those that were within the last 7 days (LR-21).

        What came with the very first refresh replaced nothing that we ever believed.
        """
        changes = [
            seen.first_seen_at
            for length in range(1, len(scope) + 1)
            for seen in self.holdings.policies.get(scope[:length], ())
            if at - POLICY_KEPT < seen.first_seen_at <= at
        ]
        began = min(f.first_seen_at for f in self.files if f.serial) if changes else at
        found = [self.policy_for(scope, at)[1]]
        changes = sorted((c for c in changes if c > began), reverse=True)
        found += [self.policy_for(scope, c - MOMENT)[1] for c in changes]
        return tuple(dict.fromkeys(found))

    # Keys.

    def sign_key(self, key_id: KeyId, at: datetime | None = None) -> VerifyKey:
        """The statement key of that id, for something that arrives now (HO-41).

        Args:
            key_id: ``<member>#<key>``.
            at: The instant the signature claims; the key must be valid then. None asks
                only whether the key is listed and not retired.

        Raises:
            UnknownKeyError: Not listed here, or not valid yet; we may be behind (HO-71).
            KeyRetiredError: The key or its owner is retired, dropped or past its life.
        """
        listed = self.holdings.signers.get(key_id)
        if listed is None:
            raise UnknownKeyError("key not listed")
        if (
            self._is_denied(key_id, listed.key.raw)
            or listed not in self.member(key_id.member).sig
        ):
            raise KeyRetiredError("key retired")
        if at is not None and at < listed.nbf:
            raise UnknownKeyError("key not valid yet")
        if at is not None and at >= listed.exp:
            raise KeyRetiredError("key past its life")
        return listed.key

    def manifest_key(self, key_id: KeyId, at: datetime) -> VerifyKey:
        """The statement key that was valid at an instant, even if retired since.

        For what something else vouches for: a granted container, a signature under a
        checkpoint that was seen before (HO-41, handover 8.6).

        Raises:
            UnknownKeyError: Never listed, or not valid then.
        """
        listed = self.holdings.signers.get(key_id)
        if listed is None or not listed.is_valid(at):
            raise UnknownKeyError("key not listed for that instant")
        return listed.key

    def log_key(self, member: MemberId) -> NoteKey:
        """The key that signs the member's checkpoints; its name is the origin.

        Raises:
            UnknownNodeError: No such member.
            KeyRetiredError: The body or the key is retired.
        """
        return self._note_key(member, self.member(member).log.newest)

    def witness_key(self, member: MemberId) -> NoteKey:
        """The key that cosigns for the member.

        Raises:
            UnknownNodeError: No such member.
            KeyRetiredError: The body or the key is retired.
        """
        return self._note_key(member, self.member(member).witness.newest)

    def sheet(self, member: MemberId) -> KeySheet:
        """The newest sheet: address, limits and versions count at once.

        Raises:
            UnknownNodeError: No such member, or it has no sheet yet.
        """
        sheet = self.holdings.sheet(member)
        if sheet is None:
            raise UnknownNodeError("no key sheet")
        return sheet

    def sheet_text(self, member: MemberId) -> str:
        """The newest sheet as it is published: a node compares its own (HO-98).

        Raises:
            UnknownNodeError: As ``sheet``.
        """
        serial = self.sheet(member).serial
        return self.holdings.files[FileKind.SHEET, member, serial].body.decode("ascii")

    def kem_key(self, key_id: KeyId) -> KemKey:
        """A sealing key ever listed, so that a grant meets its container's key.

        Raises:
            UnknownKeyError: Never listed.
            KeyRetiredError: The key or its owner is retired, every statement key of the
                owner is, or the owner was admitted again since and lost it (11.4).
        """
        kem = self.holdings.kems.get(key_id)
        if kem is None:
            raise UnknownKeyError("sealing key not listed")
        if self._is_denied(key_id, kem.key.thumbprint):
            raise KeyRetiredError("sealing key retired")
        record = self.member(key_id.member)
        if all(self._is_denied_sign(record.id, listed) for listed in record.sig):
            raise KeyRetiredError("nobody may ask for this key")
        if self._is_lost(record, key_id.name):
            raise KeyRetiredError("key from before the re-admission")
        return kem

    def sealing_key(self, member: MemberId, at: datetime) -> KemKey:
        """The key to seal a new container to: fresh enough by handover 12.2.

        Raises:
            DirectoryExpiredError: The directory, or a role on the member's path, is too
                old.
            UnknownNodeError: No such member.
            KeyRetiredError: The body is closed or retired, or none of its statement
                keys is valid now.
            UnknownKeyError: No sealing key that has waited long enough and is in its
                time (HO-98, HO-110).
        """
        if self.stale(at) is Freshness.EXPIRED or at >= self.head.path_end(member):
            raise DirectoryExpiredError("directory expired")
        record = self.member(member)
        speaking = [
            listed
            for listed in record.sig
            if listed.is_valid(at) and not self._is_denied_sign(member, listed)
        ]
        if not speaking or not record.is_open(at.date()):
            raise KeyRetiredError("member closed or retired")
        sheet = self._sheet_in_force(record, at)
        usable = [
            entry
            for entry in (sheet.kem if sheet else ())
            if entry.may_seal(at)
            and not self._is_denied(
                KeyId(f"{member}#{entry.kid}"), entry.key.thumbprint
            )
        ]
        if not usable:
            raise UnknownKeyError("no sealing key in its time")
        return max(usable, key=lambda entry: entry.nbf)

    def voice(
        self, member: MemberId, at: datetime
    ) -> tuple[ListedKey, datetime] | None:
        """The newest statement key that speaks for a member, and since when we know it.

        None if no key of it is valid: the body is retired, or has not been set up.
        """
        record = self.member(member)
        valid = [
            listed
            for listed in record.sig
            if listed.is_valid(at) and not self._is_denied_sign(member, listed)
        ]
        if not valid:
            return None
        newest = max(valid, key=lambda listed: listed.nbf)
        since = min(
            seen.first_seen_at
            for seen in self.holdings.records[member]
            if any(known.key.raw == newest.key.raw for known in seen.record.sig)
        )
        return newest, since

    def _sheet_in_force(self, record: Member, at: datetime) -> KeySheet | None:
        """The newest sheet that has waited long enough since this node first saw it.

        The first sheet of a member serves at once, a changed one after 7 days (HO-98).
        After a re-admission nothing older counts, and the first one waits 72 h (11.4).
        """
        since = self._readmitted_at(record)
        sheets = [
            seen
            for seen in self.holdings.sheets.get(record.id, ())
            if (since is None or seen.first_seen_at >= since)
            and not self._is_denied(seen.signer, self.holdings.named[seen.signer])
        ]
        first_wait = timedelta() if since is None else READMISSION_WAIT
        for position, seen in reversed(list(enumerate(sheets))):
            wait = SHEET_WAIT if position else first_wait
            if seen.first_seen_at + wait <= at:
                return seen.sheet
        return None

    def _readmitted_at(self, record: Member) -> datetime | None:
        """When this node first saw the present re-admission, if there was one."""
        if record.readmitted_on is None:
            return None
        return min(
            seen.first_seen_at
            for seen in self.holdings.records[record.id]
            if seen.record.readmitted_on == record.readmitted_on
        )

    def readmitted(self, member: MemberId, at: datetime) -> bool:
        """Whether the body came back with new keys less than 72 h ago, as we saw it."""
        since = self._readmitted_at(self.member(member))
        return since is not None and at < since + READMISSION_WAIT

    def _is_lost(self, record: Member, kid: str) -> bool:
        """Whether a sealing key stood only on sheets from before a re-admission."""
        since = self._readmitted_at(record)
        return since is not None and not any(
            entry.kid == kid
            for seen in self.holdings.sheets.get(record.id, ())
            if seen.first_seen_at >= since
            for entry in seen.sheet.kem
        )

    def _is_denied_sign(self, member: MemberId, listed: ListedKey) -> bool:
        return self._is_denied(KeyId(f"{member}#{listed.kid}"), listed.key.raw)

    def _note_key(self, member: MemberId, key: NoteKey) -> NoteKey:
        if self.is_retired(member) or key.key.raw in self.holdings.retired_keys:
            raise KeyRetiredError("log or witness key retired")
        return key

    def _is_denied(self, key_id: KeyId, key: bytes) -> bool:
        return self.is_retired(key_id.member) or key in self.holdings.retired_keys
