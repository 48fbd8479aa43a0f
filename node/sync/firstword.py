"""What others remember of our log, and whether we may state anything.

Enters: notes of our log that peers show, inside a unit of work. Leaves: the node's standing.
Must never happen: a statement or a cosignature before the first word (SR-R4); a node that
goes on although somebody showed its own signature under a head it lacks. Hello itself waits
for nothing of this (LR-25). Implements exchange-log 5.4; LR-19, LR-24, SR-R5.
"""

import hashlib
import sys
from collections.abc import Collection, Mapping

from node.crypto.checkpoint import ED25519, NoteKey
from node.errors import FirstWordError, ReadingOnlyError, UnknownNodeError, UsageError
from node.exchangelog.kinds import ActorRole, EntryClass, EntryType
from node.exchangelog.proof import OwnLog
from node.exchangelog.standing import (
    Reason,
    Said,
    Stand,
    Standing,
    after_answers,
    judge_note,
    may_declare,
    to_ask,
)
from node.ids import AccountId, MemberId
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft
from node.trust.mailboxes import is_pull_only


def own_log(uow: UnitOfWork, office: Office) -> OwnLog:
    """Our log as the pure rooms ask for it."""
    return OwnLog(
        key=NoteKey(office.log_origin, office.keyring.log.public, ED25519),
        contains=lambda head: uow.log.contains(head.size, head.root),
    )


def require_speaking(uow: UnitOfWork) -> None:
    """Refuse what would be a statement or a cosignature of ours.

    Raises:
        FirstWordError: Just started; soon.
        ReadingOnlyError: In quarantine, until ``recover``.
    """
    match uow.stands.read().standing:
        case Standing.WAITING:
            raise FirstWordError("nobody had the first word yet")
        case Standing.QUARANTINE:
            raise ReadingOnlyError("in quarantine only hello is answered")
        case Standing.SPEAKING:
            pass


def is_speaking(uow: UnitOfWork) -> bool:
    """Whether anything may leave."""
    return uow.stands.read().standing is Standing.SPEAKING


def standing(uow: UnitOfWork) -> Stand:
    """How the node stands."""
    with uow:
        return uow.stands.read()


def judge(uow: UnitOfWork, office: Office, note: str | None) -> Said:
    """What a peer's memory of our log comes to; reads only."""
    with uow:
        return judge_note(note, own_log(uow, office))


def whom_to_ask(uow: UnitOfWork, office: Office) -> frozenset[MemberId]:
    """Whose answers count towards the first word."""
    with uow:
        return to_ask(uow.stands.met(), listed(office), office.clock.now())


def by_last_meeting(
    uow: UnitOfWork,
    office: Office,
    *,
    witnesses: Collection[MemberId] = (),
    silent: Collection[MemberId] = (),
    at_most: int = sys.maxsize,
) -> list[MemberId]:
    """Listed members, the one met last first: whom to ask before a signature.

    Those never met as well: a machine rolled back to before it met anybody does not know
    whom it met. Most likely to remember us are the ``witnesses`` of our policy, then the
    members of our Kreis; for the rest the order is our own, else a whole Land would ask
    the same two (ADR 0048). Nobody waits for a mailbox here: it answers in its own time.

    Args:
        uow: Whom we met.
        office: The directory.
        witnesses: Members that cosign our heads.
        silent: Whom to leave out.
        at_most: So many; while enough were met, nobody else is looked at.
    """
    with uow:
        met = uow.stands.met()
    others = listed(office)
    if others is None:
        return []

    def can_answer(peer: MemberId) -> bool:
        return peer not in silent and not is_pull_only(office.directory(), peer)

    last_first = sorted(met, key=lambda peer: (met[peer], peer), reverse=True)
    known = [peer for peer in last_first if peer in others and can_answer(peer)]
    if len(known) >= at_most:
        return known[:at_most]
    own = hashlib.sha256(office.member.encode())
    kreis = office.member.scope[:5]

    def place(peer: MemberId) -> tuple[bool, bool, bytes]:
        drawn = own.copy()
        drawn.update(peer.encode())
        return peer not in witnesses, peer.scope[:5] != kreis, drawn.digest()

    strangers = sorted(filter(can_answer, others - met.keys()), key=place)
    return [*known, *strangers][:at_most]


def listed(office: Office) -> frozenset[MemberId] | None:
    """Every other member of the directory; None while there is none."""
    try:
        holdings = office.directory().holdings
    except UnknownNodeError:
        return None
    return frozenset(holdings.records) - holdings.retired_members - {office.member}


def settle(
    uow: UnitOfWork,
    office: Office,
    asked: frozenset[MemberId],
    said: Mapping[MemberId, Said],
    proof: str | None = None,
) -> Standing:
    """Stand as the answers so far allow; ``proof`` is the note that shows us behind."""
    with uow:
        before = uow.stands.read()
        after = after_answers(before.standing, asked, said)
        if after is Standing.QUARANTINE:
            enter_quarantine(uow, office, Reason.AHEAD, proof)
        elif after is not before.standing:
            uow.stands.enter(Stand(after, office.clock.now()))
        uow.commit()
    return after


def fall_behind(uow: UnitOfWork, office: Office, note: str) -> None:
    """Somebody showed our own signature under a head that our log lacks."""
    with uow:
        enter_quarantine(uow, office, Reason.AHEAD, note)
        uow.commit()


def enter_quarantine(
    uow: UnitOfWork, office: Office, reason: Reason, proof: str | None = None
) -> None:
    """From this commit on the node reads only; inside the caller's transaction."""
    now = office.clock.now()
    uow.stands.enter(Stand(Standing.QUARANTINE, now, reason, proof))


def declare(
    uow: UnitOfWork, office: Office, *, by: AccountId, second: AccountId
) -> None:
    """Two persons say that this node was not rolled back; it holds for one start (LR-24).

    Raises:
        UsageError: One person alone, not waiting, or not long enough.
    """
    now = office.clock.now()
    with uow:
        stand = uow.stands.read()
        if by == second:
            raise UsageError("two different persons must say so")
        if not may_declare(stand, now):
            raise UsageError("only after an hour of waiting for the first word")
        silent = to_ask(uow.stands.met(), listed(office), now)
        uow.log.append(
            EntryDraft(
                type=EntryType.OPERATOR_OVERRIDE,
                at=now,
                group=f"{EntryClass.OPERATION}:{now:%Y-%m}",
                fields={
                    "what": "first_word",
                    "transfer": None,
                    "missing": sorted(silent),
                    "outcome": "not_rolled_back",
                },
                role=ActorRole.OPERATOR,
                actor=by,
                second=second,
            )
        )
        uow.stands.enter(Stand(Standing.SPEAKING, now, declared=True))
        uow.commit()
