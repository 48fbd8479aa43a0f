"""Walking every moment of a transfer, and saying what is wrong with one.

The checks are I1, I2, I4 and I8 of handover 6.2, as far as two states and what both ends
keep can show them, and that both ends agree whenever everything has arrived.
"""

from collections import deque
from dataclasses import dataclass

from node.sync.transfer import Inbound, InEvent, Outbound, OutEvent
from node.sync.words import StatementType
from tests.support.ends import MissingRuleError, Walk
from tests.support.world import EDITABLE, OVER_HERE, World, settle

_O, _I, _T = Outbound, Inbound, StatementType

HERE = frozenset({_I.IMPORTED, _I.CLOSED, _I.DURABLE})
ENDED = frozenset({_I.REJECTED, _I.EXPIRED, _I.RECALLED})
AGREED = frozenset(
    {
        (_O.HELD, _I.ABSENT),
        (_O.CANCELLED, _I.ABSENT),
        (_O.QUEUED, _I.ANNOUNCED),
        (_O.DELIVERED, _I.WAITING),
        (_O.ASKED, _I.APPROVED),
        (_O.GRANTED, _I.OPENING),
        (_O.CLOSED, _I.CLOSED),
        (_O.DURABLE, _I.DURABLE),
        (_O.ERASED, _I.DURABLE),
        (_O.REJECTED, _I.REJECTED),
        (_O.RECALLED, _I.RECALLED),
        (_O.RECALLED, _I.REJECTED),
        (_O.RECALLED, _I.EXPIRED),
        # The offer was never taken, and the sender was restored.
        (_O.RECALLED, _I.ABSENT),
        # After ``lost``: the same bytes come again, and need no second offer.
        (_O.GRANTED, _I.ANNOUNCED),
        (_O.GRANTED, _I.WAITING),
    }
)
"""Pairs of states in which both ends may rest when everything has arrived."""


_HOLDING = (_O.QUEUED, _O.DELIVERED, _O.ASKED)


def contradiction(w: World) -> str | None:
    """What is wrong with a moment, if anything (I1, I2, I4, I8)."""
    there = w.case and not w.gone and not w.moot
    if w.s in EDITABLE and there:
        return "two homes"
    if w.half and not w.gone and w.s is not _O.GRANTED:
        return "share B is there, and the sender did not grant"
    if w.r is _I.OPENING and not (w.sealed and w.half):
        return "opening without both shares"
    if w.share and w.s not in {_O.GRANTED, _O.CLOSED, _O.DURABLE, *_HOLDING}:
        return "share B outlives the transfer"
    lost = w.told[w.taken :].count(_T.LOST)
    if w.s in {_O.CLOSED, _O.DURABLE} and not (there or w.moot or w.gone or lost):
        return "closed without import"
    if settled(w) and not w.gone and not _agree(w):
        return "the ends rest and contradict each other"
    return None


def settled(w: World) -> bool:
    """Whether every statement has arrived."""
    return w.heard == len(w.said) and w.taken == len(w.told)


def _agree(w: World) -> bool:
    if (w.s, w.r) in AGREED:
        return True
    if (w.s, w.r) == (_O.GRANTED, _I.APPROVED):
        # A restored sender has no share B to grant; the recipient's clock ends it.
        return not w.share
    return (w.moot or w.s is _O.ERASED) and w.s in OVER_HERE and w.r in HERE | ENDED


@dataclass(frozen=True, slots=True)
class Explored:
    """Every moment reachable from a start, and how each pair was first reached.

    ``stuck`` are the moments from which the transfer can never come to an end.
    """

    start: World
    parents: dict[World, tuple[World, str] | None]
    out: dict[tuple[Outbound, OutEvent], World]
    into: dict[tuple[Inbound, InEvent], World]
    stuck: list[World]

    def path(self, world: World) -> list[str]:
        """The labels of the moves that lead from the start to a moment."""
        labels: list[str] = []
        step = self.parents[world]
        while step is not None:
            world, label = step
            labels.append(label)
            step = self.parents[world]
        return labels[::-1]


def explore(start: World, walk: Walk) -> Explored:
    """Walk everything.

    Raises:
        MissingRuleError: Something that may arrive has no line; the path is told.
        AssertionError: A moment contradicts itself; the path is told.
    """
    found = Explored(start, {start: None}, {}, {}, [])
    before: dict[World, list[World]] = {}
    waiting = deque([start])
    while waiting:
        world = waiting.popleft()
        wrong = contradiction(world)
        assert wrong is None, f"{wrong}: {found.path(world)}"
        try:
            moves = list(walk.moves(world))
        except MissingRuleError as error:
            raise MissingRuleError(f"{error}: {found.path(world)}") from error
        for move in moves:
            for pair in move.out:
                found.out.setdefault(pair, world)
            for pair_in in move.into:
                found.into.setdefault(pair_in, world)
            after = settle(move.after)
            before.setdefault(after, []).append(world)
            if after not in found.parents:
                found.parents[after] = (world, move.label)
                waiting.append(after)
    found.stuck.extend(_cannot_end(found.parents, before))
    return found


def _cannot_end(
    worlds: dict[World, tuple[World, str] | None], before: dict[World, list[World]]
) -> list[World]:
    """The moments from which no end can be reached any more."""
    ended = (EDITABLE | OVER_HERE) - {_O.HELD, _O.RECALLING}
    over = {w for w in worlds if w.s in ended and (w.gone or settled(w))}
    waiting = deque(over)
    while waiting:
        for earlier in before.get(waiting.popleft(), ()):
            if earlier not in over:
                over.add(earlier)
                waiting.append(earlier)
    return [w for w in worlds if w not in over]
