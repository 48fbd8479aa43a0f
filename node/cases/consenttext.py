"""The words with which a person is asked for consent, in their own language.

Enters: one data file per language: blocks with ids, who wrote them, who verified them, and
of which German block each one is the translation. Leaves: ``ConsentText`` values, their
state, and the exact bytes that a person was shown. Must never happen: a draft passes for
verified; a translation outlives a change of its German block (SC-38). A machine's draft
becomes verified only by a named person. We ship the German text as a model and every
translation as a draft. Implements flow C, the field document, 3.5 (``text_version``).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum, unique
from functools import cache
from importlib.resources import files
from typing import Final

from node import strictjson
from node.errors import MalformedMessageError, UsageError
from node.strictjson import Json, JsonObject

GERMAN: Final = "de"
TEXT_BYTES: Final = 200_000
_BLOCK_CHARACTERS: Final = 2_000
_NAME_CHARACTERS: Final = 200
_VALUE: Final = re.compile(r"\{(body|date)\}")
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language in which people are asked: its tag, its own name, where lines begin."""

    tag: str
    name: str
    direction: str = "ltr"


TONGUES: Final[Mapping[str, Tongue]] = {
    tongue.tag: tongue
    for tongue in (
        Tongue("de", "Deutsch"),
        Tongue("en", "English"),
        Tongue("ar", "العربية", "rtl"),
        Tongue("fa", "فارسی", "rtl"),
        Tongue("prs", "دری", "rtl"),
        Tongue("ps", "پښتو", "rtl"),
        Tongue("ckb", "کوردیی ناوەندی", "rtl"),
        Tongue("kmr", "Kurdî (kurmancî)"),
        Tongue("ti", "ትግርኛ"),
        Tongue("so", "Soomaali"),
        Tongue("uk", "Українська"),
        Tongue("ru", "Русский"),
        Tongue("tr", "Türkçe"),
        Tongue("fr", "Français"),
    )
}
"""In the order in which the first page offers them."""


@unique
class TextState(StrEnum):
    """Only a verified text may be signed."""

    VERIFIED = "verified"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Block:
    """One sentence or label; ``of`` is the digest of the German text it translates."""

    id: str
    text: str
    of: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the text, 64 hex digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One version of the whole text in one language.

    ``verifier`` is the natural person who vouches for it, empty in a draft.
    """

    language: str
    author: str
    written_on: date
    blocks: tuple[Block, ...]
    verifier: str = ""
    verified_on: date | None = None

    @property
    def tongue(self) -> Tongue:
        """The language it is in."""
        return TONGUES[self.language]

    @property
    def digest(self) -> str:
        """SHA-256 of language and words, 64 hex digits; who verified them is no part."""
        words: list[Json] = [[block.id, block.text] for block in self.blocks]
        said = {"language": self.language, "blocks": words}
        return hashlib.sha256(strictjson.encode(said)).hexdigest()

    @property
    def version(self) -> str:
        """What a consent keeps: language and digest."""
        return f"{self.language}:{self.digest}"

    def block(self, name: str) -> Block:
        """One block. KeyError if there is none."""
        return {block.id: block for block in self.blocks}[name]

    def text(self, name: str) -> str:
        """The words of one block. KeyError if there is none."""
        return self.block(name).text

    def verified_by(self, verifier: str, on: date) -> "ConsentText":
        """The same words, vouched for by a named person."""
        return replace(self, verifier=verifier, verified_on=on)


def outdated(text: ConsentText, german: ConsentText) -> frozenset[str]:
    """The blocks that are no longer the translation of the German ones."""
    if text.language == GERMAN:
        return frozenset()
    return frozenset(b.id for b in text.blocks if b.of != german.block(b.id).digest)


def state_of(text: ConsentText, german: ConsentText) -> TextState:
    """Whether a text may be signed: somebody vouched for it, and for the German one.

    A changed German block turns its translations into drafts by itself.
    """
    vouched = bool(text.verifier) and bool(german.verifier)
    is_good = vouched and not outdated(text, german)
    return TextState.VERIFIED if is_good else TextState.DRAFT


@cache
def shipped_text(language: str) -> ConsentText:
    """The text of the package.

    Raises:
        UsageError: We do not ask in this language.
    """
    if language not in TONGUES:
        raise UsageError("no consent text in this language")
    path = files("node.cases").joinpath("consenttexts", f"{language}.json")
    return parse_text(
        path.read_bytes(), ids=None if language == GERMAN else block_ids()
    )


@cache
def block_ids() -> tuple[str, ...]:
    """The ids that every text has, in this order: those of the shipped German one."""
    return tuple(block.id for block in shipped_text(GERMAN).blocks)


def parse_text(data: bytes, *, ids: tuple[str, ...] | None = None) -> ConsentText:
    """Read one text strictly.

    Args:
        data: The JSON of the file.
        ids: The ids it must have, in this order; None where it sets them itself.

    Raises:
        MalformedMessageError: Not such a file, a block is missing, empty or too long, a
            value is filled in elsewhere than in the German model, or a state that its
            verifier contradicts.
    """
    if len(data) > TEXT_BYTES:
        raise MalformedMessageError("consent-text-size")
    found = strictjson.parse_object(data)
    keys = {
        "language", "state", "author", "written_on", "verifier", "verified_on", "blocks",
    }  # fmt: skip
    if set(found) != keys or not isinstance(found["blocks"], list):
        raise MalformedMessageError("consent-text-members")
    text = ConsentText(
        language=_line(found, "language"),
        author=_line(found, "author"),
        written_on=_day(_line(found, "written_on")),
        blocks=tuple(_block(item) for item in found["blocks"]),
        verifier=_line(found, "verifier"),
        verified_on=_day(found["verified_on"]) if found["verified_on"] else None,
    )
    if text.language not in TONGUES or not text.author:
        raise MalformedMessageError("consent-text-language")
    if found["state"] != (TextState.VERIFIED if text.verifier else TextState.DRAFT):
        raise MalformedMessageError("consent-text-state")
    if bool(text.verifier) != (text.verified_on is not None):
        raise MalformedMessageError("consent-text-state")
    _check_blocks(text, ids)
    return text


def _check_blocks(text: ConsentText, ids: tuple[str, ...] | None) -> None:
    found = tuple(block.id for block in text.blocks)
    if len(set(found)) != len(found) or (ids is not None and found != ids):
        raise MalformedMessageError("consent-text-blocks")
    if any(bool(block.of) != (text.language != GERMAN) for block in text.blocks):
        raise MalformedMessageError("consent-text-of")
    if ids is not None:
        model = shipped_text(GERMAN)
        for block in text.blocks:
            if values_in(block.text) != values_in(model.text(block.id)):
                raise MalformedMessageError("consent-text-values")


def encode_text(text: ConsentText) -> bytes:
    """The file of a text, in our one spelling."""
    blocks: list[Json] = [
        {"id": b.id, "text": b.text} | ({"of": b.of} if b.of else {})
        for b in text.blocks
    ]
    return strictjson.encode(
        {
            "language": text.language,
            "state": TextState.VERIFIED if text.verifier else TextState.DRAFT,
            "author": text.author,
            "written_on": text.written_on.isoformat(),
            "verifier": text.verifier,
            "verified_on": text.verified_on.isoformat() if text.verified_on else "",
            "blocks": blocks,
        }
    )


def values_in(text: str) -> frozenset[str]:
    """The names of what is filled into a block."""
    return frozenset(_VALUE.findall(text))


def pieces(text: str, values: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The words of a block, and apart from them what is filled in (true).

    Names and dates read from left to right in every language, so pages keep them apart.
    """
    parts = _VALUE.split(text)
    return [
        (values[part], True) if number % 2 else (part, False)
        for number, part in enumerate(parts)
        if number % 2 or part
    ]


def shown_bytes(
    texts: tuple[ConsentText, ...], asked: tuple[str, ...], values: Mapping[str, str]
) -> bytes:
    """Exactly what a person was shown: every word in every language, and what was asked."""
    said: list[Json] = [
        {
            "language": text.language,
            "blocks": [
                [b.id, "".join(part for part, _ in pieces(b.text, values))]
                for b in text.blocks
            ],
        }
        for text in texts
    ]
    return strictjson.encode({"v": 1, "texts": said, "asked": list(asked)})


def _block(item: Json) -> Block:
    if not isinstance(item, dict) or not {"id", "text"} <= set(item) <= {
        "id",
        "text",
        "of",
    }:
        raise MalformedMessageError("consent-text-block")
    words, of = item["text"], item.get("of", "")
    if not isinstance(words, str) or not words.strip():
        raise MalformedMessageError("consent-text-block")
    if len(words) > _BLOCK_CHARACTERS:
        raise MalformedMessageError("consent-text-block")
    if of and (not isinstance(of, str) or not _HEX.fullmatch(of)):
        raise MalformedMessageError("consent-text-of")
    return Block(_line(item, "id"), words, of)


def _line(found: JsonObject, name: str) -> str:
    value = found[name]
    if not isinstance(value, str) or len(value) > _NAME_CHARACTERS:
        raise MalformedMessageError("consent-text-members")
    return value


def _day(text: Json) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise MalformedMessageError("consent-text-day") from None
