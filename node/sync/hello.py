"""Hello: the wake-up of a peer, answered in every state, without effect on a transfer.

Enters: our own position towards a peer, or its hello. Leaves: a signed hello, and what the
other side remembers of us. Must never happen: a hello takes a place in a chain or changes
a transfer (HO-48). Implements handover 7.3 (hello), HO-84; exchange-log 4 (key card).
"""

from datetime import datetime

from node import strictjson
from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey, open_checkpoint
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.keycard import (
    Judged,
    KeyCard,
    encode_card,
    judge_card,
    parse_card,
)
from node.exchangelog.standing import Reason, Said, Standing, judge_note
from node.exchangelog.witness import WitnessMemory
from node.ids import MemberId, MessageId
from node.sync.bodies import HelloBody, Memory
from node.sync.chain import Position
from node.sync.firstword import enter_quarantine, own_log
from node.sync.message import (
    Claims,
    Statement,
    open_statement,
    sign_statement,
    statement_kid,
)
from node.sync.office import Office
from node.sync.peerkeys import held_card, log_of
from node.sync.ports import UnitOfWork
from node.sync.words import StatementType

CARD_TYP = "staffelstab-keys+jwt"


def say_hello(
    uow: UnitOfWork, office: Office, to: MemberId, since: datetime
) -> Statement:
    """Our hello to a peer: where we stand and what we remember of it.

    Args:
        uow: A reading unit of work.
        office: Keys, clock, chance, directory.
        to: The peer.
        since: When this program started.
    """
    with uow:
        ours = uow.chains.last_out(to)
        theirs = uow.chains.last_in(to)
        # Of a new log nothing may be remembered yet: then the former one is all we know.
        listed = office.directory().log_key(to).name
        head = uow.heads.seen(log_of(uow, office, to)) or uow.heads.seen(listed)
        inc = uow.chains.incarnation()
    now = office.clock.now().replace(microsecond=0)
    body = HelloBody(
        inc=inc,
        seq=ours.seq if ours and ours.inc == inc else 0,
        card=key_card(office, inc),
        memory=Memory(theirs.inc, theirs.seq, theirs.digest) if theirs else None,
        note=head.note if head else None,
        clock=now,
        since=since.replace(microsecond=0),
    )
    claims = Claims(
        jti=MessageId.of(office.randomness(16)),
        iat=now,
        iss=office.member,
        aud=to,
        dir=office.directory().timestamp_version,
        t=StatementType.HELLO,
        b=body,
    )
    return sign_statement(claims, office.keyring.sign, office.keyring.key_id)


def read_hello(office: Office, peer: MemberId, jws: str) -> HelloBody:
    """Verify a peer's hello to us.

    Raises:
        MalformedMessageError, SignatureError, UnknownKeyError, KeyRetiredError.
    """
    statement = open_statement(jws, office.directory().sign_key(statement_kid(jws)))
    claims = statement.claims
    if claims.iss != peer:
        raise MalformedMessageError("identity-mismatch")
    if claims.aud != office.member:
        raise MalformedMessageError("wrong-recipient")
    if not isinstance(claims.b, HelloBody):
        raise MalformedMessageError("bad-syntax")
    return claims.b


def hear(uow: UnitOfWork, office: Office, peer: MemberId, hello: HelloBody) -> None:
    """Take what the peer remembers of us: it acknowledges our statements (HO-47).

    A note of our log that our log lacks puts us into quarantine (exchange-log 5.4); there
    nothing else is taken.
    """
    verified = _open_card(office, peer, hello.card)
    with uow:
        if uow.stands.read().standing is Standing.QUARANTINE:
            return
        if judge_note(hello.note, own_log(uow, office)) is Said.AHEAD:
            enter_quarantine(uow, office, Reason.AHEAD, hello.note)
            uow.commit()
            return
        if not _take_card(uow, office, peer, verified):
            uow.commit()
            return
        if hello.memory is not None:
            known = Position(hello.memory.inc, hello.memory.seq, hello.memory.h)
            now = office.clock.now()
            uow.outbox.acknowledge_through(peer, known.inc, known.seq, now)
        _hear_head(uow, office, peer, hello.note)
        uow.outbox.succeeded(peer, office.clock.now())
        uow.heads.hear_clock(peer, said_at=hello.clock, at=office.clock.now())
        uow.commit()


def _hear_head(
    uow: UnitOfWork, office: Office, peer: MemberId, note: str | None
) -> None:
    """Which head of our log it remembers: proofs for it begin there.

    A peer that only calls and is never called tells it nowhere else. Only our own signature
    counts, and only a head that our log contains.
    """
    if note is None:
        return
    own = NoteKey(office.log_origin, office.keyring.log.public, ED25519)
    try:
        head = open_checkpoint(note, own)
    except (MalformedMessageError, SignatureError):
        return
    if uow.log.contains(head.size, head.root):
        uow.heads.set_shown(peer, head.size)


def key_card(office: Office, inc: int) -> str:
    """The keys of log and witness under the statement key, for peers that lag behind."""
    ring = office.keyring
    log = NoteKey(office.log_origin, ring.log.public, ED25519)
    witness = NoteKey(office.witness_name, ring.witness.public, COSIGNATURE)
    card = encode_card(KeyCard(inc, log, witness, office.continues))
    return sign_jws(strictjson.encode(card), ring.sign, str(ring.key_id), CARD_TYP)


def _open_card(office: Office, peer: MemberId, jws: str) -> KeyCard:
    """A peer's card, after its statement key's signature was verified.

    Raises:
        MalformedMessageError, SignatureError, UnknownKeyError, KeyRetiredError.
    """
    kid = peek_kid(jws)
    if kid.member != peer:
        raise MalformedMessageError("identity-mismatch")
    payload = open_jws(jws, CARD_TYP, office.directory().sign_key(kid))
    return parse_card(strictjson.parse_object(payload))


def _take_card(uow: UnitOfWork, office: Office, peer: MemberId, card: KeyCard) -> bool:
    """Judge a card and keep a later one (LR-27, LR-28); False is the alarm."""
    held = held_card(uow, office, peer)
    seen = uow.heads.seen(held.log.name)
    memory = (
        WitnessMemory(seen.origin, seen.size, seen.root, seen.note) if seen else None
    )
    now = office.clock.now()
    match judge_card(card, held, memory):
        case Judged.KNOWN:
            return True
        case Judged.TAKEN:
            uow.cards.keep(peer, card, now)
            return True
        case Judged.REFUSED:
            offered = strictjson.encode(encode_card(card)).decode()
            known = seen.note if seen else ""
            uow.heads.keep_evidence(
                held.log.name, reason="card", known=known, offered=offered, at=now
            )
            uow.chains.quarantine(peer, "history-conflict", offered)
            return False
