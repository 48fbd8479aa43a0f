"""Under which keys a peer's log and witness speak now: by its key card, else the directory.

Enters: a peer, inside a unit of work. Leaves: its keys. Must never happen: a card that was
not judged (``hello.hear``) counting for anything. Implements LR-27, LR-28.
"""

from collections.abc import Iterator

from node.crypto.checkpoint import NoteKey
from node.errors import KeyRetiredError, UnknownNodeError
from node.exchangelog.keycard import KeyCard
from node.ids import MemberId
from node.sync.office import Office
from node.sync.ports import UnitOfWork


def held_card(uow: UnitOfWork, office: Office, peer: MemberId) -> KeyCard:
    """What we hold of a peer; the directory alone can retire its keys.

    Raises:
        UnknownNodeError, KeyRetiredError: As the directory says.
    """
    directory = office.directory()
    listed = KeyCard(1, directory.log_key(peer), directory.witness_key(peer))
    card = uow.cards.find(peer)
    # A card for another log key is of a time before the record changed.
    return card if card is not None and card.log.key == listed.log.key else listed


def log_key_of(uow: UnitOfWork, office: Office, peer: MemberId) -> NoteKey:
    """The key that signs the peer's checkpoints now; its name is the origin."""
    listed = office.directory().log_key(peer)
    card = uow.cards.find(peer)
    return card.log if card is not None and card.log.key == listed.key else listed


def log_of(uow: UnitOfWork, office: Office, peer: MemberId) -> str:
    """The origin of a peer's exchange log now, also of one whose keys are retired.

    What we remember of a struck-off peer must be found to end what is under way with it.
    """
    listed = office.directory().member(peer).log.newest
    card = uow.cards.find(peer)
    return (
        card.log.name
        if card is not None and card.log.key == listed.key
        else listed.name
    )


def witness_key_of(uow: UnitOfWork, office: Office, peer: MemberId) -> NoteKey:
    """The key that cosigns for the peer now."""
    if uow.cards.find(peer) is None:
        return office.directory().witness_key(peer)
    return held_card(uow, office, peer).witness


def log_keys(uow: UnitOfWork, office: Office) -> Iterator[tuple[MemberId, NoteKey]]:
    """All members with the keys of their logs, ours among them."""
    is_listed = not uow.cards.any()
    for member in office.directory().members():
        try:
            key = member.log.newest if is_listed else log_key_of(uow, office, member.id)
        except (UnknownNodeError, KeyRetiredError):
            continue
        yield member.id, key
