"""The invented vocabulary: the only words that people of the demo are made of.

Enters: the files of ``vocabulary``, which ship with the package. Leaves: names, phrases and
the rows of the two towns. Must never happen: a word about a person of the demo that does
not stand there; no file holds a real family name. Implements DO-45.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

SCRIPTS: Final[Mapping[str, str]] = {
    "ar": "ar-Arab",
    "ckb": "ckb-Arab",
    "fa": "fa-Arab",
    "prs": "prs-Arab",
    "ps": "ps-Arab",
    "ti": "ti-Ethi",
}
"""Language of a name -> BCP 47 tag of its own script, where that is not Latin."""

COUNTRIES: Final[Mapping[str, tuple[str, ...]]] = {
    "ar": ("SY", "SY", "IQ"),
    "ckb": ("IQ",),
    "en": ("NG", "GM"),
    "fa": ("IR",),
    "fr": ("CM", "TG"),
    "kmr": ("SY", "IQ"),
    "prs": ("AF",),
    "ps": ("AF",),
    "so": ("SO",),
    "ti": ("ER",),
    "tr": ("TR",),
}
"""Language -> countries from which people who speak it came, ISO 3166-1."""


@dataclass(frozen=True, slots=True)
class GivenName:
    """A given name in Latin letters and, where there is one, in its own script."""

    latin: str
    own_script: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One household of a town's table.

    ``people``: ``M`` and ``F`` are adults, ``m`` and ``f`` minors, the head first. ``care``
    and ``plans`` have one letter per person: cared for, old contact, declined, not
    reached, no need, language barrier (a capital: with a contact nevertheless); ``+`` a
    plan in force, ``x`` one that ended. ``named``: given name of the head, and birth date.
    """

    tree: str
    language: str
    people: str
    start: str
    until: str
    closure: str
    housing: str
    residence: str
    care: str
    plans: str
    named: str


@cache
def rows(town: str) -> tuple[Row, ...]:
    """The households of ``wehr`` or ``saeckingen``, by the day they came."""
    return tuple(Row(*cells) for cells in _table(town)[1:])


@cache
def given_names(language: str, gender: str) -> tuple[GivenName, ...]:
    """Names for ``m`` or ``f`` in this language."""
    return tuple(
        GivenName(latin, None if own == "-" else own)
        for spoken, sex, latin, own in _table("given_names")
        if (spoken, sex) == (language, gender)
    )


@cache
def phrases(kind: str, code: str = "-") -> tuple[tuple[str, ...], ...]:
    """Texts of one kind; of goals with the sign by which we notice."""
    return tuple(
        tuple(texts)
        for of_kind, of_code, *texts in _table("phrases")
        if (of_kind, of_code) == (kind, code)
    )


@cache
def document_titles() -> Mapping[str, str]:
    """Kind of document -> its title."""
    return {
        code: texts[0] for kind, code, *texts in _table("phrases") if kind == "document"
    }


@cache
def _table(name: str) -> tuple[tuple[str, ...], ...]:
    source = files("node.demo").joinpath("vocabulary", f"{name}.tsv")
    lines = source.read_text("utf-8").splitlines()
    return tuple(tuple(line.split("\t")) for line in lines)
