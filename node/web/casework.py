"""Between pages and use cases: who acts, whose case it is, what things are called.

Enters: a request. Leaves: an actor, an open case, names of bodies and colleagues. Must
never happen: a case shown to somebody whose it is not, or shown without a line in the read
log (SR-B9, SR-D5).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from aiohttp import web

from node.accounts.model import Reading
from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import Baton, CaseContent, CaseFile
from node.cases.retention import Keeping
from node.casework.archiving import keeping_for
from node.casework.cases import is_protected, own_case
from node.errors import ErasedError, NotFoundError, TrustError
from node.ids import AccountId, CaseId, Hex128, MemberId, RecordId
from node.report.people import People
from node.report.readings import PersonRow, ReadingUnit
from node.sync.office import Office
from node.sync.sourceend import BEGUN
from node.sync.transfer import HOLDING, Outbound, OutboundTransfer
from node.sync.words import Kind
from node.web.failures import Handover
from node.web.failures import stale as stale_page
from node.web.frame import Parts, account_of, form_of, parts_of, see_other
from node.web.typed import ids


def actor(request: web.Request) -> Actor:
    """Who acts, as the permission table knows them."""
    return account_of(request).actor


def today(request: web.Request) -> date:
    """The day in Germany."""
    return local_day(parts_of(request).clock.now())


def once(request: web.Request, purpose: str) -> str:
    """32 hex digits that are the same each time the same form arrives.

    What the browser sends is only a seed: nobody can choose the number of something that
    exists.
    """
    account = account_of(request)
    seed = f"{account.id}\0{purpose}\0{form_of(request).text('_once')}"
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def new_once(request: web.Request) -> str:
    """A seed for a form that is about to be shown."""
    return Hex128.of(parts_of(request).randomness(16))


async def people_of(request: web.Request) -> People:
    """Everybody's names, as they are now."""
    parts = parts_of(request)
    await parts.run.read(refreshed, parts.people)
    return parts.people


def refreshed(uow: ReadingUnit, people: People) -> None:
    """Bring them up to date."""
    people.refresh(uow.readings)


async def colleagues(request: web.Request) -> Mapping[AccountId, str]:
    """Who works here, by name."""
    return await parts_of(request).run.read(_colleagues)


def _colleagues(uow: ReadingUnit) -> Mapping[AccountId, str]:
    return {account.id: account.name for account in uow.accounts.all()}


def body_name(parts: Parts, member: MemberId | None) -> str:
    """What a body is called; a body the directory does not know keeps its id."""
    if member is None:
        return ""
    try:
        return parts.office.directory().member(member).name
    except TrustError:
        return str(member)


def recipient_name(parts: Parts, transfer: OutboundTransfer) -> str:
    """Who shall receive: a member by its name, a body without a node by its place."""
    if transfer.recipient is not None or transfer.body is None:
        return body_name(parts, transfer.recipient)
    return parts.places.get(transfer.body, str(transfer.body))


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case opened for its caseworker, a deputy, or in an emergency.

    ``keeping`` says how long it stays; None unless it is closed here.
    """

    person: PersonRow
    content: CaseContent
    transfers: tuple[OutboundTransfer, ...]
    keeping: Keeping | None = None

    @property
    def file(self) -> CaseFile:
        """Its file."""
        return self.content.file

    @property
    def under_way(self) -> OutboundTransfer | None:
        """The transfer that holds the case or is held back, if there is one."""
        running = HOLDING | {Outbound.HELD}
        return next((t for t in self.moves if t.state in running), None)

    @property
    def departure(self) -> OutboundTransfer | None:
        """The transfer by which the case went to another body."""
        gone = {Outbound.CLOSED, Outbound.DURABLE, Outbound.ERASED}
        return next((t for t in reversed(self.moves) if t.state in gone), None)

    @property
    def moves(self) -> Sequence[OutboundTransfer]:
        """The transfers that move the case, without the addenda that follow it."""
        return [t for t in self.transfers if t.kind is not Kind.ADDENDUM]


async def opened_case(request: web.Request, case: CaseId) -> OpenCase:
    """Open a case for whoever asks, and note that they did.

    Raises:
        NotFoundError: No such case, or not theirs.
    """
    parts = parts_of(request)
    found = await parts.run.read(_open, parts.office, case, by=actor(request))
    await parts.run.write(
        _note, Reading(account_of(request).id, case, parts.clock.now(), "case.read")
    )
    return found


async def chosen_case(request: web.Request) -> OpenCase | web.Response:
    """The case that the address or the form names, as far as it is worked on here.

    Returns:
        Otherwise the answer: its own page says where it is; a form came too late.

    Raises:
        NotFoundError: No such case, or not theirs.
    """
    is_sent = request.method == "POST"
    text = form_of(request).text("_case") if is_sent else request.query.get("case", "")
    chosen = ids([text], CaseId)
    if not chosen:
        raise NotFoundError("case")
    case = await opened_case(request, chosen[0])
    if case.file.baton is Baton.ACTIVE:
        return case
    if is_sent:
        return await stale(request, chosen[0])
    return await see_other(request, f"/cases/{chosen[0]}")


def _open(uow: ReadingUnit, office: Office, case: CaseId, *, by: Actor) -> OpenCase:
    file = own_case(uow, by, case, "case.read")
    if file.baton is Baton.SHREDDED:
        raise erased_error(uow, case)
    person = uow.readings.people([case])
    if not person:
        raise NotFoundError("case")
    content = uow.cases.content(case)
    return OpenCase(
        person=person[0],
        content=_shown(content, by),
        transfers=tuple(uow.outbound.of_case(case)),
        keeping=keeping_for(uow, office, content),
    )


def _shown(content: CaseContent, by: Actor) -> CaseContent:
    """The case without what protects the person, where one hand is not enough (K14)."""
    if by.sees_protection(content.file):
        return content
    return replace(
        content, records=tuple(r for r in content.records if not is_protected(r))
    )


def erased_error(uow: ReadingUnit, case: CaseId) -> ErasedError:
    """What a page says of a case that is gone: since when, and why if people decided."""
    decided = uow.erased_cases.newest(case)
    gone = _erased_on(uow, case, since=decided.agreed_at if decided else None)
    if decided is None or gone is not None:
        return ErasedError("case", on=gone)
    day = local_day(decided.agreed_at)
    return ErasedError("case", on=day, ground=decided.ground)


def _erased_on(
    uow: ReadingUnit, case: CaseId, *, since: datetime | None
) -> date | None:
    """The day on which our copy went, after it was handed over."""
    days = [
        local_day(transfer.facts[BEGUN])
        for transfer in uow.outbound.of_case(case)
        if BEGUN in transfer.facts and (since is None or transfer.created_at > since)
    ]
    return max(days, default=None)


def _note(uow: ReadingUnit, reading: Reading) -> None:
    with uow:
        uow.read_log.add(reading)
        uow.commit()


async def household_of(request: web.Request, person: PersonRow) -> list[PersonRow]:
    """Everybody of the household but this person."""
    if person.household is None:
        return []
    people = await people_of(request)
    cases = await parts_of(request).run.read(_household, person.household)
    return [p for p in people.among(cases) if p.case != person.case]


def _household(uow: ReadingUnit, household: RecordId) -> Sequence[CaseId]:
    return uow.readings.household(household)


async def stale(
    request: web.Request, case: CaseId, *, typed: Sequence[str] | None = None
) -> web.Response:
    """The page of a case that moved on meanwhile; what was typed stands on it."""
    parts = parts_of(request)
    left = await parts.run.read(_departure, case, by=actor(request))
    gone = None if left is None else handover(parts, left)
    return stale_page(request, gone, typed=typed)


def handover(parts: Parts, transfer: OutboundTransfer) -> Handover:
    """Where a case is under way to, or has gone, and since when."""
    since = transfer.facts.get(Outbound.CLOSED) or transfer.facts.get(Outbound.QUEUED)
    return Handover(
        place=recipient_name(parts, transfer),
        on=local_day(since or transfer.created_at),
        address=f"/outbox/{transfer.id}",
    )


def _departure(uow: ReadingUnit, case: CaseId, *, by: Actor) -> OutboundTransfer | None:
    own_case(uow, by, case, "case.read")
    over = {Outbound.CLOSED, Outbound.DURABLE, Outbound.ERASED, *HOLDING}
    found = [
        t
        for t in uow.outbound.of_case(case)
        if t.state in over and t.kind is not Kind.ADDENDUM
    ]
    return found[-1] if found else None
