"""Asking the gate for a transfer that exists: before an attempt, and before the grant.

Enters: a stored transfer, with the cases and consents as they are now. Leaves: a permit
that lives in this transaction, or why the transfer must stop; what a log entry says of
its grounds. Must never happen: a yes that outlives its transaction. Implements HO-26,
HO-28, HO-33; exchange-log 6.1.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from node.cases.consent import Member, Permit, Recipient, Wish, Withheld, gate
from node.cases.days import local_day
from node.cases.extract import member_of
from node.cases.model import CaseContent
from node.errors import KeyRetiredError
from node.ids import CaseId, KeyId, MemberId, TransferId
from node.strictjson import Json
from node.sync.logbook import Act
from node.sync.office import Office
from node.sync.outward import Cause, apply
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.transfer import MemberScope, Outbound, OutboundTransfer, OutEvent, Why
from node.sync.words import Kind

NOT_A_MEMBER: Final = "ohne-knoten"
"""The slug by which the gate knows a body without a node; no record may have it."""

_KREIS: Final = 5


def ask_gate(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> Permit | Withheld:
    """Ask for the stored scope again (HO-28), reading the consents under lock (HO-33)."""
    now = office.clock.now()
    members = [
        _member(uow, uow.cases.person_content(m.case), now) for m in transfer.members
    ]
    wishes: dict[CaseId, Wish] = {
        m.case: Wish(m.categories, m.documents, m.basis) for m in transfer.members
    }
    return gate(
        members,
        wishes,
        recipient_of(office, transfer),
        purpose="relocation",
        at=now,
        second=transfer.second,
        prepared_by=transfer.created_by,
        statutes=office.statutes,
    )


def recipient_of(office: Office, transfer: OutboundTransfer) -> Recipient:
    """For whom the gate is asked: the body, the place, whether the place makes it theirs.

    A return follows no move, so no consent for "who is responsible there" covers it. A body
    without a node stands for itself by its AGS, and is responsible where it is of the same
    Kreis and the directory names no other member for the new place.
    """
    routed = office.directory().route(transfer.ags, transfer.move_on)
    if transfer.body is not None:
        member = MemberId(f"{transfer.body}-{NOT_A_MEMBER}")
        near = transfer.body[:_KREIS] == transfer.ags[:_KREIS]
        free = routed is None or transfer.body.startswith(routed.scope)
        return Recipient(member, transfer.ags, near and free)
    assert transfer.recipient is not None
    is_new_place = transfer.kind is not Kind.RETURN and routed == transfer.recipient
    return Recipient(transfer.recipient, transfer.ags, is_new_place)


def open_member(
    uow: UnitOfWork, case: CaseId, at: datetime
) -> tuple[CaseContent, Member]:
    """A case, opened, and what the gate must know of its person."""
    content = uow.cases.content(case)
    return content, _member(uow, content, at)


def _member(uow: UnitOfWork, content: CaseContent, at: datetime) -> Member:
    worker = content.file.caseworker
    return member_of(
        content,
        tuple(uow.consents.of_case(content.file.id)),
        on=local_day(at),
        secrecy_bound=worker is not None and uow.accounts.is_secrecy_bound(worker),
    )


def may_leave(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> bool:
    """The gate before a delivery attempt of the packet (HO-26 c); only reads.

    Returns:
        Whether the container may leave now; if not, ``stop`` says so in the store.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is Outbound.GRANTED:
            # The recipient lost what it was granted: the same bytes again (LOST).
            return True
        if transfer.state is not Outbound.QUEUED:
            return False
        return stop_cause(uow, office, transfer) is None


def stop(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """End a queued transfer that may not leave, if that is still so."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is not Outbound.QUEUED:
            return
        cause = stop_cause(uow, office, transfer)
        if cause is not None:
            apply(uow, office, transfer, OutEvent.STOPPED, cause)
            prepare_anew(uow, office, transfer, cause)
            uow.commit()


def stop_cause(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> Cause | None:
    """Why this transfer must not go on, if anything: own clock, key, basis."""
    assert transfer.expires_at is not None
    if office.clock.now() >= transfer.expires_at:
        return Cause(why=Why.EXPIRED, act=Act(outcome="expired"), codes=("expired",))
    stop = key_cause(office, transfer) if transfer.body is None else None
    if stop is not None:
        return stop
    answer = ask_gate(uow, office, transfer)
    if isinstance(answer, Withheld):
        codes = tuple(sorted({str(code) for _, code in answer.reasons}))
        return Cause(why=Why.BASIS_GONE, act=Act(outcome="basis-gone"), codes=codes)
    return None


def key_cause(office: Office, transfer: OutboundTransfer) -> Cause | None:
    """STOPPED(key): the recipient's keys are retired or lost (handover 11.4)."""
    try:
        office.directory().kem_key(KeyId(f"{transfer.recipient}#{transfer.kem_kid}"))
    except KeyRetiredError:
        return Cause(why=Why.KEY, act=Act(outcome="key"), codes=("key",))
    return None


def prepare_anew(
    uow: UnitOfWork, office: Office, stopped: OutboundTransfer, cause: Cause
) -> None:
    """After STOPPED(key) a new transfer of the same cases waits, and names the former one.

    It is sealed when the recipient has a key that may be sealed to, and the gate still
    says yes. What a person had confirmed is confirmed again: the body came back with new
    keys.
    """
    if cause.why is not Why.KEY:
        return
    now = office.clock.now()
    new = TransferId.of(office.randomness(16))
    uow.outbound.add(
        OutboundTransfer(
            id=new,
            state=Outbound.HELD,
            recipient=stopped.recipient,
            ags=stopped.ags,
            move_on=stopped.move_on,
            reason=stopped.reason,
            members=tuple(
                replace(m, categories=frozenset(), documents=frozenset(), basis="")
                for m in stopped.members
            ),
            created_at=now,
            created_by=stopped.created_by,
            policy="auto" if stopped.policy == "auto" else "confirm",
            replaces=stopped.id,
            kind=stopped.kind,
            facts={Outbound.HELD: now},
        )
    )
    uow.wake(Wake.RELEASE, str(new))


def consent_references(uow: UnitOfWork, transfer: OutboundTransfer) -> list[Json]:
    """Per ground of each member: the consent relied on, its entry, its chain's newest."""
    references: list[Json] = []
    for member in transfer.members:
        known = {str(c.id): c for c in uow.consents.of_case(member.case)}
        head = uow.consents.last_entry(member.case)
        for ground in grounds_of(member):
            if ground.startswith("statute:"):
                references.append({"statute": ground.removeprefix("statute:")})
                continue
            consent = known[ground]
            assert consent.entry is not None
            assert head is not None
            references.append(
                {
                    "c": uow.log.blind_consent(member.case, consent.evidence),
                    "at": consent.entry.hex(),
                    "head": head.hex(),
                }
            )
    return references


def grounds_of(member: MemberScope) -> list[str]:
    """The single grounds a member's content rests on; two where both must answer."""
    return member.basis.split("+")
