"""The only door to the wall clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock, with an offset that only the demo and tests set."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        """Start with a fixed offset."""
        self._offset = offset

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        return datetime.fromtimestamp(time.time(), UTC) + self._offset  # noqa: TID251
