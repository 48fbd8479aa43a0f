"""A town that hands a case to a place without a node, and that place when it has one.

``QuickSeal`` seals with age at the lowest cost: scrypt as it should be takes seconds. What
is kept, told, opened and imported is the product's own.
"""

import asyncio
import io
import re
import secrets
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pyrage

from node.bootstrap import Hands, Node, build_node
from node.casework import exports, relocations, sealing
from node.config import load_settings
from node.failpoints import Failpoints, NoFailpoints
from node.ids import Ags, MemberId, RecordId, TransferId
from node.strictjson import Json
from node.sync.exportports import Address
from node.sync.transfer import OutboundTransfer
from tests.support import desk
from tests.support.office import MovingClock
from tests.support.pair import (
    AGS,
    CLERK,
    SAECKINGEN,
    USUAL,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
)
from tests.support.quickage import quick_age

TOWN = Address(
    "Stadt Bad Säckingen", ("Rathausplatz 1", "79713 Bad Säckingen"), AGS[SAECKINGEN]
)


class QuickSeal:
    """Seals at once, and remembers the words for the test."""

    def __init__(self) -> None:
        """Nothing was sealed yet."""
        self.words = ""

    def __call__(self, content: bytes, passphrase: str) -> bytes:
        """The age file."""
        self.words = passphrase
        return quick_age(content, passphrase)


def archive_of(sealed: bytes, words: str) -> zipfile.ZipFile:
    """What lies in a sealed file."""
    return zipfile.ZipFile(io.BytesIO(pyrage.passphrase.decrypt(sealed, words)))


def code_in(sealed: bytes, words: str) -> str:
    """The receipt code as somebody reads it out."""
    text = archive_of(sealed, words).read("quittung.txt").decode()
    found = re.search(r"Code:\s+(\w{4} \w{4})", text)
    assert found
    return found[1]


@dataclass
class Town:
    """Wehr with its staff, and what it takes to let Bad Säckingen join later."""

    folder: Path
    folders: dict[MemberId, Path]
    node: Node
    clock: MovingClock
    seal: QuickSeal

    def outbound(self, transfer: TransferId) -> OutboundTransfer:
        """The transfer as it is stored."""
        return self.node.store.read_sync(lambda uow: uow.outbound.get(transfer))

    def held(self, *cases: str, ags: Ags = AGS[SAECKINGEN]) -> TransferId:
        """A recorded move to a place without a node."""
        return TransferId(desk.relocate(self.node, ags, *cases))

    async def sealed(self, to: Address = TOWN, **fields: Json) -> TransferId:
        """A case with consent, exported."""
        case = open_case(self.node, **fields)
        give_consent(self.node, case)
        transfer = self.held(case, ags=to.ags)
        await self.seal_it(transfer, to)
        return transfer

    async def seal_it(self, transfer: TransferId, to: Address = TOWN) -> None:
        """Address, tick and confirm; then what the worker does."""
        node = self.node
        node.store.write_sync(exports.address, transfer, to, by=CLERK)
        confirm(node, transfer)
        await sealing.release_any(node.courier, transfer, self.seal)

    def tell(
        self, transfer: TransferId, name: str = "Frau Beispiel"
    ) -> OutboundTransfer:
        """Tell the words to somebody on the phone."""
        return self.node.store.write_sync(
            exports.tell, self.node.office, transfer, name=name, by=CLERK
        )

    def file(self, transfer: TransferId) -> bytes:
        """The sealed file as the caseworker downloads it."""
        found = self.node.store.read_sync(
            exports.sealed_file, self.node.office, transfer, by=CLERK
        )
        return b"".join(self.node.courier.files.read(found.name))


def confirm(node: Node, transfer: TransferId) -> None:
    """A caseworker ticks what is usual."""
    members = node.store.read_sync(lambda uow: uow.outbound.get(transfer)).members
    none: frozenset[RecordId] = frozenset()
    scope = {member.case: (USUAL, none) for member in members}
    node.store.write_sync(
        relocations.confirm, transfer, relocations.Confirmation(scope), by=CLERK
    )


@asynccontextmanager
async def town(
    folder: Path, failpoints: Failpoints | None = None
) -> AsyncIterator[Town]:
    """Wehr alone in its federation."""
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, failpoints or NoFailpoints())
    folders = await asyncio.to_thread(found_pair, folder, hands, later=(SAECKINGEN,))
    async with build_node(load_settings(folders[WEHR]), hands) as node:
        add_staff(node)
        yield Town(folder, folders, node, clock, QuickSeal())
