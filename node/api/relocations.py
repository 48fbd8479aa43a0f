"""``/api/v1/relocations``: the register office's software tells who moves where.

Enters: case numbers, the new place's AGS, the day. Leaves: a relocation and, with a route,
a transfer that is held until the consent gate says yes. Must never happen here: anything
that moves a case by itself; one request that takes effect twice (SR-F7). Implements FR-25,
FR-27 and the API side of SR-B11.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from node import strictjson
from node.accounts.policy import Actor
from node.api.asked import STRICT, Day, Number, Text, idempotency_key, validated
from node.api.gate import DESK, Desk, read_object, token_of
from node.api.problem import Fault, ProblemError
from node.cases.model import Baton
from node.cases.relocation import Relocation, Routing, Source
from node.casework.relocations import Move, Repeat, record_relocation
from node.errors import ConflictError, MalformedMessageError, NotFoundError
from node.ids import Ags, CaseId, RecordId
from node.report.people import People
from node.report.readings import ReadingUnit
from node.strictjson import JsonObject
from node.sync.limits import CASES_PER_TRANSFER
from node.sync.office import Office
from node.sync.ports import UnitOfWork

PATH: Final = "/v1/relocations"


def _ags(text: str) -> str:
    try:
        return Ags(text)
    except MalformedMessageError:
        raise ValueError("ags") from None


class PersonName(BaseModel):
    """A person as the register writes it; compared letter by letter."""

    model_config = STRICT

    family_name: Text
    given_names: Text
    birth_date: Day


class RelocationRequest(BaseModel):
    """Who moves where and when; the persons by their case numbers or by their names."""

    model_config = STRICT

    cases: Annotated[
        list[Number] | None,
        Field(min_length=1, max_length=CASES_PER_TRANSFER),
    ] = Field(default=None, description="Case numbers of who moves, each once.")
    persons: Annotated[
        list[PersonName] | None, Field(min_length=1, max_length=CASES_PER_TRANSFER)
    ] = Field(
        default=None,
        description="Instead of cases: names and birth dates, each of one own case.",
    )
    ags: Annotated[str, Field(pattern=r"^[0-9]{8}$"), AfterValidator(_ags)] = Field(
        description="Amtlicher Gemeindeschlüssel of the new place."
    )
    move_on: Day = Field(description="The day of the move.")
    household: bool = Field(
        default=False,
        description="Whether all active members of the named persons' households move.",
    )


class RelocationAnswer(BaseModel):
    """A recorded relocation and what became of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Number of the relocation.")
    routing: Routing = Field(
        description="What the directory says about the new place on that day."
    )
    transfer: str | None = Field(
        description="Number of the transfer that was prepared, if there is a route."
    )
    recipient: str | None = Field(description="Member id of the body it goes to.")
    cases: list[str] = Field(description="The cases that move.")
    ags: str
    move_on: date


async def record(request: web.Request) -> web.Response:
    """Record a relocation; the same request again gives the same answer."""
    desk = request.config_dict[DESK]
    key = idempotency_key(request)
    sent = await read_object(request)
    asked = _validated(sent)
    token = token_of(request)
    # What is asked, not how it is spelled: spaces and the order of members do not count.
    digest = hashlib.sha256(strictjson.encode(sent)).digest()
    repeat = Repeat(caller=f"token:{token.digest.hex()}", key=key, request=digest)
    by = Actor(scopes=token.scopes)
    known = await desk.run.read(_known, repeat)
    if known is not None:
        return _answer(known, status=200)
    named = asked.cases or await _found(desk, asked.persons or ())
    cases = await desk.run.read(_movers, named, asked)
    move = Move(
        cases=cases,
        ags=Ags(asked.ags),
        move_on=date.fromisoformat(asked.move_on),
        source=Source.REGISTER,
        policy=desk.office.town().delivery,
        repeat=repeat,
    )
    try:
        made = await desk.run.write(_record, desk.office, move, by, desk.places)
    except ConflictError:
        # Race: a request with the same key came first; then its answer is ours.
        known = await desk.run.read(_known, repeat)
        if known is None:
            raise
        return _answer(known, status=200)
    return _answer(made, status=201)


async def show(request: web.Request) -> web.Response:
    """One relocation."""
    try:
        relocation = RecordId(request.match_info["relocation"])
    except MalformedMessageError:
        raise NotFoundError("relocation") from None
    found = await request.config_dict[DESK].run.read(_get, relocation)
    return _answer(found, status=200)


def _validated(sent: JsonObject) -> RelocationRequest:
    """The request as a value, or a fault for each member that cannot be taken."""
    asked = validated(RelocationRequest, sent)
    if (asked.cases is None) == (asked.persons is None):
        raise ProblemError("input", [Fault("", "cases_or_persons")])
    if asked.cases is not None and len(set(asked.cases)) < len(asked.cases):
        raise ProblemError("input", [Fault("/cases", "duplicate")])
    return asked


def _known(uow: UnitOfWork, repeat: Repeat) -> Relocation | None:
    """What an earlier request with this key recorded.

    Raises:
        ProblemError: That request was another one.
    """
    stored = uow.relocations.by_idempotency(repeat.caller, repeat.key)
    if stored is None:
        return None
    request, answer = stored
    if request != repeat.request:
        raise ProblemError("id-conflict")
    return uow.relocations.get(RecordId(answer.decode()))


async def _found(desk: Desk, persons: Sequence[PersonName]) -> list[str]:
    """The one active case of each person.

    Raises:
        ProblemError: Nobody, or more than one person, is written so. Who is threatened is
            found by nobody but the own caseworker (FR-16).
    """
    await desk.run.read(_refreshed, desk.people)
    known: dict[tuple[str, str, str], list[str]] = {}
    for row in desk.people.all():
        if row.baton is Baton.ACTIVE and not row.threatened:
            key = (_plain(row.family_name), _plain(row.given_names), row.birth)
            known.setdefault(key, []).append(row.case)
    cases = []
    for number, person in enumerate(persons):
        names = _plain(person.family_name), _plain(person.given_names)
        fitting = known.get((*names, person.birth_date), [])
        if len(fitting) != 1:
            code = "ambiguous" if fitting else "not_found"
            raise ProblemError("input", [Fault(f"/persons/{number}", code)])
        cases.append(fitting[0])
    return list(dict.fromkeys(cases))


def _plain(name: str) -> str:
    """A name in one spelling of its characters (NFC), without outer blanks."""
    return unicodedata.normalize("NFC", name).strip()


def _refreshed(uow: ReadingUnit, people: People) -> None:
    people.refresh(uow.readings)


def _movers(
    uow: UnitOfWork, named: Sequence[str], asked: RelocationRequest
) -> tuple[CaseId, ...]:
    """The cases that move: the named ones, and perhaps who lives with them.

    Raises:
        NotFoundError: A named case was never here.
        ProblemError: More than one transfer holds.
    """
    movers: dict[CaseId, None] = {}
    for case in named:
        file = uow.cases.find_file(CaseId(case))
        if file is None:
            raise NotFoundError("case")
        movers[file.id] = None
        if asked.household and file.household is not None:
            for member in uow.cases.household(file.household):
                if member.baton is Baton.ACTIVE:
                    movers[member.id] = None
    if len(movers) > CASES_PER_TRANSFER:
        raise ProblemError("input", [Fault("/household", "too_many")])
    return tuple(movers)


def _record(
    uow: UnitOfWork, office: Office, move: Move, by: Actor, places: Mapping[Ags, str]
) -> Relocation:
    return record_relocation(uow, office, move, by=by, places=places)


def _get(uow: UnitOfWork, relocation: RecordId) -> Relocation:
    found = uow.relocations.get(relocation)
    if found.source is not Source.REGISTER:
        # What caseworkers or lists recorded is no business of a program.
        raise NotFoundError("relocation")
    return found


def _answer(relocation: Relocation, *, status: int) -> web.Response:
    answer = RelocationAnswer(
        id=relocation.id,
        routing=relocation.routing,
        # Without a route a person decides how it goes; a program has nothing to follow.
        transfer=relocation.transfer if relocation.recipient else None,
        recipient=relocation.recipient,
        cases=list(relocation.cases),
        ags=relocation.ags,
        move_on=relocation.move_on,
    )
    return web.Response(
        status=status,
        text=answer.model_dump_json(),
        content_type="application/json",
        headers={"Location": f"/api{PATH}/{relocation.id}"},
    )
