"""Six words and a code: drawn evenly, told apart, spelled as they were made."""

import secrets
from itertools import pairwise

import pytest

from node.crypto.passphrase import (
    CODE_ALPHABET,
    CODE_CHARACTERS,
    LIST_WORDS,
    code_digest,
    draw_code,
    draw_passphrase,
    spell_code,
    spell_passphrase,
    word_list,
)

KEY = bytes(32)


def test_the_list_has_2048_short_words_each_once():
    words = word_list()
    assert len(words) == len(set(words)) == LIST_WORDS
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    assert {len(word) for word in words} <= set(range(4, 13))


@pytest.mark.spec("TRF-42")
def test_no_word_begins_with_another():
    words = sorted(word_list())
    # Sorted, a beginning stands directly before what it begins.
    assert not [a for a, b in pairwise(words) if b.startswith(a)]


def test_no_word_becomes_another_by_one_letter():
    seen: dict[str, str] = {}
    for word in word_list():
        for place in range(len(word)):
            pattern = f"{word[:place]}?{word[place + 1 :]}"
            assert pattern not in seen, (word, seen.get(pattern))
            seen[pattern] = word


@pytest.mark.spec("TRF-42")
def test_a_passphrase_is_six_words_and_each_word_can_come():
    ends = bytes(12), b"\x07\xff" * 6
    words = word_list()
    assert [draw_passphrase(lambda _, e=end: e) for end in ends] == [
        "-".join([words[0]] * 6),
        "-".join([words[-1]] * 6),
    ]
    assert draw_passphrase(secrets.token_bytes) != draw_passphrase(secrets.token_bytes)


@pytest.mark.spec("TRF-42")
def test_a_code_has_no_character_that_looks_like_another():
    assert set(CODE_ALPHABET).isdisjoint("0OQ1IL2Z5S8BAU")
    drawn = draw_code(secrets.token_bytes)
    assert len(drawn) == CODE_CHARACTERS
    assert set(drawn) <= set(CODE_ALPHABET)


def test_bytes_that_would_favour_a_character_are_thrown_away():
    portions = iter([b"\xff" * 8, bytes(range(8))])
    assert draw_code(lambda _: next(portions)) == CODE_ALPHABET[:8]


def test_what_is_read_out_is_spelled_as_it_was_made():
    assert spell_passphrase("  Apfelbaum tisch-TURM ") == "apfelbaum-tisch-turm"
    assert spell_code("cdef ghj-k") == "CDEFGHJK"


def test_a_digest_belongs_to_one_key_and_one_transfer():
    digests = {
        code_digest(key, transfer, code)
        for key in (KEY, b"\1" * 32)
        for transfer in ("a" * 32, "b" * 32)
        for code in ("CDEFGHJK", "CDEFGHJM")
    }
    assert len(digests) == 8
