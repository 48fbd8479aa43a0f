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
from node.api import relocations

BASE: Final = "/api"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    Args:
        method: ``GET`` or ``POST``.
        path: Below ``/api``; variable parts in braces, each an id of 32 hex digits.
        name: Its ``operationId``.
        summary: One line for people.
        handler: What answers.
        scope: What a token must be made for.
        takes: The form of the body; writing operations also need ``Idempotency-Key``.
        answers: The form of each good answer, by status.
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
)  # fmt: skip
