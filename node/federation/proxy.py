"""The HTTP proxy that everything to other nodes goes through, where there is one.

Enters: settings and a file with a password. Leaves: where to connect, and what to say there.
Must never happen: a password from the environment, in an error or in a log; a proxy that
nobody configured. Implements HO-89, SR-F10, SR-D3.
"""

import http.client
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from node.errors import ConfigError, UnreachableError


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, with a name and a password where it asks for them."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def load(cls, url: str, user: str, password_file: str) -> Self | None:
        """The proxy of the settings; None without one.

        Raises:
            ConfigError: The file is missing, or others may read it.
        """
        if not url:
            return None
        if not user:
            return cls(url)
        path = Path(password_file)
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError("proxy_password_file: chmod 600, for its owner only")
            password = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError("proxy_password_file cannot be read") from None
        if not password:
            raise ConfigError("proxy_password_file is empty")
        return cls(url, user, password)

    @property
    def host(self) -> str:
        """Its name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or 3128

    @property
    def headers(self) -> dict[str, str]:
        """What is said to it, and to nobody behind it (RFC 7617)."""
        if not self.user:
            return {}
        said = b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
        return {"Proxy-Authorization": f"Basic {said}"}

    def tunnel(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connection through it to a name, as a plain socket.

        Raises:
            UnreachableError: It does not answer, or does not let us through.
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        connection.set_tunnel(host, port, headers=self.headers)
        try:
            connection.connect()
        except OSError:
            raise UnreachableError("not through the proxy") from None
        found = connection.sock
        connection.sock = None
        return found
