"""Writing directory files so that readers never see half of one.

Enters: paths and their whole contents. Leaves: the files on disk, synced. Must never
happen: a reader that finds a beginning without its end, also after a power cut.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers find the old one or the new one, and sync it."""
    write_all({path: content})


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write many files, each as ``write_whole`` does.

    All are written before the first is synced: then the disk has one journey for all of
    them instead of one for each.
    """
    waiting: list[tuple[int, str, Path]] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            waiting.append((handle, name, path))
            write_open(handle, content)
        for handle, _, _ in waiting:
            os.fchmod(handle, 0o644)
            os.fsync(handle)
        # Crash here: nothing has its name yet; what is left over is never read.
        for _, name, path in waiting:
            Path(name).replace(path)
    finally:
        for handle, name, _ in waiting:
            os.close(handle)
            Path(name).unlink(missing_ok=True)


def link_all(files: Mapping[Path, Path]) -> None:
    """Give many files a second name, in folders that exist; synced before they have it.

    Args:
        files: New name to file. Who writes such a file anew must put another in its
            place, or both names change. Where the disk refuses a second name, the
            content is copied.
    """
    waiting: list[int] = []
    copied: dict[Path, bytes] = {}
    try:
        waiting.extend(os.open(file, os.O_RDONLY) for file in files.values())
        for handle in waiting:
            os.fchmod(handle, 0o644)
            os.fsync(handle)
        # Crash here: as in ``write_all``.
        for path, file in files.items():
            try:
                path.hardlink_to(file)
            except OSError:
                copied[path] = file.read_bytes()
    finally:
        for handle in waiting:
            os.close(handle)
    write_all(copied)


def write_open(handle: int, content: bytes) -> None:
    """Write all of it to an open file."""
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
