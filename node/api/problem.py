"""What went wrong, as RFC 9457 problem documents for the town's own software.

Enters: a code of the table, or an error of our families. Leaves: a document with a stable
code, a title in English and a number that joins it to the log. Must never happen here: the
text of an exception, or a value that somebody sent (SR-B12, SR-D2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from aiohttp import web

from node import strictjson
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    NodeError,
    NotFoundError,
    ReadingOnlyError,
    StaleEpochError,
    StoreError,
    UnknownNodeError,
    UsageError,
)

MEDIA_TYPE: Final = "application/problem+json"
PREFIX: Final = "/api/v1/problems/"

# code: (status, whether trying again can help, title)
TABLE: Final[Mapping[str, tuple[int, bool, str]]] = {
    "bad-syntax": (400, False, "The body is not one strict JSON object"),
    "query": (400, False, "Something in the query string cannot be taken"),
    "idempotency-key": (400, False, "Exactly one Idempotency-Key is needed"),
    "token": (401, False, "No API token, or one that is unknown or over"),
    "scope": (403, False, "The token is not made for this"),
    "not-found": (404, False, "Absent, or not yours"),
    "method": (405, False, "Method not taken here"),
    "id-conflict": (409, False, "This Idempotency-Key came with another request"),
    "relocation-running": (409, False, "One of the persons is on the way already"),
    "stale-epoch": (409, False, "One of the cases is not in this office's hands"),
    "conflict": (409, True, "Somebody was faster; send the same request again"),
    "match": (412, False, "The case is not what If-Match says; read it again"),
    "too-large": (413, False, "The body is over 64 KiB"),
    "media-type": (415, False, "Only application/json in UTF-8, not compressed"),
    "input": (422, False, "Something in the request cannot be taken"),
    "match-missing": (428, False, "If-Match with the ETag of the case is needed"),
    "rate": (429, True, "Too many requests"),
    "internal": (500, True, "Something went wrong here"),
    "unavailable": (503, True, "Not possible just now"),
}

# The first line that fits counts: a stale case is a conflict as well.
_CODES: Final[tuple[tuple[type[NodeError], str], ...]] = (
    (InputError, "relocation-running"),
    (ForbiddenError, "scope"),
    (NotFoundError, "not-found"),
    (StaleEpochError, "stale-epoch"),
    (ConflictError, "conflict"),
    (StoreError, "unavailable"),
    (ReadingOnlyError, "unavailable"),
    (UnknownNodeError, "unavailable"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One value of the request that cannot be taken: where it stands, and why."""

    pointer: str
    code: str


class ProblemError(UsageError):
    """A request that ends in this problem; raised inside ``node.api`` only."""

    code = "problem"

    def __init__(self, problem: str, faults: Sequence[Fault] = ()) -> None:
        """Remember the code of the table, and for ``input`` the faults."""
        super().__init__(problem)
        self.problem = problem
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document."""

    code: str
    trace: str
    faults: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """The answer that carries it."""
        status, retryable, title = TABLE[self.code]
        document: strictjson.JsonObject = {
            "type": PREFIX + self.code,
            "title": title,
            "status": status,
            "code": self.code,
            "retryable": retryable,
            "trace": self.trace,
        }
        if self.faults:
            document["errors"] = [
                {"pointer": fault.pointer, "code": fault.code} for fault in self.faults
            ]
        return web.Response(
            status=status,
            body=strictjson.encode(document),
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


def problem_of(error: NodeError) -> tuple[str, tuple[Fault, ...]]:
    """The code for an error met while answering, and the faults it names."""
    if isinstance(error, ProblemError):
        return error.problem, error.faults
    if isinstance(error, InputError) and error.reason != "relocation_running":
        return "input", (Fault(f"/{error.field}", error.reason),)
    return next((c for kind, c in _CODES if isinstance(error, kind)), "internal"), ()


def problem_of_http(error: web.HTTPException) -> str:
    """The code for what the router says."""
    match error.status:
        case HTTPStatus.NOT_FOUND:
            return "not-found"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return "method"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "too-large"
        case _:
            return "internal"
