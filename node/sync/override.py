"""Sending one container without its quorum: two people, one transfer, a reason (LR-24).

Enters: who asks and why, then who confirms. Leaves: an entry ``operator.override`` that
names the missing witnesses; its proof travels with the offer. Must never happen: one hand
alone; a waiver before four hours of waiting; a waiver of the recipient's own cosignature,
which ``quorum.weigh`` demands all the same.

The other override, of the first word after a start, concerns no transfer and is not here.
"""

import re
from datetime import datetime
from typing import Final

from node.accounts.policy import Actor, require
from node.errors import ForbiddenError, InputError, NotFoundError, TransitionError
from node.exchangelog.entry import GroupName
from node.exchangelog.kinds import EntryClass, EntryType
from node.ids import TransferId
from node.sync.limits import OVERRIDE_AFTER
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft, OverrideAsked, QuorumWait, Wake
from node.sync.transfer import Outbound

REASONS: Final = ("witness_ended", "witness_broken", "urgent")
_NAMED: Final = re.compile(r"[A-Za-z0-9._:/#+=-]{1,200}", re.ASCII)


def ask_override(
    uow: UnitOfWork, at: datetime, transfer: TransferId, *, code: str, by: Actor
) -> None:
    """Ask that a container leaves without its quorum; nothing happens by this alone.

    Raises:
        ForbiddenError: Neither an administrator nor the operator.
        InputError: The reason is none of the list.
        NotFoundError, TransitionError: It does not wait, or not for four hours yet.
    """
    require(by, "quorum.ask")
    if code not in REASONS:
        raise InputError("code", "unknown")
    role = "operator" if by.is_operator else "administrator"
    with uow:
        _waiting(uow, transfer, at)
        uow.quorums.ask_override(transfer, OverrideAsked(code, role, by.account))
        uow.tasks.add(
            "quorum.override",
            at=at,
            transfer=transfer,
            for_role="approver",
            codes=(code,),
        )
        uow.commit()


def confirm_override(
    uow: UnitOfWork, office: Office, transfer: TransferId, *, by: Actor
) -> bytes:
    """The second person confirms: from now on the recipient's cosignature is enough.

    Returns:
        The commitment of the entry.

    Raises:
        ForbiddenError: No approver, or the same account that asked.
        NotFoundError, TransitionError: It does not wait, or nobody asked.
    """
    require(by, "quorum.confirm")
    at = office.clock.now()
    with uow:
        waits = _waiting(uow, transfer, at)
        asked = waits.asked
        if asked is None or waits.override is not None:
            raise TransitionError("no override was asked for")
        if by.account is None or by.account == asked.account:
            raise ForbiddenError("quorum.confirm")
        entry = uow.log.append(
            EntryDraft(
                type=EntryType.OPERATOR_OVERRIDE,
                at=at,
                group=GroupName.of_month(EntryClass.OPERATION, at),
                fields={
                    "what": "quorum",
                    "transfer": str(transfer),
                    "missing": [n for n in waits.missing if _NAMED.fullmatch(n)],
                    "outcome": asked.code,
                },
                role=asked.role,
                actor=asked.account,
                second=by.account,
            )
        )
        uow.quorums.override(transfer, entry)
        recipient = uow.outbound.get(transfer).recipient
        uow.wake(Wake.PUBLISH, str(recipient or ""))
        uow.commit()
    return entry


def _waiting(uow: UnitOfWork, transfer: TransferId, at: datetime) -> QuorumWait:
    """How it waits, if it has waited long enough."""
    waits, found = uow.quorums.waiting(transfer), uow.outbound.find(transfer)
    if waits is None or found is None:
        raise NotFoundError("nothing waits")
    if found.state not in {Outbound.QUEUED, Outbound.EXPORTED}:
        raise TransitionError("it does not wait any more")
    if at - waits.since < OVERRIDE_AFTER:
        raise TransitionError("it has not waited for four hours")
    return waits
