"""Relocations and remembered answers as rows."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest

from node.cases.relocation import Relocation, Routing, Source
from node.errors import ConflictError, NotFoundError
from node.ids import Ags, CaseId, MemberId, TransferId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from tests.support.acts import write
from tests.support.build import ANNA, AT, case_file
from tests.support.people import case_id, record_id

MOVE = Relocation(
    id=record_id(1),
    cases=(case_id(2), case_id(1)),
    ags=Ags("08337096"),
    move_on=date(2026, 3, 1),
    source=Source.REGISTER,
    routing=Routing.ROUTED,
    recorded_at=AT,
    recorded_by=ANNA,
    recipient=MemberId("08337096-stadt-bad-saeckingen"),
    transfer=TransferId("0d" * 16),
)


@pytest.fixture(autouse=True)
def two_cases(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.cases.open_new(case_file(1))
        uow.cases.open_new(case_file(2))

    write(store, act)


@pytest.mark.parametrize(
    "move",
    [
        MOVE,
        replace(
            MOVE,
            routing=Routing.NO_NODE,
            source=Source.FORM,
            recorded_by=None,
            recipient=None,
            transfer=None,
        ),
        replace(MOVE, cases=()),
    ],
)
def test_a_relocation_comes_back_as_it_was_recorded(
    store: Store, move: Relocation
) -> None:
    write(store, lambda uow: uow.relocations.add(move))
    assert store.read_sync(lambda uow: uow.relocations.get(move.id)) == move


def _add(move: Relocation, uow: SqlUnitOfWork) -> None:
    uow.relocations.add(move)


@pytest.mark.spec("DO-34")
def test_the_relocations_of_a_case_are_found_and_no_others(store: Store) -> None:
    first = replace(MOVE, cases=(case_id(1), case_id(2)))
    later = replace(
        first,
        id=record_id(8),
        cases=(case_id(1),),
        recorded_at=first.recorded_at + timedelta(days=1),
    )
    for move in (later, first):
        write(store, partial(_add, move))

    def of(case: CaseId) -> list[Relocation]:
        return list(store.read_sync(lambda uow: uow.relocations.of_case(case)))

    assert of(case_id(1)) == [first, later]
    assert of(case_id(2)) == [first]
    assert of(case_id(7)) == []


def test_an_unknown_relocation_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.relocations.get(record_id(9)))


def test_a_relocation_of_an_unknown_case_is_refused(store: Store) -> None:
    stranger = replace(MOVE, cases=(case_id(1), case_id(7)))
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.relocations.add(stranger))
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.relocations.get(MOVE.id))


@pytest.mark.spec("SR-F7")
def test_an_answer_is_remembered_under_caller_and_key(store: Store) -> None:
    def remember(caller: str, key: str, answer: bytes) -> None:
        write(
            store,
            lambda uow: uow.relocations.remember(
                caller, key, request=b"r" * 32, answer=answer
            ),
        )

    remember("token-1", "k", b"first")
    remember("token-2", "k", b"second")
    remember("token-1", "l", b"third")

    def found(caller: str, key: str) -> tuple[bytes, bytes] | None:
        return store.read_sync(lambda uow: uow.relocations.by_idempotency(caller, key))

    assert found("token-1", "k") == (b"r" * 32, b"first")
    assert found("token-2", "k") == (b"r" * 32, b"second")
    assert found("token-2", "l") is None
    with pytest.raises(ConflictError):
        remember("token-1", "k", b"other")
    assert found("token-1", "k") == (b"r" * 32, b"first")
