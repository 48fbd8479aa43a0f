"""Hello: the wake-up of a peer, answered in every state, without effect on a transfer.

Enters: our own position towards a peer, or its hello. Leaves: a signed hello, and what the
other side remembers of us. Must never happen: a hello takes a place in a chain or changes
a transfer (HO-48). Implements handover 7.3 (hello), HO-84; exchange-log 4 (key card).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from node import strictjson
from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    NoteKey,
    add_lines,
    cosign,
    only,
    signature_lines,
)
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.keycard import (
    Judged,
    KeyCard,
    encode_card,
    judge_card,
    parse_card,
)
from node.exchangelog.standing import Reason, Said, Standing, judge_note, own_head
from node.exchangelog.witness import WitnessMemory, read_cosignatures
from node.ids import MemberId, MessageId
from node.sync.bodies import AckBody, Body, HelloBody, Memory
from node.sync.chain import Position
from node.sync.firstword import enter_quarantine, is_speaking, own_log
from node.sync.message import (
    Claims,
    Statement,
    open_statement,
    sign_statement,
    statement_kid,
)
from node.sync.office import Office
from node.sync.peerkeys import held_card, log_key_of, log_of, witness_key_of
from node.sync.ports import UnitOfWork
from node.sync.rows import Head, Wake
from node.sync.schedule import next_attempt
from node.sync.words import StatementType

CARD_TYP = "staffelstab-keys+jwt"
_SETTLED: Final = frozenset({"taken", "refused"})


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
        note = _cosigned(uow, office, to, head) if head else None
    now = office.clock.now().replace(microsecond=0)
    body = HelloBody(
        inc=inc,
        seq=ours.seq if ours and ours.inc == inc else 0,
        card=key_card(office, inc),
        memory=Memory(theirs.inc, theirs.seq, theirs.digest) if theirs else None,
        note=note,
        clock=now,
        since=since.replace(microsecond=0),
    )
    return _unlinked(office, to, StatementType.HELLO, body)


def _cosigned(uow: UnitOfWork, office: Office, to: MemberId, head: Head) -> str:
    """The peer's head with our cosignature: the only one that travels by mailbox (LR-22).

    Before the first word, and where its log has another key by now, the note goes as it is.
    """
    try:
        bare = only(head.note, log_key_of(uow, office, to))
    except SignatureError:
        return head.note
    if not is_speaking(uow):
        return bare
    time_s = int(office.clock.now().timestamp())
    line = cosign(head.note, office.witness_name, office.keyring.witness, time_s)
    return add_lines(bare, [line])


def say_results(
    office: Office, to: MemberId, results: Mapping[MessageId, str]
) -> Statement:
    """``ack``: what became of a peer's statements that came by mailbox (HO-90)."""
    return _unlinked(office, to, StatementType.ACK, AckBody(results))


def _unlinked(
    office: Office, to: MemberId, kind: StatementType, body: HelloBody | AckBody
) -> Statement:
    claims = Claims(
        jti=MessageId.of(office.randomness(16)),
        iat=office.clock.now().replace(microsecond=0),
        iss=office.member,
        aud=to,
        dir=office.directory().timestamp_version,
        t=kind,
        b=body,
    )
    return sign_statement(claims, office.keyring.sign, office.keyring.key_id)


def read_hello(office: Office, peer: MemberId, jws: str) -> HelloBody:
    """Verify a peer's hello to us.

    Raises:
        MalformedMessageError, SignatureError, UnknownKeyError, KeyRetiredError.
    """
    body = read_from(office, peer, jws)
    if not isinstance(body, HelloBody):
        raise MalformedMessageError("bad-syntax")
    return body


def read_results(office: Office, peer: MemberId, jws: object) -> AckBody:
    """Verify the results of our statements that a peer took from its mailbox.

    Raises:
        As ``read_hello``.
    """
    body = read_from(office, peer, jws) if isinstance(jws, str) else None
    if not isinstance(body, AckBody):
        raise MalformedMessageError("bad-syntax")
    return body


def read_from(office: Office, peer: MemberId, jws: str) -> Body:
    """Verify what a peer says to us; what is no hello and no results has its place.

    Raises:
        As ``read_hello``.
    """
    statement = open_statement(jws, office.directory().sign_key(statement_kid(jws)))
    claims = statement.claims
    if claims.iss != peer:
        raise MalformedMessageError("identity-mismatch")
    if claims.aud != office.member:
        raise MalformedMessageError("wrong-recipient")
    return claims.b


def hear_results(
    uow: UnitOfWork, office: Office, peer: MemberId, said: AckBody
) -> None:
    """Take what became of our statements; what the peer lacks goes again (HO-90)."""
    with uow:
        note_results(uow, office, peer, said)
        uow.commit()


def note_results(
    uow: UnitOfWork, office: Office, peer: MemberId, said: AckBody
) -> None:
    """As ``hear_results``, inside a transaction that has begun."""
    now = office.clock.now()
    settled = [jti for jti, code in said.results.items() if code in _SETTLED]
    uow.outbox.acknowledge(peer, settled, now)
    open_ = {code for code in said.results.values() if code not in _SETTLED}
    if "history-conflict" in open_:
        uow.chains.quarantine(peer, "history-conflict", "")
    if open_:
        failures = uow.outbox.due(peer).failures + 1
        jitter = int.from_bytes(office.randomness(4), "big") / 2**32
        again = next_attempt(failures, now, jitter=jitter)
        uow.mail.hasten(peer, again)
        uow.outbox.failed(peer, at=now, next_at=again, code=min(open_))


def hear(uow: UnitOfWork, office: Office, peer: MemberId, hello: HelloBody) -> None:
    """Take what the peer remembers of us: it acknowledges our statements (HO-47).

    A note of our log that our log lacks puts us into quarantine (exchange-log 5.4); there
    nothing else is taken.
    """
    with uow:
        note_hello(uow, office, peer, hello)
        uow.commit()


def note_hello(
    uow: UnitOfWork, office: Office, peer: MemberId, hello: HelloBody
) -> None:
    """As ``hear``, inside a transaction that has begun."""
    verified = _open_card(office, peer, hello.card)
    if uow.stands.read().standing is Standing.QUARANTINE:
        return
    if judge_note(hello.note, own_log(uow, office)) is Said.AHEAD:
        enter_quarantine(uow, office, Reason.AHEAD, hello.note)
        return
    if not _take_card(uow, office, peer, verified):
        return
    now = office.clock.now()
    if hello.memory is not None:
        known = Position(hello.memory.inc, hello.memory.seq, hello.memory.h)
        uow.outbox.acknowledge_through(peer, known.inc, known.seq, now)
    uow.outbox.succeeded(peer, now)
    _keep_cosignature(uow, office, peer, hello.note)
    uow.heads.hear_clock(peer, said_at=hello.clock, at=now)


def _keep_cosignature(
    uow: UnitOfWork, office: Office, peer: MemberId, note: str | None
) -> None:
    """A head of ours that came back with the peer's line: it counts like an answer (LR-22)."""
    own = own_log(uow, office)
    head = own_head(note, own) if note is not None else None
    if note is None or head is None or head.origin != own.key.name:
        return
    uow.heads.set_shown(peer, head.size)
    witness = witness_key_of(uow, office, peer)
    offered = "".join(signature_lines(note)).encode()
    try:
        kept = read_cosignatures(offered, only(note, own.key), (witness,))
    except (MalformedMessageError, SignatureError):
        # It vouches for nothing then; what it remembers of us counts all the same.
        return
    lines = [line for line in signature_lines(kept) if witness.name in line.split(" ")]
    if lines:
        now = office.clock.now()
        uow.log.add_cosignatures(head.size, {witness.name: lines[-1]}, now)
        uow.wake(Wake.DELIVER, peer)


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
