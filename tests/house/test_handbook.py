"""The handbook: whole, plain, and in the words that its readers see on the screen."""

import json
import re
from functools import cache

import pytest
import yaml

from tests.house.test_templates import DO_NOT_SAY, catalogue, texts_of
from tests.support.sources import ROOT, name_of

BOOK = ROOT / "docs" / "handbuch"
PAGES = sorted(BOOK.glob("*.md"))
LONGEST = 20
# What a page quotes is set in italics; bold and code are the page's own words.
QUOTED = re.compile(r"(?<![\w*])\*([^*\n]+(?:\n[^*\n]+)?)\*(?![\w*])")
PLACEHOLDER = re.compile(r"%\\\((?:\w+)\\\)s")


def said(path):
    """The sentences of a page: its prose and the cells of its tables, without code."""
    text = re.sub(
        r"```.*?```|^!\[.*$",
        "",
        path.read_text("utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)|`[^`\n]*`", r"\1", text)
    for block in re.split(
        r"\n\s*\n|^#+ .*$|^[|\s]*(?:[-*]|\d+\.) |\|", text, flags=re.MULTILINE
    ):
        yield from re.split(r"(?<=[.?:;])\s+", block.replace("**", "").strip())


@cache
def shown():
    """Every German text of the screens: messages, labels of codes, reports, questions."""
    texts = {text for message in catalogue() for text in texts_of(message)}
    for path in (ROOT / "node" / "cases" / "codes").glob("*.json"):
        texts |= {code["de"] for code in json.loads(path.read_text("utf-8"))["codes"]}
    for path in (ROOT / "node" / "report" / "definitions").glob("*.yaml"):
        texts |= set(leaves(yaml.safe_load(path.read_text("utf-8"))))
    return texts


def leaves(value):
    """Every text in a nested value."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        yield value
    elif hasattr(value, "__iter__"):
        for item in value:
            yield from leaves(item)


@cache
def patterns():
    """Texts with a place for a value, as what they look like with one."""
    return [
        re.compile(PLACEHOLDER.sub(".+", re.escape(text)))
        for text in shown()
        if "%(" in text
    ]


def is_shown(words):
    return words in shown() or any(p.fullmatch(words) for p in patterns())


def quotes(path):
    """What a page says stands on the screen."""
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    return {" ".join(match[1].split()) for match in QUOTED.finditer(text)}


def test_the_handbook_says_how_it_quotes():
    assert sum(len(quotes(page)) for page in PAGES) > 100
    assert "*Kursiv* steht" in (BOOK / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_quotes_stands_on_a_screen(page):
    assert [q for q in sorted(quotes(page) - {"Kursiv"}) if not is_shown(q)] == []


@pytest.mark.spec("SC-70")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_sentences_are_short(page):
    assert [s for s in said(page) if len(s.split()) > LONGEST] == []


@pytest.mark.spec("SC-70")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_speaks_like_the_screens(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    words = [w for w in DO_NOT_SAY if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", text)]
    assert words == []
    assert "!" not in text.replace("![", "[")


def test_every_page_is_reached_from_the_first_one():
    linked = set(
        re.findall(r"\]\(([a-z-]+\.md)\)", (BOOK / "README.md").read_text("utf-8"))
    )
    assert linked == {page.name for page in PAGES} - {"README.md"}


def test_a_picture_of_a_page_has_words_for_who_does_not_see_it():
    for page in PAGES:
        assert "![](" not in page.read_text("utf-8"), page.name
