"""Notes while a case is on its way, and what follows it afterwards.

Enters: a text and whose case it is about. Leaves: a note kept apart while the case cannot
be changed; after the handover an addendum that travels by its own gate. Must never happen:
an edit of the copy that stays here (DO-35). Implements HO-9, HO-4.
"""

from typing import Final

from node.accounts.policy import Actor
from node.cases.addendum import CORRECTION, SIDE_NOTE
from node.cases.days import local_day
from node.cases.model import Baton
from node.casework.cases import new_record, own_case
from node.errors import InputError, StaleEpochError
from node.ids import CaseId, TransferId
from node.sync import again
from node.sync.office import Office
from node.sync.ports import UnitOfWork

NOTE_CHARACTERS: Final = 4000
_ON_THE_WAY: Final = frozenset({Baton.FROZEN, Baton.GRANTED})
_SCOPE: Final = {
    SIDE_NOTE: frozenset({"K01", "K12"}),
    CORRECTION: frozenset({"K01"}),
}


def keep_apart(
    uow: UnitOfWork, office: Office, case: CaseId, text: str, *, by: Actor
) -> None:
    """A note on a case that is on its way: an ordinary one if it comes back (HO-9).

    Raises:
        InputError: No text, or a longer one than a note has.
        StaleEpochError: The case is not on its way.
    """
    _check(text)
    with uow:
        file = own_case(uow, by, case, "contact.record")
        if file.baton not in _ON_THE_WAY:
            raise StaleEpochError("case is not on its way")
        _put(uow, office, case, SIDE_NOTE, text, by=by)
        uow.commit()


def send_after(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    text: str,
    *,
    kind: str,
    by: Actor,
) -> TransferId:
    """A note or a request to correct for a case that was handed over (DO-35).

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        case: Whose.
        text: What the present office shall know.
        kind: ``side_note`` or ``correction``.
        by: Who writes.

    Returns:
        The addendum, held until its gate says yes.

    Raises:
        InputError: No text, or a longer one than a note has.
        StaleEpochError: The case was not handed over, or came back.
    """
    _check(text)
    with uow:
        action = "rights.correct" if kind == CORRECTION else "contact.record"
        file = own_case(uow, by, case, action)
        if file.baton is not Baton.HANDED_OVER or file.transfer is None:
            raise StaleEpochError("case was not handed over")
        _put(uow, office, case, kind, text, by=by)
        handover = uow.outbound.get(file.transfer)
        if handover.recipient is None:
            # A body without a node is written a letter; nothing could carry this.
            raise StaleEpochError("case went to a body without a node")
        whose = [m for m in handover.members if m.case == case]
        made = again.addendum(uow, office, handover, whose, _SCOPE[kind])
        assert made is not None
        uow.commit()
    return made


def _check(text: str) -> None:
    if not text.strip():
        raise InputError("text", "missing")
    if len(text) > NOTE_CHARACTERS:
        raise InputError("text", "too_long")


def _put(
    uow: UnitOfWork, office: Office, case: CaseId, kind: str, text: str, *, by: Actor
) -> None:
    today = local_day(office.clock.now()).isoformat()
    values = {"date": today, "text": text.strip()}
    uow.cases.put([new_record(office, case, kind, values, by=by.account)])
