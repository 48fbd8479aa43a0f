"""A transfer that is prepared because of another one: held, and nothing leaves unasked.

Enters: a transfer that was refused, or one whose case has notes that stayed behind. Leaves:
a new transfer, ``held``. Must never happen: anything sent without its own gate; a packet
that is refused by a rule sent again and again. Implements FR-28, HO-1, HO-9, HO-52.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from node.cases.addendum import SIDE_NOTE
from node.cases.model import Baton
from node.errors import TrustError, UnknownNodeError
from node.ids import Ags, MemberId, TransferId
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.transfer import MemberScope, Outbound, OutboundTransfer
from node.sync.words import Kind, RejectionCode

CONFIRM: Final = "confirm"
"""Policy of a transfer that a person must look at before it is sent."""
CONFIRMED: Final = "confirmed"
"""Policy of a transfer whose content a person has ticked."""

_SEALED_ANEW: Final = frozenset({RejectionCode.BAD_PACKET, RejectionCode.CANNOT_OPEN})
_ELSEWHERE: Final = frozenset({RejectionCode.OTHER_BODY, RejectionCode.NOT_RESPONSIBLE})


def after_refusal(
    uow: UnitOfWork, office: Office, refused: OutboundTransfer
) -> TransferId | None:
    """Prepare what a refusal asks for: another body, or the same content sealed anew.

    Returns:
        The new transfer, None where the refusal names nothing to do.
    """
    if refused.refusal is None or refused.kind is Kind.ADDENDUM:
        return None
    code = RejectionCode(refused.refusal.code)
    if code in _SEALED_ANEW:
        policy = refused.policy if refused.replaces is None else CONFIRM
        made = replace(refused, policy=policy)
    elif code in _ELSEWHERE:
        found = _elsewhere(office, refused)
        if found is None:
            return None
        made = replace(refused, recipient=found[0], ags=found[1], policy=CONFIRM)
        if made.kind is Kind.RETURN:
            made = replace(made, kind=Kind.FORWARDING, reason="forwarding")
    else:
        return None
    members = tuple(
        MemberScope(
            m.case,
            uow.cases.file(m.case).epoch,
            m.categories if made.policy == CONFIRMED else frozenset(),
            m.documents if made.policy == CONFIRMED else frozenset(),
            "",
        )
        for m in refused.members
    )
    return hold(uow, office, replace(made, members=members, replaces=refused.id))


def _elsewhere(
    office: Office, refused: OutboundTransfer
) -> tuple[MemberId, Ags] | None:
    """The body that the refusal names, or that the directory names by now."""
    directory = office.directory()
    named = refused.refusal.other if refused.refusal else None
    ags = refused.ags
    if named and Ags.pattern.fullmatch(named):
        ags = Ags(named)
    try:
        routed = directory.route(ags, refused.move_on)
        body = routed
        if named and MemberId.pattern.fullmatch(named):
            body = MemberId(named)
            if body != routed:
                serves = directory.member(body).serves
                ags = serves[0].ags if serves else ags
    except (TrustError, UnknownNodeError):
        return None
    if body is None or body in {office.member, refused.recipient}:
        return None
    return body, ags


def add_notes(
    uow: UnitOfWork, office: Office, closed: OutboundTransfer
) -> TransferId | None:
    """Notes that were kept apart follow their case, by themselves (HO-9)."""
    if closed.kind is Kind.ADDENDUM:
        return None
    left = [m for m in closed.members if SIDE_NOTE in uow.cases.kinds(m.case)]
    return addendum(uow, office, closed, left, frozenset({"K01", "K12"}))


def addendum(
    uow: UnitOfWork,
    office: Office,
    closed: OutboundTransfer,
    members: Iterable[MemberScope],
    categories: frozenset[str],
) -> TransferId | None:
    """Prepare an addendum to a handover; None if it is about nobody."""
    added = tuple(
        MemberScope(m.case, m.epoch, categories, frozenset(), "") for m in members
    )
    if not added:
        return None
    made = replace(closed, members=added, kind=Kind.ADDENDUM, policy=CONFIRMED)
    # Whatever way the case took, this goes from node to node.
    made = replace(made, body=None)
    return hold(uow, office, replace(made, replaces=None))


def hold(uow: UnitOfWork, office: Office, like: OutboundTransfer) -> TransferId:
    """A new held transfer with the destination, members and kind of this one."""
    now = office.clock.now()
    number = TransferId.of(office.randomness(16))
    uow.outbound.add(
        OutboundTransfer(
            id=number,
            state=Outbound.HELD,
            recipient=like.recipient,
            ags=like.ags,
            move_on=like.move_on,
            reason=like.reason,
            members=like.members,
            created_at=now,
            created_by=like.created_by,
            policy=like.policy,
            second=like.second if like.policy == CONFIRMED else None,
            replaces=like.replaces,
            kind=like.kind,
            facts={Outbound.HELD: now},
        )
    )
    uow.wake(Wake.RELEASE, str(number))
    return number


def is_free(uow: UnitOfWork, like: Iterable[MemberScope]) -> bool:
    """Whether all of these cases are active here and no transfer of them is under way."""
    running = {Outbound.HELD, Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED}
    return all(
        uow.cases.file(m.case).baton is Baton.ACTIVE
        and not any(
            t.state in running and t.kind is not Kind.ADDENDUM
            for t in uow.outbound.of_case(str(m.case))
        )
        for m in like
    )
