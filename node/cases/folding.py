"""Finding a person's name in any spelling or script.

Enters: names as they are written, what somebody typed. Leaves: folded words, skeletons, and
how near two words are. Must never happen: a name of this room in a database, an address or
a log; it lives in memory only. Implements the field document, chapter 8 (Fold, Skeleton,
Name), SC-23.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

SAME: Final = 1.0
SAME_SKELETON: Final = 0.95
NEAR: Final = 0.88
"""From here on two words count as near spellings of each other."""

_PARTICLES: Final = frozenset(
    ("al", "el", "abu", "bin", "ibn", "bint", "ben", "von", "van", "de")
)
# Spellings of one name that no rule brings together; each line is one family.
_FAMILIES: Final = (
    "mohammed mohammad mohamed muhammad muhamad muhammed mehmet mohamud mahamed",
    "yusuf yussuf youssef yousef yousif josef joseph jusuf jusup",
    "ahmad ahmed ahmet achmed",
    "ibrahim ebrahim abraham",
    "hussein hussain hossein husain husein huseyin",
    "osman othman uthman usman",
    "fatima fatma fatemeh fatimah fatime",
    "maryam mariam miriam meryem",
    "aisha ayesha aysha aischa ayse",
    "zahra zohra sahra zehra",
    "yahya jahja johannes yohannes",
    "musa moussa mousa",
    "suleiman sulayman soleiman sulaiman suleyman",
    "olena elena yelena helena",
    "oleksandr aleksandr alexander iskander",
    "mykola nikolai nikolay nikolaj",
    "serhii sergei sergej serhij",
    "yevhen evgeni yevgeny jewgeni",
)
_FAMILY_OF: Final = {
    name: number for number, line in enumerate(_FAMILIES) for name in line.split()
}

# Letter by letter; vowels that Arabic script leaves out are left out by skeletons as well.
_LETTERS: Final = {
    letter: latin
    for pairs in (
        "ا:a آ:a أ:a إ:i ٱ:a ب:b ت:t ث:th ج:j ح:h خ:kh د:d ذ:dh ر:r ز:z س:s ش:sh ص:s",
        "ض:d ط:t ظ:z ع:a غ:gh ف:f ق:q ك:k ل:l م:m ن:n ه:h و:u ي:y ى:a ة:h ء: ؤ:w ئ:y",
        "پ:p چ:ch ژ:zh ک:k گ:g ی:y ہ:h ۀ:h ے:e ھ:h ە:e ێ:e ۆ:o ڵ:l ڕ:r ڤ:v ټ:t ډ:d ړ:r",
        "ڼ:n ږ:zh ښ:sh ځ:dz څ:ts ې:e ۍ:y",
        "а:a б:b в:v г:h ґ:g д:d е:e є:ie ж:zh з:z и:y і:i ї:i й:i к:k л:l м:m н:n о:o",
        "п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch ш:sh щ:shch ь: ю:iu я:ia ё:e ы:y э:e ъ:",
        "ı:i ł:l ø:o đ:d ð:d þ:th æ:ae œ:oe",
    )
    for letter, _, latin in (pair.partition(":") for pair in pairs.split(" "))
}
_UMLAUTS: Final = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"))
_BLURRED: Final = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_SKELETON: Final = dict(
    pair.split(":")
    for pair in [
        "dsch:j",
        "sch:s",
        "dj:j",
        "sh:s",
        "ph:f",
        "kh:h",
        "ch:h",
        "ck:k",
        "gh:g",
        "dh:d",
        "th:t",
        "tz:z",
        "q:k",
        "c:k",
        "w:v",
        "y:i",
    ]
)
_PARTS: Final = re.compile("|".join(sorted(_SKELETON, key=len, reverse=True)))
_DOUBLED: Final = re.compile(r"(.)\1+")
# Between other letters it stands for a vowel, at the beginning of a word for a w.
_WAW: Final = re.compile(r"(?<!\w)و")
_PREFIX: Final = 4
_SPLIT: Final = re.compile(r"[\s'’ʼ`´.,;:/()_-]+")
_ETHIOPIC: Final = "ETHIOPIC SYLLABLE "


def fold(text: str) -> tuple[str, ...]:
    """The words of a name, folded so that "Mueller" and "Müller" are one.

    Other scripts are written in Latin letters first; particles go if a word remains.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    for letters, written in _UMLAUTS:
        plain = plain.replace(letters, written)
    plain = _WAW.sub("w", plain)
    latin = "".join(_latin(letter) for letter in plain)
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFD", latin)
        if not unicodedata.combining(letter)
    )
    for letters, blurred in _BLURRED:
        bare = bare.replace(letters, blurred)
    words = tuple(word for word in _SPLIT.split(bare) if word)
    return tuple(word for word in words if word not in _PARTICLES) or words


def skeleton(word: str) -> str:
    """What is left of a folded word when its spelling is ignored."""
    bare = _PARTS.sub(lambda found: _SKELETON[found[0]], word)
    bare = _DOUBLED.sub(r"\1", bare)
    first = {"e": "i", "o": "u"}.get(bare[:1], bare[:1])
    rest = re.sub("[aeiou]", "", bare[1:])
    return first + rest.removesuffix("h")


def likeness(one: str, other: str) -> float:
    """How near two folded words are: 1 the same, then by skeleton, then by letters."""
    if one == other or _FAMILY_OF.get(one, -1) == _FAMILY_OF.get(other, -2):
        return SAME
    bones = skeleton(one)
    if len(bones) >= 3 and bones == skeleton(other):
        return SAME_SKELETON
    return jaro_winkler(one, other)


def near_letters(one: str, other: str) -> float:
    """As ``likeness`` for words of different skeletons; 0 where it is less than near.

    A letter that the other word lacks finds no match: most words need no closer look.
    """
    if _FAMILY_OF.get(one, -1) == _FAMILY_OF.get(other, -2):
        return SAME
    ours, theirs = set(one), set(other)
    most = min(len(one) - len(ours - theirs), len(other) - len(theirs - ours))
    if most <= 0:
        return 0.0
    jaro = (most / len(one) + most / len(other) + 1) / 3
    most_prefix = _PREFIX if one[0] == other[0] else 0
    if _raised(jaro, most_prefix) < NEAR:
        return 0.0
    score = jaro_winkler(one, other)
    return score if score >= NEAR else 0.0


def name_likeness(one: Iterable[str], other: Iterable[str]) -> float:
    """The best pairing of all words of two names, as a mean over the shorter one."""
    ours, theirs = list(one), list(other)
    if not ours or not theirs:
        return 0.0
    pairs = sorted(
        (
            (-likeness(a, b), i, j)
            for i, a in enumerate(ours)
            for j, b in enumerate(theirs)
        ),
    )
    mine, other_side, total = set[int](), set[int](), 0.0
    for score, i, j in pairs:
        if i not in mine and j not in other_side:
            mine.add(i)
            other_side.add(j)
            total -= score
    return total / min(len(ours), len(theirs))


def jaro_winkler(one: str, other: str) -> float:
    """Jaro-Winkler similarity of two words, 0 to 1; source: Winkler 1990."""
    if not one or not other:
        return 0.0
    reach = max(len(one), len(other)) // 2 - 1
    taken: set[int] = set()
    ours: list[str] = []
    for i, letter in enumerate(one):
        low, high = max(0, i - reach), min(len(other), i + reach + 1)
        for j in range(low, high):
            if j not in taken and other[j] == letter:
                taken.add(j)
                ours.append(letter)
                break
    if not ours:
        return 0.0
    theirs = [other[j] for j in sorted(taken)]
    swapped = sum(a != b for a, b in zip(ours, theirs, strict=True)) / 2
    same = len(ours)
    jaro = (same / len(one) + same / len(other) + (same - swapped) / same) / 3
    prefix = 0
    for a, b in zip(one[:_PREFIX], other[:_PREFIX], strict=False):
        if a != b:
            break
        prefix += 1
    return _raised(jaro, prefix)


def _raised(jaro: float, prefix: int) -> float:
    return jaro + prefix * 0.1 * (1 - jaro)


def _latin(letter: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    if "\u1200" <= letter <= "\u137f":
        name = unicodedata.name(letter, "")
        return name.removeprefix(_ETHIOPIC).lower() if _ETHIOPIC in name else ""
    return letter
