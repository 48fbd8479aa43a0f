"""Raw bytes against the peers' listener: every rule of SR-F2 on every path (AS-16, AS-17)."""

import asyncio
import gzip
import secrets
import time
from datetime import timedelta

import pytest

from node.bootstrap import Hands, build_node
from node.config import load_settings
from node.failpoints import NoFailpoints
from node.federation import door
from node.federation.door import DoorError, Gate, Hall, read_head
from node.sync import limits
from tests.support.office import MovingClock
from tests.support.pair import WEHR, found_pair, running
from tests.support.rawpeer import PATHS, exchange, signed

LARGE = b"x" * (limits.PART_BYTES + 1)


@pytest.fixture
async def node(tmp_path):
    hands = Hands(MovingClock(), secrets.token_bytes, NoFailpoints())
    folders = found_pair(tmp_path, hands)
    async with build_node(load_settings(folders[WEHR]), hands) as node, running(node):
        yield node


def rules(knock):
    """Every rule of the reject list, as bytes."""
    line, host = knock.line, knock.host_line
    plain, path = knock.plain(), knock.path
    method = knock.method
    yield "http-1.0", plain.replace(b"HTTP/1.1", b"HTTP/1.0")
    yield "http-2", plain.replace(b"HTTP/1.1", b"HTTP/2.0")
    yield "http-0.9", method + b" " + path + b"\r\n\r\n"
    yield "absolute-form", plain.replace(path, b"http://" + knock.host + path, 1)
    yield "authority-form", plain.replace(path, knock.host, 1)
    yield "asterisk-form", plain.replace(path, b"*", 1)
    yield "no-host", plain.replace(host, b"")
    yield "other-host", plain.replace(knock.host, b"elsewhere.example")
    yield "two-hosts", plain.replace(host, host + host)
    yield "host-with-user", plain.replace(b"Host: ", b"Host: user@")
    yield "empty-host", plain.replace(host, b"Host:\r\n")
    yield "fragment", plain.replace(path, path + b"#part", 1)
    for game in (
        b"//",
        b"/./",
        b"/../",
        b"%2e/",
        b"%2F",
        b"%5c",
        b"%00",
        b"/..",
        b"/.",
    ):
        yield f"game-{game.decode()}", plain.replace(path, path + game, 1)
        yield f"front-{game.decode()}", plain.replace(path, game + path, 1)
    yield "blank-in-target", plain.replace(path, path + b" x", 1)
    yield "bytes-in-target", plain.replace(path, path + b"\xff", 1)
    for name in (b"Upgrade: websocket", b"Expect: 100-continue", b"Trailer: X"):
        yield name.decode(), knock.plain(name)
    yield "h2c", knock.plain(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
    for coding in (b"gzip", b"br", b"identity", b"deflate, gzip"):
        yield (
            f"coding-{coding}",
            knock.plain(b"Content-Encoding: " + coding, body=b"{}"),
        )
    chunked = b"Transfer-Encoding: chunked"
    yield "chunked", knock.plain(chunked, tail=b"2\r\n{}\r\n0\r\n\r\n")
    yield "te-and-length", knock.plain(chunked, body=b"{}")
    yield "odd-te", knock.plain(b"Transfer-Encoding: xchunked")
    yield "te-in-blank", knock.plain(b"Transfer-Encoding : chunked")
    yield (
        "trailers",
        knock.plain(chunked, tail=b"2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    )
    yield "two-lengths", knock.plain(b"Content-Length: 2", b"Content-Length: 3")
    yield "same-lengths", knock.plain(b"Content-Length: 2", b"Content-Length: 2")
    for length in (b"-1", b"+2", b"0x2", b"2,2", b"1e3", b"02", b"9" * 30, b""):
        yield f"length-{length}", knock.plain(b"Content-Length: " + length)
    yield "body-too-large", knock.plain(body=LARGE)
    yield "odd-method", plain.replace(method, b"BREW", 1)
    yield "small-method", plain.replace(method, method.lower(), 1)
    yield "connect", plain.replace(method, b"CONNECT", 1)
    yield "trace", plain.replace(method, b"TRACE", 1)
    yield "options", plain.replace(method, b"OPTIONS", 1)
    yield "bare-lf", plain.replace(b"\r\n", b"\n")
    yield "folded", knock.plain(b"X-Long: a\r\n b")
    yield "nul", knock.plain(b"X-Nul: a\0b")
    yield "bare-cr", knock.plain(b"X-Cr: a\rb")
    yield "no-colon", knock.plain(b"nonsense")
    yield "no-name", knock.plain(b": nonsense")
    yield "line-too-long", plain.replace(path, path + b"?" + b"a" * 512, 1)
    yield "field-too-long", knock.plain(b"X-Long: " + b"a" * limits.HEADER_FIELD_BYTES)
    many = [b"X-%d: 1" % n for n in range(limits.HEADER_FIELDS)]
    yield "too-many-fields", knock.plain(*many)
    block = [b"X-%d: %s" % (n, b"a" * 3000) for n in range(6)]
    yield "block-too-long", knock.plain(*block)
    yield "leading-line", b"\r\n" + plain
    yield "garbage", secrets.token_bytes(64) + b"\r\n\r\n"
    assert line in plain


@pytest.mark.spec("SR-F2")
async def test_what_no_node_sends_is_refused_on_every_path(node):
    for knock in (path.at(node) for path in PATHS):
        # The same request without a fault comes further.
        status, body = await exchange(node, knock.plain())
        assert status in {*knock.fine, 429}, (str(knock), body)
        tried = 0
        for name, raw in rules(knock):
            status, _ = await exchange(node, raw)
            assert status is None or 400 <= status < 500, (str(knock), name, status)
            tried += 1
        assert tried > 60


@pytest.mark.spec("SR-F2")
async def test_each_header_limit_holds_at_the_limit_and_falls_one_above(node):
    knock = PATHS[-1].at(node)
    rest = len(b" HTTP/1.1") + len(knock.method) + 1
    at_limit = (
        knock.path
        + b"?"
        + b"a" * (limits.REQUEST_LINE_BYTES - rest - len(knock.path) - 1)
    )
    for path, fine in ((at_limit, True), (at_limit + b"a", False)):
        status, _ = await exchange(node, knock.plain().replace(knock.path, path, 1))
        assert (status == 200) is fine
    for size, fine in ((0, True), (1, False)):
        value = b"a" * (limits.HEADER_FIELD_BYTES - len(b"X: ") + size)
        status, _ = await exchange(node, knock.plain(b"X: " + value))
        assert (status == 200) is fine
    own = knock.plain().count(b"\r\n") - 2
    for more, fine in ((0, True), (1, False)):
        many = [b"X-%d: 1" % n for n in range(limits.HEADER_FIELDS - own + more)]
        status, _ = await exchange(node, knock.plain(*many))
        assert (status == 200) is fine


@pytest.mark.spec("SR-F2")
async def test_a_header_block_holds_at_its_limit_and_falls_one_above():
    host = b"wehr.example"
    block = b"GET / HTTP/1.1\r\nHost: wehr.example\r\n"
    used = len(b"Host: wehr.example") + 2
    fields = b""
    left = limits.HEADER_BLOCK_BYTES - used
    while left > 3000:
        fields += b"X: " + b"a" * 2995 + b"\r\n"
        left -= 3000
    exact = block + fields + b"Y: " + b"a" * (left - 5) + b"\r\n"
    assert read_head(exact + b"\r\n", host) == 0
    with pytest.raises(DoorError, match="too-large"):
        read_head(exact.replace(b"Y: ", b"Y: a") + b"\r\n", host)


BODIES = {
    "gzip": gzip.compress(b"[" * 2**20 + b"]" * 2**20),
    "deep": b"[" * 30_000 + b"]" * 30_000,
    "wide": b"[" + b"0," * 30_000 + b"0]",
    "long-key": b'{"' + b"k" * 60_000 + b'":1}',
    "huge-number": b'{"a":' + b"9" * 60_000 + b"}",
    "two-keys": b'{"hello":"a","hello":"b"}',
    "surrogate": b'{"hello":"\\ud800"}',
    "nothing": b"",
    "no-json": b"\xff\xfe\x00",
}


@pytest.mark.spec("SR-F6")
@pytest.mark.parametrize("path", ["hello", "statements", "uploads"])
async def test_nested_and_broken_bodies_of_a_member_are_refused_early(node, path):
    for body in BODIES.values():
        raw = signed(node, "POST", f"/staffelstab/1/{path}", body, "application/json")
        before = time.process_time()
        status, _ = await exchange(node, raw)
        assert status is not None
        assert 400 <= status < 500, (path, status)
        assert time.process_time() - before < 1


@pytest.mark.spec("SR-F4")
async def test_a_body_over_its_route_is_refused_before_it_is_sent(node):
    for method, path, media_type, most in (
        ("POST", "/staffelstab/1/hello", "application/json", limits.JSON_BODY_BYTES),
        ("POST", "/staffelstab/1/statements", "application/json", limits.LIST_BYTES),
        (
            "PUT",
            f"/staffelstab/1/packets/{'0' * 32}",
            "application/vnd.staffelstab.packet",
            limits.PUT_BYTES,
        ),
        (
            "PATCH",
            f"/staffelstab/1/uploads/{'0' * 32}",
            "application/partial-upload",
            limits.PART_BYTES,
        ),
    ):
        raw = signed(node, method, path, b"{}", media_type)
        for length, found in ((most, None), (most + 1, 413)):
            head = raw.replace(
                b"content-length: 2\r\n", b"content-length: %d\r\n" % length
            )
            # Not one byte of the body is sent: whoever answers has not waited for it.
            status, _ = await exchange(
                node, head.split(b"\r\n\r\n")[0] + b"\r\n\r\n", 0.5
            )
            assert (status == 413) is (found == 413), (path, length, status)


@pytest.mark.spec("SR-F3")
async def test_a_slow_header_and_a_slow_body_are_cut(node, monkeypatch):
    short = timedelta(seconds=0.3)
    monkeypatch.setattr(limits, "SILENT_HEADER", short)
    monkeypatch.setattr(limits, "BODY_GRACE", short)

    async def dribble(raw, pause=0.05):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", node.settings.peer_port
        )
        began = time.monotonic()
        try:
            for byte in raw:
                writer.write(bytes([byte]))
                await writer.drain()
                done, _ = await asyncio.wait(
                    {asyncio.ensure_future(reader.read(1))}, timeout=pause
                )
                if done:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()
        return time.monotonic() - began

    knock = PATHS[-1].at(node)
    assert await dribble(knock.plain(b"X: " + b"a" * 500)) < 3
    raw = signed(node, "POST", "/staffelstab/1/hello", b" " * 900, "application/json")
    head, body = raw.split(b"\r\n\r\n", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.settings.peer_port)
    writer.write(head + b"\r\n\r\n" + body[:9])
    answer = await asyncio.wait_for(reader.read(12), 5)
    assert answer == b"HTTP/1.1 408"
    writer.close()
    # Silence from the first moment on.
    reader, writer = await asyncio.open_connection("127.0.0.1", node.settings.peer_port)
    assert await asyncio.wait_for(reader.read(1), 5) == b""
    writer.close()


class Somebody:
    def __init__(self, *, member=False, idle=True):
        self.is_member, self.is_idle, self.gone = member, idle, False

    def abort(self):
        self.gone = True


@pytest.mark.spec("SR-F3")
def test_a_full_hall_sends_away_strangers_of_the_largest_crowd_first():
    hall = Hall(4)
    members = [Somebody(member=True), Somebody(member=True)]
    crowd = [Somebody(), Somebody(), Somebody()]
    for number, member in enumerate(members):
        hall.enter(member, f"10.0.0.{number}")
    for stranger in crowd:
        hall.enter(stranger, "10.9.9.9")
    assert [s.gone for s in crowd] == [True, False, False]
    assert not any(member.gone for member in members)
    assert len(hall) == 4


@pytest.mark.spec("SR-F3")
def test_of_members_an_idle_one_gives_way_to_one_at_work():
    hall = Hall(2)
    busy, idle, new = (Somebody(member=True, idle=i) for i in (False, True, False))
    for number, member in enumerate((busy, idle, new)):
        hall.enter(member, f"10.0.0.{number}")
    assert (busy.gone, idle.gone, new.gone) == (False, True, False)


@pytest.mark.spec("SR-F2")
def test_requests_behind_each_other_are_cut_where_they_end_whatever_the_portions():
    one = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /"
    two = b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
    raw = one + two + one
    for size in (1, 2, 3, 7, 64, len(raw)):
        gate = Gate("h")
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        assert b"".join(map(gate.feed, pieces)) == raw
        assert gate.is_between
    gate = Gate("h")
    with pytest.raises(DoorError):
        gate.feed(one + b"GET /b HTTP/1.0\r\nHost: h\r\n\r\n")


@pytest.mark.spec("SR-F2")
def test_a_header_without_end_is_not_kept():
    gate = Gate("h")
    line = b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
    for _ in range(limits.HEADER_BLOCK_BYTES // len(line)):
        gate.feed(line)
    with pytest.raises(DoorError, match="too-large"):
        gate.feed(line * 20)
    assert door._MOST_HEAD < 20_000


@pytest.mark.spec("SR-F2")
def test_bare_newlines_are_refused_in_a_header_and_pass_in_a_body():
    body = b"old 0\n\nwehr.example/log/1\n"
    head = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert Gate("h").feed(head + body) == head + body
    for place in (head.index(b"\r\n"), head.index(b"\r\nContent")):
        spoiled = head[:place] + head[place + 1 :]
        with pytest.raises(DoorError, match="bad-syntax"):
            Gate("h").feed(spoiled + body)
