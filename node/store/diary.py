"""Drafts, shared entries and months in SQL.

Enters: accounts, cases, what a form held. Leaves: drafts opened for whoever typed them.
Must never happen: a readable word of a draft in the database (SC-27); a draft that opens
at another account or case. Implements ``node.report.diary.Diary``.
"""

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, exists, func, insert, select

from node import strictjson
from node.cases.model import Origin, Record
from node.crypto.casekey import FieldContext, open_field, seal_field
from node.ids import AccountId, CaseId, RecordId
from node.report.diary import DRAFT_LIFE, DraftRow, Fields, TalksRow
from node.report.figures import CONTACTS
from node.store.casekeys import CaseKeys
from node.store.casetables import OWN_WORK, case_file, record
from node.store.contactstables import draft
from node.store.records import opened
from node.store.work import Work

_FORMS: Final = 12
_OVER_A_MONTH: Final = timedelta(days=31)

_OWN: Final = draft.c.account == bindparam("by")
_ONE: Final = draft.c.case_id == bindparam("of")
_ALIVE: Final = draft.c.kept_at > bindparam("since")
_OPENABLE: Final = select(case_file.c.id).where(case_file.c.wrapped.is_not(None))

_ALL: Final = (
    select(draft.c.case_id, draft.c.kept_at)
    .where(_OWN, _ALIVE)
    .order_by(draft.c.kept_at.desc(), draft.c.case_id)
)
_GET: Final = select(draft).where(_OWN, _ONE, _ALIVE)
_ADD: Final = insert(draft)
_DROP: Final = delete(draft).where(_OWN, _ONE)
_DROP_OLD: Final = delete(draft).where(draft.c.kept_at <= bindparam("since"))
_OLD: Final = select(draft.c.case_id).where(draft.c.kept_at <= bindparam("since"))
_DROP_CASE: Final = delete(draft).where(_ONE)
_COPIES: Final = (
    select(record)
    .where(
        record.c.id == bindparam("of"),
        record.c.kind == "contact",
        record.c.case_id.in_(_OPENABLE),
    )
    .order_by(record.c.case_id)
)
_MONTH: Final = func.substr(record.c.on_date, 1, 7).label("month")
_TALKS: Final = (
    select(_MONTH, func.count(record.c.id.distinct()))
    .where(
        record.c.case_id.in_(
            select(case_file.c.id).where(case_file.c.caseworker == bindparam("by"))
        ),
        record.c.kind == "contact",
        OWN_WORK,
        record.c.on_date.between(bindparam("first"), bindparam("last")),
        record.c.clear["kind"].as_string() == "talk",
        record.c.clear["voided_on"].as_string().is_(None),
    )
    .group_by(_MONTH)
)
_RECORDED: Final = (
    select(record.c.case_id, record.c.clear)
    .where(
        record.c.kind == "contact",
        record.c.recorded_by == bindparam("by"),
        record.c.origin == Origin.OWN,
    )
    .order_by(record.c.recorded_at.desc(), record.c.id)
    .limit(bindparam("most"))
)
_COUNTED: Final = select(case_file.c.id).where(
    case_file.c.caseworker == bindparam("by"),
    exists().where(
        record.c.case_id == case_file.c.id,
        record.c.kind == "contact",
        OWN_WORK,
        record.c.on_date > bindparam("after"),
        record.c.on_date <= bindparam("until"),
        record.c.clear["kind"].as_string().in_(sorted(CONTACTS)),
        record.c.clear["voided_on"].as_string().is_(None),
    ),
)


class SqlDiary:
    """The diary inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = CaseKeys(work)

    def drafts(self, account: AccountId) -> Sequence[DraftRow]:
        """The drafts of this account that are not over, newest first."""
        since = self._work.now() - DRAFT_LIFE
        rows = self._work.rows(_ALL, {"by": account, "since": since})
        return [DraftRow(CaseId(row.case_id), row.kept_at) for row in rows]

    def draft(self, account: AccountId, case: CaseId) -> tuple[DraftRow, Fields] | None:
        """One draft, opened; None if there is none or its 30 days are over.

        Raises:
            ErasedError: The key of the case is gone.
        """
        since = self._work.now() - DRAFT_LIFE
        row = self._work.row(_GET, {"by": account, "of": case, "since": since})
        if row is None:
            return None
        key = self._keys.of(self._keys.row(case))
        plain = open_field(key, _place(account, case, row.epoch), row.sealed)
        fields: Fields = json.loads(plain)
        return DraftRow(case, row.kept_at), fields

    def keep_draft(self, account: AccountId, case: CaseId, fields: Fields) -> None:
        """Seal what was typed; the draft before is replaced.

        Raises:
            NotFoundError: No such case.
            ErasedError: The key of the case is gone.
        """
        row, now = self._keys.row(case, locked=True), self._work.now()
        plain = strictjson.encode({name: [*fields[name]] for name in fields})
        sealed = seal_field(
            self._keys.of(row),
            _place(account, case, row.epoch),
            plain,
            self._work.randomness,
        )
        self.drop_draft(account, case)
        self._work.change(
            _ADD,
            {
                "account": account,
                "case_id": case,
                "epoch": row.epoch,
                "kept_at": now,
                "sealed": sealed,
            },
        )

    def drop_draft(self, account: AccountId, case: CaseId) -> None:
        """It was saved or thrown away; absent is fine."""
        self._work.change(_DROP, {"by": account, "of": case})

    def has_old_drafts(self) -> bool:
        """Whether the 30 days of some draft are over."""
        return (
            self._work.row(_OLD, {"since": self._work.now() - DRAFT_LIFE}) is not None
        )

    def drop_old_drafts(self) -> None:
        """End the drafts whose 30 days are over."""
        self._work.change(_DROP_OLD, {"since": self._work.now() - DRAFT_LIFE})

    def copies(self, contact: RecordId) -> Sequence[Record]:
        """The copies of one entry in every case that can be opened, by case (FR-7)."""
        rows = self._work.rows(_COPIES, {"of": contact})
        return [
            opened(row, self._keys.of(self._keys.row(CaseId(row.case_id))))
            for row in rows
        ]

    def last_forms(self, account: AccountId) -> Sequence[str]:
        """Forms of the contacts this account recorded last, newest first."""
        rows = self._work.rows(_RECORDED, {"by": account, "most": _FORMS})
        return [str(row.clear["form"]) for row in rows if "form" in row.clear]

    def recent(self, account: AccountId, limit: int) -> Sequence[CaseId]:
        """The cases this account recorded contacts for last, newest first, each once."""
        rows = self._work.rows(_RECORDED, {"by": account, "most": 10 * limit})
        return list(dict.fromkeys(CaseId(row.case_id) for row in rows))[:limit]

    def counted(
        self, caseworker: AccountId, after: date, until: date
    ) -> AbstractSet[CaseId]:
        """Cases of this caseload with an own talk or contact in (after, until] (FR-5)."""
        rows = self._work.rows(
            _COUNTED,
            {
                "by": caseworker,
                "after": after.isoformat(),
                "until": until.isoformat(),
            },
        )
        return {CaseId(row.id) for row in rows}

    def talks(
        self, caseworker: AccountId, first: date, last: date
    ) -> Sequence[TalksRow]:
        """Own talks of this caseload by month; one with several persons counts once."""
        rows = self._work.rows(
            _TALKS,
            {"by": caseworker, "first": first.isoformat(), "last": last.isoformat()},
        )
        counted = {row[0]: row[1] for row in rows}
        found, month = [], first.replace(day=1)
        while month <= last:
            found.append(TalksRow(month, counted.get(month.isoformat()[:7], 0)))
            month = (month + _OVER_A_MONTH).replace(day=1)
        return found


def drop_drafts(work: Work, case: CaseId) -> None:
    """The case was shredded: what was half written about it goes as well."""
    work.change(_DROP_CASE, {"of": case})


def _place(account: str, case: str, epoch: int) -> FieldContext:
    return FieldContext("contact_draft", "sealed", account, case, epoch)
