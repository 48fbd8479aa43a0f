"""Consents: recorded with evidence and a log entry, withdrawn as easily as given.

Enters: what a person said, in which form and language. Leaves: the consent, its entry, and
on withdrawal the end of every transfer that rests on it. Must never happen: a consent
without an end; a withdrawal that waits for anybody (HO-34, FR-24). Implements FR-20 to
FR-24, DO-14.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from node import strictjson
from node.accounts.policy import Actor, require
from node.cases.asking import check_end
from node.cases.consent import Basis, Consent, GivenBy
from node.cases.days import local_day
from node.cases.model import (
    CaseContent,
    counselling_last_day,
)
from node.casework.cases import editable_case, new_id
from node.casework.relocations import retry_held
from node.errors import InputError
from node.failpoints import Point
from node.ids import AccountId, CaseId, ConsentId, RecordId
from node.strictjson import Json
from node.sync import sender
from node.sync.logbook import Who
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft, Wake
from node.sync.transfer import OutboundTransfer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person, or who answers for them, said; ``categories`` empty means no."""

    case: CaseId
    epoch: int
    given_by: GivenBy
    recipients: tuple[str, ...]
    categories: frozenset[str]
    valid_until: date | None
    language: str
    form: str
    text_version: str
    evidence: Mapping[str, Json]
    guardians: tuple[CaseId, ...] = ()
    documents: frozenset[RecordId] = frozenset()
    purpose: str = "relocation"
    announce_by_name: bool = False
    secrecy_release: bool = False
    contact_back: bool = False
    may_tell_old_office: bool = False
    id: ConsentId | None = None
    """Drawn when the device was handed over or the paper printed; else now."""


def record_consent(
    uow: UnitOfWork, office: Office, answer: Answer, *, by: Actor
) -> Consent:
    """Record a yes or a no, with its evidence and its log entry.

    Raises:
        InputError: No end, an end before the beginning or beyond the counselling clock.
        StaleEpochError: The case is not editable here any more.
    """
    with uow:
        consent = keep_answer(uow, office, answer, by=by)
        uow.commit()
    return consent


def keep_answer(
    uow: UnitOfWork, office: Office, answer: Answer, *, by: Actor
) -> Consent:
    """As ``record_consent``, within a unit of work that the caller commits."""
    now = office.clock.now()
    today = local_day(now)
    editable_case(uow, by, answer.case, epoch=answer.epoch, action="consent.record")
    end = answer.valid_until or today
    if answer.categories:
        last_day = clock_end(uow.cases.content(answer.case))
        end = check_end(today, answer.valid_until, last_day)
    consent = make_consent(office, answer, now=now, until=end, by=by.account)
    consent = replace(consent, entry=log_recorded(uow, office, consent, by=by.account))
    uow.consents.put(consent)
    uow.tasks.settle("consent.missing", case=answer.case)
    retry_held(uow, answer.case)
    return consent


def clock_end(content: CaseContent) -> date:
    """The last day of the counselling clock (FR-1), an extension included."""
    person = content.person
    start = date.fromisoformat(person.text("counselling_start")) if person else None
    extended = person.values.get("clock_extension") if person else None
    if start is None:
        raise InputError("counselling_start", "missing")
    return counselling_last_day(start, 4 if extended else 3)


def make_consent(
    office: Office,
    answer: Answer,
    *,
    now: datetime,
    until: date,
    by: AccountId | None,
) -> Consent:
    """An answer as a consent, with the bytes that were agreed to as its evidence."""
    today = local_day(now)
    consent_id = answer.id or ConsentId(new_id(office, now))
    said: dict[str, Json] = {
        "v": 1,
        "consent": str(consent_id),
        "case": str(answer.case),
        "given_by": str(answer.given_by),
        "purpose": answer.purpose,
        "recipients": sorted(answer.recipients),
        "categories": sorted(answer.categories),
        "documents": sorted(str(d) for d in answer.documents),
        "valid_from": today.isoformat(),
        "valid_until": until.isoformat(),
        "announce_by_name": answer.announce_by_name,
        "contact_back": answer.contact_back,
        "may_tell_old_office": answer.may_tell_old_office,
        "language": answer.language,
        "form": answer.form,
        "text_version": answer.text_version,
        **{f"evidence_{key}": value for key, value in answer.evidence.items()},
    }
    evidence = strictjson.encode(said)
    return Consent(
        id=consent_id,
        case=answer.case,
        given_by=answer.given_by,
        guardians=answer.guardians,
        basis=Basis.CONSENT,
        purpose=answer.purpose,
        recipients=answer.recipients,
        categories=answer.categories,
        documents=answer.documents,
        valid_from=today,
        valid_until=until,
        recorded_at=now,
        recorded_by=by,
        language=answer.language,
        form=answer.form,
        text_version=answer.text_version,
        evidence=evidence,
        digest=hashlib.sha256(evidence).digest(),
        salt=office.randomness(32),
        announce_by_name=answer.announce_by_name,
        secrecy_release=answer.secrecy_release,
        contact_back=answer.contact_back,
        may_tell_old_office=answer.may_tell_old_office,
        declined_on=None if answer.categories else today,
    )


def log_recorded(
    uow: UnitOfWork,
    office: Office,
    consent: Consent,
    *,
    by: AccountId | None,
    at: datetime | None = None,
) -> bytes:
    """Write ``consent.recorded``; gives its commitment.

    A legal basis names its paragraph there, and who agreed to it as the second person.
    """
    return _append_consent(
        uow,
        consent,
        "consent.recorded",
        {
            "consent": uow.log.blind_consent(consent.case, consent.evidence),
            "scope": sorted(consent.categories),
            "recipients": sorted(consent.recipients),
            "valid_from": consent.valid_from.isoformat(),
            "valid_until": consent.valid_until.isoformat(),
            "basis": consent.ground if consent.statute else "consent",
            "register": office.register,
        },
        at=at or consent.recorded_at,
        by=Who("caseworker", by, consent.second),
    )


def log_moved(
    uow: UnitOfWork,
    office: Office,
    consent: Consent,
    to: CaseId,
    *,
    by: AccountId | None,
) -> Consent:
    """The consent in another case of the same person, after a merge or its undo.

    What still stands ends in the chain it came from and is recorded in the other one, so
    that a handover which rests on it can be checked (EL-8). What is over says nothing new.
    """
    now = office.clock.now()
    moved = replace(consent, case=to)
    is_over = consent.withdrawn_at or consent.declined_on or consent.replaced_by
    if is_over or consent.entry is None or consent.valid_until < local_day(now):
        return moved
    blind = uow.log.blind_consent(consent.case, consent.evidence)
    _append_consent(
        uow,
        consent,
        "consent.replaced",
        {"consent": blind, "outcome": "replaced"},
        at=now,
        by=Who("caseworker", by),
    )
    return replace(moved, entry=log_recorded(uow, office, moved, by=by, at=now))


def _append_consent(
    uow: UnitOfWork,
    consent: Consent,
    kind: str,
    fields: Mapping[str, Json],
    *,
    at: datetime,
    by: Who,
) -> bytes:
    """Append to the person's consent chain and remember its newest entry."""
    entry = uow.log.append(
        EntryDraft(
            type=kind,
            at=at,
            group=f"consent:{consent.case}",
            fields=fields,
            role=by.role,
            actor=by.account,
            second=by.second,
            prev=uow.consents.last_entry(consent.case),
        )
    )
    uow.consents.set_last_entry(consent.case, entry)
    uow.wake(Wake.PUBLISH, "")
    return entry


def withdraw_consent(
    uow: UnitOfWork,
    office: Office,
    consent_id: ConsentId,
    *,
    how: str,
    by: Actor,
    said_by: str | None = None,
) -> list[OutboundTransfer]:
    """Take a withdrawal, in any form, effective at once (FR-24, HO-34).

    To a legal basis a person objects instead (Art. 21 GDPR): what rests on it stops until
    two people have decided anew.

    Args:
        uow: The transaction.
        office: Keys, clock, chance.
        consent_id: Which.
        how: ``spoken``, ``written`` or ``other``.
        by: Who took it.
        said_by: Who said it, if that was noted: a code of list ``given_by``.

    Returns:
        The transfers it stopped or gave notice of.

    Raises:
        NotFoundError: No such consent.
        InputError: It was withdrawn before.
    """
    require(by, "consent.withdraw")
    now = office.clock.now()
    role = "approver" if "caseworker" not in by.roles else "caseworker"
    with uow:
        consent = uow.consents.get(consent_id)
        if consent.withdrawn_at is not None:
            raise InputError("consent", "withdrawn_before")
        ended = replace(
            consent,
            withdrawn_at=now,
            withdrawn_how=how,
            withdrawn_by=said_by,
            received_by=by.account,
        )
        uow.consents.put(ended)
        fields = {
            "consent": uow.log.blind_consent(consent.case, consent.evidence),
            "outcome": "withdrawn",
        }
        who = Who(role, by.account)
        _append_consent(uow, consent, "consent.withdrawn", fields, at=now, by=who)
        stopped = sender.basis_ended(uow, office, ended, who=who)
        # Crash here: the consent stands, but the register may tell that share B is gone;
        # then the next start stops the transfer (HO-19).
        office.failpoints.reach(Point.WITHDRAW_BEFORE_COMMIT)
        uow.after_commit(partial(office.failpoints.reach, Point.WITHDRAW_AFTER_COMMIT))
        uow.commit()
    return stopped
