"""What two nodes remember of each other's statements, page by page.

Enters: a place in a chain. Leaves: the statements after it that both know to be taken. Must
never happen: a statement told to anybody but the two it is between; a statement that the
asker did not take yet told as if it had. Implements handover 4.5, 9.1 (``GET /statements``).
"""

from dataclasses import dataclass

from node.errors import MalformedMessageError
from node.ids import MemberId
from node.sync.chain import Position
from node.sync.limits import STATEMENTS_PER_LIST
from node.sync.message import Envelope, Statement, open_statement, statement_kid
from node.sync.office import Office
from node.sync.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Recollection:
    """What one peer remembers of us, verified, in chain order.

    ``ours`` are statements of ours that it took and we had forgotten; ``theirs`` those of
    its own that it knows we took and we had forgotten. ``out`` is the newest place of ours
    that it holds, ``note`` the newest checkpoint of ours that it cosigned.
    """

    peer: MemberId
    out: Position | None
    note: str | None
    ours: tuple[Statement, ...] = ()
    theirs: tuple[Statement, ...] = ()


def tell(
    uow: UnitOfWork, peer: MemberId, after: tuple[int, int], *, of_caller: bool
) -> tuple[Envelope, ...]:
    """The next statements after a place: the caller's own, or ours to the caller.

    Args:
        uow: A reading unit.
        peer: Who asks.
        after: Incarnation and number of the last one it knows; (0, 0) for all.
        of_caller: Whether it asks for its own statements.
    """
    inc, seq = after
    with uow:
        if of_caller:
            known = uow.inbox.after(peer, inc, seq, limit=STATEMENTS_PER_LIST)
        else:
            rows = uow.outbox.after(peer, inc, seq, limit=STATEMENTS_PER_LIST)
            known = [row.jws for row in rows]
    return tuple(Envelope(jws, None) for jws in known)


def read(office: Office, peer: MemberId, jws: str, *, of_us: bool) -> Statement:
    """Verify a statement that a peer remembers: of ours, or of its own.

    Raises:
        MalformedMessageError: It is not between us, or no link of a chain.
        SignatureError, UnknownKeyError, KeyRetiredError: Its key.
    """
    issuer, audience = (office.member, peer) if of_us else (peer, office.member)
    key = (
        office.keyring.sign.public
        if of_us
        else office.directory().sign_key(statement_kid(jws))
    )
    statement = open_statement(jws, key)
    if (statement.claims.iss, statement.claims.aud) != (issuer, audience):
        raise MalformedMessageError("identity-mismatch")
    if statement.position is None:
        raise MalformedMessageError("bad-syntax")
    return statement


def places(uow: UnitOfWork, peer: MemberId) -> tuple[Position | None, Position | None]:
    """Our newest statement that was surely taken, and the newest we took of the peer."""
    with uow:
        waiting = uow.outbox.statements(peer, 1)
        out = uow.chains.last_out(peer)
        taken = uow.chains.last_in(peer)
    if waiting and out is not None:
        first = waiting[0]
        out = Position(first.inc, first.seq - 1, bytes(32)) if first.seq > 1 else None
    return out, taken
