"""The directory on disk: its accepted files, in one transaction.

Enters: a directory that was just verified. Leaves: the one in force. Must never happen:
half a directory (a crash keeps the last trusted one); an instant of first sight that
changes, since waiting times count from it (HO-98).
"""

from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from node.failpoints import Failpoints, Point
from node.store.casetables import directory_file
from node.store.work import Work
from node.trust.directory import Directory
from node.trust.holdings import DirectoryFile, FileKind

_PLACE: Final = (
    directory_file.c.kind == bindparam("is_kind"),
    directory_file.c.name == bindparam("is_name"),
    directory_file.c.serial == bindparam("is_serial"),
)

_ALL: Final = select(directory_file)
_ADD: Final = insert(directory_file)
_CHANGE: Final = update(directory_file).where(*_PLACE)
_DROP: Final = delete(directory_file).where(*_PLACE)


class SqlDirectory:
    """The directory inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def load(self) -> Directory | None:
        """The directory in force, None before the first refresh."""
        rows = self._work.rows(_ALL)
        return Directory.decode(map(_from_row, rows)) if rows else None

    def save(self, directory: Directory, failpoints: Failpoints) -> None:
        """Replace the directory as a whole; only what differs is written.

        A file that was here with the same bytes keeps the instant it was first seen.
        """
        known = {file.place: file for file in map(_from_row, self._work.rows(_ALL))}
        wanted = {file.place: file for file in directory.files}
        gone = [_place(known[place]) for place in known.keys() - wanted.keys()]
        new = [wanted[place] for place in wanted.keys() - known.keys()]
        changed = [
            wanted[place]
            for place in wanted.keys() & known.keys()
            # The head's instant is the last refresh: it counts also without new bytes.
            if wanted[place].body != known[place].body or place[0] is FileKind.HEAD
        ]
        if gone:
            self._work.change(_DROP, gone)
        if new:
            self._work.change(_ADD, [_row(file) for file in new])
        # Crash here: nothing of this transaction is there.
        failpoints.reach(Point.DIRECTORY_HALF_WRITTEN)
        if changed:
            self._work.change(
                _CHANGE, [_place(file) | _content(file) for file in changed]
            )


def _row(file: DirectoryFile) -> dict[str, Any]:
    place = {"kind": file.kind, "name": file.name, "serial": file.serial}
    return place | _content(file)


def _content(file: DirectoryFile) -> dict[str, Any]:
    return {"body": file.body, "first_seen_at": file.first_seen_at}


def _place(file: DirectoryFile) -> dict[str, Any]:
    return {"is_kind": file.kind, "is_name": file.name, "is_serial": file.serial}


def _from_row(row: Row[*tuple[Any, ...]]) -> DirectoryFile:
    return DirectoryFile(
        FileKind(row.kind), row.name, row.serial, row.body, row.first_seen_at
    )
