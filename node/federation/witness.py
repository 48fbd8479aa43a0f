"""Our witness for other towns' logs (C2SP tlog-witness), and reading our own log.

Enters: an add-checkpoint body from anybody. Leaves: a cosignature line, or the exact
status. Must never happen: a rollback, two inconsistent cosignatures, an answer before the
memory is durable. Cosigning writes no entry (LR-17). Implements LR-14 to LR-18.
"""

import hashlib

from node.crypto.checkpoint import NoteKey, cosign
from node.crypto.merkle import consistency_proof, inclusion_proof
from node.errors import MalformedMessageError
from node.exchangelog.witness import (
    Accepted,
    Extension,
    WitnessMemory,
    decide,
    parse_add_checkpoint,
)
from node.sync.firstword import is_speaking
from node.sync.office import Office
from node.sync.peerkeys import log_keys
from node.sync.ports import UnitOfWork
from node.sync.rows import Head

SIZE_TYPE = "text/x.tlog.size"
PLAIN = "text/plain"


def add_checkpoint(
    uow: UnitOfWork, office: Office, body: bytes
) -> tuple[int, str, str]:
    """Decide, remember and cosign, in one transaction.

    Returns:
        Status, text and media type of the answer; the caller sends it after the commit.
    """
    try:
        request = parse_add_checkpoint(body)
    except MalformedMessageError:
        return 400, "", PLAIN
    with uow:
        log_key = _log_key(uow, office, request.origin)
        # LR-16: our memory of others may be as old as our log; first we ask.
        if not is_speaking(uow):
            return 503, "", PLAIN
        seen = uow.heads.seen(request.origin)
        memory = (
            WitnessMemory(seen.origin, seen.size, seen.root, seen.note)
            if seen
            else None
        )
        verdict = decide(request, log_key, memory)
        if not isinstance(verdict, Accepted):
            if verdict.contradicts and seen is not None:
                uow.heads.keep_evidence(
                    request.origin,
                    reason="checkpoint",
                    known=seen.note,
                    offered=request.note,
                    at=office.clock.now(),
                )
                uow.commit()
            size = "" if verdict.size is None else f"{verdict.size}\n"
            return verdict.status, size, SIZE_TYPE if size else PLAIN
        new = verdict.memory
        if new != memory:
            head = Head(new.origin, new.size, new.root, new.note)
            shown = Extension(request.old_size, request.path)
            uow.heads.remember(head, office.clock.now(), shown)
        uow.commit()
    time_s = int(office.clock.now().timestamp())
    line = cosign(new.note, office.witness_name, office.keyring.witness, time_s)
    return 200, line, PLAIN


def _log_key(uow: UnitOfWork, office: Office, origin: str) -> NoteKey | None:
    """The key of a listed log; a log that is none of our directory is unknown (404)."""
    return next((k for k in log_keys(uow, office) if k.name == origin), None)


def remembered(uow: UnitOfWork, office: Office, origin_hash: str) -> str | None:
    """The newest note of the log whose origin has this SHA-256, in hex."""
    with uow:
        for key in log_keys(uow, office):
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
