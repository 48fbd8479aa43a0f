"""Chapters 5.4 and 6.3 as a small machine, walked through every order.

Two nodes, each restarted at most twice, one transfer from A to B. A message is a question
that is answered at once or not at all; a node that waits answers hello. The model takes the
decisions from the product (``standing``) and only adds who asks whom. It must come to rest
from everywhere, and each of two wrong rules must be found: a cosignature that writes an
entry, and a cosignature that waits for one's own.
"""

from collections import deque
from dataclasses import dataclass, replace

import pytest

from node.exchangelog.standing import Said, Standing, after_answers, at_start
from node.ids import MemberId

A, B = MemberId("08337116-stadt-a"), MemberId("08337096-stadt-b")
PEER = {A: B, B: A}
MOST_ENTRIES = 5
RESTARTS = 2


@dataclass(frozen=True)
class Town:
    """What counts of one node: sizes, what the other remembers, where the story stands."""

    standing: Standing = Standing.SPEAKING
    size: int = 1
    signed: int = 0
    seen: int = 0  # the other's head that we cosigned
    cosigned: int = 0  # our head that the other cosigned
    met: bool = False
    step: int = 0  # how many steps of the story this end has made
    restarts: int = RESTARTS


# Who writes an entry, and what must be there before: 6.3, rows 1 to 10.
STORY = (
    (A, "offer"),
    (B, "stored"),
    (B, "approve"),
    (A, "grant"),
    (B, "import"),
    (A, "close"),
)


@dataclass(frozen=True)
class Rules:
    """The two rules of LR-17 and LR-25, and their opposites."""

    cosigning_writes: bool = False
    cosigning_waits: bool = False


def moves(state, rules):
    """Every state that one act leads to."""
    for me in (A, B):
        yield from _alone(state, me)
        yield from _together(state, me, rules)


def _alone(state, me):
    mine = state[me]
    if mine.restarts:
        waits = at_start(mark=None, to_ask={PEER[me]} if mine.met else ())
        yield put(state, me, standing=waits, restarts=mine.restarts - 1)
    if mine.standing is Standing.SPEAKING and mine.signed < mine.size:
        yield put(state, me, signed=mine.size)


def _together(state, me, rules):
    mine, other = state[me], state[PEER[me]]
    # Hello: answered in every state, at once.
    if mine.standing is Standing.WAITING:
        said = Said.KNOWN if mine.cosigned else Said.NOTHING
        after = after_answers(mine.standing, frozenset({PEER[me]}), {PEER[me]: said})
        yield put(state, me, standing=after)
    if mine.standing is not Standing.SPEAKING:
        return
    # add-checkpoint: the other must speak, and by the wrong rule be cosigned itself.
    ready = other.standing is Standing.SPEAKING
    if rules.cosigning_waits:
        ready = ready and 0 < other.signed == other.cosigned
    if ready and mine.cosigned < mine.signed:
        grown = other.size + rules.cosigning_writes
        after = put(state, me, cosigned=mine.signed, met=True)
        yield put(after, PEER[me], seen=mine.signed, met=True, size=grown)
    yield from _story(state, me, mine, other)


def _story(state, me, mine, other):
    """The next step of the transfer, if it is mine and what it needs is proven."""
    done = state[A].step + state[B].step
    if done == len(STORY) or STORY[done][0] != me:
        return
    needs_statement = done > 0 and STORY[done - 1][0] != me
    proven = not needs_statement or other.signed >= other.size
    # The packet waits for the recipient's cosignature over the offer's entry.
    if STORY[done][1] == "stored":
        proven = proven and other.cosigned == other.signed == other.size
    if proven and (not needs_statement or other.standing is Standing.SPEAKING):
        yield put(state, me, size=mine.size + 1, step=mine.step + 1, met=True)


def put(state, me, **changes):
    return {**state, me: replace(state[me], **changes)}


def key(state):
    return state[A], state[B]


def walk(rules):
    """All reachable states, and for each the states it leads to."""
    start = {A: Town(), B: Town()}
    graph, queue = {}, deque([start])
    while queue:
        state = queue.popleft()
        if key(state) in graph:
            continue
        assert max(state[A].size, state[B].size) <= MOST_ENTRIES, (
            "it never comes to rest"
        )
        after = list(moves(state, rules))
        graph[key(state)] = {key(s) for s in after}
        queue.extend(after)
    return graph


def is_over(pair):
    a, b = pair
    return a.step + b.step == len(STORY) and Standing.WAITING not in (
        a.standing,
        b.standing,
    )


def stuck(graph):
    """States from which the story's end can no longer be reached."""
    before = {}
    for pair, nexts in graph.items():
        for after in nexts:
            before.setdefault(after, set()).add(pair)
    good = {pair for pair in graph if is_over(pair)}
    queue = deque(good)
    while queue:
        for pair in before.get(queue.popleft(), ()):
            if pair not in good:
                good.add(pair)
                queue.append(pair)
    return set(graph) - good


@pytest.mark.spec("LR-25", "LR-17", "LR-13")
def test_from_every_moment_the_transfer_can_end_whoever_restarts_when():
    graph = walk(Rules())
    assert any(is_over(pair) for pair in graph)
    assert stuck(graph) == set()


def test_every_rest_is_the_end_of_the_story():
    graph = walk(Rules())
    ends = [pair for pair, nexts in graph.items() if nexts <= {pair}]
    assert ends
    for a, b in ends:
        assert is_over((a, b))
        assert (a.cosigned, b.cosigned) == (a.signed, b.signed) == (a.size, b.size)


def test_both_restarted_at_once_both_speak():
    waiting = Town(standing=Standing.WAITING, met=True, restarts=0)
    graph = {}
    queue = deque([{A: waiting, B: waiting}])
    while queue:
        state = queue.popleft()
        if key(state) not in graph:
            after = list(moves(state, Rules()))
            graph[key(state)] = {key(s) for s in after}
            queue.extend(after)
    assert stuck(graph) == set()


@pytest.mark.spec("LR-17")
def test_a_cosignature_that_writes_an_entry_never_comes_to_rest():
    with pytest.raises(AssertionError, match="never comes to rest"):
        walk(Rules(cosigning_writes=True))


@pytest.mark.spec("LR-17")
def test_a_cosignature_that_waits_for_ones_own_waits_for_ever():
    assert stuck(walk(Rules(cosigning_waits=True)))
