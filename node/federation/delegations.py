"""Roles of a directory: a Land or a Kreis gets its own, and roles are signed anew in time.

Enters: digits of an AGS, keys, the instant. Leaves: a published change, or drafts that wait
for more holders (``rounds``). Must never happen: a delegation that does not follow the AGS;
a private key in a folder that is in use. Implements handover 11.1; HO-94, HO-96.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from node.crypto.keys import Randomness, SigningKey
from node.errors import ConfigError, InputError
from node.federation.founding import ONE, PROPOSED, SHEETS_LIFE, YEAR, Quorum
from node.federation.registry import Registry, children
from node.federation.repository import KeyFile
from node.federation.tufkey import NodeKey
from node.ids import Ags
from node.trust.renewal import routes_path
from node.trust.routes import KREIS, Routes


@dataclass(frozen=True, slots=True)
class Tools:
    """What every change needs.

    Attributes:
        folder: The published folder.
        keys: Folders of the keys at hand.
        at: Now.
        rounds: Whether a role that lacks signatures may wait for more holders.
    """

    folder: Path
    keys: Sequence[Path]
    at: datetime
    rounds: bool = False

    def open(self) -> Registry:
        """The folder, opened for this change."""
        return Registry(self.folder, self.keys, rounds=self.rounds)


def delegate(
    tools: Tools,
    prefix: str,
    *,
    new_keys: Path,
    randomness: Randomness,
    quorum: Quorum | None = None,
) -> bool:
    """Give a Land (two digits) or a Kreis (five) its own role and its own keys.

    Args:
        tools: Folder, keys of the delegating role, instant.
        prefix: The digits; delegations follow the AGS and nothing else (HO-96).
        new_keys: An empty or absent folder for the private keys of the new role.
        randomness: For the keys.
        quorum: How many keys, and how many must sign; 2 of 3 if not given.

    Returns:
        Whether it is published; False if more holders must sign.

    Raises:
        InputError: No such prefix, its Land is not listed, or it is there already.
        ConfigError: The key folder is in use, or too few keys are at hand.
    """
    registry = tools.open()
    is_land = len(prefix) == 2
    Ags(f"{prefix}{'0' * (8 - len(prefix))}")
    if not is_land and KREIS.fullmatch(prefix) is None:
        raise InputError("prefix", "length")
    if prefix in {*registry.lands(), *registry.kreise()}:
        raise InputError("prefix", "taken")
    if not is_land and prefix[:2] not in registry.lands():
        raise InputError("prefix", "land-not-listed")
    if new_keys.exists() and any(new_keys.iterdir()):
        raise ConfigError(f"{new_keys.name} is not empty")
    wanted = quorum or PROPOSED["land" if is_land else "kreis"]
    if not 1 <= wanted.threshold <= wanted.keys:
        raise InputError("threshold", "impossible")
    files = [f"{kind}/{prefix}*" for kind in ("members", "routes", "policy")]
    parent = registry.targets if is_land else registry.load(prefix[:2])
    roles = [(prefix, wanted, files)]
    if is_land:
        roles = [(prefix, wanted, [*files, f"keys/{prefix}*"])]
    else:
        roles.append((f"{prefix}-keys", ONE, [f"keys/{prefix}*"]))
    made = [_make_role(parent, *role, new_keys, randomness) for role in roles]
    helper = Registry(tools.folder, [*tools.keys, new_keys], rounds=tools.rounds)
    name = Targets.type if is_land else prefix[:2]
    delegator = registry.root if is_land else registry.targets
    helper.sign(name, parent, delegator, expires=tools.at + YEAR)
    for role in made:
        part = Targets(expires=tools.at + YEAR)
        part.version = 0  # signing makes it the first
        if role == prefix and not is_land:
            content = Routes(prefix, ()).encode()
            helper.put(part, routes_path(prefix), content)
        life = SHEETS_LIFE if role.endswith("-keys") else YEAR
        helper.sign(role, part, parent, expires=tools.at + life)
    return helper.publish(tools.at)


def _make_role(
    parent: Targets,
    name: str,
    quorum: Quorum,
    paths: list[str],
    folder: Path,
    randomness: Randomness,
) -> str:
    """Draw the keys of a role and have its parent list them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    role = DelegatedRole(name, [], quorum.threshold, terminating=True, paths=paths)
    delegations = parent.delegations or Delegations({}, {})
    delegations.roles = {**(delegations.roles or {}), name: role}
    parent.delegations = delegations
    for number in range(1, quorum.keys + 1):
        key = SigningKey(randomness(32))
        KeyFile(name, key).save(folder / f"{name}-{number}.key")
        parent.add_key(NodeKey.of(key.public), name)
    return name


def renew(tools: Tools, role: str) -> bool:
    """Sign a role again as it is, so that it does not end.

    Returns:
        Whether it is published; False if more holders must sign.

    Raises:
        InputError: No such role, or one that ``publish`` signs again by itself.
        ConfigError: Too few keys at hand.
    """
    registry = tools.open()
    if role in {Snapshot.type, Timestamp.type}:
        raise InputError("role", "published-by-itself")
    if role == Root.type:
        root = registry.root
        registry.sign(role, root, root, expires=tools.at + 2 * YEAR)
        return registry.publish(tools.at)
    life = SHEETS_LIFE if role.endswith("-keys") else YEAR
    above: Root | Targets
    if role == Targets.type:
        above = registry.root
    elif role in children(registry.targets):
        above = registry.targets
    else:
        above = registry.land_of(role.removesuffix("-keys"))
        if role not in children(above):
            raise InputError("role", "unknown")
    registry.sign(role, registry.load(role), above, expires=tools.at + life)
    return registry.publish(tools.at)
