"""Every operation of the API: its address, whose it is, what it takes and answers.

The routes, the gate and the OpenAPI document all follow from this list, so that none of
them can promise what the others do not keep.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from node.accounts.model import Scope
from node.api import cases, contacts, relocations, reports, status
from node.api.asked import DAYS, PAGE
from node.strictjson import JsonObject

BASE: Final = "/api"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    Args:
        method: ``GET`` or ``POST``.
        path: Below ``/api``; variable parts in braces.
        name: Its ``operationId``.
        summary: One line for people.
        handler: What answers.
        scope: What a token must be made for.
        takes: The form of the body; writing operations also need ``Idempotency-Key``.
        answers: The form of each good answer, by status.
        parts: What a variable part is; if it is not told, an id of 32 hex digits.
        query: What the query string may hold.
        tagged: Whether good answers carry an ``ETag``; writing ones then need ``If-Match``.
        problems: Codes of the problem table that it may answer besides those of the gate.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    scope: Scope
    answers: Mapping[int, type[BaseModel]]
    takes: type[BaseModel] | None = None
    parts: Mapping[str, JsonObject] = field(default_factory=dict)
    query: Mapping[str, JsonObject] = field(default_factory=dict)
    tagged: bool = False
    problems: tuple[str, ...] = field(default=())


OPERATIONS: Final = (
    Operation(
        method="POST",
        path=relocations.PATH,
        name="recordRelocation",
        summary="Record who moves where; a transfer is prepared if there is a route",
        handler=relocations.record,
        scope=Scope.RELOCATIONS_WRITE,
        takes=relocations.RelocationRequest,
        answers={
            201: relocations.RelocationAnswer,
            200: relocations.RelocationAnswer,
        },
        problems=(
            "bad-syntax", "idempotency-key", "not-found", "id-conflict",
            "relocation-running", "stale-epoch", "conflict", "too-large",
            "media-type", "input", "unavailable",
        ),
    ),
    Operation(
        method="GET",
        path=relocations.PATH + "/{relocation}",
        name="showRelocation",
        summary="One relocation that a program recorded",
        handler=relocations.show,
        scope=Scope.RELOCATIONS_WRITE,
        answers={200: relocations.RelocationAnswer},
        problems=("not-found",),
    ),
    Operation(
        method="GET",
        path=cases.PATH,
        name="listCases",
        summary="The active cases of the caseworker whom the token is bound to",
        handler=cases.listed,
        scope=Scope.CASES_READ,
        query=PAGE,
        answers={200: cases.CasePage},
        problems=("query",),
    ),
    Operation(
        method="GET",
        path=cases.PATH + "/{case}",
        name="showCase",
        summary="One of these cases; the look is written down under the caseworker's name",
        handler=cases.show,
        scope=Scope.CASES_READ,
        tagged=True,
        answers={200: cases.CaseAnswer},
        problems=("not-found", "unavailable"),
    ),
    Operation(
        method="POST",
        path=contacts.PATH,
        name="recordContact",
        summary="Record a contact with the person of one of these cases",
        handler=contacts.record,
        scope=Scope.CONTACTS_WRITE,
        takes=contacts.ContactRequest,
        tagged=True,
        answers={201: contacts.ContactAnswer, 200: contacts.ContactAnswer},
        problems=(
            "bad-syntax", "idempotency-key", "not-found", "id-conflict", "conflict",
            "match", "match-missing", "too-large", "media-type", "input", "unavailable",
        ),
    ),
    Operation(
        method="GET",
        path=reports.PATH,
        name="listReports",
        summary="The reports there are, and the periods for which their totals are told",
        handler=reports.listed,
        scope=Scope.REPORTS_READ,
        answers={200: reports.ReportPage},
        problems=("query",),
    ),
    Operation(
        method="GET",
        path=reports.PATH + "/{report}",
        name="showReport",
        summary="The totals of a report; small numbers are hidden, as outside the office",
        handler=reports.show,
        scope=Scope.REPORTS_READ,
        parts={"report": reports.PART},
        query=DAYS,
        tagged=True,
        answers={200: reports.ReportAnswer},
        problems=("query", "not-found"),
    ),
    Operation(
        method="GET",
        path=status.PATH,
        name="showStatus",
        summary="Which checks of the node are not in order",
        handler=status.show,
        scope=Scope.METRICS_READ,
        answers={200: status.StatusAnswer},
        problems=("unavailable",),
    ),
)  # fmt: skip
