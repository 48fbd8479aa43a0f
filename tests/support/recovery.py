"""What a restored node finds, from its own backup and the other end's memory.

The two halves of the table in handover 4.5, line by line. Two things that the table leaves
open are decided here as the specification of the transfer says them: ``lost`` takes back
what the recipient said before it, and a restored sender whose offer never arrived has
nothing to call back.
"""

from node.sync.transfer import Inbound, Outbound
from node.sync.words import StatementType
from tests.support.world import ENDED_THERE, World

_O, _I, _T = Outbound, Inbound, StatementType


def since_lost(chain: tuple[StatementType, ...]) -> tuple[StatementType, ...]:
    """What counts of a recipient's chain: ``lost`` takes back all before it."""
    if _T.LOST not in chain:
        return chain
    return chain[len(chain) - chain[::-1].index(_T.LOST) :]


def answers(chain: tuple[StatementType, ...]) -> int:
    """How many withdrawals are answered: by an answer, or by an end."""
    return sum(t is _T.WITHDRAWAL_ANSWER or t in ENDED_THERE for t in chain)


def sender_finds(
    w: World,
    own: tuple[StatementType, ...],
    theirs: tuple[StatementType, ...],
    *,
    share: bool,
) -> tuple[Outbound, list[StatementType]]:
    """The left half of the table in 4.5, and what is said again."""
    if w.s is _O.ERASED:
        return _O.ERASED, []
    if not w.heard:
        # The peer never took the offer: without share B there is nothing to call back.
        return (_O.QUEUED, [_T.OFFER]) if share else (_O.RECALLED, [])
    if _T.IMPORTED in theirs or _T.DURABLE in theirs:
        again = [_T.CLOSED] if _T.IMPORTED in since_lost(theirs) else []
        return (_O.DURABLE if _T.DURABLE in theirs else _O.CLOSED), again
    if ENDED_THERE & set(theirs):
        return (_O.REJECTED if _T.REJECTED in theirs else _O.RECALLED), []
    if _T.RECALL in own:
        return _O.RECALLING, [] if _T.RECALL in w.said[: w.heard] else [_T.RECALL]
    if _T.GRANT in own:
        # Without share B the grant cannot be said again; the peer's clock ends it.
        return _O.GRANTED, [_T.GRANT] if share else []
    if not share:
        return _O.RECALLING, [_T.RECALL]
    if _T.OPEN_REQUEST in theirs:
        return _O.ASKED, []
    return (_O.DELIVERED if _T.STORED in theirs else _O.QUEUED), []


def recipient_finds(
    w: World, own: tuple[StatementType, ...], *, sealed: bool, case: bool
) -> tuple[Inbound, list[StatementType]]:
    """The right half of the table in 4.5, and what is said again."""
    for end, state in (
        (_T.REJECTED, _I.REJECTED),
        (_T.RECALLED, _I.RECALLED),
        (_T.EXPIRED, _I.EXPIRED),
    ):
        if end in own:
            return state, []
    if _T.RECALL in w.said:
        return _I.RECALLED, [_T.RECALLED]
    since = since_lost(own)
    if _T.IMPORTED in since and case:
        if _T.DURABLE in since:
            return _I.DURABLE, []
        return (_I.CLOSED if _T.CLOSED in w.said else _I.IMPORTED), []
    if _T.IMPORTED in since or (_T.STORED in since and not sealed):
        return _I.ANNOUNCED, [_T.LOST]
    if _T.OPEN_REQUEST in since:
        return _I.APPROVED, [_T.OPEN_REQUEST]
    return (_I.WAITING if _T.STORED in since else _I.ANNOUNCED), []
