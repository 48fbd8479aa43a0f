"""What a restored node makes of statements that it had said, or taken, and had forgotten.

Enters: for one transfer, our own forgotten statements and the peer's, in chain order; they
are memory and were remembered as said and taken before. Leaves: the transfer where both
ends can go on, the case in one home. Must never happen: a grant asked of the gate a second
time, for what was granted stays granted; a case active here that another town was given.
Implements handover 4.5, as ADR 0027 narrows it; HO-23.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from node.cases.model import Baton
from node.errors import ReceiptError, TransitionError, UsageError
from node.ids import MemberId, TransferId
from node.sync import recipient, sender
from node.sync.bodies import EmptyBody, RecallBody
from node.sync.issue import issue
from node.sync.logbook import Act, Subject, common_epoch, record
from node.sync.message import Statement
from node.sync.offer import OfferBody, case_tag
from node.sync.office import Office
from node.sync.outward import Cause, apply
from node.sync.permission import consent_references
from node.sync.ports import UnitOfWork
from node.sync.transfer import (
    Inbound,
    InboundTransfer,
    Outbound,
    OutEvent,
    Why,
)
from node.sync.words import StatementType

_T = StatementType
_RESTORED = "restored"
_HANDED_OVER = frozenset({_T.IMPORTED, _T.DURABLE})
_BEFORE_GRANT = frozenset({Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED})
_ENDS = {
    _T.REJECTED: Inbound.REJECTED,
    _T.EXPIRED: Inbound.EXPIRED,
    _T.RECALLED: Inbound.RECALLED,
}
_WE_HELD = frozenset({_T.STORED, _T.OPEN_REQUEST, _T.IMPORTED, _T.DURABLE})
_SAID_BY_SENDER = frozenset(
    {
        _T.OFFER,
        _T.GRANT,
        _T.CLOSED,
        _T.RECALL,
        _T.WITHDRAWAL,
        _T.RETURN_REQUEST,
    }
)


def restore_transfer(
    uow: UnitOfWork,
    office: Office,
    peer: MemberId,
    transfer: TransferId,
    *,
    ours: Sequence[Statement],
    theirs: Sequence[Statement],
) -> None:
    """Settle one transfer by what both had said; inside the caller's transaction."""
    types = {s.claims.t for s in ours}
    told = {s.claims.t for s in theirs}
    if types & _SAID_BY_SENDER or told - _SAID_BY_SENDER:
        _as_sender(uow, office, peer, transfer, ours=ours, theirs=theirs)
    else:
        _as_recipient(uow, office, transfer, own=types, theirs=theirs)


# -- The sender's end --------------------------------------------------------------------


def _as_sender(
    uow: UnitOfWork,
    office: Office,
    peer: MemberId,
    transfer_id: TransferId,
    *,
    ours: Sequence[Statement],
    theirs: Sequence[Statement],
) -> None:
    own = {s.claims.t for s in ours}
    told = {s.claims.t for s in theirs}
    given = _T.GRANT in own or bool(told & _HANDED_OVER)
    transfer = uow.outbound.find(transfer_id)
    offer = next((s for s in ours if s.claims.t is _T.OFFER), None)
    if transfer is None or transfer.state is Outbound.HELD:
        if offer is not None:
            _without_packet(uow, office, peer, offer, given=given)
        if transfer is not None:
            apply(uow, office, transfer, OutEvent.STOPPED, _cause())
        return
    for statement in theirs:
        kind = statement.claims.t
        if kind in _HANDED_OVER or (kind is _T.OPEN_REQUEST and given):
            _grant_again(uow, office, transfer_id)
        if kind is _T.OPEN_REQUEST and given:
            continue
        with suppress(TransitionError, ReceiptError, UsageError):
            transfer = uow.outbound.get(transfer_id)
            sender.take_statement(uow, office, transfer, statement)
    if given:
        _grant_again(uow, office, transfer_id)
    transfer = uow.outbound.get(transfer_id)
    if _T.RECALL in own and transfer.state in _BEFORE_GRANT:
        apply(uow, office, transfer, OutEvent.STOPPED, _cause())


def _grant_again(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """What was granted stays granted: through the table, without asking the gate again."""
    for event in (OutEvent.STORED, OutEvent.OPEN_REQUEST, OutEvent.GRANTED):
        transfer = uow.outbound.get(transfer_id)
        awaited = {
            Outbound.QUEUED: OutEvent.STORED,
            Outbound.DELIVERED: OutEvent.OPEN_REQUEST,
            Outbound.ASKED: OutEvent.GRANTED,
        }
        if awaited.get(transfer.state) is event:
            more = (
                {"consents": consent_references(uow, transfer)}
                if event is OutEvent.GRANTED
                else {}
            )
            act = Act(outcome=_RESTORED, more=more)
            apply(uow, office, transfer, event, Cause(act=act))


def _without_packet(
    uow: UnitOfWork, office: Office, peer: MemberId, offer: Statement, *, given: bool
) -> None:
    """An offer of ours of which this database knows nothing: its cases, by their tags.

    Given away they are not ours any more; else the packet is called back, for its share B
    is gone, and the case stays where it is.
    """
    body, transfer = offer.claims.b, offer.claims.tr
    assert isinstance(body, OfferBody)
    assert transfer is not None
    if given:
        wanted = {(item.tag, item.e) for item in body.cases}
        for file in uow.cases.all_files():
            tag = case_tag(office.keyring.tag_key, transfer, file.id, epoch=file.epoch)
            if (tag, file.epoch) in wanted and file.baton is Baton.ACTIVE:
                away = replace(file, baton=Baton.HANDED_OVER, handed_to=peer)
                uow.cases.replace(
                    file,
                    replace(away, responsible_until=office.clock.now().date()),
                )
        return
    subject = Subject(
        transfer, peer, common_epoch(c.e for c in body.cases), body.pkt.dig, None
    )
    at = office.clock.now()
    act = Act(outcome=_RESTORED)
    entry = record(uow, office, "transfer.recalled", subject, act=act, at=at)
    issue(
        uow,
        office,
        to=peer,
        kind=_T.RECALL,
        body=RecallBody(Why.RESTORED),
        transfer=transfer,
        off=offer.digest,
        entry=entry,
    )


def end_unsaid(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """Our offer never left, and its entry lies in a log that ended: nothing to call back.

    TRF-9 would say it again; that needs the consents' entries in the present log (ADR 0027).
    """
    transfer = uow.outbound.get(transfer_id)
    if transfer.state in _BEFORE_GRANT:
        apply(uow, office, transfer, OutEvent.STOPPED, _cause())


def _cause() -> Cause:
    return Cause(why=Why.RESTORED, act=Act(outcome=_RESTORED), codes=(_RESTORED,))


# -- The recipient's end -----------------------------------------------------------------


def _as_recipient(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    *,
    own: set[StatementType],
    theirs: Sequence[Statement],
) -> None:
    for statement in theirs:
        with suppress(TransitionError, ReceiptError, UsageError):
            if statement.claims.t is _T.OFFER:
                recipient.take_offer(uow, office, statement)
                continue
            inbound = uow.inbound.find(transfer_id)
            if inbound is not None:
                recipient.take_statement(uow, office, inbound, statement)
    inbound = uow.inbound.find(transfer_id)
    if inbound is None or inbound.state in _ENDS.values():
        return
    end = next((state for kind, state in _ENDS.items() if kind in own), None)
    if end is not None:
        _entomb(uow, office, inbound, end)
    elif _is_lost(uow, inbound, own):
        _entomb(uow, office, inbound, Inbound.ANNOUNCED)
        issue(
            uow,
            office,
            to=inbound.sender,
            kind=_T.LOST,
            body=EmptyBody(),
            transfer=inbound.id,
            off=inbound.offer_digest,
            entry=None,
        )


def _is_lost(
    uow: UnitOfWork, inbound: InboundTransfer, own: set[StatementType]
) -> bool:
    """We said that we had it, and have it no more: the container, or the imported case."""
    if inbound.state in {Inbound.IMPORTED, Inbound.CLOSED, Inbound.DURABLE}:
        return False
    if own & _HANDED_OVER:
        return True
    return bool(own & _WE_HELD) and uow.secrets.received(inbound.id) is None


def _entomb(
    uow: UnitOfWork, office: Office, inbound: InboundTransfer, state: Inbound
) -> None:
    """Enter a state that we had told already; nothing is said, what is sealed goes."""
    facts = {**inbound.facts, state: office.clock.now()}
    if state is not inbound.state:
        uow.inbound.replace(inbound, replace(inbound, state=state, facts=facts))
    uow.secrets.shred(inbound.id)
    uow.uploads.drop(inbound.id)
