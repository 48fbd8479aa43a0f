"""What the approver's pages show of an offer, and the look at announced names.

Enters: who asks. Leaves: offers with what may be known before opening, or the names that a
person allowed to be announced. Must never happen: a name without its line in the read log
(SR-D5); anything of the content before it is opened. Implements flow E, HO-60, HO-61.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from node import strictjson
from node.accounts.model import Reading
from node.accounts.policy import Actor, allowed, require
from node.casework.matching import pairs_of_transfer
from node.errors import MalformedMessageError, NotFoundError, PacketUnreadableError
from node.ids import AccountId, MemberId, TransferId
from node.report.readings import ReadingUnit
from node.sync import decision
from node.sync.inward import offer_of
from node.sync.offer import OfferBody
from node.sync.office import Office
from node.sync.onward import DUTY
from node.sync.quorum import OVERRIDDEN
from node.sync.rows import Due, SealedPart
from node.sync.transfer import Inbound, InboundTransfer

WAITING_HERE: Final = (Inbound.WAITING, Inbound.ANNOUNCED)
ON_THEIR_WAY: Final = (Inbound.APPROVED, Inbound.OPENING)
OVER: Final = (
    Inbound.IMPORTED,
    Inbound.CLOSED,
    Inbound.DURABLE,
    Inbound.REJECTED,
    Inbound.EXPIRED,
    Inbound.RECALLED,
)
_NEWEST: Final = 30


@dataclass(frozen=True, slots=True)
class Received:
    """One transfer to this office with its offer."""

    transfer: InboundTransfer
    offer: OfferBody


@dataclass(frozen=True, slots=True)
class Inbox:
    """All that is open, soonest end first, and the newest of what is over."""

    open: tuple[Received, ...]
    over: tuple[Received, ...]


@dataclass(frozen=True, slots=True)
class OfferSight:
    """One offer with everything its page says.

    ``is_here`` says that the sealed bytes are complete on our disk. ``queue`` is how our
    own statements to the sender stand, ``unassigned`` how many of the sender's cases wait
    here for a caseworker, ``matches`` how many pairs with a case of it are undecided.
    ``is_overridden`` says that two people there have waived the
    quorum of their log (LR-24).
    """

    received: Received
    decided_by: str
    second_by: str
    is_here: bool
    queue: Due
    unassigned: int
    is_overridden: bool
    matches: int


@dataclass(frozen=True, slots=True)
class Announced:
    """One person as an announcement by name shows them: nothing more (HO-61)."""

    name: str
    birth_date: str
    new_address: str


def inbox(uow: ReadingUnit, by: Actor) -> Inbox:
    """The list of the approver."""
    require(by, "offer.read")
    waiting = [
        _received(uow, number)
        for number in uow.inbound.in_states((*WAITING_HERE, *ON_THEIR_WAY))
    ]
    ended = [_received(uow, n) for n in uow.inbound.in_states(OVER)[-_NEWEST:]]
    waiting.sort(key=lambda found: found.transfer.expires_at)
    ended.sort(key=lambda found: max(found.transfer.facts.values()), reverse=True)
    return Inbox(tuple(waiting), tuple(ended))


@dataclass(frozen=True, slots=True)
class Question:
    """Something about a transfer that came here and waits for an answer of ours."""

    transfer: TransferId
    sender: MemberId
    is_withdrawal: bool
    due: date | None
    is_late: bool


def questions(uow: ReadingUnit, on: date) -> Sequence[Question]:
    """Withdrawals and requests to return, soonest end first."""
    kinds = {DUTY: True, "inbound.return_asked": False}
    found = {
        (task.transfer, task.kind): Question(
            transfer=task.transfer,
            sender=uow.inbound.get(task.transfer).sender,
            is_withdrawal=kinds[task.kind],
            due=task.due,
            is_late=task.due is not None and task.due < on,
        )
        for task in uow.readings.tasks()
        if task.kind in kinds and task.transfer is not None
    }
    return sorted(found.values(), key=lambda one: (one.due is None, one.due))


def count_waiting(uow: ReadingUnit) -> int:
    """How many offers wait for a decision of an approver."""
    return len(uow.inbound.in_states((Inbound.WAITING,)))


@dataclass(frozen=True, slots=True)
class OfferSeen:
    """An offer that waits for a decision, as a list of tasks shows it."""

    transfer: TransferId
    sender: MemberId
    persons: int
    ends: datetime

    @property
    def number(self) -> str:
        """What both offices call it."""
        return self.transfer.short


def offers_of(uow: ReadingUnit, by: Actor) -> Sequence[OfferSeen]:
    """Offers that wait for this person's decision, soonest end first; none if not theirs."""
    if not allowed(by, "offer.read"):
        return ()
    found = [_received(uow, n) for n in uow.inbound.in_states((Inbound.WAITING,))]
    return sorted(
        (
            OfferSeen(
                one.transfer.id,
                one.transfer.sender,
                one.offer.persons,
                one.transfer.expires_at,
            )
            for one in found
        ),
        key=lambda offer: offer.ends,
    )


def offer_sight(uow: ReadingUnit, transfer_id: TransferId, by: Actor) -> OfferSight:
    """One offer.

    Raises:
        NotFoundError: No such transfer.
    """
    require(by, "offer.read")
    received = _received(uow, transfer_id)
    transfer = received.transfer
    return OfferSight(
        received=received,
        decided_by=_name(uow, transfer.decided_by),
        second_by=_name(uow, transfer.second_by),
        is_here=uow.secrets.received(transfer_id) is not None,
        queue=uow.outbox.due(transfer.sender),
        unassigned=len(uow.readings.unassigned(transfer.sender)),
        is_overridden=uow.quorums.shown(transfer_id) == OVERRIDDEN,
        matches=len(pairs_of_transfer(uow, transfer_id)),
    )


def begin_look(
    uow: ReadingUnit, transfer_id: TransferId, by: Actor, at: datetime
) -> tuple[bytes, tuple[SealedPart, ...]]:
    """Write down who is about to look at the names; gives where the sealed bytes lie.

    Raises:
        NotFoundError: Nothing is announced by name, or it is gone.
    """
    require(by, "preview.open")
    if by.account is None:
        raise NotFoundError("account")
    with uow:
        found = _received(uow, transfer_id)
        where = uow.secrets.received(transfer_id)
        if not found.offer.named or where is None:
            raise NotFoundError("no announcement")
        uow.read_log.add(Reading(by.account, str(transfer_id), at, "preview.open"))
        uow.commit()
    return where


def names(
    uow: ReadingUnit, office: Office, transfer_id: TransferId, start: bytes, by: Actor
) -> Sequence[Announced]:
    """The announced persons.

    Args:
        uow: A reading unit.
        office: Our keys.
        transfer_id: T.
        start: The container's first bytes, its whole prelude at least.
        by: Who looks; ``begin_look`` has written it down.

    Raises:
        NotFoundError: Nothing is announced, or it is gone.
        PacketUnreadableError: It does not open.
    """
    try:
        text = decision.preview(uow, office, transfer_id, start, by=by)
    except MalformedMessageError as error:
        raise PacketUnreadableError("prelude") from error
    people = strictjson.parse_object(text).get("persons")
    if not isinstance(people, list):
        raise NotFoundError("no announcement")
    return [_announced(person) for person in people if isinstance(person, dict)]


def _announced(person: strictjson.JsonObject) -> Announced:
    parts = (_text(person, "given_names"), _text(person, "family_name"))
    return Announced(
        name=" ".join(part for part in parts if part),
        birth_date=_text(person, "birth_date"),
        new_address=_text(person, "new_address"),
    )


def _text(person: strictjson.JsonObject, name: str) -> str:
    value = person.get(name)
    return value if isinstance(value, str) else ""


def _received(uow: ReadingUnit, transfer_id: TransferId) -> Received:
    transfer = uow.inbound.get(transfer_id)
    return Received(transfer, offer_of(transfer))


def _name(uow: ReadingUnit, account: AccountId | None) -> str:
    return "" if account is None else uow.accounts.get(account).name
