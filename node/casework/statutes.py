"""Handing over by law instead of consent: asked by one, agreed by another, objected to.

Enters: a paragraph of the list in force, why, what of whom may go to which body until when.
Leaves: the wish within the case, and a task; then the legal basis, its log entry, and the
reason beside it, which never travels. Must never happen: one account that does both; a basis
that the second person did not see so; a paragraph that is not in force; a handover that goes
on after an objection. Implements FR-21 (``statute.record``, four eyes), SR-B7, DO-32.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Protocol

from node import strictjson
from node.accounts.policy import Action, Actor, Relation, needs_second
from node.cases.asking import check_end
from node.cases.consent import (
    DOCUMENTS,
    RESPONSIBLE_AT_NEW_PLACE,
    Basis,
    Consent,
    GivenBy,
)
from node.cases.days import local_day
from node.cases.model import CATEGORIES, UNSEEN, CaseContent, Record
from node.cases.standing import MINIMUM
from node.cases.townsettings import Town
from node.casework.cases import editable_case, new_id, new_record
from node.casework.consents import clock_end, log_recorded
from node.casework.erasable import check_reason
from node.casework.relocations import retry_held
from node.casework.seconds import (
    ask_second,
    has_lapsed,
    open_to_second,
    require_two,
)
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
)
from node.ids import AccountId, CaseId, ConsentId, RecordId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.ports import UnitOfWork

TASK: Final = Action.STATUTE_RECORD
DECLINED: Final = "statute.declined"
"""The task of whoever asked: the second person said no."""
USE: Final = "statute_use"
"""The kind of record that holds a wish, and later why the basis was used."""


class StatuteUnit(UnitOfWork, Protocol):
    """A unit of work with the town's paragraphs."""

    @property
    def town(self) -> Town:
        """Topics and statutes."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one person asks for; ``recipient`` as a consent names it."""

    case: CaseId
    epoch: int
    statute: str
    recipient: str
    categories: frozenset[str]
    documents: frozenset[RecordId]
    valid_until: date | None
    reason: str
    secrecy_release: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """A wish that still counts, as both people see it.

    ``title`` is the paragraph in full, ``papers`` are titles and kinds of the documents.
    """

    record: Record
    name: str
    title: str
    wanted: Wanted
    papers: Sequence[tuple[str, str]]
    asked_by: AccountId
    asked_at: datetime


def in_force(uow: StatuteUnit) -> Mapping[str, str]:
    """The paragraphs that two administrators have put in force: in full, by short name."""
    return {s.code: s.title for s in uow.town.statutes() if s.is_in_force}


def ask_use(uow: StatuteUnit, office: Office, wanted: Wanted, *, by: Actor) -> None:
    """Ask that a case may be handed over by law; nothing counts until a second agrees.

    Raises:
        InputError: No paragraph in force, no body, without the minimum, a document without
            its category, no end or one beyond the counselling clock, no reason.
        ForbiddenError: No caseworker.
        NotFoundError: Not theirs.
        StaleEpochError: The case moved.
    """
    if not needs_second(by, TASK, relation=Relation.OWN):
        raise ForbiddenError(TASK)
    now = office.clock.now()
    with uow:
        # The table wants two hands; the first one is who may record a consent here.
        editable_case(
            uow, by, wanted.case, epoch=wanted.epoch, action=Action.CONSENT_RECORD
        )
        content = uow.cases.content(wanted.case)
        _check(uow, office, content, wanted, local_day(now))
        _forget(uow, content)
        assert wanted.valid_until is not None
        said: Mapping[str, Json] = {
            "statute": wanted.statute,
            "recipients": [wanted.recipient],
            "categories": sorted(wanted.categories),
            "documents": sorted(str(d) for d in wanted.documents),
            "valid_until": wanted.valid_until.isoformat(),
            "secrecy_release": wanted.secrecy_release,
            "asked_at": now.isoformat(),
            "asked_by": str(by.account),
            "reason": wanted.reason.strip(),
        }
        record = new_record(office, wanted.case, USE, said, by=by.account)
        uow.cases.put([record])
        uow.tasks.settle(DECLINED, case=wanted.case)
        ask_second(uow, TASK, wanted.case, at=now, by=by)
        uow.commit()


def take_back(uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor) -> None:
    """Whose case it is asks no more.

    Raises:
        NotFoundError: Nobody asks, or not theirs.
    """
    with uow:
        file = uow.cases.find_file(case)
        if file is None or file.baton in UNSEEN or not by.owns(file.caseworker):
            raise NotFoundError("case")
        content = uow.cases.content(case)
        if _newest(content, office.clock.now()) is None:
            raise NotFoundError("statute")
        _forget(uow, content)
        uow.commit()


def asked_for(uow: StatuteUnit, office: Office, content: CaseContent) -> Use | None:
    """The wish that stands in an open case, for whose case it is."""
    record = _newest(content, office.clock.now())
    return None if record is None else _use(uow, content, record)


def open_use(uow: StatuteUnit, office: Office, case: CaseId, *, by: Actor) -> Use:
    """What the second person sees: the wish, and nothing else of the case.

    Raises:
        ForbiddenError: Not a role that may be second.
        NotFoundError: Nobody asks, or it lapsed.
    """
    open_to_second(uow, TASK, case, by=by)
    found = asked_for(uow, office, uow.cases.content(case))
    if found is None:
        raise NotFoundError("statute")
    return found


def decide_use(
    uow: StatuteUnit,
    office: Office,
    case: CaseId,
    *,
    agrees: bool,
    seen: RecordId,
    by: Actor,
) -> Consent | None:
    """The second person's word: the legal basis counts from now on, or is forgotten.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        case: Whose.
        agrees: The word.
        seen: The wish that was shown; it never changes, another one has another number.
        by: Who says it.

    Raises:
        ForbiddenError: Who asked cannot be the second; nor who is no approver.
        ConflictError: Another wish than the one that was shown.
        InputError: The paragraph is no longer in force, or the end is past.
        StaleEpochError: The case is not editable here any more.
        NotFoundError: Nobody asks any more.
    """
    now = office.clock.now()
    with uow:
        use = open_use(uow, office, case, by=by)
        require_two(uow, TASK, use.asked_by, on=local_day(now), by=by)
        if use.record.id != seen:
            raise ConflictError("another wish")
        content = uow.cases.content(case)
        if not agrees:
            _forget(uow, content)
            uow.tasks.add(DECLINED, at=now, case=case)
            uow.commit()
            return None
        content.file.require_editable(content.file.epoch)
        _check(uow, office, content, use.wanted, local_day(now))
        made = _basis(office, use, now=now, second=by.account)
        entry = log_recorded(uow, office, made, by=use.asked_by)
        made = replace(made, entry=entry)
        uow.consents.put(made)
        agreed = {
            **use.record.values,
            "consent": str(made.id),
            "agreed_at": now.isoformat(),
            "agreed_by": str(by.account),
        }
        uow.cases.put([replace(use.record, values=agreed)])
        uow.tasks.settle(TASK, case=case)
        uow.tasks.settle("consent.missing", case=case)
        retry_held(uow, case)
        uow.commit()
    return made


def reason_of(content: CaseContent, basis: ConsentId) -> str:
    """Why a legal basis was used; it stays in the case and never travels."""
    found = [r for r in content.of(USE) if r.text("consent") == str(basis)]
    return found[-1].text("reason") if found else ""


def _check(
    uow: StatuteUnit, office: Office, content: CaseContent, wanted: Wanted, on: date
) -> None:
    if wanted.statute not in in_force(uow):
        raise InputError("statute", "missing")
    if not _is_body(office, wanted.recipient):
        raise InputError("recipient", "missing")
    if MINIMUM not in wanted.categories or not wanted.categories <= set(CATEGORIES):
        raise InputError("categories", "missing")
    known = {r.id for r in content.of("document")}
    if not wanted.documents <= known or (
        wanted.documents and DOCUMENTS not in wanted.categories
    ):
        raise InputError("documents", "category")
    check_end(on, wanted.valid_until, clock_end(content))
    check_reason(wanted.reason)


def _is_body(office: Office, recipient: str) -> bool:
    if recipient == RESPONSIBLE_AT_NEW_PLACE:
        return True
    return any(
        recipient == f"member:{member.id}" and member.id != office.member
        for member in office.directory().members()
    )


def _basis(
    office: Office, use: Use, *, now: datetime, second: AccountId | None
) -> Consent:
    """The legal basis, in the form in which the gate asks for it."""
    wanted, number = use.wanted, ConsentId(new_id(office, now))
    assert wanted.valid_until is not None
    today = local_day(now)
    said: dict[str, Json] = {
        "v": 1,
        "consent": str(number),
        "case": str(wanted.case),
        "basis": str(Basis.STATUTE),
        "statute": wanted.statute,
        "title": use.title,
        "purpose": "relocation",
        "recipients": [wanted.recipient],
        "categories": sorted(wanted.categories),
        "documents": sorted(str(d) for d in wanted.documents),
        "valid_from": today.isoformat(),
        "valid_until": wanted.valid_until.isoformat(),
        "second": True,
    }
    evidence = strictjson.encode(said)
    return Consent(
        id=number,
        case=wanted.case,
        given_by=GivenBy.SELF,
        guardians=(),
        basis=Basis.STATUTE,
        purpose="relocation",
        recipients=(wanted.recipient,),
        categories=wanted.categories,
        documents=wanted.documents,
        valid_from=today,
        valid_until=wanted.valid_until,
        recorded_at=now,
        recorded_by=use.asked_by,
        language="de",
        form="",
        text_version="",
        evidence=evidence,
        digest=hashlib.sha256(evidence).digest(),
        salt=office.randomness(32),
        statute=wanted.statute,
        second=second,
        secrecy_release=wanted.secrecy_release,
    )


def _use(uow: StatuteUnit, content: CaseContent, record: Record) -> Use:
    values = record.values
    (recipient,) = _texts(values.get("recipients"))
    wanted = Wanted(
        case=content.file.id,
        epoch=content.file.epoch,
        statute=record.text("statute"),
        recipient=recipient,
        categories=frozenset(_texts(values.get("categories"))),
        documents=frozenset(map(RecordId, _texts(values.get("documents")))),
        valid_until=date.fromisoformat(record.text("valid_until")),
        reason=record.text("reason"),
        secrecy_release=values.get("secrecy_release") is True,
    )
    return Use(
        record=record,
        name=content.name,
        title=in_force(uow).get(wanted.statute, wanted.statute),
        wanted=wanted,
        papers=[
            (paper.text("title"), paper.text("doc_kind"))
            for paper in content.of("document")
            if paper.id in wanted.documents
        ],
        asked_by=AccountId(record.text("asked_by")),
        asked_at=datetime.fromisoformat(record.text("asked_at")),
    )


def _texts(value: Json) -> Sequence[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _newest(content: CaseContent, now: datetime) -> Record | None:
    """The wish that still counts: nobody agreed to it yet, and it has not lapsed."""
    for record in content.of(USE):
        asked_at = datetime.fromisoformat(record.text("asked_at"))
        if not record.text("consent") and not has_lapsed(asked_at, now):
            return record
    return None


def _forget(uow: UnitOfWork, content: CaseContent) -> None:
    """No wish stands any more; what a basis rests on stays."""
    wishes = [r for r in content.of(USE) if not r.text("consent")]
    if wishes:
        uow.cases.remove(content.file.id, wishes)
    uow.tasks.settle(TASK, case=content.file.id)
