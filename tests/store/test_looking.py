"""Looks and wishes to uncover, as rows of both databases."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.accounts.looking import NOTHING, LookSession, digest_of, pseudonym
from node.accounts.model import Account, Reading, Role
from node.accounts.reveal import REVEAL_LIFE, RevealWish
from node.errors import ConflictError, NotFoundError, UsageError
from node.ids import Hex128
from node.store.runner import Store
from tests.support.acts import rows, write
from tests.support.build import ANNA, AT, BERND

SECOND = timedelta(seconds=1)
LIST = Reading(ANNA, NOTHING, AT, "log.list")
CHECK = Reading(ANNA, "7" * 32, AT + SECOND, "log.check")
CASE = Reading(ANNA, "8" * 32, AT, "case.read")
OTHER = Reading(BERND, NOTHING, AT, "log.list")
WISH = RevealWish(Hex128("1" * 32), f"transfer:{'7' * 32}", "canary", ANNA, AT)


@pytest.fixture(autouse=True)
def people(store: Store) -> None:
    for number, (identity, role) in enumerate(
        ((ANNA, Role.AUDITOR), (BERND, Role.APPROVER))
    ):
        made = Account(
            id=identity,
            login=f"login{number}",
            name="Name",
            roles=frozenset({role}),
            active_from=date(2026, 1, 1),
        )
        write(store, lambda uow, made=made: uow.accounts.add(made))


def looked(store: Store, *readings: Reading) -> None:
    for reading in readings:
        write(store, lambda uow, reading=reading: uow.read_log.add(reading))


@pytest.mark.spec("SR-D5")
def test_looks_are_told_apart_from_other_readings_and_other_people(
    store: Store,
) -> None:
    looked(store, CASE, LIST, CHECK, OTHER)
    assert store.read_sync(lambda uow: uow.read_log.looks_of(ANNA, None)) == [
        LIST,
        CHECK,
    ]
    assert store.read_sync(lambda uow: uow.read_log.looks_of(ANNA, AT)) == [CHECK]
    assert set(store.read_sync(lambda uow: uow.read_log.lookers())) == {ANNA, BERND}


def test_a_line_is_found_by_its_id_and_an_unknown_one_is_absent(store: Store) -> None:
    looked(store, CHECK)
    [kept] = store.read_sync(lambda uow: uow.read_log.looks_of(ANNA, None))
    assert store.read_sync(lambda uow: uow.read_log.line(kept.id)) == CHECK
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.read_log.line("0" * 32))


def test_an_entry_names_one_session(store: Store) -> None:
    session = LookSession(b"\x01" * 32, ANNA, AT, AT + SECOND)
    write(store, lambda uow: uow.read_log.add_session(session))
    assert store.read_sync(lambda uow: uow.read_log.sessions()) == [session]
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.read_log.add_session(session))


@pytest.mark.spec("SR-D5", "REC-19")
@pytest.mark.parametrize(
    "changed",
    [
        [],
        [LIST],
        [LIST, CHECK, CHECK],
        [LIST, replace(CHECK, case="6" * 32)],
        [LIST, replace(CHECK, action="log.list")],
        [LIST, replace(CHECK, at=AT)],
    ],
)
def test_a_digest_changes_with_every_row(changed: list[Reading]) -> None:
    assert digest_of([LIST, CHECK]) == digest_of([CHECK, LIST])
    assert digest_of(changed) != digest_of([LIST, CHECK])


@pytest.mark.spec("SC-58", "LR-2")
def test_a_pseudonym_depends_on_key_kind_and_identity() -> None:
    names = {
        pseudonym(key, kind, identity)
        for key in (b"a" * 32, b"b" * 32)
        for kind in ("case", "account")
        for identity in (ANNA, BERND)
    }
    assert len(names) == 8
    assert all(ANNA[:4] not in name for name in names)


@pytest.mark.spec("LR-2")
def test_a_wish_is_confirmed_once_and_by_somebody_else(store: Store) -> None:
    write(store, lambda uow: uow.reveals.add(WISH))
    with pytest.raises(UsageError):
        write(store, lambda uow: uow.reveals.confirm(WISH.id, ANNA, AT))
    write(store, lambda uow: uow.reveals.confirm(WISH.id, BERND, AT + SECOND))
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.reveals.confirm(WISH.id, BERND, AT))
    kept = store.read_sync(lambda uow: uow.reveals.get(WISH.id))
    assert kept == replace(WISH, confirmed_by=BERND, confirmed_at=AT + SECOND)


def test_a_reason_lies_in_no_clear_column(store: Store) -> None:
    write(store, lambda uow: uow.reveals.add(WISH))
    [row] = rows(store, "SELECT * FROM log_reveal")
    assert "canary" not in repr(row)
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.reveals.get(Hex128("2" * 32)))


@pytest.mark.parametrize(
    ("confirmed", "after", "waits", "shown"),
    [
        (None, timedelta(0), True, False),
        (None, REVEAL_LIFE - SECOND, True, False),
        (None, REVEAL_LIFE, False, False),
        (timedelta(days=1), timedelta(days=1), False, True),
        (timedelta(days=1), timedelta(days=8) - SECOND, False, True),
        (timedelta(days=1), timedelta(days=8), False, False),
    ],
)
def test_a_wish_and_its_answer_last_seven_days_each(
    confirmed: timedelta | None, after: timedelta, waits: bool, shown: bool
) -> None:
    wish = WISH
    if confirmed is not None:
        wish = replace(wish, confirmed_by=BERND, confirmed_at=AT + confirmed)
    assert (wish.is_waiting(AT + after), wish.is_shown(AT + after)) == (waits, shown)
