"""Paper: our fonts, our addresses, and a loud no where a letter cannot be printed."""

import asyncio
import io
import subprocess
import sys
import time
from base64 import b64encode
from datetime import UTC, datetime

import pypdfium2
import pytest
import segno

from node.cases.codes import code_list
from node.errors import PrinterError, UnprintableError
from node.report.sheet import (
    LANGUAGES,
    Address,
    Attached,
    Facts,
    Heading,
    Kind,
    Lines,
    NewPage,
    Pair,
    Picture,
    Sheet,
    Signing,
    Stamp,
    Table,
    Text,
)
from node.web import paper
from node.web.press import MOST_JOBS, NoPrinter, Press
from node.web.qr import svg_of
from tests.support.papers import HAS_PANGO, fonts_of, language_of, pictures_in, text_of

needs_pango = pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
# "I agree that my data are given to the new town", with the letters each language has of
# its own.
SAMPLES = {
    "de": "Ich willige ein, dass die neue Stadt meine Angaben bekommt: äöüß ÄÖÜ ẞ „…“",
    "en": "I agree that the new town gets my data.",
    "ar": "أوافق على تسليم بياناتي إلى المدينة الجديدة، اعتبارًا من ٢٠٢٦.",
    "fa": "موافقم که اطلاعات من به شهر جدید داده شود؛ می‌توانم نه بگویم. پچژگ ۱۲۳",
    "prs": "موافق هستم که معلومات من به شهر جدید داده شود.",
    "ps": "زه موافق یم چې زما معلومات نوي ښار ته ورکړل شي: ټ ډ ړ ږ ښ ګ ڼ ۍ ې ځ څ",
    "ckb": "ڕازیم کە زانیارییەکانم بدرێنە شاری نوێ: ڵ ۆ ێ ڤ ڕ",
    "kmr": "Ez razî me ku agahiyên min bidin bajarê nû: ç ê î ş û Ç Ê Î Ş Û",
    "ti": "ሓበሬታይ ናብታ ሓዳስ ከተማ ክወሃብ እሰማማዕ፡ ሀ ለ ሐ መ ቐ።",
    "so": "Waan oggolahay in xogtayda la siiyo magaalada cusub.",
    "uk": "Я згоден, щоб нове місто отримало мої дані: ґ є і ї",
    "ru": "Я согласен, чтобы новый город получил мои данные: ё ъ ы э",
    "tr": "Yeni şehrin bilgilerimi almasını kabul ediyorum: ğ ı İ ş ç",
    "fr": "J’accepte que la nouvelle ville reçoive mes données : œ ç é à « »",
}
# Letters of names in registers (DIN 91379).
NAMES = "Ḳāsim Ḫalīl Ḑinā Ā̆ ʾAlī ʿUmar Łukasz Ẁyn Țăran M̂ C̨ J̌ r̥"


class Clock:
    def now(self):
        return NOW


@pytest.fixture(scope="module")
def press():
    if not HAS_PANGO:
        pytest.skip("no pango on this machine")
    made = Press("Stadt Wehr", is_demo=True, clock=Clock())
    yield made
    made.close()


def sheet(*blocks, **more):
    given = {"title": "Einwilligung in die Übergabe", "number": "7K3P-9QX", **more}
    return Sheet(blocks=blocks, **given)


def drawn():
    """A picture as the press takes it."""
    made = io.BytesIO()
    segno.make("x").save(made, kind="png")
    return b64encode(made.getvalue()).decode()


def every_block(lang):
    own = SAMPLES[lang]
    return (
        Stamp("Entwurf – nicht geprüft"),
        Address(("Stadt Bad Säckingen", "Rathausplatz 1")),
        Heading(own, 2, lang),
        Pair(own, "Worum geht es?", lang, is_heading=True),
        Pair(own, SAMPLES["de"], lang),
        Text(own, lang),
        Text("Klein", is_small=True),
        Facts((("Name", own), ("Leer", ""))),
        Lines((own, "zwei"), is_numbered=True, lang=lang),
        Lines(("a",)),
        Table("Wer", ("Wann", "Was"), (("30.11.2026", own),), lang),
        Picture(drawn(), "Unterschrift"),
        NewPage(),
        Signing(("Ort, Datum, Unterschrift",), lang),
    )


def order(**more):
    return {
        "kind": "Nachweis",
        "language": "de",
        "title": "Titel",
        "number": "1",
        "blocks": [],
        "body": "Stadt Wehr",
        "made": "30.11.2026",
        "made_at": NOW.isoformat(),
        "is_demo": False,
        "attached": None,
        **more,
    }


# -- What every document is --------------------------------------------------------------


def test_the_sample_texts_cover_the_languages_of_consents():
    assert set(SAMPLES) == set(LANGUAGES)
    assert set(LANGUAGES) <= set(code_list("language").codes)


@pytest.mark.spec("SC-67")
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name)
def test_every_kind_prints_in_every_language_with_our_fonts_only(press, kind, lang):
    every = every_block(lang)
    blocks = every if kind is Kind.CONSENT else every[3:6]
    pdf = press.print_now(kind, lang, sheet(*blocks))
    document = pypdfium2.PdfDocument(pdf)
    assert document.is_tagged()
    assert document.get_metadata_value("Title") == "Einwilligung in die Übergabe"
    assert language_of(pdf) == lang
    assert fonts_of(pdf) <= {
        f"{family}{weight}" for family in paper.OUR_FAMILIES for weight in ("", "-Bold")
    }
    said = text_of(pdf)
    assert "Worum geht es?" in said
    assert SAMPLES["de"][:60] in said
    assert ("Seite 2 von 2" in said) == (kind is Kind.CONSENT)


def test_each_page_names_body_day_number_and_page(press):
    pdf = press.print_now(
        Kind.PROOF, "de", sheet(Text("eins"), NewPage(), Text("zwei"))
    )
    for number, page in enumerate(pypdfium2.PdfDocument(pdf), 1):
        said = page.get_textpage().get_text_range()
        for part in (
            *("Stadt Wehr", "Nachweis · 30.11.2026", "DEMO – erfundene Daten"),
            *("Dokument 7K3P-9QX", f"Seite {number} von 2"),
        ):
            assert part in said, part


def test_only_a_demo_says_that_it_is_one(press):
    real = Press("Stadt Wehr", is_demo=False, clock=Clock())
    try:
        assert "DEMO" not in text_of(
            real.print_now(Kind.PROOF, "de", sheet(Text("eins")))
        )
    finally:
        real.close()


@pytest.mark.spec("SC-67")
def test_names_with_letters_of_registers_print(press):
    said = text_of(press.print_now(Kind.PROOF, "de", sheet(Facts((("Name", NAMES),)))))
    assert "Ḳāsim Ḫalīl Ḑinā" in said
    assert "ʾAlī ʿUmar" in said


def test_text_never_becomes_markup(press):
    text = '<img src="https://example.org/x"><b>fett</b> & {{ 7 * 7 }}'
    assert text in text_of(press.print_now(Kind.PROOF, "de", sheet(Text(text))))


def test_a_copy_for_programs_lies_inside_and_makes_it_an_archive_format(press):
    attached = Attached("daten.json", "Alle Angaben", b'{"v":1}')
    pdf = press.print_now(Kind.COPY, "de", sheet(Text("x"), attached=attached))
    document = pypdfium2.PdfDocument(pdf)
    assert document.count_attachments() == 1
    found = document.get_attachment(0)
    assert found.get_name() == "daten.json"
    assert bytes(found.get_data()) == b'{"v":1}'
    assert document.is_tagged()


def test_a_picture_of_the_order_is_shown_and_a_broken_one_by_its_words(press):
    shown = press.print_now(Kind.CONSENT, "de", sheet(Picture(drawn(), "Handschrift")))
    assert pictures_in(shown) == 1
    broken = press.print_now(Kind.CONSENT, "de", sheet(Picture("AAAA", "Handschrift")))
    assert pictures_in(broken) == 0
    assert "Handschrift" in text_of(broken)


def test_the_qr_code_is_the_number():
    drawn = svg_of("7K3P-9QX")
    assert drawn.startswith(b"<svg")
    assert drawn != svg_of("7K3P-9QY")
    assert b"style=" not in drawn


# -- The two checks ----------------------------------------------------------------------


@pytest.mark.spec("SC-67")
@pytest.mark.parametrize("character", ["漢", "😀", "ક", "\x07", "\x00", "ᚠ"])
def test_a_character_that_no_font_holds_is_named(press, character):
    with pytest.raises(UnprintableError) as refused:
        press.print_now(Kind.PROOF, "de", sheet(Facts((("Name", f"A{character}"),))))
    assert refused.value.character == character
    assert character not in str(refused.value)


@pytest.mark.parametrize("place", ["title", "number"])
def test_title_and_number_are_checked_as_well(press, place):
    with pytest.raises(UnprintableError):
        press.print_now(Kind.PROOF, "de", sheet(**{place: "漢"}))


@pytest.mark.parametrize("blank", ["\u200c", "\u2066", "\u00ad", "\ufeff", "\n"])
def test_what_shows_nothing_needs_no_glyph(blank):
    assert paper.is_covered(blank)


@needs_pango
@pytest.mark.spec("SC-67")
def test_a_font_of_the_machine_is_found_although_every_letter_is_covered():
    page = '<html lang="de"><title>t</title><p style="font-family:DejaVu Sans">abc</p>'
    if not _has_dejavu():
        pytest.skip("no other font on this machine")
    with pytest.raises(paper.ForeignFontError):
        paper.render_page(page, order())


def _has_dejavu():
    try:
        listed = subprocess.run(["fc-list"], capture_output=True, check=False).stdout
    except OSError:
        return False
    return b"DejaVu Sans" in listed


@pytest.mark.parametrize("name", ["/ABCDEF+DejaVu-Sans", "/ABCDEF+Noto-Sans-CJK", "x"])
def test_another_font_is_refused_by_its_name(name):
    with pytest.raises(paper.ForeignFontError):
        paper.check_fonts([name])


# -- Nothing from elsewhere --------------------------------------------------------------


@needs_pango
@pytest.mark.spec("SC-68", "SR-U4")
@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/x.png",
        "http://127.0.0.1:9/x.png",
        "file:///etc/hostname",
        "data:image/png;base64,AAAA",
        "paper:../paper.py",
        "paper:coverage.json",
    ],
)
def test_a_template_with_an_outside_address_fails_and_nothing_is_fetched(address):
    from weasyprint.urls import FatalURLFetchingError

    page = f'<html lang="de"><title>t</title><img alt="x" src="{address}">'
    with pytest.raises(FatalURLFetchingError):
        paper.render_page(page, order())


# -- The process -------------------------------------------------------------------------


def broken(*command, patience_s=5.0):
    return Press(
        "Wehr", is_demo=False, clock=Clock(), command=command, patience_s=patience_s
    )


@pytest.mark.spec("SC-68")
@pytest.mark.parametrize(
    "command",
    [
        ("/no/such/program",),
        (sys.executable, "-c", "raise SystemExit(1)"),
        (sys.executable, "-c", "print('x' * 3)"),
    ],
)
def test_a_missing_or_broken_process_is_said_and_not_waited_for(command):
    press = broken(*command)
    with pytest.raises(PrinterError):
        press.print_now(Kind.PROOF, "de", sheet(Text("x")))
    press.close()


@pytest.mark.spec("SC-68", "SR-U4")
def test_a_process_that_hangs_is_ended_in_time():
    press = broken(sys.executable, "-c", "import time; time.sleep(60)", patience_s=0.3)
    begun = time.monotonic()
    with pytest.raises(PrinterError):
        press.print_now(Kind.PROOF, "de", sheet(Text("x")))
    # Not when the process ends by itself.
    assert time.monotonic() - begun < 30
    press.close()


@pytest.mark.spec("SC-68")
def test_after_a_death_the_next_order_starts_the_process_anew(press):
    assert press.print_now(Kind.PROOF, "de", sheet(Text("x")))
    assert press._process is not None
    press._process.kill()
    press._process.wait()
    assert press.print_now(Kind.PROOF, "de", sheet(Text("x")))


def test_the_process_is_started_anew_after_its_jobs(press):
    press.print_now(Kind.PROOF, "de", sheet(Text("x")))
    press._jobs = MOST_JOBS - 1
    press.print_now(Kind.PROOF, "de", sheet(Text("x")))
    assert press._process is None


def test_without_a_press_it_is_said():
    with pytest.raises(PrinterError):
        NoPrinter().print_now(Kind.PROOF, "de", sheet(Text("x")))


@needs_pango
def test_the_process_goes_on_after_an_order_it_could_not_print():
    orders = io.BytesIO()
    for text in ("漢", "gut"):
        raw = paper.json.dumps(order(title=text)).encode()
        orders.write(len(raw).to_bytes(paper.LENGTH_BYTES, "big") + raw)
    orders.seek(0)
    answers = io.BytesIO()
    paper.serve(orders, answers)
    said = answers.getvalue()
    assert said.startswith(paper.NO_GLYPH + (4).to_bytes(4, "big") + b"6F22+")


@pytest.mark.spec("SR-U4")
def test_the_process_holds_no_keys_and_the_node_no_engine():
    for module, foreign in (
        ("node.web.paper", ("nacl", "cryptography", "sqlalchemy", "aiohttp")),
        ("node.bootstrap", ("weasyprint",)),
    ):
        code = f"import sys, {module}; print(*sorted(sys.modules))"
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True
        ).stdout.split()
        assert not set(foreign) & set(loaded), module


async def test_many_orders_at_once_hold_one_thread(press, monkeypatch):
    running, most = 0, 0

    def slow(*_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return b"%PDF"

    monkeypatch.setattr(press, "print_now", slow)
    orders = [press.render(Kind.PROOF, "de", sheet()) for _ in range(8)]
    assert await asyncio.gather(*orders) == [b"%PDF"] * 8
    assert most == 1
