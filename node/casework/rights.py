"""The rights of the person: a copy of everything, and requests to correct (Art. 15, 16, 20).

Enters: who acts, whose case. Leaves: everything stored in one reading that is itself on
record; a request with its decision and reason. Must never happen: a copy nobody wrote down;
an edit of what stays after a handover (DO-35); a decision without a reason. Implements
DO-34, DO-35, SR-D5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from node.accounts.model import Reading
from node.accounts.policy import Actor
from node.cases.addendum import CORRECTION
from node.cases.codes import code_list
from node.cases.days import local_day
from node.cases.model import CaseContent, Former, Record
from node.cases.relocation import Relocation
from node.cases.standing import Consent
from node.casework.cases import editable_case, new_record, own_case
from node.casework.sidenotes import NOTE_CHARACTERS
from node.casework.withdrawals import read_aftermath
from node.errors import ConflictError, ErasedError, InputError, NotFoundError
from node.ids import AccountId, CaseId, RecordId
from node.report.casepage import standing
from node.report.readings import ReadingUnit, TaskRow
from node.sync.aftermath import Aftermath
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import InboundTransfer, OutboundTransfer

ACTION: Final = "rights.export"
DECISIONS: Final = "correction_decision"


@dataclass(frozen=True, slots=True)
class Everything:
    """All that is stored about one person, as it lies here."""

    content: CaseContent
    consents: tuple[Consent, ...]
    sent: tuple[tuple[OutboundTransfer, Aftermath], ...]
    received: tuple[tuple[InboundTransfer, Aftermath], ...]
    readings: tuple[Reading, ...]
    former: tuple[Former, ...]
    relocations: tuple[Relocation, ...]
    tasks: tuple[TaskRow, ...]
    names: Mapping[AccountId, str]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of the case, opened."""

    record: RecordId
    media_type: str
    content: bytes


def gather(uow: ReadingUnit, office: Office, case: CaseId, *, by: Actor) -> Everything:
    """Read everything for the person, and write down that it was read.

    Raises:
        NotFoundError: No such case, or not theirs.
        ErasedError: Its key was destroyed.
    """
    with uow:
        own_case(uow, by, case, ACTION)
        assert by.account is not None
        uow.read_log.add(Reading(by.account, case, office.clock.now(), ACTION))
        received = [uow.inbound.get(t) for t in uow.inbound.of_case(case)]
        # What was announced before opening was read under the number of the transfer.
        readings = [
            reading
            for about in (case, *(CaseId(str(t.id)) for t in received))
            for reading in uow.read_log.of_case(about)
        ]
        content = uow.cases.content(case)
        found = Everything(
            content=content,
            consents=tuple(uow.consents.of_case(case)),
            sent=tuple(
                (t, read_aftermath(uow, t.id, is_ours=True))
                for t in uow.outbound.of_case(case)
            ),
            received=tuple(
                (t, read_aftermath(uow, t.id, is_ours=False)) for t in received
            ),
            readings=tuple(sorted(readings, key=lambda r: r.at)),
            former=tuple(uow.cases.former(case, [r.id for r in content.records])),
            relocations=tuple(uow.relocations.of_case(case)),
            tasks=tuple(t for t in uow.readings.tasks() if t.case == case),
            names={account.id: account.name for account in uow.accounts.all()},
        )
        uow.commit()
    return found


def papers(
    uow: UnitOfWork, case: CaseId, wanted: Sequence[RecordId], *, by: Actor
) -> tuple[Paper, ...]:
    """Documents of the case, opened; a reading unit. One whose file is gone is left out."""
    own_case(uow, by, case, ACTION)
    found = []
    for number in wanted:
        try:
            record = uow.cases.record(case, number)
            digest = bytes.fromhex(record.text("digest"))
            content = b"".join(uow.cases.open_document(case, digest))
        except (NotFoundError, ErasedError, ValueError):
            continue
        found.append(Paper(number, record.text("media_type"), content))
    return tuple(found)


# -- Requests to correct -----------------------------------------------------------------


def ask_correction(
    uow: UnitOfWork, office: Office, case: CaseId, text: str, *, epoch: int, by: Actor
) -> RecordId:
    """Record what the person says is wrong, in a case that lives here.

    Raises:
        InputError: No text, or a longer one than a note has.
        StaleEpochError: The case is not editable here; after a handover the request goes
            after it (``sidenotes.send_after``).
    """
    _check("text", text)
    with uow:
        editable_case(uow, by, case, epoch=epoch, action="rights.correct")
        today = local_day(office.clock.now()).isoformat()
        values = {"date": today, "text": text.strip()}
        made = new_record(office, case, CORRECTION, values, by=by.account)
        uow.cases.put([made])
        uow.commit()
    return made.id


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a request: a code of the list ``correction_decision``, and why."""

    decision: str
    reason: str


def decide_correction(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    request: RecordId,
    verdict: Verdict,
    *,
    epoch: int,
    by: Actor,
) -> None:
    """Decide on a request, once; it may have come from the office that had the case.

    Raises:
        InputError: No decision of the list, or no reason.
        NotFoundError: No such request.
        ConflictError: It was decided before.
        StaleEpochError: The case is not editable here any more.
    """
    if verdict.decision not in code_list(DECISIONS).codes:
        raise InputError("decision", "missing")
    _check("reason", verdict.reason)
    with uow:
        editable_case(uow, by, case, epoch=epoch, action="rights.correct")
        found = uow.cases.record(case, request)
        if found.kind != CORRECTION or not standing([found]):
            raise NotFoundError("request")
        if found.text("decision"):
            raise ConflictError("decided before")
        now = office.clock.now()
        values = {
            **found.values,
            "decision": verdict.decision,
            "decided_on": local_day(now).isoformat(),
            "decision_reason": verdict.reason.strip(),
        }
        uow.cases.put(
            [replace(found, values=values, recorded_at=now, recorded_by=by.account)]
        )
        still_open = open_requests(uow.cases.content(case))
        if not still_open:
            uow.tasks.settle("added.correction", case=case)
        uow.commit()


def open_requests(content: CaseContent) -> list[Record]:
    """Requests that nobody has decided, oldest first."""
    return [r for r in standing(content.of(CORRECTION)) if not r.text("decision")]


def _check(field: str, text: str) -> None:
    if not text.strip():
        raise InputError(field, "missing")
    if len(text) > NOTE_CHARACTERS:
        raise InputError(field, "too_long")
