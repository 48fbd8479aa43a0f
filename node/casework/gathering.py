"""Gathering evidence: our own entries with fresh proofs, the other side's as kept.

Enters: a reading unit, a transfer or a range. Leaves: ``Evidence``, ready to be packed.
Must never happen: content of a case; a proof under a head that nobody signed; our own
cosignature on our own log. Implements exchange-log 7.1 (what lies in a bundle), LR-29.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from node.casework.auditing import own_log_key
from node.crypto.base64url import unb64u
from node.crypto.checkpoint import (
    NoteKey,
    add_lines,
    cosign,
    signature_lines,
)
from node.crypto.merkle import consistency_proof, inclusion_proof
from node.errors import ConflictError, InputError, NotFoundError
from node.exchangelog.bundle import (
    MOST_LEAVES,
    Evidence,
    Shown,
    SideEvidence,
    SideKeys,
    Step,
)
from node.exchangelog.entry import Entry, parse_entry
from node.exchangelog.kinds import EntryType
from node.exchangelog.policy import parse_policy
from node.exchangelog.tlogproof import TlogProof
from node.ids import KeyId, MemberId, TransferId
from node.report.evidence import EvidenceUnit, Kept
from node.report.logview import Dossier
from node.sync.hello import key_card
from node.sync.message import Claims, parse_claims, statement_kid
from node.sync.office import Office
from node.version import SOFTWARE

_SALTED = 33
_MOST_CHAIN = 64
_MOST_CONSENTS = 64


def of_transfer(uow: EvidenceUnit, office: Office, transfer: TransferId) -> Evidence:
    """Everything that is known here of one transfer.

    Raises:
        NotFoundError: Our log holds no exchange of this number.
        ConflictError: Its newest entry is not signed yet.
    """
    found = uow.log_view.dossier(transfer, own_log_key(office))
    types = {item.entry.type for item in found.own if item.entry is not None}
    peer = found.peer
    if peer is None or not (found.said or found.heard):
        raise NotFoundError("no exchange of this transfer")
    said = [_claims(jws) for jws in found.said]
    heard = [_claims(jws) for jws in found.heard]
    own = _own_side(
        uow,
        office,
        {item.index: item.c for item in found.own} | _grounds(uow, found),
        cited=_cited(said, heard),
        kids=_kids(found.said),
    )
    theirs = _their_side(uow, office, peer, transfer, _kids(found.heard))
    sends = EntryType.TRANSFER_SENT in types
    a, b = (own, theirs) if sends else (theirs, own)
    return Evidence(
        query=transfer,
        made_at=office.clock.now(),
        by=office.member,
        a=a,
        b=b,
        policy=_policy(office, (a, b), b.keys.witness),
        tool=f"staffelstab/{SOFTWARE}",
        statements=_in_order(
            (found.said, found.heard) if sends else (found.heard, found.said)
        ),
    )


def of_range(uow: EvidenceUnit, office: Office, query: range) -> Evidence:
    """Each leaf of a range of our log, opened, or with the erasure that names it.

    Raises:
        InputError: Empty, longer than a bundle holds, or beyond the log.
        ConflictError: Its end is not signed yet.
    """
    if not 0 < len(query) <= MOST_LEAVES:
        raise InputError("range", "too-long")
    leaves = dict(uow.evidence.leaves(query.start, query.stop))
    if len(leaves) < len(query):
        raise InputError("range", "beyond-log")
    openings = {index: uow.log.opening(c) for index, c in leaves.items()}
    erasures: dict[int, bytes] = {}
    if None in openings.values():
        erasures = dict(_erasures(uow, query))
    own = _own_side(uow, office, leaves | erasures, cited=(), kids=())
    return Evidence(
        query=query,
        made_at=office.clock.now(),
        by=office.member,
        a=own,
        b=None,
        policy=_policy(office, (own,), ()),
        tool=f"staffelstab/{SOFTWARE}",
        erasures=tuple(sorted(erasures)),
    )


# -- Our own side ------------------------------------------------------------------------


def _own_side(
    uow: EvidenceUnit,
    office: Office,
    placed: Mapping[int, bytes],
    *,
    cited: Iterable[int],
    kids: Iterable[KeyId],
) -> SideEvidence:
    """Our entries under one signed head, and the heads around each of them."""
    over = uow.evidence.signed_over(max(placed))
    note = None if over is None else uow.evidence.note(over)
    if over is None or note is None:
        raise ConflictError("the newest entries are not signed yet")
    tree = uow.log.tree()
    shown = tuple(
        Shown(
            c,
            uow.log.opening(c),
            TlogProof(index, inclusion_proof(index, over, tree), note),
        )
        for index, c in sorted(placed.items())
    )
    around = {size for index in placed for size in uow.evidence.bracket(index)}
    notes = {
        size: text
        for size in {over, *around, *cited}
        if (text := uow.evidence.note(size)) is not None
    }
    sizes = sorted(notes)
    steps = []
    for m, n in pairwise(sizes):
        former, latter = uow.evidence.root(m), uow.evidence.root(n)
        assert former is not None
        assert latter is not None
        steps.append(Step((m, former), (n, latter), consistency_proof(m, n, tree)))
    keys = _keys(
        office, office.member, kids, card=key_card(office, uow.chains.incarnation())
    )
    texts = tuple(notes[size] for size in sizes if size != over)
    return SideEvidence(keys, True, texts, shown, tuple(steps))


def _grounds(uow: EvidenceUnit, found: Dossier) -> dict[int, bytes]:
    """The consent entries that ours rest on, and those between them and their heads."""
    placed: dict[int, bytes] = {}
    for item in found.own:
        for ground in (item.entry.more.get("consents") if item.entry else ()) or ():
            if "statute" in ground:
                continue
            at, step = bytes.fromhex(ground["at"]), bytes.fromhex(ground["head"])
            for _ in range(_MOST_CONSENTS):
                index, entry = _opened(uow, step)
                if index is not None:
                    placed[index] = step
                if step == at or entry is None or entry.prev is None:
                    break
                step = bytes.fromhex(entry.prev)
    return placed


def _opened(uow: EvidenceUnit, c: bytes) -> tuple[int | None, Entry | None]:
    index = uow.log.index_of(c)
    opening = None if index is None else uow.log.opening(c)
    return index, None if opening is None else parse_entry(opening[_SALTED:])


def _erasures(uow: EvidenceUnit, query: range) -> Iterator[tuple[int, bytes]]:
    """The opened ``log.erasure`` entries that name an index of a range (LR-41)."""
    lines = uow.log_view.lines(query.start)
    for line in lines:
        if line.type is EntryType.LOG_ERASURE:
            ((_, c),) = uow.evidence.leaves(line.index, line.index + 1)
            _, entry = _opened(uow, c)
            ranges = entry.more["ranges"] if entry is not None else ()
            if any(low < query.stop and query.start < high for low, high in ranges):
                yield line.index, c


# -- The other side ----------------------------------------------------------------------


def _their_side(
    uow: EvidenceUnit,
    office: Office,
    peer: MemberId,
    transfer: TransferId,
    kids: Iterable[KeyId],
) -> SideEvidence:
    """What it showed us, and the chain of its heads that we remember."""
    keys = _keys(office, peer, kids)
    kept = [k for k in uow.evidence.kept(transfer) if k.origin == keys.origin]
    steps, newest = _chain(uow, office, keys.origin, kept)
    return SideEvidence(
        keys,
        False,
        newest,
        tuple(Shown(k.c, k.opening, k.proof) for k in kept),
        steps,
    )


def _chain(
    uow: EvidenceUnit, office: Office, origin: str, kept: Sequence[Kept]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """From the first head we were shown here to the newest we remember, step by step.

    We cosign that newest head once more, as a witness does at any time (LR-23): so the
    bundle holds the recipient's cosignature over the sender's entries (LR-20).
    """
    sizes = [k.proof.head().size for k in kept]
    seen = uow.heads.seen(origin)
    if not sizes or seen is None:
        return (), ()
    past = uow.evidence.chain(origin, min(sizes))
    newest: tuple[str, ...] = (_cosigned(office, seen.note),)
    if len(past) > _MOST_CHAIN:
        past, newest = [head for head in past if head.size <= max(sizes)], ()
    roots = {head.size: head.root for head in past}
    steps = tuple(
        Step((head.former, roots[head.former]), (head.size, head.root), head.path)
        for head in past
        if head.former is not None and head.former in roots
    )
    return steps, newest


def _cosigned(office: Office, note: str) -> str:
    time_s = int(office.clock.now().timestamp())
    line = cosign(note, office.witness_name, office.keyring.witness, time_s)
    return add_lines(note, [line])


# -- Statements, keys, policy ------------------------------------------------------------


def _claims(jws: str) -> Claims:
    """What a statement of our own store says; it was verified when it came or went."""
    return parse_claims(unb64u(jws.split(".")[1]))


def _cited(said: Iterable[Claims], heard: Iterable[Claims]) -> set[int]:
    """Sizes of our log that statements name."""
    heads = [claims.cp for claims in said] + [claims.seen for claims in heard]
    return {head.size for head in heads if head is not None}


def _kids(statements: Iterable[str]) -> frozenset[KeyId]:
    return frozenset(statement_kid(jws) for jws in statements)


def _in_order(ways: tuple[Sequence[str], Sequence[str]]) -> tuple[str, ...]:
    """The sender's and the recipient's, each in its order, joined by the time they name."""
    waiting = [list(way) for way in ways]
    told = []
    while any(waiting):
        left = (way for way in waiting if way)
        told.append(min(left, key=lambda way: _claims(way[0]).iat).pop(0))
    return tuple(told)


def _keys(
    office: Office,
    member: MemberId,
    kids: Iterable[KeyId],
    card: str | None = None,
) -> SideKeys:
    """The public keys of a member, with every statement key that is needed."""
    directory = office.directory()
    record = directory.member(member)
    signers = directory.holdings.signers
    named = {KeyId(f"{member}#{listed.kid}"): listed.key for listed in record.sig}
    named |= {kid: signers[kid].key for kid in kids if kid in signers}
    return SideKeys(
        member=member,
        origin=record.log.name,
        log=tuple(listed.key for listed in record.log.keys),
        witness=tuple(listed.key for listed in record.witness.keys),
        sign=named,
        card=card,
    )


def _policy(
    office: Office, sides: Sequence[SideEvidence], recipient: Sequence[NoteKey]
) -> str:
    """C2SP tlog-policy: what was in force for the sender, both logs, everybody who cosigned.

    Without a policy of a district the recipient is the quorum (LR-20).
    """
    sender = sides[0].keys.member
    _, body = office.directory().policy_for(sender.scope, office.clock.now())
    lines = body.decode("ascii").splitlines() if body else []
    listed = {key.key.raw for key in parse_policy(body).keys} if body else set()
    lines += [f"log {key}" for side in sides for key in side.keys.log]
    names = {
        line.split(" ")[1]
        for side in sides
        for note in (*side.notes, *(item.proof.note for item in side.shown))
        for line in signature_lines(note)
    }
    labels: dict[str, str] = {}
    for member in office.directory().members():
        for number, known in enumerate(member.witness.keys, 1):
            key = known.key
            is_named = key.name in names or key in recipient
            if is_named and key.key.raw not in listed:
                labels[str(key)] = f"{key.name}/{number}"
                lines.append(f"witness {labels[str(key)]} {key}")
    if not body:
        floor = [labels[str(key)] for key in recipient]
        if floor:
            lines.append(f"group recipient any {' '.join(floor)}")
        lines.append(f"quorum {'recipient' if floor else 'none'}")
    return "\n".join(dict.fromkeys(lines)) + "\n"
