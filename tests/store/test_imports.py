"""Lists as rows: sealed until they go, and taken back to the last byte, on each dialect."""

from dataclasses import replace
from datetime import timedelta

import pytest

from node.cases.importports import Batch, BatchState, Standing, Taken
from node.cases.matching import Band
from node.cases.matchports import Decision
from node.cases.model import Baton
from node.errors import ConflictError, NotFoundError
from node.store.register import Destroyed
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.upkeep import SealedAt
from node.store.work import Means
from tests.support.acts import rows, tamper, write
from tests.support.build import ANNA, AT, case_file, record
from tests.support.people import case_id, record_id

LIST = record_id(900)
BATCH = Batch(
    id=LIST,
    account=ANNA,
    state=BatchState.OPEN,
    created_at=AT,
    erase_at=AT + timedelta(days=30),
    digest=bytes(32),
    answers=b"canary answers",
)
TABLES = ("case_file", "record", "record_past", "task")


@pytest.fixture
def batch(store: Store) -> None:
    write(store, lambda uow: uow.imports.add(BATCH, b"canary rows"))


def state(store: Store) -> list[object]:
    # Not the count of writes to a case, which only grows.
    kept = {"case_file": "id, epoch, baton, household, caseworker, birth_year, wrapped"}
    return [
        rows(store, f"select {kept.get(table, '*')} from {table} order by 1, 2")
        for table in TABLES
    ]


def opened(uow: SqlUnitOfWork, *numbers: int) -> None:
    for number in numbers:
        uow.cases.open_new(case_file(number))
        uow.cases.put([record(number, case=number)])
    uow.imports.note(LIST, [Taken(case_id(n), 0, 2) for n in numbers])


def standings(store: Store) -> list[Standing]:
    return [one for _, one in store.read_sync(lambda uow: uow.imports.taken(LIST))]


@pytest.mark.spec("SR-K1")
def test_a_list_comes_back_as_it_was_put_and_lies_there_sealed(
    store: Store, batch: None
) -> None:
    assert store.read_sync(lambda uow: uow.imports.get(LIST)) == BATCH
    assert store.read_sync(lambda uow: uow.imports.rows(LIST)) == b"canary rows"
    assert store.read_sync(lambda uow: uow.imports.of(ANNA)) == [BATCH]
    for row in rows(store, "select sealed, answers from import_batch"):
        assert not any(b"canary" in bytes(value) for value in row)


def test_a_list_changes_only_as_it_was_seen(store: Store, batch: None) -> None:
    after = replace(BATCH, answers=b"others")
    write(store, lambda uow: uow.imports.replace(BATCH, after))
    found = store.read_sync(lambda uow: uow.imports.get(LIST))
    assert (found.answers, found.version) == (b"others", 2)
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.imports.replace(BATCH, after))


def test_a_list_goes_at_its_time_and_not_before(store: Store, batch: None) -> None:
    write(store, lambda uow: opened(uow, 1))
    before = BATCH.erase_at - timedelta(seconds=1)
    assert write(store, lambda uow: uow.imports.drop_over(before)) == 0
    assert write(store, lambda uow: uow.imports.drop_over(BATCH.erase_at)) == 1
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.imports.rows(LIST))
    assert rows(store, "select * from import_case") == []
    assert len(rows(store, "select * from case_file")) == 1


@pytest.mark.spec("DO-42")
def test_cases_that_a_list_opened_go_as_if_they_had_never_been(
    store: Store, batch: None, means: Means
) -> None:
    write(store, lambda uow: uow.cases.open_new(case_file(9)))
    before = state(store)
    write(store, lambda uow: opened(uow, 1, 2))
    assert standings(store) == [Standing.SAME, Standing.SAME]
    write(store, lambda uow: uow.imports.take_back(LIST))
    assert state(store) == before
    assert standings(store) == []
    # P16: a backup from between must not bring them back.
    lines = list(means.register.replay())
    assert {line.id for line in lines} == {case_id(1), case_id(2)}
    assert {line.kind for line in lines} == {Destroyed.CASE_KEY}


@pytest.mark.spec("DO-42")
def test_a_case_that_was_edited_stays(store: Store, batch: None) -> None:
    write(store, lambda uow: opened(uow, 1, 2))
    write(store, lambda uow: uow.cases.put([record(50, case=1)]))
    assert standings(store) == [Standing.EDITED, Standing.SAME]
    write(store, lambda uow: uow.imports.take_back(LIST))
    assert [r[0] for r in rows(store, "select id from case_file")] == [case_id(1)]
    assert len(rows(store, "select * from record")) == 2


@pytest.mark.spec("DO-42")
def test_a_case_that_moved_stays(store: Store, batch: None) -> None:
    write(store, lambda uow: opened(uow, 1))

    def freeze(uow: SqlUnitOfWork) -> None:
        file = uow.cases.file(case_id(1))
        uow.cases.replace(file, replace(file, baton=Baton.FROZEN))

    write(store, freeze)
    assert standings(store) == [Standing.MOVED]
    write(store, lambda uow: uow.imports.take_back(LIST))
    assert len(rows(store, "select * from case_file")) == 1


@pytest.mark.spec("DO-42")
def test_a_case_that_something_else_names_stays(store: Store, batch: None) -> None:
    write(store, lambda uow: opened(uow, 1))
    write(store, lambda uow: uow.consents.set_last_entry(case_id(1), bytes(32)))
    assert standings(store) == [Standing.EDITED]


PAIR = (
    "insert into match_pair (one, other, band, grounds, epoch, sealed, found_at,"
    " decision, decided_at) values (:one, :other, :band, '[]', 1, :sealed, 0,"
    " :decision, :at)"
)


@pytest.mark.spec("DO-42", "DO-44")
@pytest.mark.parametrize("decided_at", [None, 1])
def test_a_pair_that_only_the_program_found_holds_no_case_back(
    store: Store, batch: None, decided_at: int | None
) -> None:
    write(store, lambda uow: uow.cases.open_new(case_file(9)))
    before = state(store)
    write(store, lambda uow: opened(uow, 1))
    tamper(
        store,
        PAIR,
        one=case_id(1),
        other=case_id(9),
        band=next(iter(Band)),
        sealed=b"x",
        decision=next(iter(Decision)),
        at=decided_at,
    )
    write(store, lambda uow: uow.imports.take_back(LIST))
    assert (state(store) == before) is (decided_at is None)


@pytest.mark.spec("DO-42")
def test_records_go_or_are_as_before_and_the_count_of_versions_rises(
    store: Store, batch: None
) -> None:
    def begin(uow: SqlUnitOfWork) -> None:
        uow.cases.open_new(case_file(1))
        uow.cases.put([record(1)])

    write(store, begin)
    before = state(store)

    def change(uow: SqlUnitOfWork) -> None:
        file = uow.cases.file(case_id(1))
        uow.cases.put([record(1, values={"note": "list"}), record(2)])
        marks = ((record_id(1), 2), (record_id(2), 1))
        uow.imports.note(LIST, [Taken(file.id, file.version, file.version + 1, marks)])

    write(store, change)
    assert standings(store) == [Standing.SAME]
    write(store, lambda uow: uow.imports.take_back(LIST))
    assert state(store) == before
    assert store.read_sync(lambda uow: uow.cases.file(case_id(1))).version == 4


@pytest.mark.spec("DO-42")
def test_a_record_that_was_edited_stays_and_the_version_rises(
    store: Store, batch: None
) -> None:
    write(store, lambda uow: uow.cases.open_new(case_file(1)))

    def change(uow: SqlUnitOfWork) -> None:
        file = uow.cases.file(case_id(1))
        uow.cases.put([record(1), record(2)])
        marks = ((record_id(1), 1), (record_id(2), 1))
        uow.imports.note(LIST, [Taken(file.id, file.version, file.version + 1, marks)])

    write(store, change)
    write(store, lambda uow: uow.cases.put([record(2, values={"note": "edited"})]))
    assert standings(store) == [Standing.EDITED]
    version = store.read_sync(lambda uow: uow.cases.file(case_id(1))).version
    write(store, lambda uow: uow.imports.take_back(LIST))
    kept = store.read_sync(lambda uow: uow.cases.content(case_id(1)))
    assert [r.id for r in kept.records] == [record_id(2)]
    assert kept.file.version == version + 1


@pytest.mark.spec("SR-K5")
def test_nothing_of_a_list_outlives_the_case_it_brought(
    store: Store, batch: None
) -> None:
    write(store, lambda uow: opened(uow, 1, 2))

    def shred(uow: SqlUnitOfWork) -> None:
        file = uow.cases.file(case_id(1))
        uow.cases.replace(file, replace(file, baton=Baton.SHREDDED))

    write(store, shred)
    assert rows(store, "select * from import_batch") == []
    assert rows(store, "select * from import_case") == []
    assert len(store.read_sync(lambda uow: uow.cases.content(case_id(2))).records) == 1


def test_what_was_decided_is_remembered_sealed_and_the_last_word_counts(
    store: Store,
) -> None:
    for words in (b"canary one", b"canary two"):
        write(store, lambda uow, w=words: uow.imports.remember(bytes(32), w))
    assert store.read_sync(lambda uow: uow.imports.memory(bytes(32))) == b"canary two"
    assert store.read_sync(lambda uow: uow.imports.memory(b"\1" * 32)) is None
    (sealed,) = rows(store, "select sealed from import_memory")
    assert b"canary" not in bytes(sealed[0])


@pytest.mark.spec("SR-K5")
def test_lists_and_memories_are_sealed_anew_under_a_new_week_key(
    store: Store, batch: None, means: Means
) -> None:
    write(store, lambda uow: uow.imports.remember(bytes(32), b"canary"))
    means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
    stale = store.read_sync(lambda uow: uow.upkeep.stale())
    assert SealedAt("import_batch", LIST) in stale
    assert write(store, lambda uow: uow.upkeep.rewrap(stale)) == 2
    del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
    assert store.read_sync(lambda uow: uow.imports.rows(LIST)) == b"canary rows"
    assert store.read_sync(lambda uow: uow.imports.memory(bytes(32))) == b"canary"
