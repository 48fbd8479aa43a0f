"""Lists have a sentence for everything they can say, and a way out in each refusal."""

import re
from pathlib import Path

import node
from node.cases.importports import BatchState, Standing
from node.cases.listfields import FIELDS
from node.cases.townchoices import Offer
from node.web.language import Language, Words
from node.web.listwords import (
    FIELD_WORDS,
    OFFER_WORDS,
    STATE_WORDS,
    STAYS_WORDS,
    known_reasons,
    reason_of,
)

ROOMS = (
    "cases/listsheet", "cases/townlist", "cases/towncells", "cases/townrow",
    "cases/townblocks", "cases/townplan", "cases/towntalks", "casework/lists",
    "casework/listbatches", "web/spreadsheet", "web/listreader", "cli/cases",
)  # fmt: skip
SAID = re.compile(
    r'(?:CellError\(|InputError\(\s*"file", |error\((?:"\w+"|column), |notice\("\w+", |'
    r'Notice\([\w.]+, "", |line\.number, (?:""|title), |Skipped\([\w.]+, |'
    r'return )"([a-z_0-9]+)"(?! in)'
)


def test_every_reason_has_a_sentence() -> None:
    root = Path(node.__path__[0])
    said = {
        found
        for room in ROOMS
        for found in SAID.findall((root / f"{room}.py").read_text("utf-8"))
    }
    said |= {"mixed_encoding", "encoding", "maybe_known", "quoting"}
    said |= {f"offer_{offer}" for offer in Offer}
    assert len(said) > 40
    assert said - known_reasons() == set()


def test_no_sentence_is_for_a_reason_that_nobody_gives() -> None:
    root = Path(node.__path__[0])
    text = "".join((root / f"{room}.py").read_text("utf-8") for room in ROOMS)
    text += " ".join(f'"offer_{offer}"' for offer in Offer)
    assert {code for code in known_reasons() if f'"{code}"' not in text} == set()


def test_fields_offers_and_states_have_words() -> None:
    assert set(FIELD_WORDS) == set(FIELDS)
    assert set(OFFER_WORDS) == set(Offer)
    assert set(STATE_WORDS) == set(BatchState)
    assert set(STAYS_WORDS) == set(Standing) - {Standing.SAME}


def test_what_refuses_a_file_says_what_to_do() -> None:
    words = Words(Language.GERMAN)
    for code in (
        "empty",
        "too_large",
        "password",
        "damaged",
        "too_many_rows",
        "no_list",
    ):
        assert "Bitte" in reason_of(code, words)
