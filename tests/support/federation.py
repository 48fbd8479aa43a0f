"""A directory made with real keys in real folders, an HTTP server for it, and its enemies."""

import hashlib
import shutil
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import ClassVar, Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from node.federation.fetcher import Source
from node.federation.founding import Plan, Quorum, init
from node.federation.registrar import admit
from node.federation.repository import KeyFile, Repository, load_keys
from node.federation.tufkey import NodeSigner
from node.federation.updater import refresh
from node.trust.admission import AdmissionRequest
from node.trust.directory import Directory
from node.trust.member import Member
from node.trust.places import shipped_places
from tests.support.town import Town

_Part = TypeVar("_Part", Root, Snapshot, Targets, Timestamp)


def present() -> datetime:
    """Now in whole seconds; ngclient asks the system clock itself."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Federation:
    """A published folder, its keys, and one node that reads it."""

    folder: Path
    keys: Path
    own: Path
    root: bytes
    at: datetime

    def copy(self, folder: Path) -> Self:
        """The same directory in another place, for a test that changes it."""
        shutil.copytree(self.folder, folder / "directory")
        shutil.copytree(self.keys, folder / "keys")
        return replace(
            self,
            folder=folder / "directory",
            keys=folder / "keys",
            own=folder / "own",
        )

    @property
    def source(self) -> Source:
        """The published folder itself."""
        return Source(str(self.folder), demo=True)

    def admit(self, town: Town) -> Member:
        """List a town."""
        request = AdmissionRequest.parse(town.request(self.at))
        return admit(
            self.folder,
            [self.keys],
            request=request,
            places=shipped_places(),
            at=self.at,
        )

    def refresh(
        self,
        previous: Directory | None = None,
        source: Source | None = None,
        root: bytes | None = None,
    ) -> Directory:
        """What the node sees."""
        return refresh(
            source or self.source,
            self.own,
            previous=previous,
            root=root or self.root,
            at=self.at,
        )

    # What somebody can do who holds keys or the server.

    def snapshot_of_files(self) -> dict[Path, bytes]:
        """Everything as it is published now."""
        return {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}

    def put_back(self, files: Mapping[Path, bytes]) -> None:
        """Publish old files again, and nothing newer."""
        for path in [p for p in self.folder.rglob("*") if p.is_file()]:
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)

    def path(self, role: str, kind: type[_Part]) -> Path:
        """Where the newest metadata of a role lies."""
        if kind is Timestamp:
            return self.folder / "metadata/timestamp.json"
        part = self.repository().load(role, kind)
        return self.folder / f"metadata/{part.version}.{role}.json"

    def repository(self) -> Repository:
        """The folder, opened with all keys."""
        return Repository(self.folder, load_keys([self.keys]))

    def forge(
        self,
        role: str,
        kind: type[_Part],
        change: Callable[[_Part], None],
        *,
        signers: int | None = None,
    ) -> None:
        """Change metadata and sign it with keys of that role, whatever it says now.

        ``signers`` limits how many keys sign. The result is the next version, named by a
        new snapshot and timestamp, unless it is one of them.
        """
        part = self.repository().load(role, kind)
        part.version += 1
        change(part)
        self._write(role, part, signers)
        if kind in {Root, Timestamp}:
            return
        if kind is Targets:
            snapshot = self.repository().load("snapshot", Snapshot)
            snapshot.version += 1
            snapshot.meta[f"{role}.json"] = MetaFile(part.version)
            self._write("snapshot", snapshot, None)
        version = self.repository().load("snapshot", Snapshot).version
        timestamp = self.repository().load("timestamp", Timestamp)
        timestamp.version += 1
        timestamp.snapshot_meta = MetaFile(version)
        self._write("timestamp", timestamp, None)

    def _write(self, role: str, part: _Part, signers: int | None) -> None:
        metadata: Metadata[_Part] = Metadata(part)
        files = sorted(self.keys.glob(f"{role}-[0-9].key"))[:signers]
        for file in files:
            metadata.sign(NodeSigner(KeyFile.load(file).key), append=True)
        name = f"{part.version}.{role}.json"
        if isinstance(part, Timestamp):
            name = "timestamp.json"
        (self.folder / "metadata" / name).write_bytes(metadata.to_bytes())


def found(
    folder: Path,
    *,
    at: datetime | None = None,
    quorums: Mapping[str, Quorum] | None = None,
    demo: bool = True,
) -> Federation:
    """Found a directory with keys that are the same in every run."""
    at = at or present()
    counter = iter(range(1_000))

    def randomness(size: int) -> bytes:
        return hashlib.sha256(f"directory {next(counter)}".encode()).digest()[:size]

    published, keys = folder / "directory", folder / "keys"
    plan = Plan("08", "08337", demo, quorums or {})
    root = init(published, keys, plan=plan, at=at, randomness=randomness)
    return Federation(published, keys, folder / "own", root, at)


class FileHandler(SimpleHTTPRequestHandler):
    """A static file server that keeps connections and says nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    asked: ClassVar[list[str]] = []

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Remember what was asked."""
        self.asked.append(self.path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@contextmanager
def serving(
    folder: Path,
    handler: type[SimpleHTTPRequestHandler] = FileHandler,
    *,
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Serve a folder on loopback; gives the base address."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(handler, directory=str(folder))
    )
    server.daemon_threads = True
    scheme = "http"
    if tls is not None:
        scheme = "https"
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, address: str = "127.0.0.1") -> Path:
    """A new self-signed certificate for an address or a name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Staffelstab test")])
    is_name = address[-1:].isalpha()
    named = x509.DNSName(address) if is_name else x509.IPAddress(ip_address(address))
    names = x509.SubjectAlternativeName([named])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(present() - timedelta(days=1))
        .not_valid_after(present() + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{address}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file
