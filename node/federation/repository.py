"""The folder of signed metadata that a directory publishes, and the keys that sign it.

Enters: a folder, folders of keys, metadata values. Leaves: files, each written whole.
Must never happen: a private key inside the published folder; a file name reused for other
content; a timestamp that names what is not on disk yet. Implements handover 11.1, 11.2,
HO-94 (consistent snapshots). Source: TUF specification 1.0, 6.2 and 7.

Order of writing: content, roles, snapshot, timestamp. A stop in between leaves readers
with the former timestamp and everything it names.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from tuf.api.exceptions import (
    LengthOrHashMismatchError,
    StorageError,
)
from tuf.api.metadata import (
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from node import strictjson
from node.crypto.jws import b64u, unb64u
from node.crypto.keys import SigningKey
from node.errors import ConfigError, MalformedMessageError, UsageError
from node.federation.tufkey import NodeSigner
from node.federation.wholefile import write_whole
from node.trust.fields import instant_text
from node.trust.head import SIGNED_AT

SNAPSHOT_LIFE: Final = timedelta(days=14)
TIMESTAMP_LIFE: Final = timedelta(days=7)
_SERIALIZER: Final = JSONSerializer(compact=False)
_Part = TypeVar("_Part", Root, Timestamp, Snapshot, Targets)
Part = Root | Timestamp | Snapshot | Targets
Draft = Metadata[Root] | Metadata[Targets]
_Signable = Draft | Metadata[Timestamp] | Metadata[Snapshot]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A private key of a role, as it lies in a key folder."""

    role: str
    key: SigningKey

    @classmethod
    def load(cls, path: Path) -> "KeyFile":
        """Read a key file.

        Raises:
            ConfigError: Not a key file, or readable by others.
        """
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"key file {path.name} is readable by others")
        try:
            members = strictjson.parse_object(path.read_bytes())
            return cls(str(members["role"]), SigningKey(unb64u(str(members["seed"]))))
        except (MalformedMessageError, UsageError, KeyError) as error:
            raise ConfigError(f"{path.name} is no key file") from error

    def save(self, path: Path) -> None:
        """Write it, readable by its owner only; an existing file is never replaced."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(
                strictjson.encode(
                    {"v": 1, "role": self.role, "seed": b64u(self.key.seed)}
                )
            )


def load_keys(folders: Iterable[Path]) -> list[NodeSigner]:
    """Every key of the folders; each holder brings a folder of their own.

    Raises:
        ConfigError: A file is no key file, or readable by others.
    """
    files = [path for folder in folders for path in sorted(folder.glob("*.key"))]
    return [NodeSigner(KeyFile.load(path).key) for path in files]


@dataclass(frozen=True, slots=True)
class SignedRole:
    """Metadata of a role with the signatures it has so far.

    Attributes:
        role: Its name.
        version: The version that was signed.
        content: The whole file.
        signatures: How many keys of the role signed.
        threshold: How many must.
        is_complete: Whether readers will believe it.
    """

    role: str
    version: int
    content: bytes
    signatures: int
    threshold: int
    is_complete: bool


class Repository:
    """The published folder, opened with some keys."""

    def __init__(self, folder: Path, signers: Sequence[NodeSigner]) -> None:
        """Take the folder; reading needs no keys."""
        self.folder = folder
        self._signers = signers
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        resolved = folder.resolve()
        # Beside the published folder: nobody reads a change before it is whole.
        self._drafts = resolved.with_name(f"{resolved.name}-drafts")

    def exists(self) -> bool:
        """Whether something was published here."""
        return (self._metadata / "timestamp.json").exists()

    def load(self, role: str, kind: type[_Part]) -> _Part:
        """The newest metadata of a role.

        Raises:
            ConfigError: There is none, or it cannot be read.
        """
        name = f"{role}.json"
        if role != Timestamp.type:
            name = f"{self._versions().get(role, 0)}.{name}"
        path = self._metadata / name
        try:
            signed = Metadata.from_file(str(path)).signed
        except (StorageError, DeserializationError) as error:
            raise ConfigError(f"no readable metadata of the role {role}") from error
        if not isinstance(signed, kind):
            raise ConfigError(f"metadata of another role than {role}")
        return signed

    def save(self, role: str, part: Part, delegator: Root | Targets) -> None:
        """Sign metadata with every key at hand that the delegator lists, and write it.

        Raises:
            ConfigError: Fewer keys at hand than the role needs.
        """
        signed = self.sign(role, part, delegator)
        if not signed.is_complete:
            raise ConfigError(f"not enough keys of the role {role}")
        self.keep(signed)

    def sign(self, role: str, part: Part, delegator: Root | Targets) -> SignedRole:
        """Sign metadata with every key at hand that the delegator lists."""
        return self.sign_more(_unsigned(part), role, delegator)

    def sign_more(
        self, metadata: _Signable, role: str, delegator: Root | Targets
    ) -> SignedRole:
        """Add the signatures of the keys at hand to those that are there.

        A new root is signed by the keys of the former one and by its own (TUF 5.3).
        """
        part = metadata.signed
        judges: list[Root | Targets] = [delegator]
        if isinstance(part, Root):
            judges.append(part)
        listed = {key for judge in judges for key in _listed_keys(role, judge)}
        for signer in self._signers:
            if signer.public_key.keyid in listed:
                metadata.sign(signer, append=True)
        told = [
            judge.get_verification_result(
                role, metadata.signed_bytes, metadata.signatures
            )
            for judge in judges
        ]
        worst = min(told, key=lambda one: len(one.signed) - one.threshold)
        return SignedRole(
            role,
            part.version,
            metadata.to_bytes(_SERIALIZER),
            len(worst.signed),
            worst.threshold,
            is_complete=all(told),
        )

    def keep(self, signed: SignedRole) -> None:
        """Write complete metadata into the published folder."""
        name = f"{signed.version}.{signed.role}.json"
        if signed.role == Timestamp.type:
            name = f"{signed.role}.json"
        write_whole(self._metadata / name, signed.content)

    def has_keys(self, role: str, delegator: Root | Targets) -> bool:
        """Whether enough keys of a role are at hand to sign it alone."""
        listed = set(_listed_keys(role, delegator))
        here = {signer.public_key.keyid for signer in self._signers}
        return len(listed & here) >= delegator.get_delegated_role(role).threshold

    # Drafts.

    def drafts(self) -> dict[str, Draft]:
        """Roles that wait for signatures, in the order in which they were made."""
        found: dict[str, Draft] = {}
        for path in sorted(self._drafts.glob("*.json")):
            role = path.name.split(".")[-2]
            try:
                found[role] = (
                    Metadata[Root].from_file(str(path))
                    if role == Root.type
                    else Metadata[Targets].from_file(str(path))
                )
            except (StorageError, DeserializationError) as error:
                raise ConfigError(f"draft of {role} cannot be read") from error
        return found

    def keep_draft(self, signed: SignedRole) -> None:
        """Write a draft, or the next state of one."""
        place = self._draft_place(signed.role)
        if place is None:
            number = len(list(self._drafts.glob("*.json"))) + 1
            place = self._drafts / f"{number:03}.{signed.role}.json"
        write_whole(place, signed.content)

    def drop_draft(self, role: str) -> None:
        """Remove a draft; absent is fine."""
        place = self._draft_place(role)
        if place is not None:
            place.unlink()

    def _draft_place(self, role: str) -> Path | None:
        return next(iter(self._drafts.glob(f"[0-9][0-9][0-9].{role}.json")), None)

    def put(self, role: Targets, path: str, content: bytes) -> None:
        """Write a file under its digest and list it in a role."""
        info = TargetFile.from_data(path, content, ["sha256"])
        write_whole(self._content_path(info), content)
        role.targets[path] = info

    def contents(self) -> Iterable[tuple[str, bytes]]:
        """Every file that any version of any role ever listed, with its path.

        Raises:
            ConfigError: A file is missing or not the one that was listed.
        """
        seen = set[Path]()
        for path in sorted(self._metadata.glob("*.*.json")):
            if path.name.split(".")[-2] in {Root.type, Snapshot.type}:
                continue  # they list no files, and there are thousands after a year
            signed: object = Metadata.from_file(str(path)).signed
            listed = signed.targets if isinstance(signed, Targets) else {}
            for name, info in listed.items():
                file = self._content_path(info)
                if file not in seen:
                    seen.add(file)
                    yield name, self._content(file, info)

    def publish(self, root: Root, at: datetime) -> None:
        """Make everything signed before visible; the timestamp is written last.

        Raises:
            ConfigError: The clock is behind the last publication, or the keys of
                snapshot and timestamp are not at hand.
        """
        first = not self.exists()
        snapshot = Snapshot(1) if first else self.load(Snapshot.type, Snapshot)
        timestamp = Timestamp(1) if first else self.load(Timestamp.type, Timestamp)
        signed_at = instant_text(at)
        if str(timestamp.unrecognized_fields.get(SIGNED_AT, "")) > signed_at:
            raise ConfigError("the clock is behind the last publication")
        for role, version in self._versions().items():
            if role not in {Root.type, Snapshot.type}:
                snapshot.meta[f"{role}.json"] = MetaFile(version)
        snapshot.version += 0 if first else 1
        snapshot.expires = at + SNAPSHOT_LIFE
        self.save(Snapshot.type, snapshot, root)
        timestamp.version += 0 if first else 1
        timestamp.expires = at + TIMESTAMP_LIFE
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        timestamp.unrecognized_fields[SIGNED_AT] = signed_at
        self.save(Timestamp.type, timestamp, root)

    def _versions(self) -> dict[str, int]:
        """The newest version of each role on disk."""
        newest: dict[str, int] = {}
        for path in self._metadata.glob("*.*.json"):
            version, role, _ = path.name.split(".")
            newest[role] = max(newest.get(role, 0), int(version))
        return newest

    def _content_path(self, info: TargetFile) -> Path:
        folder, _, name = info.path.rpartition("/")
        return self._targets / folder / f"{info.hashes['sha256']}.{name}"

    def _content(self, file: Path, info: TargetFile) -> bytes:
        try:
            content = file.read_bytes()
            info.verify_length_and_hashes(content)
        except (OSError, LengthOrHashMismatchError) as error:
            raise ConfigError(f"{file.name} is missing or changed") from error
        return content


def _unsigned(part: Part) -> _Signable:
    match part:
        case Root():
            return Metadata(part)
        case Timestamp():
            return Metadata(part)
        case Snapshot():
            return Metadata(part)
        case _:
            return Metadata(part)


def _listed_keys(role: str, delegator: Root | Targets) -> list[str]:
    if isinstance(delegator, Root):
        return delegator.roles[role].keyids
    delegations: Delegations | None = delegator.delegations
    roles = (delegations.roles if delegations else None) or {}
    return roles[role].keyids if role in roles else []
