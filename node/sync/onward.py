"""What one transfer means for the one before and the one after it in the chain.

Enters: a withdrawal that the sender of a case gave notice of, a handover that closed, a
first contact. Leaves: duties here, the same notice to where the case went, a word to where
it came from. Must never happen: a notice that runs in a circle; the name of the new body
told without the person's yes. Implements FR-24 (every holder in the chain), FR-30, HO-21.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from node import strictjson
from node.cases.consent import Basis, Consent
from node.cases.days import local_day
from node.cases.model import Baton, Origin
from node.crypto.base64url import unb64u
from node.errors import ErasedError, UsageError
from node.ids import CaseId
from node.sync import inward, outward, words
from node.sync.bodies import FirstContactBody, PassedOnBody, WithdrawalBody
from node.sync.limits import WITHDRAWAL_DUE
from node.sync.logbook import SYSTEM, Act, Who
from node.sync.message import Statement
from node.sync.offer import case_tag
from node.sync.office import Office
from node.sync.permission import grounds_of
from node.sync.ports import UnitOfWork
from node.sync.transfer import (
    Effect,
    Inbound,
    InboundTransfer,
    InEvent,
    MemberScope,
    Outbound,
    OutboundTransfer,
    OutEvent,
    Why,
)
from node.sync.words import Kind

HERE: Final = frozenset({Inbound.IMPORTED, Inbound.CLOSED, Inbound.DURABLE})
STOPPABLE: Final = frozenset(
    {Outbound.HELD, Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED}
    | {Outbound.EXPORTED}
)
GRANTED: Final = frozenset(
    {Outbound.GRANTED, Outbound.CLOSED, Outbound.DURABLE, Outbound.ERASED}
    | {Outbound.TOLD}
)
WITHDRAWN: Final = "withdrawn"
"""The fact of a withdrawal that a body without a node learns by letter."""

FIRST_CONTACT: Final = "first_contact"
"""The fact of the first contact told; it stands among the states' facts."""

DUTY: Final = "inbound.withdrawal"
"""The task of a notice that waits for an answer here."""

ANSWER_DUE: Final = "transfer.answer_due"
"""The task of a notice that waits for an answer there."""


# -- A withdrawal after the grant --------------------------------------------------------


def give_notice(
    uow: UnitOfWork,
    office: Office,
    transfer: OutboundTransfer,
    members: Sequence[MemberScope],
    *,
    scope: frozenset[str] | None = None,
    why: words.Cause = words.Cause.BASIS_ENDED,
    who: Who = SYSTEM,
) -> OutboundTransfer:
    """WITHDRAWN: a signed notice about these members, and a task until it is answered.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer: A transfer whose key has left.
        members: Whose basis ended, or whose data we restricted or erased (Art. 19 GDPR).
        scope: Of which categories; None for all that travelled.
        why: What happened here.
        who: Who took the withdrawal.
    """
    now = office.clock.now().replace(microsecond=0)
    key = office.keyring.tag_key
    tags = sorted(case_tag(key, transfer.id, m.case, epoch=m.epoch) for m in members)
    travelled = {category for member in members for category in member.categories}
    body = WithdrawalBody(
        cause=why,
        tags=tuple(tags),
        scope=tuple(sorted(travelled if scope is None else travelled & scope)),
        due=now + WITHDRAWAL_DUE,
    )
    cause = outward.Cause(
        act=Act(outcome="withdrawn", who=who),
        bodies={Effect.SEND_WITHDRAWAL: body},
        tell=ANSWER_DUE,
        due=local_day(body.due),
    )
    # A body without a node is told by letter: its page asks for the answer.
    facts = {**transfer.facts, WITHDRAWN: now}
    noted = replace(transfer, facts=facts) if transfer.body else transfer
    return outward.apply(uow, office, noted, OutEvent.WITHDRAWN, cause, stored=transfer)


def tell_holders(
    uow: UnitOfWork, office: Office, case: CaseId, *, why: words.Cause, who: Who
) -> None:
    """Each body that got the case from here learns what became of it here (Art. 19 GDPR).

    A body without a node learns it by a letter that people write.
    """
    for transfer in holders(uow, case):
        if transfer.body is not None:
            continue
        members = [member for member in transfer.members if member.case == case]
        give_notice(uow, office, transfer, members, why=why, who=who)


def holders(uow: UnitOfWork, case: CaseId) -> Sequence[OutboundTransfer]:
    """The transfers by which other bodies got this case; an addendum went after one."""
    return [
        transfer
        for transfer in uow.outbound.of_case(str(case))
        if transfer.state in GRANTED and transfer.kind is not Kind.ADDENDUM
    ]


def stop(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, *, who: Who = SYSTEM
) -> OutboundTransfer:
    """STOPPED(basis-gone): before the grant nobody can read it, and nobody ever will."""
    act = Act(outcome="basis-gone", who=who)
    cause = outward.Cause(why=Why.BASIS_GONE, act=act, codes=("withdrawn",))
    return outward.apply(uow, office, transfer, OutEvent.STOPPED, cause)


def resting_on(uow: UnitOfWork, consent: Consent) -> Sequence[OutboundTransfer]:
    """Transfers with a member whose content rests on this consent or legal basis."""
    found = map(uow.outbound.get, uow.outbound.resting_on(consent.ground))
    return [t for t in found if _members_on(uow, t, consent)]


def _members_on(
    uow: UnitOfWork, transfer: OutboundTransfer, consent: Consent
) -> Sequence[MemberScope]:
    """Whose content rests on it; many persons' may rest on one paragraph."""
    resting = [m for m in transfer.members if consent.ground in grounds_of(m)]
    if consent.basis is Basis.CONSENT:
        return resting
    merged = (m for m in uow.matches.merges(consent.case) if m.stands)
    cases = {consent.case, *(m.absorbed for m in merged if m.survivor == consent.case)}
    return [m for m in resting if m.case in cases]


def end_of_basis(
    uow: UnitOfWork,
    office: Office,
    transfer: OutboundTransfer,
    consent: Consent,
    *,
    who: Who,
) -> OutboundTransfer | None:
    """What a withdrawn consent does to one transfer that rests on it (handover 5.1).

    An objection to a legal basis does the same, and the notice says that it is one.
    """
    if transfer.state in STOPPABLE:
        return stop(uow, office, transfer, who=who)
    if transfer.state in GRANTED:
        resting = _members_on(uow, transfer, consent)
        by_law = consent.basis is Basis.STATUTE
        why = words.Cause.OBJECTION if by_law else words.Cause.BASIS_ENDED
        return give_notice(uow, office, transfer, resting, why=why, who=who)
    return None


def take_withdrawal(
    uow: UnitOfWork, office: Office, transfer: InboundTransfer, statement: Statement
) -> InboundTransfer:
    """WITHDRAWAL after the import: a duty here, and on to where the case went.

    Raises:
        UsageError: It names a case that this transfer did not bring.
    """
    body = statement.claims.b
    assert isinstance(body, WithdrawalBody)
    cases = cases_of(uow, transfer, body.tags)
    act = Act(statement=statement.digest, outcome="withdrawn")
    after = inward.apply(
        uow,
        office,
        transfer,
        InEvent.WITHDRAWAL,
        inward.Cause(
            act=act,
            codes=("withdrawn",),
            tell=DUTY,
            cases=cases,
            due=local_day(office.clock.now() + WITHDRAWAL_DUE),
        ),
    )
    for later in later_transfers(uow, transfer, cases):
        if later.state in STOPPABLE:
            stop(uow, office, later)
        elif later.state in GRANTED:
            along = [m for m in later.members if m.case in cases]
            if any(m.categories & set(body.scope) for m in along):
                scope = frozenset(body.scope)
                give_notice(uow, office, later, along, scope=scope, why=body.cause)
    return after


def cases_of(
    uow: UnitOfWork, transfer: InboundTransfer, tags: Iterable[bytes]
) -> tuple[CaseId, ...]:
    """Which cases a sender's tags name; without known tags it is every case it brought.

    Raises:
        UsageError: A tag names no case of this transfer.
    """
    brought = uow.inbound.cases(transfer.id)
    by_tag = {tag: case for case, tag in brought if tag is not None}
    if not by_tag:
        return tuple(case for case, _ in brought)
    if not set(tags) <= by_tag.keys():
        raise UsageError("a tag that names no case")
    return tuple(sorted({by_tag[tag] for tag in tags}))


def later_transfers(
    uow: UnitOfWork, transfer: InboundTransfer, cases: Iterable[CaseId]
) -> Sequence[OutboundTransfer]:
    """Transfers that took these cases on after they came, but for the way back.

    What went before they came, or returns to who speaks, would run in a circle.
    """
    came = transfer.facts[Inbound.IMPORTED]
    found = {
        later.id: later
        for case in cases
        for later in uow.outbound.of_case(str(case))
        if later.created_at >= came
        and later.recipient != transfer.sender
        and later.kind is not Kind.ADDENDUM
    }
    return list(found.values())


# -- The word back to where a case came from ---------------------------------------------


def tell_former(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, on: date
) -> None:
    """PASSED_ON_NOTED: the former office learns that the case went on (FR-30).

    Not where, unless every basis of the handover says ``may_tell_old_office``.
    """
    for member in transfer.members:
        former = former_transfer(uow, member.case, before=transfer.created_at)
        if former is None or former.sender == transfer.recipient:
            continue
        known = {str(c.id): c for c in uow.consents.of_case(member.case)}
        open_about_it = all(
            ground in known and known[ground].may_tell_old_office
            for ground in grounds_of(member)
        )
        body = PassedOnBody(on, transfer.recipient if open_about_it else None)
        cause = inward.Cause(body=body)
        inward.apply(uow, office, former, InEvent.PASSED_ON_NOTED, cause)


def former_transfer(
    uow: UnitOfWork, case: CaseId, *, before: datetime | None = None
) -> InboundTransfer | None:
    """The newest transfer that brought this case here, but for addenda."""
    for number in reversed(uow.inbound.of_case(str(case))):
        found = uow.inbound.get(number)
        is_whole = inward.offer_of(found).kind is not Kind.ADDENDUM
        if found.state in HERE and is_whole:
            return (
                found
                if before is None or found.facts[Inbound.IMPORTED] <= before
                else None
            )
    return None


def note_first_contact(uow: UnitOfWork, office: Office, case: CaseId, on: date) -> None:
    """FIRST_CONTACT_NOTED, once, and only if the person allowed it (``contact_back``)."""
    file = uow.cases.file(case)
    if file.came_from is None or file.baton is not Baton.ACTIVE:
        return
    former = former_transfer(uow, case)
    if former is None or FIRST_CONTACT in former.facts:
        return
    if on < local_day(former.facts[Inbound.IMPORTED]) or not _may_tell(uow, case):
        return
    now = office.clock.now()
    told = replace(former, facts={**former.facts, FIRST_CONTACT: now})
    cause = inward.Cause(body=FirstContactBody(on))
    inward.apply(uow, office, told, InEvent.FIRST_CONTACT_NOTED, cause, stored=former)


def _may_tell(uow: UnitOfWork, case: CaseId) -> bool:
    """Whether every statement that let the case travel says ``contact_back``."""
    try:
        content = uow.cases.content(case)
    except ErasedError:
        return False
    newest: dict[datetime, list[bool]] = {}
    for record in content.of("consent_evidence"):
        if record.origin is not Origin.TRANSFER:
            continue
        said = strictjson.parse_object(unb64u(record.text("evidence")))
        newest.setdefault(record.recorded_at, []).append(
            said.get("contact_back") is True
        )
    return bool(newest) and all(newest[max(newest)])
