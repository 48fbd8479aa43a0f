"""Leaves without a body: lawfully erased, erased without a ground, or missing.

Enters: places without a body, rows of ``log_erased``, erasures that stand in the tree, times
of foreign signatures. Leaves: findings. Must never happen: a row counting as an explanation;
an erasure that explains what came after it, or by date what nobody's signature shows to be
old enough. Implements EL-9, LR-41. Memory grows with separate gaps, not with the log.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from node.exchangelog.entry import Entry
from node.exchangelog.finding import MOST_PER_CODE, Code, Ledger
from node.exchangelog.keeping import Ground


@dataclass(slots=True)
class _Gap:
    """Neighbouring leaves without body, from ``first`` up to, without, ``end``."""

    first: int
    end: int
    has_row: bool


class Gaps:
    """Collects gaps and grounds as the log goes by; ``explain`` at its end."""

    def __init__(self, rows: Iterable[int]) -> None:
        """Start before the first leaf; ``rows`` are indexes of ``log_erased``, ascending."""
        self._rows = iter(rows)
        self._row = next(self._rows, None)
        self._gaps: list[_Gap] = []
        self._grounds: list[Ground] = []
        self._contradicted: list[int] = []
        # Sizes of cosigned heads that end a gap's uncertainty, and their first times.
        self._sizes: list[int] = []
        self._times: list[datetime] = []

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def add(self, index: int) -> None:
        """A leaf has no body."""
        self._pass_over(index)
        has_row = self._row == index
        if has_row:
            self._row = next(self._rows, None)
        last = self._gaps[-1] if self._gaps else None
        if last is not None and last.end == index and last.has_row == has_row:
            last.end = index + 1
        else:
            self._gaps.append(_Gap(index, index + 1, has_row))

    def _pass_over(self, end: int | None) -> None:
        """Rows whose entry has a body, or that have no leaf, contradict the log."""
        while self._row is not None and (end is None or self._row < end):
            if len(self._contradicted) < MOST_PER_CODE:
                self._contradicted.append(self._row)
            self._row = next(self._rows, None)

    def timed(self, size: int, first_s: int) -> None:
        """Everything below a size was there at a foreign time."""
        known = self._sizes[-1] if self._sizes else 0
        if self._gaps and known < self._gaps[-1].end <= size:
            self._sizes.append(size)
            self._times.append(datetime.fromtimestamp(first_s, UTC))

    def take_ground(self, index: int, entry: Entry, proven_s: int | None) -> None:
        """A ``log.erasure`` at its place; ``proven_s`` is the newest foreign time below."""
        proven = None if proven_s is None else datetime.fromtimestamp(proven_s, UTC)
        self._grounds += [
            Ground(
                index,
                low,
                high,
                entry.more["basis"],
                entry.more["order_ref"],
                proven,
            )
            for low, high in entry.more["ranges"]
        ]

    def explain(self, ledger: Ledger) -> int:
        """Split each gap into what a ground covers and what none does.

        Returns:
            How many entries were lawfully erased.
        """
        erased = 0
        self._pass_over(None)
        for index in self._contradicted:
            text = "a row says it was erased, and it was not"
            ledger.add(Code.ERASED_WITHOUT_GROUND, index, text)
        lawful = _joined(sorted(p for g in self._grounds for p in self._lawful(g)))
        at_part = 0
        for gap in self._gaps:
            at = gap.first
            while at < gap.end:
                while at_part < len(lawful) and lawful[at_part][1] <= at:
                    at_part += 1
                low, high = lawful[at_part] if at_part < len(lawful) else (gap.end, 0)
                if low <= at:
                    end = min(high, gap.end)
                    erased += end - at
                    text = f"{end - at} entries erased on a ground in the log"
                    ledger.add(Code.ERASED_LAWFUL, at, text)
                else:
                    end = min(low, gap.end)
                    code = Code.ERASED_WITHOUT_GROUND if gap.has_row else Code.MISSING
                    text = f"{end - at} entries gone, no erasure in the log names them"
                    ledger.add(code, at, text)
                at = end
        return erased

    def _lawful(self, ground: Ground) -> Iterator[tuple[int, int]]:
        """The parts of a ground that it explains: its answer changes at cosigned sizes."""
        at, end = ground.low, min(ground.high, ground.index)
        while at < end:
            place = bisect_right(self._sizes, at)
            is_timed = place < len(self._sizes)
            stop = min(self._sizes[place], end) if is_timed else end
            if ground.explains(at, self._times[place] if is_timed else None):
                yield at, stop
            at = stop


def _joined(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted ranges with those that touch or overlap made one."""
    found: list[tuple[int, int]] = []
    for low, high in parts:
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
