"""Founding a directory: its keys, its roles, its first publication.

Enters: a plan, two folders, randomness, the instant. Leaves: private keys in one folder,
a published directory in the other, the root every node is installed with. Must never
happen: private keys inside the published folder; a root of one key that is not marked.
Implements handover 11.1 and HO-94.

| Role | Lists | Ends after |
|---|---|---|
| root; targets | nothing themselves | 2 years; 1 year |
| revoker | ``revocations.json`` | 1 year |
| Land, Kreis | ``members/``, ``routes/``, ``policy/`` of the prefix | 1 year |
| Kreis ``-keys`` | ``keys/`` of the prefix | 30 days |
| snapshot; timestamp | versions | 14 days; 7 days |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Role,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from node.crypto.keys import Randomness, SigningKey
from node.errors import ConfigError, InputError
from node.federation.repository import KeyFile, Repository, load_keys
from node.federation.tufkey import NodeKey, use_one_verifier
from node.federation.wholefile import write_whole
from node.ids import Ags
from node.trust.head import DEMO, REVOKER
from node.trust.renewal import REVOCATIONS_PATH, routes_path
from node.trust.revocations import Revocations
from node.trust.routes import Routes

YEAR: Final = timedelta(days=365)
SHEETS_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many keys a role has, and how many must sign."""

    threshold: int
    keys: int


ONE: Final = Quorum(1, 1)
PROPOSED: Final = {
    Root.type: Quorum(3, 5),
    Targets.type: Quorum(2, 3),
    REVOKER: Quorum(2, 5),
    "land": Quorum(2, 3),
    "kreis": Quorum(2, 3),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``init`` founds.

    Attributes:
        land: Two digits.
        kreis: Five digits.
        demo: Mark the root as one for demonstrations (HO-94).
        quorums: By ``root``, ``targets``, ``revoker``, ``land``, ``kreis``; every other
            role is online and has one key.
    """

    land: str
    kreis: str
    demo: bool = False
    quorums: Mapping[str, Quorum] = field(default_factory=lambda: dict(PROPOSED))

    def check(self) -> None:
        """Check that the parts fit together.

        Raises:
            InputError: A Kreis of another Land, a threshold above the number of keys,
                or one single root key outside a demo.
        """
        if len(self.land) != 2 or len(self.kreis) != 5:
            raise InputError("kreis", "length")
        Ags(f"{self.kreis}000")
        if not self.kreis.startswith(self.land):
            raise InputError("kreis", "other-land")
        if not self.quorums.keys() <= PROPOSED.keys():
            raise InputError("quorum", "unknown-role")
        for quorum in self.quorums.values():
            if not 1 <= quorum.threshold <= quorum.keys:
                raise InputError("threshold", "impossible")
        if not self.demo and self.quorum(Root.type).threshold < 2:
            raise InputError("threshold", "demo-only")

    def quorum(self, name: str) -> Quorum:
        """The quorum of a role."""
        return self.quorums.get(name, ONE)


def init(
    folder: Path, keys: Path, *, plan: Plan, at: datetime, randomness: Randomness
) -> bytes:
    """Found a directory; the root metadata that every node is installed with.

    Args:
        folder: The folder to publish, empty or absent.
        keys: The folder for the private keys, empty or absent, apart from the first.
            Offline roles: move their files to tokens and safes of their holders.
        plan: Which Land and Kreis, which quorums.
        at: Now.
        randomness: For the keys.

    Raises:
        ConfigError: One of the folders is in use, or one lies inside the other.
        InputError: The plan does not fit together.
    """
    use_one_verifier()
    plan.check()
    _check_folders(folder, keys)
    made = _make_keys(keys, plan, randomness)
    repository = Repository(folder, load_keys([keys]))
    root = Root(expires=at + 2 * YEAR)
    root.unrecognized_fields.update({DEMO: True} if plan.demo else {})
    for role in (Root.type, Targets.type, Snapshot.type, Timestamp.type):
        root.roles[role] = Role([], plan.quorum(role).threshold)
        for key in made[role]:
            root.add_key(key, role)
    targets = Targets(
        expires=at + YEAR,
        delegations=_delegations(
            made,
            {
                REVOKER: (plan.quorum(REVOKER), [REVOCATIONS_PATH]),
                plan.land: (
                    plan.quorum("land"),
                    [*_registered(plan.land), f"keys/{plan.land}*"],
                ),
            },
        ),
    )
    sheets = f"{plan.kreis}-keys"
    land = Targets(
        expires=at + YEAR,
        delegations=_delegations(
            made,
            {
                plan.kreis: (plan.quorum("kreis"), _registered(plan.kreis)),
                sheets: (ONE, [f"keys/{plan.kreis}*"]),
            },
        ),
    )
    revoker, kreis = Targets(expires=at + YEAR), Targets(expires=at + YEAR)
    repository.put(revoker, REVOCATIONS_PATH, Revocations(1).encode())
    repository.put(kreis, routes_path(plan.kreis), Routes(plan.kreis, ()).encode())
    repository.save(Root.type, root, root)
    repository.save(Targets.type, targets, root)
    repository.save(REVOKER, revoker, targets)
    repository.save(plan.land, land, targets)
    repository.save(plan.kreis, kreis, land)
    repository.save(sheets, Targets(expires=at + SHEETS_LIFE), land)
    repository.publish(root, at)
    content = (folder / "metadata" / "1.root.json").read_bytes()
    write_whole(folder / "root.json", content)
    return content


def _check_folders(folder: Path, keys: Path) -> None:
    for path in (folder, keys):
        if path.exists() and any(path.iterdir()):
            raise ConfigError(f"{path.name} is not empty")
    published, private = folder.resolve(), keys.resolve()
    if published in (private, *private.parents) or private in published.parents:
        raise ConfigError("keys must lie apart from what is published")
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.chmod(0o700)


def _make_keys(
    folder: Path, plan: Plan, randomness: Randomness
) -> dict[str, list[NodeKey]]:
    quorums = {
        Root.type: plan.quorum(Root.type),
        Targets.type: plan.quorum(Targets.type),
        REVOKER: plan.quorum(REVOKER),
        plan.land: plan.quorum("land"),
        plan.kreis: plan.quorum("kreis"),
        f"{plan.kreis}-keys": ONE,
        Snapshot.type: ONE,
        Timestamp.type: ONE,
    }
    made: dict[str, list[NodeKey]] = {}
    for role, quorum in quorums.items():
        for number in range(1, quorum.keys + 1):
            key = SigningKey(randomness(32))
            KeyFile(role, key).save(folder / f"{role}-{number}.key")
            made.setdefault(role, []).append(NodeKey.of(key.public))
    return made


def _registered(prefix: str) -> list[str]:
    return [f"{folder}/{prefix}*" for folder in ("members", "routes", "policy")]


def _delegations(
    made: Mapping[str, list[NodeKey]], roles: Mapping[str, tuple[Quorum, list[str]]]
) -> Delegations:
    """Delegations that end the search: nobody else lists these paths."""
    keys: dict[str, Key] = {key.keyid: key for role in roles for key in made[role]}
    return Delegations(
        keys,
        {
            role: DelegatedRole(
                role,
                [key.keyid for key in made[role]],
                quorum.threshold,
                terminating=True,
                paths=paths,
            )
            for role, (quorum, paths) in roles.items()
        },
    )
