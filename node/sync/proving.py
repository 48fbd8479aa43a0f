"""The proof that travels beside each of our statements, made fresh for each sending.

Enters: a statement of ours and the head it leaves under, inside a unit of work. Leaves: its
attachment. Must never happen: a proof that begins at a place the peer does not remember.
Implements HO-49; exchange-log 6.1.
"""

from node import strictjson
from node.crypto.checkpoint import Checkpoint
from node.crypto.merkle import HashReader
from node.exchangelog.attachment import Attachment, Placed, make_attachment
from node.exchangelog.witness import SignedHead
from node.sync.ports import UnitOfWork
from node.sync.rows import Head, StatementRow


def attachment(
    uow: UnitOfWork,
    row: StatementRow,
    head: Head,
    tree: HashReader,
    *,
    index: int,
    override: bytes | None = None,
) -> Attachment:
    """The proof of the statement's entry, made fresh for this sending (HO-49)."""
    assert row.entry is not None
    opening = uow.log.opening(row.entry)
    entries = [Placed(index, row.entry, opening)]
    if row.type == "offer" and opening is not None:
        entries += _grounds(uow, opening)
    if override is not None:
        place = uow.log.index_of(override)
        assert place is not None
        entries.append(Placed(place, override, uow.log.opening(override)))
    return make_attachment(
        SignedHead(Checkpoint(head.origin, head.size, head.root), head.note),
        tree,
        entries=entries,
        cp_size=row.cp_size,
        since_size=min(uow.heads.shown(row.peer), head.size),
    )


def _grounds(uow: UnitOfWork, opening: bytes) -> list[Placed]:
    """``at`` and ``head`` of each consent an offer rests on (exchange-log 6.1)."""
    entry = strictjson.parse_object(opening[33:], members=2000)
    named = {
        bytes.fromhex(ground[key])
        for ground in entry["consents"]
        for key in ("at", "head")
        if key in ground
    }
    placed = [(uow.log.index_of(c), c) for c in named]
    return [Placed(index, c) for index, c in sorted(placed) if index is not None]
