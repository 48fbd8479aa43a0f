"""Signing in rounds: holders of keys come one after the other, each with their own stick.

Enters: drafts that ``registry`` left beside the published folder, the keys of one holder.
Leaves: drafts with one signature more, or the whole change published. Must never happen: a
signature under what the holder was not shown; a part of a change published; an old draft
published over something newer. Implements handover 11.1 and 11.4 (two registrars sign).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from pathlib import Path

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from node.errors import ConfigError
from node.federation.registry import Registry, children
from node.federation.repository import Draft, SignedRole


@unique
class Outcome(StrEnum):
    """How far a change is."""

    WAITING = "waiting"
    COMPLETE = "complete"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One draft, as holders are shown it.

    Attributes:
        role: Whose metadata it is.
        version: Its version.
        signatures: How many keys have signed.
        threshold: How many must.
        expires_at: When it ends.
        changes: What it changes, one line each: ``+`` new, ``~`` changed, ``-`` gone, then
            a file, a role or a key.
    """

    role: str
    version: int
    signatures: int
    threshold: int
    expires_at: datetime
    changes: tuple[str, ...]


def waiting(folder: Path, keys: Sequence[Path] = ()) -> list[Waiting]:
    """What waits for signatures; needs no keys.

    Raises:
        ConfigError: A draft cannot be read, or the published folder went on without it.
    """
    registry = Registry(folder, keys)
    return [told for told, _ in _each(registry)]


def sign_drafts(folder: Path, keys: Sequence[Path], *, at: datetime) -> Outcome:
    """Add the signatures of the keys at hand; publish when every draft has enough.

    Args:
        folder: The published folder.
        keys: The key folder of the holder who is here now, or several; the online keys
            of snapshot and timestamp too, if it shall be published at once.
        at: Now.

    Returns:
        Waiting for more holders; complete, so that the next ``publish`` of the operator
        makes it visible; or published, since the online keys were at hand.

    Raises:
        ConfigError: Nothing waits, none of the keys belongs here, or a draft is too old.
    """
    registry = Registry(folder, keys)
    drafts = list(_each(registry))
    if not drafts:
        raise ConfigError("nothing waits for signatures")
    before = sum(told.signatures for told, _ in _each(Registry(folder, ())))
    signed = [one for _, one in drafts]
    if sum(one.signatures for one in signed) == before:
        raise ConfigError("no new signature: these keys belong to none of the drafts")
    for one in signed:
        registry.repository.keep_draft(one)
    if not all(one.is_complete for one in signed):
        return Outcome.WAITING
    # Crash here: the drafts are complete and still drafts; the next call goes on.
    for one in signed:
        registry.repository.keep(one)
    online = Registry(folder, keys)
    is_online = all(
        online.repository.has_keys(role, online.root)
        for role in (Snapshot.type, Timestamp.type)
    )
    if is_online:
        online.publish(at)
    for one in signed:
        registry.repository.drop_draft(one.role)
    return Outcome.PUBLISHED if is_online else Outcome.COMPLETE


def discard(folder: Path) -> list[str]:
    """Throw all drafts away; the names of their roles."""
    registry = Registry(folder, ())
    roles = list(registry.repository.drafts())
    for role in roles:
        registry.repository.drop_draft(role)
    return roles


def _each(registry: Registry) -> Iterator[tuple[Waiting, SignedRole]]:
    """Every draft, with the signatures of the keys at hand added."""
    drafts = registry.repository.drafts()
    for role, draft in drafts.items():
        part = draft.signed
        former = _former(registry, role)
        newest = former.version if former is not None else 0
        if part.version not in {newest, newest + 1}:
            raise ConfigError(f"the draft of {role} is too old: discard it")
        delegator = _delegator(registry, role, drafts)
        signed = registry.repository.sign_more(draft, role, delegator)
        told = Waiting(
            role,
            part.version,
            signed.signatures,
            signed.threshold,
            part.expires,
            tuple(_changes(former, part)),
        )
        yield told, signed


def _former(registry: Registry, role: str) -> Root | Targets | None:
    if role == Root.type:
        return registry.root
    try:
        return registry.load(role)
    except ConfigError:
        return None


def _delegator(
    registry: Registry, role: str, drafts: Mapping[str, Draft]
) -> Root | Targets:
    """Who says which keys the role has: as drafted, where that changes too.

    Raises:
        ConfigError: Nobody delegates to this role.
    """
    if role in {Root.type, Targets.type}:
        return registry.root
    published = [registry.targets, *(registry.load(land) for land in registry.lands())]
    for part in (*(draft.signed for draft in drafts.values()), *published):
        if role in children(part):
            return part
    raise ConfigError(f"nobody delegates to {role}")


def _changes(former: Root | Targets | None, part: Root | Targets) -> Iterator[str]:
    old, new = _facts(former), _facts(part)
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"+ {name}"
        elif name not in new:
            yield f"- {name}"
        elif old[name] != new[name]:
            yield f"~ {name}"


def _facts(part: Root | Targets | None) -> Mapping[str, object]:
    """What a role says, by names that people can read."""
    if part is None:
        return {}
    if isinstance(part, Root):
        return {
            f"role {name}": (sorted(role.keyids), role.threshold)
            for name, role in part.roles.items()
        }
    files: dict[str, object] = {
        path: info.hashes for path, info in part.targets.items()
    }
    return files | {
        f"role {name}": (sorted(role.keyids), role.threshold)
        for name, role in children(part).items()
    }
