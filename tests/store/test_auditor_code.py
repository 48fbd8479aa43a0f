"""One-time codes of auditors: once, ten minutes, and only for whom the table allows."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.accounts.code import CODE_LIFE, AuditorCode
from node.accounts.model import Account, Role
from node.accounts.policy import Actor
from node.casework.auditorcode import issue_code, redeem_code
from node.errors import ForbiddenError, MalformedMessageError
from node.store.runner import Store
from tests.support.acts import rows, write
from tests.support.build import ANNA, AT, BERND

CODE = AuditorCode.of(bytes(range(10)))
AUDITOR = Actor(ANNA, frozenset({Role.AUDITOR}))
SECOND = timedelta(seconds=1)
DORA = Account(
    id=ANNA,
    login="dora",
    name="Dora Stichprobe",
    roles=frozenset({Role.AUDITOR}),
    active_from=date(2026, 1, 1),
)


@pytest.fixture(autouse=True)
def people(store: Store) -> None:
    write(store, lambda uow: uow.accounts.add(DORA))
    clerk = replace(DORA, id=BERND, login="bernd", roles=frozenset({Role.CASEWORKER}))
    write(store, lambda uow: uow.accounts.add(clerk))


def redeem(store: Store, code: AuditorCode = CODE, after: timedelta = SECOND) -> Actor:
    return store.write_sync(redeem_code, code, AT + after)


@pytest.mark.spec("EL-18")
def test_a_code_stands_for_its_account_once(store: Store) -> None:
    assert store.write_sync(issue_code, CODE, AT, by=AUDITOR) == AT + CODE_LIFE
    assert redeem(store) == AUDITOR
    with pytest.raises(ForbiddenError):
        redeem(store)


def test_a_code_ends_after_ten_minutes_and_is_gone_then(store: Store) -> None:
    store.write_sync(issue_code, CODE, AT, by=AUDITOR)
    with pytest.raises(ForbiddenError):
        redeem(store, after=CODE_LIFE)
    with pytest.raises(ForbiddenError):
        redeem(store)


def test_a_newer_code_ends_the_older_one(store: Store) -> None:
    other = AuditorCode.of(b"\xff" * 10)
    store.write_sync(issue_code, CODE, AT, by=AUDITOR)
    store.write_sync(issue_code, other, AT, by=AUDITOR)
    with pytest.raises(ForbiddenError):
        redeem(store)
    assert redeem(store, other) == AUDITOR


def test_a_code_that_was_never_made_opens_nothing(store: Store) -> None:
    with pytest.raises(ForbiddenError):
        redeem(store)


@pytest.mark.parametrize(
    "change",
    [{"active_until": date(2026, 1, 2)}, {"roles": frozenset({Role.CASEWORKER})}],
)
def test_a_code_dies_with_the_right_of_its_account(
    store: Store, change: dict[str, object]
) -> None:
    store.write_sync(issue_code, CODE, AT, by=AUDITOR)
    write(store, lambda uow: uow.accounts.replace(replace(DORA, **change)))  # type: ignore[arg-type]
    with pytest.raises(ForbiddenError):
        redeem(store)


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.ADMINISTRATOR])
def test_who_may_not_read_the_log_gets_no_code(store: Store, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        store.write_sync(issue_code, CODE, AT, by=Actor(BERND, frozenset({role})))


def test_the_store_holds_the_digest_alone(store: Store) -> None:
    store.write_sync(issue_code, CODE, AT, by=AUDITOR)
    [row] = rows(store, "SELECT digest, account FROM auditor_code")
    assert bytes(row[0]) == CODE.digest
    assert CODE not in repr(row)


def test_a_code_is_read_as_people_type_it() -> None:
    bare = CODE.replace("-", "").lower()
    assert AuditorCode.typed(f" {bare} ") == CODE
    assert AuditorCode.typed(CODE.replace("-", " ")) == CODE


@pytest.mark.parametrize("text", ["", "x", CODE[:-1], CODE + "A", CODE[:-1] + "0", "Ä"])
def test_something_else_is_no_code(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        AuditorCode.typed(text)
