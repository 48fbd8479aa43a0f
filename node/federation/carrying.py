"""Items in a folder or on a stick: the same ones that a relay would keep (HO-93).

Enters: items to hand in, or a folder that somebody carried here. Leaves: files, or the items
that are for us. Must never happen: a file that names who wrote it; one removed before our
own commit; half a file read.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from node.federation.relaytransport import Packed
from node.federation.wholefile import write_whole
from node.ids import MemberId, MessageId
from node.sync import limits
from node.sync.mailbox import Slip
from node.sync.mailports import Turn

_NAME: Final = re.compile(
    r"(?P<queue>[a-z0-9-]{4,60})\.(?P<digest>[0-9a-f]{32})\.(?P<kind>[sp])"
)


class FolderPost:
    """Hands items in by writing files."""

    def __init__(self, folder: Path) -> None:
        """Write into this folder."""
        self._folder = folder
        self.written = 0

    async def put(self, packed: Packed, turn: Turn) -> str:  # noqa: ARG002 - one folder
        """One file per item, named by its bytes: twice is the same file."""
        name = f"{packed.queue}.{packed.digest[:16].hex()}.{packed.kind}"
        content = await asyncio.to_thread(lambda: b"".join(packed.chunks(0)))
        await asyncio.to_thread(write_whole, self._folder / name, content)
        self.written += 1
        return str(self._folder)


class FolderMailbox:
    """The items in a folder that are for us: letters first, in the order of their writing."""

    def __init__(self, folder: Path, member: MemberId) -> None:
        """Look into this folder for this member."""
        self._folder = folder
        self._member = member
        self._files: dict[MessageId, Path] = {}

    async def wait(self, after: int) -> Sequence[Slip]:
        """All of them at once; a folder gets no more by waiting."""
        found = []
        for path in self._folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is not None and match["queue"] == self._member and path.is_file():
                status = path.stat()
                order = (match["kind"] != "s", status.st_mtime_ns, path.name)
                found.append((order, path, match["kind"], status.st_size))
        slips = []
        for n, (_, path, kind, size) in enumerate(sorted(found), start=1):
            item = MessageId.of(bytes.fromhex(path.name.split(".")[1]))
            self._files[item] = path
            slips.append(Slip(n, item, kind, size))
        return [slip for slip in slips if slip.n > after]

    async def read(self, slip: Slip, start: int) -> bytes:
        """At most 4 MiB from a place on."""

        def cut() -> bytes:
            with self._files[slip.id].open("rb") as file:
                file.seek(start)
                return file.read(limits.PART_BYTES)

        return await asyncio.to_thread(cut)

    async def remove(self, slip: Slip) -> None:
        """It is not needed any more."""
        self._files[slip.id].unlink(missing_ok=True)
