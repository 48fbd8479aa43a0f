"""One moment of a transfer: both states, what each end keeps, what is on its way.

``said`` is the sender's whole chain, ``told`` the recipient's; ``heard`` and ``taken`` say
how far the other end came. What nobody can ask for any more is forgotten, so that equal
futures are one moment.
"""

from typing import NamedTuple, TypedDict

from node.sync.transfer import Effect, Inbound, InEvent, Outbound, OutEvent
from node.sync.words import StatementType

_O, _I, _OE, _IE, _F, _T = Outbound, Inbound, OutEvent, InEvent, Effect, StatementType

SENDS = {effect: _T(effect.removeprefix("send ")) for effect in _F if " " in effect}
"""The type of statement behind each effect ``send x``."""

AT_SENDER = {
    _T.STORED: _OE.STORED,
    _T.OPEN_REQUEST: _OE.OPEN_REQUEST,
    _T.IMPORTED: _OE.IMPORTED,
    _T.DURABLE: _OE.DURABLE,
    _T.REJECTED: _OE.REJECTED,
    _T.RECALLED: _OE.RECALLED,
    _T.EXPIRED: _OE.EXPIRED_THERE,
    _T.WITHDRAWAL_ANSWER: _OE.WITHDRAWAL_ANSWER,
    _T.RETURN_ANSWER: _OE.RETURN_ANSWER,
    _T.FIRST_CONTACT: _OE.FIRST_CONTACT,
    _T.PASSED_ON: _OE.PASSED_ON,
}
"""What each statement of a recipient means at the sender; ``lost`` depends on the state."""

AT_RECIPIENT = {
    _T.GRANT: _IE.GRANT,
    _T.CLOSED: _IE.CLOSED,
    _T.RECALL: _IE.RECALL,
    _T.WITHDRAWAL: _IE.WITHDRAWAL,
    _T.RETURN_REQUEST: _IE.RETURN_REQUEST,
}
"""What each statement of a sender means at the recipient; an ``offer`` may be unfit."""

LOSSES = (_OE.LOST, _OE.LOST_EMPTY, _OE.LOST_MOOT)
ENDED_THERE = frozenset({_T.REJECTED, _T.RECALLED, _T.EXPIRED})
OVER_HERE = frozenset({_O.CLOSED, _O.DURABLE, _O.ERASED})
EDITABLE = frozenset(
    {_O.HELD, _O.CANCELLED, _O.RECALLING, _O.RECALLED, _O.REJECTED, _O.RECLAIMED}
)
"""States of a transfer in which its case is active at the sender, as far as T decides."""

ARRIVALS_OUT = frozenset({*AT_SENDER.values(), *LOSSES})
ARRIVALS_IN = frozenset(
    {
        *AT_RECIPIENT.values(),
        *(_IE.OFFER, _IE.OFFER_UNFIT, _IE.PACKET, _IE.PACKET_UNFIT),
    }
)


class World(NamedTuple):
    """One moment, small enough to be a key."""

    # The sender.
    s: Outbound = _O.HELD
    share: bool = False  # share B and the container are here
    burnt: bool = False  # the deletion register names share B
    row: bool = False  # the outbox names the container
    moot: bool = False  # a later transfer moved the case on
    said: tuple[StatementType, ...] = ()
    heard: int = 0  # how many of ``said`` the recipient took
    # The recipient.
    r: Inbound = _I.ABSENT
    sealed: bool = False
    half: bool = False  # share B is here too
    case: bool = False
    duties: int = 0
    asked_back: bool = False
    told: tuple[StatementType, ...] = ()
    taken: int = 0  # how many of ``told`` the sender took
    gone: bool = False  # the node is gone for good, authorities agree (HO-22)
    # Between them, and what may still happen.
    flying: bool = False  # container bytes are under way
    withdrawals: int = 1
    requests: int = 1
    contacts: int = 1
    moves: int = 1
    restores_s: int = 0
    restores_r: int = 0


def settle(w: World) -> World:
    """Forget what nobody can ask for any more, so that equal futures are one moment."""
    if w.restores_s or w.restores_r:
        return w
    return w._replace(
        said=w.said[w.heard :],
        heard=0,
        told=w.told[w.taken :],
        taken=0,
    )


class _Keeps(TypedDict, total=False):
    share: bool
    burnt: bool
    row: bool
    flying: bool
    sealed: bool
    half: bool
    case: bool


_SENDER_KEEPS: dict[Effect, _Keeps] = {
    _F.KEEP_SHARE_B: {"share": True},
    _F.DESTROY_SHARE_B: {"share": False, "burnt": True},
    _F.TAKE_BACK: {"share": False, "burnt": True},
    _F.ERASE: {"share": False, "burnt": True},
    _F.QUEUE_PACKET: {"row": True, "flying": True},
    _F.DROP_PACKET_ROW: {"row": False},
}
_RECIPIENT_KEEPS: dict[Effect, _Keeps] = {
    _F.KEEP_SEALED: {"sealed": True},
    _F.KEEP_SHARE_B: {"half": True},
    _F.SHRED: {"sealed": False, "half": False, "flying": False},
    _F.IMPORT: {"case": True},
}


def at_sender(w: World, effect: Effect) -> World:
    """What an effect changes at the sender."""
    if effect is _F.SEND_GRANT and not w.share:
        return w
    if effect in SENDS:
        return w._replace(said=(*w.said, SENDS[effect]))
    return w._replace(**_SENDER_KEEPS.get(effect, {}))


def at_recipient(w: World, effect: Effect) -> World:
    """What an effect changes at the recipient."""
    if effect in SENDS:
        return w._replace(told=(*w.told, SENDS[effect]))
    if effect is _F.OPEN_DUTY:
        return w._replace(duties=w.duties + 1)
    return w._replace(**_RECIPIENT_KEEPS.get(effect, {}))


def loss(w: World) -> OutEvent:
    """Which of the three the statement ``lost`` is here (handover 4.3)."""
    if w.s is _O.ERASED or (w.moot and w.s in OVER_HERE):
        return _OE.LOST_MOOT
    if w.s in {_O.GRANTED, *OVER_HERE} and not w.share:
        return _OE.LOST_EMPTY
    return _OE.LOST
