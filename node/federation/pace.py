"""How much one address and one member may ask in a second, and nonces seen.

Enters: addresses, claimed key ids, verified signatures. Leaves: nothing, or the problem that
ends the request. Must never happen: a stranger's failures counted against a member that
shares its address; one member's nonces pushing out another's; memory that grows with what
strangers send. Implements SR-F3, SR-F4, HO-67; ADR 0013, 0014, 0046.
"""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network

from aiohttp import hdrs, web

from node.errors import NodeError
from node.federation.auth import Signed
from node.ids import MemberId
from node.sync import limits

BUCKETS = 4096
NONCES_FULL_S = 60


class ProblemError(NodeError):
    """A request ends with this problem code."""

    def __init__(self, problem: str, **extra: object) -> None:
        """Name the code and what else the document says."""
        super().__init__(problem)
        self.problem = problem
        self.extra = extra


class Proxies:
    """Whose word about a caller's address counts (SR-F1)."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        """Trust these networks, and nobody else."""
        self._networks = tuple(ip_network(text) for text in networks)

    def address(self, request: web.Request) -> str:
        """Where a request comes from: the last address that no proxy of ours has."""
        found = request.remote or ""
        named = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ())).split(",")
        while self._is_ours(found) and named:
            found = named.pop().strip() or found
        return found

    def _is_ours(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


class Pace:
    """What this process remembers of the last seconds."""

    def __init__(
        self, per_key_s: int, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with nothing."""
        self._per_key_s = per_key_s
        self._now_s = now_s
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._calls: dict[MemberId, deque[float]] = {}
        self._running: Counter[MemberId] = Counter()
        self._nonces: OrderedDict[tuple[MemberId, str], datetime] = OrderedDict()
        self._held: Counter[MemberId] = Counter()

    # -- Strangers -----------------------------------------------------------------------

    def check_address(self, address: str, key: str) -> None:
        """Refuse who failed too often in this second under this address and key id.

        Raises:
            ProblemError: 429.
        """
        failures = self._failures.get((address, key))
        while failures and failures[0] < self._now_s() - 1:
            failures.popleft()
        if failures is not None and len(failures) >= limits.FAILED_PER_ADDRESS_S:
            raise ProblemError("rate", retry_after=1)

    def failed(self, address: str, key: str) -> None:
        """Remember a failure; the oldest are forgotten first."""
        failures = self._failures.setdefault((address, key), deque())
        self._failures.move_to_end((address, key))
        failures.append(self._now_s())
        if len(self._failures) > BUCKETS:
            self._failures.popitem(last=False)

    # -- Members -------------------------------------------------------------------------

    def check_nonce(self, signed: Signed, now: datetime) -> None:
        """Repeats within the window are refused; routes are idempotent besides.

        Raises:
            ProblemError: Seen before; or the table is full and this member fills it.
        """
        while self._nonces:
            (member, nonce), until = next(iter(self._nonces.items()))
            if until + limits.NONCE_KEPT > now:
                break
            del self._nonces[(member, nonce)]
            self._held[member] -= 1
            if not self._held[member]:
                del self._held[member]
        key = (signed.member, f"{signed.key_id} {signed.nonce}")
        if key in self._nonces:
            raise ProblemError("replay")
        if len(self._nonces) >= limits.NONCES:
            fair = limits.NONCES // max(1, len(self._held))
            if self._held[signed.member] >= fair:
                raise ProblemError("rate", retry_after=NONCES_FULL_S)
        self._nonces[key] = signed.expires_at
        self._held[signed.member] += 1

    def check_rate(self, member: MemberId) -> None:
        """Refuse a verified member that asks too often.

        Raises:
            ProblemError: 429.
        """
        calls = self._calls.setdefault(member, deque())
        now = self._now_s()
        while calls and calls[0] < now - 1:
            calls.popleft()
        if len(calls) >= self._per_key_s:
            raise ProblemError("rate", retry_after=1)
        calls.append(now)

    def begin(self, member: MemberId) -> None:
        """A verified request is worked on; a member has so many at a time.

        Raises:
            ProblemError: 429.
        """
        if self._running[member] >= limits.CONNECTIONS_PER_PEER:
            raise ProblemError("rate", retry_after=1)
        self._running[member] += 1

    def end(self, member: MemberId) -> None:
        """It is answered."""
        self._running[member] -= 1
        if not self._running[member]:
            del self._running[member]
