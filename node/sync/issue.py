"""Issuing a statement: its place in the chain, its signature, its way into the outbox.

Enters: what an act says, inside the act's transaction and under the pair's lock. Leaves: a
queued statement whose bytes never change again (P4). Must never happen: a gap or a fork in
a chain; a statement about an act that is not in the log. Implements HO-42, HO-43, HO-49.
"""

from node.ids import MemberId, MessageId, TransferId
from node.sync.bodies import Body, Memory
from node.sync.chain import Position, next_link
from node.sync.message import Claims, HeadClaim, Statement, sign_statement
from node.sync.office import Office
from node.sync.peerkeys import log_of
from node.sync.ports import UnitOfWork
from node.sync.rows import Head, StatementRow, Wake
from node.sync.words import StatementType


def issue(
    uow: UnitOfWork,
    office: Office,
    *,
    to: MemberId,
    kind: StatementType,
    body: Body,
    transfer: TransferId,
    off: bytes | None,
    entry: bytes | None,
) -> Statement:
    """Sign the next statement to a peer and queue it.

    Args:
        uow: The transaction of the act.
        office: Keys, clock, chance, directory.
        to: The peer.
        kind: Type of the statement.
        body: What it says.
        transfer: Which transfer it is about.
        off: SHA-256 of the offer's JWS; None in an offer itself.
        entry: Commitment of the act's log entry; None where the table writes none.
    """
    now = office.clock.now()
    last = uow.chains.last_out(to)
    # After a recovery the chain's row names what the peer holds of us (HO-42, HO-50).
    held = last.digest if last else None
    link = next_link(last, uow.chains.incarnation(), held=held)
    taken = uow.chains.last_in(to)
    newest = uow.log.newest()
    # The delivery receipt only stops the resending, so it need not wait for its proof.
    proved = None if kind is StatementType.STORED else entry
    statement = sign_statement(
        Claims(
            jti=MessageId.of(office.randomness(16)),
            iat=now.replace(microsecond=0),
            iss=office.member,
            aud=to,
            dir=office.directory().timestamp_version,
            t=kind,
            b=body,
            inc=link.inc,
            seq=link.seq,
            prev=link.prev,
            got=Memory(taken.inc, taken.seq, taken.digest) if taken else None,
            tr=transfer,
            off=off,
            entry=entry,
            cp=_claim(newest),
            seen=_claim(uow.heads.seen(log_of(uow, office, to))),
        ),
        office.keyring.sign,
        office.keyring.key_id,
    )
    uow.chains.advance_out(to, Position(link.inc, link.seq, statement.digest))
    uow.outbox.add_statement(
        StatementRow(
            peer=to,
            jti=statement.claims.jti,
            inc=link.inc,
            seq=link.seq,
            type=kind,
            jws=statement.jws,
            entry=proved,
            cp_size=newest.size if newest else 0,
            transfer=transfer,
        )
    )
    # What needs a proof waits for the next checkpoint; the publisher then wakes delivery.
    uow.wake(Wake.DELIVER if proved is None else Wake.PUBLISH, str(to))
    return statement


def _claim(head: Head | None) -> HeadClaim | None:
    return HeadClaim(head.origin, head.size, head.root) if head else None
