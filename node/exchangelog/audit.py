"""The whole check of a log, offline, from its raw rows.

Enters: rows as they lie in the tables, the log's key, heads that others remember. Leaves: a
report. Must never happen: a verdict that rests on a column nobody signed; a clean log
accused. Implements EL-1, EL-9 and ``log verify`` (exchange-log 8). A million leaves go by
in blocks that end at a head or a full tile.
"""

from hashlib import sha256
from itertools import islice
from operator import itemgetter
from typing import Final

from node.exchangelog.contents import Contents
from node.exchangelog.evidence import Evidence
from node.exchangelog.export import LeafRow, LogExport
from node.exchangelog.finding import Checked, Code, Ledger, Report
from node.exchangelog.heads import Tally, vouchers
from node.exchangelog.structure import Structure

_BLOCK: Final = 256


def check_export(export: LogExport) -> Report:
    """Check structure and, if keys are given, contents of a log.

    Not judged here: statements of transfers and receipts (reconciliation), quorum of a
    policy, and whether a class of entries was old enough for its erasure.
    """
    ledger, tally = Ledger(), Tally()
    structure = Structure(vouchers(export, ledger, tally), export.tile, ledger)
    contents = None if export.key is None else Contents(export, export.key, ledger)
    leaves, whole = 0, True
    rows = iter(export.leaves)
    while block := list(islice(rows, structure.room if whole else _BLOCK)):
        hashed = [sha256(b"\x00" + row[1]).digest() for row in block]
        if contents is not None:
            for row, item in zip(block, hashed, strict=True):
                contents.look(row, item)
        leaves += len(block)
        if whole:
            good = _following(block, structure.size)
            heads = structure.add(hashed[:good]) if good else []
            if contents is not None:
                for head in heads:
                    contents.witnessed(head)
            if good < len(block):
                whole = False
                index = block[good].index
                missing = index > structure.size
                code = Code.LEAF_MISSING if missing else Code.LEAF_EXTRA
                text = "the indexes have a gap"
                ledger.add(code, min(structure.size, index), text)
    if contents is not None:
        contents.finish()
    structure.finish(
        Evidence() if contents is None else contents.evidence,
        unconfirmed=leaves if contents is None else contents.unconfirmed,
        whole=whole,
    )
    structure.name_excess(export.tiles)
    if contents is not None:
        contents.name_strays()
    return Report(
        origin=export.log_key.name,
        size=leaves,
        root=structure.frontier.root(),
        witnessed_size=structure.witnessed,
        checked=Checked(
            leaves=leaves,
            opened=0 if contents is None else contents.opened,
            erased=0 if contents is None else contents.erased,
            checkpoints=tally.checkpoints,
            cosignatures=tally.cosignatures,
        ),
        findings=ledger.findings(),
    )


def _following(block: list[LeafRow], size: int) -> int:
    """How many rows of a block follow each other from an index on."""
    indexes = list(map(itemgetter(0), block))
    if indexes == list(range(size, size + len(block))):
        return len(block)
    return next(place for place, index in enumerate(indexes) if index != size + place)
