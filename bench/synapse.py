"""Two Matrix Synapse homeservers that federate: what ``bench.peer`` measures us against.

They run as a user would start them: SQLite, one process each, TLS between them with an
authority made for the run. Rate limits are raised, presence and statistics are off.
"""

import base64
import json
import os
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.processes import end, install, wait_until_it_answers

VERSION = "1.163.2"
RETRY_S = 1
FREE = {"per_second": 100_000, "burst_count": 100_000}
LIMITS: dict[str, object] = {
    "rc_message": FREE,
    "rc_login": {"address": FREE, "account": FREE, "failed_attempts": FREE},
    "rc_joins": {"local": FREE, "remote": FREE},
    "rc_joins_per_room": FREE,
    "rc_room_creation": FREE,
    "rc_federation": {
        "window_size": 1000,
        "sleep_limit": 100_000,
        "reject_limit": 100_000,
        "concurrent": 100,
    },
}


def install_synapse(cache: Path) -> Path:
    """The pinned release, kept in ``cache`` for the next run; its interpreter."""
    python = cache / "bin" / "python"
    asking = "import importlib.metadata as m; print(m.version('matrix-synapse'))"
    if python.exists():
        asked = subprocess.run(
            [python, "-c", asking], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip() == VERSION:
            return python
    print(f"Installing matrix-synapse {VERSION} into {cache} ...", flush=True)
    return install(cache, f"matrix-synapse=={VERSION}")


class Authority:
    """A certificate authority of this run, for 127.0.0.1 alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "authority.pem"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self._issue(self.name, self.key, ca, self.path)

    def certificate(self, slug: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, slug)])
        here = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        certificate = self.folder / f"{slug}.pem"
        self._issue(name, key, here, certificate)
        secret = self.folder / f"{slug}.key"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, secret

    def _issue(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        path: Path,
    ) -> None:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(extension, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


class Homeserver:
    """One process of Synapse; its name is ``127.0.0.1:PORT``, so nothing is looked up."""

    def __init__(
        self, folder: Path, python: Path, authority: Authority, ports: Sequence[int]
    ) -> None:
        folder.mkdir()
        self.folder, self.python = folder, python
        self.name = f"127.0.0.1:{ports[1]}"
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.secret = os.urandom(16).hex()
        self.process: subprocess.Popen[bytes] | None = None
        seed = base64.b64encode(os.urandom(32)).decode().rstrip("=")
        (folder / "signing.key").write_text(f"ed25519 a_bench {seed}\n")
        (folder / "log.yaml").write_text(json.dumps(self._logging()))
        settings = self._settings(ports, *authority.certificate(folder.name))
        settings["federation_custom_ca_list"] = [str(authority.path)]
        # What is JSON is YAML.
        (folder / "homeserver.yaml").write_text(json.dumps(settings | LIMITS))

    def _logging(self) -> dict[str, object]:
        file = {"class": "logging.FileHandler", "filename": f"{self.folder}/server.log"}
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"file": file},
            "root": {"level": "WARNING", "handlers": ["file"]},
        }

    def _settings(
        self, ports: Sequence[int], certificate: Path, secret: Path
    ) -> dict[str, object]:
        here: dict[str, object] = {"type": "http", "bind_addresses": ["127.0.0.1"]}
        resources = [[{"names": [name]}] for name in ("client", "federation")]
        folder = self.folder
        return {
            "server_name": self.name,
            "report_stats": False,
            "listeners": [
                here | {"port": ports[0], "tls": False, "resources": resources[0]},
                here | {"port": ports[1], "tls": True, "resources": resources[1]},
            ],
            "tls_certificate_path": str(certificate),
            "tls_private_key_path": str(secret),
            "ip_range_blacklist": [],
            "trusted_key_servers": [],
            "database": {
                "name": "sqlite3",
                "args": {"database": str(folder / "homeserver.db")},
            },
            "log_config": str(folder / "log.yaml"),
            "media_store_path": str(folder / "media"),
            "signing_key_path": str(folder / "signing.key"),
            "registration_shared_secret": self.secret,
            "macaroon_secret_key": os.urandom(16).hex(),
            "form_secret": os.urandom(16).hex(),
            "bcrypt_rounds": 4,
            "presence": {"enabled": False},
            "stats": {"enabled": False},
            "enable_metrics": False,
            # A peer that is away is tried every second, for as long as it is away.
            "federation": {
                "max_long_retries": 100_000,
                "max_long_retry_delay": f"{RETRY_S}s",
                "destination_min_retry_interval": f"{RETRY_S}s",
                "destination_max_retry_interval": f"{RETRY_S}s",
            },
        }

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> float:
        """Seconds until it answers on its health address."""
        start = time.monotonic()
        config, output = self.folder / "homeserver.yaml", self.folder / "output.log"
        with output.open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "synapse.app.homeserver", "-c", config],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        wait_until_it_answers(self.process, f"{self.url}/health", output)
        return time.monotonic() - start

    def end(self) -> None:
        if self.process is not None:
            end(self.process)
