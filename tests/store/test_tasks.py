"""Tasks as rows: one open task per kind, case and transfer."""

from datetime import date

import pytest
from sqlalchemy.exc import IntegrityError

from node.errors import ConflictError
from node.ids import TransferId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from tests.support.acts import rows, tamper, write
from tests.support.build import ANNA, AT, BERND, case_file
from tests.support.people import case_id

T1, T2 = TransferId("01" * 16), TransferId("02" * 16)


def kinds(store: Store) -> list[str]:
    found = rows(store, "SELECT kind FROM task WHERE settled_at IS NULL ORDER BY kind")
    return [row[0] for row in found]


def test_a_task_stands_once_until_it_is_settled(store: Store) -> None:
    def add(uow: SqlUnitOfWork) -> None:
        uow.tasks.add("offer.answer", at=AT, transfer=T1)

    write(store, add)
    write(store, add)
    assert kinds(store) == ["offer.answer"]
    write(store, lambda uow: uow.tasks.settle("offer.answer", transfer=T1))
    assert kinds(store) == []
    write(store, add)
    assert kinds(store) == ["offer.answer"]
    assert rows(store, "SELECT count(*) FROM task") == [(2,)]


def test_a_task_keeps_what_a_page_needs(store: Store) -> None:
    write(
        store,
        lambda uow: uow.tasks.add(
            "consent.missing",
            at=AT,
            case=case_id(1),
            transfer=T1,
            for_role="approver",
            account=ANNA,
            due=date(2026, 2, 23),
            codes=["no_basis", "expired"],
        ),
    )
    (found,) = rows(store, "SELECT case_id, transfer, for_role, account, due FROM task")
    assert found == (case_id(1), T1, "approver", ANNA, "2026-02-23")


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ({}, ["b"]),
        ({"case": case_id(1)}, ["a", "a", "b"]),
        ({"transfer": T1}, ["a", "b"]),
        ({"case": case_id(1), "transfer": T1}, ["a", "a", "b"]),
        ({"case": case_id(9)}, ["a", "a", "a", "b"]),
    ],
)
def test_settling_reaches_what_matches_and_no_more(
    store: Store, which: dict[str, str], left: list[str]
) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.tasks.add("a", at=AT, case=case_id(1), transfer=T1)
        uow.tasks.add("a", at=AT, case=case_id(2), transfer=T1)
        uow.tasks.add("a", at=AT, case=case_id(2), transfer=T2)
        uow.tasks.add("b", at=AT, case=case_id(1), transfer=T1)
        uow.tasks.settle("a", **which)

    write(store, act)
    assert kinds(store) == left


def test_open_tasks_are_counted_by_whose_cases_they_are_about(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        for number, whose in ((1, ANNA), (2, ANNA), (3, BERND), (4, None)):
            uow.cases.open_new(case_file(number, caseworker=whose))
            uow.tasks.add("a", at=AT, case=case_id(number))
        uow.tasks.add("a", at=AT, transfer=T1)
        uow.tasks.add("b", at=AT, case=case_id(3))
        uow.tasks.settle("a", case=case_id(2))
        uow.tasks.settle("a", case=case_id(3))

    write(store, act)
    found = store.read_sync(lambda uow: uow.tasks.on_desks("a"))
    assert found == {ANNA: 1}


def test_the_index_refuses_a_second_open_task_of_a_race(store: Store) -> None:
    write(store, lambda uow: uow.tasks.add("a", at=AT))
    with pytest.raises(IntegrityError):
        tamper(
            store,
            "INSERT INTO task (id, kind, case_id, transfer, for_role, codes, created_at)"
            " VALUES ('x', 'a', '', '', 'caseworker', '[]', 1)",
        )
    assert kinds(store) == ["a"]


def test_an_undone_unit_leaves_no_task(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.tasks.add("a", at=AT)
            raise ConflictError("somebody else")

    with pytest.raises(ConflictError):
        store.write_sync(act)
    assert kinds(store) == []
