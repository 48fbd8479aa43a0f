"""Both ends of a sealed export where they touch the protocol: statements about an old file.

Enters: a statement of a body that has a node by now; a file that was taken in here. Leaves:
``closed`` or ``durable`` at the sender; ``imported`` and ``durable`` as statements. Must
never happen: a member believed that does not serve the body's AGS; ``imported`` of another
file than the one sealed. Implements HO-117 and the lines IMPORTED and DURABLE of chapter 13.
"""

from dataclasses import replace
from datetime import timedelta

from node.cases.days import local_day
from node.errors import ReceiptError, UnknownNodeError, UsageError
from node.exchangelog.policy import cosigners
from node.ids import MemberId
from node.strictjson import Json
from node.sync import onward
from node.sync.bodies import DurableBody, ImportedBody
from node.sync.exportports import TakenIn
from node.sync.issue import issue
from node.sync.logbook import Act, Subject, record
from node.sync.message import Statement
from node.sync.office import Office
from node.sync.outward import Cause, apply
from node.sync.permission import consent_references
from node.sync.ports import UnitOfWork
from node.sync.transfer import Outbound, OutboundTransfer, OutEvent
from node.sync.words import StatementType


def grounds(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> dict[str, Json]:
    """What entries of an export say of content and basis (exchange-log 3.3)."""
    bases = {
        ground if ground.startswith("statute:") else "consent"
        for member in transfer.members
        for ground in member.basis.split("+")
    }
    return {
        "persons": len(transfer.members),
        "scope": sorted({c for m in transfer.members for c in m.categories}),
        "basis": bases.pop() if len(bases) == 1 else "mixed",
        "register": office.register,
        "consents": consent_references(uow, transfer),
    }


# -- Before the file leaves: LR-32 -------------------------------------------------------


def may_leave(uow: UnitOfWork, office: Office, transfer: OutboundTransfer) -> bool:
    """Whether the entry lies under a head that somebody else cosigned, or two waived it.

    A town that never met a member has nobody to cosign: its export leaves, and an auditor
    finds ``below_quorum`` (LR-32).
    """
    if not uow.outbox.met_last(1):
        return True
    waits = uow.quorums.waiting(transfer.id)
    if waits is not None and waits.override is not None:
        return True
    assert transfer.last_entry is not None
    index = uow.log.index_of(transfer.last_entry)
    if index is None:
        return False
    directory = office.directory()
    others = [
        directory.witness_key(member.id)
        for member in directory.members()
        if member.id != office.member and not directory.is_retired(member.id)
    ]
    heads = uow.log.signed_from(index + 1)
    return any(cosigners(head.note, others) for head in heads)


# -- At the sender -----------------------------------------------------------------------


def take_statement(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, statement: Statement
) -> OutboundTransfer:
    """A body that has a node by now took our file in, or keeps it safe.

    Raises:
        TransitionError: The table has no line for it; the statement is then refused.
        UsageError: It is not the body's to say, or no statement about an export.
        ReceiptError: It names another file or manifest.
    """
    claims = statement.claims
    if not _is_body(office, transfer, claims.iss):
        raise UsageError("not the body this was sealed for")
    if claims.off != transfer.offer_digest:
        raise ReceiptError("another manifest")
    named = replace(transfer, recipient=claims.iss)
    act = Act(statement=statement.digest, outcome="imported")
    match claims.b:
        case ImportedBody() as body:
            if body.pkt.dig != transfer.packet_digest:
                raise ReceiptError("receipt names another packet")
            more = grounds(uow, office, transfer)
            on = local_day(body.at)
            cause = Cause(act=replace(act, more=more), last_day=on - timedelta(days=1))
            after = apply(uow, office, named, OutEvent.IMPORTED, cause, stored=transfer)
            if transfer.state is Outbound.TOLD:
                onward.tell_former(uow, office, after, on)
            return after
        case DurableBody():
            cause = Cause(act=replace(act, outcome=None))
            return apply(uow, office, named, OutEvent.DURABLE, cause, stored=transfer)
        case _:
            raise UsageError("no statement about a sealed export")


def _is_body(office: Office, transfer: OutboundTransfer, member: MemberId) -> bool:
    """Whether the member is the body, or the one that the new place is routed to."""
    assert transfer.body is not None
    directory = office.directory()
    today = local_day(office.clock.now())
    served = {directory.route(transfer.body, today)}
    served.add(directory.route(transfer.ags, max(transfer.move_on, today)))
    return member in served


# -- At the body that has a node now -----------------------------------------------------


def log_import(
    uow: UnitOfWork, office: Office, subject: Subject, *, act: Act, off: bytes
) -> bytes:
    """``transfer.imported`` of a file taken in; gives the commitment of the entry."""
    act = replace(act, statement=off)
    now = office.clock.now()
    return record(uow, office, "transfer.imported", subject, act=act, at=now)


def say_imported(
    uow: UnitOfWork, office: Office, taken: TakenIn, body: ImportedBody
) -> None:
    """``imported`` to the sender; ``off`` is the digest of the export's manifest."""
    _say(uow, office, taken, StatementType.IMPORTED, body)


def secure(uow: UnitOfWork, office: Office, made: DurableBody) -> int:
    """``durable`` for every file taken in before a verified backup; gives how many."""
    imports = uow.exports.not_durable(made.taken_at)
    for taken in imports:
        _say(uow, office, taken, StatementType.DURABLE, made)
        uow.exports.durable(taken.transfer, office.clock.now())
    return len(imports)


def _say(
    uow: UnitOfWork,
    office: Office,
    taken: TakenIn,
    kind: StatementType,
    body: ImportedBody | DurableBody,
) -> None:
    try:
        office.directory().member(taken.sender)
    except UnknownNodeError:
        # The sender left the federation: nobody is there to be told.
        return
    issue(
        uow,
        office,
        to=taken.sender,
        kind=kind,
        body=body,
        transfer=taken.transfer,
        off=taken.manifest,
        entry=taken.entry,
    )
