"""Relocations: who moves where, and the transfer that it prepares.

Enters: a move from a form, the register office's software or a list. Leaves: the relocation
and, with a route, a transfer that is held until the gate says yes. Must never happen: a
relocation that moves anything by itself (T6); a name that routes (FR-27). Implements FR-25
to FR-27.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from node.accounts.model import Role
from node.accounts.policy import Actor, require
from node.cases.consent import (
    Coverage,
    Permit,
    Reason,
    Recipient,
    Wish,
    auto_allowed,
    explain,
    gate,
)
from node.cases.model import Baton, CaseContent
from node.cases.relocation import Relocation, Routing, Source
from node.casework.cases import new_id, own_case
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    StaleEpochError,
    TransitionError,
)
from node.failpoints import Point
from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, TransferId
from node.sync import outward, permission
from node.sync.logbook import Act, Who
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.transfer import (
    HOLDING,
    MemberScope,
    Outbound,
    OutboundTransfer,
    OutEvent,
    Why,
)
from node.sync.words import Kind

CONFIRMED = "confirmed"
"""Policy of a transfer whose content a caseworker has ticked."""
_RUNNING = HOLDING | {Outbound.HELD}


@dataclass(frozen=True, slots=True)
class Move:
    """A change of place as a form, a register message or a list tells it."""

    cases: tuple[CaseId, ...]
    ags: Ags
    move_on: date
    source: Source
    policy: str = "auto"
    repeat: "Repeat | None" = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """How a caller marks a request it may send twice: its own key, and the request."""

    caller: str
    key: str
    request: bytes


def record_relocation(
    uow: UnitOfWork,
    office: Office,
    move: Move,
    *,
    by: Actor,
    places: Mapping[Ags, str],
) -> Relocation:
    """Record who moves where; a transfer is prepared, and nothing leaves yet.

    Without a route it is one to a body without a node: never by itself, never by a name.

    Raises:
        InputError: Nobody named, or one of them is on the way already.
        StaleEpochError: One of the cases is not ours to move.
        ConflictError: The idempotency key was used for another request.
    """
    if not move.cases:
        raise InputError("cases", "missing")
    now = office.clock.now()
    with uow:
        known = _known_answer(uow, move.repeat)
        if known is not None:
            return known
        files = [own_case(uow, by, case, "relocation.record") for case in move.cases]
        for file in files:
            if file.baton is not Baton.ACTIVE:
                raise StaleEpochError("case is not active here")
            if any(
                t.state in _RUNNING and t.kind is not Kind.ADDENDUM
                for t in uow.outbound.of_case(str(file.id))
            ):
                raise InputError("cases", "relocation_running")
        routing, recipient = route(office, move.ags, move.move_on, places)
        transfer = None
        if routing is not Routing.OWN_AREA:
            transfer = TransferId.of(office.randomness(16))
            uow.outbound.add(
                OutboundTransfer(
                    id=transfer,
                    state=Outbound.HELD,
                    recipient=recipient,
                    ags=move.ags,
                    move_on=move.move_on,
                    reason="move",
                    members=tuple(
                        MemberScope(f.id, f.epoch, frozenset(), frozenset(), "")
                        for f in files
                    ),
                    created_at=now,
                    created_by=by.account,
                    # Without a node somebody decides how it goes, and confirms (FR-27).
                    policy=move.policy if recipient else "confirm",
                    facts={Outbound.HELD: now},
                    body=None if recipient else move.ags,
                )
            )
            uow.wake(Wake.RELEASE, str(transfer))
        relocation = Relocation(
            id=RecordId(new_id(office, now)),
            cases=move.cases,
            ags=move.ags,
            move_on=move.move_on,
            source=move.source,
            routing=routing,
            recorded_at=now,
            recorded_by=by.account,
            recipient=recipient,
            transfer=transfer,
        )
        uow.relocations.add(relocation)
        if move.repeat is not None:
            uow.relocations.remember(
                move.repeat.caller,
                move.repeat.key,
                request=move.repeat.request,
                answer=str(relocation.id).encode(),
            )
        if routing in {Routing.NO_NODE, Routing.UNKNOWN_AGS}:
            uow.tasks.add(
                "relocation.no_route", at=now, case=move.cases[0], codes=(routing,)
            )
        office.failpoints.reach(Point.RELOCATION_BEFORE_COMMIT)
        uow.after_commit(
            partial(office.failpoints.reach, Point.RELOCATION_AFTER_COMMIT)
        )
        uow.commit()
    return relocation


def _known_answer(uow: UnitOfWork, repeat: Repeat | None) -> Relocation | None:
    """The same key and request again give the same relocation; nothing happens twice."""
    if repeat is None:
        return None
    stored = uow.relocations.by_idempotency(repeat.caller, repeat.key)
    if stored is None:
        return None
    request, answer = stored
    if request != repeat.request:
        raise ConflictError("idempotency key used for another request")
    return uow.relocations.get(RecordId(answer.decode()))


def route(
    office: Office, ags: Ags, move_on: date, places: Mapping[Ags, str]
) -> tuple[Routing, MemberId | None]:
    """What the directory says about a place on a day (handover 11.5).

    Args:
        office: Whose directory answers.
        ags: The new place.
        move_on: The day of the move.
        places: The official list; an AGS that is not on it is unknown.
    """
    recipient = office.directory().route(ags, move_on)
    if recipient == office.member:
        return Routing.OWN_AREA, None
    if recipient is not None:
        return Routing.ROUTED, recipient
    return (Routing.NO_NODE if ags in places else Routing.UNKNOWN_AGS), None


def retry_held(uow: UnitOfWork, case: CaseId) -> None:
    """Something changed for this person: look again at what is held back."""
    for transfer in uow.outbound.of_case(str(case)):
        if transfer.state is Outbound.HELD:
            uow.wake(Wake.RELEASE, str(transfer.id))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a caseworker ticked before sending: per case the categories and documents.

    ``second`` is the other account where FR-17 asks for one.
    """

    scope: Mapping[CaseId, tuple[frozenset[str], frozenset[RecordId]]]
    second: AccountId | None = None


def confirm(
    uow: UnitOfWork,
    transfer_id: TransferId,
    confirmation: Confirmation,
    *,
    by: Actor,
) -> None:
    """Send what is held, as ticked; who is not ticked stays behind (FR-11).

    Raises:
        InputError: Nobody is ticked.
        TransitionError: It is not held any more.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is not Outbound.HELD:
            raise TransitionError("not held")
        members = []
        for member in transfer.members:
            own_case(uow, by, member.case, "transfer.send")
            if member.case in confirmation.scope:
                categories, documents = confirmation.scope[member.case]
                members.append(
                    replace(member, categories=categories, documents=documents)
                )
        if not members:
            raise InputError("members", "missing")
        after = replace(
            transfer,
            members=tuple(members),
            policy=CONFIRMED,
            # What was seen before is not what is sent now.
            second=confirmation.second,
            created_by=by.account,
            withheld=(),
        )
        uow.outbound.replace(transfer, after)
        uow.wake(Wake.RELEASE, str(transfer_id))
        uow.commit()


def cancel(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, by: Actor
) -> None:
    """Give a held transfer up: nothing was sent, nothing is sent."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        for member in transfer.members:
            own_case(uow, by, member.case, "transfer.prepare")
        outward.apply(uow, office, transfer, OutEvent.STOPPED)
        uow.commit()


def second(
    uow: UnitOfWork,
    transfer_id: TransferId,
    *,
    members: Sequence[MemberScope],
    by: Actor,
) -> None:
    """A second person confirms what the first one ticked (FR-17).

    Args:
        uow: The transaction.
        transfer_id: The transfer.
        members: What the second person saw; anything else meanwhile is a conflict.
        by: The second person; never who prepared it (DO-20).

    Raises:
        ForbiddenError: Not with these roles, or the same person.
        TransitionError: It waits for nobody.
        ConflictError: It is not what the second person saw.
    """
    require(by, "transfer.second")
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is not Outbound.HELD or transfer.policy != CONFIRMED:
            raise TransitionError("waits for nobody")
        if by.account is None or by.account == transfer.created_by:
            raise ForbiddenError("transfer.second")
        if tuple(members) != transfer.members:
            raise ConflictError("not what was seen")
        uow.outbound.replace(transfer, replace(transfer, second=by.account))
        uow.wake(Wake.RELEASE, str(transfer_id))
        uow.commit()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a handover would meet, for pages; it permits nothing.

    ``going`` says that policy ``auto`` would send it now.
    """

    contents: Mapping[CaseId, CaseContent]
    coverage: Mapping[CaseId, Coverage]
    going: bool


def forecast(
    uow: UnitOfWork,
    office: Office,
    cases: Sequence[CaseId],
    recipient: Recipient,
    *,
    wishes: Mapping[CaseId, Wish] | None = None,
    by: Actor,
) -> Forecast:
    """How far each person is covered for this recipient, and whether it would go by itself.

    Raises:
        NotFoundError: One of the cases is not in these hands.
    """
    for case in cases:
        own_case(uow, by, case, "transfer.prepare")
    at = office.clock.now()
    opened = {case: permission.open_member(uow, case, at) for case in cases}
    contents = {case: content for case, (content, _) in opened.items()}
    members = [member for _, member in opened.values()]
    coverage = explain(
        members,
        wishes or {},
        recipient,
        purpose="relocation",
        at=at,
        statutes=office.statutes,
    )
    declined = {c.case for c in coverage if c.reason is Reason.DECLINED}
    going = [m for m in members if m.case not in declined]
    permit = gate(
        going, {}, recipient, purpose="relocation", at=at, statutes=office.statutes
    )
    return Forecast(
        contents,
        {c.case: c for c in coverage},
        isinstance(permit, Permit) and auto_allowed(permit, going),
    )


def call_back(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, by: Actor
) -> OutboundTransfer:
    """End a transfer before the key left: what lies there stays unreadable for ever.

    Raises:
        NotFoundError: Not in these hands.
        TransitionError: The key has left; ask for a return instead.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        for member in transfer.members:
            own_case(uow, by, member.case, "transfer.call_back")
        is_ours = Role.CASEWORKER in by.roles
        who = Who("caseworker" if is_ours else "approver", by.account)
        act = Act(outcome="called-back", who=who)
        cause = outward.Cause(why=Why.CALLED_BACK, act=act)
        after = outward.apply(uow, office, transfer, OutEvent.STOPPED, cause)
        uow.commit()
    return after
