"""Codes of a town's list: what an office wrote, as a code of our lists.

Enters: the text of one cell. Leaves: the code it names, or one that it probably means and
that a person must confirm. Must never happen: a code that was guessed: what no list knows
is unknown and stays beside it as text. Implements chapter 7 of the field document (Map).
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Final

from node.cases.codes import code_list
from node.cases.listfields import folded

# What offices write beside the labels of the lists; a word that means two codes is not here.
_ALSO: Final[Mapping[str, Mapping[str, str]]] = {
    "gender": {"mann": "m", "herr": "m", "f": "w", "frau": "w"},
    "language": {
        "kurmanci": "kmr",
        "paschto": "ps",
        "pashto": "ps",
        "somalisch": "so",
        "tigrinisch": "ti",
    },
    "country": {
        "syrisch": "SY",
        "afghanisch": "AF",
        "irakisch": "IQ",
        "iranisch": "IR",
        "eritreisch": "ER",
        "somalisch": "SO",
        "türkisch": "TR",
        "ukrainisch": "UA",
        "nigerianisch": "NG",
        "gambisch": "GM",
        "kamerunisch": "CM",
        "deutsch": "DE",
    },
    "residence": {
        "gestattung": "AsylG-55",
        "ne": "AufenthG-9",
    },
    "housing": {
        "erstaufnahme": "reception_centre",
        "vu": "provisional",
        "vorläufig": "provisional",
        "privat": "private",
        "privatewohnung": "private",
    },
    "hh_role": {
        "hv": "head",
        "vorstand": "head",
        "ehefrau": "partner",
        "ehemann": "partner",
        "frau": "partner",
        "mutter": "parent",
        "vater": "parent",
        "sohn": "child",
        "tochter": "child",
        "bruder": "sibling",
        "schwester": "sibling",
    },
    "marital": {"verh": "married", "led": "single", "gesch": "divorced"},
    "contact_form": {
        "büro": "office",
        "persönlich": "office",
        "vorort": "office",
        "sprechstunde": "drop_in",
        "hb": "home_visit",
        "tel": "phone",
        "telefonat": "phone",
        "telefonisch": "phone",
        "anruf": "phone",
        "mail": "email",
        "whatsapp": "messenger",
        "signal": "messenger",
        "sms": "messenger",
        "schreiben": "letter",
    },
}
UNKNOWN: Final[Mapping[str, str]] = {
    "gender": "unknown",
    "language": "und",
    "country": "x-unclear",
    "residence": "unknown",
    "cefr": "unknown",
    "marital": "unknown",
}
"""List -> its code for what nobody knows."""
_LAW: Final = re.compile(r"(?<!\d)(\d{1,3}[a-g]?)(?![\d.]\d)(.*)", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"\bS(?:atz|\.) ?\d", re.IGNORECASE)
_ROMAN: Final = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5}
_IN_BRACKETS: Final = re.compile(r"(.+) \((.+)\)")


def code(name: str, text: str) -> str | None:
    """The code of a list by code, label or a usual word for it; None if none is meant."""
    return _codes(name).get(folded(text))


def proposed_code(name: str, text: str) -> str:
    """The code that is probably meant, for a person to confirm; empty if nobody can say."""
    if name == "residence" and (found := _paragraph(text)):
        return found
    words = _codes(name)
    short = folded(text)
    begun = {words[w] for w in words if len(short) > 2 and w.startswith(short)}
    if begun:
        return begun.pop() if len(begun) == 1 else ""
    # A typing error, not another word: "kurd" is near to "urdu".
    alike = [word for word in words if short and word.startswith(short[0])]
    near = get_close_matches(short, alike, n=1, cutoff=0.8)
    return words[near[0]] if near else ""


def _paragraph(text: str) -> str:
    """``AE 25 II 1. Alt`` is ``AufenthG-25.2.1``: by its numbers, the one that fits."""
    found = _LAW.search(text)
    if found is None:
        return ""
    numbers = [found[1].lower()]
    rest = _SENTENCE.sub("", found[2]) if "alt" in text.lower() else found[2]
    parts = re.findall(r"[IVX]+|[0-9]+[ab]?", rest)
    numbers.extend(str(_ROMAN.get(part, part)) for part in parts)
    codes = code_list("residence").codes
    for length in range(len(numbers), 0, -1):
        for law in ("AufenthG", "AsylG"):
            if (whole := f"{law}-{'.'.join(numbers[:length])}") in codes:
                return whole
    return ""


@cache
def _codes(name: str) -> Mapping[str, str]:
    """Folded text -> code; a text that names two codes is not among them."""
    meant: dict[str, set[str]] = {}
    for item in code_list(name).codes.values():
        for label in (item.de, item.en):
            # "Persisch (Farsi)" is known by both of its parts, too.
            parts = _IN_BRACKETS.fullmatch(label)
            for text in (item.code, label, *(parts.groups() if parts else ())):
                meant.setdefault(folded(text), set()).add(item.code)
    found = {text: codes.pop() for text, codes in meant.items() if len(codes) == 1}
    return {**_ALSO.get(name, {}), **found}
