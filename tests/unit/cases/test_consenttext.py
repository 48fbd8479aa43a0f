"""The words of consent: read strictly, verified by a person, tied to their German."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from node.cases.consenttext import (
    GERMAN,
    TONGUES,
    TextState,
    block_ids,
    encode_text,
    outdated,
    parse_text,
    pieces,
    shipped_text,
    shown_bytes,
    state_of,
    values_in,
)
from node.cases.model import CATEGORIES
from node.cases.standing import GivenBy
from node.errors import MalformedMessageError, UsageError

FONTS = Path(__file__).resolve().parents[3] / "node/web/static/vendor"
FAMILY = (
    ("noto-sans/NotoSans-Regular", "noto-sans/NotoSans-Bold"),
    (
        "noto-naskh-arabic/NotoNaskhArabic-Regular",
        "noto-naskh-arabic/NotoNaskhArabic-Bold",
    ),
    (
        "noto-sans-ethiopic/NotoSansEthiopic-Regular",
        "noto-sans-ethiopic/NotoSansEthiopic-Bold",
    ),
)
DAY = date(2026, 12, 1)
GOOD = shipped_text(GERMAN).verified_by("Demo-Prüferin", DAY)
DARI = shipped_text("prs").verified_by("Demo-Übersetzer", DAY)


def reworded(text, name, words):
    blocks = tuple(replace(b, text=words) if b.id == name else b for b in text.blocks)
    return replace(text, blocks=blocks)


# ---- What we ship ----------------------------------------------------------------------


@pytest.mark.spec("SC-35")
@pytest.mark.parametrize("tag", list(TONGUES))
def test_every_language_has_every_block_and_is_shipped_as_a_draft(tag):
    text = shipped_text(tag)
    assert tuple(b.id for b in text.blocks) == block_ids()
    assert (text.verifier, text.verified_on) == ("", None)
    assert outdated(text, shipped_text(GERMAN)) == frozenset()
    assert state_of(text, shipped_text(GERMAN)) is TextState.DRAFT


def test_fourteen_languages_are_offered_each_under_its_own_name():
    assert len(TONGUES) == 14
    assert {t for t, one in TONGUES.items() if one.direction == "rtl"} == {
        "ar", "fa", "prs", "ps", "ckb",
    }  # fmt: skip


@pytest.mark.spec("SC-37")
def test_there_are_words_for_every_category_and_every_capacity():
    assert set(CATEGORIES) <= set(block_ids())
    assert {f"sign.{giver}" for giver in GivenBy} <= set(block_ids())


@pytest.mark.spec("SC-35")
@pytest.mark.parametrize("tag", list(TONGUES))
@pytest.mark.parametrize("face", [0, 1], ids=["regular", "bold"])
def test_the_shipped_fonts_have_every_letter(tag, face):
    covered = set().union(
        *(TTFont(FONTS / f"{faces[face]}.woff2").getBestCmap() for faces in FAMILY)
    )
    said = {c for b in shipped_text(tag).blocks for c in b.text} | set(
        TONGUES[tag].name
    )
    assert {c for c in said if ord(c) not in covered} == set()


def test_german_sentences_are_short():
    for block in shipped_text(GERMAN).blocks:
        for sentence in block.text.replace("?", ".").replace(":", ".").split(". "):
            assert len(sentence.split()) <= 20, sentence


def test_a_language_we_do_not_have_is_refused():
    with pytest.raises(UsageError):
        shipped_text("xx")


# ---- State ------------------------------------------------------------------------------


@pytest.mark.spec("SC-38")
def test_a_text_counts_only_if_somebody_vouched_for_it_and_for_its_german():
    assert state_of(GOOD, GOOD) is TextState.VERIFIED
    assert state_of(DARI, GOOD) is TextState.VERIFIED
    assert state_of(shipped_text("prs"), GOOD) is TextState.DRAFT
    assert state_of(DARI, shipped_text(GERMAN)) is TextState.DRAFT


@pytest.mark.spec("SC-38")
@given(st.sampled_from(block_ids()))
def test_any_changed_german_block_turns_its_translations_into_drafts(name):
    values = "".join("{" + v + "}" for v in sorted(values_in(GOOD.text(name))))
    changed = reworded(GOOD, name, f"Anders {values}")
    assert state_of(changed, changed) is TextState.VERIFIED
    assert state_of(DARI, changed) is TextState.DRAFT
    assert outdated(DARI, changed) == {name}


# ---- Reading ------------------------------------------------------------------------------


def dari():
    return json.loads(encode_text(DARI))


BROKEN = {
    "a block is missing": lambda f: f["blocks"].pop(),
    "a block stands twice": lambda f: f["blocks"].append(f["blocks"][0]),
    "blocks in another order": lambda f: f["blocks"].reverse(),
    "an unknown block": lambda f: f["blocks"][0].update(id="more"),
    "a block without words": lambda f: f["blocks"][0].update(text="  "),
    "words that are no text": lambda f: f["blocks"][0].update(text=1),
    "a block too long": lambda f: f["blocks"][0].update(text="x" * 2001),
    "no German block": lambda f: f["blocks"][0].pop("of"),
    "a German block that is no digest": lambda f: f["blocks"][0].update(of="A" * 64),
    "a field too many": lambda f: f["blocks"][0].update(more=1),
    "a member too many": lambda f: f.update(more=1),
    "a member missing": lambda f: f.pop("author"),
    "nobody wrote it": lambda f: f.update(author=""),
    "a language we do not ask in": lambda f: f.update(language="xx"),
    "no date": lambda f: f.update(written_on="yesterday"),
    "verified by nobody": lambda f: f.update(verifier=""),
    "verified never": lambda f: f.update(verified_on=""),
    "a draft with a verifier": lambda f: f.update(state="draft"),
    "a state that is none": lambda f: f.update(state="checked"),
    "blocks that are no list": lambda f: f.update(blocks={}),
}


@pytest.mark.spec("SC-38")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_text_that_is_not_whole_is_refused(broken):
    file = dari()
    broken(file)
    with pytest.raises(MalformedMessageError):
        parse_text(json.dumps(file).encode(), ids=block_ids())


@pytest.mark.parametrize("words", ["no value", "{body} {date}", "{body"])
def test_a_value_filled_in_elsewhere_than_in_the_model_is_refused(words):
    with pytest.raises(MalformedMessageError):
        parse_text(encode_text(reworded(DARI, "scope.until", words)), ids=block_ids())


def test_a_german_text_translates_nothing():
    file = json.loads(encode_text(GOOD))
    file["blocks"][0]["of"] = "a" * 64
    with pytest.raises(MalformedMessageError):
        parse_text(json.dumps(file).encode(), ids=block_ids())


def test_what_is_written_is_read_again():
    for text in (GOOD, DARI, shipped_text("ti")):
        assert parse_text(encode_text(text), ids=block_ids()) == text


# ---- What was shown ------------------------------------------------------------------------


def test_the_digest_of_a_version_is_of_its_words_alone():
    assert GOOD.digest == shipped_text(GERMAN).digest
    assert reworded(GOOD, "yes", "Jawohl").digest != GOOD.digest
    assert DARI.version.startswith("prs:")


@pytest.mark.spec("SC-72")
def test_what_is_filled_in_stands_apart_so_that_it_reads_from_left_to_right():
    for tag in TONGUES:
        parts = pieces(shipped_text(tag).text("scope.until"), {"date": "01.12.2026"})
        assert [part for part, filled in parts if filled] == ["01.12.2026"]
        assert "{" not in "".join(part for part, _ in parts)


@pytest.mark.spec("SC-40")
def test_other_words_values_or_questions_are_other_bytes():
    values = {"body": "Stadt Wehr", "date": "01.12.2026"}
    shown = shown_bytes((DARI, GOOD), ("K01",), values)
    assert shown == shown_bytes((DARI, GOOD), ("K01",), values)
    others = {
        shown_bytes((GOOD,), ("K01",), values),
        shown_bytes((DARI, reworded(GOOD, "no", "Niemals")), ("K01",), values),
        shown_bytes((DARI, GOOD), ("K01", "K02"), values),
        shown_bytes((DARI, GOOD), ("K01",), values | {"date": "02.12.2026"}),
    }
    assert shown not in others
    assert len(others) == 4
