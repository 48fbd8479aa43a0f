"""When a node's keys begin, are listed and end: decisions over its own key sheet.

Enters: the newest sheet of this node, what is in use, the instant. Leaves: what to do now.
Must never happen here: a sealing key that ends before its successor may be sealed to; a
key erased that an open transfer still needs, within its last day; a key name used twice.
Implements handover 12.1 and HO-110. Why these days: ADR 0040.

A sealing key lives 90 days from ``nbf`` and opens for 21 more. Its successor is made 21
days before it may no longer be sealed to, and begins 16 days later: two days for the
directory to list the sheet, then 14 days in which every peer sees it (HO-98 asks for 7).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from node.crypto.keys import SealingKey
from node.trust.keysheet import KemKey, KeySheet

KEM_LIFE: Final = timedelta(days=90)
KEM_OPEN: Final = timedelta(days=21)
KEM_LISTED: Final = timedelta(days=14)
KEM_LISTING: Final = timedelta(days=2)
KEM_AHEAD: Final = timedelta(days=21)
KEM_LAST: Final = timedelta(days=125)
_NUMBERED: Final = re.compile(r"[a-z]([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Due:
    """What the sealing keys of a node ask for now.

    Attributes:
        make: A new key is due.
        erase: Names of keys whose private part ends now.
    """

    make: bool
    erase: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether all stays as it is."""
        return not (self.make or self.erase)


def due(
    sheet: KeySheet,
    *,
    in_use: Collection[str],
    denied: Collection[str] = (),
    at: datetime,
) -> Due:
    """What is due at an instant.

    Args:
        sheet: The newest sheet of this node.
        in_use: Names of sealing keys that open inbound transfers were sealed to.
        denied: Names of those on the deny list: nobody seals to them, and a sheet that
            names one is refused (HO-97).
        at: Now.
    """
    last = max((e.seal_until for e in sheet.kem if e.kid not in denied), default=at)
    ended = [
        entry.kid
        for entry in sheet.kem
        if entry.kid in denied
        or (
            at >= entry.open_until
            and (entry.kid not in in_use or at >= entry.nbf + KEM_LAST)
        )
    ]
    return Due(make=at >= last - KEM_AHEAD, erase=tuple(ended))


def next_name(letter: str, names: Iterable[str]) -> str:
    """The name after the highest that was ever used, like ``k8`` after ``k7``."""
    matches = (_NUMBERED.fullmatch(name) for name in names if name.startswith(letter))
    numbers = [int(match[1]) for match in matches if match]
    return f"{letter}{max(numbers, default=0) + 1}"


def next_sheet(
    sheet: KeySheet,
    *,
    add: tuple[str, SealingKey] | None,
    drop: Collection[str],
    serial: int,
    at: datetime,
) -> KeySheet:
    """The sheet that follows.

    Args:
        sheet: The newest one.
        add: Name and public part of a new sealing key, which begins when every peer has
            seen it; at once if nothing else may be sealed to.
        drop: Names of keys that are erased.
        serial: The highest serial known of this node; the next one is taken.
        at: Now.
    """
    at = at.replace(microsecond=0)
    kept = tuple(entry for entry in sheet.kem if entry.kid not in drop)
    if add is not None:
        usable = any(entry.may_seal(at) for entry in kept)
        begins = at + KEM_LISTING + KEM_LISTED if usable else at
        kid, key = add
        ends = begins + KEM_LIFE
        kept = (*kept, KemKey(kid, key, begins, ends, ends + KEM_OPEN))
    return replace(sheet, serial=serial + 1, iat=at, kem=kept)
