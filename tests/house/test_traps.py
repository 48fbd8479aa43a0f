"""What the libraries do by themselves, so that an upgrade which changes it tells us to look.

Each test says what the library does, not what we want; beside it stands what we do about
it. What concerns keys and ciphers stands in tests/unit/crypto/test_crypto_traps.py.
"""

import asyncio
import gzip
import inspect
import json
import math
import sqlite3
import threading
from contextlib import asynccontextmanager
from datetime import timedelta

import jinja2
import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from babel import Locale, UnknownLocaleError
from http_message_signatures import HTTPMessageVerifier
from pydantic import BaseModel, ValidationError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from tuf.ngclient import UpdaterConfig
from tuf.ngclient.updater import Updater

from tests.support.papers import HAS_PANGO, fonts_of, text_of
from tests.support.sources import ROOT

FONTS = ROOT / "node/web/paperfonts"

# -- aiohttp: the listener has a reject list of its own, node/federation/listener.py -----


@asynccontextmanager
async def listening(**options):
    """A server that takes everything, and what reached it."""
    seen = []

    async def take(request):
        seen.append((request.path, await request.read()))
        return web.Response(text="taken")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], seen
    finally:
        await runner.cleanup()


async def status_of(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


def compressed_and_cut():
    body = gzip.compress(b"x" * 1000)[:-12]
    head = f"POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Encoding: gzip\r\n\r\n" + body


async def test_aiohttp_takes_a_compressed_body_that_was_cut_for_a_short_one():
    # auto_decompress=False, and 415 for any content coding.
    async with listening() as (port, seen):
        assert await status_of(port, compressed_and_cut()) == 200
    assert 0 < len(seen[0][1]) < 1000


async def test_aiohttp_without_decompression_hands_on_the_compressed_bytes():
    async with listening(auto_decompress=False) as (port, seen):
        assert await status_of(port, compressed_and_cut()) == 200
    assert seen[0][1].startswith(b"\x1f\x8b")


TRAILER = (
    b"POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
    b"1\r\nx\r\n0\r\nX: y\r\n\r\n"
)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET http://elsewhere.example/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /old HTTP/1.0\r\n\r\n",
        b"GET /a%2e%2e//b HTTP/1.1\r\nHost: a\r\n\r\n",
        TRAILER,
    ],
    ids=["absolute form", "no host", "dotted path", "trailer"],
)
async def test_aiohttp_takes_what_no_node_ever_sends(request_):
    async with listening() as (port, _):
        assert await status_of(port, request_) == 200


async def test_aiohttp_asks_for_the_body_of_whoever_expects_it():
    request = b"POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"
    async with listening() as (port, _):
        assert await status_of(port, request) == 100


def test_aiohttp_waits_an_hour_for_the_rest_of_a_header():
    # keepalive_timeout is the only clock there is; node/serving.py sets it.
    default = inspect.signature(RequestHandler.__init__).parameters["keepalive_timeout"]
    assert default.default == 3630


# -- The store: node/store/engine.py sets and reads back, and hides parameters ----------


def failing_insert(engine):
    with engine.begin() as connection:
        connection.execute(text("create table t (name text unique)"))
        insert = text("insert into t values (:name)")
        connection.execute(insert, {"name": "Birke"})
        connection.execute(insert, {"name": "Birke"})


def test_sqlalchemy_shows_the_values_of_a_row_in_its_errors():
    with pytest.raises(IntegrityError) as caught:
        failing_insert(create_engine("sqlite://"))
    assert "Birke" in str(caught.value)


def test_sqlalchemy_hides_them_when_it_is_told():
    with pytest.raises(IntegrityError) as caught:
        failing_insert(create_engine("sqlite://", hide_parameters=True))
    assert "Birke" not in str(caught.value)


def test_sqlite_begins_without_foreign_keys_and_without_a_write_ahead_log(tmp_path):
    connection = sqlite3.connect(tmp_path / "fresh.db")
    try:
        found = {
            name: connection.execute(f"pragma {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys")
        }
    finally:
        connection.close()
    assert found == {"journal_mode": "delete", "foreign_keys": 0}


def test_sqlite_keeps_what_a_column_does_not_allow_by_its_type():
    # Hence a CHECK wherever a length or a form matters.
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("create table t (number integer)")
        connection.execute("insert into t values ('not a number')")
        assert connection.execute("select number from t").fetchone() == (
            "not a number",
        )
    finally:
        connection.close()


async def test_who_stops_waiting_for_a_thread_does_not_stop_it():
    # So a unit of work is never under a time-out, and its outcome is read back.
    begun, goes_on, done = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        goes_on.wait(5)
        done.set()

    waiting = asyncio.ensure_future(asyncio.to_thread(work))
    assert await asyncio.to_thread(begun.wait, 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    goes_on.set()
    assert await asyncio.to_thread(done.wait, 5)


# -- JSON: node/strictjson.py is the only reader of foreign bytes ------------------------


def test_json_believes_the_last_of_two_equal_names():
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}


def test_json_knows_numbers_that_are_none():
    assert math.isnan(json.loads("NaN"))
    assert json.loads("-Infinity") == -math.inf


def test_json_takes_half_a_character():
    assert json.loads('"\\ud800"') == "\ud800"


def test_json_gives_up_on_deep_nesting_in_its_own_way():
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000)


def test_json_writes_what_is_no_json():
    assert json.dumps(math.nan) == "NaN"


# -- Pages and settings -------------------------------------------------------------------


def test_jinja_prints_nothing_for_a_name_that_does_not_exist():
    # StrictUndefined in node/web/app.py.
    assert jinja2.Environment(autoescape=True).from_string("{{ typo }}").render() == ""


def test_jinja_escapes_nothing_unless_it_is_told():
    assert jinja2.Environment().from_string("{{ x }}").render(x="<b>") == "<b>"


class Setting(BaseModel):
    port: int


def test_pydantic_quotes_what_was_typed():
    # include_input=False, and hide_input_in_errors in node/config.py.
    with pytest.raises(ValidationError) as caught:
        Setting(port="Birke")
    assert "Birke" in str(caught.value)
    assert caught.value.errors()[0]["input"] == "Birke"


def test_pydantic_passes_over_a_name_it_does_not_know():
    # extra="forbid" in node/config.py: a typing error must not start.
    assert Setting(port=1, prot=2) == Setting(port=1)


def test_babel_has_no_dari_of_its_own():
    with pytest.raises(UnknownLocaleError):
        Locale.parse("prs")
    assert Locale.parse("fa_AF").language == "fa"


# -- Between nodes ------------------------------------------------------------------------


def test_a_signature_of_yesterday_is_good_enough_for_the_library():
    # node/federation/auth.py checks the window of 300 seconds itself, on our own clock.
    parameters = inspect.signature(HTTPMessageVerifier.verify).parameters
    assert parameters["max_age"].default == timedelta(days=1)
    assert parameters["require_components"].default == ()


def test_the_update_framework_may_be_made_without_a_root_to_begin_with():
    # It then believes its own folder; node/federation/updater.py hands in the shipped one.
    assert inspect.signature(Updater.__init__).parameters["bootstrap"].kind is (
        inspect.Parameter.KEYWORD_ONLY
    )
    assert "_load_local_metadata(Root.type)" in inspect.getsource(Updater.__init__)


def test_the_update_framework_asks_the_system_clock_and_nobody_else():
    # No run is started while the own clock is in doubt.
    trusted = inspect.getmodule(Updater).TrustedMetadataSet
    assert list(inspect.signature(trusted).parameters) == ["root_data", "envelope_type"]


def test_the_update_framework_goes_deeper_than_our_roles_do():
    assert UpdaterConfig().max_delegations == 32


# -- WeasyPrint: an own fetcher and two checks of glyphs, node/web/paper.py --------------

needs_pango = pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")


@needs_pango
def test_weasyprint_reads_files_of_the_machine_into_a_page(tmp_path):
    from weasyprint import HTML

    (tmp_path / "secret.css").write_text("p::before { content: 'SECRET' }")
    sheet = (tmp_path / "secret.css").as_uri()
    page = HTML(string=f'<link rel="stylesheet" href="{sheet}"><p>x</p>')
    assert "SECRET" in text_of(page.write_pdf())


@needs_pango
def test_weasyprint_goes_on_after_an_ordinary_error_of_a_fetcher():
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    class Strict(URLFetcher):
        def fetch(self, url, headers=None):
            raise ValueError("no")

    page = HTML(string='<img src="https://example.org/x">y', url_fetcher=Strict())
    assert "y" in text_of(page.write_pdf())


@needs_pango
def test_weasyprint_forgets_font_faces_of_another_configuration():
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    css = """@font-face { font-family: Ours; src: url("%s") } * { font-family: Ours }"""
    face = FONTS / "noto-sans-ethiopic/NotoSansEthiopic-Regular.ttf"
    fonts, other = FontConfiguration(), FontConfiguration()
    sheet = CSS(string=css % face.as_uri(), font_config=fonts)
    page = HTML(string="<p>\u1200</p>")
    right = page.write_pdf(stylesheets=[sheet], font_config=fonts)
    wrong = page.write_pdf(stylesheets=[sheet], font_config=other)
    assert fonts_of(right) == {"Ours"}
    assert fonts_of(wrong) != {"Ours"}


@needs_pango
def test_weasyprint_draws_a_box_for_a_letter_that_no_font_holds_and_goes_on(caplog):
    from weasyprint import HTML

    assert HTML(string="<p>\U0001e910</p>").write_pdf()
    assert [r.levelname for r in caplog.records] == ["WARNING"]
