"""``/api/v1/contacts``: a caseworker's own program records that there was a contact.

Enters: a case of the caseload as the program read it, the contact. Leaves: one entry on the
timeline. Must never happen here: two entries from one request (SR-F7); an entry into a case
that changed since the program looked. Implements FR-6, HO-4. ADR 0055.
"""

import hashlib
from contextlib import suppress
from datetime import date
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from node import strictjson
from node.accounts.policy import Actor
from node.accounts.programs import Repeated
from node.api.asked import (
    STRICT,
    Day,
    Number,
    idempotency_key,
    tag_matched,
    tag_of,
    validated,
)
from node.api.cases import file_of
from node.api.gate import DESK, read_object, token_of
from node.api.problem import Fault, ProblemError
from node.cases.codes import code_list
from node.cases.days import local_day
from node.casework.cases import Contact
from node.casework.programs import (
    RecordingUnit,
    Sent,
    caseworker_of,
    record_by_program,
)
from node.errors import ConflictError, NotFoundError, StaleEpochError
from node.ids import CaseId, RecordId
from node.strictjson import Json
from node.sync.office import Office

PATH: Final = "/v1/contacts"


def _known(name: str, text: str) -> str:
    if text not in code_list(name).codes:
        raise ValueError(name)
    return text


def _form(text: str) -> str:
    return _known("contact_form", text)


def _kind(text: str) -> str:
    return _known("contact_kind", text)


def _topic(text: str) -> str:
    return _known("topic", text)


_Code = Annotated[str, Field(min_length=1, max_length=40)]


class ContactRequest(BaseModel):
    """A contact with the person of one case."""

    model_config = STRICT

    case: Number = Field(description="Number of the case.")
    date: Day = Field(description="The day of the contact, not later than today.")
    form: Annotated[_Code, AfterValidator(_form)] = Field(
        description="Code of list contact_form."
    )
    kind: Annotated[_Code, AfterValidator(_kind)] = Field(
        description="Code of list contact_kind: whether it counts as a talk."
    )
    topics: Annotated[
        list[Annotated[_Code, AfterValidator(_topic)]],
        Field(min_length=1, max_length=12),
    ] = Field(description="Codes of list topic, the main one first.")
    minutes: Annotated[int, Field(ge=1, le=600)]
    note: Annotated[str, Field(max_length=2000)] = Field(
        default="", description="No diagnoses, no religion, no reasons of flight."
    )


class ContactAnswer(BaseModel):
    """A contact that was recorded; ``ETag`` is the new one of the case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Number of the entry.")
    case: str


async def record(request: web.Request) -> web.Response:
    """Record a contact; the same request again gives the same answer."""
    desk, token = request.config_dict[DESK], token_of(request)
    by = caseworker_of(token)
    key = idempotency_key(request)
    sent_body = await read_object(request)
    asked = validated(ContactRequest, sent_body)
    if date.fromisoformat(asked.date) > local_day(desk.office.clock.now()):
        raise ProblemError("input", [Fault("/date", "future")])
    case = CaseId(asked.case)
    digest = hashlib.sha256(strictjson.encode(sent_body)).digest()
    told = await desk.run.read(_told, token.digest, key, digest)
    if told is not None:
        return await _answer(request, by, told.answer, case, status=200)
    seen = tag_matched(request)
    contact = Contact(
        cases=(case,),
        epochs={case: seen[0]},
        values=_values(asked),
        note=asked.note.strip(),
    )
    sent = Sent(contact, seen, token.digest, key, digest)
    try:
        made: RecordId = await desk.run.write(_record, desk.office, sent, by)
    except StaleEpochError:
        # Race: the same request may have come first and changed the case itself.
        told = await desk.run.read(_told, token.digest, key, digest)
        if told is None:
            raise ProblemError("match") from None
        return await _answer(request, by, told.answer, case, status=200)
    except ConflictError:
        told = await desk.run.read(_told, token.digest, key, digest)
        if told is None:
            raise
        return await _answer(request, by, told.answer, case, status=200)
    return await _answer(request, by, made, case, status=201)


def _values(asked: ContactRequest) -> dict[str, Json]:
    return {
        "date": asked.date,
        "form": asked.form,
        "kind": asked.kind,
        "topics": list(dict.fromkeys(asked.topics)),
        "minutes": asked.minutes,
    }


def _told(
    uow: RecordingUnit, caller: bytes, key: str, request: bytes
) -> Repeated | None:
    """What this request was answered before.

    Raises:
        ProblemError: The key came with another request.
    """
    told = uow.programs.answered(caller, key)
    if told is not None and told.request != request:
        raise ProblemError("id-conflict")
    return told


def _record(uow: RecordingUnit, office: Office, sent: Sent, by: Actor) -> RecordId:
    return record_by_program(uow, office, sent, by=by)


async def _answer(
    request: web.Request, by: Actor, entry: str, case: CaseId, *, status: int
) -> web.Response:
    headers = {}
    # What was recorded before the case went elsewhere was recorded all the same.
    with suppress(NotFoundError):
        file = await request.config_dict[DESK].run.read(file_of, by, case)
        headers["ETag"] = tag_of(file)
    return web.Response(
        status=status,
        text=ContactAnswer(id=entry, case=case).model_dump_json(),
        content_type="application/json",
        headers=headers,
    )
