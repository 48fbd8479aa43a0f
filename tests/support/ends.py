"""Both ends of one transfer and everything between them, small enough to walk entirely.

``Walk`` knows every next moment: each end may decide
whatever its table allows and its facts support; the next statement of a chain may arrive,
late or never, but in order (HO-14); container bytes arrive at any time; either end may be
restored from a backup and recover (handover 4.5). A repetition of a statement that was
taken never reaches a table (HO-20), so it makes no new moment.

Recovery is one step here: the hello, its answers and the first statement of the new
incarnation. What was in flight to the asker is read as memory, what was in flight from it
belongs to a history that no longer counts (HO-50).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.errors import TransitionError
from node.sync.machine import Machine, Outcome
from node.sync.transfer import (
    INBOUND,
    OUTBOUND,
    Effect,
    Inbound,
    InEvent,
    Outbound,
    OutEvent,
)
from node.sync.words import StatementType
from tests.support.recovery import answers, recipient_finds, sender_finds, since_lost
from tests.support.world import (
    ARRIVALS_IN,
    ARRIVALS_OUT,
    AT_RECIPIENT,
    AT_SENDER,
    EDITABLE,
    ENDED_THERE,
    OVER_HERE,
    World,
    at_recipient,
    at_sender,
    loss,
)

_O, _I, _OE, _IE, _T = Outbound, Inbound, OutEvent, InEvent, StatementType


class MissingRuleError(Exception):
    """Something arrived that may arrive, and the table has no line for it."""


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that may happen now, and the moment after it.

    ``out`` and ``into`` are the pairs of state and event that were looked up.
    """

    label: str
    after: World
    out: tuple[tuple[Outbound, OutEvent], ...] = ()
    into: tuple[tuple[Inbound, InEvent], ...] = ()


class Walk:
    """All moves from a moment, under two given tables."""

    def __init__(
        self,
        outbound: Machine[Outbound, OutEvent, Effect] = OUTBOUND,
        inbound: Machine[Inbound, InEvent, Effect] = INBOUND,
    ) -> None:
        """Walk under these tables; tests leave lines out."""
        self._outbound = outbound
        self._inbound = inbound

    def moves(self, w: World) -> Iterator[Move]:
        """Everything that may happen next.

        Raises:
            MissingRuleError: Something that may arrive has no line.
        """
        yield from self._sender_decides(w)
        yield from self._sender_hears(w)
        if w.restores_s and w.s not in {_O.HELD, _O.CANCELLED}:
            yield from self._sender_restored(w)
        if w.gone:
            return
        yield from self._recipient_decides(w)
        yield from self._recipient_hears(w)
        yield from self._bytes_arrive(w)
        if w.restores_r and w.said:
            yield from self._recipient_restored(w)
        yield Move("recipient gone", w._replace(gone=True, told=w.told[: w.taken]))

    # -- One event at one end ----------------------------------------------------------

    def _out(self, w: World, event: OutEvent) -> World:
        outcome = self._look_up_out(w.s, event)
        w = w._replace(s=outcome.enters)
        for effect in outcome.does:
            w = at_sender(w, effect)
        return w

    def _look_up_out(
        self, state: Outbound, event: OutEvent
    ) -> Outcome[Outbound, Effect]:
        try:
            return self._outbound.step(state, event)
        except TransitionError as error:
            raise MissingRuleError(f"sender: {error}") from error

    def _in(self, w: World, event: InEvent) -> World:
        try:
            outcome = self._inbound.step(w.r, event)
        except TransitionError as error:
            raise MissingRuleError(f"recipient: {error}") from error
        w = w._replace(r=outcome.enters)
        for effect in outcome.does:
            w = at_recipient(w, effect)
        return w

    def _arrives_out(self, w: World, event: OutEvent, label: str) -> Move:
        return Move(label, self._out(w, event), out=((w.s, event),))

    def _arrives_in(self, w: World, event: InEvent, label: str) -> Move:
        return Move(label, self._in(w, event), into=((w.r, event),))

    # -- Decisions ---------------------------------------------------------------------

    def _sender_decides(self, w: World) -> Iterator[Move]:
        for event in OutEvent:
            if event in ARRIVALS_OUT or not self._outbound.allows(w.s, event):
                continue
            before = _spend_out(w, event)
            if before is not None:
                yield self._arrives_out(before, event, f"S {event}")
        if w.s in {_O.CLOSED, _O.DURABLE} and w.case and w.moves and not w.moot:
            yield Move("moved on", w._replace(moot=True, moves=0))

    def _recipient_decides(self, w: World) -> Iterator[Move]:
        for event in InEvent:
            if event in ARRIVALS_IN or not self._inbound.allows(w.r, event):
                continue
            before = _spend_in(w, event)
            if before is not None:
                yield self._arrives_in(before, event, f"R {event}")

    # -- Arrivals ----------------------------------------------------------------------

    def _sender_hears(self, w: World) -> Iterator[Move]:
        if w.taken < len(w.told):
            statement = w.told[w.taken]
            event = loss(w) if statement is _T.LOST else AT_SENDER[statement]
            yield self._arrives_out(
                w._replace(taken=w.taken + 1), event, f"S hears {statement}"
            )

    def _recipient_hears(self, w: World) -> Iterator[Move]:
        if w.heard < len(w.said):
            statement = w.said[w.heard]
            after = w._replace(heard=w.heard + 1)
            if statement is _T.RETURN_REQUEST:
                after = after._replace(asked_back=True)
            if statement is _T.OFFER:
                for event in (_IE.OFFER, _IE.OFFER_UNFIT):
                    yield self._arrives_in(after, event, f"R hears {event}")
            else:
                event = AT_RECIPIENT[statement]
                yield self._arrives_in(after, event, f"R hears {statement}")

    def _bytes_arrive(self, w: World) -> Iterator[Move]:
        # In every other state the upload is answered from the state, without an event.
        if w.flying and w.r is _I.ANNOUNCED:
            after = w._replace(flying=False)
            for event in (_IE.PACKET, _IE.PACKET_UNFIT):
                yield self._arrives_in(after, event, f"bytes {event}")

    # -- Restores (handover 4.5) -------------------------------------------------------

    def _sender_restored(self, w: World) -> Iterator[Move]:
        for known in range(len(w.said) + 1):
            yield from self._sender_recovers(w, known)

    def _sender_recovers(self, w: World, known: int) -> Iterator[Move]:
        """S finds itself as of its first ``known`` statements, and asks R."""
        own = w.said[: max(known, w.heard)]
        if not own:
            # Nobody ever heard of it: the orphaned container goes, nothing happened.
            fresh = World(
                restores_s=w.restores_s - 1, restores_r=w.restores_r, gone=w.gone
            )
            yield Move(f"S restored to {known}", fresh)
            return
        theirs = since_lost(w.told)
        if w.moot and _T.IMPORTED not in theirs:
            # The case moved on after an import that R lost; it is not asked back.
            theirs = w.told
        share = _T.OFFER in w.said[:known] and not w.burnt
        found, again = sender_finds(w, own, theirs, share=share)
        kept = {_T.WITHDRAWAL, _T.RECALL} if found in OVER_HERE else {_T.WITHDRAWAL}
        unheard = [t for t in w.said[w.heard : known] if t in kept]
        after = w._replace(
            s=found,
            share=share and found not in EDITABLE,
            burnt=w.burnt or found in EDITABLE,
            row=found is _O.QUEUED,
            flying=found is _O.QUEUED,
            taken=len(w.told),
            restores_s=w.restores_s - 1,
        )
        choices = [again]
        if _T.CLOSED in again and w.r is not _I.IMPORTED:
            # "closed again if R lacks it": a sender that cannot tell says it twice.
            choices.append([])
        for choice in choices:
            label = f"S restored to {known}, says {', '.join(choice)}"
            now = after._replace(said=(*w.said[: w.heard], *choice, *unheard))
            if w.told and w.told[-1] is _T.LOST:
                yield self._arrives_out(now, loss(now), label)
            else:
                yield Move(label, now)

    def _recipient_restored(self, w: World) -> Iterator[Move]:
        for known in range(len(w.told) + 1):
            yield from self._recipient_recovers(w, known)

    def _recipient_recovers(self, w: World, known: int) -> Iterator[Move]:
        """R finds itself as of its first ``known`` statements, and asks S."""
        own = w.told[: max(known, w.taken)]
        stored = since_lost(w.told[:known])
        case = _T.IMPORTED in stored
        sealed = _T.STORED in stored and not case and not ENDED_THERE & set(stored)
        found, saying = recipient_finds(w, own, sealed=sealed, case=case)
        unheard = [t for t in own[w.taken :] if t not in saying]
        open_duties = max(0, w.said.count(_T.WITHDRAWAL) - answers(own))
        after = w._replace(
            r=found,
            sealed=sealed and found in {_I.WAITING, _I.APPROVED},
            half=False,
            case=case and found in {_I.IMPORTED, _I.CLOSED, _I.DURABLE},
            duties=0,
            asked_back=_T.RETURN_REQUEST in w.said and _T.RETURN_ANSWER not in own,
            heard=len(w.said),
            flying=w.row,
            restores_r=w.restores_r - 1,
            told=(*w.told[: w.taken], *unheard, *saying),
        )
        label = f"R restored to {known}"
        if open_duties and found is not _I.ABSENT:
            # An unanswered withdrawal is raised at once.
            move = self._arrives_in(after, _IE.WITHDRAWAL, label)
            yield move
        else:
            yield Move(label, after)


def _spend_out(w: World, event: OutEvent) -> World | None:
    """The world with this decision's allowance spent, or None if its facts are missing."""
    match event:
        case OutEvent.WITHDRAWN:
            return w._replace(withdrawals=w.withdrawals - 1) if w.withdrawals else None
        case OutEvent.RETURN_ASKED:
            return w._replace(requests=w.requests - 1) if w.requests else None
        case OutEvent.RECLAIMED:
            return w if w.gone else None
        case OutEvent.GRANTED:
            return w if w.share else None
        case _:
            return w


def _spend_in(w: World, event: InEvent) -> World | None:
    """The same for the recipient."""
    match event:
        case InEvent.OPENED:
            return w if w.sealed and w.half else None
        case InEvent.WITHDRAWAL_ANSWERED:
            return w._replace(duties=w.duties - 1) if w.duties else None
        case InEvent.RETURN_DECLINED:
            return w._replace(asked_back=False) if w.asked_back else None
        case InEvent.FIRST_CONTACT_NOTED | InEvent.PASSED_ON_NOTED:
            return w._replace(contacts=w.contacts - 1) if w.contacts else None
        case _:
            return w
