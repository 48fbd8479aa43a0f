"""A node's keys over the years: made, listed, used, retired, erased, by themselves.

Enters: the keyring on disk, the own key sheet, the directory in force, the clock. Leaves: a
keyring that changed, a new sheet in ``outgoing/``, entries in the log. Must never happen: a
private key erased that an open transfer needs, within its last day; a sheet that names a
key whose private part is not on disk; a key signed with before the directory lists it.
Implements handover 12.1 (rotation, erasure), 11.4 (rotation), HO-98 (own entry watched).

One process does this at a time: the one that leads the worker. Order of each change: private
part on disk, entry in the log, sheet in the folder. Erasure: entry, private part, sheet.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from node.crypto.keys import Keyring, OpeningKey, SigningKey
from node.errors import ConfigError, UnknownNodeError
from node.federation.wholefile import write_whole
from node.ids import MemberId
from node.keycabinet import KeyCabinet
from node.store.runner import Store
from node.sync import inward
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft
from node.trust.admission import AdmissionRequest
from node.trust.directory import Directory
from node.trust.keylife import due, next_name, next_sheet
from node.trust.keysheet import KeySheet, Limits, peek_sheet, sign_sheet
from node.trust.member import ListedKey, Purpose
from node.trust.rotation import rotation_request
from node.trust.standing import has_foreign_sheet

SETTLED_AFTER: Final = timedelta(hours=24)
FOREIGN_SHEET: Final = "directory.foreign_sheet"
ADDED: Final = "key.added"
RETIRED: Final = "key.retired"
_Change = tuple[str, str, bytes]
"""Type of the entry, name of the key, SHA-256 of its public part."""


class KeyRoom:
    """The keys of one node; ``keep`` does what is due now."""

    def __init__(
        self,
        folder: Path,
        *,
        cabinet: KeyCabinet,
        store: Store,
        office: Office,
        url: str,
        relays: tuple[str, ...] = (),
    ) -> None:
        """Take the data folder, what the keys are used with, and where we are reached."""
        self._outgoing = folder / "outgoing"
        self._admission = folder / "admission.json"
        self._cabinet = cabinet
        self._store = store
        self._office = office
        # Who fetches from a relay has no address of its own (handover 10.5).
        self._url = "" if relays else url.rstrip("/") + "/"
        self._relays = tuple(relay.rstrip("/") + "/" for relay in relays)

    @property
    def place(self) -> Path:
        """Where the newest sheet lies, for the operator of the directory."""
        return self._outgoing / "keysheet.jws"

    def sheet_text(self) -> str | None:
        """The newest sheet as it is offered to the operator; at first that of the request.

        Raises:
            PeerError, TrustError: The request is damaged.
        """
        with suppress(FileNotFoundError):
            return self.place.read_text("ascii")
        with suppress(FileNotFoundError):
            return AdmissionRequest.parse(self._admission.read_bytes()).key_sheet
        return None

    def sheet(self) -> KeySheet:
        """The newest sheet this node made.

        Raises:
            ConfigError: Neither the folder, nor the directory, nor the first request has
                one.
        """
        text = self.sheet_text()
        found = [peek_sheet(text)] if text is not None else []
        directory = self._directory()
        at = self._office.clock.now()
        if directory is not None and not self._is_foreign(directory, at):
            with suppress(UnknownNodeError):
                found.append(directory.sheet(self._office.member))
        if not found:
            raise ConfigError("no key sheet: found the node or restore `outgoing/`")
        return max(found, key=lambda sheet: sheet.serial)

    def keep(self) -> None:
        """Do what is due: new sealing keys, ends of old ones, waiting keys put to use.

        Raises:
            NodeError: A file or the store did not take it; the next run goes on.
        """
        at = self._office.clock.now().replace(microsecond=0)
        self._watch(at)
        switched = self._switch(at)
        sheet = self.sheet()
        in_use = self._store.read_sync(_sealed_to)
        wanted = due(sheet, in_use=in_use, denied=self._denied(sheet), at=at)
        office = self._office
        limits = Limits(office.packet_bytes, office.document_bytes)
        told = (sheet.url, sheet.relays, sheet.limits)
        moved = told != (self._url, self._relays, limits)
        if not (switched or moved) and wanted.nothing:
            return
        added = self._make_kem(sheet) if wanted.make else None
        ended = {e.kid: e.key.thumbprint for e in sheet.kem if e.kid in wanted.erase}
        changes: list[_Change] = [(RETIRED, kid, pk) for kid, pk in ended.items()]
        if added is not None:
            changes.append((ADDED, added[0], added[1].public.thumbprint))
        # Crash here: a key without entry and sheet; the next run takes it up again.
        self._log(changes, at)
        # Crash here: the next run logs the same change a second time, and then does it.
        if ended:
            self._cabinet.change(lambda ring: _without(ring, set(ended)))
        new = next_sheet(
            replace(sheet, url=self._url, relays=self._relays, limits=limits),
            add=(added[0], added[1].public) if added else None,
            drop=ended,
            serial=self._highest_serial(sheet),
            at=at,
        )
        ring = self._cabinet()
        text = sign_sheet(new, ring.sheet, kid=ring.sheet_kid)
        write_whole(self.place, text.encode("ascii"))

    def prepare(self, use: Purpose) -> Path:
        """Make the next statement or sheet key, and the request for the registrar.

        A request that waits already is written again, with the same key.

        Raises:
            ConfigError: Another use than these two.
        """
        if use not in {Purpose.SIGN, Purpose.SHEET}:
            raise ConfigError("only `sig` and `sheet` are rotated by a request here")
        at = self._office.clock.now().replace(microsecond=0)
        letter = "s" if use is Purpose.SIGN else "h"
        seed = self._office.randomness(32)

        def add(ring: Keyring) -> Keyring:
            if use in ring.pending:
                return ring
            name = next_name(letter, self._names(ring))
            waiting = {**ring.pending, str(use): (name, SigningKey(seed))}
            return replace(ring, pending=waiting)

        ring = self._cabinet.change(add)
        kid, key = ring.pending[use]
        old = (ring.sign_kid, ring.sign)
        if use is Purpose.SHEET:
            old = (ring.sheet_kid, ring.sheet)
        request = rotation_request(
            ring.member, use, kid, str(key.public), signers=(old, (kid, key)), at=at
        )
        path = self._outgoing / f"rotation-{use}.json"
        write_whole(path, request)
        return path

    # Sealing keys.

    def _make_kem(self, sheet: KeySheet) -> tuple[str, OpeningKey]:
        """A new opening key on disk; one that a crash left without a sheet is used."""
        listed = {entry.kid for entry in sheet.kem}
        made = OpeningKey.generate(self._office.randomness)

        def add(ring: Keyring) -> Keyring:
            if ring.openings.keys() - listed:
                return ring
            name = next_name("k", self._names(ring))
            return replace(ring, openings={**ring.openings, name: made})

        ring = self._cabinet.change(add)
        kid = max(ring.openings.keys() - listed)
        return kid, ring.openings[kid]

    def _names(self, ring: Keyring) -> set[str]:
        """Every key name this member ever had: none is used twice (HO-97)."""
        names = {ring.sign_kid, ring.sheet_kid, *ring.openings}
        names |= {kid for kid, _ in ring.pending.values()}
        text = self.sheet_text()
        if text is not None:
            names |= {entry.kid for entry in peek_sheet(text).kem}
        directory = self._directory()
        if directory is not None:
            named = directory.holdings.named
            names |= {k.name for k in named if k.member == ring.member}
        return names

    def _denied(self, sheet: KeySheet) -> set[str]:
        directory = self._directory()
        denied = directory.holdings.retired_keys if directory else frozenset()
        return {entry.kid for entry in sheet.kem if entry.key.thumbprint in denied}

    def _highest_serial(self, sheet: KeySheet) -> int:
        directory = self._directory()
        listed = directory.holdings.sheet(self._office.member) if directory else None
        return max(sheet.serial, listed.serial if listed else 0)

    # Statement and sheet keys.

    def _switch(self, at: datetime) -> bool:
        """Use keys that wait and that everybody knows by now; whether one was put to use.

        The directory has listed the new key for a day, so that no peer meets it unknown;
        at once, if the former one does not work any more.
        """
        directory = self._directory()
        ring = self._cabinet()
        if directory is None or not ring.pending:
            return False
        ready = {
            use: named
            for use, named in ring.pending.items()
            if _is_listed(directory, ring, use, named=named, at=at)
        }
        if not ready:
            return False
        changes: list[_Change] = []
        for use, (kid, key) in sorted(ready.items()):
            former, public = ring.sign_kid, ring.sign.public
            if use == Purpose.SHEET:
                former, public = ring.sheet_kid, ring.sheet.public
            changes.append((ADDED, kid, hashlib.sha256(key.public.raw).digest()))
            changes.append((RETIRED, former, hashlib.sha256(public.raw).digest()))
        self._log(changes, at)
        # Crash here: the next run logs the same change a second time, and then does it.
        self._cabinet.change(lambda now: _promoted(now, ready))
        for use in ready:
            (self._outgoing / f"rotation-{use}.json").unlink(missing_ok=True)
        return True

    # The own entry, and the log.

    def _watch(self, at: datetime) -> None:
        """A sheet in our name that names a key which is not ours is an alarm (HO-98)."""
        directory = self._directory()
        if directory is not None:
            self._store.write_sync(_set_alarm, at, on=self._is_foreign(directory, at))

    def _is_foreign(self, directory: Directory, at: datetime) -> bool:
        return has_foreign_sheet(directory, self._cabinet(), at)

    def _directory(self) -> Directory | None:
        try:
            return self._office.directory()
        except UnknownNodeError:
            return None

    def _log(self, changes: list[_Change], at: datetime) -> None:
        if changes:
            self._store.write_sync(_enter, self._office.member, changes, at)


def refresh_and_keep(refresh: Callable[[], None], room: KeyRoom) -> None:
    """What the worker does every quarter of an hour: keys are due without news as well."""
    try:
        refresh()
    finally:
        room.keep()


def _is_listed(
    directory: Directory,
    ring: Keyring,
    use: str,
    *,
    named: tuple[str, SigningKey],
    at: datetime,
) -> bool:
    try:
        record = directory.member(ring.member)
    except UnknownNodeError:
        return False
    kid, key = named
    listed: tuple[ListedKey, ...] = record.sig
    former = ring.sign_kid, ring.sign
    if use == Purpose.SHEET:
        listed, former = record.sheet, (ring.sheet_kid, ring.sheet)
    if not any(e.kid == kid and e.key == key.public and e.is_valid(at) for e in listed):
        return False
    works = any(
        e.kid == former[0]
        and e.is_valid(at)
        and e.key.raw not in directory.holdings.retired_keys
        for e in listed
    )
    seen_at = min(
        seen.first_seen_at
        for seen in directory.holdings.records[ring.member]
        if kid in {e.kid for e in (*seen.record.sig, *seen.record.sheet)}
    )
    return not works or at >= seen_at + SETTLED_AFTER


def _promoted(ring: Keyring, ready: dict[str, tuple[str, SigningKey]]) -> Keyring:
    left = {use: named for use, named in ring.pending.items() if use not in ready}
    ring = replace(ring, pending=left)
    if Purpose.SIGN in ready:
        kid, key = ready[Purpose.SIGN]
        ring = replace(ring, sign_kid=kid, sign=key)
    if Purpose.SHEET in ready:
        kid, key = ready[Purpose.SHEET]
        ring = replace(ring, sheet_kid=kid, sheet=key)
    return ring


def _without(ring: Keyring, kids: set[str]) -> Keyring:
    kept = {kid: key for kid, key in ring.openings.items() if kid not in kids}
    return replace(ring, openings=kept)


def _sealed_to(uow: UnitOfWork) -> frozenset[str]:
    """Names of our sealing keys that open inbound transfers were sealed to."""
    with uow:
        ids = uow.inbound.in_states(inward.OPEN)
        return frozenset(inward.offer_of(uow.inbound.get(each)).kid for each in ids)


def _enter(
    uow: UnitOfWork, member: MemberId, changes: list[_Change], at: datetime
) -> None:
    with uow:
        for kind, kid, digest in changes:
            uow.log.append(
                EntryDraft(
                    type=kind,
                    at=at,
                    group=f"permanent:{at:%Y-%m}",
                    fields={"target": f"{member}#{kid}", "digest": digest.hex()},
                )
            )
        uow.commit()


def _set_alarm(uow: UnitOfWork, at: datetime, *, on: bool) -> None:
    with uow:
        if on:
            uow.tasks.add(
                FOREIGN_SHEET, at=at, for_role="administrator", codes=("sheet",)
            )
        else:
            uow.tasks.settle(FOREIGN_SHEET)
        uow.commit()
