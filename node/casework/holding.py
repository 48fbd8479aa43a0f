"""Legal hold of a person: nothing of theirs is erased while a procedure needs it.

Enters: who acts, on which ground, why, until when. Leaves: the last day in the person's
record, where every erasure looks; ground, reason and who in a record of its own. Must never
happen: a hold without an end; one that begins the years of the case anew, for it is no work
with the person; one that ends without a reason. Implements the field ``legal_hold`` of the
field document, chapter 2, and ``legal_hold.set`` of its table of rights.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from node.accounts.policy import Action, Actor
from node.cases.codes import code_list
from node.cases.days import local_day
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.casework.cases import new_record, own_case
from node.casework.erasable import check_reason, lifted
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import CaseId
from node.sync.office import Office
from node.sync.ports import UnitOfWork

HOLD: Final = "hold"
GROUNDS: Final = "hold_ground"
MOST_YEARS: Final = 3
"""Up to the end of the year so many years from now; whoever needs longer says so then."""
_HERE: Final = frozenset({Baton.ACTIVE, Baton.HANDED_OVER})


@dataclass(frozen=True, slots=True)
class Held:
    """How a person stands: held by which record, if any; ``hindrance``: why it stays so."""

    file: CaseFile
    name: str
    record: Record | None
    hindrance: str


def hold_of(content: CaseContent, on: date) -> Record | None:
    """The hold that stands on a day; its last day counts."""
    return next(
        (
            record
            for record in reversed(content.of(HOLD))
            if not record.text("lifted_on") and on.isoformat() <= record.text("until")
        ),
        None,
    )


def last_day(today: date) -> date:
    """The last day until which a hold may be set."""
    return date(today.year + MOST_YEARS, 12, 31)


def look_hold(uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor) -> Held:
    """Whether a hold stands, for whose case it is.

    Raises:
        ForbiddenError: Nobody with these roles may.
        NotFoundError: No such case, not theirs, or nothing is left of it here.
        RestrictedError: It is locked; then nothing is erased either.
    """
    found, _ = _look(uow, office, case, by=by)
    return found


def set_hold(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    *,
    ground: str,
    reason: str,
    until: date | None,
    by: Actor,
) -> None:
    """From now on nothing of this person is erased, up to and with a day.

    Raises:
        InputError: No ground, no reason, no day, one that is over or too far away, or a
            handover comes first.
        ConflictError: A hold stands already.
        As ``look_hold``.
    """
    today = local_day(office.clock.now())
    with uow:
        found, person = _look(uow, office, case, by=by)
        if found.record is not None:
            raise ConflictError("held before")
        if ground not in code_list(GROUNDS).codes:
            raise InputError("ground", "missing")
        check_reason(reason)
        if until is None:
            raise InputError("until", "missing")
        if not today <= until <= last_day(today):
            raise InputError("until", "past" if until < today else "too_far")
        if found.hindrance or person is None:
            raise InputError("case", found.hindrance)
        said = {
            "ground": ground,
            "reason": reason.strip(),
            "set_on": today.isoformat(),
            "until": until.isoformat(),
        }
        uow.cases.put(
            [
                new_record(office, case, HOLD, said, by=by.account),
                _marked(person, until.isoformat()),
            ]
        )
        uow.commit()


def lift_hold(
    uow: UnitOfWork, office: Office, case: CaseId, *, reason: str, by: Actor
) -> None:
    """The procedure is over: what is due may go.

    Raises:
        InputError: No reason, or a handover comes first.
        ConflictError: No hold stands.
        As ``look_hold``.
    """
    with uow:
        found, person = _look(uow, office, case, by=by)
        if found.record is None:
            raise ConflictError("not held")
        check_reason(reason)
        if found.hindrance or person is None:
            raise InputError("case", found.hindrance)
        uow.cases.put(
            [
                lifted(office, found.record, reason, by=by.account),
                _marked(person, None),
            ]
        )
        uow.commit()


def _look(
    uow: UnitOfWork, office: Office, case: CaseId, *, by: Actor
) -> tuple[Held, Record | None]:
    file = own_case(uow, by, case, Action.LEGAL_HOLD_SET)
    if not by.owns(file.caseworker) or file.baton is Baton.SHREDDED:
        raise NotFoundError("case")
    content = uow.cases.content(case)
    person = content.person
    held = Held(
        file,
        content.name,
        hold_of(content, local_day(office.clock.now())),
        "" if file.baton in _HERE and person is not None else "under_way",
    )
    return held, person


def _marked(person: Record, until: str | None) -> Record:
    """The person with the day; who and when stand in the hold's own record."""
    return replace(person, values={**person.values, "legal_hold": until})
