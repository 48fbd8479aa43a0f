"""The look stands in one place, and every text has its German."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir

from node.web.language import read_catalogue

WEB = Path(__file__).resolve().parents[2] / "node" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
APP_CSS = (WEB / "static" / "app.css").read_text()
OWN_CSS = [
    WEB / "static" / name
    for name in ("app.css", "print.css", "fonts.css", "kiosk.css", "rtl.css")
]

# Chapter 8 of the screens document. An entry of the catalogue whose comment says
# "technical" is shown under technical details, network, keys or status only.
DO_NOT_SAY = (
    "Klient", "Datensatz", "Objekt", "Paket", "Transfer", "Share", "Sender", "Peer",
    "Knoten", "Mandant", "Inbox", "Outbox", "Queue", "open-request", "revoken",
    "zurückziehen", "stornieren", "canceln", "verschlüsselt", "entschlüsselt",
    "dekodiert", "akzeptieren", "rejecten", "Timeout", "HTTP", "Retry",
    "Fehler bei Zustellung", "TTL", "expires", "Hash", "Digest", "Proof",
    "Vorgang fehlgeschlagen", "Ungültige Eingabe", "not found", "null",
    "unbekannter Status", "Bundle", "Export", "Delegation", "Break-Glass", "Consent",
    "Du",
)  # fmt: skip
BARE_BUTTONS = {"OK", "Ok", "Absenden", "Bestätigen"}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@cache
def catalogue():
    return read_catalogue(WEB / "texts" / "de")


@cache
def used():
    found = {}
    for path, line, message, _, _ in extract_from_dir(
        str(WEB),
        [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")],
        {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "no"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "msgid": None},
    ):
        key = message if isinstance(message, str) else message[0]
        found.setdefault(key, f"{path}:{line}")
    return found


def german_texts():
    for message in catalogue():
        if message.id and "technical" not in message.auto_comments:
            for text in texts_of(message):
                yield message, text


def texts_of(message: Message):
    return [message.string] if isinstance(message.string, str) else message.string


@pytest.mark.spec("SC-71")
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_only_one_template_knows_the_design_system(path):
    if path.name != "kern.html":
        assert "kern-" not in path.read_text()


@pytest.mark.spec("SC-8", "SR-B1")
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_inline_styles_handlers_or_addresses_of_others(path):
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert "javascript:" not in text
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)


@pytest.mark.spec("SR-B10")
def test_nothing_switches_escaping_off():
    for path in TEMPLATES:
        text = path.read_text()
        assert not re.search(r"\|\s*safe\b", text), path.name
        assert "autoescape" not in text, path.name
    for path in WEB.rglob("*.py"):
        assert "Markup" not in path.read_text(), path.name


def test_every_posting_form_comes_from_the_macro_that_writes_the_token():
    for path in TEMPLATES:
        if path.name != "kern.html":
            assert "<form" not in path.read_text(), path.name


@pytest.mark.spec("SC-71")
def test_our_style_sheet_holds_tokens_and_no_colours_of_its_own():
    for path in OWN_CSS:
        text = path.read_text()
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b", text), path.name
        assert not re.search(r"\b(rgb|hsl|oklch|lab)a?\(", text), path.name
    assert APP_CSS.count("\n") <= 600


def test_every_token_we_use_exists():
    foreign = (WEB / "static/vendor/kern/kern.min.css").read_text()
    ours = "".join(path.read_text() for path in OWN_CSS)
    for name in set(re.findall(r"var\((--[\w-]+)", ours)):
        assert f"{name}:" in foreign or f"{name}:" in APP_CSS, name


def test_style_sheets_load_nothing_from_elsewhere():
    for path in OWN_CSS:
        for address in re.findall(r"url\(\"?([^\")]+)", path.read_text()):
            assert (path.parent / address).is_file(), address


def test_every_icon_we_name_is_drawn():
    drawn = set(re.findall(r"\.icon--([\w-]+)", (WEB / "static/icons.css").read_text()))
    kern = (WEB / "static/vendor/kern/kern.min.css").read_text()
    macros = (WEB / "templates/kern.html").read_text()
    listed = re.search(r"_kern_icons = \[(.*?)\]", macros, re.DOTALL)
    assert listed
    theirs = set(re.findall(r'"([\w-]+)"', listed[1]))
    for name in theirs:
        assert f".kern-icon--{name}{{" in kern, name
    for path in TEMPLATES:
        for name in re.findall(r'icon\("([\w-]+)"', path.read_text()):
            assert name in drawn | theirs, (path.name, name)


@pytest.mark.spec("SC-69")
def test_every_text_has_its_german():
    missing = [
        f"{place}: {text}"
        for text, place in used().items()
        if (entry := catalogue().get(text)) is None or not all(texts_of(entry))
    ]
    assert missing == []


@pytest.mark.spec("SC-69")
def test_no_german_text_is_fuzzy_or_left_over():
    for message in catalogue():
        if message.id:
            assert not message.fuzzy, message.id
            key = message.id if isinstance(message.id, str) else message.id[0]
            assert key in used(), f"nobody says: {key}"


def test_a_translation_fills_in_what_the_original_does():
    for message in catalogue():
        if message.id:
            ids = [message.id] if isinstance(message.id, str) else message.id
            wanted = set(PLACEHOLDER.findall(ids[-1]))
            for text in texts_of(message):
                assert set(PLACEHOLDER.findall(text)) == wanted, text


@pytest.mark.spec("SC-70")
@pytest.mark.parametrize("word", DO_NOT_SAY)
def test_a_word_we_do_not_say_stands_in_no_german_text(word):
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    for _, text in german_texts():
        assert not pattern.search(text), text


@pytest.mark.spec("SC-70")
def test_german_sentences_are_short_and_calm():
    for _, text in german_texts():
        assert "!" not in text, text
        assert text not in BARE_BUTTONS, text
        for sentence in re.split(r"[.?:]\s", text):
            assert len(sentence.split()) <= 25, sentence
