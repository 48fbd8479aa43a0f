"""Accounts as values: which may be, and when they may act."""

from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import pytest

from node.accounts.model import (
    EXCLUDED,
    Account,
    ApiToken,
    Bearer,
    Deputyship,
    Role,
    Scope,
    check_roles,
    fold_name,
    is_own,
)
from node.errors import InputError, MalformedMessageError
from node.ids import AccountId

ANNA = AccountId("0a" * 16)
BERND = AccountId("0b" * 16)
TODAY = date(2021, 3, 15)


def an_account(**changes: object) -> Account:
    values: dict[str, object] = {
        "id": ANNA,
        "login": "anna",
        "name": "Anna Beispiel",
        "roles": frozenset({Role.CASEWORKER}),
        "active_from": TODAY,
    }
    return Account(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.spec("DO-39", "SR-B8")
def test_the_auditor_and_the_administrator_stand_apart_from_case_work():
    for pair in combinations(Role, 2):
        if frozenset(pair) == {Role.CASEWORKER, Role.APPROVER}:
            assert check_roles(pair) == set(pair)
        else:
            assert frozenset(pair) in EXCLUDED
            with pytest.raises(InputError, match="excluded"):
                check_roles(pair)


def test_three_roles_in_one_hand_are_refused_when_two_of_them_exclude_each_other():
    with pytest.raises(InputError, match="excluded"):
        an_account(roles=frozenset({Role.CASEWORKER, Role.APPROVER, Role.AUDITOR}))


def test_an_account_without_a_role_is_refused():
    with pytest.raises(InputError, match="roles: missing"):
        an_account(roles=frozenset())


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("login", " ", "missing"),
        ("name", "", "missing"),
        ("email", "x" * 201, "too_long"),
        ("active_until", TODAY - timedelta(days=1), "before_start"),
    ],
)
def test_an_account_with_a_bad_field_is_refused(field, value, reason):
    with pytest.raises(InputError) as caught:
        an_account(**{field: value})
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_an_account_acts_from_its_first_to_its_last_day():
    account = an_account(active_until=TODAY + timedelta(days=1))
    days = [TODAY + timedelta(days=n) for n in (-1, 0, 1, 2)]
    assert [account.is_active(day) for day in days] == [False, True, True, False]
    assert an_account().is_active(date(2099, 1, 1))


def test_a_deputy_owns_a_caseload_on_the_days_of_the_deputyship_only():
    stands_in = Deputyship(ANNA, BERND, TODAY, TODAY + timedelta(days=2))
    days = [TODAY + timedelta(days=n) for n in (-1, 0, 2, 3)]
    assert [is_own(BERND, ANNA, [stands_in], on=day) for day in days] == [
        False,
        True,
        True,
        False,
    ]
    assert is_own(ANNA, ANNA, [], on=TODAY)


def test_a_deputyship_works_one_way_and_not_for_cases_without_a_caseworker():
    stands_in = Deputyship(ANNA, BERND, TODAY, TODAY)
    assert not is_own(ANNA, BERND, [stands_in], on=TODAY)
    assert not is_own(BERND, None, [stands_in], on=TODAY)


@pytest.mark.parametrize(
    ("deputy", "last"), [(ANNA, TODAY), (BERND, TODAY - timedelta(days=1))]
)
def test_a_deputyship_with_oneself_or_backwards_is_refused(deputy, last):
    with pytest.raises(InputError):
        Deputyship(ANNA, deputy, TODAY, last)


def test_a_bearer_text_gives_its_digest_and_never_the_other_way():
    bearer = Bearer.of(bytes(range(32)))
    assert len(bearer) == 43
    assert len(bearer.digest) == 32
    assert Bearer.parse(str(bearer)).digest == bearer.digest
    assert Bearer.of(bytes(32)).digest != bearer.digest


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 42 + "B", "A" * 43 + "A", "ä" * 43]
)
def test_a_bearer_text_of_another_form_is_refused(text):
    with pytest.raises(MalformedMessageError):
        Bearer(text)


def test_a_token_ends_at_its_instant_and_does_not_show_its_digest():
    end = datetime(2021, 3, 15, tzinfo=UTC)
    token = ApiToken(
        b"\x55" * 32, "Meldewesen", frozenset({Scope.RELOCATIONS_WRITE}), None, end
    )
    assert token.is_valid(end - timedelta(microseconds=1))
    assert not token.is_valid(end)
    assert "UUU" not in repr(token)


def test_login_names_are_compared_folded():
    assert fold_name("  Jürgen.STRASSE ") == fold_name("jürgen.straße")
