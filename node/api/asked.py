"""What a program asks, checked before anything is decided.

Enters: headers, query strings, bodies. Leaves: values, or a problem that names what cannot
be taken. Must never happen here: a value that was sent in an answer (SR-D2); a second
spelling of one request. Implements the API side of SR-P1 and SR-F7.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import date
from typing import Annotated, Final, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from node import strictjson
from node.api.problem import Fault, ProblemError
from node.cases.model import CaseFile
from node.errors import MalformedMessageError
from node.ids import CaseId
from node.strictjson import JsonObject

STRICT: Final = ConfigDict(
    extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
)
MOST_PER_PAGE: Final = 100
PAGE: Final[Mapping[str, JsonObject]] = {
    "limit": {
        "required": False,
        "description": "How many at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE},
    },
    "after": {
        "required": False,
        "description": "``next`` of the page before; opaque.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
    },
}
"""What the query string of a list may hold, as the document tells it."""

DAYS: Final[Mapping[str, JsonObject]] = {
    name: {
        "required": True,
        "description": f"The {place} day of one of the periods that are offered.",
        "schema": {"type": "string", "format": "date"},
        "example": day,
    }
    for name, place, day in (
        ("from", "first", "2020-01-01"),
        ("to", "last", "2020-12-31"),
    )
}
"""What the query string of a report must hold."""

_KEY: Final = re.compile(r"[A-Za-z0-9._~:/+=-]{1,128}", re.ASCII)
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_LIMIT: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_TAG: Final = re.compile(r'"([1-9][0-9]{0,8})\.([1-9][0-9]{0,8})"', re.ASCII)
_Model = TypeVar("_Model", bound=BaseModel)


def _day(text: str) -> str:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("day")
    return text


Text = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Day = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}
    ),
    AfterValidator(_day),
]


def idempotency_key(request: web.Request) -> str:
    """The caller's own key for this request.

    Raises:
        ProblemError: None, several, or of another form.
    """
    shown = request.headers.getall("Idempotency-Key", [])
    if len(shown) != 1 or _KEY.fullmatch(shown[0]) is None:
        raise ProblemError("idempotency-key")
    return shown[0]


def validated(model: type[_Model], sent: JsonObject) -> _Model:
    """The body as a value.

    Raises:
        ProblemError: A fault for each member that cannot be taken.
    """
    try:
        # From bytes, because a strict model takes numbers and texts as JSON has them.
        return model.model_validate_json(strictjson.encode(sent))
    except ValidationError as error:
        raise ProblemError("input", _faults(error)) from None


def _faults(error: ValidationError) -> list[Fault]:
    """Where each fault stands (RFC 6901) and its kind; never what was sent."""
    return [
        Fault(
            "".join(f"/{part}" for part in found["loc"])
            if found["type"] != "extra_forbidden"
            else "",
            found["type"],
        )
        for found in error.errors(
            include_input=False, include_url=False, include_context=False
        )
    ]


def page_asked(request: web.Request) -> tuple[int, str]:
    """How many of a list, and after which number.

    Raises:
        ProblemError: Another parameter, twice the same, or one of another form.
    """
    nothing_but(request, PAGE)
    limit = request.query.get("limit", str(MOST_PER_PAGE))
    if _LIMIT.fullmatch(limit) is None or int(limit) > MOST_PER_PAGE:
        raise ProblemError("query")
    cursor = request.query.get("after")
    return int(limit), "" if cursor is None else _uncovered(cursor)


def days_asked(request: web.Request) -> tuple[date, date]:
    """The first and the last day of a period.

    Raises:
        ProblemError: One is missing or no day, or there is anything else.
    """
    nothing_but(request, DAYS)
    try:
        first, last = (
            date.fromisoformat(_day(request.query.get(name, ""))) for name in DAYS
        )
    except ValueError:
        raise ProblemError("query") from None
    return first, last


def nothing_but(request: web.Request, known: Collection[str]) -> None:
    """Take no other parameter, and none twice.

    Raises:
        ProblemError: There is one.
    """
    # keys() would give a name that comes twice once.
    names = [name for name, _ in request.query.items()]
    if set(names) - set(known) or len(set(names)) < len(names):
        raise ProblemError("query")


def covered(last: str) -> str | None:
    """The cursor after this number; None at the end of a list."""
    if not last:
        return None
    return urlsafe_b64encode(bytes.fromhex(last)).decode().rstrip("=")


def _uncovered(cursor: str) -> str:
    if _CURSOR.fullmatch(cursor) is None:
        raise ProblemError("query")
    try:
        number = CaseId(urlsafe_b64decode(cursor + "==").hex())
    except (ValueError, MalformedMessageError):
        raise ProblemError("query") from None
    # One number has one spelling.
    if covered(number) != cursor:
        raise ProblemError("query")
    return number


def tag_of(file: CaseFile) -> str:
    """The entity tag of a case: it changes with everything that is written into it."""
    return f'"{file.epoch}.{file.version}"'


def tag_matched(request: web.Request) -> tuple[int, int]:
    """Epoch and version that a program read before it writes.

    Raises:
        ProblemError: ``If-Match`` is missing; or it is none of our tags, so nothing fits.
    """
    shown = request.headers.getall("If-Match", [])
    if not shown:
        raise ProblemError("match-missing")
    found = _TAG.fullmatch(shown[0]) if len(shown) == 1 else None
    if found is None:
        raise ProblemError("match")
    return int(found[1]), int(found[2])
