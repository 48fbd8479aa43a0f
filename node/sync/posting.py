"""What of ours lies in mailboxes, as delivery notes it, and what letters made us owe.

Enters: what a relay has taken. Leaves: what goes again when (HO-92). Must never happen: an
item at a relay counting as delivered. Implements handover 10.5 on the sending side.
"""

from collections.abc import Sequence
from dataclasses import replace

from node.ids import MemberId
from node.sync.limits import RELAY_FIRST_WAIT
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
    """Which relay is next: the one that worked, until an hour brought nothing (HO-92).

    Only what the relays did counts here: a peer that writes to us by its own way all the
    while says nothing about the way to it.
    """
    now = office.clock.now()
    with uow:
        found = uow.mail.turn(peer, now)
    since = found.failing_since
    hours = (now - since) // RELAY_FIRST_WAIT if since else 0
    return replace(found, steps=min(found.steps, 1) + hours)


def missed(uow: UnitOfWork, office: Office, peer: MemberId) -> None:
    """The relay whose turn it was took nothing."""
    with uow:
        uow.mail.missed(peer, office.clock.now())
        uow.commit()


def reached(uow: UnitOfWork, office: Office, peer: MemberId, relay: str) -> None:
    """A relay took something after others had not."""
    with uow:
        uow.mail.reached(peer, relay, office.clock.now())
        uow.commit()


def owed(uow: UnitOfWork, peer: MemberId) -> Owed | None:
    """What we owe a peer for its letters."""
    with uow:
        return uow.mail.owed(peer)


def paid(uow: UnitOfWork, peer: MemberId, version: int) -> None:
    """It was said."""
    with uow:
        uow.mail.paid(peer, version)
        uow.commit()
