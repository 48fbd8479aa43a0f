"""What is printed on paper, as values: a sheet of blocks.

Enters: nothing. Leaves: the words that every room uses to say what a document holds; the
press (``web/press.py``) makes a PDF of them. Must never happen: markup in a block; each
text is text, whatever it holds. Implements screens chapter 7, PDF.

A text in another language names it, so that letters are shaped, read aloud and set from
the right as that language asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum, unique
from typing import Final, TypeAlias

from node.strictjson import Json, JsonObject

GERMAN: Final = "de"

LANGUAGES: Final = (
    *("de", "en", "ar", "fa", "prs", "ps", "ckb"),
    *("kmr", "ti", "so", "uk", "ru", "tr", "fr"),
)
"""The languages of consents (screens, flow C)."""

FROM_THE_RIGHT: Final = frozenset({"ar", "fa", "prs", "ps", "ckb"})


@unique
class Kind(StrEnum):
    """The documents we print; the text is what stands small above the title."""

    CONSENT = "Einwilligung"
    AGREEMENT = "Vereinbarung"
    PROOF = "Nachweis"
    LETTER = "Schreiben"
    COPY = "Auskunft"
    REPORT = "Bericht"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: 2 for a section, 3 for a part of one; 1 is the title."""

    text: str
    level: int = 2
    lang: str = GERMAN


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; ``is_small`` for what explains. Line breaks are kept."""

    text: str
    lang: str = GERMAN
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known, by its label; a fact without a value is left out."""

    pairs: Sequence[tuple[str, str]]
    lang: str = GERMAN


@dataclass(frozen=True, slots=True)
class Lines:
    """A list; ``is_numbered`` where the order counts."""

    lines: Sequence[str]
    is_numbered: bool = False
    lang: str = GERMAN


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column names; ``numeric`` are the places of columns of numbers.

    The caption is empty where the heading above says the same.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    lang: str = GERMAN
    numeric: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """One paragraph in the person's language and the same in German, side by side."""

    own: str
    german: str
    lang: str
    is_heading: bool = False


@dataclass(frozen=True, slots=True)
class Stamp:
    """What must not be overlooked, in a frame, like that a text is a draft."""

    text: str
    lang: str = GERMAN


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn signature: a PNG in base64, and what it shows, in words."""

    content: str
    shows: str
    lang: str = GERMAN


@dataclass(frozen=True, slots=True)
class Address:
    """To whom a letter goes."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Signing:
    """A line to sign on for each label, with room for place and date."""

    labels: Sequence[str]
    lang: str = GERMAN


@dataclass(frozen=True, slots=True)
class NewPage:
    """What follows begins on a page of its own."""


Block: TypeAlias = (
    Heading
    | Text
    | Facts
    | Lines
    | Table
    | Pair
    | Stamp
    | Picture
    | Address
    | Signing
    | NewPage
)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside the PDF, for programs."""

    name: str
    about: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """One document.

    ``title`` holds no name of a person: it stands in lists of files and windows.
    ``number`` is what the document is known by, shown as text and as QR code.
    """

    title: str
    number: str
    blocks: tuple[Block, ...]
    attached: Attached | None = None


def isolated(text: str) -> str:
    """A name or a day inside a line of another language, read the way it runs itself."""
    return f"\u2068{text}\u2069"


def blocks_as_json(blocks: Sequence[Block]) -> list[Json]:
    """The blocks as plain values, each with its name under ``block``."""
    return [_block(block) for block in blocks]


def _block(block: Block) -> JsonObject:
    values: Mapping[str, Json] = asdict(block)
    return {"block": type(block).__name__.lower(), **values}


def texts_of(value: Json) -> Iterator[str]:
    """Every text inside a JSON value."""
    match value:
        case str():
            yield value
        case list() | tuple():
            for inner in value:
                yield from texts_of(inner)
        case dict():
            for inner in value.values():
                yield from texts_of(inner)
