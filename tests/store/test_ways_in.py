"""Ways in, changes by two people and emergency accesses as rows, on both databases."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from node.accounts.changes import AccountChange, ChangeKind, Ways
from node.accounts.emergency import Emergency
from node.accounts.model import Account, Role
from node.accounts.passkey import Passkey
from node.accounts.secondfactor import Authenticator, RecoveryCode
from node.accounts.session import KEPT, KeptForm
from node.errors import ConflictError, NodeError, NotFoundError
from node.ids import Hex128
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from tests.support.acts import rows, write
from tests.support.build import ANNA, AT, BERND
from tests.support.people import case_id

KEY = Passkey(b"k" * 20, ANNA, "Laptop", b"public", 3, AT)
CODES = [RecoveryCode.of(bytes([n]) * 10) for n in range(10)]
NUMBER = Hex128("0e" * 16)


@pytest.fixture(autouse=True)
def two_people(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        for identity, login in ((ANNA, "anna"), (BERND, "bernd")):
            roles = frozenset({Role.ADMINISTRATOR})
            uow.accounts.add(Account(identity, login, login, roles, date(2026, 1, 1)))

    write(store, act)


def read(store: Store, act: Any) -> Any:
    return store.read_sync(act)


def test_a_passkey_counts_and_goes_with_its_owner_only(store: Store) -> None:
    write(store, lambda uow: uow.ways.add_passkey(KEY))
    used = KEY.used(4, AT + timedelta(hours=1))
    write(store, lambda uow: uow.ways.use_passkey(used))
    assert read(store, lambda uow: uow.ways.passkey(KEY.id)) == used
    write(store, lambda uow: uow.ways.end_passkey(BERND, KEY.id))
    assert read(store, lambda uow: uow.ways.passkeys(ANNA)) == [used]
    write(store, lambda uow: uow.ways.end_passkey(ANNA, KEY.id))
    assert read(store, lambda uow: uow.ways.passkey(KEY.id)) is None


def test_a_passkey_has_one_owner(store: Store) -> None:
    write(store, lambda uow: uow.ways.add_passkey(KEY))
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.ways.add_passkey(replace(KEY, account=BERND)))


@pytest.mark.spec("SR-B4")
def test_an_apps_secret_is_sealed_and_can_be_used_again(store: Store) -> None:
    app = Authenticator(ANNA, "A" * 32, 7)
    write(store, lambda uow: uow.ways.set_authenticator(app))
    assert read(store, lambda uow: uow.ways.authenticator(ANNA)) == app
    [row] = rows(store, "SELECT secret FROM authenticator")
    assert b"A" * 32 not in bytes(row[0])
    # It is among what the weekly turn seals anew, so it outlives its first week key.
    assert store.read_sync(lambda uow: uow.upkeep.open_all()) == 1
    later = replace(app, last_step=8)
    write(store, lambda uow: uow.ways.set_authenticator(later))
    assert read(store, lambda uow: uow.ways.authenticator(ANNA)) == later


@pytest.mark.spec("SR-B4")
def test_a_recovery_code_is_taken_once_and_by_its_owner(store: Store) -> None:
    write(store, lambda uow: uow.ways.set_codes(ANNA, CODES))
    taken: list[bool] = []
    for who in (BERND, ANNA, ANNA):
        write(
            store, lambda uow, who=who: taken.append(uow.ways.take_code(who, CODES[0]))
        )
    assert taken == [False, True, False]
    assert read(store, lambda uow: uow.ways.ways(ANNA)) == Ways(0, False, 9)
    write(store, lambda uow: uow.ways.set_codes(ANNA, CODES[:1]))
    assert read(store, lambda uow: uow.ways.ways(ANNA)).codes == 1


def test_ways_are_counted_and_all_end_together(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.ways.add_passkey(KEY)
        uow.accounts.set_password(ANNA, "$argon2id$x", AT)
        uow.ways.set_authenticator(Authenticator(ANNA, "A" * 32))
        uow.ways.set_codes(ANNA, CODES)

    write(store, act)
    assert read(store, lambda uow: uow.ways.ways(ANNA)) == Ways(1, True, 10)
    write(store, lambda uow: uow.ways.end_all(ANNA))
    assert read(store, lambda uow: uow.ways.ways(ANNA)) == Ways()
    assert read(store, lambda uow: uow.ways.authenticator(ANNA)) is None


@pytest.mark.spec("SR-B4")
def test_a_challenge_is_answered_once(store: Store) -> None:
    write(store, lambda uow: uow.ways.use_challenge(b"c" * 32, AT))
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.ways.use_challenge(b"c" * 32, AT))


def test_the_last_sign_in_replaces_the_one_before(store: Store) -> None:
    for hours, way in ((0, "password"), (1, "passkey")):
        at = AT + timedelta(hours=hours)
        write(store, lambda uow, at=at, way=way: uow.ways.note_sign_in(ANNA, at, way))
    assert read(store, lambda uow: uow.ways.last_seen(ANNA)) == (
        AT + timedelta(hours=1), "passkey",
    )  # fmt: skip
    assert set(read(store, lambda uow: uow.ways.all_last_seen())) == {ANNA}


@pytest.mark.spec("SC-13")
def test_a_kept_form_is_replaced_and_forgotten(store: Store) -> None:
    first = KeptForm(b"t" * 32, ANNA, AT + KEPT, b"one")
    second = replace(first, sealed=b"two")
    for kept in (first, second):
        write(store, lambda uow, kept=kept: uow.kept_forms.keep(kept))
    assert read(store, lambda uow: uow.kept_forms.get(b"t" * 32)) == second
    write(store, lambda uow: uow.kept_forms.drop(b"t" * 32))
    assert read(store, lambda uow: uow.kept_forms.get(b"t" * 32)) is None


CHANGE = AccountChange(
    NUMBER, ANNA, ChangeKind.ROLES, frozenset({Role.AUDITOR}), b"s" * 32, BERND, AT
)


@pytest.mark.spec("SC-33")
def test_the_database_refuses_a_second_yes_of_the_same_person(store: Store) -> None:
    write(store, lambda uow: uow.changes.add(CHANGE))
    assert read(store, lambda uow: uow.changes.get(NUMBER)) == CHANGE
    with pytest.raises(NodeError):
        write(store, lambda uow: uow.changes.confirm(NUMBER, BERND, AT))
    assert read(store, lambda uow: uow.changes.get(NUMBER)).confirmed_by is None


def test_a_new_wish_replaces_the_one_that_waits(store: Store) -> None:
    write(store, lambda uow: uow.changes.add(CHANGE))
    newer = replace(CHANGE, id=Hex128("0f" * 16), roles=frozenset({Role.APPROVER}))
    write(store, lambda uow: uow.changes.add(newer))
    early = AT - timedelta(days=1)
    assert read(store, lambda uow: uow.changes.since(early)) == [newer]
    with pytest.raises(NotFoundError):
        read(store, lambda uow: uow.changes.get(NUMBER))


@pytest.mark.spec("DO-41")
def test_an_emergency_is_agreed_to_once_and_by_another(store: Store) -> None:
    opened = Emergency(NUMBER, ANNA, case_id(1), AT, asks_second=True)
    write(store, lambda uow: uow.emergencies.add(opened))
    with pytest.raises(NodeError):
        write(store, lambda uow: uow.emergencies.agree(NUMBER, ANNA))
    write(store, lambda uow: uow.emergencies.agree(NUMBER, BERND))
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.emergencies.agree(NUMBER, BERND))
    early = AT - timedelta(days=1)
    found = replace(opened, second=BERND)
    assert read(store, lambda uow: uow.emergencies.of_case(case_id(1), early)) == [
        found
    ]
    assert read(store, lambda uow: uow.emergencies.of_case(case_id(2), early)) == []
