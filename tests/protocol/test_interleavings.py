"""All interleavings of both state tables (AS-4).

From ``held`` and ``absent`` each end decides whatever its table allows, and everything ever
sent arrives late or never, in chain order; container bytes arrive when they like; both ends
may be restored from a backup once.
"""

from functools import cache

import pytest

from node.sync.machine import Machine, Rule
from node.sync.transfer import (
    INBOUND,
    OUTBOUND,
    Effect,
    Inbound,
    InEvent,
    Outbound,
    OutEvent,
)
from tests.support.ends import MissingRuleError, Walk
from tests.support.explore import Explored, contradiction, explore
from tests.support.world import ARRIVALS_IN, ARRIVALS_OUT, World, settle

STARTS = (
    World(),
    World(restores_s=1, restores_r=1, requests=0, contacts=0),
    World(restores_s=1, restores_r=1, withdrawals=0, contacts=0),
)
ANSWERING_OUT = [(s, e) for s, e, _ in OUTBOUND.pairs() if e in ARRIVALS_OUT]
ANSWERING_IN = [(s, e) for s, e, _ in INBOUND.pairs() if e in ARRIVALS_IN]


@cache
def walks() -> tuple[Explored, ...]:
    return tuple(explore(start, Walk()) for start in STARTS)


def replay(walked: Explored, to: World, walk: Walk) -> None:
    """Go the same way again, under other tables, and look around there."""
    world = walked.start
    for label in walked.path(to):
        world = next(settle(m.after) for m in walk.moves(world) if m.label == label)
    list(walk.moves(world))


@pytest.mark.spec(
    "HO-10",
    "HO-14",
    "AS-4",
    "TRF-4",
    "TRF-5",
    "TRF-6",
    "TRF-7",
    "TRF-8",
    "TRF-9",
    "TRF-10",
)
def test_no_arrival_lacks_a_line_and_no_moment_contradicts_itself():
    assert all(walked.parents for walked in walks())


@pytest.mark.spec("AS-4")
def test_every_pair_of_the_tables_is_reached():
    out = {pair for walked in walks() for pair in walked.out}
    into = {pair for walked in walks() for pair in walked.into}
    assert out == {(s, e) for s, e, _ in OUTBOUND.pairs()}
    assert into == {(s, e) for s, e, _ in INBOUND.pairs()}


def test_from_every_moment_the_transfer_can_come_to_an_end():
    assert [walked.stuck for walked in walks()] == [[], [], []]


@pytest.mark.spec("AS-4")
@pytest.mark.parametrize(("state", "event"), ANSWERING_OUT)
def test_without_a_line_that_answers_the_recipient_the_walk_fails(state, event):
    walked = next(w for w in walks() if (state, event) in w.out)
    walk = Walk(outbound=OUTBOUND.without(state, event))
    with pytest.raises(MissingRuleError, match=f"{state} does not take {event}"):
        replay(walked, walked.out[state, event], walk)


@pytest.mark.spec("AS-4")
@pytest.mark.parametrize(("state", "event"), ANSWERING_IN)
def test_without_a_line_that_answers_the_sender_the_walk_fails(state, event):
    walked = next(w for w in walks() if (state, event) in w.into)
    walk = Walk(inbound=INBOUND.without(state, event))
    with pytest.raises(MissingRuleError, match=f"{state} does not take {event}"):
        replay(walked, walked.into[state, event], walk)


# -- The checker is checked: planted faults must be found --------------------------------


def outbound_with(
    *planted: Rule[Outbound, OutEvent, Effect],
) -> Machine[Outbound, OutEvent, Effect]:
    pairs = {(s, e) for rule in planted for s in rule.while_ for e in rule.on}
    kept = [
        Rule((s,), (e,), rule.enters, rule.does)
        for s, e, rule in OUTBOUND.pairs()
        if (s, e) not in pairs
    ]
    return Machine([*kept, *planted])


def inbound_with(
    *planted: Rule[Inbound, InEvent, Effect],
) -> Machine[Inbound, InEvent, Effect]:
    pairs = {(s, e) for rule in planted for s in rule.while_ for e in rule.on}
    kept = [
        Rule((s,), (e,), rule.enters, rule.does)
        for s, e, rule in INBOUND.pairs()
        if (s, e) not in pairs
    ]
    return Machine([*kept, *planted])


END = (Effect.DESTROY_SHARE_B, Effect.UNFREEZE, Effect.SEND_RECALL)
PLANTED = {
    "a recall after the grant": Walk(
        outbound=outbound_with(
            Rule((Outbound.GRANTED,), (OutEvent.STOPPED,), Outbound.RECALLING, END)
        )
    ),
    "a clock that ends a granted transfer": Walk(
        outbound=outbound_with(
            Rule((Outbound.GRANTED,), (OutEvent.GIVEN_UP,), Outbound.RECALLED, END)
        )
    ),
    "share B kept after a call-back": Walk(
        outbound=outbound_with(
            Rule(
                (Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED),
                (OutEvent.STOPPED,),
                Outbound.RECALLING,
                (Effect.UNFREEZE, Effect.SEND_RECALL),
            )
        )
    ),
    "closed on stored": Walk(
        outbound=outbound_with(
            Rule(
                (Outbound.QUEUED,),
                (OutEvent.STORED,),
                Outbound.CLOSED,
                (Effect.HAND_OVER, Effect.SEND_CLOSED),
            )
        )
    ),
    "an import that says nothing": Walk(
        inbound=inbound_with(
            Rule(
                (Inbound.OPENING,),
                (InEvent.OPENED,),
                Inbound.IMPORTED,
                (Effect.IMPORT, Effect.SHRED),
            )
        )
    ),
    "a grant taken after a refusal": Walk(
        inbound=inbound_with(
            Rule(
                (Inbound.REJECTED,),
                (InEvent.GRANT,),
                Inbound.OPENING,
                (Effect.KEEP_SHARE_B,),
            )
        )
    ),
    "an expiry while opening": Walk(
        inbound=inbound_with(
            Rule(
                (Inbound.OPENING,),
                (InEvent.DEADLINE,),
                Inbound.EXPIRED,
                (Effect.SEND_EXPIRED,),
            )
        )
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault):
    with pytest.raises((AssertionError, MissingRuleError)):
        explore(World(), PLANTED[fault])


def test_two_homes_are_a_contradiction():
    world = World(s=Outbound.RECALLED, r=Inbound.CLOSED, case=True)
    assert contradiction(world) == "two homes"
