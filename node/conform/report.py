"""What a conformance run found: one line per check, each under its requirement.

Enters: what was asked and what was seen. Leaves: lines, sentences, an exit code. Must never
happen: a check that did not run counted as passed. Implements handover 14, item 5.
"""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from node.strictjson import Json


@unique
class Outcome(StrEnum):
    """How one check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class Line:
    """One check: the requirement, what must hold, and what was seen instead.

    ``seen`` is empty where the check passed; where it did not run it says why.
    """

    number: str
    what: str
    outcome: Outcome
    seen: str = ""

    def as_json(self) -> Json:
        """The line for a program."""
        return {
            "number": self.number,
            "what": self.what,
            "outcome": str(self.outcome),
            "seen": self.seen,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All lines of one run, in the order of the checks."""

    lines: list[Line] = field(default_factory=list)

    def judge(self, number: str, what: str, *, good: bool, seen: str) -> bool:
        """Note one check; gives whether it passed."""
        outcome = Outcome.OK if good else Outcome.FAILED
        self.lines.append(Line(number, what, outcome, "" if good else seen))
        return good

    def skip(self, number: str, what: str, why: str) -> None:
        """Note a check that could not be made."""
        self.lines.append(Line(number, what, Outcome.NOT_RUN, why))

    def count(self, outcome: Outcome) -> int:
        """How many checks ended so."""
        return sum(line.outcome is outcome for line in self.lines)

    @property
    def failed(self) -> tuple[Line, ...]:
        """The lines that failed."""
        return tuple(line for line in self.lines if line.outcome is Outcome.FAILED)

    @property
    def exit_code(self) -> int:
        """0 all passed, 1 something failed, 2 nothing failed and not all was run."""
        if self.failed:
            return 1
        return 2 if self.count(Outcome.NOT_RUN) else 0
