"""What a check of the log can find, how much it weighs, and the verdict.

Enters: codes with the first index they concern. Leaves: a report that pages print, the
command line turns into an exit status and other programs read as JSON. Must never happen:
a proof of tampering hidden behind a milder verdict. Implements exchange-log chapter 8.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final

from node.strictjson import JsonObject

MOST_PER_CODE: Final = 100


@unique
class Weight(StrEnum):
    """What follows from a finding."""

    PROOF = "proof"  # somebody changed the log
    GAP = "gap"  # something is missing, and nothing says who is to blame
    NOTE = "note"  # worth reading, nothing is wrong


@unique
class Code(StrEnum):
    """Every finding there is; ``weight`` follows from the code."""

    LEAF_CHANGED = "leaf_changed"
    LEAF_MISSING = "leaf_missing"
    LEAF_EXTRA = "leaf_extra"
    ORDER_CHANGED = "order_changed"
    TAIL_CUT = "tail_cut"
    REWRITTEN = "rewritten"
    FORK = "fork"
    BODY_CHANGED = "body_changed"
    TILE_DIFFERS = "tile_differs"
    CHECKPOINT_SIGNATURE_BAD = "checkpoint_signature_bad"
    CHECKPOINT_NOT_EXTENDING = "checkpoint_not_extending"
    COSIGNATURE_BAD = "cosignature_bad"
    STATEMENT_BAD = "statement_bad"
    MISSING = "missing"
    ERASED_WITHOUT_GROUND = "erased_without_ground"
    CHAIN_GAP = "chain_gap"
    RECEIPT_MISSING = "receipt_missing"
    UNPROVEN_STATEMENT = "unproven_statement"
    ERASED_LAWFUL = "erased_lawful"
    TIME_OUTSIDE = "time_outside"
    BELOW_QUORUM = "below_quorum"
    OVERRIDDEN = "overridden"
    PAIR_ONLY = "pair_only"
    BODY_LOST = "body_lost"
    KEY_UNCONFIRMED = "key_unconfirmed"

    @property
    def weight(self) -> Weight:
        """How much it weighs."""
        if self in _GAPS:
            return Weight.GAP
        return Weight.NOTE if self in _NOTES else Weight.PROOF


_GAPS: Final = frozenset(
    (
        Code.MISSING,
        Code.ERASED_WITHOUT_GROUND,
        Code.CHAIN_GAP,
        Code.RECEIPT_MISSING,
        Code.UNPROVEN_STATEMENT,
    )
)
_NOTES: Final = frozenset(
    (
        Code.ERASED_LAWFUL,
        Code.TIME_OUTSIDE,
        Code.BELOW_QUORUM,
        Code.OVERRIDDEN,
        Code.PAIR_ONLY,
        Code.BODY_LOST,
        Code.KEY_UNCONFIRMED,
    )
)


@unique
class Verdict(StrEnum):
    """The answer in one word."""

    VERIFIED = "verified"
    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"

    @property
    def exit_status(self) -> int:
        """0 verified, 1 tampering proved, 2 cannot tell."""
        return {"verified": 0, "tampered": 1, "incomplete": 2}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. ``index`` is the first entry (or size of a head) it concerns."""

    code: Code
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at."""

    leaves: int = 0
    opened: int = 0
    erased: int = 0
    checkpoints: int = 0
    cosignatures: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one check.

    ``root`` is recomputed from the leaves. ``witnessed_size`` is the largest size at which
    a foreign signature agrees with them. ``findings`` are sorted by weight, then index;
    of each code the first hundred are kept.
    """

    origin: str
    size: int
    root: bytes
    witnessed_size: int
    checked: Checked
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Tampered on any proof, incomplete on any gap, else verified."""
        weights = {finding.code.weight for finding in self.findings}
        if Weight.PROOF in weights:
            return Verdict.TAMPERED
        return Verdict.INCOMPLETE if Weight.GAP in weights else Verdict.VERIFIED

    def as_json(self) -> JsonObject:
        """The form that ``log verify --json`` prints."""
        checked = self.checked
        return {
            "v": 1,
            "verb": "verify",
            "verdict": str(self.verdict),
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "witnessed_size": self.witnessed_size,
            "checked": {
                "leaves": checked.leaves,
                "opened": checked.opened,
                "erased": checked.erased,
                "checkpoints": checked.checkpoints,
                "cosignatures": checked.cosignatures,
            },
            "findings": [
                {
                    "code": str(finding.code),
                    "index": finding.index,
                    "weight": str(finding.code.weight),
                    "text": finding.text,
                }
                for finding in self.findings
            ],
        }


@dataclass(slots=True)
class Ledger:
    """Collects findings during one check, so that a ruined log cannot fill the memory."""

    _found: list[Finding] = field(default_factory=list)
    _counts: Counter[Code] = field(default_factory=Counter)

    def add(self, code: Code, index: int, text: str) -> None:
        """Note a finding."""
        self._counts[code] += 1
        if self._counts[code] <= MOST_PER_CODE:
            self._found.append(Finding(code, index, text))

    def findings(self) -> tuple[Finding, ...]:
        """All of them, the gravest and earliest first."""
        order = list(Weight)
        return tuple(
            sorted(self._found, key=lambda f: (order.index(f.code.weight), f.index))
        )
