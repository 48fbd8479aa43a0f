"""Cases and records as rows: sealed, versioned, compared before they change."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from node.cases.model import Baton, Origin
from node.errors import (
    ConflictError,
    ErasedError,
    NotFoundError,
    SealError,
)
from node.ids import MemberId
from node.store.register import Destroyed
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from tests.support.acts import rows, tamper, write
from tests.support.build import AT, BERND, case_file, record
from tests.support.people import case_id, record_id

CASE = case_id(1)


@pytest.fixture
def one_case(store: Store) -> None:
    write(store, lambda uow: uow.cases.open_new(case_file()))


def test_a_new_case_comes_back_as_it_was_put(store: Store) -> None:
    whole = case_file(
        household=record_id(7),
        responsible_from=date(2024, 5, 14),
        responsible_until=date(2027, 5, 13),
        came_from=MemberId("08337096-stadt-bad-saeckingen"),
        version=4,
    )
    write(store, lambda uow: uow.cases.open_new(whole))
    assert store.read_sync(lambda uow: uow.cases.file(CASE)) == whole
    assert store.read_sync(lambda uow: uow.cases.content(CASE)).records == ()


def test_a_second_case_with_the_same_id_is_a_conflict(
    store: Store, one_case: None
) -> None:
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.cases.open_new(case_file()))


@pytest.mark.parametrize(
    "act",
    [
        lambda uow: uow.cases.file(CASE),
        lambda uow: uow.cases.content(CASE),
        lambda uow: uow.cases.record(CASE, record_id(1)),
        lambda uow: uow.cases.put([record()]),
        lambda uow: uow.cases.touch(CASE),
        lambda uow: uow.cases.set_birth_year(CASE, 1994),
        lambda uow: uow.cases.reopen(case_file()),
        lambda uow: uow.cases.open_document(CASE, bytes(32)),
    ],
)
def test_a_case_that_was_never_here_is_not_found(
    store: Store, act: Callable[[SqlUnitOfWork], object]
) -> None:
    with pytest.raises(NotFoundError):
        write(store, act)
    assert store.read_sync(lambda uow: uow.cases.find_file(CASE)) is None


def test_quiet_cases_were_once_closed_and_nothing_was_written_in_them_since(
    store: Store,
) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        for number in range(1, 7):
            uow.cases.open_new(case_file(number))
        said = {2: "cared_for", 3: "closed", 4: "closed", 5: "closed", 6: "closed"}
        for number, status in said.items():
            values = {"care_status": status, "valid_from": "2021-05-04"}
            uow.cases.put([record(number, number, kind="care_status", values=values)])
        late = AT + timedelta(days=1)
        for number, kind in ((4, "language"), (5, "restriction")):
            more = record(9, number, kind=kind, values={})
            uow.cases.put([replace(more, recorded_at=late)])
        gone = uow.cases.file(case_id(6))
        uow.cases.replace(gone, replace(gone, baton=Baton.SHREDDED))

    write(store, act)
    since = AT + timedelta(hours=1)
    found = store.read_sync(lambda uow: uow.cases.quiet_since(since))
    # What was asked of the case's rights is no work with it.
    assert found == [case_id(3), case_id(5)]
    assert store.read_sync(lambda uow: uow.cases.quiet_since(AT)) == []


def test_the_cases_of_a_household_come_in_the_order_of_their_ids(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        for number in (3, 1, 2):
            uow.cases.open_new(case_file(number, household=record_id(9)))
        uow.cases.open_new(case_file(4, household=record_id(8)))

    write(store, act)
    found = store.read_sync(lambda uow: uow.cases.household(record_id(9)))
    assert [file.id for file in found] == [case_id(n) for n in (1, 2, 3)]


@pytest.mark.spec("P1")
def test_a_state_that_moved_meanwhile_is_not_written_over(
    store: Store, one_case: None
) -> None:
    seen = store.read_sync(lambda uow: uow.cases.file(CASE))
    write(store, lambda uow: uow.cases.touch(CASE))
    with pytest.raises(ConflictError):
        write(
            store,
            lambda uow: uow.cases.replace(seen, replace(seen, baton=Baton.FROZEN)),
        )
    assert store.read_sync(lambda uow: uow.cases.file(CASE)).baton is Baton.ACTIVE


def test_replacing_a_case_raises_its_version_by_one(
    store: Store, one_case: None
) -> None:
    before = case_file()
    after = replace(before, baton=Baton.FROZEN, caseworker=BERND, version=99)
    write(store, lambda uow: uow.cases.replace(before, after))
    assert store.read_sync(lambda uow: uow.cases.file(CASE)) == replace(
        after, version=2
    )


def test_records_come_back_opened_in_the_order_they_were_recorded(
    store: Store, one_case: None
) -> None:
    later = replace(record(1), recorded_at=AT.replace(hour=9))
    foreign = record(
        2,
        kind="x-new-kind",
        values={"anything": ["canary"], "nested": {"a": None, "b": True}},
        origin=Origin.TRANSFER,
        origin_node=MemberId("08337096-stadt-bad-saeckingen"),
        recorded_by=None,
    )
    write(store, lambda uow: uow.cases.put([later, foreign]))
    content = store.read_sync(lambda uow: uow.cases.content(CASE))
    assert content.records == (foreign, later)
    assert store.read_sync(lambda uow: uow.cases.record(CASE, later.id)) == later


def test_putting_records_raises_the_version_of_each_case_once(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.cases.open_new(case_file(1))
        uow.cases.open_new(case_file(2))
        uow.cases.put([record(1, 1), record(2, 1), record(1, 2)])

    write(store, act)
    for number in (1, 2):
        found = store.read_sync(lambda uow, n=number: uow.cases.file(case_id(n)))
        assert found.version == 2


def test_a_replaced_record_leaves_its_former_version_sealed_as_it_was(
    store: Store, one_case: None
) -> None:
    sealed: list[bytes] = []
    for day in ("2026-02-03", "2026-02-04", "2026-02-05"):
        item = record(values={**record().values, "date": day})
        write(store, lambda uow, item=item: uow.cases.put([item]))
        sealed += [row[0] for row in rows(store, "SELECT sealed FROM record")]
    newest = store.read_sync(lambda uow: uow.cases.record(CASE, record_id(1)))
    assert (newest.version, newest.text("date")) == (3, "2026-02-05")
    past = "SELECT version, sealed, on_date FROM record_past ORDER BY version"
    assert rows(store, past) == [
        (1, sealed[0], "2026-02-03"),
        (2, sealed[1], "2026-02-04"),
    ]


@pytest.mark.spec("DO-10")
def test_every_former_version_opens_and_says_when_it_gave_way(
    store: Store, one_case: None
) -> None:
    texts = ["first", "second", "third"]
    for text in texts:
        item = record(1, values={"note": text})
        write(store, lambda uow, item=item: uow.cases.put([item, record(2)]))
    found = store.read_sync(lambda uow: uow.cases.former(CASE, [record_id(1)]))
    assert [f.record.text("note") for f in found] == texts[:2]
    assert [f.record.version for f in found] == [1, 2]
    assert found[0].superseded_at <= found[1].superseded_at


def test_a_record_that_never_changed_or_never_was_has_no_former_version(
    store: Store, one_case: None
) -> None:
    write(store, lambda uow: uow.cases.put([record(1)]))
    for asked in ([record_id(1)], [record_id(9)], []):
        found = store.read_sync(lambda uow, asked=asked: uow.cases.former(CASE, asked))
        assert found == ()


@pytest.mark.spec("SR-K1")
def test_former_versions_go_with_the_key_of_their_case(
    store: Store, one_case: None
) -> None:
    for text in ("first", "second"):
        item = record(1, values={"note": text})
        write(store, lambda uow, item=item: uow.cases.put([item]))
    before = store.read_sync(lambda uow: uow.cases.file(CASE))
    gone = replace(before, baton=Baton.SHREDDED)
    write(store, lambda uow: uow.cases.replace(before, gone))
    with pytest.raises(ErasedError):
        store.read_sync(lambda uow: uow.cases.former(CASE, [record_id(1)]))


def test_of_two_records_with_one_id_in_one_call_the_last_stays(
    store: Store, one_case: None
) -> None:
    second = replace(record(), kind="x-second")
    write(store, lambda uow: uow.cases.put([record(), second]))
    assert store.read_sync(lambda uow: uow.cases.content(CASE)).records == (second,)


@pytest.mark.spec("P1")
def test_a_unit_that_is_undone_leaves_no_record(store: Store, one_case: None) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.cases.put([record(n) for n in range(1, 6)])
            raise ConflictError("somebody else")

    with pytest.raises(ConflictError):
        store.write_sync(act)
    assert store.read_sync(lambda uow: uow.cases.content(CASE)).records == ()


def test_a_thousand_records_in_one_call(store: Store, one_case: None) -> None:
    items = [record(n) for n in range(1, 1001)]
    write(store, lambda uow: uow.cases.put(items))
    write(store, lambda uow: uow.cases.put(items[300:]))
    content = store.read_sync(lambda uow: uow.cases.content(CASE))
    assert [item.version for item in content.records] == [1] * 300 + [2] * 700


@pytest.mark.spec("SR-K1")
def test_no_free_text_and_no_name_lies_in_the_database_in_clear(
    store: Store, one_case: None
) -> None:
    person = record(
        2,
        kind="person",
        values={
            "family_name": "canary name",
            "birth_date": "1994-03-07",
            "gender": "w",
            "unknown_field": "canary unknown",
        },
    )
    write(store, lambda uow: uow.cases.put([record(), person]))
    write(store, lambda uow: uow.cases.put([record(), person]))

    tables = ("case_file", "record", "record_past")
    found = repr([rows(store, f"SELECT * FROM {table}") for table in tables])
    assert "canary" not in found
    assert "1994-03-07" not in found
    assert "04.1" in found


def test_clear_fields_can_be_listed_by_kind_and_day(
    store: Store, one_case: None
) -> None:
    plan = record(3, kind="plan", values={"start": "2026-01-15", "wishes": "canary"})
    status = record(4, kind="care_status", values={"valid_from": "2025-11-01"})
    write(store, lambda uow: uow.cases.put([record(), plan, status]))
    assert rows(store, "SELECT kind, on_date FROM record ORDER BY kind") == [
        ("care_status", "2025-11-01"),
        ("contact", "2026-02-03"),
        ("plan", "2026-01-15"),
    ]


@pytest.mark.spec("SR-K2")
@pytest.mark.parametrize(
    "move",
    [
        """UPDATE record SET sealed =
        (SELECT sealed FROM record WHERE id = :two AND case_id = :case)
        WHERE id = :one""",
        "UPDATE record SET epoch = 2 WHERE id = :one",
        "UPDATE record SET id = :three WHERE id = :one",
        "UPDATE record SET case_id = :other WHERE id = :one",
        """UPDATE case_file SET wrapped =
        (SELECT wrapped FROM case_file WHERE id = :other) WHERE id = :case""",
    ],
)
def test_a_record_moved_to_another_row_case_or_epoch_does_not_open(
    store: Store, move: str
) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.cases.open_new(case_file(1))
        uow.cases.open_new(case_file(2))
        uow.cases.put([record(1), record(2)])

    write(store, act)
    names = {"one": record_id(1), "two": record_id(2), "three": record_id(3)}
    used = {name: value for name, value in names.items() if f":{name}" in move}
    cases = {"case": case_id(1), "other": case_id(2)}
    used |= {name: value for name, value in cases.items() if f":{name}" in move}
    tamper(store, move, **used)

    def read_both(uow: SqlUnitOfWork) -> None:
        uow.cases.content(case_id(1))
        uow.cases.content(case_id(2))

    with pytest.raises(SealError):
        store.read_sync(read_both)


def test_records_of_a_former_epoch_open_after_the_case_came_back(store: Store) -> None:
    handed = case_file(baton=Baton.HANDED_OVER)

    def act(uow: SqlUnitOfWork) -> None:
        uow.cases.open_new(handed)
        uow.cases.put([record(1)])
        uow.cases.reopen(case_file(epoch=3))
        uow.cases.put([record(2)])

    write(store, act)
    content = store.read_sync(lambda uow: uow.cases.content(CASE))
    assert (content.file.epoch, content.file.baton) == (3, Baton.ACTIVE)
    assert [item.id for item in content.records] == [record_id(1), record_id(2)]


def test_a_case_in_work_cannot_come_back(store: Store, one_case: None) -> None:
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.cases.reopen(case_file(epoch=3)))


@pytest.mark.spec("P16", "SR-K6")
def test_a_shredded_case_keeps_its_row_and_loses_everything_else(
    store: Store, means: Means, one_case: None, tmp_path: Path
) -> None:
    def fill(uow: SqlUnitOfWork) -> bytes:
        uow.cases.put([record(1)])
        uow.cases.put([record(1)])
        uow.cases.set_birth_year(CASE, 1994)
        digest, _ = uow.cases.seal_document(CASE, 1, iter([b"scan"]))
        return digest

    digest = write(store, fill)
    before = store.read_sync(lambda uow: uow.cases.file(CASE))
    shredded = replace(before, baton=Baton.SHREDDED)
    write(store, lambda uow: uow.cases.replace(before, shredded))

    file = store.read_sync(lambda uow: uow.cases.file(CASE))
    assert file.baton is Baton.SHREDDED
    for act in (
        lambda uow: uow.cases.content(CASE),
        lambda uow: uow.cases.record(CASE, record_id(1)),
        lambda uow: uow.cases.open_document(CASE, digest),
    ):
        with pytest.raises(ErasedError):
            store.read_sync(act)
    assert [line.id for line in means.register.replay()] == [CASE]
    assert [line.kind for line in means.register.replay()] == [Destroyed.CASE_KEY]
    (left,) = rows(
        store,
        """SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM record_past),
        (SELECT count(*) FROM document_file),
        (SELECT count(*) FROM case_file WHERE birth_year IS NOT NULL)""",
    )
    assert left == (0, 0, 0, 0)
    with pytest.raises(NotFoundError):
        list(means.documents.read(digest))


def test_shredding_a_case_that_moved_registers_nothing(
    store: Store, means: Means, one_case: None
) -> None:
    write(store, lambda uow: uow.cases.touch(CASE))
    shredded = case_file(baton=Baton.SHREDDED)
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.cases.replace(case_file(), shredded))
    assert list(means.register.replay()) == []


def test_a_shredded_case_comes_back_under_a_new_key(
    store: Store, one_case: None
) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.cases.replace(case_file(), case_file(baton=Baton.SHREDDED))
        uow.cases.reopen(case_file(epoch=3))
        uow.cases.put([record(5)])

    write(store, act)
    content = store.read_sync(lambda uow: uow.cases.content(CASE))
    assert (content.file.epoch, content.records[0].id) == (3, record_id(5))


def test_a_case_without_a_key_cannot_be_written(store: Store, one_case: None) -> None:
    write(
        store,
        lambda uow: uow.cases.replace(case_file(), case_file(baton=Baton.SHREDDED)),
    )
    with pytest.raises(ErasedError):
        write(store, lambda uow: uow.cases.put([record()]))


def test_the_database_refuses_a_shredded_case_with_a_key(
    store: Store, one_case: None
) -> None:
    for statement in (
        "UPDATE case_file SET baton = 'shredded'",
        "UPDATE case_file SET wrapped = NULL",
        "UPDATE case_file SET baton = 'absent'",
        "UPDATE case_file SET epoch = 0",
    ):
        with pytest.raises(IntegrityError):
            tamper(store, statement)


@pytest.mark.spec("SR-K5")
def test_case_keys_move_to_the_new_week_and_the_old_one_may_go(
    store: Store, means: Means, one_case: None
) -> None:
    write(store, lambda uow: uow.cases.put([record()]))
    means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
    stale = store.read_sync(lambda uow: uow.upkeep.stale())
    assert [value.table for value in stale] == ["case_file"]
    assert write(store, lambda uow: uow.upkeep.rewrap(stale)) == 1
    del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
    assert store.read_sync(lambda uow: uow.cases.content(CASE)).records
    assert store.read_sync(lambda uow: uow.upkeep.stale()) == []


@pytest.mark.spec("SR-K5")
def test_a_case_whose_week_key_is_gone_is_erased(
    store: Store, means: Means, one_case: None
) -> None:
    means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
    del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
    with pytest.raises(ErasedError):
        store.read_sync(lambda uow: uow.cases.content(CASE))
    stale = store.read_sync(lambda uow: uow.upkeep.stale())
    assert write(store, lambda uow: uow.upkeep.rewrap(stale)) == 0


@pytest.mark.spec("P16")
def test_a_case_that_a_backup_brought_back_is_found_by_the_register(
    store: Store, means: Means, one_case: None
) -> None:
    ((wrapped,),) = rows(store, "SELECT wrapped FROM case_file")
    write(
        store,
        lambda uow: uow.cases.replace(case_file(), case_file(baton=Baton.SHREDDED)),
    )
    found = store.read_sync(
        lambda uow: uow.upkeep.outlived_cases(means.register.replay())
    )
    assert found == []
    tamper(
        store,
        "UPDATE case_file SET wrapped = :wrapped, baton = 'active'",
        wrapped=wrapped,
    )
    found = store.read_sync(
        lambda uow: uow.upkeep.outlived_cases(means.register.replay())
    )
    assert found == [CASE]


class TestDocuments:
    def portions(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, 1000):
            yield bytes([start // 1000 % 251]) * min(1000, size - start)

    @pytest.mark.parametrize("size", [0, 1, 65_536, 300_001])
    def test_a_document_comes_back_as_it_went_in(
        self, store: Store, one_case: None, size: int
    ) -> None:
        digest, length = write(
            store, lambda uow: uow.cases.seal_document(CASE, 1, self.portions(size))
        )
        assert (len(digest), length) == (32, size)
        chunks = store.read_sync(lambda uow: uow.cases.open_document(CASE, digest))
        assert b"".join(chunks) == b"".join(self.portions(size))

    def test_an_unknown_document_is_not_found(
        self, store: Store, one_case: None
    ) -> None:
        with pytest.raises(NotFoundError):
            store.read_sync(lambda uow: uow.cases.open_document(CASE, bytes(32)))

    @pytest.mark.spec("SR-K1", "SR-U1")
    def test_no_byte_of_it_lies_on_disk_in_clear(
        self, store: Store, one_case: None, tmp_path: Path
    ) -> None:
        write(
            store,
            lambda uow: uow.cases.seal_document(CASE, 1, iter([b"canary " * 5000])),
        )
        for path in tmp_path.rglob("*"):
            assert path.is_dir() or b"canary" not in path.read_bytes()

    @pytest.mark.spec("SR-K2")
    def test_two_files_that_change_names_do_not_open(
        self, store: Store, one_case: None, tmp_path: Path
    ) -> None:
        def act(uow: SqlUnitOfWork) -> tuple[bytes, bytes]:
            one, _ = uow.cases.seal_document(CASE, 1, iter([b"one"]))
            two, _ = uow.cases.seal_document(CASE, 1, iter([b"two"]))
            return one, two

        one, two = write(store, act)
        paths = [next((tmp_path / "documents").rglob(d.hex())) for d in (one, two)]
        paths[0].write_bytes(paths[1].read_bytes())
        chunks = store.read_sync(lambda uow: uow.cases.open_document(CASE, one))
        with pytest.raises(SealError):
            list(chunks)

    def test_a_cut_or_changed_file_does_not_open(
        self, store: Store, one_case: None, tmp_path: Path
    ) -> None:
        digest, _ = write(
            store,
            lambda uow: uow.cases.seal_document(CASE, 1, iter([b"x" * 100_000])),
        )
        path = next((tmp_path / "documents").rglob(digest.hex()))
        whole = path.read_bytes()
        for damaged in (whole[:-1], whole[:70_000], b"", whole[:-1] + b"\0"):
            path.write_bytes(damaged)
            chunks = store.read_sync(lambda uow: uow.cases.open_document(CASE, digest))
            with pytest.raises(SealError):
                list(chunks)

    def test_the_sweep_knows_the_documents_that_rows_name(
        self, store: Store, one_case: None
    ) -> None:
        digest, _ = write(
            store, lambda uow: uow.cases.seal_document(CASE, 1, iter([b"x"]))
        )
        named = store.read_sync(lambda uow: uow.upkeep.named_documents())
        assert named == {digest}
