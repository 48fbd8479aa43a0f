"""The way out of quarantine: every chain starts anew where the others remember us.

Enters: what each peer remembers, and whether the log goes on or the next one begins. Leaves:
a node that waits for the first word again, under the next incarnation, all in one
transaction. Must never happen: a statement of the former incarnation sent after this; one
that the peer took said twice; one that it lacks forgotten. Implements exchange-log 5.4
(LR-26 to LR-28), handover 4.5 (HO-25, HO-50), TRF-4, TRF-7.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from node import strictjson
from node.crypto.checkpoint import Checkpoint
from node.exchangelog.entry import parse_entry
from node.exchangelog.kinds import ActorRole, EntryClass, EntryType
from node.exchangelog.standing import Stand, Standing
from node.ids import AccountId, MemberId, TransferId
from node.sync.issue import issue
from node.sync.message import Statement, open_statement
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.reception import TAKEN
from node.sync.recollection import Recollection
from node.sync.restoration import end_unsaid, restore_transfer
from node.sync.rows import EntryDraft, StatementRow
from node.sync.words import StatementType

_ALL: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What recovery is to do.

    ``by`` and ``second`` are the two persons who decided it. ``continued`` is the head that
    a new log continues, None to go on with this one.
    ``witness`` is the name under which we cosign from now on. ``waived`` did not answer,
    and two persons go on without them.
    """

    incarnation: int
    witness: str
    by: AccountId
    second: AccountId
    memories: tuple[Recollection, ...]
    waived: tuple[MemberId, ...] = ()
    continued: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class _Unsaid:
    """A statement of ours that its peer lacks, and the entry it names, opened."""

    statement: Statement
    entry: bytes | None


def recover(
    uow: UnitOfWork, office: Office, plan: Plan, *, begun: Callable[[], None]
) -> None:
    """Carry the plan out, inside the caller's transaction.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        plan: What to do.
        begun: Called once a new log has begun, before anything else is written to it.

    Afterwards the node waits for the first word like after any start.
    """
    now = office.clock.now()
    uow.stands.begin(Stand(Standing.WAITING, now))
    uow.chains.begin_incarnation(plan.incarnation)
    unsaid = {m.peer: _unsaid(uow, office, m) for m in plan.memories}
    if plan.continued is None:
        uow.log.go_on(inc=plan.incarnation, at=now)
    else:
        uow.log.begin_anew(plan.continued, inc=plan.incarnation, at=now)
        begun()
    _resume_witness(uow, plan, now)
    _name_both(uow, plan, now)
    for memory in plan.memories:
        _restart(uow, memory, plan, now)
    for memory in plan.memories:
        _say_again(uow, office, unsaid[memory.peer], is_new=plan.continued is not None)
        _settle(uow, office, memory)
    for peer in plan.waived:
        # It may hold what nobody told us; until ``recover`` hears it, only hello.
        uow.chains.quarantine(peer, "waived", "")


def _unsaid(uow: UnitOfWork, office: Office, memory: Recollection) -> list[_Unsaid]:
    """Our statements after the newest one that the peer holds, oldest first."""
    held = (memory.out.inc, memory.out.seq) if memory.out else (0, 0)
    found = []
    for row in uow.outbox.statements(memory.peer, _ALL):
        if (row.inc, row.seq) > held:
            statement = open_statement(row.jws, office.keyring.sign.public)
            entry = statement.claims.entry
            opened = None if entry is None else uow.log.opening(entry)
            found.append(_Unsaid(statement, opened))
    return found


def _resume_witness(uow: UnitOfWork, plan: Plan, now: datetime) -> None:
    """LR-27: the witness's memory may be old as well, so it goes on under another name."""
    heads = [
        {"log": head.origin, "size": head.size, "root": head.root.hex()}
        for head in uow.heads.all_seen()
    ]
    digest = hashlib.sha256(strictjson.encode(heads)).hexdigest()
    uow.log.append(
        EntryDraft(
            type=EntryType.WITNESS_RESUMED,
            at=now,
            group=f"{EntryClass.PERMANENT}:{now:%Y-%m}",
            fields={"target": plan.witness, "digest": digest},
            role=ActorRole.OPERATOR,
        )
    )


def _name_both(uow: UnitOfWork, plan: Plan, now: datetime) -> None:
    """Who decided it, and whom they did not wait for; a permanent entry may name nobody."""
    uow.log.append(
        EntryDraft(
            type=EntryType.OPERATOR_OVERRIDE,
            at=now,
            group=f"{EntryClass.OPERATION}:{now:%Y-%m}",
            fields={
                "what": "recover",
                "transfer": None,
                "missing": sorted(plan.waived),
                "outcome": "new_log" if plan.continued else "same_log",
            },
            role=ActorRole.OPERATOR,
            actor=plan.by,
            second=plan.second,
        )
    )


def _restart(uow: UnitOfWork, memory: Recollection, plan: Plan, now: datetime) -> None:
    """Both chains of a pair stand where the peer remembers them (HO-42, HO-50, TRF-4)."""
    peer = memory.peer
    taken = uow.chains.last_in(peer)
    for statement in memory.theirs:
        claims, position = statement.claims, statement.position
        assert position is not None
        if uow.inbox.find(peer, claims.jti) is None:
            uow.inbox.add(
                peer,
                claims.jti,
                position=position,
                type=claims.t,
                jws=statement.jws,
                result=TAKEN,
                transfer=claims.tr,
                at=now,
            )
        taken = position
    for statement in memory.ours:
        uow.outbox.keep_again(_row(peer, statement), now)
    # What the peer lacks is said again under the new incarnation, or not at all.
    uow.outbox.acknowledge_through(peer, plan.incarnation, 0, now)
    uow.chains.restart(peer, out=memory.out, taken=taken)
    if plan.continued is not None:
        uow.heads.set_shown(peer, 0)


def _row(peer: MemberId, statement: Statement) -> StatementRow:
    claims, position = statement.claims, statement.position
    assert position is not None
    stored = claims.t is StatementType.STORED
    return StatementRow(
        peer=peer,
        jti=claims.jti,
        inc=position.inc,
        seq=position.seq,
        type=claims.t,
        jws=statement.jws,
        entry=None if stored else claims.entry,
        cp_size=claims.cp.size if claims.cp else 0,
        transfer=claims.tr,
    )


def _say_again(
    uow: UnitOfWork, office: Office, unsaid: Sequence[_Unsaid], *, is_new: bool
) -> None:
    """TRF-7: in the old order; in a new log each act gets an entry there first."""
    unoffered: set[TransferId] = set()
    offers: dict[bytes, bytes] = {}
    for item in unsaid:
        claims = item.statement.claims
        assert claims.tr is not None
        if is_new and claims.t is StatementType.OFFER:
            unoffered.add(claims.tr)
        if claims.tr in unoffered:
            continue
        entry = claims.entry
        if is_new and item.entry is not None:
            entry = _log_again(uow, office, item.entry)
        said = issue(
            uow,
            office,
            to=claims.aud,
            kind=claims.t,
            body=claims.b,
            transfer=claims.tr,
            off=offers.get(claims.off, claims.off) if claims.off else None,
            entry=entry,
        )
        if claims.t is StatementType.OFFER:
            offers[item.statement.digest] = said.digest
            transfer = uow.outbound.get(claims.tr)
            named = replace(transfer, offer_digest=said.digest)
            uow.outbound.replace(transfer, named)
    for unsaid_offer in sorted(unoffered):
        end_unsaid(uow, office, unsaid_offer)


def _log_again(uow: UnitOfWork, office: Office, opening: bytes) -> bytes:
    """The same act in the present log: its entry in the former one cannot be shown there."""
    former = parse_entry(opening[33:])
    return uow.log.append(
        EntryDraft(
            type=former.type,
            at=office.clock.now(),
            group=f"transfer:{former.more['transfer']}",
            fields=former.more,
            role=former.role or ActorRole.SYSTEM,
        )
    )


def _settle(uow: UnitOfWork, office: Office, memory: Recollection) -> None:
    """Each transfer of which something was forgotten (handover 4.5)."""
    forgotten = [*memory.ours, *memory.theirs]
    transfers = dict.fromkeys(s.claims.tr for s in forgotten if s.claims.tr)
    for transfer in transfers:
        restore_transfer(
            uow,
            office,
            memory.peer,
            transfer,
            ours=[s for s in memory.ours if s.claims.tr == transfer],
            theirs=[s for s in memory.theirs if s.claims.tr == transfer],
        )
