"""Writing a demo town into a node's own database, through the store like everybody else.

Enters: a town of invented people. Leaves: its accounts, cases, records, documents and
consents, the consents with their entries in the exchange log. Must never happen: real
people's data beside the invented; a password that works outside the demo (SR-B6).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol

from node.accounts.model import Role
from node.accounts.ports import StaffUnit
from node.cases.consenttext import GERMAN, shipped_text
from node.cases.days import local_day
from node.cases.ports import KeptText
from node.casework.consents import log_recorded
from node.demo.figures import FIRST_DAY
from node.demo.register import DemoCase, DemoTown
from node.demo.residents import REFERENCE
from node.ids import AccountId
from node.report.snapshot import Reports, ReportSettings
from node.store.runner import Store
from node.sync.office import Office
from node.sync.ports import UnitOfWork

CASES_AT_ONCE = 25


class _Unit(StaffUnit, Protocol):
    reports: Reports


def seed_town(store: Store, office: Office, town: DemoTown) -> None:
    """Fill an empty node; cases go in by groups, so that no transaction is long."""
    store.write_sync(_add_accounts, town)
    store.write_sync(_verify_german, office, town)
    cases = town.cases
    for start in range(0, len(cases), CASES_AT_ONCE):
        store.write_sync(_add_cases, office, cases[start : start + CASES_AT_ONCE])


def seed_funding(store: Store, office: Office, town: DemoTown, last: date) -> None:
    """The funding period of the demo: from the office's first day to the last told of."""
    by = next(a.id for a in town.accounts if Role.ADMINISTRATOR in a.roles)
    settings = ReportSettings(FIRST_DAY + (last - REFERENCE), last)
    store.write_sync(_set_funding, settings, by, office.clock.now())


def _set_funding(
    uow: _Unit, settings: ReportSettings, by: AccountId, at: datetime
) -> None:
    with uow:
        uow.reports.set_settings(settings, by=by, at=at)
        uow.commit()


def _add_accounts(uow: StaffUnit, town: DemoTown) -> None:
    with uow:
        for account in town.accounts:
            uow.accounts.add(account)
        uow.commit()


def _verify_german(uow: UnitOfWork, office: Office, town: DemoTown) -> None:
    """Two invented people have read the German text; every translation stays a draft."""
    first, second = (
        next(a.id for a in town.accounts if role in a.roles)
        for role in (Role.ADMINISTRATOR, Role.APPROVER)
    )
    now = office.clock.now()
    text = shipped_text(GERMAN).verified_by("Demo-Datenschutz", local_day(now))
    with uow:
        uow.consent_texts.put(KeptText(text, now, first, second))
        uow.commit()


def _add_cases(uow: UnitOfWork, office: Office, cases: Sequence[DemoCase]) -> None:
    with uow:
        for case in cases:
            uow.cases.open_new(case.file)
            records = list(case.records)
            for number, record in enumerate(records):
                content = (case.files or {}).get(record.id)
                if content is not None:
                    digest, length = uow.cases.seal_document(
                        case.file.id, case.file.epoch, iter([content])
                    )
                    values = {**record.values, "digest": digest.hex(), "bytes": length}
                    records[number] = replace(record, values=values)
            uow.cases.put(records)
            uow.cases.set_birth_year(case.file.id, case.birth_year)
            for consent in case.consents:
                entry = log_recorded(uow, office, consent, by=consent.recorded_by)
                uow.consents.put(replace(consent, entry=entry))
        uow.commit()
