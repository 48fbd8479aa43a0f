"""What tests of the time after a handover need: three acts between two real nodes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from node.bootstrap import Node
from node.cases.consent import GivenBy
from node.cases.relocation import Source
from node.casework import consents
from node.casework.arrivals import assign
from node.casework.households import household_for
from node.casework.relocations import Move, record_relocation
from node.casework.withdrawals import read_aftermath
from node.ids import CaseId, MemberId, TransferId
from node.sync import decision
from node.sync.aftermath import Aftermath
from node.sync.transfer import Inbound, InboundTransfer, Outbound, OutboundTransfer
from node.trust.places import shipped_places
from tests.support.pair import AGS, APPROVER, CLERK, SAECKINGEN, USUAL, open_case, until


def outbound(node: Node, transfer: TransferId) -> OutboundTransfer:
    """A transfer as its sender has it."""
    found: OutboundTransfer = node.store.read_sync(
        lambda uow: uow.outbound.get(transfer)
    )
    return found


def inbound(node: Node, transfer: TransferId) -> InboundTransfer | None:
    """A transfer as its recipient has it."""
    found: InboundTransfer | None = node.store.read_sync(
        lambda uow: uow.inbound.find(transfer)
    )
    return found


def aftermath(node: Node, transfer: TransferId, *, is_ours: bool) -> Aftermath:
    """What both ends said after the key had left, as this node has it."""
    found: Aftermath = node.store.read_sync(
        lambda uow: read_aftermath(uow, transfer, is_ours=is_ours)
    )
    return found


def tasks(node: Node) -> dict[str, Any]:
    """The open tasks by kind."""
    found = node.store.read_sync(lambda uow: uow.readings.tasks())
    return {task.kind: task for task in found}


@dataclass(frozen=True)
class Handed:
    """One case that moved, with its consent."""

    case: CaseId
    consent: str
    transfer: TransferId


def agree(
    node: Node, case: CaseId, *recipients: str, epoch: int = 1, **more: Any
) -> str:
    """A consent of the usual content for these recipients."""
    today = node.office.clock.now().date()
    consent = node.store.write_sync(
        consents.record_consent,
        node.office,
        consents.Answer(
            case=case,
            epoch=epoch,
            given_by=GivenBy.SELF,
            recipients=recipients or ("class:responsible_at_new_place",),
            categories=more.pop("categories", USUAL),
            valid_until=today + timedelta(days=364),
            language="de",
            form="paper",
            text_version="1",
            evidence={"note": "Unterschrift liegt vor"},
            **more,
        ),
        by=CLERK,
    )
    return str(consent.id)


async def until_waiting(recipient: Node, transfer: TransferId) -> None:
    """It lies at the recipient, whole, and waits for an approver."""
    await until(lambda: _is(inbound(recipient, transfer), Inbound.WAITING))


async def let_in(
    sender: Node, recipient: Node, transfer: TransferId, *, caseworker: bool = True
) -> None:
    """The approver says yes, and it goes to its end; the cases land on the clerk's desk."""
    await until_waiting(recipient, transfer)
    recipient.store.write_sync(
        decision.approve, recipient.office, transfer, by=APPROVER
    )
    await until(lambda: outbound(sender, transfer).state is Outbound.CLOSED)
    await until(lambda: _is(inbound(recipient, transfer), Inbound.CLOSED))
    if caseworker:
        clerk = CLERK.account
        assert clerk is not None
        today = recipient.office.clock.now().date()
        recipient.store.write_sync(
            lambda uow: assign(uow, transfer, clerk, on=today, by=APPROVER)
        )


def _is(found: InboundTransfer | None, state: Inbound) -> bool:
    return found is not None and found.state is state


async def hand_over(
    sender: Node, recipient: Node, *, to: MemberId = SAECKINGEN, **more: Any
) -> Handed:
    """A case with a consent moves and arrives."""
    case = open_case(sender)
    consent = agree(sender, case, **more)
    transfer = set_off(sender, case, to)
    await let_in(sender, recipient, transfer)
    return Handed(case, consent, transfer)


def set_off(node: Node, case: CaseId, to: MemberId, *more: CaseId) -> TransferId:
    """Record that the persons move; gives the transfer."""
    day = node.office.clock.now().date() + timedelta(days=5)
    moved = node.store.write_sync(
        record_relocation,
        node.office,
        Move((case, *more), AGS[to], day, Source.FORM),
        by=CLERK,
        places=shipped_places(),
    )
    assert moved.transfer is not None
    return moved.transfer


def share_home(node: Node, first: CaseId, *others: CaseId) -> None:
    """The persons live in one household."""
    home = node.store.write_sync(household_for, node.office, first, epoch=1, by=CLERK)

    def move_in(uow: Any) -> None:
        with uow:
            for case in others:
                file = uow.cases.file(case)
                uow.cases.replace(file, replace(file, household=home))
            uow.commit()

    node.store.write_sync(move_in)


async def eventually(check: Callable[[], Any]) -> Any:
    """Wait for something that is true or there, and give it."""
    await until(lambda: bool(check()))
    return check()
