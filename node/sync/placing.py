"""Whether a peer's statement is the next one of its chain, under the incarnation we know.

Enters: a verified statement, its stored result if it came before. Leaves: the result, or
nothing where it is to be taken. Must never happen: a statement of an incarnation whose key
card was not judged; one of a former incarnation after that. Implements HO-20, HO-44, HO-50,
TRF-6.
"""

from node.ids import MemberId
from node.sync import chain
from node.sync.message import Statement
from node.sync.office import Office
from node.sync.peerkeys import held_card
from node.sync.ports import UnitOfWork
from node.sync.rows import TakenRow


def judge_place(
    uow: UnitOfWork,
    office: Office,
    peer: MemberId,
    statement: Statement,
    *,
    last: chain.Position | None,
    known: TakenRow | None,
) -> str | None:
    """The result of a statement that is not the next of its chain; None for the next.

    Args:
        uow: The transaction.
        office: The directory.
        peer: Who states.
        statement: Verified.
        last: The peer's newest one, read under the lock of its chain.
        known: This one, if it came before; read after ``last``.
    """
    link = statement.claims.link
    assert link is not None
    match chain.judge(
        last, link, digest=statement.digest, known=known.digest if known else None
    ):
        case chain.Repeat():
            assert known is not None
            return known.result
        case chain.Conflict():
            return "id-conflict"
        case chain.Gap():
            return "chain-gap"
        case chain.Fork():
            uow.chains.quarantine(peer, "history-conflict", statement.jws)
            return "history-conflict"
        case chain.Take():
            return _judge_incarnation(uow, office, peer, link.inc, last)


def _judge_incarnation(
    uow: UnitOfWork,
    office: Office,
    peer: MemberId,
    inc: int,
    last: chain.Position | None,
) -> str | None:
    """HO-50: a later incarnation counts once its key card was judged; hello brings it.

    TRF-6: after that nothing of a former one counts; it comes from an older node.
    """
    if inc == (last.inc if last else 1):
        # The usual case: no card was ever needed, or it came before.
        card = uow.cards.find(peer)
        return "log-behind" if card is not None and card.inc > inc else None
    return None if held_card(uow, office, peer).inc == inc else "log-unproven"
