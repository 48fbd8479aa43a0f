"""Code lists: what the codes in records are called.

Enters: the data files in ``codes/``, one list each, read once. Leaves: lists and labels.
Must never happen: a code that we do not know stops anything; it is kept, shown as it came
and travels on (FR-26, HO-64). A list only ever grows: a code that is no longer offered
keeps its label. Implements the field document, 3.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from node import strictjson
from node.errors import UsageError
from node.strictjson import Json, JsonObject

_UNKNOWN = MappingProxyType({"de": "unbekannt", "en": "unknown"})


@dataclass(frozen=True, slots=True)
class Code:
    """One code with its German and English label, and the days on which it is offered."""

    code: str
    de: str
    en: str
    valid_from: date | None = None
    valid_until: date | None = None

    def is_offered(self, on: date) -> bool:
        """Whether forms offer it on this day; both days are inclusive."""
        return (self.valid_from is None or self.valid_from <= on) and (
            self.valid_until is None or on <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list; ``codes`` in the order in which forms show them."""

    id: str
    version: int
    source: str
    codes: Mapping[str, Code]

    def __str__(self) -> str:
        return f"{self.id}@{self.version}"

    def offered(self, on: date) -> tuple[Code, ...]:
        """The codes that a form offers on this day."""
        return tuple(code for code in self.codes.values() if code.is_offered(on))


@cache
def code_list(name: str) -> CodeList:
    """The list of this id.

    Raises:
        UsageError: There is no such list.
    """
    path = files("node.cases").joinpath("codes", f"{name}.json")
    if not name.isidentifier() or not path.is_file():
        raise UsageError("no such code list")
    found = strictjson.parse_object(path.read_bytes(), members=10_000)
    return CodeList(
        id=found["id"],
        version=found["version"],
        source=found["source"],
        codes=MappingProxyType({item["code"]: _code(item) for item in found["codes"]}),
    )


def label(name: str, code: Json, language: str = "de") -> str:
    """What a code is called; never fails on a code that we do not know.

    Args:
        name: The id of a list.
        code: The code as it stands in a record.
        language: ``de`` or ``en``; any other language gets German.

    Raises:
        UsageError: There is no such list.
    """
    spoken = "en" if language == "en" else "de"
    known = find_code(name, code)
    if known is None:
        return f"{_UNKNOWN[spoken]}: {code}"
    return known.en if spoken == "en" else known.de


def find_code(name: str, code: Json) -> Code | None:
    """The code in its list; None if the list does not know it.

    Raises:
        UsageError: There is no such list.
    """
    listed = code_list(name).codes
    return listed.get(code) if isinstance(code, str) else None


def _code(item: JsonObject) -> Code:
    begins, ends = item.get("valid_from"), item.get("valid_until")
    return Code(
        code=item["code"],
        de=item["de"],
        en=item["en"],
        valid_from=date.fromisoformat(begins) if begins else None,
        valid_until=date.fromisoformat(ends) if ends else None,
    )
