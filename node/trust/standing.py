"""How a node stands in its directory, check by check: what is right and what must be done.

Enters: the directory in force, the own keys, the own newest sheet, the instant. Leaves:
findings by name. Must never happen here: a check that stops the others. The words for
people stand where they are told. Implements handover 11.3, 11.4 and the member's part of
HO-98 (a node watches its own entry).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.crypto.keys import Keyring
from node.errors import NodeError
from node.trust.directory import Directory, Freshness
from node.trust.keylife import KEM_AHEAD, KEM_LISTED
from node.trust.keysheet import KeySheet
from node.trust.member import ListedKey, Member

ROTATE_WITHIN: Final = timedelta(days=60)


@unique
class Item(StrEnum):
    """What is looked at."""

    FRESH = "fresh"
    FAULTS = "faults"
    LISTED = "listed"
    PLACES = "places"
    SIGN_KEY = "sign_key"
    SHEET_KEY = "sheet_key"
    NOTE_KEYS = "note_keys"
    OWN_SHEET = "own_sheet"
    FOREIGN_SHEET = "foreign_sheet"
    SEALING_KEY = "sealing_key"
    RETIRED = "retired"


@unique
class Level(StrEnum):
    """How it is: good; to be done; not working; somebody else's hand in it."""

    OK = "ok"
    DUE = "due"
    FAULT = "fault"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Standing:
    """One check, with an instant or a number for its sentence."""

    item: Item
    level: Level
    at: datetime | None = None
    count: int = 0


def examine(
    directory: Directory, ring: Keyring, sheet: KeySheet | None, *, at: datetime
) -> list[Standing]:
    """Every check, in the order in which one is cured before the next.

    Args:
        directory: The one in force.
        ring: Our keys.
        sheet: The newest key sheet we made, if there is one.
        at: Now.
    """
    found = [_fresh(directory, at)]
    faults = len(directory.faults)
    found.append(Standing(Item.FAULTS, Level.DUE if faults else Level.OK, count=faults))
    record = directory.holdings.record(ring.member)
    if record is None:
        return [*found, Standing(Item.LISTED, Level.DUE)]
    found.append(Standing(Item.LISTED, Level.OK, count=record.serial))
    found += _of_record(directory, ring, record, at)
    found += _of_sheet(directory, ring, sheet, at)
    return found


def has_foreign_sheet(directory: Directory, ring: Keyring, at: datetime) -> bool:
    """Whether the listed sheet of ours names a living sealing key that is not ours."""
    listed = directory.holdings.sheet(ring.member)
    return listed is not None and any(
        entry.open_until > at
        and (
            entry.kid not in ring.openings
            or ring.openings[entry.kid].public != entry.key
        )
        for entry in listed.kem
    )


def _fresh(directory: Directory, at: datetime) -> Standing:
    level = {
        Freshness.FRESH: Level.OK,
        Freshness.WARN: Level.DUE,
        Freshness.EXPIRED: Level.FAULT,
    }[directory.stale(at)]
    return Standing(Item.FRESH, level, at=directory.head.signed_at)


def _of_record(
    directory: Directory, ring: Keyring, record: Member, at: datetime
) -> Iterator[Standing]:
    served = [place for place in record.serves if place.covers(at.date())]
    routed = [p for p in served if directory.route(p.ags, at.date()) == record.id]
    fits = bool(served) and len(routed) == len(served)
    yield Standing(Item.PLACES, Level.OK if fits else Level.FAULT, count=len(routed))
    denied = directory.holdings.retired_keys
    mine = {
        ring.sign.public.raw,
        ring.sheet.public.raw,
        ring.log.public.raw,
        ring.witness.public.raw,
        *(key.public.thumbprint for key in ring.openings.values()),
    }
    if directory.is_retired(record.id) or mine & denied:
        yield Standing(Item.RETIRED, Level.ALARM, count=len(mine & denied))
    yield _key(Item.SIGN_KEY, record.sig, ring.sign_kid, ring.sign.public.raw, at)
    yield _key(Item.SHEET_KEY, record.sheet, ring.sheet_kid, ring.sheet.public.raw, at)
    notes = {e.key.key.raw for e in (*record.log.keys, *record.witness.keys)}
    same = {ring.log.public.raw, ring.witness.public.raw} <= notes
    yield Standing(Item.NOTE_KEYS, Level.OK if same else Level.FAULT)


def _key(
    item: Item, keys: tuple[ListedKey, ...], kid: str, raw: bytes, at: datetime
) -> Standing:
    listed = next((e for e in keys if e.kid == kid and e.key.raw == raw), None)
    if listed is None or not listed.is_valid(at):
        return Standing(item, Level.FAULT, at=listed.exp if listed else None)
    soon = listed.exp - at < ROTATE_WITHIN
    return Standing(item, Level.DUE if soon else Level.OK, at=listed.exp)


def _of_sheet(
    directory: Directory, ring: Keyring, sheet: KeySheet | None, at: datetime
) -> Iterator[Standing]:
    listed = directory.holdings.sheet(ring.member)
    if has_foreign_sheet(directory, ring, at):
        yield Standing(Item.FOREIGN_SHEET, Level.ALARM)
    behind = sheet is not None and (listed is None or listed.serial < sheet.serial)
    yield Standing(
        Item.OWN_SHEET,
        Level.DUE if behind or listed is None else Level.OK,
        count=listed.serial if listed else 0,
    )
    try:
        kem = directory.sealing_key(ring.member, at)
    except NodeError:
        yield Standing(Item.SEALING_KEY, Level.FAULT)
        return
    last = max(e.seal_until for e in listed.kem) if listed else kem.seal_until
    late = last - at < KEM_AHEAD - KEM_LISTED
    yield Standing(Item.SEALING_KEY, Level.DUE if late else Level.OK, at=last)
