"""Drafts, shared entries and counts as rows of both databases."""

from dataclasses import replace
from datetime import date

import pytest

from node.accounts.model import Account, Role
from node.cases.model import Baton, Origin
from node.errors import ErasedError, NotFoundError, SealError
from node.ids import MemberId
from node.report.diary import TalksRow
from node.report.readings import MonthRow
from node.store.runner import Store
from tests.support.acts import rows, tamper, write
from tests.support.build import ANNA, BERND, case_file, record
from tests.support.people import case_id, record_id

CASE, SECOND = case_id(1), case_id(2)
WORDS = {"note": ["Bescheid kam"], "topics": ["04", "05"]}


@pytest.fixture(autouse=True)
def office(store: Store) -> None:
    for number, identity in enumerate((ANNA, BERND)):
        made = Account(
            id=identity,
            login=f"login{number}",
            name="Name",
            roles=frozenset({Role.CASEWORKER}),
            active_from=date(2026, 1, 1),
        )
        write(store, lambda uow, made=made: uow.accounts.add(made))
    for number in (1, 2):
        file = case_file(number, caseworker=ANNA)
        write(store, lambda uow, file=file: uow.cases.open_new(file))


def keep(store: Store, words=WORDS, account=ANNA, case=CASE):
    write(store, lambda uow: uow.diary.keep_draft(account, case, words))


def draft(store: Store, account=ANNA, case=CASE):
    return store.read_sync(lambda uow: uow.diary.draft(account, case))


def contact(store: Store, number=1, case=1, on="2026-03-01", **more):
    values = {"date": on, "form": "office", "kind": "talk", "minutes": 30}
    changes = {k: more.pop(k) for k in ("origin", "origin_node") if k in more}
    made = replace(
        record(number, case, **changes), kind="contact", values=values | more
    )
    write(store, lambda uow: uow.cases.put([made]))


# ---- Drafts ----------------------------------------------------------------------------


@pytest.mark.spec("SC-27")
def test_a_draft_comes_back_as_it_was_kept_and_the_newest_counts(store: Store):
    keep(store, {"note": ["zuerst"]})
    keep(store)
    assert draft(store)[1] == WORDS
    listed = store.read_sync(lambda uow: uow.diary.drafts(ANNA))
    assert [row.case for row in listed] == [CASE]


@pytest.mark.spec("SC-27", "SR-K1")
def test_no_word_of_a_draft_stands_in_the_row(store: Store):
    keep(store)
    [row] = rows(store, "SELECT * FROM contact_draft")
    assert b"Bescheid" not in b"".join(v for v in row if isinstance(v, bytes))
    assert "Bescheid" not in repr([v for v in row if not isinstance(v, bytes)])


@pytest.mark.parametrize(("account", "case"), [(BERND, CASE), (ANNA, SECOND)])
def test_a_draft_is_of_one_account_and_one_case(store: Store, account, case):
    keep(store)
    assert draft(store, account, case) is None


@pytest.mark.spec("SR-K2")
@pytest.mark.parametrize(
    "moved",
    [
        f"UPDATE contact_draft SET account = '{BERND}'",
        f"UPDATE contact_draft SET case_id = '{SECOND}'",
        "UPDATE contact_draft SET epoch = epoch + 1",
    ],
)
def test_a_draft_opens_in_its_own_row_only(store: Store, moved):
    keep(store)
    tamper(store, moved)
    with pytest.raises(SealError):
        draft(store, BERND if "account" in moved else ANNA,
              SECOND if "SET case_id" in moved else CASE)  # fmt: skip


def test_a_draft_of_no_case_is_not_kept(store: Store):
    with pytest.raises(NotFoundError):
        keep(store, case=case_id(9))


def test_a_draft_goes_with_its_case(store: Store):
    keep(store)
    keep(store, case=SECOND)
    file = store.read_sync(lambda uow: uow.cases.file(CASE))
    gone = replace(file, baton=Baton.SHREDDED)
    write(store, lambda uow: uow.cases.replace(file, gone))
    assert draft(store) is None
    assert draft(store, case=SECOND) is not None
    with pytest.raises(ErasedError):
        keep(store)


def test_dropping_what_is_not_there_is_fine(store: Store):
    write(store, lambda uow: uow.diary.drop_draft(ANNA, CASE))
    assert draft(store) is None


# ---- Entries ---------------------------------------------------------------------------


@pytest.mark.spec("FR-7")
def test_an_entry_is_found_at_everybody_it_was_with(store: Store):
    contact(store, case=1)
    contact(store, case=2)
    found = store.read_sync(lambda uow: uow.diary.copies(record_id(1)))
    assert [copy.case for copy in found] == sorted([CASE, SECOND])
    assert store.read_sync(lambda uow: uow.diary.copies(record_id(5))) == []


FOREIGN = {
    "origin": Origin.TRANSFER,
    "origin_node": MemberId("08337096-stadt-bad-saeckingen"),
}


@pytest.mark.spec("DO-2", "FR-8")
@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"kind": "contact"}, True),
        ({"kind": "attempt"}, False),
        ({"kind": "coordination"}, False),
        ({"voided_on": "2026-03-02"}, False),
        ({"on": "2025-03-01"}, False),
        ({"on": "2025-03-02"}, True),
        ({"on": "2026-03-16"}, False),
        (FOREIGN, False),
    ],
)
def test_who_counts_had_an_own_talk_or_contact_in_the_window(
    store: Store, more, counts
):
    contact(store, **more)
    found = store.read_sync(
        lambda uow: uow.diary.counted(ANNA, date(2025, 3, 1), date(2026, 3, 15))
    )
    assert found == ({CASE} if counts else set())
    other = store.read_sync(
        lambda uow: uow.diary.counted(BERND, date(2025, 3, 1), date(2026, 3, 15))
    )
    assert other == set()


@pytest.mark.spec("DO-3")
def test_talks_by_month_count_each_once_and_name_empty_months(store: Store):
    contact(store, 1, case=1, on="2025-12-31")
    contact(store, 2, case=1, on="2026-02-01")
    contact(store, 2, case=2, on="2026-02-01")
    contact(store, 3, case=1, on="2026-02-02", kind="contact")
    contact(store, 4, case=1, on="2026-02-03", voided_on="2026-02-04")
    contact(store, 5, case=1, on="2026-02-05", **FOREIGN)
    talks = store.read_sync(
        lambda uow: uow.diary.talks(ANNA, date(2025, 12, 1), date(2026, 3, 15))
    )
    assert talks == [
        TalksRow(date(2025, 12, 1), 1),
        TalksRow(date(2026, 1, 1), 0),
        TalksRow(date(2026, 2, 1), 1),
        TalksRow(date(2026, 3, 1), 0),
    ]


@pytest.mark.spec("DO-3")
def test_a_void_entry_is_nobodys_last_contact(store: Store):
    contact(store, 1, on="2026-02-01")
    contact(store, 2, on="2026-03-01", voided_on="2026-03-02")
    [person] = store.read_sync(lambda uow: uow.readings.people([CASE]))
    assert person.last_contact == date(2026, 2, 1)


@pytest.mark.spec("FR-8")
def test_a_month_counts_own_talks_and_contacts_once_and_no_void_ones(store: Store):
    contact(store, 1)
    contact(store, 1, case=2)
    contact(store, 2, kind="contact")
    contact(store, 3, kind="attempt")
    contact(store, 4, voided_on="2026-03-02", voided_reason="wrong_person")
    contact(store, 5, on="2026-02-28")
    contact(
        store,
        6,
        origin=Origin.TRANSFER,
        origin_node=MemberId("08337096-stadt-bad-saeckingen"),
    )

    def month(uow, whose):
        return uow.readings.month(whose, date(2026, 3, 1), date(2026, 3, 31))

    assert store.read_sync(lambda uow: month(uow, ANNA)) == MonthRow(1, 1)
    assert store.read_sync(lambda uow: month(uow, BERND)) == MonthRow(0, 0)
