"""Suspending exchange with a member, and resuming it: an administrator's act, with a reason.

Enters: who acts, which member, why. Leaves: the suspension and its log entry; on the end,
held handovers are tried again. Must never happen: a suspension of the own body; one that
takes back what both ends agreed on. Implements screens S12, ``peer.suspend``.
"""

import hashlib
from dataclasses import replace

from node import strictjson
from node.accounts.policy import Action, Actor, require
from node.errors import NotFoundError, UnknownNodeError
from node.exchangelog.entry import GroupName
from node.exchangelog.kinds import EntryType
from node.ids import Hex128, MemberId
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft, Wake
from node.sync.transfer import Outbound
from node.trust.suspension import Suspension


def suspend(
    uow: UnitOfWork, office: Office, peer: MemberId, *, reason: str, by: Actor
) -> None:
    """Nothing new is exchanged with this member from now on.

    New handovers there are held, no key leaves for there, offers from there are refused by
    rule. Receipts, recalls and notices go on, so that no two ends contradict each other.

    Raises:
        ForbiddenError: No administrator.
        NotFoundError: The directory does not know it, or it is this office.
        InputError: No reason, or too long a one.
        ConflictError: It is suspended.
    """
    require(by, Action.PEER_SUSPEND)
    _check(office, peer)
    now = office.clock.now()
    number = Hex128.of(office.randomness(16))
    made = Suspension(number, peer, reason.strip(), now, by.account)
    with uow:
        uow.suspensions.begin(made)
        _log(uow, office, made, by)
        uow.commit()


def resume(uow: UnitOfWork, office: Office, peer: MemberId, *, by: Actor) -> None:
    """Exchange goes on; what was held is tried at once.

    Raises:
        ForbiddenError: No administrator.
        NotFoundError: It is not suspended.
    """
    require(by, Action.PEER_SUSPEND)
    with uow:
        found = uow.suspensions.standing(peer)
        if found is None:
            raise NotFoundError("suspension")
        ended = replace(found, ended_at=office.clock.now(), ended_by=by.account)
        uow.suspensions.end(found, ended)
        _log(uow, office, ended, by)
        for number in uow.outbound.in_states([Outbound.HELD]):
            if uow.outbound.get(number).recipient == peer:
                uow.wake(Wake.RELEASE, str(number))
        uow.commit()


def _check(office: Office, peer: MemberId) -> None:
    try:
        office.directory().member(peer)
    except UnknownNodeError:
        raise NotFoundError("body") from None
    if peer == office.member:
        raise NotFoundError("body")


def _log(uow: UnitOfWork, office: Office, one: Suspension, by: Actor) -> None:
    """``peer.changed``: which member, which way; the reason as a digest."""
    act = "suspended" if one.ended_at is None else "resumed"
    said = {"id": str(one.id), "reason": one.reason, "act": act}
    at = office.clock.now()
    kind = EntryType.PEER_CHANGED
    uow.log.append(
        EntryDraft(
            type=kind,
            at=at,
            group=GroupName.of_month(kind.retention, at),
            fields={
                "target": f"{act}:{one.peer}",
                "digest": hashlib.sha256(strictjson.encode(said)).hexdigest(),
            },
            role="administrator",
            actor=by.account,
        )
    )
    uow.wake(Wake.PUBLISH, "")
