"""Refreshing the directory through The Update Framework: the reading side.

Enters: a source, a folder of our own, the shipped root, the directory in force, the
instant. Leaves: the next ``Directory``, or one error, and then the one in force stays.
Must never happen: the trust rules of the framework repeated or bent here; a file believed
that the metadata does not vouch for; a call from the event loop, since this waits for the
network and the disk (HO-99: one thread). Implements HO-94 (demo root), HO-95, HO-101 to
HO-104, SR-P6.

ngclient judges expiry by the system clock at the moment an ``Updater`` is made, so a run
is not started while the own clock is in doubt (HO-100). The metadata it verified is read
back from its folder, which holds exactly what it trusts.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from tuf.api import exceptions
from tuf.api.metadata import (
    Metadata,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from node import strictjson
from node.errors import (
    ConfigError,
    DirectoryExpiredError,
    DirectoryFileError,
    MalformedMessageError,
    NodeError,
    PeerError,
    RollbackError,
    TrustError,
    UnreachableError,
)
from node.exchangelog.policy import parse_policy
from node.federation.fetcher import Source, make_fetcher
from node.federation.mirror import Mirror
from node.federation.tufkey import use_one_verifier
from node.federation.tufpaths import look_at_beginnings
from node.ids import MemberId
from node.trust.directory import Directory
from node.trust.fields import Fields
from node.trust.head import DEMO, REVOKER, SIGNED_AT, Fault, Head
from node.trust.holdings import many_at_once
from node.trust.renewal import (
    REVOCATIONS_PATH,
    Fetched,
    check_progress,
    policy_path,
    record_path,
    renew,
    routes_path,
    sheet_path,
)
from node.trust.routes import KREIS, Routes

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
_LAND: Final = re.compile(r"0[1-9]|1[0-6]", re.ASCII)
_ROUTES: Final = re.compile(r"routes/([0-9]{5})\.json", re.ASCII)
_POLICY: Final = re.compile(r"policy/([0-9]{2,8})", re.ASCII)
_Name = TypeVar("_Name", bound=str)
_Part = TypeVar("_Part", Root, Timestamp, Snapshot, Targets)
_CONFIG: Final = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=8,
    root_max_length=512_000,
    timestamp_max_length=16_384,
    snapshot_max_length=2_000_000,
    targets_max_length=5_000_000,
)


def refresh(
    source: Source,
    folder: Path,
    *,
    previous: Directory | None,
    root: bytes,
    at: datetime,
) -> Directory:
    """Fetch, verify and read the directory once.

    Args:
        source: Where to read.
        folder: Our own folder, kept between runs, and a source for others; losing it
            costs time only, since ``previous`` remembers versions as well.
        previous: The directory in force.
        root: The root metadata this program was installed with.
        at: Now; becomes the first-seen instant of what is new.

    Returns:
        The next directory. Files that were refused are its ``faults``.

    Raises:
        UnreachableError: No answer, or not in time; the same later may work.
        DirectoryExpiredError: The source serves metadata that has ended.
        RollbackError: Something went back, or files of different times are mixed.
        DirectoryFileError: Signed by too few keys, too long, or broken.
        ConfigError: The folder cannot be used, or a demo root outside a demo.
    """
    use_one_verifier()
    look_at_beginnings()
    with _translated(), closing(make_fetcher(source)) as fetcher:
        run = _Run(source, folder, root=root, fetcher=fetcher)
        head = run.head(previous)
        if previous and head.mark == previous.head.mark:
            # Nothing changed but the timestamp: one signature instead of thousands.
            check_progress(previous.head, head)
            run.publish((Snapshot.type,))
            return previous.with_head(head, at)
        with many_at_once():
            fetched = run.fetch(head)
            directory = renew(previous, fetched, at)
        run.publish(
            (Snapshot.type, Targets.type, *(role for role, _ in fetched.head.ends))
        )
        run.tidy()
        return directory


class _Run:
    """One refresh: an ``Updater`` that has verified the top-level metadata."""

    def __init__(
        self, source: Source, folder: Path, *, root: bytes, fetcher: FetcherInterface
    ) -> None:
        self._source = source
        self._metadata = folder / "cache"
        self._metadata.mkdir(parents=True, exist_ok=True)
        self._mirror = Mirror(folder)
        self._incomplete = False
        self._faults: list[Fault] = []
        self._known: dict[str, tuple[bytes, Signed]] = {}
        self._fetcher = fetcher
        self._updater = Updater(
            str(self._metadata),
            f"{source.base_url}metadata/",
            target_base_url=f"{source.base_url}targets/",
            fetcher=fetcher,
            config=_CONFIG,
            bootstrap=root,
        )

    def head(self, previous: Directory | None) -> Head:
        """Refresh the top level; the rest of the head is what was known before.

        Raises:
            ConfigError: A demo root, or one of a single key, outside a demo (HO-94).
            DirectoryFileError: The timestamp does not say when it was signed.
        """
        self._updater.refresh()
        root = self._read(Root.type, Root)
        timestamp = self._read(Timestamp.type, Timestamp)
        snapshot = self._read(Snapshot.type, Snapshot)
        targets = self._read(Targets.type, Targets)
        is_demo = root.unrecognized_fields.get(DEMO) is True
        if not self._source.demo and (is_demo or root.roles[Root.type].threshold < 2):
            raise ConfigError("this root is for demonstrations only")
        versions = {name: file.version for name, file in snapshot.meta.items()}
        return Head(
            root=root.version,
            timestamp=timestamp.version,
            snapshot=snapshot.version,
            signed_at=_signed_at(timestamp),
            expires_at=min(
                part.expires for part in (root, timestamp, snapshot, targets)
            ),
            mark=hashlib.sha256(strictjson.encode(versions)).hexdigest(),
            demo=is_demo,
            ends=previous.head.ends if previous else (),
            faults=previous.head.faults if previous else (),
        )

    def fetch(self, head: Head) -> Fetched:
        """Every file in scope that the metadata vouches for.

        Raises:
            DirectoryFileError: The deny list is missing.
        """
        revocations = self._file(REVOCATIONS_PATH)
        if revocations is None:
            raise DirectoryFileError("no deny list")
        kreise = self._kreise()
        routes = self._files({kreis: routes_path(kreis) for kreis in kreise})
        members = _members_of(routes.values())
        records = self._files({member: record_path(member) for member in members})
        sheets = self._files({member: sheet_path(member) for member in members})
        lands = {kreis[:2] for kreis in kreise}
        policies = self._policies(kreise | lands)
        return Fetched(
            replace(
                head,
                mark="" if self._incomplete else head.mark,
                ends=self._ends(kreise | lands),
                faults=tuple(self._faults),
            ),
            revocations,
            routes,
            records,
            sheets,
            policies,
        )

    def publish(self, roles: Iterable[str]) -> None:
        """Let others read from us what we have verified (HO-104)."""
        versions = {role: self._any(role).version for role in roles}
        self._mirror.publish(self._metadata, versions)

    def tidy(self) -> None:
        """Forget files of former times, unless some of the present ones are missing."""
        if not self._incomplete:
            self._mirror.forget_the_rest()

    def _kreise(self) -> set[str]:
        """Every Kreis in scope: with a role of its own, or listed by its Land."""
        lands = {role for role in self._children(Targets.type) if _LAND.fullmatch(role)}
        if self._source.lands is not None:
            lands &= self._source.lands
        found = set[str]()
        for land in sorted(lands):
            # Asking for a Kreis that cannot be makes ngclient load and verify the Land.
            if self._asked(routes_path(f"{land}000")):
                found |= self._children(land)
                listed = map(_ROUTES.fullmatch, self._read(land, Targets).targets)
                found |= {match[1] for match in listed if match}
        return {kreis for kreis in found if KREIS.fullmatch(kreis)}

    def _policies(self, roles: set[str]) -> dict[str, bytes]:
        """The witness policies that roles in scope list, each of the prefix it may."""
        listed = {
            match[1]: match[0]
            for role in roles
            if self._path(role).exists()
            for match in map(_POLICY.fullmatch, self._read(role, Targets).targets)
            if match and match[1].startswith(role)
        }
        found = self._files(listed)
        for prefix, content in list(found.items()):
            try:
                parse_policy(content)
            except NodeError as error:
                # The last good one stays in force.
                self._note(policy_path(prefix), error)
                del found[prefix]
        return found

    def _asked(self, path: str) -> bool:
        """Whether the roles on the way to a path could be verified."""
        try:
            with _translated():
                self._updater.get_targetinfo(path)
        except NodeError as error:
            self._note(path, error)
            return False
        return True

    def _children(self, role: str) -> set[str]:
        delegations = self._read(role, Targets).delegations
        return set(delegations.roles or ()) if delegations else set()

    def _ends(self, scopes: set[str]) -> tuple[tuple[str, datetime], ...]:
        """When each role in use ends, as far as this node has ever verified it."""
        roles = [REVOKER, *scopes, *(f"{scope}-keys" for scope in scopes)]
        return tuple(
            (role, self._read(role, Targets).expires)
            for role in sorted(roles)
            if self._path(role).exists()
        )

    def _files(self, paths: Mapping[_Name, str]) -> dict[_Name, bytes]:
        """The files that are listed, whole and fetched; a fault for each other."""
        found: dict[_Name, bytes] = {}
        for name, path in sorted(paths.items()):
            try:
                content = self._file(path)
            except NodeError as error:
                self._note(path, error)
                continue
            if content is None:
                self._note(path, DirectoryFileError("not listed"))
            else:
                found[name] = content
        return found

    def _file(self, path: str) -> bytes | None:
        """One file, from our folder if it is still the one that is vouched for."""
        with _translated():
            info = self._updater.get_targetinfo(path)
            if info is None:
                return None
            if info.length > MAX_FILE_BYTES:
                raise DirectoryFileError("too long")
            place = self._mirror.place(info)
            content = self._mirror.held(place, info)
            if content is None:
                content = self._download(info, place)
                self._mirror.keep(place, content)
            return content

    def _download(self, info: TargetFile, place: str) -> bytes:
        """A file as it is published, judged by what the metadata says of it.

        ngclient would write it to two files and read it from there once more.
        """
        url = f"{self._source.base_url}targets/{place}"
        pieces, length = list[bytes](), 0
        for piece in self._fetcher.fetch(url):
            pieces.append(piece)
            length += len(piece)
            if length > info.length:
                raise exceptions.DownloadLengthMismatchError("longer than it may be")
        content = b"".join(pieces)
        info.verify_length_and_hashes(content)
        return content

    def _note(self, path: str, error: NodeError) -> None:
        """Remember a fault; if the source itself is gone, stop the run.

        Raises:
            UnreachableError: The connection failed, so that the rest would fail too.
        """
        lost = isinstance(error, UnreachableError)
        if lost and not isinstance(error.__cause__, exceptions.DownloadHTTPError):
            raise error
        self._incomplete = True
        self._faults.append(Fault(path, error.code, str(error)))

    def _path(self, role: str) -> Path:
        return self._metadata / f"{quote(role, '')}.json"

    def _read(self, role: str, kind: type[_Part]) -> _Part:
        """Metadata that ngclient has verified and written to our folder."""
        signed = self._any(role)
        if not isinstance(signed, kind):
            raise DirectoryFileError("metadata of another role")
        return signed

    def _any(self, role: str) -> Signed:
        """As ``_read``, of any kind; the same bytes are read once."""
        content = self._path(role).read_bytes()
        known = self._known.get(role)
        if known is None or known[0] != content:
            known = self._known[role] = content, Metadata.from_bytes(content).signed
        return known[1]


def _members_of(routes: Iterable[bytes]) -> set[MemberId]:
    """Who is named in indexes; a broken one names nobody and is a fault later."""
    members = set[MemberId]()
    for content in routes:
        with suppress(PeerError, TrustError):
            members |= {entry.member for entry in Routes.parse(content).entries}
    return members


def _signed_at(timestamp: Timestamp) -> datetime:
    try:
        return Fields(timestamp.unrecognized_fields, "timestamp").instant(SIGNED_AT)
    except MalformedMessageError as error:
        raise DirectoryFileError("timestamp without instant") from error


@contextmanager
def _translated() -> Iterator[None]:
    """Say in our words what the framework refused."""
    try:
        yield
    except exceptions.ExpiredMetadataError as error:
        raise DirectoryExpiredError("metadata has ended") from error
    except exceptions.BadVersionNumberError as error:
        raise RollbackError("metadata went back or is mixed") from error
    except exceptions.UnsignedMetadataError as error:
        raise DirectoryFileError("signed by too few keys") from error
    except exceptions.DownloadLengthMismatchError as error:
        raise DirectoryFileError("too long") from error
    except exceptions.DownloadError as error:
        raise UnreachableError("directory source") from error
    except exceptions.RepositoryError as error:
        raise DirectoryFileError("broken metadata or content") from error
    except (OSError, exceptions.StorageError) as error:
        raise ConfigError("the directory folder cannot be used") from error
