"""schemathesis against a running node: what its own document promises, it keeps (AS-30).

Enters: how many examples for each operation, a seed. Leaves: the verdict and what was said.
Per scope with a good token, and once without any.
"""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from node.accounts.model import Scope
from node.api.app import DOCUMENT
from node.api.operations import BASE
from tests.support.office import MovingClock, OpenOffice, open_office
from tests.support.pair import CLERK, open_case

# Values that fit the schema may still be of no case here, or of a day to come.
_NOT_CHECKED: Final = "positive_data_acceptance"


class HastyClock(MovingClock):
    """A second passes at each look, so that the door's pace holds nobody up."""

    def now(self) -> datetime:
        """One second later each time."""
        self.offset += timedelta(seconds=1)
        return super().now()


@dataclass(frozen=True)
class Run:
    """What schemathesis said."""

    name: str
    code: int
    said: str


async def fuzz(office: OpenOffice, *, examples: int, seed: int) -> list[Run]:
    """Every operation with a token for everything that one token may have, and without."""
    for number in range(3):
        open_case(office.node, f"Demo-{number}")
    town = (Scope.RELOCATIONS_WRITE, Scope.REPORTS_READ, Scope.METRICS_READ)
    tokens = {
        "town": office.token(*town, days=360),
        "caseload": office.token_for(
            CLERK, Scope.CASES_READ, Scope.CONTACTS_WRITE, days=360
        ),
        "nobody": "",
    }
    return [
        await _run(office, name, token, examples=examples, seed=seed)
        for name, token in tokens.items()
    ]


async def _run(
    office: OpenOffice, name: str, token: str, *, examples: int, seed: int
) -> Run:
    url = office.client.make_url(BASE + DOCUMENT)
    headers = ["-H", f"Authorization: Bearer {token}"] if token else []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "run",
        str(url),
        *headers,
        "--checks=all",
        f"--exclude-checks={_NOT_CHECKED}",
        f"--max-examples={examples}",
        f"--seed={seed}",
        "--generation-database=none",
        "--no-color",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=office.node.settings.folder,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return Run(name, process.returncode, said.decode())


async def _main(examples: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with open_office(Path(folder), clock=HastyClock()) as office:
            runs = await fuzz(office, examples=examples, seed=seed)
    for run in runs:
        print(f"== {run.name}: {'clean' if run.code == 0 else 'FAILED'}")
        if run.code:
            print(run.said)
    return max(run.code for run in runs)


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--examples", type=int, default=1000)
    wanted.add_argument("--seed", type=int, default=1)
    given = wanted.parse_args()
    sys.exit(asyncio.run(_main(given.examples, given.seed)))
