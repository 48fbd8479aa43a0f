"""The reading side in SQL: lists of clear columns, and persons opened for memory.

Enters: ids, days. Leaves: the frozen rows of ``node.report.readings``. Must never happen: a
typed name in a query; anything written. Implements ``Readings``; only what a list shows of
a person is opened, never a whole case.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import BindParameter, Row, bindparam, func, select

from node.cases.days import local_day
from node.cases.extract import flags_in_force
from node.cases.model import UNSEEN, Baton, Record
from node.errors import NotFoundError
from node.ids import AccountId, CaseId, ConsentId, MemberId, RecordId, TransferId
from node.report.readings import (
    DatedRow,
    EndingConsent,
    MonthRow,
    PersonRow,
    TaskRow,
    TransferRow,
)
from node.store.casekeys import CaseKeys
from node.store.casetables import OWN_WORK, case_file, consent, record, task
from node.store.mail import SqlMail
from node.store.outbox import SqlOutbox
from node.store.quorums import SqlQuorums
from node.store.records import opened
from node.store.tables import outbound_member, outbound_transfer, statement
from node.store.transfers import SqlOutbound
from node.store.work import Work
from node.sync.words import StatementType

_AT_ONCE: Final = 500

_OF: Final[BindParameter[Any]] = bindparam("cases", expanding=True)
_MINE: Final = case_file.c.caseworker.in_(bindparam("mine", expanding=True))
_HERE: Final = case_file.c.baton.in_([Baton.ACTIVE, Baton.FROZEN, Baton.GRANTED])
_OWN_CASES: Final = select(case_file.c.id).where(_MINE, _HERE)

_VERSIONS: Final = select(case_file.c.id, case_file.c.version).where(
    case_file.c.baton.not_in(UNSEEN), case_file.c.restricted_on.is_(None)
)
_FILES: Final = select(case_file).where(
    case_file.c.id.in_(_OF), case_file.c.wrapped.is_not(None)
)
_HOUSEHOLD: Final = (
    select(case_file.c.id)
    .where(case_file.c.household == bindparam("of"))
    .order_by(case_file.c.id)
)
_RECEIVED: Final = select(case_file.c.id, case_file.c.came_from).where(
    case_file.c.id.in_(_OF), case_file.c.came_from.is_not(None)
)
_UNASSIGNED: Final = select(case_file.c.id).where(
    case_file.c.came_from == bindparam("sender"),
    case_file.c.caseworker.is_(None),
    case_file.c.baton == Baton.ACTIVE,
)
_OPENED: Final = select(record).where(
    record.c.case_id.in_(_OF), record.c.kind.in_(["person", "protection"])
)
_CLEAR: Final = (
    select(record.c.case_id, record.c.kind, record.c.clear)
    .where(
        record.c.case_id.in_(_OF),
        record.c.kind.in_(["care_status", "household_member", "language", "plan"]),
    )
    .order_by(record.c.on_date, record.c.recorded_at, record.c.id)
)
_LAST_CONTACT: Final = (
    select(record.c.case_id, func.max(record.c.on_date))
    .where(
        record.c.case_id.in_(_OF),
        record.c.kind == "contact",
        record.c.clear["voided_on"].as_string().is_(None),
    )
    .group_by(record.c.case_id)
)
_TASKS: Final = (
    select(task)
    .where(task.c.settled_at.is_(None))
    .order_by(task.c.due.is_(None), task.c.due, task.c.created_at, task.c.id)
)
_DATED: Final = (
    select(record)
    .where(
        record.c.case_id.in_(_OWN_CASES),
        record.c.kind == bindparam("wanted"),
        record.c.on_date <= bindparam("until"),
    )
    .order_by(record.c.on_date, record.c.id)
)
_RESIDENCE: Final = select(record.c.case_id, record.c.id, record.c.clear).where(
    record.c.case_id.in_(_OWN_CASES), record.c.kind == "residence"
)
_CONSENTS: Final = (
    select(consent.c.case_id, consent.c.id, consent.c.valid_until)
    .where(
        consent.c.case_id.in_(_OWN_CASES),
        consent.c.valid_until.between(bindparam("since"), bindparam("until")),
        consent.c.declined_on.is_(None),
        consent.c.withdrawn_at.is_(None),
        consent.c.replaced_by.is_(None),
    )
    .order_by(consent.c.valid_until, consent.c.id)
)
_COUNTS_AS: Final = record.c.clear["kind"].as_string().label("counts_as")
_MONTH: Final = (
    select(_COUNTS_AS, func.count(record.c.id.distinct()))
    .where(
        record.c.case_id.in_(select(case_file.c.id).where(_MINE)),
        record.c.kind == "contact",
        OWN_WORK,
        record.c.on_date.between(bindparam("first"), bindparam("last")),
        record.c.clear["voided_on"].as_string().is_(None),
    )
    .group_by(_COUNTS_AS)
)
_ALL_TRANSFERS: Final = select(outbound_transfer.c.id).order_by(
    outbound_transfer.c.created_at.desc(), outbound_transfer.c.id
)
_OWN_TRANSFERS: Final = _ALL_TRANSFERS.where(
    outbound_transfer.c.id.in_(
        select(outbound_member.c.transfer).where(
            outbound_member.c.case_id.in_(select(case_file.c.id).where(_MINE))
        )
    )
)
_OFFERED: Final = select(func.min(statement.c.acknowledged_at)).where(
    statement.c.transfer == bindparam("of"),
    statement.c.type == StatementType.OFFER.value,
)


class SqlReadings:
    """Readings inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = CaseKeys(work)
        self._outbound = SqlOutbound(work)
        self._outbox = SqlOutbox(work)

    def mark(self) -> tuple[object, ...]:
        """Another one after everything written to any case, by any process."""
        return self._keys.mark()

    def versions(self) -> Mapping[CaseId, int]:
        """The version of every case file that can still be opened."""
        return {CaseId(row.id): row.version for row in self._work.rows(_VERSIONS)}

    def people(self, cases: Collection[CaseId]) -> Sequence[PersonRow]:
        """These persons, opened; those that are gone are left out."""
        found: list[PersonRow] = []
        ids = list(cases)
        for start in range(0, len(ids), _AT_ONCE):
            found += self._people({"cases": ids[start : start + _AT_ONCE]})
        return found

    def _people(self, some: Mapping[str, Any]) -> Iterator[PersonRow]:
        files = {row.id: row for row in self._work.rows(_FILES, some)}
        records: dict[str, list[Record]] = {case: [] for case in files}
        for row in self._work.rows(_OPENED, some):
            if row.case_id in files:
                key = self._keys.of(files[row.case_id])
                records[row.case_id].append(opened(row, key))
        clear: dict[str, list[Row[*tuple[Any, ...]]]] = {case: [] for case in files}
        for row in self._work.rows(_CLEAR, some):
            clear.setdefault(row.case_id, []).append(row)
        contacts = {row[0]: row[1] for row in self._work.rows(_LAST_CONTACT, some)}
        today = local_day(self._work.now())
        for case, file in files.items():
            yield _person(
                file, records[case], clear[case], contacts.get(case), on=today
            )

    def household(self, household: RecordId) -> Sequence[CaseId]:
        """The cases of one household, ordered by id."""
        rows = self._work.rows(_HOUSEHOLD, {"of": household})
        return [CaseId(row.id) for row in rows]

    def received(self, cases: Collection[CaseId]) -> Mapping[CaseId, MemberId]:
        """Which of these cases came from another body, and from which."""
        rows = self._work.rows(_RECEIVED, {"cases": list(cases)})
        return {CaseId(row.id): MemberId(row.came_from) for row in rows}

    def unassigned(self, sender: MemberId) -> Sequence[CaseId]:
        """Editable cases that came from this body and have no caseworker yet."""
        rows = self._work.rows(_UNASSIGNED, {"sender": sender})
        return [CaseId(row.id) for row in rows]

    def tasks(self) -> Sequence[TaskRow]:
        """All open tasks, soonest due and oldest first."""
        return [
            TaskRow(
                kind=row.kind,
                case=CaseId(row.case_id) if row.case_id else None,
                transfer=TransferId(row.transfer) if row.transfer else None,
                for_role=row.for_role,
                account=AccountId(row.account) if row.account else None,
                due=row.due,
                codes=tuple(row.codes),
                created_at=row.created_at,
            )
            for row in self._work.rows(_TASKS)
        ]

    def follow_ups(
        self, whose: Collection[AccountId], until: date
    ) -> Sequence[DatedRow]:
        """Open follow-ups of these caseloads due until a day, opened, soonest first."""
        window = {"mine": sorted(whose), "until": until.isoformat()}
        rows = self._work.rows(_DATED, {"wanted": "follow_up", **window})
        waiting = [r for r in rows if not r.clear.get("done_on") and _counts(r.clear)]
        files = self._files(row.case_id for row in waiting)
        found = []
        for row in waiting:
            value = opened(row, self._keys.of(files[row.case_id]))
            found.append(
                DatedRow(
                    case=value.case,
                    record=value.id,
                    kind=value.kind,
                    on=date.fromisoformat(row.on_date),
                    code=value.text("source"),
                    text=value.text("text"),
                )
            )
        return found

    def residence_ends(
        self, whose: Collection[AccountId], since: date, until: date
    ) -> Sequence[DatedRow]:
        """Residence titles of these caseloads that end in these days, soonest first."""
        last: dict[str, DatedRow] = {}
        for row in self._work.rows(_RESIDENCE, {"mine": sorted(whose)}):
            ends = _day(row.clear.get("valid_until"))
            if ends is None or not _counts(row.clear):
                continue
            known = last.get(row.case_id)
            if known is None or known.on < ends:
                last[row.case_id] = DatedRow(
                    case=CaseId(row.case_id),
                    record=RecordId(row.id),
                    kind="residence",
                    on=ends,
                    code=str(row.clear.get("residence", "")),
                )
        return sorted(
            (row for row in last.values() if since <= row.on <= until),
            key=lambda row: (row.on, row.case),
        )

    def consents_ending(
        self, whose: Collection[AccountId], since: date, until: date
    ) -> Sequence[EndingConsent]:
        """Consents of these caseloads that stand and end in these days, soonest first."""
        window = {"mine": sorted(whose), "since": since, "until": until}
        rows = self._work.rows(_CONSENTS, window)
        return [
            EndingConsent(CaseId(row.case_id), ConsentId(row.id), row.valid_until)
            for row in rows
        ]

    def month(self, caseworker: AccountId, first: date, last: date) -> MonthRow:
        """Own talks and contacts in these days; one with several persons counts once."""
        window = {"first": first.isoformat(), "last": last.isoformat()}
        rows = self._work.rows(_MONTH, {"mine": [caseworker], **window})
        counted = {row[0]: row[1] for row in rows}
        return MonthRow(counted.get("talk", 0), counted.get("contact", 0))

    def transfers(self, whose: Collection[AccountId] | None) -> Sequence[TransferRow]:
        """Outbound transfers with a case of these caseloads, or all; newest first."""
        if whose is None:
            rows = self._work.rows(_ALL_TRANSFERS)
        else:
            rows = self._work.rows(_OWN_TRANSFERS, {"mine": sorted(whose)})
        return [self.transfer(TransferId(row.id)) for row in rows]

    def transfer(self, transfer: TransferId) -> TransferRow:
        """One outbound transfer.

        Raises:
            NotFoundError: No such transfer.
        """
        found = self._outbound.find(transfer)
        if found is None:
            raise NotFoundError("transfer")
        offered = self._work.row(_OFFERED, {"of": transfer})
        due = self._outbox.due(found.recipient) if found.recipient else None
        quorum = SqlQuorums(self._work).waiting(transfer)
        lies = SqlMail(self._work).lies_since(transfer)
        return TransferRow(found, offered[0] if offered else None, due, quorum, lies)

    def _files(self, cases: Iterable[str]) -> dict[str, Row[*tuple[Any, ...]]]:
        found: dict[str, Row[*tuple[Any, ...]]] = {}
        ids = sorted(set(cases))
        for start in range(0, len(ids), _AT_ONCE):
            some = {"cases": ids[start : start + _AT_ONCE]}
            found |= {row.id: row for row in self._work.rows(_FILES, some)}
        return found


def _person(
    file: Row[*tuple[Any, ...]],
    records: Sequence[Record],
    clear: Sequence[Row[*tuple[Any, ...]]],
    last_contact: str | None,
    *,
    on: date,
) -> PersonRow:
    """One row of the list; the newest status and the plan that is not over count."""
    person = next((r for r in records if r.kind == "person"), None)
    flags = flags_in_force(records, on)
    values = person.values if person else {}
    status, due, role = "", None, ""
    languages: dict[str, bool] = {}
    for row in clear:
        fields = row.clear
        if not _counts(fields):
            continue
        match row.kind:
            case "care_status":
                status = str(fields.get("care_status", ""))
            case "household_member" if fields.get("member") in {None, file.id}:
                role = str(fields.get("role") or "")
            case "language":
                tag = str(fields.get("language", ""))
                is_first = fields.get("lang_kind") == "mother_tongue"
                languages[tag] = languages.get(tag, False) or is_first
            case "plan" if fields.get("status") in {"in_force", "under_review"}:
                due = _day(fields.get("review_due"))
    return PersonRow(
        case=CaseId(file.id),
        version=file.version,
        baton=Baton(file.baton),
        caseworker=AccountId(file.caseworker) if file.caseworker else None,
        household=RecordId(file.household) if file.household else None,
        responsible_from=file.responsible_from,
        responsible_until=file.responsible_until,
        family_name=person.text("family_name") if person else "",
        given_names=person.text("given_names") if person else "",
        scripts=tuple(_scripts(values.get("name_other_script"))),
        other_names=tuple(
            text
            for name in ("birth_name", "name_in_document", "aliases")
            for text in _texts(values.get(name))
        ),
        birth=person.text("birth_date") if person else "",
        birth_fictitious=values.get("birth_date_fictitious") is True,
        case_number=person.text("case_number") if person else "",
        languages=tuple(sorted(languages, key=lambda tag: not languages[tag])),
        interpreter_needed=values.get("interpreter_needed") is True,
        care_status=status,
        plan_due=due,
        last_contact=_day(last_contact),
        counselling_start=_day(values.get("counselling_start")),
        clock_extended=bool(values.get("clock_extension")),
        household_role=role,
        threatened="threatened" in flags,
        address_blocked="address_blocked" in flags,
    )


def _scripts(value: object) -> Iterator[tuple[str, str]]:
    """Names in other scripts: a text, or entries of a language tag and a text."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield str(item.get("lang", "")), str(item.get("text", ""))
        elif isinstance(item, str):
            yield "", item


def _texts(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item


def _day(value: object) -> date | None:
    """A day in a clear field; what a peer sent may be a month or no date at all."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _counts(fields: Mapping[str, object]) -> bool:
    """Whether an entry was not voided."""
    return not fields.get("voided_on")
