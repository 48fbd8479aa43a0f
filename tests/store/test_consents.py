"""Consents as rows: whole, locked while the gate decides, the evidence sealed."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from node.cases.model import Baton
from node.cases.standing import Basis, Consent, GivenBy
from node.errors import (
    ConflictError,
    ErasedError,
    NotFoundError,
    SealError,
    UsageError,
)
from node.ids import ConsentId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from tests.support import people
from tests.support.acts import rows, tamper, write
from tests.support.build import ANNA, AT, BERND, case_file
from tests.support.people import case_id, record_id

CASE = case_id(1)


def consent(number: int = 1, case: int = 1, **changes: Any) -> Consent:
    evidence = changes.pop("evidence", b"canary evidence")
    digest = changes.pop("digest", hashlib.sha256(evidence).digest())
    return replace(
        people.consent(case_id(case), number),
        recorded_at=changes.pop("recorded_at", AT),
        evidence=evidence,
        digest=digest,
        recorded_by=ANNA,
        **changes,
    )


@pytest.fixture(autouse=True)
def one_case(store: Store) -> None:
    write(store, lambda uow: uow.cases.open_new(case_file()))


def test_a_consent_comes_back_as_it_was_given(store: Store) -> None:
    whole = consent(
        given_by=GivenBy.BOTH_GUARDIANS,
        guardians=(case_id(8), case_id(9)),
        basis=Basis.STATUTE,
        statute="§ 1",
        second=BERND,
        recipients=("ags:08337", "member:08337096-stadt-bad-saeckingen"),
        documents=frozenset({record_id(3), record_id(4)}),
        announce_by_name=True,
        secrecy_release=True,
        contact_back=True,
        may_tell_old_office=True,
        withdrawn_at=AT,
        withdrawn_how="oral",
        withdrawn_by="self",
        received_by=ANNA,
        replaced_by=ConsentId("09" * 16),
        entry=b"\x61" * 32,
        evidence=bytes(range(256)) * 40,
    )
    declined = consent(2, declined_on=date(2026, 1, 2), categories=frozenset())
    write(store, lambda uow: (uow.consents.put(whole), uow.consents.put(declined)))
    assert store.read_sync(lambda uow: uow.consents.get(whole.id)) == whole
    assert store.read_sync(lambda uow: uow.consents.of_case(CASE)) == [whole, declined]


def test_consents_come_oldest_first_and_of_one_case_only(store: Store) -> None:
    older = consent(5, recorded_at=AT.replace(hour=1))

    def act(uow: SqlUnitOfWork) -> None:
        uow.cases.open_new(case_file(2))
        uow.consents.put(consent(1))
        uow.consents.put(consent(2, case=2))
        uow.consents.put(older)

    write(store, act)
    found = store.read_sync(lambda uow: uow.consents.of_case(CASE))
    assert [item.id for item in found] == [older.id, consent(1).id]


@pytest.mark.parametrize(
    "act",
    [
        lambda uow: uow.consents.get(ConsentId("0c" * 16)),
        lambda uow: uow.consents.put(consent(case=7)),
    ],
)
def test_what_is_not_there_is_not_found(
    store: Store, act: Callable[[SqlUnitOfWork], object]
) -> None:
    with pytest.raises(NotFoundError):
        write(store, act)


@pytest.mark.spec("HO-33")
def test_giving_and_withdrawing_raise_the_version_of_the_case(store: Store) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    write(store, lambda uow: uow.consents.put(consent(withdrawn_at=AT)))
    assert store.read_sync(lambda uow: uow.cases.file(CASE)).version == 3
    found = store.read_sync(lambda uow: uow.consents.get(consent().id))
    assert found.withdrawn_at == AT


@pytest.mark.spec("HO-33")
@pytest.mark.parametrize(
    "dialect",
    [pytest.param("postgresql", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_a_withdrawal_waits_until_the_gate_has_decided(store: Store) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    asked, done = threading.Event(), threading.Event()
    order: list[str] = []

    def gate(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.consents.of_case(CASE)
            asked.set()
            done.wait(0.3)
            order.append("gate")
            uow.commit()

    def withdraw(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.consents.put(consent(withdrawn_at=AT))
            order.append("withdrawal")
            uow.commit()
        done.set()

    thread = threading.Thread(target=store.write_sync, args=(gate,))
    thread.start()
    asked.wait(5)
    store.write_sync(withdraw)
    thread.join()
    assert order == ["gate", "withdrawal"]


@pytest.mark.spec("FR-21")
@pytest.mark.parametrize(
    "changes",
    [
        {"basis": Basis.STATUTE, "second": BERND},
        {"basis": Basis.STATUTE, "statute": "§ 1"},
        {"basis": Basis.STATUTE, "statute": "§ 1", "second": ANNA},
        {"valid_until": date(2025, 12, 31)},
        {"digest": b"short"},
    ],
)
def test_the_database_refuses_what_is_no_consent(
    store: Store, changes: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        write(store, lambda uow: uow.consents.put(replace(consent(), **changes)))


@pytest.mark.spec("SR-K1")
def test_evidence_and_salt_lie_sealed(store: Store) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    found = repr(rows(store, "SELECT * FROM consent"))
    assert "canary" not in found
    assert consent().salt.hex() not in found
    assert repr(consent().salt)[2:-1] not in found


@pytest.mark.spec("SR-K1")
def test_evidence_outlives_the_key_of_its_case(store: Store) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    before = store.read_sync(lambda uow: uow.cases.file(CASE))
    shredded = replace(before, baton=Baton.SHREDDED)
    write(store, lambda uow: uow.cases.replace(before, shredded))
    found = store.read_sync(lambda uow: uow.consents.get(consent().id))
    assert found.evidence == b"canary evidence"


@pytest.mark.spec("SR-K2")
@pytest.mark.parametrize("column", ["sealed", "wrapped"])
def test_evidence_does_not_open_in_the_row_of_another(
    store: Store, column: str
) -> None:
    write(
        store, lambda uow: (uow.consents.put(consent(1)), uow.consents.put(consent(2)))
    )
    tamper(
        store,
        f"UPDATE consent SET {column} = "
        f"(SELECT {column} FROM consent WHERE id = :two) WHERE id = :one",
        one=consent(1).id,
        two=consent(2).id,
    )
    with pytest.raises(SealError):
        store.read_sync(lambda uow: uow.consents.get(consent(1).id))


@pytest.mark.spec("SR-K5")
def test_evidence_keys_move_to_the_new_week(store: Store, means: Means) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
    stale = store.read_sync(lambda uow: uow.upkeep.stale())
    write(store, lambda uow: uow.upkeep.rewrap(stale))
    del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
    assert store.read_sync(lambda uow: uow.consents.of_case(CASE)) == [consent()]


def test_evidence_whose_week_key_is_gone_is_erased(store: Store, means: Means) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
    del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
    with pytest.raises(ErasedError):
        store.read_sync(lambda uow: uow.consents.of_case(CASE))


def test_the_chain_of_a_person_remembers_its_newest_entry(store: Store) -> None:
    assert store.read_sync(lambda uow: uow.consents.last_entry(CASE)) is None
    for entry in (b"\x01" * 32, b"\x02" * 32):
        write(store, lambda uow, e=entry: uow.consents.set_last_entry(CASE, e))
        assert store.read_sync(lambda uow: uow.consents.last_entry(CASE)) == entry


def test_a_chain_needs_its_case(store: Store) -> None:
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.consents.set_last_entry(case_id(9), bytes(32)))


def test_a_consent_row_cannot_lose_its_key(store: Store) -> None:
    write(store, lambda uow: uow.consents.put(consent()))
    with pytest.raises(IntegrityError):
        tamper(store, "UPDATE consent SET wrapped = NULL")
