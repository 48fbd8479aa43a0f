"""What the routes for peers work with, and how a complete container is kept."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path

from node.federation.answers import encode_answer
from node.federation.listener import Reply
from node.federation.pace import ProblemError
from node.federation.relay import Counter
from node.ids import MemberId, TransferId
from node.sync import deposit, limits
from node.sync.courier import Runner, StatementsAnswer
from node.sync.message import Envelope
from node.sync.office import Office
from node.sync.ports import PacketFiles
from node.sync.rows import StatementRow
from node.sync.uploading import Digests, Intake


def _none() -> None:
    """A desk without keys of its own offers no sheet."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes work with; ``contact`` tells the worker that a peer is there.

    ``keysheet`` gives the newest sheet, signed by the sheet key, for the directory.
    ``relay`` is there where this node keeps mailboxes for others.
    ``digests`` knows how far each upload came, ``finishing`` are those that end just now.
    """

    office: Office
    run: Runner
    files: PacketFiles
    contact: Callable[[MemberId], None]
    started_at: datetime
    public_url: str
    mirror: Path | None
    requests_per_s: int = limits.REQUESTS_PER_KEY_S
    keysheet: Callable[[], str | None] = _none
    relay: Counter | None = None
    trusted_proxies: Sequence[str] = ()
    digests: Digests = field(default_factory=Digests)
    finishing: dict[TransferId, asyncio.Task[Reply]] = field(default_factory=dict)

    @property
    def intake(self) -> Intake:
        """Takes the parts of uploads."""
        return Intake(self.run, self.office, self.files, self.digests)


def check_room(desk: Desk, expected: deposit.Expected, length: int) -> None:
    """HO-76: bytes are taken only if there is room, said before one of them is read.

    Raises:
        ProblemError: 429 or 507, with the time to wait.
    """
    if expected.over_quota:
        wait = int(limits.QUOTA_WAIT.total_seconds())
        raise ProblemError("quota", retry_after=wait)
    if not desk.files.has_room(length):
        wait = int(limits.ROOM_WAIT.total_seconds())
        raise ProblemError("no-space", retry_after=wait)


async def keep_container(
    desk: Desk,
    transfer: TransferId,
    start: bytes,
    *,
    key: bytes,
    chunks: Callable[[], Iterator[bytes]],
    expected: deposit.Expected,
) -> StatementRow:
    """Seal a complete container under a transfer key, sync it, then commit (P18).

    Args:
        desk: Store and files.
        transfer: T.
        start: The first bytes, its whole prelude at least.
        key: The transfer key (HO-16).
        chunks: All bytes; their digest was compared with the offer's (HO-59).
        expected: What the offer said.
    """
    fits = deposit.fits_offer(transfer, expected.offer, start)
    part = await desk.run.file(
        lambda: desk.files.keep_sealed(key, transfer, 0, chunks())
    )
    return await desk.run.write(
        partial(deposit.take_packet, key=key, parts=(part,), fits=fits),
        desk.office,
        transfer,
    )


def with_statement(row: StatementRow, status: HTTPStatus) -> Reply:
    """An answer that carries one of our statements back; ``stored`` needs no proof."""
    envelopes = (Envelope(row.jws, None),) if row.entry is None else ()
    return Reply(status, encode_answer(StatementsAnswer({}, envelopes, None, None)))
