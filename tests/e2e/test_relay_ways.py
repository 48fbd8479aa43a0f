"""Other ways of the same mail: through a proxy with a password, in processes, on a stick."""

import asyncio
import os
import secrets
import socket
import ssl
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from typer.testing import CliRunner

from node.bootstrap import build_node, own_hands, peer_app
from node.cli.app import app
from node.config import load_settings
from node.errors import ConfigError, UnreachableError
from node.federation.caller import SignedCaller
from node.federation.fetcher import Source, make_fetcher
from node.federation.proxy import Proxy
from node.sync.transfer import Outbound
from tests.e2e.test_relay import BOTH, Towns, towns
from tests.support.connect_proxy import connect_proxy
from tests.support.federation import certificate, serving
from tests.support.mailtowns import RELAY, found_mailed
from tests.support.office import MovingClock
from tests.support.pair import AGS, SAECKINGEN, WEHR, add_staff, until
from tests.support.processes import process
from tests.support.seen import look
from tests.support.staged import attach, consent_to_all, open_rich_case

NAME = "relais.kreis.example"


@pytest.fixture
def tls(tmp_path, monkeypatch):
    """A certificate for the relay's name that this process trusts."""
    file = certificate(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def relay_behind_tls(folder, context, port):
    async with build_node(load_settings(folder), own_hands()) as node:
        runner = web.AppRunner(peer_app(node), auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        try:
            yield node
        finally:
            await runner.cleanup()


def password_file(folder, text="Ge:heim ß"):
    path = folder / "proxy.password"
    path.write_text(text + "\n", "utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.spec("HO-89", "SR-F10")
async def test_a_handover_goes_through_a_proxy_that_asks_for_a_password(tmp_path, tls):
    """And a document above one mebibyte goes there in parts."""
    ports = {}

    def url_of(member, port):
        ports[member] = port
        if member == RELAY:
            return f"https://{NAME}:{port}"
        return f"http://{member.split('-', 1)[1]}.localhost:{port}"

    mailed = found_mailed(tmp_path / "all", own_hands(), mailboxes=BOTH, url_of=url_of)
    secret = password_file(tmp_path)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(
            connect_proxy("Ge:heim ß", {NAME: ports[RELAY]})
        )
        for member in (WEHR, SAECKINGEN):
            mailed.set(
                member,
                proxy=f"http://127.0.0.1:{proxy.port}",
                proxy_user="town",
                proxy_password_file=str(secret),
            )
        await stack.enter_async_context(
            relay_behind_tls(mailed.folders[RELAY], tls, ports[RELAY])
        )
        all_ = Towns(mailed, MovingClock())
        await all_.start(WEHR, SAECKINGEN)
        stack.push_async_callback(all_.stop)
        for member in (WEHR, SAECKINGEN):
            add_staff(all_.nodes[member])
        case = open_rich_case(all_.wehr)
        attach(all_.wehr, case, secrets.token_bytes(5 * 1024 * 1024))
        consent_to_all(all_.wehr, case)
        transfer = all_.leave(case)
        await all_.approved(transfer)
        await all_.closed(transfer)
    assert {target for target, _ in proxy.asked} == {f"{NAME}:{ports[RELAY]}"}
    assert {status for _, status in proxy.asked} == {200}


async def test_a_wrong_password_at_the_proxy_is_an_unreachable_peer(tmp_path, tls):
    async with (
        connect_proxy("right", {NAME: 9}) as proxy,
        build_node(
            load_settings(
                found_mailed(tmp_path, own_hands(), mailboxes=BOTH).folders[WEHR]
            ),
            own_hands(),
        ) as node,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        caller = SignedCaller(
            node.office, networks=(), demo=True, proxy=Proxy(url, "town", "wrong")
        )
        with pytest.raises(UnreachableError):
            await caller.plain(f"https://{NAME}:9/", b"x", 10)
        # What is no name never reaches the proxy, nor does anything without TLS.
        for address in ("https://10.0.0.1/", "https://[::1]/", f"http://{NAME}/"):
            with pytest.raises(UnreachableError):
                caller.checked(address)
        await caller.close()
    assert [status for _, status in proxy.asked] == [407]


async def test_the_directory_is_fetched_through_the_proxy_as_well(tmp_path, tls):
    published = tmp_path / "published"
    published.mkdir()
    (published / "timestamp.json").write_bytes(b"{}")
    with serving(published, tls=tls) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        async with connect_proxy("pw", {NAME: port}) as proxy:
            by = Proxy(f"http://127.0.0.1:{proxy.port}", "town", "pw")
            base = f"https://{NAME}:{port}/"

            def fetch(location, proxy):
                fetcher = make_fetcher(Source(location, proxy=proxy))
                try:
                    return fetcher.download_bytes(location + "timestamp.json", 10)
                finally:
                    fetcher.close()

            assert await asyncio.to_thread(fetch, base, by) == b"{}"
            for location, way in (
                (f"https://127.0.0.1:{port}/", by),
                (base, Proxy(by.url, "town", "wrong")),
            ):
                with pytest.raises(Exception, match="connection failed"):
                    await asyncio.to_thread(fetch, location, way)
    assert [status for _, status in proxy.asked] == [200, 407]


@pytest.mark.parametrize("broken", ["missing", "readable", "empty"])
def test_a_password_that_others_can_read_starts_nothing(tmp_path, broken):
    path = password_file(tmp_path, "" if broken == "empty" else "x")
    if broken == "readable":
        path.chmod(0o644)
    if broken == "missing":
        path.unlink()
    with pytest.raises(ConfigError) as caught:
        Proxy.load("http://proxy:3128", "town", str(path))
    assert "x" not in str(caught.value).replace("proxy", "")


async def test_three_processes_and_no_inbound_port_at_either_town(tmp_path):
    """The relay is the only one that listens; both towns call out and are never called."""
    mailed = found_mailed(tmp_path, own_hands(), mailboxes=BOTH)
    for member in (WEHR, SAECKINGEN):
        async with build_node(load_settings(mailed.folders[member]), own_hands()) as n:
            add_staff(n)
            if member == WEHR:
                case = open_rich_case(n)
                consent_to_all(n, case)
    state = lambda member, table: [  # noqa: E731
        row["state"] for row in look(mailed.folders[member], (table,)).rows(table)
    ]
    async with (
        process(mailed.folders[RELAY]),
        process(mailed.folders[WEHR]) as wehr,
        process(mailed.folders[SAECKINGEN]) as saeckingen,
    ):
        transfer = await wehr.act("relocate", AGS[SAECKINGEN], case)
        await until(lambda: state(SAECKINGEN, "inbound_transfer") == ["waiting"], 40)
        for member in (WEHR, SAECKINGEN):
            port = load_settings(mailed.folders[member]).peer_port
            with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port)):
                pass
        await saeckingen.act("approve", transfer)
        await until(lambda: state(WEHR, "outbound_transfer") == ["closed"], 40)
        await until(lambda: state(SAECKINGEN, "inbound_transfer") == ["closed"], 40)


@pytest.mark.spec("HO-93")
async def test_a_handover_goes_on_a_stick_where_there_is_no_line_at_all(tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    async with towns(tmp_path / "all") as all_:
        # The relay never runs: nothing goes over any line.
        await all_.start(WEHR, SAECKINGEN)
        transfer, _ = all_.move_in()
        await until(lambda: all_.here(transfer) is Outbound.QUEUED)

        async def carry(way, member):
            folder = all_.mailed.folders[member]
            args = ["carry", way, str(stick), "--data", str(folder), "--json"]
            found = await asyncio.to_thread(CliRunner().invoke, app, args)
            assert found.exit_code == 0, found.output
            await all_.nodes[member].worker._find_due()

        for _ in range(10):
            for sender, reader in ((WEHR, SAECKINGEN), (SAECKINGEN, WEHR)):
                await asyncio.sleep(0.3)
                await carry("out", sender)
                left = [p.name for p in stick.iterdir()]
                assert not [name for name in left if name.startswith(sender)]
                for path in stick.iterdir():
                    if path.suffix == ".s":
                        raw = path.read_bytes()
                        assert WEHR.encode() not in raw
                await carry("in", reader)
                assert list(stick.iterdir()) == []
            if all_.there(transfer) == "waiting":
                await all_.approved(transfer)
            if (all_.here(transfer), all_.there(transfer)) == ("closed", "closed"):
                break
        assert (all_.here(transfer), all_.there(transfer)) == ("closed", "closed")


async def test_a_stick_with_strange_files_brings_nothing(tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    good = f"{WEHR}.{'0' * 32}.s"
    (stick / good).write_bytes(os.urandom(2000))
    (stick / f"{WEHR}.{'1' * 32}.p").write_bytes(b"STFP" + os.urandom(2000))
    (stick / f"{SAECKINGEN}.{'0' * 32}.s").write_bytes(b"for somebody else")
    (stick / "Urlaub.jpg").write_bytes(b"private")
    mailed = found_mailed(tmp_path / "all", own_hands(), mailboxes=BOTH)
    args = ["carry", "in", str(stick), "--data", str(mailed.folders[WEHR])]
    found = await asyncio.to_thread(CliRunner().invoke, app, args)
    assert found.exit_code == 0, found.output
    assert sorted(p.name for p in stick.iterdir()) == sorted(
        [f"{SAECKINGEN}.{'0' * 32}.s", "Urlaub.jpg"]
    )
