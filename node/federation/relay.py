"""The relay's routes: mailboxes of nodes that cannot be called (handover 10.5).

Enters: signed requests of members. Leaves: items in, pages and items out, each to its owner
alone. Must never happen: success before the bytes are synced and the row is durable; a
sender's id beside an item; an owner's long wait that blocks anybody else.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web

from node import strictjson
from node.errors import ConflictError, MalformedMessageError, NotFoundError
from node.federation.caller import PART_TYPE
from node.federation.listener import Call, Guard, Reply
from node.federation.pace import ProblemError
from node.ids import MemberId, MessageId
from node.sync import limits, relaying
from node.sync.courier import Runner
from node.sync.mailports import CONTAINER, LETTER, Item, Parcel
from node.sync.office import Office
from node.sync.relaying import FullError, ShelfFiles
from node.sync.rows import StoredFile

BASE: Final = "/staffelstab/1/relay"
ITEM_TYPE: Final = "application/vnd.staffelstab.item"
_SALT_BYTES: Final = 16
_LOOK_S: Final = 2.0
_RANGE: Final = re.compile(r"bytes=([0-9]{1,12})-([0-9]{1,12})", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Clerk(Protocol):
    """What the routes need of the desk for peers."""

    @property
    def office(self) -> Office:
        """Keys, clock, chance, directory."""
        ...

    @property
    def run(self) -> Runner:
        """The store's runner."""
        ...

    @property
    def public_url(self) -> str:
        """Where this relay is called."""
        ...


@dataclass(frozen=True, slots=True)
class Counter:
    """The relay of this process: its files, and who waits for which queue."""

    files: ShelfFiles
    waiting: dict[MemberId, list[asyncio.Event]] = field(default_factory=dict)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, queue: MemberId) -> None:
        """Something arrived."""
        for bell in self.waiting.get(queue, ()):
            bell.set()

    async def end(self, _: web.Application) -> None:
        """The program stops: whoever waits is answered now."""
        self.ends.set()
        for queue in [*self.waiting]:
            self.ring(queue)


def add_routes(
    app: web.Application, desk: Clerk, counter: Counter, guard: Guard
) -> None:
    """Hang the relay's routes up beside the others."""
    app.on_shutdown.append(counter.end)
    add = app.router.add_route
    bare = partial(guard.wrap, most=0, media_type=None)
    add(
        "POST",
        BASE + "/queues/{member}/items",
        guard.wrap(
            partial(_put, desk, counter), most=limits.PUT_BYTES, media_type=ITEM_TYPE
        ),
    )
    add("POST", BASE + "/queues/{member}/uploads", bare(partial(_begin, desk, counter)))
    add(
        "PATCH",
        BASE + "/uploads/{upload}",
        guard.wrap(
            partial(_append, desk, counter),
            most=limits.PART_BYTES,
            media_type=PART_TYPE,
        ),
    )
    add("GET", BASE + "/queue", bare(partial(_queue, desk, counter)))
    add("GET", BASE + "/items/{item}", bare(partial(_item, desk, counter)))
    add("DELETE", BASE + "/items/{item}", bare(partial(_remove, desk, counter)))


# -- In ----------------------------------------------------------------------------------


async def _put(desk: Clerk, counter: Counter, call: Call) -> Reply:
    """``POST /queues/{member}/items?kind=&expires=``: 201, or 200 if it lies there."""
    digest = hashlib.sha256(call.body).digest()
    wanted = _wanted(desk, call, digest=digest, size=len(call.body))
    with _problems():
        await desk.run.read(
            relaying.check_room, wanted.queue, wanted.tag, len(call.body)
        )
    file = await desk.run.file(counter.files.keep, _salted(desk, [call.body]))
    return await _shelve(desk, counter, wanted, file)


async def _begin(desk: Clerk, counter: Counter, call: Call) -> Reply:
    """``POST /queues/{member}/uploads?kind=&expires=&len=&dig=``: where to go on."""
    size, digest = call.query.get("len", ""), call.query.get("dig", "")
    if _NUMBER.fullmatch(size) is None or _DIGEST.fullmatch(digest) is None:
        raise MalformedMessageError("bad-syntax")
    wanted = _wanted(desk, call, digest=bytes.fromhex(digest), size=int(size))
    with _problems():
        found = await desk.run.write(relaying.begin_upload, desk.office, wanted)
    if found is None:
        return Reply(HTTPStatus.OK, strictjson.encode({"kept": True}))
    if found.received == found.size:
        # A crash after the last part: nobody will send one more.
        return await _finish(desk, counter, found)
    said = {"upload": found.id, "offset": found.received}
    return Reply(HTTPStatus.CREATED, strictjson.encode(said))


async def _append(desk: Clerk, counter: Counter, call: Call) -> Reply:
    """``PATCH /uploads/{u}``: one part; the last one answers like an item."""
    claimed = call.headers.get("upload-offset", "")
    if _NUMBER.fullmatch(claimed) is None or not call.body:
        raise MalformedMessageError("bad-syntax")
    office = desk.office
    with _problems():
        parcel = await desk.run.read(
            relaying.find_upload, office, MessageId(call.match["upload"]), call.peer
        )
    if int(claimed) != parcel.received:
        raise ProblemError("offset-mismatch", offset=parcel.received)
    if parcel.received + len(call.body) > parcel.size:
        raise ProblemError("too-large")
    part = await desk.run.file(counter.files.keep, _salted(desk, [call.body]))
    try:
        parcel = await desk.run.write(
            relaying.add_part, office, parcel, part, len(call.body)
        )
    except ConflictError:
        raise ProblemError("offset-mismatch") from None
    if parcel.received < parcel.size:
        said = {"upload": parcel.id, "offset": parcel.received}
        return Reply(HTTPStatus.OK, strictjson.encode(said))
    return await _finish(desk, counter, parcel)


async def _finish(desk: Clerk, counter: Counter, parcel: Parcel) -> Reply:
    """All parts are there: one item of them, hashed as it is written."""
    digest = hashlib.sha256()
    file = await desk.run.file(
        counter.files.keep,
        _salted(desk, _hashed(_joined(counter.files, parcel), digest)),
    )
    if digest.digest() != parcel.digest:
        counter.files.remove(file.name)
        await desk.run.write(relaying.end_upload, parcel, counter.files)
        raise ProblemError("bad-digest", offset=0)
    reply = await _shelve(desk, counter, parcel, file)
    # Crash here: the parts stay until their upload has stood still for a day.
    await desk.run.write(relaying.end_upload, parcel, counter.files)
    return reply


def _wanted(desk: Clerk, call: Call, *, digest: bytes, size: int) -> Parcel:
    """For whom, what, until when; the sender is a keyed hash from here on."""
    kind, expires = call.query.get("kind", ""), call.query.get("expires", "")
    good = kind in {LETTER, CONTAINER} and _NUMBER.fullmatch(expires)
    if not good or not size:
        raise MalformedMessageError("bad-syntax")
    queue = MemberId(call.match["member"])
    with _problems():
        relaying.check_queue(desk.office, desk.public_url, queue)
    try:
        wished = datetime.fromtimestamp(int(expires), UTC)
    except (OverflowError, ValueError):
        raise MalformedMessageError("bad-syntax") from None
    return Parcel(
        id=MessageId.of(desk.office.randomness(16)),
        queue=queue,
        tag=relaying.tag_of(desk.office, queue, call.peer),
        kind=kind,
        digest=digest,
        size=size,
        received=0,
        parts=(),
        expires_at=relaying.life(desk.office, wished),
    )


async def _shelve(
    desk: Clerk, counter: Counter, parcel: Parcel, file: StoredFile
) -> Reply:
    """The bytes are synced: commit the row that names them (P18)."""
    with _problems():
        is_new = await desk.run.write(
            relaying.keep_item, desk.office, parcel, file=file, files=counter.files
        )
    counter.ring(parcel.queue)
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return Reply(status, strictjson.encode({"kept": True}))


def _salted(desk: Clerk, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Sixteen random bytes first: no two items share a file, whatever they hold."""
    yield desk.office.randomness(_SALT_BYTES)
    yield from chunks


def _joined(files: ShelfFiles, parcel: Parcel) -> Iterator[bytes]:
    for part in parcel.parts:
        yield from files.read(part.name, _SALT_BYTES)


def _hashed(chunks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


# -- Out ---------------------------------------------------------------------------------


async def _queue(desk: Clerk, counter: Counter, call: Call) -> Reply:
    """``GET /queue?after=&wait=``: the caller's own queue; waits for something."""
    numbers = [call.query.get(name, "0") for name in ("after", "wait")]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        raise MalformedMessageError("bad-syntax")
    after, wait_s = map(int, numbers)
    bells = counter.waiting.setdefault(call.peer, [])
    if len(bells) >= limits.CONNECTIONS_PER_PEER:
        raise ProblemError("rate", retry_after=1)
    most = min(float(wait_s), limits.RELAY_WAIT.total_seconds())
    bell = asyncio.Event()
    bells.append(bell)
    try:
        found = await _wait(desk, counter, bell, call.peer, after=after, most=most)
    finally:
        bells.remove(bell)
        if not bells:
            counter.waiting.pop(call.peer, None)
    return Reply(HTTPStatus.OK, strictjson.encode({"items": list(map(_slip, found))}))


async def _wait(
    desk: Clerk,
    counter: Counter,
    bell: asyncio.Event,
    queue: MemberId,
    *,
    after: int,
    most: float,
) -> list[Item]:
    """Look now and whenever the bell rings, for as long as the owner wishes.

    Another process of this relay may have taken the item, so it looks by itself as well.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + most
    while True:
        bell.clear()
        found = await desk.run.read(relaying.page, desk.office, queue, after)
        left = ends_at - loop.time()
        if found or left <= 0 or counter.ends.is_set():
            return list(found)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, _LOOK_S)):
                await bell.wait()


def _slip(item: Item) -> strictjson.JsonObject:
    return {
        "n": item.n,
        "id": item.id,
        "kind": item.kind,
        "size": item.size,
        "arrived": int(item.arrived_at.timestamp()),
        "expires": int(item.expires_at.timestamp()),
    }


async def _item(desk: Clerk, counter: Counter, call: Call) -> Reply:
    """``GET /items/{i}`` with ``Range``: at most 4 MiB at a time."""
    with _problems():
        item = await desk.run.read(
            relaying.get, desk.office, call.peer, MessageId(call.match["item"])
        )
    wish = _RANGE.fullmatch(call.headers.get("range", "bytes=0-999999999999"))
    if wish is None or not int(wish[1]) < item.size or int(wish[2]) < int(wish[1]):
        raise MalformedMessageError("bad-syntax")
    first = int(wish[1])
    last = min(int(wish[2]), item.size - 1, first + limits.PART_BYTES - 1)
    with _problems():
        body = await desk.run.file(_cut, counter.files, item, first, last)
    status = HTTPStatus.PARTIAL_CONTENT
    span = {"content-range": f"bytes {first}-{last}/{item.size}"}
    return Reply(status, body, ITEM_TYPE, span)


def _cut(files: ShelfFiles, item: Item, first: int, last: int) -> bytes:
    found = bytearray()
    for chunk in files.read(item.file, _SALT_BYTES + first):
        found += chunk
        if len(found) > last - first:
            break
    return bytes(found[: last - first + 1])


async def _remove(desk: Clerk, counter: Counter, call: Call) -> Reply:
    """``DELETE /items/{i}``: its owner has it; twice is as good as once."""
    item = MessageId(call.match["item"])
    await desk.run.write(
        relaying.remove, desk.office, call.peer, item, files=counter.files
    )
    return Reply(HTTPStatus.OK, strictjson.encode({"kept": False}))


@contextmanager
def _problems() -> Iterator[None]:
    """Absent and foreign look alike; who has filled a quota hears so."""
    try:
        yield
    except NotFoundError:
        raise ProblemError("not-found") from None
    except FullError:
        raise ProblemError("quota", retry_after=600) from None
