"""The third table: a transfer to a body without a node, as a sealed file (chapter 13).

Enters: states and events of ``transfer``. Leaves: the table ``EXPORTED``. Must never
happen: a line that hands a case over before somebody on the other side has shown that the
file opened. The passphrase takes the place of share B, so KEEP_SHARE_B and DESTROY_SHARE_B
keep and destroy it. Implements HO-10, HO-115 to HO-118.
"""

from node.sync.machine import Machine, Rule
from node.sync.transfer import Effect, Outbound, OutEvent

_O, _E, _F = Outbound, OutEvent, Effect
_LATE = (_O.TOLD, _O.CLOSED, _O.DURABLE, _O.ERASED)

# fmt: off
EXPORTED: Machine[Outbound, OutEvent, Effect] = Machine([
    #    while             on                       enters        does                                       log entry
    Rule((_O.HELD,),       (_E.WITHHELD,),          None,         (_F.TELL,)),
    Rule((_O.HELD,),       (_E.EXPORTED,),          _O.EXPORTED,  (_F.FREEZE, _F.KEEP_SHARE_B),              "export.sealed"),
    # Given up, or handed over on paper (HO-118).
    Rule((_O.HELD,),       (_E.STOPPED,),           _O.CANCELLED, (_F.TELL,)),
    Rule((_O.EXPORTED,),   (_E.STOPPED,),           _O.CANCELLED, (_F.DESTROY_SHARE_B, _F.UNFREEZE, _F.TELL), "transfer.recalled"),
    # The words are told: from here on only the other side ends it.
    Rule((_O.EXPORTED,),   (_E.TOLD,),              _O.TOLD,      (_F.MARK_GRANTED,),                        "export.told"),
    Rule((_O.TOLD,),       (_E.TOLD,),              None,         (),                                        "export.told"),
    Rule((_O.TOLD,),       (_E.RECEIPT_CODE, _E.IMPORTED), _O.CLOSED, (_F.HAND_OVER, _F.TELL),               "export.acknowledged"),
    Rule((_O.TOLD,),       (_E.NOT_OPENED,),        _O.REJECTED,  (_F.DESTROY_SHARE_B, _F.TAKE_BACK, _F.TELL), "transfer.recalled"),
    Rule(_LATE,            (_E.WITHDRAWN,),         None,         (_F.TELL,),                                "notice.sent"),
    Rule(_LATE,            (_E.WITHDRAWAL_ANSWER,), None,         (_F.TELL,),                                "notice.answered"),
    Rule((_O.CLOSED,),     (_E.CONFIRMED, _E.DURABLE), _O.DURABLE, (_F.START_RETENTION,),                    "transfer.secured"),
    Rule((_O.DURABLE,),    (_E.ERASED,),            _O.ERASED,    (_F.ERASE,),                               "source.erased"),
    # The body has a node by now and takes the old file in; its letter may have come first.
    Rule((_O.CLOSED, _O.DURABLE, _O.ERASED), (_E.IMPORTED,), None),
    Rule((_O.DURABLE, _O.ERASED), (_E.DURABLE,),    None),
])
# fmt: on
