"""Recovering a node that was restored: ask everybody, decide with two persons, begin again.

Enters: a data folder whose node is stopped, what two persons want. Leaves: what was found,
and if they allow it a node that may start again. Must never happen: a signature here; a
recovery that passes over what somebody remembers, or over somebody who was not asked and not
waived by name. Implements exchange-log 5.4 (LR-26, LR-27), handover 4.5.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from node.bootstrap import Hands, Node, build_node, open_keyring
from node.casework.recovering import recover as carry_out
from node.config import Settings
from node.crypto.checkpoint import Checkpoint
from node.crypto.keyfile import lock_keyring
from node.crypto.keys import Randomness, SigningKey
from node.crypto.merkle import Frontier
from node.errors import ConfigError, LogError
from node.exchangelog.standing import Said, judge_note, number_of, own_head
from node.founding import Paths, first_names
from node.ids import AccountId, MemberId, TransferId
from node.store.files import sync_folder
from node.store.mark import Mark, write_mark
from node.store.ownnames import witness_of
from node.store.register import RegisterLine
from node.store.starting import mark_or_none
from node.store.unit import SqlUnitOfWork
from node.sync import firstword
from node.sync.office import Office
from node.sync.recollection import Recollection
from node.sync.recovery import Plan
from node.sync.remembering import Asked, ask_all


@dataclass(frozen=True, slots=True)
class Wish:
    """What two persons want.

    ``new_log``: end the present log and begin the next. ``waived``: members to do without.
    """

    by: AccountId
    second: AccountId
    new_log: bool = False
    waived: frozenset[MemberId] = frozenset()


@dataclass(frozen=True, slots=True)
class Findings:
    """What everybody said, and whether the node was recovered.

    ``ahead`` is the newest head of ours that somebody remembers and our log lacks;
    ``damage`` what is wrong with our own rows. ``silent`` did not answer and were not
    waived, with the code of why. ``origin`` and ``incarnation`` are the new ones.
    """

    ahead: Checkpoint | None = None
    damage: str | None = None
    silent: dict[MemberId, str] = field(default_factory=dict)
    asked: int = 0
    forgotten: int = 0
    is_done: bool = False
    origin: str = ""
    incarnation: int = 0
    witness: str = ""


async def recover(
    settings: Settings, wish: Wish, hands: Hands | None = None
) -> Findings:
    """Ask, and recover if nothing stands against it.

    The caller holds the leader's lease: no process of this node may run.

    Raises:
        ConfigError: No directory, or nobody to open the keys.
    """
    if wish.by == wish.second:
        raise ConfigError("recover: two different persons must decide it")
    async with build_node(settings, hands) as node:
        members = firstword.listed(node.office)
        if members is None:
            raise ConfigError("recover: there is no directory to ask by")
        asked = await ask_all(node.courier, members - wish.waived)
        return await asyncio.to_thread(_decide, node, wish, asked)


def _decide(node: Node, wish: Wish, asked: Asked) -> Findings:
    """Look at everything first; then all of it, or nothing."""
    read = node.store.read_sync
    ahead = read(_newest_ahead, node.office, asked.memories)
    whole, damage = read(_whole_log)
    found = Findings(
        ahead=ahead,
        damage=damage,
        silent=asked.silent,
        asked=len(asked.memories),
        forgotten=sum(len(m.ours) + len(m.theirs) for m in asked.memories),
    )
    must_be_new = ahead is not None or damage is not None
    if asked.silent or (must_be_new and not wish.new_log):
        return found
    return _begin_again(node, wish, asked, whole=whole, found=found)


def _begin_again(
    node: Node, wish: Wish, asked: Asked, *, whole: Frontier, found: Findings
) -> Findings:
    paths, office = Paths(node.settings.folder), node.office
    mark = mark_or_none(paths.mark)
    known = [node.store.read_sync(_incarnation), mark.incarnation if mark else 0]
    known += [m.out.inc for m in asked.memories if m.out is not None]
    incarnation = max(known) + 1
    first = first_names(node.settings.peer_url)
    continued = None
    if wish.new_log:
        continued = found.ahead or node.store.read_sync(
            _newest_known, office, asked.memories
        )
    plan = Plan(
        incarnation=incarnation,
        witness=witness_of(first.witness_name, incarnation),
        by=wish.by,
        second=wish.second,
        memories=asked.memories,
        waived=tuple(sorted(wish.waived)),
        continued=continued,
    )
    _renew_witness_key(paths, office.randomness)
    # Crash here: the witness has a new key under an old name; it is in quarantine, does
    # not cosign, and the next recovery draws another one.
    lines = tuple(node.register.replay())
    outlived = node.store.read_sync(_outlived, lines)
    node.store.write_sync(carry_out, office, plan, outlived)
    # Crash here: the old mark fits no more, and the node stays in quarantine.
    origin = node.store.read_sync(_origin)
    frontier = whole if continued is None else Frontier()
    write_mark(paths.mark, Mark(origin, incarnation, frontier))
    return replace(
        found,
        is_done=True,
        origin=origin,
        incarnation=incarnation,
        witness=plan.witness,
    )


def _newest_ahead(
    uow: SqlUnitOfWork, office: Office, memories: Sequence[Recollection]
) -> Checkpoint | None:
    """The newest head of ours that somebody remembers and our log does not contain."""
    own = firstword.own_log(uow, office)
    heads = [
        head
        for memory in memories
        if memory.note is not None
        and judge_note(memory.note, own) is Said.AHEAD
        and (head := own_head(memory.note, own)) is not None
    ]
    return max(heads, key=_age, default=None)


def _newest_known(
    uow: SqlUnitOfWork, office: Office, memories: Sequence[Recollection]
) -> Checkpoint:
    """The newest head of the present log: remembered by others, else signed by us."""
    own = firstword.own_log(uow, office)
    heads = [own_head(memory.note, own) for memory in memories if memory.note]
    newest = uow.log.newest()
    if newest is not None:
        heads.append(Checkpoint(newest.origin, newest.size, newest.root))
    known = [h for h in heads if h is not None and h.origin == office.log_origin]
    return max(known, key=_age, default=Checkpoint(office.log_origin, 0, _EMPTY))


_EMPTY = Frontier().root()


def _age(head: Checkpoint) -> tuple[int, int]:
    return number_of(head.origin), head.size


def _whole_log(uow: SqlUnitOfWork) -> tuple[Frontier, str | None]:
    """Read the whole log back from its raw rows; what differs is told, never repaired."""
    try:
        return uow.log_rows.read_back_whole(), None
    except LogError as error:
        return Frontier(), str(error)


def _outlived(
    uow: SqlUnitOfWork, lines: tuple[RegisterLine, ...]
) -> tuple[TransferId, ...]:
    return tuple(uow.upkeep.outlived(lines))


def _incarnation(uow: SqlUnitOfWork) -> int:
    return uow.chains.incarnation()


def _origin(uow: SqlUnitOfWork) -> str:
    return uow.log_rows.standing().origin


def _renew_witness_key(paths: Paths, randomness: Randomness) -> None:
    """LR-27: the old key never cosigns again."""
    master, ring = open_keyring(paths)
    ring = replace(ring, witness=SigningKey.from_seed(randomness(32)))
    draft = paths.keyring.with_name(paths.keyring.name + ".new")
    _write(draft, lock_keyring(ring.encode(), master, randomness))
    draft.replace(paths.keyring)
    sync_folder(paths.keyring.parent)


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
