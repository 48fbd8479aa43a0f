"""Failpoints for tests: one that kills its own process, one that keeps count.

They live here and not in the product: nothing that is delivered can choose them (assurance
5.3; ``tests/house/test_failpoints.py`` holds it to that).
"""

import os
import signal
import threading

from node.failpoints import Point


class KillAt:
    """Ends the process, without any tidying up, the n-th time one point is reached."""

    def __init__(self, point: Point, nth: int = 1) -> None:
        """Choose the point and the time, which counts from 1."""
        self._point = point
        self._left = nth
        self._lock = threading.Lock()

    def reach(self, point: Point) -> None:
        """Pass every other point; do not come back from this one."""
        if point is not self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
