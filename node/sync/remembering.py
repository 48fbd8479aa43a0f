"""Asking every member what it remembers of us, before a node recovers.

Enters: the members of the directory. Leaves: what each remembers, verified, and who was
silent. Must never happen: a silent member taken for one that remembers nothing (LR-26); an
endless page. Implements handover 4.5.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.errors import DeliveryError, NodeError, PeerError, TrustError
from node.exchangelog.standing import own_head
from node.ids import MemberId
from node.sync import firstword, recollection
from node.sync.chain import Position
from node.sync.courier import Courier
from node.sync.limits import STATEMENTS_PER_LIST
from node.sync.message import Statement
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.recollection import Recollection

_PAGES: Final = 4096
_FAILURES = (DeliveryError, TrustError, PeerError)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: memories, and who did not answer, with the code of why."""

    memories: tuple[Recollection, ...]
    silent: dict[MemberId, str]


async def ask_all(courier: Courier, members: Iterable[MemberId]) -> Asked:
    """Ask all of them at once."""
    members = sorted(members)
    answers = await asyncio.gather(
        *(_ask(courier, member) for member in members), return_exceptions=True
    )
    memories, silent = [], {}
    for member, answer in zip(members, answers, strict=True):
        if isinstance(answer, Recollection):
            memories.append(answer)
        elif isinstance(answer, NodeError) and isinstance(answer, _FAILURES):
            silent[member] = answer.code
        else:
            raise answer
    return Asked(tuple(memories), silent)


async def _ask(courier: Courier, peer: MemberId) -> Recollection:
    """Hello, then both chains from where we know them to agree."""
    said = (await courier.transport.hello(peer)).said
    out, taken = await courier.run.read(recollection.places, peer)
    ours = await _pages(courier, peer, out, of_us=True)
    theirs = await _pages(courier, peer, taken, of_us=False)
    held = said.memory
    note = said.note
    if note is not None and not await courier.run.read(_is_ours, courier.office, note):
        note = None
    return Recollection(
        peer,
        None if held is None else Position(held.inc, held.seq, held.h),
        note,
        tuple(ours),
        tuple(theirs),
    )


def _is_ours(uow: UnitOfWork, office: Office, note: str) -> bool:
    with uow:
        return own_head(note, firstword.own_log(uow, office)) is not None


async def _pages(
    courier: Courier, peer: MemberId, after: Position | None, *, of_us: bool
) -> list[Statement]:
    """All statements after a place, in chain order.

    Raises:
        PeerError: They do not follow one another, or do not end.
    """
    place = (after.inc, after.seq) if after else (0, 0)
    found: list[Statement] = []
    for _ in range(_PAGES):
        page = await courier.transport.recollect(peer, place, of_us=of_us)
        for envelope in page:
            statement = recollection.read(
                courier.office, peer, envelope.jws, of_us=of_us
            )
            position = statement.position
            assert position is not None
            if (position.inc, position.seq) <= place:
                raise PeerError("statements out of order")
            place = (position.inc, position.seq)
            found.append(statement)
        if len(page) < STATEMENTS_PER_LIST:
            return found
    raise PeerError("statements without end")
