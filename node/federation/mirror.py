"""The verified directory, laid out so that others can read it from us.

Enters: metadata and files that ngclient has verified. Leaves: a folder in the layout of
a published directory, and a place for each file. Must never happen: a timestamp that
names what is not there yet; files of former times that pile up. What a mirror serves is
verified again by whoever reads it. Implements HO-104 (every node may be a mirror).
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tuf.api import exceptions
from tuf.api.metadata import TargetFile

from node.errors import DirectoryFileError
from node.federation.wholefile import link_all, write_open, write_whole

_AT_ONCE: Final = 256
_TIMESTAMP: Final = "timestamp.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Mirror:
    """One folder with ``metadata/`` and ``targets/``."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._used = dict[str, set[str]]()
        self._here = dict[str, set[str]]()

    def place(self, info: TargetFile) -> str:
        """Where a file belongs below ``targets/``: under its digest, as it is published.

        Raises:
            DirectoryFileError: The metadata gives no SHA-256 in its one spelling.
        """
        folder, _, name = info.path.rpartition("/")
        digest = info.hashes.get("sha256", "")
        # A role may write anything here; it must not become a path.
        if _DIGEST.fullmatch(digest) is None:
            raise DirectoryFileError("no digest")
        name = f"{digest}.{name}"
        self._used.setdefault(folder, set()).add(name)
        return f"{folder}/{name}" if folder else name

    def held(self, place: str, info: TargetFile) -> bytes | None:
        """The file, if it is here and still the one that is vouched for."""
        folder, _, name = place.rpartition("/")
        if name not in self._names(folder):
            return None
        with suppress(OSError, exceptions.LengthOrHashMismatchError):
            content = (self._targets / place).read_bytes()
            info.verify_length_and_hashes(content)
            return content
        return None

    def keep(self, place: str, content: bytes) -> None:
        """Write a verified file; a torn one is seen when it is read, and fetched anew."""
        self._names(place.rpartition("/")[0])
        with open(f"{self._targets}/{place}", "wb", buffering=0) as file:  # noqa: PTH123 - ten thousand of them
            write_open(file.fileno(), content)

    def _names(self, folder: str) -> set[str]:
        """What lay in a folder when it was first asked for; it is made if missing."""
        names = self._here.get(folder)
        if names is None:
            place = self._targets / folder
            place.mkdir(parents=True, exist_ok=True)
            names = self._here[folder] = set(os.listdir(place))  # noqa: PTH208 - names only
        return names

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
        for place, _, names in os.walk(self._targets):
            folder = (
                ""
                if place == str(self._targets)
                else os.path.relpath(place, self._targets)
            )
            for name in set(names) - self._used.get(folder, set()):
                (Path(place) / name).unlink()

    def _put(self, files: Mapping[str, Path]) -> None:
        """Give files their public names once: these carry a version, the content never changes.

        A few hundred at a time, so that as many are open at once.
        """
        self._metadata.mkdir(parents=True, exist_ok=True)
        missing = [name for name in files if not (self._metadata / name).exists()]
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            link_all({self._metadata / name: files[name] for name in part})

    def _drop_others(self, versions: Mapping[str, int]) -> None:
        for path in self._metadata.glob("*.*.json"):
            version, role, _ = path.name.split(".")
            if str(versions.get(role, version)) != version:
                path.unlink()
