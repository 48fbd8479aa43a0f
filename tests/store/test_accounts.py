"""Accounts as rows, and what opens them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from node.accounts.model import (
    SETUP_LIFE,
    Account,
    ApiToken,
    Bearer,
    Deputyship,
    Reading,
    Role,
    Scope,
)
from node.accounts.password import WINDOW
from node.accounts.session import ABSOLUTE, IDLE, StoredSession
from node.errors import ConflictError, ErasedError, NotFoundError, SealError
from node.ids import AccountId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from tests.support.acts import rows, tamper, write
from tests.support.build import ANNA, AT, BERND
from tests.support.people import case_id

CASE = case_id(1)
SECOND = timedelta(seconds=1)


def account(identity: AccountId = ANNA, login: str = "anna", **changes: Any) -> Account:
    made = Account(
        id=identity,
        login=login,
        name="Anna Beispiel",
        roles=frozenset({Role.CASEWORKER, Role.APPROVER}),
        active_from=date(2026, 1, 1),
        active_until=date(2026, 12, 31),
        email="anna@wehr.example",
        secrecy_bound=True,
        language="en",
        theme="dark",
    )
    return replace(made, **changes)


@pytest.fixture(autouse=True)
def two_people(store: Store) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        uow.accounts.add(account())
        uow.accounts.add(account(BERND, "Bernd", active_until=None))

    write(store, act)


def test_an_account_comes_back_as_it_was_made(store: Store) -> None:
    assert store.read_sync(lambda uow: uow.accounts.get(ANNA)) == account()
    everybody = store.read_sync(lambda uow: uow.accounts.all())
    assert [item.id for item in everybody] == [ANNA, BERND]


def test_a_login_is_found_however_it_is_typed(store: Store) -> None:
    for typed in ("anna", " ANNA ", "Anna"):
        found = store.read_sync(lambda uow, t=typed: uow.accounts.by_login(t))
        assert found == account()
    assert store.read_sync(lambda uow: uow.accounts.by_login("nobody")) is None


def test_a_login_belongs_to_one_person(store: Store) -> None:
    with pytest.raises(ConflictError):
        write(
            store, lambda uow: uow.accounts.add(account(AccountId("0c" * 16), "ANNA"))
        )
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.accounts.replace(account(BERND, "anna")))


def test_a_changed_account_is_written_anew(store: Store) -> None:
    changed = account(login="anna.b", roles=frozenset({Role.AUDITOR}), email="")
    write(store, lambda uow: uow.accounts.replace(changed))
    assert store.read_sync(lambda uow: uow.accounts.get(ANNA)) == changed


@pytest.mark.parametrize(
    "act",
    [
        lambda uow: uow.accounts.get(AccountId("0c" * 16)),
        lambda uow: uow.accounts.replace(account(AccountId("0c" * 16), "c")),
        lambda uow: uow.accounts.set_password(AccountId("0c" * 16), "phc", AT),
    ],
)
def test_an_unknown_account_is_not_found(
    store: Store, act: Callable[[SqlUnitOfWork], object]
) -> None:
    with pytest.raises(NotFoundError):
        write(store, act)


def test_a_password_is_kept_apart_from_the_account(store: Store) -> None:
    assert store.read_sync(lambda uow: uow.accounts.password(ANNA)) is None
    write(store, lambda uow: uow.accounts.set_password(ANNA, "$argon2id$x", AT))
    write(store, lambda uow: uow.accounts.replace(account(email="new@wehr.example")))
    assert store.read_sync(lambda uow: uow.accounts.password(ANNA)) == "$argon2id$x"
    assert store.read_sync(lambda uow: uow.accounts.password(BERND)) is None


def test_deputyships_are_kept_and_can_be_prolonged(store: Store) -> None:
    first = Deputyship(ANNA, BERND, date(2026, 3, 1), date(2026, 3, 14))
    longer = replace(first, last_day=date(2026, 3, 31))
    earlier = Deputyship(BERND, ANNA, date(2026, 1, 1), date(2026, 1, 7))
    for item in (first, longer, earlier):
        write(store, lambda uow, i=item: uow.accounts.add_deputyship(i))
    assert store.read_sync(lambda uow: uow.accounts.deputyships()) == [earlier, longer]


class TestSetupLinks:
    LINK = Bearer.of(bytes(range(32))).digest

    def invite(self, store: Store, digest: bytes = LINK) -> None:
        write(store, lambda uow: uow.accounts.invite(digest, ANNA, AT + SETUP_LIFE))

    def take(self, store: Store, digest: bytes, after: timedelta) -> AccountId | None:
        return write(
            store, lambda uow: uow.accounts.take_invitation(digest, AT + after)
        )

    @pytest.mark.spec("SR-B6")
    def test_a_link_works_once(self, store: Store) -> None:
        self.invite(store)
        assert self.take(store, self.LINK, SECOND) == ANNA
        assert self.take(store, self.LINK, SECOND) is None

    @pytest.mark.spec("SR-B6")
    def test_a_link_works_for_a_quarter_of_an_hour(self, store: Store) -> None:
        self.invite(store)
        assert self.take(store, self.LINK, SETUP_LIFE) is None
        assert self.take(store, self.LINK, SECOND) is None

    def test_an_unknown_link_opens_nothing(self, store: Store) -> None:
        self.invite(store)
        assert self.take(store, bytes(32), SECOND) is None
        assert self.take(store, self.LINK, SECOND) == ANNA

    def test_a_newer_link_ends_the_older(self, store: Store) -> None:
        self.invite(store)
        self.invite(store, b"\x02" * 32)
        assert self.take(store, self.LINK, SECOND) is None
        assert self.take(store, b"\x02" * 32, SECOND) == ANNA


class TestTokens:
    TOKEN = ApiToken(
        digest=b"\x07" * 32,
        label="Meldewesen",
        scopes=frozenset({Scope.RELOCATIONS_WRITE, Scope.REPORTS_READ}),
        created_by=ANNA,
        valid_until=AT,
    )

    @pytest.mark.spec("SR-B11")
    def test_a_token_is_known_by_its_digest_until_it_is_ended(
        self, store: Store
    ) -> None:
        other = replace(self.TOKEN, digest=b"\x08" * 32, label="A", created_by=None)
        for item in (self.TOKEN, other):
            write(store, lambda uow, i=item: uow.accounts.add_token(i))
        digest = self.TOKEN.digest
        assert store.read_sync(lambda uow: uow.accounts.token(digest)) == self.TOKEN
        assert store.read_sync(lambda uow: uow.accounts.token(bytes(32))) is None
        assert store.read_sync(lambda uow: uow.accounts.tokens()) == [other, self.TOKEN]
        write(store, lambda uow: uow.accounts.end_token(digest))
        write(store, lambda uow: uow.accounts.end_token(digest))
        assert store.read_sync(lambda uow: uow.accounts.token(digest)) is None

    def test_the_database_takes_no_token_in_clear(self, store: Store) -> None:
        with pytest.raises(IntegrityError):
            tamper(
                store,
                "INSERT INTO api_token (digest, label, scopes, valid_until) "
                "VALUES (:clear, 'x', '[]', 1)",
                clear=b"the token itself",
            )


class TestFailures:
    @pytest.mark.spec("SR-B5")
    def test_failures_are_counted_per_subject_and_leave_after_the_window(
        self, store: Store
    ) -> None:
        one, two = b"\x01" * 32, b"\x02" * 32

        def act(uow: SqlUnitOfWork) -> None:
            uow.accounts.add_failure(one, AT)
            uow.accounts.add_failure(one, AT + SECOND)
            uow.accounts.add_failure(two, AT)
            uow.accounts.add_failure(one, AT + WINDOW)

        write(store, act)
        found = store.read_sync(lambda uow: uow.accounts.failures(one))
        assert found == [AT + SECOND, AT + WINDOW]
        write(store, lambda uow: uow.accounts.clear_failures(one))
        assert store.read_sync(lambda uow: uow.accounts.failures(one)) == []


class TestSessions:
    def session(self, number: int, **changes: Any) -> StoredSession:
        made = StoredSession(
            token_hash=bytes([number]) * 32,
            account=ANNA,
            began_at=AT + timedelta(minutes=number),
            seen_at=AT + timedelta(minutes=number),
            sealed_values=b"sealed",
        )
        return replace(made, **changes)

    def add(self, store: Store, *sessions: StoredSession) -> None:
        for item in sessions:
            write(store, lambda uow, i=item: uow.sessions.add(i))

    def of(self, store: Store, who: AccountId = ANNA) -> list[StoredSession]:
        return list(store.read_sync(lambda uow: uow.sessions.of(who)))

    @pytest.mark.spec("SR-B2")
    def test_sessions_are_listed_and_each_can_be_ended(self, store: Store) -> None:
        first, second = self.session(1), self.session(2)
        self.add(store, first, second, self.session(3, account=BERND))
        assert self.of(store) == [second, first]
        write(store, lambda uow: uow.sessions.delete(first.token_hash))
        write(store, lambda uow: uow.sessions.delete(first.token_hash))
        assert self.of(store) == [second]
        load = store.read_sync(lambda uow: uow.sessions.load(second.token_hash))
        assert load == second

    def test_a_session_is_touched_and_keeps_when_it_began(self, store: Store) -> None:
        self.add(store, self.session(1))
        later = self.session(1, seen_at=AT + timedelta(hours=1), sealed_values=b"new")
        moved = replace(later, began_at=AT + timedelta(hours=1))
        write(store, lambda uow: uow.sessions.update(moved))
        assert self.of(store) == [later]

    @pytest.mark.spec("SR-B2")
    def test_an_ended_session_does_not_come_back_by_an_update(
        self, store: Store
    ) -> None:
        self.add(store, self.session(1))
        write(store, lambda uow: uow.sessions.delete(self.session(1).token_hash))
        write(store, lambda uow: uow.sessions.update(self.session(1)))
        assert self.of(store) == []

    def test_all_others_can_be_ended_at_once(self, store: Store) -> None:
        own = self.session(1)
        bernds = self.session(4, account=BERND)
        self.add(store, own, self.session(2), self.session(3), bernds)
        write(store, lambda uow: uow.sessions.delete_others(ANNA, own.token_hash))
        assert self.of(store) == [own]
        write(store, lambda uow: uow.sessions.delete_others(ANNA))
        assert self.of(store) == []
        assert self.of(store, BERND) == [bernds]

    @pytest.mark.spec("SR-B2")
    def test_dead_sessions_are_those_that_is_alive_denies(self, store: Store) -> None:
        now = AT + timedelta(days=1)
        ages = [
            (IDLE, IDLE),
            (IDLE, IDLE - SECOND),
            (ABSOLUTE, SECOND),
            (ABSOLUTE - SECOND, SECOND),
            (ABSOLUTE + SECOND, IDLE + SECOND),
        ]
        made = [
            self.session(n, began_at=now - began, seen_at=now - seen)
            for n, (began, seen) in enumerate(ages)
        ]
        # A device in a client's hands does not idle.
        made += [
            self.session(
                number, began_at=now - age, seen_at=now - age, handed_over=True
            )
            for number, age in ((20, IDLE * 3), (21, ABSOLUTE))
        ]
        self.add(store, *made)
        alive = {item.token_hash for item in made if item.is_alive(now)}
        assert write(store, lambda uow: uow.sessions.delete_dead(now)) == 4
        assert {item.token_hash for item in self.of(store)} == alive

    def test_a_session_needs_an_account(self, store: Store) -> None:
        with pytest.raises(ConflictError):
            self.add(store, self.session(1, account=AccountId("0c" * 16)))


class TestReadLog:
    READING = Reading(ANNA, CASE, AT, "case.read")
    FORCED = Reading(BERND, CASE, AT + SECOND, "break_glass", reason="canary reason")

    def add(self, store: Store, *readings: Reading) -> None:
        for item in readings:
            write(store, lambda uow, i=item: uow.read_log.add(i))

    @pytest.mark.spec("SR-D5")
    def test_readings_are_listed_by_case_and_by_time(self, store: Store) -> None:
        other = Reading(ANNA, case_id(2), AT + 2 * SECOND, "case.print")
        self.add(store, self.FORCED, self.READING, other)
        of_case = store.read_sync(lambda uow: uow.read_log.of_case(CASE))
        assert of_case == [self.READING, self.FORCED]
        since = store.read_sync(lambda uow: uow.read_log.since(AT + SECOND))
        assert since == [self.FORCED, other]

    def test_lines_end_after_their_time(self, store: Store) -> None:
        self.add(store, self.READING, self.FORCED)
        assert write(store, lambda uow: uow.read_log.remove_before(AT + SECOND)) == 1
        assert store.read_sync(lambda uow: uow.read_log.of_case(CASE)) == [self.FORCED]

    @pytest.mark.spec("SR-K1")
    def test_a_reason_lies_sealed_and_opens_in_its_line_only(
        self, store: Store
    ) -> None:
        self.add(store, self.FORCED, replace(self.FORCED, account=ANNA))
        assert "canary" not in repr(rows(store, "SELECT * FROM access_log"))
        tamper(
            store,
            "UPDATE access_log SET reason = (SELECT reason FROM access_log "
            "WHERE account = :bernd) WHERE account = :anna",
            anna=ANNA,
            bernd=BERND,
        )
        with pytest.raises(SealError):
            store.read_sync(lambda uow: uow.read_log.of_case(CASE))

    @pytest.mark.spec("SR-K5")
    def test_a_reason_moves_to_the_new_week(self, store: Store, means: Means) -> None:
        self.add(store, self.FORCED)
        means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
        stale = store.read_sync(lambda uow: uow.upkeep.stale())
        assert write(store, lambda uow: uow.upkeep.rewrap(stale)) == 1
        del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
        assert store.read_sync(lambda uow: uow.read_log.of_case(CASE)) == [self.FORCED]

    def test_a_reason_whose_week_key_is_gone_is_erased(
        self, store: Store, means: Means
    ) -> None:
        self.add(store, self.FORCED)
        means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
        del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
        with pytest.raises(ErasedError):
            store.read_sync(lambda uow: uow.read_log.of_case(CASE))
