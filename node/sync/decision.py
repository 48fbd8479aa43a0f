"""What the approver decides about a transfer that waits: yes, no, or a look at the names.

Enters: decisions of people with their rights. Leaves: the open-request or the refusal, in
one transaction with its log entry. Must never happen: an approval by somebody without the
right; four eyes that are two (FR-17). Implements handover 5.2, HO-17, HO-61.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from node.accounts.policy import Actor, require
from node.cases.model import FOUR_EYES
from node.crypto.seal import open_preview, open_share_a, read_prelude, seal_comment
from node.errors import (
    InputError,
    MalformedMessageError,
    NotFoundError,
    TransitionError,
)
from node.failpoints import Point
from node.ids import Ags, MemberId, TransferId
from node.sync.bodies import OpenRequestBody, RejectedBody, SealedComment
from node.sync.inward import OPEN, Cause, apply, offer_of, offered_categories
from node.sync.limits import COMMENT_BYTES
from node.sync.logbook import Act, Who
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import Inbound, InboundTransfer, InEvent, Refusal
from node.sync.words import By, RejectionCode


def approve(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    *,
    by: Actor,
    take: Iterable[str] | None = None,
) -> InboundTransfer:
    """An approver says yes: key 1. With K09 or K14 offered two of them must (FR-17).

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer_id: T.
        by: Who decides.
        take: The categories to take; None for all. K01 is always taken.

    Returns:
        The transfer: ``approved``, or still ``waiting`` for the second approver.

    Raises:
        ForbiddenError: No right to approve.
        InputError: A category that is not offered, or the same person twice.
        TransitionError: It was decided before, or is over.
    """
    require(by, "transfer.approve")
    with uow:
        transfer = uow.inbound.get(transfer_id)
        if transfer.state is not Inbound.WAITING:
            raise TransitionError("decided before")
        offer = offer_of(transfer)
        offered = frozenset(offered_categories(offer))
        taken = offered if take is None else frozenset(take) | {"K01"}
        if not taken <= offered:
            raise InputError("take", "not_offered")
        if taken & FOUR_EYES and transfer.decided_by is None:
            waiting = replace(transfer, decided_by=by.account, take=taken)
            uow.inbound.replace(transfer, waiting)
            uow.tasks.add(
                "inbound.second",
                at=office.clock.now(),
                transfer=transfer_id,
                for_role="approver",
            )
            uow.commit()
            return replace(waiting, version=waiting.version + 1)
        if transfer.decided_by == by.account:
            raise InputError("second", "same_person")
        first = transfer.decided_by or by.account
        second = by.account if transfer.decided_by else None
        taken = transfer.take or taken
        decided = replace(transfer, decided_by=first, second_by=second, take=taken)
        scope = sorted(taken)
        after = apply(
            uow,
            office,
            decided,
            InEvent.APPROVED,
            Cause(
                act=Act(who=Who("approver", first, second), more={"scope": scope}),
                body=OpenRequestBody(
                    kid=offer.kid, take=tuple(scope), hands=2 if second else 1
                ),
            ),
            stored=transfer,
        )
        uow.tasks.settle("inbound.waiting", transfer=transfer_id)
        uow.tasks.settle("inbound.second", transfer=transfer_id)
        office.failpoints.reach(Point.APPROVE_BEFORE_COMMIT)
        uow.after_commit(partial(office.failpoints.reach, Point.APPROVE_AFTER_COMMIT))
        uow.commit()
    return after


@dataclass(frozen=True, slots=True)
class No:
    """A person's refusal: code of list ``refusal``, a comment for the sender's eyes."""

    code: RejectionCode
    comment: str = ""
    body: MemberId | None = None
    ags: Ags | None = None


def refuse(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    *,
    by: Actor,
    no: No,
) -> InboundTransfer:
    """An approver says no, or takes an approval back before the grant (HO-17).

    Raises:
        ForbiddenError: No right to refuse.
        InputError: The comment is longer than 2 KiB, or another body is not named.
        TransitionError: It is over.
    """
    require(by, "transfer.refuse")
    with uow:
        transfer = uow.inbound.get(transfer_id)
        try:
            body = RejectedBody(
                by=By.APPROVER,
                code=no.code,
                body=no.body,
                ags=no.ags,
                comment=_sealed_comment(office, transfer, no.comment),
            )
        except MalformedMessageError:
            raise InputError("code", "other_body_missing") from None
        refused = replace(
            transfer,
            decided_by=by.account,
            refusal=Refusal(by=str(By.APPROVER), code=str(no.code)),
        )
        act = Act(outcome=str(no.code), who=Who("approver", by.account))
        cause = Cause(act=act, body=body)
        after = apply(uow, office, refused, InEvent.REFUSED, cause, stored=transfer)
        uow.tasks.settle("inbound.waiting", transfer=transfer_id)
        uow.tasks.settle("inbound.second", transfer=transfer_id)
        uow.commit()
    return after


def _sealed_comment(
    office: Office, transfer: InboundTransfer, text: str
) -> SealedComment | None:
    raw = text.strip().encode()
    if not raw:
        return None
    if len(raw) > COMMENT_BYTES:
        raise InputError("comment", "too_long")
    kem = office.directory().sealing_key(transfer.sender, office.clock.now())
    return SealedComment(kem.kid, seal_comment(kem.key, transfer.offer_digest, raw))


def preview(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    start: bytes,
    *,
    by: Actor,
) -> bytes:
    """Open the announcement by name; the caller logs who looked (HO-61).

    Raises:
        ForbiddenError, NotFoundError: No right; nothing announced, or gone.
        PacketUnreadableError: It does not open.
    """
    require(by, "preview.open")
    with uow:
        transfer = uow.inbound.get(transfer_id)
    prelude = read_prelude(start)
    key = office.keyring.openings.get(prelude.header.kid)
    if key is None or prelude.preview is None or transfer.state not in OPEN:
        raise NotFoundError("no announcement")
    return open_preview(prelude, open_share_a(prelude, key))
