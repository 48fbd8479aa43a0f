"""The whole check of a log, offline, from its raw rows.

Enters: rows as they lie in the tables, the log's key, heads that others remember. Leaves: a
report. Must never happen: a verdict that rests on a column nobody signed; a clean log
accused. Implements EL-1, EL-9 and ``log verify`` (exchange-log 8). A million leaves go by
one at a time.
"""

from node.crypto.merkle import leaf_hash
from node.exchangelog.contents import Contents
from node.exchangelog.evidence import Evidence
from node.exchangelog.export import LogExport
from node.exchangelog.finding import Checked, Code, Ledger, Report
from node.exchangelog.heads import Tally, vouchers
from node.exchangelog.structure import Structure


def check_export(export: LogExport) -> Report:
    """Check structure and, if keys are given, contents of a log.

    Not judged here: statements of transfers and receipts (reconciliation), quorum of a
    policy, and whether a class of entries was old enough for its erasure.
    """
    ledger, tally = Ledger(), Tally()
    structure = Structure(vouchers(export, ledger, tally), export.tile, ledger)
    contents = None if export.key is None else Contents(export, export.key, ledger)
    leaves, whole = 0, True
    for leaf in export.leaves:
        hashed = leaf_hash(leaf.input)
        if contents is not None:
            contents.look(leaf, hashed)
        leaves += 1
        if whole and leaf.index != structure.size:
            whole = False
            missing = leaf.index > structure.size
            code = Code.LEAF_MISSING if missing else Code.LEAF_EXTRA
            ledger.add(code, min(structure.size, leaf.index), "the indexes have a gap")
        if whole:
            for head in structure.add(hashed):
                if contents is not None:
                    contents.witnessed(head)
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
