"""What reports count from, kept in memory, and the sums that were asked for.

Enters: a source of facts, one state of the database; questions. Leaves: sums, and the
things behind them, exactly as if everything had been counted anew from that state. Must
never happen: a sum of another state than the source shows; a fact of an erased case that
stays. Implements the field document, chapter 5, fast enough for pages (P15).

Why parts may be counted apart: each figure is about persons, and reads the facts of one
person alone; or about entries, and reads the copies of one entry alone (FR-7). So a sum
over everybody is the sum over each person without the entries that others have a copy of,
and over each of those entries. Who changed is taken out as it was and put in as it is.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from node.report.definition import Definition
from node.report.facts import Fact, Facts, Handed, Source, in_force
from node.report.figures import Counted, Frame
from node.report.tables import Ask, Sums, asks_of, kinds_of, sums_of
from node.report.workfigures import BY_ENTRY, BY_PERSON, FIGURES

_MOST_QUESTIONS: Final = 32
_MUCH: Final = 2000
"""Persons times questions: for more, sums are counted anew when they are asked for."""

_Known = Mapping[str, tuple[Fact, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """Which report of which days, as known when; None is now.

    ``goals_at``: a goal has no days of its own, it counts as it was known then.
    """

    report: Definition
    frame: Frame
    known_at: datetime | None = None
    goals_at: datetime | None = None


class Book:
    """Facts of one state and sums over them; for one thread at a time."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._stamps: Mapping[str, object] = {}
        self._known: dict[str, tuple[Fact, ...]] = {}
        # Whose an entry is: most often one person's, whose tuple is shared.
        self._owners: dict[str, tuple[str, ...]] = {}
        # Entries of several persons, and how many of them each person has.
        self._copied: set[str] = set()
        self._copies: Counter[str] = Counter()
        self._sums: OrderedDict[Question, Sums] = OrderedDict()

    def refresh(self, source: Source) -> None:
        """Become the state that a source shows, be it newer or older."""
        stamps = source.stamps()
        if stamps == self._stamps:
            return
        changed = {p for p, stamp in stamps.items() if self._stamps.get(p) != stamp}
        gone = self._stamps.keys() - stamps.keys()
        known = source.known(changed)
        self._replace({p: tuple(known.get(p, ())) for p in (*changed, *gone)})
        self._stamps = stamps

    def forget(self, person: str) -> None:
        """Somebody is not to be known any more."""
        self._replace({person: ()})
        self._stamps = {p: s for p, s in self._stamps.items() if p != person}

    def sums(self, question: Question) -> Sums:
        """How many things each number of a report counts, handovers apart."""
        if question not in self._sums:
            if len(self._sums) >= _MOST_QUESTIONS:
                self._sums.popitem(last=False)
            self._sums[question] = self._count(question, self._known, self._copied)
        self._sums.move_to_end(question)
        return self._sums[question]

    def things(self, question: Question, ask: Ask) -> Iterator[Counted]:
        """What one indicator counts."""
        is_by_entry, kinds = ask.indicator in BY_ENTRY, FIGURES[ask.indicator][1]
        for person, known in self._known.items():
            facts = _facts([fact for fact in known if fact.kind in kinds], question)
            yield from ask.things(self._alone(person, facts) if is_by_entry else facts)
        for entry in self._copied if is_by_entry else ():
            yield from ask.things(self._of_entry(entry, question))

    def later(self, kinds: Collection[str], frame: Frame, at: datetime) -> int:
        """How many own entries about these days are known now and were not then."""
        late = {
            fact.entry
            for facts in self._known.values()
            for fact in facts
            if fact.known_at > at and fact.kind in kinds
        }
        persons = {person for entry in late for person in self._owners[entry]}

        def entries(known_at: datetime | None) -> set[str]:
            return {
                fact.entry
                for person in persons
                for fact in in_force(self._known[person], known_at)
                if fact.kind in kinds and fact.is_own and frame.holds(fact.on)
            }

        return len((entries(None) - entries(at)) & late)

    # -- Taking out and putting in -------------------------------------------------------

    def _replace(self, new: _Known) -> None:
        before = {person: self._known.get(person, ()) for person in new}
        entries = {
            fact.entry
            for known in (before, new)
            for fs in known.values()
            for fact in fs
        }
        # An entry that gets or loses a second owner counts elsewhere for the first one.
        around = new.keys() | {p for e in entries for p in self._owners.get(e, ())}
        if len(around) * len(self._sums) > _MUCH:
            self._sums.clear()
        for question, sums in self._sums.items():
            sums.subtract(self._count(question, around, entries & self._copied))
        for person, facts in new.items():
            self._disown(person, before[person])
            self._own(person, facts)
        for question, sums in self._sums.items():
            sums.update(self._count(question, around, entries & self._copied))
            for place in [place for place, number in sums.items() if not number]:
                del sums[place]

    def _disown(self, person: str, facts: Iterable[Fact]) -> None:
        for entry in {fact.entry for fact in facts}:
            self._give(entry, tuple(p for p in self._owners[entry] if p != person))
        self._known.pop(person, None)

    def _own(self, person: str, facts: tuple[Fact, ...]) -> None:
        if facts:
            self._known[person], alone = facts, (person,)
            for entry in {fact.entry for fact in facts}:
                others = self._owners.get(entry)
                owners = tuple(sorted((*others, person))) if others else alone
                self._give(entry, owners)

    def _give(self, entry: str, owners: tuple[str, ...]) -> None:
        if entry in self._copied:
            self._copied.remove(entry)
            for person in self._owners[entry]:
                self._copies[person] -= 1
                if not self._copies[person]:
                    # Their number must not stay here.
                    del self._copies[person]
        if len(owners) > 1:
            self._copied.add(entry)
            self._copies.update(owners)
        if owners:
            self._owners[entry] = owners
        else:
            del self._owners[entry]

    # -- Counting ------------------------------------------------------------------------

    def _count(
        self, question: Question, persons: Iterable[str], entries: Iterable[str]
    ) -> Sums:
        asks = asks_of(question.report, question.frame)
        kinds = kinds_of(question.report)
        about = [ask for ask in asks if ask.indicator in BY_PERSON]
        of_entries = [ask for ask in asks if ask.indicator in BY_ENTRY]
        found: Sums = Counter()
        for person in persons if kinds else ():
            known = self._known.get(person, ())
            facts = _facts([fact for fact in known if fact.kind in kinds], question)
            sums_of(about, facts, into=found)
            if of_entries:
                sums_of(of_entries, self._alone(person, facts), into=found)
        if of_entries:
            for entry in entries:
                sums_of(of_entries, self._of_entry(entry, question), into=found)
        return found

    def _alone(self, person: str, facts: Facts) -> Facts:
        """Without the entries that others have a copy of."""
        if not self._copies[person]:
            return facts
        return Facts(
            tuple(f for f in facts.listed if f.entry not in self._copied),
            tuple(f for f in facts.goals if f.entry not in self._copied),
        )

    def _of_entry(self, entry: str, question: Question) -> Facts:
        copies: list[Fact] = []
        goals: list[Fact] = []
        for person in self._owners[entry]:
            known = [fact for fact in self._known[person] if fact.entry == entry]
            facts = _facts(known, question)
            copies += facts.listed
            goals += facts.goals
        return Facts(tuple(copies), tuple(goals))


def _facts(known: Sequence[Fact], question: Question) -> Facts:
    listed = in_force(known, question.known_at)
    if question.goals_at == question.known_at:
        goals = [fact for fact in listed if fact.kind == "goal"]
    else:
        goals = [fact for fact in known if fact.kind == "goal"]
        goals = in_force(goals, question.goals_at)
    return Facts(tuple(listed), tuple(goals))


class Ledger:
    """The book of one node, for many threads."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._book = Book()
        self._turn = threading.Lock()
        self.erasures = 0
        """How often somebody was forgotten."""

    @contextmanager
    def opened(self, source: Source, erasures: int) -> Iterator[Book]:
        """The book as a source shows it.

        Args:
            source: One committed state.
            erasures: How often somebody was forgotten before that state was looked at.
        """
        with self._turn:
            if erasures != self.erasures:
                # Race: somebody was erased since, whom this older state may still show.
                book = Book()
                book.refresh(source)
            else:
                # Who stops half way leaves nothing behind.
                book, self._book = self._book, Book()
                book.refresh(source)
                self._book = book
            yield book

    def forget(self, person: str) -> None:
        """A case was erased: nothing of it stays here."""
        with self._turn:
            self.erasures += 1
            book, self._book = self._book, Book()
            book.forget(person)
            self._book = book


class Counting(Source, Protocol):
    """What reports are counted from, inside one unit of work."""

    def book(self) -> AbstractContextManager[Book]:
        """Facts and sums as this unit sees them; nobody else counts meanwhile."""
        ...

    def handed(self, known_at: datetime | None) -> Sequence[Handed]:
        """Handovers as they stood at an instant, or now."""
        ...
