"""Fetching directory files from a folder or from an HTTP server.

Enters: a source and the names that ngclient asks for. Leaves: bytes, in pieces. Must
never happen: a redirect followed, a proxy or address taken from the environment, a
connection to an unchecked address, waiting without end. What the bytes are worth is
decided by The Update Framework. Implements HO-101 (own fetcher), HO-104, SR-P6, SR-F10.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from threading import Timer
from typing import Final
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from node.errors import ConfigError, UnreachableError
from node.federation.addresses import Network, resolve
from node.federation.proxy import Proxy

READ_TIMEOUT_S: Final = 10.0
RUN_TIMEOUT_S: Final = 120.0
CHUNK_BYTES: Final = 64 * 1024
_LOCAL: Final = "folder:///"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the directory is read; which one it is changes nothing in the trust (HO-104).

    Attributes:
        location: ``https://host/path/``, a folder, or http on loopback in a demo.
        allowed: Private networks that may be reached.
        demo: Whether loopback and a root marked as demo are allowed.
        lands: Länder to read, two digits each; None reads all that are listed.
        timeout_s: Longest time of one refresh in seconds.
        proxy: Where addresses are reached through.
    """

    location: str
    allowed: tuple[Network, ...] = ()
    demo: bool = False
    lands: frozenset[str] | None = None
    timeout_s: float = RUN_TIMEOUT_S
    proxy: Proxy | None = None

    @property
    def is_http(self) -> bool:
        """Whether it is an address and not a folder."""
        return self.location.startswith(("https://", "http://"))

    @property
    def base_url(self) -> str:
        """What ngclient puts before its names."""
        return self.location.rstrip("/") + "/" if self.is_http else _LOCAL


def make_fetcher(source: Source) -> "FolderFetcher | HttpFetcher":
    """The fetcher of a source.

    Raises:
        ConfigError: An address with user, query or fragment, or http outside a demo.
    """
    return HttpFetcher(source) if source.is_http else FolderFetcher(source)


class FolderFetcher(FetcherInterface):
    """Reads files of a folder, for instance one that was carried over by hand."""

    def __init__(self, source: Source) -> None:
        """Take the folder."""
        self._folder = Path(source.location)

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = unquote(url.removeprefix(_LOCAL))
        if name.startswith("/") or ".." in name.split("/"):
            raise DownloadError("name outside the folder")
        try:
            with open(f"{self._folder}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - ten thousand of them
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError:
            raise DownloadHTTPError("no such file", 404) from None
        except OSError as error:
            raise DownloadError("folder cannot be read") from error

    def close(self) -> None:
        """Nothing stays open."""


class HttpFetcher(FetcherInterface):
    """Reads files from one HTTP server over one kept connection."""

    def __init__(self, source: Source) -> None:
        """Check the address and start the clock; nothing is connected yet."""
        parts = urlsplit(source.base_url)
        plain = not (parts.query or parts.fragment or parts.username is not None)
        if (
            not plain
            or not parts.hostname
            or (parts.scheme == "http" and not source.demo)
        ):
            raise ConfigError("directory source: address not allowed")
        self._source = source
        self._tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._connection: http.client.HTTPConnection | None = None
        self._is_late = False
        # Socket timeouts bound one wait each; a server that drips bytes passes them all.
        self._alarm = Timer(source.timeout_s, self._stop)
        self._alarm.daemon = True
        self._alarm.start()

    def _fetch(self, url: str) -> Iterator[bytes]:
        # ngclient consumes the pieces outside ``fetch``, where nothing translates errors.
        response = None
        try:
            response = self._ask(urlsplit(url).path)
            if response.status != http.client.OK:
                raise DownloadHTTPError("not available", response.status)
            while chunk := response.read1(CHUNK_BYTES):
                yield chunk
            self._finish(response)
        except (OSError, http.client.HTTPException, UnreachableError) as error:
            self._drop()
            kind = SlowRetrievalError if self._is_late else DownloadError
            raise kind("connection failed") from error
        finally:
            # Bytes that a reader left behind must not be taken for the next answer.
            if response is not None and not response.isclosed():
                response.close()
                self._drop()

    def close(self) -> None:
        """Give the connection up and stop the clock."""
        self._alarm.cancel()
        self._drop()

    def _finish(self, response: http.client.HTTPResponse) -> None:
        """Tell the connection that an answer is over, if it was whole."""
        if response.length or self._is_late:
            raise UnreachableError("answer cut short")
        response.read()

    def _ask(self, path: str) -> http.client.HTTPResponse:
        """Send one request; a kept connection that the server closed is opened anew."""
        was_kept = self._connection is not None
        try:
            return self._send(path)
        except ConnectionError:
            self._drop()
            if not was_kept:
                raise
        return self._send(path)

    def _send(self, path: str) -> http.client.HTTPResponse:
        if self._is_late:
            raise UnreachableError("directory source too slow")
        if self._connection is None:
            self._connection = self._connect()
        headers = {"Accept-Encoding": "identity", "User-Agent": "staffelstab"}
        self._connection.request("GET", path, headers=headers)
        return self._connection.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        """Connect to an address that was checked; the name stays for TLS and Host."""
        plain = self._reach()
        if not self._tls:
            connection = http.client.HTTPConnection(self._host, self._port)
            connection.sock = plain
            return connection
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        secure = http.client.HTTPSConnection(self._host, self._port, context=context)
        try:
            secure.sock = context.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise
        return secure

    def _reach(self) -> socket.socket:
        """To an address that was checked, or by name through the proxy (SR-F10)."""
        if (proxy := self._source.proxy) is not None:
            with suppress(ValueError):
                ip_address(self._host)
                raise UnreachableError("no name, and the proxy resolves")
            return proxy.tunnel(self._host, self._port, READ_TIMEOUT_S)
        addresses = resolve(
            self._host,
            self._port,
            allowed=self._source.allowed,
            loopback=self._source.demo,
        )
        return _dial(addresses, self._port)

    def _stop(self) -> None:
        """Wake whoever waits for this server: the time of the whole run is over."""
        self._is_late = True
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _dial(addresses: list[str], port: int) -> socket.socket:
    """Connect to the first address that answers."""
    for address in addresses:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout=READ_TIMEOUT_S)
    raise UnreachableError("nobody answers")
