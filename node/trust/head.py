"""What the signed metadata of the directory said at the last refresh.

Enters: versions and instants of verified metadata. Leaves: a frozen ``Head`` and its
bytes for the store. Must never happen here: a judgement about age without an instant
from outside. Implements handover 11.1 and 11.3 (staleness).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from node import strictjson
from node.ids import MemberId
from node.trust.fields import Fields, unix_seconds

REVOKER: Final = "revoker"
SIGNED_AT: Final = "x-staffelstab-signed-at"  # a field of the timestamp
DEMO: Final = "x-staffelstab-demo"  # a field of the root (HO-94)
MAX_FAULTS: Final = 1_000
MAX_ROLES: Final = 1_000
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that was not accepted: an alarm; the last good one stays (HO-97)."""

    path: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the signed metadata said at the last refresh.

    Attributes:
        root: Version of the root that signs now.
        timestamp: Version of the timestamp; statements carry it as ``dir``.
        snapshot: Version of the snapshot.
        signed_at: When the timestamp was signed.
        expires_at: The earliest end of root, timestamp, snapshot and targets.
        mark: Changes whenever any metadata below the timestamp changes; empty if a file
            that is vouched for could not be fetched, so that the next run tries again.
        demo: Whether the root is marked as one for demonstrations (HO-94).
        ends: When each delegated role ends: revoker, Land, Kreis, lists of sheets.
        faults: What was refused and still is.
    """

    root: int
    timestamp: int
    snapshot: int
    signed_at: datetime
    expires_at: datetime
    mark: str
    demo: bool
    ends: tuple[tuple[str, datetime], ...] = ()
    faults: tuple[Fault, ...] = ()

    def end_of(self, role: str) -> datetime:
        """When a delegated role ends; one we do not know has no say."""
        return dict(self.ends).get(role, _NEVER)

    def path_end(self, member: MemberId) -> datetime:
        """When the first role on the way to a member's record and sheet ends."""
        scope = member.scope
        roles = (scope[:2], scope[:5], f"{scope[:5]}-keys")
        ends = dict(self.ends)
        return min(ends.get(role, _NEVER) for role in roles)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what ``encode`` wrote."""
        fields = Fields(strictjson.parse(data, depth=4, members=10_000), "head")
        fields.version()
        head = cls(
            root=fields.number("root"),
            timestamp=fields.number("timestamp"),
            snapshot=fields.number("snapshot"),
            signed_at=fields.unix_instant("signed_at"),
            expires_at=fields.unix_instant("expires_at"),
            mark=fields.text("mark", least=0),
            demo=fields.number("demo", most=1) == 1,
            ends=tuple(
                (entry.text("role"), entry.unix_instant("end"))
                for entry in fields.inners("ends", most=MAX_ROLES)
            ),
            faults=tuple(
                Fault(
                    entry.text("path"),
                    entry.text("code"),
                    entry.text("reason", least=0),
                )
                for entry in fields.inners("faults", most=MAX_FAULTS)
            ),
        )
        fields.end()
        return head

    def encode(self) -> bytes:
        """JSON for the store."""
        return strictjson.encode(
            {
                "v": 1,
                "root": self.root,
                "timestamp": self.timestamp,
                "snapshot": self.snapshot,
                "signed_at": unix_seconds(self.signed_at),
                "expires_at": unix_seconds(self.expires_at),
                "mark": self.mark,
                "demo": int(self.demo),
                "ends": [
                    {"role": role, "end": unix_seconds(end)} for role, end in self.ends
                ],
                "faults": [
                    {"path": fault.path, "code": fault.code, "reason": fault.reason}
                    for fault in self.faults
                ],
            }
        )
