"""Taking statements: signature, chain, log gate, table, all in one transaction.

Enters: the statements of one verified peer, in the order of its chain. Leaves: a result
for each (``taken``, ``refused`` or a problem code), and everything they cause. Must never
happen: a statement acted on twice, before its predecessor, or without its proven log
entry. Implements 7.2, HO-2, HO-20, HO-41, HO-44, HO-45, HO-49; exchange-log 6.2 and 6.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.errors import MalformedMessageError, ReceiptError, TransitionError, UsageError
from node.exchangelog.attachment import Attachment, attachment_from_json
from node.exchangelog.proof import (
    NAMED_BY,
    Conflict,
    Expected,
    Heads,
    Knowledge,
    LogClaims,
    PeerBehind,
    Proven,
    Unproven,
    Verdict,
    WeBehind,
    check,
)
from node.exchangelog.standing import Reason
from node.exchangelog.tlogproof import TlogProof
from node.exchangelog.witness import WitnessMemory
from node.ids import MemberId
from node.sync import exportend, firstword, gossip, inward, quorum, recipient, sender
from node.sync.bodies import RecallBody
from node.sync.courier import StatementsAnswer
from node.sync.logbook import common_epoch
from node.sync.message import (
    Claims,
    Envelope,
    Statement,
    open_statement,
    statement_kid,
)
from node.sync.offer import OfferBody
from node.sync.office import Office
from node.sync.peerkeys import log_key_of, log_of
from node.sync.placing import judge_place
from node.sync.ports import UnitOfWork
from node.sync.rows import Head
from node.sync.transfer import Why
from node.sync.words import UNLINKED, RejectionCode, StatementType

Opened = tuple[Statement, Attachment | None]
"""A statement whose signature holds, and its attachment, which proves nothing yet."""

TAKEN = "taken"
REFUSED = "refused"
_OF_SENDER = frozenset(
    {
        StatementType.GRANT,
        StatementType.CLOSED,
        StatementType.RECALL,
        StatementType.WITHDRAWAL,
        StatementType.RETURN_REQUEST,
    }
)


@dataclass(frozen=True, slots=True)
class _Peer:
    """Whom we listen to: the member, its log key, and the notes of this request."""

    member: MemberId
    heads: Heads
    origin: str


def take_list(
    uow: UnitOfWork, office: Office, peer: MemberId, envelopes: Sequence[Envelope]
) -> StatementsAnswer:
    """Take the statements of one peer, oldest first, in one transaction.

    The first that cannot be taken yet ends the list; what stands before it is taken.

    Raises:
        MalformedMessageError, SignatureError: One of them is broken; nothing is taken.
        UnknownKeyError, KeyRetiredError: What the directory says of its key.
        FirstWordError, ReadingOnlyError: Nothing is taken now (exchange-log 5.4).
    """
    opened = open_list(office, peer, envelopes)
    with uow:
        firstword.require_speaking(uow)
        results = take_opened(uow, office, peer, opened)
        seen = uow.heads.seen(log_of(uow, office, peer))
        answer = StatementsAnswer(
            results=results,
            got=uow.chains.last_in(peer),
            seen=seen.size if seen else 0,
        )
        uow.commit()
    return answer


def open_list(
    office: Office, peer: MemberId, envelopes: Sequence[Envelope]
) -> list[Opened]:
    """Verify all of a list as far as that needs no store.

    Raises:
        As ``take_list``.
    """
    return [_open(office, peer, envelope) for envelope in envelopes]


def take_opened(
    uow: UnitOfWork, office: Office, peer: MemberId, opened: Sequence[Opened]
) -> dict[str, str]:
    """Take verified statements inside the caller's transaction; the results by jti."""
    log_key = log_key_of(uow, office, peer)
    listener = _Peer(peer, Heads(log_key), log_key.name)
    results: dict[str, str] = {}
    for statement, attachment in opened:
        result = _take(uow, office, listener, statement, attachment)
        results[str(statement.claims.jti)] = result
        if result not in {TAKEN, REFUSED}:
            break
    return results


def _open(office: Office, peer: MemberId, envelope: Envelope) -> Opened:
    """Verify one statement as far as it needs no store (HO-2, HO-41)."""
    kid = statement_kid(envelope.jws)
    directory = office.directory()
    statement = open_statement(envelope.jws, directory.sign_key(kid))
    # A key must have been valid at ``iat`` and not be retired now.
    directory.sign_key(kid, statement.claims.iat)
    if statement.claims.iss != peer:
        raise MalformedMessageError("identity-mismatch")
    if statement.claims.aud != office.member:
        raise MalformedMessageError("wrong-recipient")
    if statement.claims.t in UNLINKED:
        raise MalformedMessageError("bad-syntax")
    attachment = None
    if envelope.att is not None:
        attachment = attachment_from_json(envelope.att)
    return statement, attachment


def _take(
    uow: UnitOfWork,
    office: Office,
    peer: _Peer,
    statement: Statement,
    attachment: Attachment | None,
) -> str:
    """One statement: its place, its proof, its effect."""
    # Race: two requests bring it at once. The second waits for the chain's lock, so only
    # after that it sees that the first one took it; else it would judge a fork.
    last = uow.chains.last_in(peer.member)
    known = uow.inbox.find(peer.member, statement.claims.jti)
    position = statement.position
    assert position is not None
    settled = judge_place(uow, office, peer.member, statement, last=last, known=known)
    if settled is not None and known is not None and known.digest == statement.digest:
        return _take_again(uow, office, peer, (statement, attachment), known.result)
    if settled is not None:
        return settled
    verdict = _ask_log_gate(uow, office, peer, statement, attachment)
    if isinstance(verdict, Proven):
        _remember(uow, office, peer, verdict, statement, attachment)
        result = _act(uow, office, statement)
        if attachment is not None:
            gossip.listen(uow, office, peer.origin, attachment.gossip)
            quorum.take_proof(uow, office, statement, attachment, heads=peer.heads)
    elif _is_lost_offer(verdict, statement):
        # LR-31: what is signed is wrong, no other attachment can cure it.
        recipient.take_offer(uow, office, statement, code=RejectionCode.LOG)
        result = TAKEN
    else:
        return _refuse_unproven(uow, office, peer, verdict)
    uow.inbox.add(
        peer.member,
        statement.claims.jti,
        position=position,
        type=statement.claims.t,
        jws=statement.jws,
        result=result,
        transfer=statement.claims.tr,
        at=office.clock.now(),
    )
    uow.chains.advance_in(peer.member, position)
    got = statement.claims.got
    if got is not None:
        uow.outbox.acknowledge_through(
            peer.member, got.inc, got.seq, office.clock.now()
        )
    return result


# -- The log gate ------------------------------------------------------------------------


def _ask_log_gate(
    uow: UnitOfWork,
    office: Office,
    peer: _Peer,
    statement: Statement,
    attachment: Attachment | None,
) -> Verdict:
    claims = statement.claims
    expected = _expected(uow, office, statement)
    seen = uow.heads.seen(peer.origin)
    return check(
        LogClaims(
            entry=claims.entry if expected else None,
            cp=claims.cp.checkpoint if claims.cp else None,
            seen=claims.seen.checkpoint if claims.seen else None,
        ),
        attachment,
        peer.heads,
        knowledge=Knowledge(
            memory=WitnessMemory(seen.origin, seen.size, seen.root, seen.note)
            if seen
            else None,
            past=lambda size: uow.heads.past(peer.origin, size),
            own=firstword.own_log(uow, office),
        ),
        expected=expected,
    )


def _expected(uow: UnitOfWork, office: Office, statement: Statement) -> Expected | None:
    """What the statement's entry must say.

    None where its type names no entry, or no transfer is known and so nothing will be
    done. A statement that must name an entry and does not is never proven (EL-2).
    """
    claims = statement.claims
    types = NAMED_BY.get(claims.t)
    assert claims.tr is not None
    if types is None or _is_moot(claims):
        return None
    if isinstance(claims.b, OfferBody):
        epoch = common_epoch(case.e for case in claims.b.cases)
        packet: bytes | None = claims.b.pkt.dig
    elif claims.t in _OF_SENDER:
        inbound = uow.inbound.find(claims.tr)
        if inbound is None:
            return None
        offer = inward.offer_of(inbound)
        epoch = common_epoch(case.e for case in offer.cases)
        packet = offer.pkt.dig
    else:
        outbound = uow.outbound.find(claims.tr)
        if outbound is None:
            return None
        epoch = common_epoch(member.epoch for member in outbound.members)
        packet = outbound.packet_digest
    return Expected(
        types=types,
        transfer=claims.tr,
        peer=str(office.member),
        epoch=epoch,
        packet=packet,
        proof_required=claims.t is not StatementType.STORED,
    )


def _is_lost_offer(verdict: Verdict, statement: Statement) -> bool:
    return (
        isinstance(verdict, Unproven)
        and verdict.final
        and statement.claims.t is StatementType.OFFER
    )


def _is_moot(claims: Claims) -> bool:
    """A recall about a case that has long moved on changes nothing and logs nothing."""
    return isinstance(claims.b, RecallBody) and claims.b.why is Why.MOOT


def _refuse_unproven(
    uow: UnitOfWork, office: Office, peer: _Peer, verdict: Verdict
) -> str:
    match verdict:
        case PeerBehind():
            return "log-behind"
        case Conflict():
            found = gossip.TwoHeads(verdict.reason, verdict.known, verdict.offered)
            gossip.conflict(uow, office, peer.member, peer.origin, found)
            return "history-conflict"
        case WeBehind():
            firstword.enter_quarantine(uow, office, Reason.AHEAD, verdict.note)
            return "reading-only"
        case Unproven() | Proven():
            return "log-unproven"


def _remember(
    uow: UnitOfWork,
    office: Office,
    peer: _Peer,
    proven: Proven,
    statement: Statement,
    attachment: Attachment | None,
) -> None:
    """Step 7: the memory, and the other side's entry, in the transaction of the effect."""
    memory = proven.memory
    if proven.advanced and memory is not None:
        uow.heads.remember(
            Head(memory.origin, memory.size, memory.root, memory.note),
            office.clock.now(),
            attachment.since if attachment else None,
        )
    if attachment is not None and proven.proof is not None and proven.entry is not None:
        # The signed head stays beside the proof: without it nobody else could try it.
        shown = TlogProof(proven.proof.index, proven.proof.path, attachment.checkpoint)
        uow.log.keep_peer_entry(
            peer.origin,
            proven.proof.c,
            index=proven.proof.index,
            opening=proven.proof.opening,
            proof=shown.encode(),
            group=f"transfer:{statement.claims.tr}",
        )


def _take_again(
    uow: UnitOfWork, office: Office, peer: _Peer, said: Opened, result: str
) -> str:
    """What was taken before: an offer may come again to show its sender's quorum."""
    statement, attachment = said
    tr = statement.claims.tr
    if tr is None or uow.inbound.is_past(tr):
        # Its record has gone after its years: nothing is kept of it anew.
        return result
    if statement.claims.t is StatementType.OFFER and attachment is not None:
        verdict = _ask_log_gate(uow, office, peer, statement, attachment)
        if isinstance(verdict, Proven):
            _remember(uow, office, peer, verdict, statement, attachment)
            quorum.take_proof(uow, office, statement, attachment, heads=peer.heads)
    return result


# -- The effect --------------------------------------------------------------------------


def _act(uow: UnitOfWork, office: Office, statement: Statement) -> str:
    """Hand the statement to the end it speaks to.

    Every check that can refuse stands before the first write of that end, so a refused
    statement leaves nothing but its inbox row (HO-45).
    """
    claims = statement.claims
    assert claims.tr is not None
    try:
        if claims.t is StatementType.OFFER:
            recipient.take_offer(uow, office, statement)
        elif claims.t in _OF_SENDER:
            inbound = uow.inbound.find(claims.tr)
            if inbound is None or not _is_party(
                claims, inbound.sender, inbound.offer_digest
            ):
                return REFUSED
            recipient.take_statement(uow, office, inbound, statement)
        else:
            outbound = uow.outbound.find(claims.tr)
            if outbound is not None and outbound.body is not None:
                exportend.take_statement(uow, office, outbound, statement)
                return TAKEN
            if outbound is None or not _is_party(
                claims, outbound.recipient, outbound.offer_digest
            ):
                return REFUSED
            sender.take_statement(uow, office, outbound, statement)
    except (TransitionError, ReceiptError, UsageError):
        uow.tasks.add(
            "statement.refused",
            at=office.clock.now(),
            transfer=claims.tr,
            for_role="administrator",
            codes=(str(claims.t),),
        )
        return REFUSED
    return TAKEN


def _is_party(claims: Claims, party: MemberId | None, offer: bytes | None) -> bool:
    """Only the other end of T may speak of it, and of this very offer (T3, 7.1 ``off``)."""
    return claims.iss == party and claims.off == offer
