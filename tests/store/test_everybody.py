"""Everybody in memory, kept up to date from both databases at almost no cost."""

from dataclasses import replace

import pytest

from node.cases.model import Baton
from node.errors import ConflictError
from node.report.identities import Identities
from node.report.people import People
from node.store.engine import open_engine
from node.store.runner import Store
from tests.support.acts import write
from tests.support.build import ANNA, case_file, record
from tests.support.people import case_id

FIRST, SECOND = case_id(1), case_id(2)


@pytest.fixture(autouse=True)
def somebody(store: Store) -> None:
    add(store, 1, "Demo-Ahorn")


def add(store: Store, number: int, name: str) -> None:
    file = case_file(number, caseworker=ANNA)
    write(store, lambda uow: uow.cases.open_new(file))
    call(store, number, name)


def call(store: Store, number: int, name: str) -> None:
    values = {"family_name": name, "given_names": "Aya", "birth_date": "1990-02-03"}
    made = replace(record(number, number), kind="person", values=values)
    write(store, lambda uow: uow.cases.put([made]))


def change(store: Store, **changes) -> None:
    before = store.read_sync(lambda uow: uow.cases.find_file(FIRST))
    after = replace(before, **changes)
    write(store, lambda uow: uow.cases.replace(before, after))


def names(store: Store, people: People) -> set[str]:
    store.read_sync(lambda uow: people.refresh(uow.readings))
    return {row.family_name for row in people.all()}


def compared(store: Store, known: Identities) -> set[str]:
    found = store.read_sync(lambda uow: known.refresh(uow.matches))
    return {name for identity in found.values() for name in identity.names}


def mark(store: Store) -> tuple:
    return store.read_sync(lambda uow: uow.readings.mark())


class Silent:
    """Readings that say how much was written, and nothing else."""

    def __init__(self, mark: tuple) -> None:
        self._mark = mark

    def mark(self) -> tuple:
        return self._mark

    def __getattr__(self, name: str) -> None:
        raise AssertionError(f"{name} was read")


@pytest.mark.spec("SC-19")
def test_an_unchanged_office_is_not_read_again(store: Store):
    people, known = People(), Identities()
    names(store, people)
    before = store.read_sync(lambda uow: known.refresh(uow.matches))
    people.refresh(Silent(mark(store)))
    assert known.refresh(Silent(mark(store))) is before
    assert [row.family_name for row in people.all()] == ["Demo-Ahorn"]


@pytest.mark.spec("SC-19")
def test_only_who_changed_is_opened_again(store: Store):
    people, opened = People(), []
    add(store, 2, "Demo-Palme")
    names(store, people)
    call(store, 2, "Demo-Linde")

    def watched(uow) -> None:
        read = uow.readings.people
        uow.readings.people = lambda cases: opened.extend(cases) or read(cases)
        people.refresh(uow.readings)

    store.read_sync(watched)
    assert opened == [SECOND]
    assert people.find(SECOND).family_name == "Demo-Linde"


@pytest.mark.spec("SC-23")
def test_a_changed_name_is_seen_at_the_next_look(store: Store):
    people, known = People(), Identities()
    assert names(store, people) == {"Demo-Ahorn"}
    assert compared(store, known) == {"Aya Demo-Ahorn"}
    call(store, 1, "Demo-Linde")
    assert names(store, people) == {"Demo-Linde"}
    assert compared(store, known) == {"Aya Demo-Linde"}


@pytest.mark.spec("SC-23")
def test_a_case_that_another_process_added_is_seen(
    store: Store, database_url, means, wakes
):
    people, known = People(), Identities()
    names(store, people)
    compared(store, known)
    other = Store(open_engine(database_url, durable=False), means, listener=wakes)
    add(other, 2, "Demo-Palme")
    other.close()
    assert names(store, people) == {"Demo-Ahorn", "Demo-Palme"}
    assert compared(store, known) == {"Aya Demo-Ahorn", "Aya Demo-Palme"}


@pytest.mark.parametrize("baton", [Baton.SHREDDED, Baton.ABSORBED])
def test_whose_case_went_is_forgotten(store: Store, baton):
    people, known = People(), Identities()
    names(store, people)
    compared(store, known)
    change(store, baton=baton)
    assert names(store, people) == set()
    assert compared(store, known) == set()


def test_whose_data_may_not_be_processed_is_forgotten_until_they_may(store: Store):
    people = People()
    names(store, people)
    file = store.read_sync(lambda uow: uow.cases.find_file(FIRST))
    change(store, restricted_on=file.opened_on)
    assert names(store, people) == set()
    change(store, restricted_on=None)
    assert names(store, people) == {"Demo-Ahorn"}


class Older:
    """Readings of a unit that began before anybody was here."""

    def mark(self) -> tuple:
        return (0,)

    def versions(self) -> dict:
        return {}

    def people(self, cases) -> list:
        return list(cases)

    identities = people


def test_after_a_unit_that_saw_less_the_next_one_sees_it_all(store: Store):
    people, known = People(), Identities()
    names(store, people)
    compared(store, known)
    people.refresh(Older())
    known.refresh(Older())
    assert names(store, people) == {"Demo-Ahorn"}
    assert compared(store, known) == {"Aya Demo-Ahorn"}


def test_a_write_that_was_undone_leaves_the_mark(store: Store):
    before = mark(store)

    def undone(uow) -> None:
        with uow:
            uow.cases.touch(FIRST)

    store.write_sync(undone)
    assert mark(store) == before


def test_a_reading_that_fails_is_tried_again(store: Store):
    people = People()

    def broken(uow) -> None:
        def fail(_cases) -> None:
            raise ConflictError("read")

        uow.readings.people = fail
        people.refresh(uow.readings)

    with pytest.raises(ConflictError):
        store.read_sync(broken)
    assert names(store, people) == {"Demo-Ahorn"}


def test_every_kind_of_write_changes_the_mark(store: Store):
    seen = [mark(store)]
    call(store, 1, "Demo-Ahorn")
    seen.append(mark(store))
    write(store, lambda uow: uow.cases.touch(FIRST))
    seen.append(mark(store))
    change(store, household=None)
    seen.append(mark(store))
    add(store, 2, "Demo-Palme")
    seen.append(mark(store))
    change(store, baton=Baton.SHREDDED)
    seen.append(mark(store))
    assert len(set(seen)) == len(seen)
