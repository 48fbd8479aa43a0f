"""Our own exchange log in SQL: append, sequence, prove, open.

Enters: drafts of entries inside a unit of work; commitments to find and open. Leaves:
commitments at once, rows at the commit, hashes for proofs. Must never happen: an index
without its leaf, or a leaf that a unit left which was undone; type, peer or time of an
entry in a column; something of the tree or a group key cached between units. Implements
``node.sync.ports.ExchangeLog``, LR-3, LR-4, LR-7, LR-8; tables and triggers stand in
``logtables``, the publisher in ``publisher``.

Lock order: business rows, the pair's chain, then the head of the log. After the head
nothing but inserts of this room, so appends cannot deadlock.
"""

from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, func, insert, select, update

from node.crypto.checkpoint import ED25519, Checkpoint, NoteKey, add_lines
from node.crypto.commit import (
    GroupKey,
    blind_actor,
    blind_consent,
    commitment,
    leaf_input,
    open_body,
    opening,
    salt,
    seal_body,
)
from node.crypto.merkle import Frontier, HashReader
from node.errors import LogError, MalformedMessageError, NotFoundError, UsageError
from node.exchangelog.entry import Act, GroupName, encode_entry, entry
from node.exchangelog.kinds import ActorRole, EntryType
from node.exchangelog.standing import number_of
from node.ids import AccountId
from node.store.groupkeys import GroupKeys, peer_entry_id
from node.store.logtables import (
    log_body,
    log_checkpoint,
    log_cosig,
    log_head,
    log_leaf,
    peer_entry,
)
from node.store.logtree import LogTree, frontier_of
from node.store.pastlog import PastLogs
from node.store.work import Work
from node.strictjson import Json
from node.sync.rows import EntryDraft, Head

_HEAD: Final = select(log_head).with_for_update()
_START: Final = insert(log_head)
_ADVANCE: Final = update(log_head).where(
    log_head.c.id == 1, log_head.c.size == bindparam("seen")
)
_RENEW: Final = update(log_head).where(log_head.c.id == 1)
_BEGIN: Final = update(log_head).where(log_head.c.id == 1)
_ADD_BODY: Final = insert(log_body)
_BODY: Final = (
    select(log_body)
    .join(log_leaf, log_leaf.c.idx == log_body.c.idx)
    .where(log_leaf.c.input == bindparam("leaf"))
)

_NEWEST: Final = select(log_checkpoint).order_by(log_checkpoint.c.size.desc()).limit(1)
_AT_ONCE: Final = 64
_SIGNED_FROM: Final = (
    select(log_checkpoint)
    .where(log_checkpoint.c.size >= bindparam("least"))
    .order_by(log_checkpoint.c.size.desc())
    .limit(bindparam("most"))
)
_LINES: Final = (
    select(log_cosig.c.last_line)
    .where(log_cosig.c.size == bindparam("at"))
    .order_by(log_cosig.c.name, log_cosig.c.key_id)
)
_COSIGNED: Final = select(func.max(log_cosig.c.size)).where(
    log_cosig.c.name == bindparam("by")
)
_ADD_COSIG: Final = insert(log_cosig)
_RENEW_COSIG: Final = update(log_cosig).where(
    log_cosig.c.size == bindparam("at"),
    log_cosig.c.name == bindparam("by"),
    log_cosig.c.key_id == bindparam("under"),
)

_ADD_PEER: Final = insert(peer_entry)
_RENEW_PEER: Final = update(peer_entry).where(
    peer_entry.c.origin == bindparam("of"), peer_entry.c.c == bindparam("named")
)


@dataclass(frozen=True, slots=True)
class _Pending:
    c: bytes
    event_id: bytes
    key_id: bytes
    sealed: bytes


class SqlExchangeLog:
    """Our log inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = GroupKeys(work)
        self._tree = LogTree(work)
        self._pending: list[_Pending] = []
        self._past = PastLogs(work)
        self._origin = work.log_origin

    def start(self, at: datetime) -> bytes:
        """Begin our empty log with its ``log.opened``; gives the entry's commitment.

        Raises:
            ConflictError: There is one already.
        """
        row = {"id": 1, "origin": self._origin, "size": 0, "incarnation": 1}
        self._work.change(_START, row | {"frontier": Frontier().encode()})
        key = NoteKey(self._origin, self._work.keyring.log.public, ED25519)
        fields: Mapping[str, Json] = {"vkey": str(key), "continues": None, "inc": 1}
        return self._operate(EntryType.LOG_OPENED, fields, at)

    def append(self, draft: EntryDraft) -> bytes:
        """Compute the commitment C (32 bytes) at once; leaves are written by the commit.

        Raises:
            UsageError: The draft breaks the rules of its type, or names no group.
        """
        kind, group = _kind(draft.type), _group(draft.group)
        prev = self._chained(draft.prev)
        event_id = self._work.randomness(16)
        key_id, key = self._keys.make(group, kind.retention)
        act = Act(
            id=event_id.hex(),
            at=draft.at,
            log=self._origin,
            role=ActorRole(draft.role),
            actor=_blind(key, event_id, "actor", draft.actor),
            second=_blind(key, event_id, "second", draft.second),
            prev=None if prev is None else prev.hex(),
        )
        spelled = encode_entry(entry(kind, act, draft.fields))
        c = commitment(key, event_id, spelled)
        sealed = seal_body(
            key,
            event_id,
            spelled,
            origin=self._origin,
            randomness=self._work.randomness,
        )
        self._pending.append(_Pending(c, event_id, key_id, sealed))
        return c

    def _chained(self, prev: bytes | None) -> bytes | None:
        """The entry before, None where it lies in a log that ended: chains begin anew."""
        if prev is None or number_of(self._origin) == 1:
            return prev
        here = any(item.c == prev for item in self._pending)
        return prev if here or self._tree.index_of(prev) is not None else None

    def sequence(self) -> None:
        """Give the entries of this unit their places: the last statements of a commit.

        Raises:
            LogError: The head contradicts itself.
        """
        if not self._pending:
            return
        head = self._work.row(_HEAD)
        if head is None or head.origin != self._origin:
            raise LogError("this log was never begun here")
        leaves = [leaf_input(item.c) for item in self._pending]
        frontier = self._tree.extend(frontier_of(head), leaves)
        self._work.change(
            _ADD_BODY,
            [
                {
                    "idx": idx,
                    "event_id": item.event_id,
                    "key_id": item.key_id,
                    "sealed": item.sealed,
                }
                for idx, item in enumerate(self._pending, head.size)
            ],
        )
        row = {"size": frontier.size, "frontier": frontier.encode()}
        self._work.move(_ADVANCE, row | {"seen": head.size})
        self._pending.clear()

    def blind_consent(self, case: str, evidence: bytes) -> str:
        """``consent`` value (hex) of a consent document, blinded in its case's chain."""
        group = _group(f"consent:{case}")
        _, key = self._keys.make(group, EntryType.CONSENT_RECORDED.retention)
        return blind_consent(key, evidence).hex()

    def newest(self) -> Head | None:
        """Our newest signed checkpoint, cosignatures included in its note."""
        row = self._work.row(_NEWEST)
        if row is None:
            return None
        lines = [line for (line,) in self._work.rows(_LINES, {"at": row.size})]
        return Head(self._origin, row.size, row.root, add_lines(row.note, lines))

    def index_of(self, entry: bytes) -> int | None:
        """The place of a commitment in the tree, None before its commit (LR-8)."""
        return self._tree.index_of(entry)

    def tree(self) -> HashReader:
        """Hashes of complete subtrees of our log, for proofs."""
        return self._tree.reader()

    def former_origins(self) -> Collection[str]:
        """Origins of our logs that ended; the present one continues them (LR-28)."""
        return self._past.origins()

    def go_on(self, *, inc: int, at: datetime) -> None:
        """The same log under the next incarnation: ``log.recovered``, nothing lost (LR-26)."""
        head = self._work.row(_HEAD)
        if head is None:
            raise LogError("this log was never begun here")
        self._work.change(_RENEW, {"incarnation": inc})
        self._operate(
            EntryType.LOG_RECOVERED,
            {
                "old_size": head.size,
                "new_size": head.size,
                "inc": inc,
                "lost": 0,
            },
            at,
        )

    def begin_anew(self, continued: Checkpoint, *, inc: int, at: datetime) -> str:
        """End the present log and begin the next, which continues a head of it (LR-26).

        Returns:
            The new origin; from here on this unit writes to the new log.
        """
        self._past.end(continued, at)
        series, _, number = continued.origin.rpartition("/")
        origin = f"{series}/{int(number) + 1}"
        row = {"origin": origin, "size": 0, "incarnation": inc}
        self._work.change(_BEGIN, row | {"frontier": Frontier().encode()})
        self._origin = self._work.log_origin = origin
        key = NoteKey(origin, self._work.keyring.log.public, ED25519)
        head = {
            "origin": continued.origin,
            "size": continued.size,
            "root": continued.root.hex(),
        }
        fields = {"vkey": str(key), "continues": head, "inc": inc}
        self._operate(EntryType.LOG_OPENED, fields, at)
        return origin

    def _operate(
        self, kind: EntryType, fields: Mapping[str, Json], at: datetime
    ) -> bytes:
        group = GroupName.of_month(kind.retention, at)
        role = ActorRole.OPERATOR
        return self.append(EntryDraft(kind, at, group, fields, role))

    def contains(self, size: int, root: bytes) -> bool:
        """Whether our log had exactly this root at this size."""
        return self._tree.root(size) == root

    def opening(self, entry: bytes) -> bytes | None:
        """``0x01 || salt || entry`` of one of our entries, None if lawfully erased.

        Raises:
            NotFoundError: No entry of ours, or not committed yet.
            ErasedError: The week key above its group's key is gone.
            SealError: The body was changed or moved.
        """
        row = self._work.row(_BODY, {"leaf": leaf_input(entry)})
        if row is None:
            if self._tree.index_of(entry) is None:
                raise NotFoundError("log entry")
            return None
        key = self._keys.find(row.key_id)
        if key is None:
            return None
        spelled = open_body(key, row.event_id, row.sealed, origin=self._origin)
        return opening(salt(key, row.event_id), spelled)

    def cosigned_size(self, witness: str) -> int:
        """The largest of our sizes this witness has cosigned, 0 if none."""
        row = self._work.row(_COSIGNED, {"by": witness})
        return 0 if row is None or row[0] is None else int(row[0])

    def signed_from(self, size: int) -> Sequence[Head]:
        """Our newest checkpoints of this size and above, newest first, with cosignatures."""
        heads = []
        for row in self._work.rows(_SIGNED_FROM, {"least": size, "most": _AT_ONCE}):
            lines = [line for (line,) in self._work.rows(_LINES, {"at": row.size})]
            note = add_lines(row.note, lines)
            heads.append(Head(self._origin, row.size, row.root, note))
        return heads

    def add_cosignatures(
        self, size: int, lines: Mapping[str, str], at: datetime
    ) -> None:
        """Keep verified cosignature lines (name -> line) of one of our checkpoints.

        The first line of a witness stays beside its newest one: together they bracket
        time (LR-29).

        Raises:
            ConflictError: We signed no checkpoint of this size.
        """
        for name, line in lines.items():
            key_id = _key_id(line)
            last = {"last_at": at, "last_line": line}
            place = {"at": size, "by": name, "under": key_id}
            if self._work.change(_RENEW_COSIG, last | place) == 0:
                row = {"size": size, "name": name, "key_id": key_id}
                first = {"first_at": at, "first_line": line}
                self._work.change(_ADD_COSIG, row | first | last)

    def keep_peer_entry(
        self,
        origin: str,
        entry: bytes,
        *,
        index: int,
        opening: bytes | None,
        proof: str,
        group: str,
    ) -> None:
        """Keep the other side's entry with its proof, sealed under our group key.

        A second time the newer proof stays; an opening once shown is not lost.
        """
        key_id, key = self._keys.make(_group(group), EntryType.TRANSFER_SENT.retention)
        row: dict[str, Any] = {"idx": index, "proof": proof}
        if opening is not None:
            row["opening"] = seal_body(
                key,
                peer_entry_id(entry),
                opening,
                origin=origin,
                randomness=self._work.randomness,
            )
        place = {"of": origin, "named": entry}
        if self._work.change(_RENEW_PEER, row | place) == 0:
            named = {"origin": origin, "c": entry, "key_id": key_id}
            self._work.change(_ADD_PEER, {"opening": None} | row | named)


def _kind(text: str) -> EntryType:
    try:
        return EntryType(text)
    except ValueError as error:
        raise UsageError("no such type of entry") from error


def _group(text: str) -> GroupName:
    try:
        return GroupName(text)
    except MalformedMessageError as error:
        raise UsageError("no such group of entries") from error


def _blind(
    key: GroupKey,
    event_id: bytes,
    role: Literal["actor", "second"],
    account: AccountId | None,
) -> str | None:
    return None if account is None else blind_actor(key, event_id, role, account).hex()


def _key_id(line: str) -> bytes:
    """The four bytes that announce the key of a verified signature line."""
    return b64decode(line.rstrip("\n").rpartition(" ")[2])[:4]
