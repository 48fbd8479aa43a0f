"""A log's tables as lists that an attacker with SQL can change."""

from dataclasses import dataclass, field

from node.crypto.checkpoint import Checkpoint, NoteKey, cosign
from node.crypto.commit import GroupKey, leaf_input, seal_body
from node.crypto.merkle import Frontier, leaf_hash
from node.exchangelog.audit import check_export
from node.exchangelog.export import (
    BodyRow,
    CheckpointRow,
    CosignatureRow,
    HeadRow,
    LeafRow,
    LogExport,
    TileRow,
)
from node.exchangelog.finding import Report
from tests.support.exchangelog import MemoryLog, digest

TILE = 256


@dataclass
class LogRows:
    """Everything a check reads; ``report`` runs it."""

    log_key: NoteKey
    head: HeadRow
    leaves: list[LeafRow]
    bodies: list[BodyRow]
    checkpoints: list[CheckpointRow]
    cosignatures: list[CosignatureRow]
    tiles: dict[tuple[int, int], TileRow]
    keys: dict[bytes, GroupKey]
    witnesses: tuple[NoteKey, ...]
    erased: list[int] = field(default_factory=list)
    mark: Checkpoint | None = None
    outside: tuple[Checkpoint, ...] = ()
    opening: bool = True

    def report(self) -> Report:
        """Check the rows as they are now."""
        return check_export(
            LogExport(
                log_key=self.log_key,
                head=self.head,
                leaves=iter(self.leaves),
                bodies=iter(self.bodies),
                checkpoints=iter(self.checkpoints),
                cosignatures=iter(self.cosignatures),
                erased=iter(self.erased),
                tile=lambda level, n: self.tiles.get((level, n)),
                key=self.keys.get if self.opening else None,
                witnesses=self.witnesses,
                mark=self.mark,
                outside=self.outside,
                tiles=sorted(self.tiles),
            )
        )

    def codes(self) -> list[tuple[str, int]]:
        """All findings as pairs of code and first index."""
        return [(str(f.code), f.index) for f in self.report().findings]


def export(
    log: MemoryLog, witness: MemoryLog | None = None, *, cosigned: tuple[int, ...] = ()
) -> LogRows:
    """The tables of a log: every signed head, and cosignatures at some sizes."""
    leaves = [leaf_input(item.c) for item in log.written]
    frontier = Frontier().extend(map(leaf_hash, leaves))
    checkpoints = [log.heads[size] for size in sorted(log.heads)]
    rows = LogRows(
        log_key=log.log_key,
        head=HeadRow(log.origin, len(leaves), frontier.encode()),
        leaves=[LeafRow(index, leaf) for index, leaf in enumerate(leaves)],
        bodies=[
            BodyRow(
                item.index,
                bytes.fromhex(item.entry.id),
                key_id(item.group),
                seal_body(
                    item.key,
                    bytes.fromhex(item.entry.id),
                    item.spelled,
                    origin=log.origin,
                    randomness=lambda n: digest("nonce")[:n],
                ),
            )
            for item in log.written
        ],
        checkpoints=[
            CheckpointRow(s.head.size, s.head.root, s.note) for s in checkpoints
        ],
        cosignatures=[],
        tiles=tiles(leaves),
        keys={key_id(group): key for group, key in log.keys.items()},
        witnesses=() if witness is None else (witness.witness_key,),
    )
    if witness is not None:
        rows.cosignatures = [cosignature(log, witness, size) for size in cosigned]
    return rows


def key_id(group: str) -> bytes:
    """The id of a group's key."""
    return digest(group)[:16]


def cosignature(log: MemoryLog, witness: MemoryLog, size: int) -> CosignatureRow:
    """A witness cosigned a head when it was made, and again a minute later."""
    at = int(log.written[size - 1].entry.at.timestamp()) if size else 0
    name = witness.witness_key.name
    note = log.heads[size].note
    first, last = (
        cosign(note, name, witness.witnessing, time_s) for time_s in (at, at + 60)
    )
    return CosignatureRow(size, name, witness.witness_key.id, first, last)


def tiles(leaves: list[bytes]) -> dict[tuple[int, int], TileRow]:
    """All full tiles over leaf inputs."""
    found: dict[tuple[int, int], TileRow] = {}
    row, level = [leaf_hash(leaf) for leaf in leaves], 0
    while len(row) >= TILE:
        above = []
        for number in range(len(row) // TILE):
            part = row[number * TILE : (number + 1) * TILE]
            root = Frontier().extend(part).root()
            found[level, number] = TileRow(b"".join(part), root)
            above.append(root)
        row, level = above, level + 1
    return found
