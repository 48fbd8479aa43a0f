"""One handover, driven on by people who try again, whatever happens to the nodes."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from node import strictjson
from node.bootstrap import Node
from node.crypto.checkpoint import ED25519, NoteKey
from node.crypto.commit import open_body
from node.ids import MemberId
from node.store.unit import SqlUnitOfWork
from node.sync.office import Office
from tests.support.invariants import check
from tests.support.pair import AGS, SAECKINGEN, WEHR
from tests.support.processes import DiedError, LocalSeat, ProcessSeat, Seat
from tests.support.seen import look
from tests.support.staged import CANARIES, Stage

STEP_S = 0.03
# A hang, not slowness: the second attempt of a delivery comes after up to 20 s. Less than
# the minute after which a worker looks for what is due by itself: that must not be needed.
MOST_S = 45.0


class Story:
    """A person moves from Wehr to Bad Säckingen; ``withdraws`` once she is offered there."""

    def __init__(self, stage: Stage, *, withdraws: bool = False) -> None:
        self.stage = stage
        self.withdraws = withdraws
        self.transfer: str | None = None
        self.relocated = False
        self.withdrawn = False

    @property
    def states(self) -> tuple[str, str]:
        """The transfer's state at both ends, from the databases."""
        here = look(self.stage.folders[WEHR], ("outbound_transfer",)).rows(
            "outbound_transfer"
        )
        there = look(self.stage.folders[SAECKINGEN], ("inbound_transfer",)).rows(
            "inbound_transfer"
        )
        return (
            here[0]["state"] if here else "absent",
            there[0]["state"] if there else "absent",
        )

    @property
    def is_over(self) -> bool:
        return self.states == (
            ("recalled", "recalled") if self.withdraws else ("closed", "closed")
        )

    async def act(self, seats: Mapping[MemberId, Seat]) -> None:
        """What a person would do now, if anything."""
        await self._relocate(seats)
        here, there = self.states
        if self.withdraws:
            if not self.withdrawn and (here, there) == ("delivered", "waiting"):
                await seats[WEHR].act("withdraw", self.stage.consent)
                self.withdrawn = True
        elif there == "waiting":
            assert self.transfer is not None
            await seats[SAECKINGEN].act("approve", self.transfer)

    async def _relocate(self, seats: Mapping[MemberId, Seat]) -> None:
        if not self.relocated:
            self.transfer = await seats[WEHR].act(
                "relocate", AGS[SAECKINGEN], self.stage.case
            )
            self.relocated = True

    async def until_delivered(self, seats: Mapping[MemberId, Seat]) -> None:
        """Go on until the packet lies there; nobody approves it yet."""
        await self._relocate(seats)
        async with asyncio.timeout(MOST_S):
            while self.states[0] != "delivered":
                await asyncio.sleep(STEP_S)

    async def until_killed(
        self, seats: Mapping[MemberId, Seat], victim: ProcessSeat
    ) -> None:
        """Go on until a crash point takes the process."""
        async with asyncio.timeout(MOST_S):
            while not victim.killed:
                with suppress(DiedError):
                    await self.act(seats)
                assert not self.is_over or victim.killed, "the point was never reached"
                await asyncio.sleep(STEP_S)

    async def until_over(self, seats: Mapping[MemberId, Seat]) -> None:
        """Go on until both ends have come to rest."""
        async with asyncio.timeout(MOST_S):
            while not self.is_over:
                await self.act(seats)
                await asyncio.sleep(STEP_S)

    def check(self, *nodes: LocalSeat, swept: bool = False) -> None:
        """All invariants; the entries of the logs that are open here as well."""
        entries = {n.node.settings.member: entry_types(n.node) for n in nodes}
        whole = entries if len(entries) == 2 else None
        broken = check(
            self.stage.folders.values(),
            canaries=CANARIES,
            entries=whole,
            swept=swept,
        )
        assert broken == []


def entry_types(node: Node) -> dict[str, list[str]]:
    """Per transfer the types of its entries, in order, without their prefix.

    Every entry is opened with the node's keys, so a damaged one is met here.
    """
    found: dict[str, list[str]] = {}
    for spelled in node.store.read_sync(_opened, node.office):
        entry = strictjson.parse_object(spelled, members=2000)
        if "transfer" in entry:
            kind = str(entry["type"]).partition(".")[2]
            if str(entry["type"]).startswith("notice."):
                kind = str(entry["type"])
            found.setdefault(str(entry["transfer"]), []).append(kind)
    return found


def _opened(uow: SqlUnitOfWork, office: Office) -> list[bytes]:
    key = NoteKey(office.log_origin, office.keyring.log.public, ED25519)
    export = uow.log_rows.export(key)
    spelled = []
    for body in export.bodies:
        assert export.key is not None
        group = export.key(body.key_id)
        assert group is not None
        spelled.append(
            open_body(group, body.event_id, body.sealed, origin=office.log_origin)
        )
    return spelled
