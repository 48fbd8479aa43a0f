"""What became of everybody in the Land, read from the databases of stopped nodes.

Enters: the towns, and who should be where. Leaves: how many are lost, how many are in two
places, and a sentence for each rule that is broken: those of ``invariants`` at all nodes
together, and the signature under each node's newest head. Spec: I1, I2, I5, I6, I13.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from node.crypto.checkpoint import open_checkpoint
from node.errors import NodeError
from node.federation.registrar import show
from node.ids import CaseId
from tests.support import invariants
from tests.support.landfound import Land, Seat
from tests.support.seen import Seen, look

TABLES = ("case_file", "record", "inbound_transfer", "inbound_case", "log_checkpoint")
ARRIVED = {"imported", "closed", "durable"}
CANARIES = ("Demo-Ulme", "Bewerbung besprochen")
"""What ``pair.open_case`` writes of a person: it lies nowhere in the clear (I9)."""


@dataclass(frozen=True)
class Expected:
    """Who moves from where to where."""

    case: CaseId
    at: Seat
    to: Seat


@dataclass
class Verdict:
    """What was found."""

    lost: int = 0
    doubled: int = 0
    findings: list[str] = field(default_factory=list)


def judge(land: Land, expected: list[Expected]) -> Verdict:
    """Every database, read once for this and once for the common rules."""
    verdict = Verdict()
    homes: dict[str, list[tuple[str, int]]] = defaultdict(list)
    arrivals: dict[str, int] = defaultdict(int)
    _, members = show(land.published)
    keys = {member.id: member.log.newest for member in members}
    for seat in land.seats:
        seen = look(seat.folder, TABLES)
        filled = {row["case_id"] for row in seen.rows("record")}
        for case in seen.rows("case_file"):
            if case["baton"] == "active" and case["id"] in filled:
                homes[case["id"]].append((seat.member, case["epoch"]))
        _count_arrivals(seen, arrivals)
        newest = max(seen.rows("log_checkpoint"), key=lambda row: row["size"])
        try:
            open_checkpoint(newest["note"], keys[seat.member])
        except NodeError as error:
            verdict.findings.append(f"{seat.member}: its newest head: {error.code}")
    for one in expected:
        found = homes.pop(one.case, [])
        verdict.lost += not found
        verdict.doubled += len(found) > 1 or arrivals[one.case] > 1
        if found != [(one.to.member, 2)]:
            places = ", ".join(f"{member} epoch {epoch}" for member, epoch in found)
            verdict.findings.append(
                f"case {one.case[:6]} should be at {one.to.member}, is at: {places}"
            )
    verdict.findings += [f"case {case[:6]} is nobody's we know" for case in homes]
    folders = [seat.folder for seat in land.seats]
    verdict.findings += invariants.check(folders, canaries=CANARIES)
    return verdict


def _count_arrivals(seen: Seen, arrivals: dict[str, int]) -> None:
    states = {row["id"]: row["state"] for row in seen.rows("inbound_transfer")}
    for row in seen.rows("inbound_case"):
        arrivals[row["case_id"]] += states[row["transfer"]] in ARRIVED
