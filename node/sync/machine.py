"""A state machine is a table with good manners.

Enters: rules, each a line an auditor can read. Leaves: the one rule for a state and an
event, or a refusal. Must never happen: a guard hidden in code beside the table; the event
is the proven fact (HO-12). Implements HO-10 to HO-12.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from node.errors import TransitionError, UsageError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
F = TypeVar("F", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Rule(Generic[S, E, F]):
    """One line: while in one of these states, on one of these events, what happens.

    ``enters`` is None where the state stays the same. ``logs`` is the type of the entry
    that stands in the exchange log for this act, or None where nothing happened that an
    auditor must see.
    """

    while_: tuple[S, ...]
    on: tuple[E, ...]
    enters: S | None
    does: tuple[F, ...] = ()
    logs: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S, F]):
    """What a table answers: the state entered, the effects, the log entry's type."""

    enters: S
    does: tuple[F, ...]
    logs: str | None


class Machine(Generic[S, E, F]):
    """A table of rules in which each pair of state and event has at most one line."""

    def __init__(self, rules: Iterable[Rule[S, E, F]]) -> None:
        """Expand the lines into pairs.

        Raises:
            UsageError: Two lines speak of one pair.
        """
        self.rules = tuple(rules)
        self._table: dict[tuple[S, E], Rule[S, E, F]] = {}
        for rule in self.rules:
            for state in rule.while_:
                for event in rule.on:
                    if (state, event) in self._table:
                        raise UsageError(f"two rules for {state} on {event}")
                    self._table[state, event] = rule

    def allows(self, state: S, event: E) -> bool:
        """Whether the table has a line for this pair; pages ask this for their buttons."""
        return (state, event) in self._table

    def step(self, state: S, event: E) -> Outcome[S, F]:
        """Apply the line for this pair.

        Raises:
            TransitionError: There is no such line (HO-11); nothing changes.
        """
        rule = self._table.get((state, event))
        if rule is None:
            raise TransitionError(f"{state} does not take {event}")
        return Outcome(rule.enters or state, rule.does, rule.logs)

    def pairs(self) -> Iterator[tuple[S, E, Rule[S, E, F]]]:
        """All pairs with their line, in table order; tests and diagrams walk them."""
        for (state, event), rule in self._table.items():
            yield state, event, rule

    def without(self, state: S, event: E) -> "Machine[S, E, F]":
        """The same table with one pair left out; the interleavings test uses it."""
        clone = Machine[S, E, F](())
        clone.rules = self.rules
        clone._table = {k: v for k, v in self._table.items() if k != (state, event)}
        return clone

    def as_json(self) -> list[Mapping[str, object]]:
        """The table as data for ``states.json``."""
        return [
            {
                "while": [str(s) for s in rule.while_],
                "on": [str(e) for e in rule.on],
                "enters": str(rule.enters) if rule.enters else "same",
                "does": [str(f) for f in rule.does],
                "logs": rule.logs,
            }
            for rule in self.rules
        ]
