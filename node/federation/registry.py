"""A published directory opened for work: what changes is signed, then published.

Enters: a published folder, the keys at hand. Leaves: roles signed anew, or drafts that wait
for more holders. Must never happen: a change published while a part of it waits for a
signature; two drafts of one role. Implements handover 11.1 (thresholds), 11.4. What is
done with it stands in ``registrar`` and ``changes``; how holders sign in ``rounds``.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.metadata import DelegatedRole, Root, Targets

from node.crypto.jws import peek_kid
from node.errors import ConfigError, InputError, KeyRetiredError
from node.federation.repository import Repository, load_keys
from node.federation.tufkey import use_one_verifier
from node.ids import KeyId, MemberId
from node.trust.head import REVOKER
from node.trust.holdings import DirectoryFile, FileKind, Holdings
from node.trust.keysheet import open_sheet, peek_sheet
from node.trust.member import Member
from node.trust.renewal import REVOCATIONS_PATH, check_sheet, routes_path
from node.trust.revocations import Revocations
from node.trust.routes import Routes


class Registry:
    """A published folder and the keys at hand.

    With ``rounds`` a role that lacks signatures becomes a draft, and so does everything
    that is signed after it: a change is published as a whole.
    """

    def __init__(
        self, folder: Path, keys: Sequence[Path], *, rounds: bool = False
    ) -> None:
        """Open the folder.

        Raises:
            ConfigError: Nothing readable is published there, or a key file is bad.
        """
        use_one_verifier()
        self.repository = Repository(folder, load_keys(keys))
        self.root = self.repository.load(Root.type, Root)
        self.targets = self.load(Targets.type)
        self.waiting: list[str] = []
        self._rounds = rounds

    def load(self, role: str) -> Targets:
        """The newest published metadata of a role that lists files."""
        return self.repository.load(role, Targets)

    def lands(self) -> list[str]:
        """The Land roles."""
        return [role for role in children(self.targets) if role != REVOKER]

    def kreise(self) -> list[str]:
        """The Kreis roles of all Länder."""
        return [
            role
            for land in self.lands()
            for role in children(self.load(land))
            if not role.endswith("-keys")
        ]

    def land_of(self, kreis: str) -> Targets:
        """The Land role that delegates to a Kreis.

        Raises:
            InputError: This directory does not list that Kreis.
        """
        for land in self.lands():
            part = self.load(land)
            if kreis in children(part):
                return part
        raise InputError("id", "other-directory")

    def holdings(self) -> Holdings:
        """Everything ever published here, for the rule "no key under two owners"."""
        files = []
        newest = Revocations()
        for path, content in self.repository.contents():
            if path.startswith("members/"):
                record = Member.parse(content)
                files.append(
                    _file_of(FileKind.RECORD, record.id, record.serial, content)
                )
            elif path.startswith("keys/"):
                sheet = peek_sheet(content.decode("ascii"))
                files.append(_file_of(FileKind.SHEET, sheet.iss, sheet.serial, content))
            elif path == REVOCATIONS_PATH:
                found = Revocations.parse(content)
                newest = max(newest, found, key=lambda entry: entry.serial)
        files.append(_file_of(FileKind.REVOCATIONS, "", newest.serial, newest.encode()))
        return Holdings.of(files)

    def put(self, role: Targets, path: str, content: bytes) -> None:
        """Write a file and list it in a role that is going to be signed."""
        self.repository.put(role, path, content)

    def put_routes(self, role: Targets, kreis: str, holdings: Holdings) -> None:
        """Compute the index of a Kreis anew from the newest records."""
        members = (seen[-1].record for seen in holdings.records.values())
        self.put(role, routes_path(kreis), Routes.of(kreis, members).encode())

    def sign(
        self,
        name: str,
        part: Root | Targets,
        delegator: Root | Targets,
        *,
        expires: datetime,
    ) -> None:
        """Sign the next version of a role with the keys at hand.

        Raises:
            ConfigError: Too few keys at hand, and no rounds; or a draft of the role waits.
        """
        if name in self.repository.drafts():
            raise ConfigError(f"a draft of {name} waits for signatures")
        part.version += 1
        part.expires = expires
        signed = self.repository.sign(name, part, delegator)
        if not signed.is_complete and not self._rounds:
            raise ConfigError(f"not enough keys of the role {name}")
        if self.waiting or not signed.is_complete:
            self.repository.keep_draft(signed)
            self.waiting.append(name)
        else:
            self.repository.keep(signed)

    def publish(self, at: datetime) -> bool:
        """Make what was signed visible; not while a part of the change waits.

        Raises:
            ConfigError: The keys of snapshot and timestamp are not at hand, or the clock
                is behind.
        """
        if self.waiting:
            return False
        self.repository.publish(self.root, at)
        return True


def children(part: Root | Targets) -> Mapping[str, DelegatedRole]:
    """The roles that a role delegates to."""
    delegations = part.delegations if isinstance(part, Targets) else None
    return (delegations.roles if delegations else None) or {}


def check_new_sheet(text: str, holdings: Holdings) -> MemberId:
    """Check a key sheet that a member wants listed; whose it is.

    Raises:
        InputError: A sheet of nobody, or one that is not newer than the listed one.
        SignatureError: No sheet key of its member signed it (HO-98).
        KeyRetiredError: The sheet key or a sealing key is on the deny list.
        RollbackError: A sealing key was seen under another member (HO-97).
    """
    member = peek_sheet(text).iss
    record, former = holdings.record(member), holdings.sheet(member)
    if record is None:
        raise InputError("sheet", "no-such-member")
    sheet = open_sheet(text, record)
    signer = holdings.named.get(KeyId(peek_kid(text)))
    if signer in holdings.retired_keys or member in holdings.retired_members:
        raise KeyRetiredError("sheet key on the deny list")
    if former is not None and sheet.serial <= former.serial:
        raise InputError("sheet", "not-newer")
    check_sheet(holdings, sheet)
    return member


def _file_of(kind: FileKind, name: str, serial: int, content: bytes) -> DirectoryFile:
    return DirectoryFile(kind, name, serial, content, datetime.min.replace(tzinfo=UTC))
