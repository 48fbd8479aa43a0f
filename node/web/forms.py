"""What a browser sent with a form, and what a page has to say about it.

Enters: the bytes of an ``application/x-www-form-urlencoded`` body. Leaves: a ``Form``, whose
values go back into the page unchanged when something is missing. Must never happen here: a
temporary file, or a typed text that is lost because another field was wrong (SR-U1, screens
principle 6). Field names that begin with ``_`` belong to the frame, not to the person.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self
from urllib.parse import parse_qsl

from node.errors import MalformedMessageError

PROOF_FIELD: Final = "_token"
MAX_FIELDS: Final = 1000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CHOICE: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]*", re.ASCII)
SECRET: Final = frozenset({"password", "again", "code", "second_password"})
"""Fields that no page shows again and nothing keeps."""


@dataclass(frozen=True, slots=True)
class Form:
    """Values by field name, and one sentence for each field that needs mending."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a form body strictly.

        Raises:
            MalformedMessageError: Not UTF-8, a control character, too many fields.
        """
        try:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_FIELDS,
            )
        except ValueError:
            raise MalformedMessageError("form") from None
        return cls.of(pairs)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Put together what was sent, field by field.

        Raises:
            MalformedMessageError: A control character.
        """
        values: dict[str, tuple[str, ...]] = {}
        for name, sent in pairs:
            # Browsers end lines of a text area with CR LF.
            text = sent.replace("\r\n", "\n")
            if _CONTROL.search(name) or _CONTROL.search(text):
                raise MalformedMessageError("form-control-character")
            values[name] = (*values.get(name, ()), text)
        return cls(values)

    def text(self, name: str) -> str:
        """The first value of a field, or the empty text."""
        return next(iter(self.values.get(name, ())), "")

    def number(self, name: str) -> int:
        """A number of the frame as it was sent; 0 for anything else, which fits nothing."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field that may be chosen several times."""
        return self.values.get(name, ())

    def error(self, name: str) -> str:
        """The sentence for a field, or the empty text."""
        return self.errors.get(name, "")

    def with_errors(self, errors: Mapping[str, str]) -> Self:
        """The same values, with sentences in the reader's language, in page order."""
        return replace(self, errors=errors)

    def starting(self, values: Mapping[str, str]) -> Self:
        """A form that shows these values before anybody typed; errors do not go along."""
        return replace(
            self, values={name: (value,) for name, value in values.items()}, errors={}
        )

    def typed(self) -> list[str]:
        """What a person wrote, without secrets, choices and fields of the frame."""
        return [
            value
            for name, values in self.values.items()
            if not name.startswith("_") and name not in SECRET
            for value in values
            if value.strip() and not _CHOICE.fullmatch(value)
        ]
