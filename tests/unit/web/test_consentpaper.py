"""The copy of a consent as blocks: the own language first, nothing in one alone."""

from dataclasses import replace
from datetime import date

import pytest

from node.cases.consenttext import GERMAN, TONGUES, shipped_text
from node.report.consentcopy import Asker, Words, gather_copy
from node.report.sheet import FROM_THE_RIGHT, Heading, Pair, Stamp, Text
from node.web import language
from node.web.consentpaper import consent_sheet

GERMAN_WORDS = language.Words(language.Language.GERMAN)
BODY, DAY = "Stadt Bad Säckingen", "03.12.2026"


def copy_in(tag):
    german = shipped_text(GERMAN)
    made = gather_copy(
        Words(
            shipped_text(tag),
            german,
            {"body": BODY, "date": DAY},
            is_draft=tag != GERMAN,
        ),
        asker=Asker("Stadt Wehr", ("datenschutz@example.org",)),
        number="ab" * 16,
        person="Demo-Ulme",
        given_by="self",
        to_body=True,
        answers=[("K01", True, ""), ("document", False, "Zeugnis B1")],
    )
    return replace(made, form="paper", signed_on=date(2026, 11, 30))


def pieces_of(blocks, kind):
    return [block for block in blocks if isinstance(block, kind)]


@pytest.mark.spec("SC-40", "SC-67")
@pytest.mark.parametrize("tag", [tag for tag in TONGUES if tag != GERMAN])
def test_each_sentence_stands_in_the_own_language_and_in_german(tag):
    sheet = consent_sheet(copy_in(tag), GERMAN_WORDS, b"")
    own, german = shipped_text(tag), shipped_text(GERMAN)
    assert sheet.title == own.text("copy.title")
    assert pieces_of(sheet.blocks, Heading) == [Heading(german.text("copy.title"))]
    assert [s.lang for s in pieces_of(sheet.blocks, Stamp)] == [tag, GERMAN]
    pairs = pieces_of(sheet.blocks, Pair)
    assert {pair.lang for pair in pairs} == {tag}
    for block in ("about.free", "copy.withdraw", "scope.complaint", "copy.keep"):
        assert Pair(own.text(block), german.text(block), tag) in pairs
    asked = next(pair for pair in pairs if "Zeugnis B1" in pair.german)
    assert asked.german.startswith("Nein: ")
    assert asked.own.startswith(f"{own.text('no')}: ")
    assert "Zeugnis B1" in asked.own


@pytest.mark.spec("SC-40")
@pytest.mark.parametrize("tag", TONGUES)
def test_names_and_days_keep_their_way_in_a_line_from_the_right(tag):
    sheet = consent_sheet(copy_in(tag), GERMAN_WORDS, b"")
    lines = [pair.own for pair in pieces_of(sheet.blocks, Pair)]
    for value in (BODY, DAY, "Zeugnis B1"):
        kept = [line for line in lines if f"\u2068{value}\u2069" in line]
        assert bool(kept) == (tag in FROM_THE_RIGHT), value
    assert not any("\u2068" in pair.german for pair in pieces_of(sheet.blocks, Pair))


def test_in_german_nothing_stands_twice():
    sheet = consent_sheet(copy_in(GERMAN), GERMAN_WORDS, b"")
    assert pieces_of(sheet.blocks, Pair) == []
    assert pieces_of(sheet.blocks, Stamp) == []
    texts = [block.text for block in pieces_of(sheet.blocks, Text)]
    assert len(texts) == len(set(texts))
