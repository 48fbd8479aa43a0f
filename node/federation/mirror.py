"""The verified directory, laid out so that others can read it from us.

Enters: metadata and files that ngclient has verified. Leaves: a folder in the layout of
a published directory, and a place for each file. Must never happen: a timestamp that
names what is not there yet; files of former times that pile up. What a mirror serves is
verified again by whoever reads it. Implements HO-104 (every node may be a mirror).
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tuf.api.metadata import Metadata, TargetFile

from node.errors import DirectoryFileError
from node.federation.wholefile import write_whole

_TIMESTAMP: Final = "timestamp.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Mirror:
    """One folder with ``metadata/`` and ``targets/``."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._used = set[Path]()

    def place(self, info: TargetFile) -> str:
        """Where a file belongs: under its digest, as it is published.

        Raises:
            DirectoryFileError: The metadata gives no SHA-256 in its one spelling.
        """
        folder, _, name = info.path.rpartition("/")
        digest = info.hashes.get("sha256", "")
        # A role may write anything here; it must not become a path.
        if _DIGEST.fullmatch(digest) is None:
            raise DirectoryFileError("no digest")
        place = self._targets / folder / f"{digest}.{name}"
        self._used.add(place)
        return str(place)

    def publish(self, cache: Path, roles: Iterable[str]) -> None:
        """Lay out metadata of ngclient's folder; the timestamp comes last.

        Args:
            cache: The folder ngclient keeps.
            roles: Which roles may have changed.
        """
        for root in (cache / "root_history").glob("*.root.json"):
            self._put(root.name, root)
        for role in roles:
            path = cache / f"{quote(role, '')}.json"
            version = Metadata.from_file(str(path)).signed.version
            self._put(f"{version}.{role}.json", path)
            self._drop_others(version, role)
        write_whole(self._metadata / _TIMESTAMP, (cache / _TIMESTAMP).read_bytes())

    def forget_the_rest(self) -> None:
        """Remove files that no present metadata lists."""
        for path in self._targets.rglob("*"):
            if path.is_file() and path not in self._used:
                path.unlink()

    def _put(self, name: str, source: Path) -> None:
        """Copy a file once: names carry a version, so the content never changes."""
        place = self._metadata / name
        if not place.exists():
            write_whole(place, source.read_bytes())

    def _drop_others(self, version: int, role: str) -> None:
        for path in self._metadata.glob(f"*.{role}.json"):
            if path.name != f"{version}.{role}.json":
                path.unlink()
