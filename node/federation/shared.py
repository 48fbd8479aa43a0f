"""The list of shared transfers: what a peer may ask of our log, and reading its answer.

Enters: a verified call; or the body of a peer's verified answer. Leaves: our entries about
transfers with the caller, each with its proof; or what the peer's list proves. Must never
happen: a transfer, an entry or a name that concerns anybody but the caller (EL-7); an entry
believed whose proof was not tried here. Implements exchange-log 6.4 (``--ask``).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from node import strictjson
from node.crypto.checkpoint import Checkpoint, NoteKey, open_checkpoint
from node.crypto.commit import check_opening, leaf_input
from node.crypto.merkle import consistency_proof, leaf_hash, verify_inclusion
from node.errors import MalformedMessageError, NotFoundError, SignatureError
from node.exchangelog.attachment import (
    Attachment,
    EntryProof,
    attachment_from_json,
    attachment_json,
)
from node.exchangelog.entry import parse_entry
from node.exchangelog.shared import Gone, Item
from node.exchangelog.witness import (
    Extension,
    Relation,
    WitnessMemory,
    relate,
)
from node.federation.desk import Desk
from node.federation.listener import Call, Reply
from node.ids import MemberId, TransferId
from node.report.logaudit import LogAuditUnit, PeerList
from node.sync.limits import SHARED_BYTES, SHARED_TRANSFERS
from node.sync.office import Office
from node.sync.rows import Head

PATH: Final = "/log/shared"
_KEYS: Final = {"attachment", "transfers", "next"}
_ROW: Final = {"transfer", "entries", "held"}
_ALL: Final = "0" * 32
Fetch = Callable[[MemberId, str], Awaitable[bytes]]
"""(peer, path with query) -> the body of its signed answer."""


# -- Answering ---------------------------------------------------------------------------


async def answer(desk: Desk, call: Call) -> Reply:
    """``GET /log/shared?after=&since=``: a page of what concerns the caller."""
    if set(call.query) - {"after", "since"}:
        raise MalformedMessageError("bad-syntax")
    after = TransferId(call.query.get("after", _ALL))
    since = call.query.get("since", "0")
    if not (since.isascii() and since.isdigit() and len(since) < 16):
        raise MalformedMessageError("bad-syntax")
    page = await desk.run.read(shared_page, call.peer, after, int(since))
    return Reply(HTTPStatus.OK, strictjson.encode(page))


def shared_page(
    uow: LogAuditUnit, peer: MemberId, after: TransferId, since: int
) -> strictjson.JsonObject:
    """Transfers with this peer from an id on, as many as fit.

    Raises:
        NotFoundError: Nothing was signed yet.
    """
    signed = uow.log.newest()
    if signed is None:
        raise NotFoundError("no signed head")
    former = since if 0 < since <= signed.size else 0
    path = consistency_proof(former, signed.size, uow.log.tree()) if former else ()
    head = Attachment(signed.note, since=Extension(former, path))
    rows: list[strictjson.Json] = []
    size = 0
    known = sorted(uow.log_audit.transfers(peer))
    for transfer in (each for each in known if each > after):
        row = _row(uow, transfer, peer, signed)
        size += len(strictjson.encode(row))
        if rows and (size > SHARED_BYTES or len(rows) == SHARED_TRANSFERS):
            return _page(head, rows, following=True)
        rows.append(row)
    return _page(head, rows, following=False)


def _row(
    uow: LogAuditUnit, transfer: TransferId, peer: MemberId, signed: Head
) -> strictjson.JsonObject:
    entries = uow.log_audit.for_peer(transfer, peer, signed)
    return {
        "transfer": str(transfer),
        # One attachment per entry: only its first item may carry an opening.
        "entries": [
            attachment_json(Attachment("", (entry,)))["entries"][0] for entry in entries
        ],
        "held": [c.hex() for c in uow.log_audit.held_of(transfer)],
    }


def _page(
    head: Attachment, rows: list[strictjson.Json], *, following: bool
) -> strictjson.JsonObject:
    following_id = rows[-1]["transfer"] if following else None
    return {
        "attachment": attachment_json(head),
        "transfers": rows,
        "next": following_id,
    }


# -- Asking ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Told:
    items: dict[TransferId, tuple[Item, ...]] = field(default_factory=dict)
    held: dict[TransferId, tuple[bytes, ...]] = field(default_factory=dict)
    is_continuing: bool = True
    size: int = 0


async def ask(
    fetch: Fetch,
    office: Office,
    peer: MemberId,
    memory: WitnessMemory | None,
) -> PeerList:
    """Fetch a peer's whole list and try every proof in it.

    Args:
        fetch: One signed call.
        office: For the peer's log key.
        peer: Whom to ask.
        memory: What we remember of its log.

    Raises:
        DeliveryError: No verified answer.
        MalformedMessageError: It is not this form.
    """
    key, told, after = office.directory().log_key(peer), _Told(), _ALL
    known = 0 if memory is None else memory.size
    while True:
        body = await fetch(peer, f"{PATH}?after={after}&since={known}")
        page = strictjson.parse_object(body, depth=8, members=SHARED_TRANSFERS * 4000)
        if set(page) != _KEYS or not isinstance(page["transfers"], list):
            raise MalformedMessageError("shared")
        head = _head(page["attachment"], key, memory, told)
        for row in page["transfers"]:
            _take(row, head, told)
        following = page["next"]
        if following is None:
            break
        if not isinstance(following, str) or following <= after:
            raise MalformedMessageError("shared: next")
        after = TransferId(following)
    return PeerList(key.name, told.size, told.is_continuing, told.items, told.held)


def _head(
    value: strictjson.Json,
    key: NoteKey,
    memory: WitnessMemory | None,
    told: _Told,
) -> Checkpoint:
    """The head of one page; whether it goes on from what we remember."""
    shown = attachment_from_json(value)
    try:
        head = open_checkpoint(shown.checkpoint, key)
    except SignatureError as error:
        raise MalformedMessageError("shared: checkpoint") from error
    # A head older than our memory is no answer: the log was cut, or an old one is back.
    relation = relate(memory, head, shown.since, lambda _: None)
    told.is_continuing &= relation in {Relation.EXTENDS, Relation.SAME}
    told.size = max(told.size, head.size)
    return head


def _take(row: strictjson.Json, head: Checkpoint, told: _Told) -> None:
    """One transfer of the list."""
    if not isinstance(row, dict) or set(row) != _ROW:
        raise MalformedMessageError("shared: transfer")
    transfer, entries, held = TransferId(row["transfer"]), row["entries"], row["held"]
    if not (isinstance(entries, list) and isinstance(held, list)):
        raise MalformedMessageError("shared: transfer")
    empty = attachment_json(Attachment(""))
    told.items[transfer] = tuple(
        _item(attachment_from_json({**empty, "entries": [each]}).entries[0], head)
        for each in entries
    )
    told.held[transfer] = tuple(_digest(each) for each in held)


def _item(shown: EntryProof, head: Checkpoint) -> Item:
    """An entry with its proof tried; one that is not what was committed has no entry."""
    try:
        entry = parse_entry(check_opening(shown.c, shown.opening or b""))
    except MalformedMessageError:
        entry = None
    proven_at: int | None = head.size
    try:
        leaf = leaf_hash(leaf_input(shown.c))
        verify_inclusion(shown.index, head.size, leaf, shown.path, head.root)
    except MalformedMessageError:
        proven_at = None
    return Item(
        shown.c,
        shown.index,
        entry,
        proven_at=proven_at,
        root=head.root,
        gone=None if entry is not None else Gone.UNSHOWN,
    )


def _digest(value: strictjson.Json) -> bytes:
    if not isinstance(value, str) or len(value) != 64:
        raise MalformedMessageError("shared: held")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise MalformedMessageError("shared: held") from None
