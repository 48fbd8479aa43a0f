"""A relay before its members: who may hand in, who may read, how much, how long."""

import hashlib
import secrets
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPMethod

import pytest

from node import strictjson
from node.bootstrap import Hands, Node, build_node, own_hands
from node.config import load_settings
from node.errors import RejectedError, UnreachableError
from node.failpoints import NoFailpoints
from node.federation.caller import PART_TYPE, Wish
from node.federation.relay import ITEM_TYPE
from node.federation.relaytransport import Packed, RelayMailbox, RelayPost
from node.ids import MemberId
from node.mailroom import open_mailroom
from node.serving import listen
from node.store.relaytables import relay_quota
from node.sync import limits
from node.sync.mailports import Turn
from tests.support.mailtowns import RELAY, Mailed, found_mailed
from tests.support.office import MovingClock
from tests.support.pair import SAECKINGEN, WEHR

GET, POST, PATCH, DELETE = (
    HTTPMethod.GET,
    HTTPMethod.POST,
    HTTPMethod.PATCH,
    HTTPMethod.DELETE,
)


@dataclass
class Member:
    """A town that calls the relay by hand."""

    node: Node
    relay: str

    def __post_init__(self):
        run, office = self.node.run, self.node.office
        self.office = office
        self.room = open_mailroom(self.node.settings, office, run, office.clock.now())
        self.caller = self.room.caller
        self.box = RelayMailbox(office, self.caller, self.relay)
        self.post = RelayPost(office, run, self.caller)

    async def call(self, method, path, body=b"", **more):
        return await self.caller.call(RELAY, method, f"/relay{path}", body, **more)

    async def put(self, body: bytes, to: MemberId = SAECKINGEN, *, days=1.0, kind="s"):
        ends = int((self.office.clock.now() + timedelta(days=days)).timestamp())
        path = f"/queues/{to}/items?kind={kind}&expires={ends}"
        return await self.call(POST, path, body, media_type=ITEM_TYPE)

    async def slips(self, after: int = 0, wait: int = 0):
        found = await self.call(GET, f"/queue?after={after}&wait={wait}")
        return strictjson.parse_object(found)["items"]

    async def read(self, item: str, first: int = 0, last: int = limits.PART_BYTES):
        wish = Wish(most=limits.PART_BYTES, span=(first, last))
        return await self.call(GET, f"/items/{item}", wish=wish)


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mailed") / "all"
    mailboxes = {SAECKINGEN: (RELAY,), WEHR: (RELAY,)}
    return folder, found_mailed(folder, own_hands(), mailboxes=mailboxes)


@pytest.fixture
def mailed(founded, tmp_path):
    root, found = founded
    shutil.copytree(root, tmp_path / "all")
    folders = {}
    for member, folder in found.folders.items():
        folders[member] = tmp_path / "all" / folder.relative_to(root)
        path = folders[member] / "node.toml"
        text = path.read_text("utf-8").replace(str(root), str(tmp_path / "all"))
        path.write_text(text, "utf-8")
    return Mailed(folders, found.urls)


@asynccontextmanager
async def opened(mailed, *, clock=None):
    """The relay runs; both towns are built and call it by hand."""
    hands = Hands(clock or MovingClock(), secrets.token_bytes, NoFailpoints())
    settings = {m: load_settings(f) for m, f in mailed.folders.items()}
    async with (
        build_node(settings[RELAY], hands) as relay,
        AsyncExitStack() as stack,
        build_node(settings[WEHR], hands) as wehr,
        build_node(settings[SAECKINGEN], hands) as saeckingen,
    ):
        await listen(relay, stack)
        members = [Member(town, mailed.urls[RELAY]) for town in (wehr, saeckingen)]
        try:
            yield relay, *members
        finally:
            for member in members:
                await member.caller.close()


async def problem(call) -> str:
    with pytest.raises(RejectedError) as caught:
        await call
    return caught.value.problem


@pytest.mark.spec("API-43", "API-46", "API-47")
async def test_an_item_goes_to_its_owner_and_to_nobody_else(mailed):
    async with opened(mailed) as (relay, wehr, saeckingen):
        await wehr.put(b"sealed bytes")
        assert await wehr.slips() == []
        (slip,) = await saeckingen.slips()
        assert (slip["kind"], slip["size"], slip["n"]) == ("s", 12, 1)
        # Who wrote it cannot read it back, nor take it away.
        assert await problem(wehr.read(slip["id"])) == "not-found"
        await wehr.call(DELETE, f"/items/{slip['id']}")
        assert await saeckingen.read(slip["id"]) == b"sealed bytes"
        await saeckingen.call(DELETE, f"/items/{slip['id']}")
        await saeckingen.call(DELETE, f"/items/{slip['id']}")
        assert await saeckingen.slips() == []
        assert await problem(saeckingen.read(slip["id"])) == "not-found"
        files = [
            p for p in (relay.settings.folder / "files/relay").rglob("*") if p.is_file()
        ]
        assert files == []


@pytest.mark.spec("HO-91")
@pytest.mark.spec("API-43")
async def test_a_relay_keeps_queues_only_for_those_that_name_it(mailed):
    async with opened(mailed) as (_, wehr, __):
        assert await problem(wehr.put(b"x", RELAY)) == "not-found"
        nobody = MemberId("08337116-gibt-es-nicht")
        assert await problem(wehr.put(b"x", nobody)) == "not-found"


async def test_an_unsigned_reader_gets_nothing(mailed):
    import aiohttp

    async with opened(mailed) as (relay, wehr, saeckingen):
        await wehr.put(b"sealed")
        (slip,) = await saeckingen.slips()
        async with aiohttp.ClientSession() as session:
            for path in ("queue", f"items/{slip['id']}"):
                url = f"http://127.0.0.1:{relay.settings.peer_port}"
                host = mailed.urls[RELAY].removeprefix("http://")
                async with session.get(
                    f"{url}/staffelstab/1/relay/{path}", headers={"Host": host}
                ) as answer:
                    assert answer.status == 401
                    assert b"sealed" not in await answer.read()


@pytest.mark.spec("API-41", "API-48")
async def test_a_range_that_was_changed_on_the_way_is_refused(mailed, monkeypatch):
    async with opened(mailed) as (_, wehr, saeckingen):
        await wehr.put(b"0123456789")
        (slip,) = await saeckingen.slips()
        assert await saeckingen.read(slip["id"], 2, 4) == b"234"
        exchange = saeckingen.caller._exchange

        async def changed(method, url, headers, body, *, wish):
            headers = headers.copy()
            headers["range"] = "bytes=5-6"
            return await exchange(method, url, headers, body, wish=wish)

        monkeypatch.setattr(saeckingen.caller, "_exchange", changed)
        assert await problem(saeckingen.read(slip["id"], 2, 4)) == "bad-signature"


@pytest.mark.spec("API-42")
async def test_what_does_not_say_what_it_is_is_refused(mailed):
    queries = ("kind=s", "kind=x&expires=1", "expires=99")
    async with opened(mailed) as (_, wehr, saeckingen):
        for query in queries:
            path = f"/queues/{SAECKINGEN}/items?{query}"
            call = wehr.call(POST, path, b"x", media_type=ITEM_TYPE)
            assert await problem(call) == "bad-syntax", query
        await wehr.put(b"0123456789")
        (slip,) = await saeckingen.slips()
        for span in ((10, 11),):
            assert await problem(saeckingen.read(slip["id"], *span)) == "bad-syntax"


@pytest.mark.spec("API-45")
async def test_the_same_bytes_are_kept_once(mailed):
    async with opened(mailed) as (_, wehr, saeckingen):
        for _ in range(3):
            await wehr.put(b"same")
        assert len(await saeckingen.slips()) == 1


@pytest.mark.spec("HO-91")
@pytest.mark.spec("API-44")
async def test_a_quota_stops_one_sender_in_one_queue_and_nobody_else(
    mailed, monkeypatch
):
    monkeypatch.setattr("node.sync.relaying.RELAY_ITEMS", 2)
    async with opened(mailed) as (relay, wehr, saeckingen):
        await wehr.put(b"one")
        await wehr.put(b"two")
        assert await problem(wehr.put(b"three")) == "quota"
        await saeckingen.put(b"three")
        await wehr.put(b"three", WEHR)
        for slip in await saeckingen.slips():
            await saeckingen.call(DELETE, f"/items/{slip['id']}")
        await wehr.put(b"three")
        tags = relay.store.read_sync(
            lambda uow: [row.tag for row in uow._work.rows(relay_quota.select())]
        )
        assert all(len(tag) == 32 and WEHR.encode() not in tag for tag in tags)


async def test_bytes_count_as_well(mailed, monkeypatch):
    monkeypatch.setattr("node.sync.relaying.RELAY_BYTES", 1000)
    async with opened(mailed) as (_, wehr, saeckingen):
        await wehr.put(b"a" * 600)
        assert await problem(wehr.put(b"b" * 600)) == "quota"
        await wehr.put(b"b" * 400)
        assert len(await saeckingen.slips()) == 2


async def test_an_item_ends_by_itself_and_its_file_goes(mailed):
    clock = MovingClock()
    async with opened(mailed, clock=clock) as (relay, wehr, saeckingen):
        await wehr.put(b"short", days=0.01)
        await wehr.put(b"far too long", days=400)
        first, second = await saeckingen.slips()
        assert second["expires"] - second["arrived"] <= 28 * 86400
        clock.offset += timedelta(hours=1)
        assert [s["id"] for s in await saeckingen.slips()] == [second["id"]]
        assert await problem(saeckingen.read(first["id"])) == "not-found"
        folder = relay.settings.folder / "files/relay"
        count = lambda: sum(p.is_file() for p in folder.rglob("*"))  # noqa: E731
        assert count() == 2
        from node.mailroom import relay_of

        relay_of(relay.settings, relay.store, relay.office).sweep()
        assert count() == 1


async def test_a_long_poll_ends_when_something_arrives(mailed):
    import asyncio

    async with opened(mailed) as (_, wehr, saeckingen):
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting = loop.create_task(saeckingen.slips(wait=50))
        await asyncio.sleep(0.1)
        await wehr.put(b"now")
        assert len(await waiting) == 1
        # Not at the end of the poll.
        assert loop.time() - began < 25


async def test_many_long_polls_hold_up_nobody(mailed):
    import asyncio

    async with opened(mailed) as (_, wehr, saeckingen):
        loop = asyncio.get_running_loop()
        polls = [loop.create_task(saeckingen.slips(wait=20)) for _ in range(4)]
        await asyncio.sleep(0.2)
        assert await wehr.slips() == []
        await wehr.put(b"now")
        assert [len(found) for found in await asyncio.gather(*polls)] == [1] * 4


@pytest.mark.spec("API-46")
async def test_a_large_item_comes_in_parts_and_goes_on_after_a_restart(mailed):
    content = secrets.token_bytes(9 * 1024 * 1024 + 3)
    digest = hashlib.sha256(content).digest()
    ends = lambda member: int(  # noqa: E731
        (member.office.clock.now() + timedelta(days=1)).timestamp()
    )
    async with opened(mailed) as (_, wehr, saeckingen):
        path = (
            f"/queues/{SAECKINGEN}/uploads?kind=p&expires={ends(wehr)}"
            f"&len={len(content)}&dig={digest.hex()}"
        )
        begun = strictjson.parse_object(await wehr.call(POST, path))
        part = content[: limits.PART_BYTES]
        upload = f"/uploads/{begun['upload']}"
        # It is the sender's alone, and its offset counts.
        for who, offset, said in (
            (saeckingen, 0, "not-found"),
            (wehr, 5, "offset-mismatch"),
        ):
            call = who.call(PATCH, upload, part, media_type=PART_TYPE, offset=offset)
            assert await problem(call) == said
        await wehr.call(PATCH, upload, part, media_type=PART_TYPE, offset=0)
        assert await saeckingen.slips() == []
    async with opened(mailed) as (relay, wehr, saeckingen):
        packed = Packed(
            SAECKINGEN,
            "p",
            len(content),
            digest,
            wehr.office.clock.now() + timedelta(days=1),
            lambda start: iter([content[start:]]),
        )
        assert await wehr.post.put(packed, Turn("", 0)) == mailed.urls[RELAY] + "/"
        # Once more costs one question.
        await wehr.post.put(packed, Turn("", 0))
        (slip,) = await saeckingen.box.wait(0)
        found = b""
        while len(found) < slip.size:
            found += await saeckingen.box.read(slip, len(found))
        assert found == content
        folder = relay.settings.folder / "files/relay"
        assert sum(p.is_file() for p in folder.rglob("*")) == 1


async def test_an_upload_that_is_not_what_it_said_is_dropped(mailed):
    async with opened(mailed) as (relay, wehr, saeckingen):
        ends = int((wehr.office.clock.now() + timedelta(days=1)).timestamp())
        path = (
            f"/queues/{SAECKINGEN}/uploads?kind=p&expires={ends}&len=3&dig={'0' * 64}"
        )
        begun = strictjson.parse_object(await wehr.call(POST, path))
        call = wehr.call(
            PATCH,
            f"/uploads/{begun['upload']}",
            b"abc",
            media_type=PART_TYPE,
            offset=0,
        )
        assert await problem(call) == "bad-digest"
        assert await saeckingen.slips() == []
        folder = relay.settings.folder / "files/relay"
        assert [p for p in folder.rglob("*") if p.is_file()] == []


@pytest.mark.spec("API-40")
async def test_a_relay_that_is_not_the_one_of_the_directory_is_not_believed(mailed):
    async with opened(mailed) as (relay, wehr, _):
        stranger = wehr.node.office.keyring
        relay.office.keys  # noqa: B018 - it has a cabinet of its own
        object.__setattr__(relay.office, "keys", lambda: stranger)
        with pytest.raises((UnreachableError, RejectedError)):
            await wehr.put(b"x")


async def test_a_node_that_is_no_relay_has_no_mailboxes(mailed):
    path = mailed.folders[RELAY] / "node.toml"
    path.write_text(path.read_text("utf-8").replace("relay = true\n", ""), "utf-8")
    async with opened(mailed) as (_, wehr, __):
        with pytest.raises(UnreachableError):
            await wehr.put(b"x")
