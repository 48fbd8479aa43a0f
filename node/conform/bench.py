"""What every group of checks works with: the wire, our own test member, the report.

Enters: a member of the same directory, opened from its folder. Leaves: checks in the
report. Must never happen: an answer that nobody signed taken for a good one (HO-70).
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from node.bootstrap import Node
from node.conform.report import Report
from node.conform.wire import JSON, STRAIGHT, Bend, Seen, Wire
from node.errors import UnreachableError
from node.ids import MemberId, MessageId
from node.sync.delivery import next_batch
from node.sync.message import Envelope

P = "/staffelstab/1"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, and how it is bent; a list of no statements unless said otherwise."""

    method: str = "POST"
    path: str = f"{P}/statements"
    body: bytes = b"[]"
    media_type: str = JSON
    bend: Bend = STRAIGHT


STATEMENTS: Final = Ask()


@dataclass(frozen=True, slots=True)
class Bench:
    """One run against one implementation.

    ``wait_s`` is how long people at the other side are waited for; ``last`` allows the
    checks after which the pair stays in quarantine.
    """

    node: Node
    peer: MemberId
    wire: Wire
    wait_s: float = 0.0
    last: bool = False
    report: Report = field(default_factory=Report)

    async def refused(
        self,
        number: str,
        what: str,
        *,
        status: int,
        code: str,
        ask: Ask = STATEMENTS,
        signed: bool = True,
    ) -> bool:
        """Check that this request is refused with this status and code."""
        try:
            seen = await self.wire.send(
                ask.method, ask.path, ask.body, ask.media_type, ask.bend
            )
        except UnreachableError as error:
            return self.report.judge(number, what, good=False, seen=str(error))
        good = (seen.status, seen.code) == (status, code)
        good = good and not (signed and seen.fault)
        return self.report.judge(
            number, what, good=good, seen=f"{seen}, erwartet {status} {code}"
        )

    async def queued(self, said: MessageId) -> tuple[Envelope, ...]:
        """A statement of ours with all that stands before it in our chain and still waits.

        What they send us meanwhile makes our node answer by itself, so no statement is
        ever sent without what our chain holds before it (HO-81).
        """
        await asyncio.to_thread(self.node.publisher.publish)
        batch = self.node.store.read_sync(next_batch, self.node.office, self.peer)
        place = [row.jti for row in batch.rows].index(said)
        return batch.envelopes[: place + 1]

    def judge(self, number: str, what: str, *, good: bool, seen: object) -> bool:
        """Note one check."""
        return self.report.judge(number, what, good=good, seen=str(seen))

    async def good(
        self,
        number: str,
        what: str,
        *,
        method: str,
        path: str,
        status: int = 200,
        body: bytes = b"",
        media_type: str = JSON,
    ) -> Seen | None:
        """Check that a good request gets this status, signed; gives the answer."""
        try:
            seen = await self.wire.send(method, path, body, media_type)
        except UnreachableError as error:
            self.report.judge(number, what, good=False, seen=str(error))
            return None
        good = seen.status == status and not seen.fault
        self.report.judge(number, what, good=good, seen=f"{seen}, erwartet {status}")
        return seen if good else None
