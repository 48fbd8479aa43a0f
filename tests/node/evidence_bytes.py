"""``make evidence-bytes``: each byte of each file of two bundles, changed once.

The sampled form runs with the other tests. Prints how many were changed and how many were
not named; exits with 1 if any was not.
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path

from node.exchangelog.bundle import read_files
from node.exchangelog.standalone import verify
from node.report.bundlecheck import NodeJudge
from tests.node.evidence_stage import bundle_of, handed_over, trust_of

SEED = 1


class Remembering(NodeJudge):
    """Judges each signature once, over all the changed bundles."""

    def __init__(self):
        self.seen = {}

    def signed(self, key, message, signature):
        place = (key, message, signature)
        if place not in self.seen:
            self.seen[place] = super().signed(*place)
        return self.seen[place]


async def main() -> int:
    chance = random.Random(SEED)
    tried = missed = 0
    judge = Remembering()
    with tempfile.TemporaryDirectory() as folder:
        async with handed_over(Path(folder)) as (wehr, saeckingen, transfer):
            trust = trust_of(wehr)
            bundles = [bundle_of(n, transfer).raw for n in (wehr, saeckingen)]
    for raw in bundles:
        files = read_files(raw)
        for name, content in files.items():
            for place in range(len(content)):
                other = bytearray(content)
                other[place] ^= 1 << chance.randrange(8)
                changed = files | {name: bytes(other)}
                check = verify.Check(changed, judge, trust).run()
                named = {where for _, where in check.findings}
                good = name in named or name.startswith("manifest.")
                tried += 1
                missed += check.verdict == "verified" or not good
    print(f"seed {SEED}: {tried} bytes changed, {missed} not named")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
