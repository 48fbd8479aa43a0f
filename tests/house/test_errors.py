"""Every error of the product has words where a person meets it."""

import inspect
from pathlib import Path

import pytest

from node import errors
from node.errors import (
    ConflictError,
    ForbiddenError,
    NodeError,
    NotFoundError,
    StaleEpochError,
    UsageError,
)
from node.web.language import read_catalogue
from node.web.sentences import SENTENCES

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, NodeError)
]
# These have a page of their own (node/web/failures.py).
WITH_A_PAGE = (NotFoundError, ForbiddenError, StaleEpochError, ConflictError)
# What the page of errors says by itself: the fault is ours.
OUR_OWN = (NodeError, UsageError)
TEXTS = Path(__file__).resolve().parents[2] / "node/web/texts/de"


@pytest.mark.spec("SC-69")
def test_every_error_that_reaches_a_page_has_a_sentence():
    silent = {
        found.code
        for found in CLASSES
        if found not in OUR_OWN
        and not issubclass(found, WITH_A_PAGE)
        and found.code not in SENTENCES
    }
    assert silent == set()


def test_no_sentence_is_left_of_an_error_that_is_gone():
    assert set(SENTENCES) <= {found.code for found in CLASSES}


@pytest.mark.spec("SC-69")
def test_every_sentence_has_its_german():
    catalogue = read_catalogue(TEXTS)
    german = {sentence: catalogue.get(sentence) for sentence in SENTENCES.values()}
    assert {
        s for s, found in german.items() if found is None or not found.string
    } == set()


def test_no_two_families_share_a_code():
    """A code leads to one sentence; only heirs may keep the code of their family."""
    for one in CLASSES:
        for other in CLASSES:
            if one.code == other.code:
                assert issubclass(one, other) or issubclass(other, one)


def test_every_code_is_short_and_of_one_spelling():
    for found in CLASSES:
        assert found.code == found.code.lower()
        assert found.code.replace("-", "").isalpha()
        assert len(found.code) < 24
