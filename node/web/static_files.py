"""Style sheets, fonts and pictures, served from memory under the digest of them all.

Enters: the files of ``node/web/static``, once, at start. Leaves: answers that a browser may
keep for ever, because another content has another address. Must never happen here: a path
from a request that reaches the file system.
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

PREFIX: Final = "/static/"
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    packed: bytes | None
    content_type: str


class StaticFiles:
    """All files of the browser side."""

    def __init__(self) -> None:
        """Read and pack every file of a known kind."""
        self._files: dict[str, _File] = {}
        digest = hashlib.sha256()
        for path, source in sorted(_walk(files("node.web").joinpath("static"))):
            suffix = "." + path.rpartition(".")[2]
            if suffix in _TYPES:
                body = source.read_bytes()
                # Fonts are compressed in themselves.
                packed = None if suffix == ".woff2" else gzip.compress(body, mtime=0)
                self._files[path] = _File(body, packed, _TYPES[suffix])
                digest.update(path.encode() + b"\0" + hashlib.sha256(body).digest())
        self.digest = digest.hexdigest()[:16]

    def address(self, path: str) -> str:
        """The address of a file; a name that does not exist is a bug of a template."""
        if path not in self._files:
            raise KeyError(path)
        return f"{PREFIX}{self.digest}/{path}"

    async def answer(self, request: web.Request) -> web.Response:
        """Serve one file."""
        found = self._files.get(request.match_info["path"])
        if found is None or request.match_info["digest"] != self.digest:
            raise web.HTTPNotFound
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        body = found.body
        if found.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = found.packed
        return web.Response(body=body, content_type=found.content_type, headers=headers)

    def route(self) -> web.RouteDef:
        """The one route of all files."""
        return web.get(PREFIX + "{digest}/{path:.+}", self.answer)


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = prefix + entry.name
        if entry.is_dir():
            yield from _walk(entry, path + "/")
        else:
            yield path, entry
