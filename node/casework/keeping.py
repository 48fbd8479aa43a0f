"""Holds and early erasures: who may, the reason, and a second person.

Enters: who acts, a group of entries, a reason. Leaves: entries ``hold.set``,
``hold.released``, ``log.erasure``; orders that wait. Must never happen: one person who
erases before the time; a hold without an entry; a hold set on what the register already
calls destroyed. Implements exchange log 9.2 (orders), 9.3 (holds), task 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor, actor_of, allowed, needs_second, require
from node.cases.days import local_day
from node.casework.eraser import under_way
from node.casework.erasing import Ground, Plan, begin, name_ranges
from node.errors import ForbiddenError, InputError, NotFoundError
from node.exchangelog.alarms import HOLD_REVIEW
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import (
    ORDER_LIFE,
    OVERDUE,
    WITNESS_WAIT,
    Basis,
    HoldBasis,
    State,
)
from node.exchangelog.kinds import ActorRole, EntryType, is_reference
from node.ids import AccountId
from node.report.keepview import Erasure, Hold, KeepingUnit, Order
from node.sync.logbook import Who
from node.sync.office import Office
from node.sync.rows import Wake

_ROLES: Final = (
    (Role.APPROVER, ActorRole.APPROVER),
    (Role.ADMINISTRATOR, ActorRole.ADMINISTRATOR),
    (Role.AUDITOR, ActorRole.AUDITOR),
    (Role.CASEWORKER, ActorRole.CASEWORKER),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that is held, waits or was erased, and what a person must look at."""

    holds: Sequence[Hold]
    orders: Sequence[Order]
    erasures: Sequence[Erasure]
    overdue: Sequence[Erasure]
    unreviewed: Sequence[Hold]


def overview(uow: KeepingUnit, office: Office, by: Actor) -> Kept:
    """What the page and the commands show.

    Raises:
        ForbiddenError: Neither a reader of the log nor one of the two who may erase.
    """
    if not (allowed(by, "log.read") or needs_second(by, "log.erase")):
        require(by, "log.read")
    return kept(uow, office.clock.now())


def kept(uow: KeepingUnit, now: datetime) -> Kept:
    """The same for the operator, who may see everything of it."""
    holds, erasures = uow.keeping.holds(), uow.keeping.erasures()
    return Kept(
        holds=holds,
        orders=[o for o in uow.keeping.orders() if not _is_lapsed(o, now)],
        erasures=erasures,
        overdue=[e for e in erasures if _is_overdue(e, now)],
        unreviewed=[
            h
            for h in holds
            if h.is_open and (h.set_at is None or h.set_at < now - HOLD_REVIEW)
        ],
    )


# ---- Holds -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, as a code, and the reference of a paper that says so."""

    basis: str
    reference: str | None = None


def set_hold(
    uow: KeepingUnit, office: Office, group: GroupName, reason: Reason, *, by: Actor
) -> bytes:
    """Keep a group of entries from being erased, until the hold is released.

    Returns:
        The hold's id.

    Raises:
        ForbiddenError: No right to hold.
        NotFoundError: We have no such entries.
        InputError: No such reason, or the entries are about to go.
        ConflictError: It is held for this reason already.
    """
    require(by, "legal_hold.set")
    basis = _hold_basis(reason)
    with uow:
        tag = uow.keeping.tag(group)
        places = uow.keeping.indexes(tag) if uow.keeping.lock(tag) else ()
        if not places:
            raise NotFoundError("no entries of this group")
        going = uow.keeping.erasure_of(tag)
        if going is not None and going.state is not State.INTENT:
            raise InputError("group", "too_late")
        who = _who(by)
        entry = name_ranges(
            uow,
            office,
            EntryType.HOLD_SET,
            places,
            Ground(basis, reason.reference, who.role),
            who=who,
        )
        hold = office.randomness(16)
        uow.keeping.add_hold(hold, tag, basis, entry)
        uow.wake(Wake.PUBLISH, "")
        uow.commit()
    return hold


def release_hold(uow: KeepingUnit, office: Office, hold: bytes, *, by: Actor) -> None:
    """From now on the entries may go when their time is over.

    Raises:
        ForbiddenError: No right to hold.
        NotFoundError: No such hold, or it is released.
    """
    require(by, "legal_hold.set")
    with uow:
        found = next(
            (h for h in uow.keeping.holds() if h.id == hold and h.is_open), None
        )
        if found is None:
            raise NotFoundError("hold")
        who = _who(by)
        entry = name_ranges(
            uow,
            office,
            EntryType.HOLD_RELEASED,
            uow.keeping.indexes(found.tag),
            Ground(found.basis, found.reference, who.role),
            who=who,
        )
        uow.keeping.release(hold, entry)
        uow.wake(Wake.PUBLISH, "")
        uow.commit()


# ---- Early erasures --------------------------------------------------------------------


def order_erasure(
    uow: KeepingUnit, office: Office, group: GroupName, reason: Reason, *, by: Actor
) -> Order:
    """The first of two people orders it; nothing is erased yet.

    Raises:
        ForbiddenError: Not one of the two who may erase.
        NotFoundError: We have no such entries.
        InputError: No such reason, no reference, or a hold is open.
        ConflictError: An order waits for the same entries.
    """
    if not needs_second(by, "log.erase") or by.account is None:
        raise ForbiddenError("log.erase")
    now = office.clock.now()
    with uow:
        lapse(uow, now)
        _check_group(uow, group)
        order = _order(office, group, reason, by.account)
        uow.keeping.add_order(order)
        uow.commit()
    return order


def confirm_erasure(
    uow: KeepingUnit, office: Office, order: bytes, *, by: Actor
) -> bytes:
    """The second person confirms: the erasure begins.

    Returns:
        The erasure's id.

    Raises:
        ForbiddenError: The same person, or not the other role that is needed.
        NotFoundError: No such order, or it has lapsed.
        InputError: A hold is open.
    """
    now = office.clock.now()
    with uow:
        found = next((o for o in uow.keeping.orders() if o.id == order), None)
        if found is None or _is_lapsed(found, now):
            raise NotFoundError("order")
        first = actor_of(uow.accounts.get(found.ordered_by), on=local_day(now))
        erasure = _begin(uow, office, found, first=first, second=by)
        uow.keeping.remove_order(order)
        uow.commit()
    return erasure


def withdraw_order(uow: KeepingUnit, order: bytes, *, by: Actor) -> None:
    """One of those who may erase takes the order back.

    Raises:
        ForbiddenError: Not one of them.
        ConflictError: It is gone.
    """
    if not needs_second(by, "log.erase"):
        raise ForbiddenError("log.erase")
    with uow:
        uow.keeping.remove_order(order)
        uow.commit()


def erase_early(
    uow: KeepingUnit,
    office: Office,
    group: GroupName,
    reason: Reason,
    *,
    first: Actor,
    second: Actor,
) -> bytes:
    """Both people are there: the command line's way.

    Raises: as ``order_erasure`` and ``confirm_erasure``.
    """
    with uow:
        if first.account is None:
            raise ForbiddenError("log.erase")
        _check_group(uow, group)
        order = _order(office, group, reason, first.account)
        erasure = _begin(uow, office, order, first=first, second=second)
        uow.commit()
    return erasure


def lapse(uow: KeepingUnit, now: datetime) -> None:
    """Orders that nobody confirmed within seven days end; inside the caller's unit."""
    for order in uow.keeping.orders():
        if _is_lapsed(order, now):
            uow.keeping.remove_order(order.id)


def _begin(
    uow: KeepingUnit, office: Office, order: Order, *, first: Actor, second: Actor
) -> bytes:
    require(first, "log.erase", second=second)
    who = Who(_who(first).role, first.account, second.account)
    tags = (uow.keeping.tag(order.group),)
    return begin(uow, office, Plan(order.basis, order.reference, tags, who))


def _check_group(uow: KeepingUnit, group: GroupName) -> None:
    """Early only what concerns a transfer or a person; the rest is about the node."""
    if not group.startswith(("transfer:", "consent:")):
        raise InputError("group", "not_early")
    if group in under_way(uow):
        raise InputError("group", "under_way")
    tag = uow.keeping.tag(group)
    if not uow.keeping.indexes(tag):
        raise NotFoundError("no entries of this group")
    if uow.keeping.is_held(tag):
        raise InputError("group", "held")


def _order(
    office: Office, group: GroupName, reason: Reason, account: AccountId
) -> Order:
    if reason.basis not in [basis for basis in Basis if basis.needs_two]:
        raise InputError("basis", "unknown")
    reference = (reason.reference or "").strip()
    if not is_reference(reference):
        raise InputError("reference", "form" if reference else "missing")
    at = office.clock.now()
    return Order(
        office.randomness(16), group, Basis(reason.basis), reference, account, at
    )


def _hold_basis(reason: Reason) -> HoldBasis:
    if reason.basis not in list(HoldBasis):
        raise InputError("basis", "unknown")
    if reason.reference is not None and not is_reference(reason.reference):
        raise InputError("reference", "form")
    return HoldBasis(reason.basis)


def _is_lapsed(order: Order, now: datetime) -> bool:
    return now - order.ordered_at >= ORDER_LIFE


def _is_overdue(erasure: Erasure, now: datetime) -> bool:
    """It has begun and should be done since a week (exchange-log 8, alarms)."""
    return (
        erasure.state is not State.DONE
        and erasure.begun_at is not None
        and now - erasure.begun_at >= WITNESS_WAIT + OVERDUE
    )


def _who(by: Actor) -> Who:
    """In which role somebody acts here, the one that gives the right first."""
    found = next((role for held, role in _ROLES if held in by.roles), None)
    return Who(found or ActorRole.OPERATOR, by.account)
