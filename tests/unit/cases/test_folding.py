"""Names are found as they are spelt, and different names stay different."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.folding import (
    NEAR,
    SAME,
    SAME_SKELETON,
    fold,
    jaro_winkler,
    likeness,
    name_likeness,
    near_letters,
    skeleton,
)

WORDS = st.text("abdehiklmnrsu", min_size=1, max_size=9)
NAMES = st.text(st.characters(categories=["Ll", "Lu", "Lo", "Mn"]), max_size=12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "Mueller"),
        ("Müller", "Muller"),
        ("Öztürk", "Oeztuerk"),
        ("Groß", "Gross"),
        ("Nguyễn", "Nguyen"),
        ("Şahin", "Sahin"),
        ("Łukasz", "Lukasz"),
        ("O'Neill", "O Neill"),
        ("Al-Hassan", "Hassan"),
        ("Abu Bakr", "Bakr"),
        ("ЮЛИЯ", "юлия"),
    ],
)
@pytest.mark.spec("SC-23")
def test_spellings_of_one_name_fold_alike(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mohammed", "Muhamad"),
        ("Mohammed", "Mehmet"),
        ("Yusuf", "Josef"),
        ("Ahmad", "Achmed"),
        ("Mohammed", "محمد"),
        ("Khaled", "خالد"),
        ("Khaled", "Chaled"),
        ("Tesfaye", "ተስፋዬ"),
        ("Machmud", "Махмуд"),
        ("Shirin", "Schirin"),
        ("Jamil", "Dschamil"),
        ("Qasim", "Kassim"),
    ],
)
@pytest.mark.spec("SC-23")
def test_spellings_that_sound_alike_are_the_same_name(one, other):
    assert name_likeness(fold(one), fold(other)) >= SAME_SKELETON


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ali", "Eli"),
        ("Amina", "Omar"),
        ("Hassan", "Hamid"),
        ("Fatima", "Farid"),
        ("Maria", "Mohammed"),
        ("Ahorn", "Eiche"),
        ("Nasir", "Nargis"),
        ("", "Ali"),
    ],
)
def test_different_names_stay_different(one, other):
    assert name_likeness(fold(one), fold(other)) < SAME_SKELETON


@pytest.mark.parametrize("text", ["", " ", "-", "'", "٪", "፡"])
def test_what_holds_no_letters_breaks_nothing(text):
    assert name_likeness(fold(text), fold("Ali")) < NEAR


def test_the_order_of_names_does_not_matter():
    assert name_likeness(fold("Demo Ahorn"), fold("Ahorn Demo")) == SAME


def test_a_particle_alone_is_a_name():
    assert fold("Ben") == ("ben",)


@given(NAMES, NAMES)
def test_likeness_is_the_same_from_both_sides(one, other):
    ours, theirs = fold(one), fold(other)
    there, back = name_likeness(ours, theirs), name_likeness(theirs, ours)
    assert there == pytest.approx(back, abs=0.02)
    assert 0 <= there <= SAME


@given(NAMES)
def test_a_name_is_like_itself(name):
    if words := fold(name):
        assert name_likeness(words, words) == SAME


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [("martha", "marhta", 0.961), ("dixon", "dicksonx", 0.813), ("a", "b", 0.0)],
)
def test_jaro_winkler_by_its_published_examples(one, other, score):
    assert jaro_winkler(one, other) == pytest.approx(score, abs=0.001)


@given(WORDS, WORDS, st.integers(0, 8))
def test_near_letters_are_likeness_wherever_that_is_near(one, other, at):
    for word in (other, one[:at] + other[:1] + one[at + 1 :]):
        if skeleton(one) != skeleton(word):
            full = likeness(one, word)
            assert near_letters(one, word) == (full if full >= NEAR else 0)


@pytest.mark.parametrize(
    ("one", "other"), [("ahorn", "ahron"), ("kleiber", "kleibe"), ("mehmet", "mohamed")]
)
def test_near_letters_finds_what_is_near(one, other):
    assert near_letters(one, other) >= NEAR
