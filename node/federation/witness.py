"""Our witness for other towns' logs (C2SP tlog-witness), and reading our own log.

Enters: an add-checkpoint body from anybody. Leaves: a cosignature line, or the exact
status. Must never happen: a rollback, two inconsistent cosignatures, an answer before the
memory is durable. Cosigning writes no entry (LR-17). Implements LR-14 to LR-18.
"""

import hashlib
from functools import partial

from node.crypto.checkpoint import NoteKey, cosign, only, open_checkpoint
from node.crypto.merkle import consistency_proof, inclusion_proof
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.witness import (
    Accepted,
    AddCheckpoint,
    Declined,
    Extension,
    WitnessMemory,
    decide,
    parse_add_checkpoint,
)
from node.failpoints import Point
from node.ids import MemberId
from node.sync import gossip
from node.sync.firstword import is_speaking
from node.sync.office import Office
from node.sync.peerkeys import log_keys
from node.sync.ports import UnitOfWork
from node.sync.rows import Head

SIZE_TYPE = "text/x.tlog.size"
PLAIN = "text/plain"


def add_checkpoint(
    uow: UnitOfWork, office: Office, body: bytes, *, speaking: bool = True
) -> tuple[int, str, str]:
    """Decide, remember and cosign, in one transaction.

    Args:
        uow: The transaction.
        office: Keys, clock, directory.
        body: As it came.
        speaking: Whether this node may sign at all (exchange-log 5.4).

    Returns:
        Status, text and media type of the answer; the caller sends it after the commit.
        With 503 goes ``Retry-After``.
    """
    if not speaking:
        return 503, "", PLAIN
    try:
        request = parse_add_checkpoint(body)
    except MalformedMessageError:
        return 400, "", PLAIN
    with uow:
        found = _log_of(uow, office, request.origin)
        # LR-16: our memory of others may be as old as our log; first we ask.
        if not is_speaking(uow):
            return 503, "", PLAIN
        seen = uow.heads.seen(request.origin)
        memory = (
            WitnessMemory(seen.origin, seen.size, seen.root, seen.note)
            if seen
            else None
        )
        verdict = decide(request, found[1] if found else None, memory)
        if not isinstance(verdict, Accepted):
            if found and _keep_conflict(uow, office, request, verdict, found=found):
                uow.commit()
            size = "" if verdict.size is None else f"{verdict.size}\n"
            return verdict.status, size, SIZE_TYPE if size else PLAIN
        new = verdict.memory
        if new != memory:
            head = Head(new.origin, new.size, new.root, new.note)
            shown = Extension(request.old_size, request.path)
            uow.heads.remember(head, office.clock.now(), shown)
        # Crash here: remembered and not cosigned. Asked again, it is cosigned then.
        uow.after_commit(partial(office.failpoints.reach, Point.WITNESS_STORED))
        uow.commit()
    time_s = int(office.clock.now().timestamp())
    line = cosign(new.note, office.witness_name, office.keyring.witness, time_s)
    return 200, line, PLAIN


def _keep_conflict(
    uow: UnitOfWork,
    office: Office,
    request: AddCheckpoint,
    verdict: Declined,
    *,
    found: tuple[MemberId, NoteKey],
) -> bool:
    """LR-18: a declined head that contradicts one we cosigned is evidence of a fork."""
    member, log_key = found
    try:
        head = open_checkpoint(request.note, log_key)
    except (MalformedMessageError, SignatureError):
        return False
    past, seen = uow.heads.past(head.origin, head.size), uow.heads.seen(head.origin)
    if not verdict.contradicts and past in {None, head.root}:
        return False
    known = seen.note if seen else ""
    two = gossip.TwoHeads("checkpoint", known, only(request.note, log_key))
    gossip.conflict(uow, office, member, head.origin, two)
    return True


def _log_of(
    uow: UnitOfWork, office: Office, origin: str
) -> tuple[MemberId, NoteKey] | None:
    """Whose listed log it is, and its key; any other log is unknown (404)."""
    if not uow.cards.any():
        return gossip.listed_logs(office.directory()).get(origin)
    return next((f for f in log_keys(uow, office) if f[1].name == origin), None)


def remembered(uow: UnitOfWork, office: Office, origin_hash: str) -> str | None:
    """The newest note of the log whose origin has this SHA-256, in hex."""
    with uow:
        for _, key in log_keys(uow, office):
            if hashlib.sha256(key.name.encode()).hexdigest() == origin_hash:
                seen = uow.heads.seen(key.name)
                return seen.note if seen else None
    return None


def newest_note(uow: UnitOfWork) -> str | None:
    """Our newest signed checkpoint."""
    with uow:
        head = uow.log.newest()
    return head.note if head else None


def inclusion(uow: UnitOfWork, index: int, size: int) -> list[bytes] | None:
    """Inclusion proof, or None outside the signed log."""
    with uow:
        head = uow.log.newest()
        if head is None or not 0 <= index < size <= head.size:
            return None
        return list(inclusion_proof(index, size, uow.log.tree()))


def consistency(uow: UnitOfWork, old: int, new: int) -> list[bytes] | None:
    """Consistency proof, or None outside the signed log."""
    with uow:
        head = uow.log.newest()
        if head is None or not 0 < old <= new <= head.size:
            return None
        return list(consistency_proof(old, new, uow.log.tree()))
