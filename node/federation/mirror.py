"""The verified directory, laid out so that others can read it from us.

Enters: metadata and files that ngclient has verified. Leaves: a folder in the layout of
a published directory, and a place for each file. Must never happen: a timestamp that
names what is not there yet; files of former times that pile up. What a mirror serves is
verified again by whoever reads it. Implements HO-104 (every node may be a mirror).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tuf.api.metadata import TargetFile

from node.errors import DirectoryFileError
from node.federation.wholefile import write_all, write_whole

_AT_ONCE: Final = 256
_TIMESTAMP: Final = "timestamp.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Mirror:
    """One folder with ``metadata/`` and ``targets/``."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._used = set[Path]()
        self._made = set[Path]()

    def place(self, info: TargetFile) -> Path:
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
        return place

    def keep(self, place: Path, content: bytes) -> None:
        """Write a verified file; a torn one is seen when it is read, and fetched anew."""
        if place.parent not in self._made:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(place.parent)
        place.write_bytes(content)

    def publish(self, cache: Path, versions: Mapping[str, int]) -> None:
        """Lay out metadata of ngclient's folder; the timestamp comes last.

        Args:
            cache: The folder ngclient keeps.
            versions: The roles that may have changed, and their versions there.
        """
        new = {root.name: root for root in (cache / "root_history").glob("*.root.json")}
        for role, version in versions.items():
            new[f"{version}.{role}.json"] = cache / f"{quote(role, '')}.json"
        self._put(new)
        self._drop_others(versions)
        write_whole(self._metadata / _TIMESTAMP, (cache / _TIMESTAMP).read_bytes())

    def forget_the_rest(self) -> None:
        """Remove files that no present metadata lists."""
        for path in self._targets.rglob("*"):
            if path.is_file() and path not in self._used:
                path.unlink()

    def _put(self, files: Mapping[str, Path]) -> None:
        """Copy files once: names carry a version, so the content never changes.

        A few hundred at a time, so that as many are open at once.
        """
        missing = [name for name in files if not (self._metadata / name).exists()]
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            write_all({self._metadata / n: files[n].read_bytes() for n in part})

    def _drop_others(self, versions: Mapping[str, int]) -> None:
        for path in self._metadata.glob("*.*.json"):
            version, role, _ = path.name.split(".")
            if str(versions.get(role, version)) != version:
                path.unlink()
