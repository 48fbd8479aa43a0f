"""Long checks: a page that waits, and shows the result when it is there.

Enters: work that runs in the store's threads. Leaves: its result, or the address of a page
that asks again by itself, without scripts. Must never happen: a result shown to another
account than the one that asked; a failure that nobody is told. Jobs live in memory: after a
restart the page says that the check is to be started again. Implements exchange-log 8 ("a
long check is a job page").
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Final

from node.errors import NotFoundError
from node.ids import AccountId, Hex128

PATIENCE_S: Final = 1.5
"""So long the first answer waits for the result itself."""
MOST_JOBS: Final = 32


@dataclass(frozen=True, slots=True)
class Job:
    """One check under way; ``about`` is what the page needs to show its result."""

    account: AccountId
    about: object
    work: "asyncio.Future[Any]"


@dataclass(slots=True)
class Jobs:
    """The newest jobs of this process."""

    _jobs: OrderedDict[Hex128, Job] = field(default_factory=OrderedDict)

    async def start(
        self, number: Hex128, account: AccountId, about: object, work: Awaitable[Any]
    ) -> Job:
        """Begin, and wait a little: most checks are done at once."""
        job = Job(account, about, asyncio.ensure_future(work))
        self._jobs[number] = job
        while len(self._jobs) > MOST_JOBS:
            _, oldest = self._jobs.popitem(last=False)
            oldest.work.cancel()
        await asyncio.wait({job.work}, timeout=PATIENCE_S)
        return job

    def get(self, number: Hex128, account: AccountId) -> Job:
        """The job of this account.

        Raises:
            NotFoundError: Another one's, or the program was started anew.
        """
        job = self._jobs.get(number)
        if job is None or job.account != account:
            raise NotFoundError("job")
        return job
