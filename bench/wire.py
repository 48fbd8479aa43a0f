"""Bytes on the wire per handover of 20 kB, all statements in both directions (P14).

``make bench-wire``. Two nodes, each behind a line that counts; a case with some fifty talks is
handed over from relocation to close, several times. TLS would add some 22 bytes per
record and one handshake per connection.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from bench.handover import conditions, show
from bench.town import add_case
from node.bootstrap import build_node, own_hands
from node.config import load_settings
from node.ids import CaseId
from node.sync import decision
from node.sync.transfer import Outbound
from tests.support.desk import APPROVER, relocate
from tests.support.faultproxy import FaultProxy
from tests.support.largeends import behind_a_line
from tests.support.pair import (
    AGS,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    running,
    until,
)

TALKS = 55


async def measure(folder: Path, count: int) -> dict[str, float]:
    hands = own_hands()
    folders = found_pair(folder, hands)
    lines = [FaultProxy(*behind_a_line(folders[m])) for m in (WEHR, SAECKINGEN)]
    async with (
        lines[0],
        lines[1],
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
        running(wehr),
        running(there),
    ):
        for node in (wehr, there):
            add_staff(node)
        # The first one pays for greetings and first heads.
        first = await one(wehr, there, 0)
        before = sum(line.up + line.down for line in lines)
        sizes = [await one(wehr, there, number) for number in range(1, count + 1)]
        wire = sum(line.up + line.down for line in lines) - before
    assert first
    return {
        "container of a packet, bytes": round(sum(sizes) / count),
        "on the wire per handover, bytes": round(wire / count),
        "ratio to the container (P14)": round(wire / sum(sizes), 2),
    }


async def one(wehr, there, number: int) -> int:
    case = wehr.store.write_sync(add_case, wehr.office, number, TALKS)
    transfer = relocate(wehr, str(AGS[SAECKINGEN]), str(CaseId(case)))

    def here():
        return wehr.store.read_sync(lambda uow: uow.outbound.get(transfer))

    await until(lambda: here().state is Outbound.DELIVERED)
    there.store.write_sync(decision.approve, there.office, transfer, by=APPROVER)
    await until(lambda: here().state is Outbound.CLOSED)
    # Let the last acknowledgements pass by.
    await asyncio.sleep(0.2)
    return here().packet_bytes


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"Bytes on the wire. {conditions()}")
    with tempfile.TemporaryDirectory(prefix="staffelstab-wire-") as name:
        for what, value in asyncio.run(measure(Path(name), count)).items():
            show(what, value)


if __name__ == "__main__":
    main()
