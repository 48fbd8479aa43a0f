"""What of ours lies in mailboxes, as delivery notes it, and what letters made us owe.

Enters: what a relay has taken. Leaves: what goes again when (HO-92). Must never happen: an
item at a relay counting as delivered. Implements handover 10.5 on the sending side.
"""

from collections.abc import Sequence
from datetime import timedelta

from node.ids import MemberId
from node.sync.mailports import Owed, Turn
from node.sync.office import Office
from node.sync.ports import UnitOfWork

HELLO = "hello"


def note(
    uow: UnitOfWork, office: Office, peer: MemberId, keys: Sequence[str], relay: str
) -> None:
    """These lie at a relay now: the way works, and that is all it says."""
    now = office.clock.now()
    with uow:
        uow.mail.note(peer, keys, relay, now)
        uow.outbox.succeeded(peer, now)
        uow.commit()


def is_asked(uow: UnitOfWork, office: Office, peer: MemberId) -> bool:
    """Whether a hello of ours lies unanswered in the peer's mailbox."""
    with uow:
        return uow.mail.lies(peer, HELLO, office.clock.now())


def turn(uow: UnitOfWork, office: Office, peer: MemberId) -> Turn:
    """Which relay is next: the one that worked, until an hour brought nothing (HO-92)."""
    now = office.clock.now()
    with uow:
        since = uow.outbox.due(peer).failing_since
        hours = (now - since) // timedelta(hours=1) if since else 0
        found = uow.mail.turn(peer, now)
    return Turn(found.last, min(found.steps, 1) + hours)


def owed(uow: UnitOfWork, peer: MemberId) -> Owed | None:
    """What we owe a peer for its letters."""
    with uow:
        return uow.mail.owed(peer)


def paid(uow: UnitOfWork, peer: MemberId, version: int) -> None:
    """It was said."""
    with uow:
        uow.mail.paid(peer, version)
        uow.commit()
