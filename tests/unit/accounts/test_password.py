"""Passwords: good enough, kept well, tried slowly."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.accounts.password import (
    FAILURES_PER_ACCOUNT,
    FAILURES_PER_ADDRESS,
    STANDARD,
    WINDOW,
    Cost,
    check_new_password,
    hash_password,
    next_try_at,
    verify_password,
)
from node.errors import InputError

CHEAP = Cost(memory_kib=8, passes=1)
START = datetime(2021, 3, 15, 8, tzinfo=UTC)


def hashed(password: str) -> str:
    return hash_password(password, randomness=secrets.token_bytes, cost=CHEAP)


@pytest.mark.spec("SR-B4")
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too_short"),
        ("elf Zeichen", "too_short"),
        ("x" * 257, "too_long"),
        ("aaaaaaaaaaaaaa", "too_common"),
        ("123456789012", "too_common"),
        ("01.01.1990 10:00", "too_common"),
        ("Passwort2021!!", "too_common"),
        ("P4ssw0rt!2021", "too_common"),
        ("!!2021trowssaP", "too_common"),
        ("SommerSommer2024", "too_common"),
        ("Willkommen-Stadt-2024", "too_common"),
        ("Qwertzuiop123", "too_common"),
        ("Staffelstab2026!", "too_common"),
        ("Beispiel-Anna-1984", "too_common"),
    ],
)
def test_a_password_that_others_would_try_first_is_refused(password, reason):
    with pytest.raises(InputError) as caught:
        check_new_password(password, words=["anna", "Anna Beispiel"])
    assert (caught.value.field, caught.value.reason) == ("password", reason)


@pytest.mark.spec("SR-B4")
@pytest.mark.parametrize(
    "password",
    [
        "zwölf Wörter?",
        "drei karierte elefanten",
        "sommer herbst winter regen",
        "kein einziges sonderzeichen",
        "83920174655018273645",
        "كلمة سر طويلة جدا",
    ],
)
def test_a_long_password_is_good_without_rules_of_composition(password):
    check_new_password(password, words=["anna", "Anna Beispiel"])


def test_no_refusal_shows_the_password():
    with pytest.raises(InputError) as caught:
        check_new_password("Passwort2021!!")
    assert "2021" not in str(caught.value)


def test_a_hash_verifies_its_password_and_no_other():
    kept = hashed("drei karierte elefanten")
    assert verify_password(kept, "drei karierte elefanten", cost=CHEAP)
    for other in ("Drei karierte elefanten", "drei karierte elefanten ", "", "x" * 300):
        assert not verify_password(kept, other, cost=CHEAP)


def test_one_word_in_two_unicode_spellings_is_one_password():
    assert verify_password(
        hashed("zwo\u0308lf Wo\u0308rter"), "zwölf Wörter", cost=CHEAP
    )


def test_equal_passwords_have_unequal_hashes():
    assert hashed("drei karierte elefanten") != hashed("drei karierte elefanten")


@pytest.mark.parametrize(
    "kept", ["", "plain", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AA$AA"]
)
def test_a_damaged_hash_opens_nothing(kept):
    assert not verify_password(kept, "drei karierte elefanten", cost=CHEAP)


@given(st.text(max_size=40))
@settings(max_examples=30, deadline=None)
def test_any_text_can_be_tried(password):
    assert verify_password(hashed(password), password, cost=CHEAP)


@pytest.mark.spec("SR-B4")
def test_the_standard_takes_64_mebibytes_and_three_passes():
    assert STANDARD.prefix == "$argon2id$v=19$m=65536,t=3,p=1$"
    kept = hash_password("drei karierte elefanten", randomness=secrets.token_bytes)
    assert kept.startswith(STANDARD.prefix)


@pytest.mark.spec("SR-B5")
def test_a_name_nobody_has_costs_the_same_work(monkeypatch):
    from node.accounts import password

    work = []
    derive = password._derive

    def counted(*args):
        work.append(args[2])
        return derive(*args)

    monkeypatch.setattr(password, "_derive", counted)
    assert not verify_password(None, "drei karierte elefanten", cost=CHEAP)
    assert work == [CHEAP]


def failures(count: int) -> list[datetime]:
    return [START + timedelta(seconds=n) for n in range(count)]


@pytest.mark.spec("SR-B5")
def test_the_tenth_failure_in_a_quarter_of_an_hour_locks_the_account():
    nine, ten = failures(9), failures(10)
    assert next_try_at(nine, FAILURES_PER_ACCOUNT) == nine[-1] + timedelta(seconds=32)
    assert next_try_at(ten, FAILURES_PER_ACCOUNT) == START + WINDOW


@pytest.mark.spec("SR-B5")
def test_the_thirtieth_failure_locks_the_address():
    assert next_try_at(failures(30), FAILURES_PER_ADDRESS) == START + WINDOW
    assert next_try_at(failures(9), FAILURES_PER_ADDRESS) is None


@pytest.mark.parametrize("limit", [FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS])
def test_the_waiting_never_shrinks_with_one_more_failure(limit):
    waits = []
    for count in range(1, limit + 1):
        tried = [START] * count
        at = next_try_at(tried, limit)
        waits.append(timedelta() if at is None else at - START)
    assert waits == sorted(waits)
    assert waits[2] == timedelta()
    assert waits[-1] == WINDOW


def test_failures_that_left_the_window_no_longer_count():
    old = [START - WINDOW - timedelta(seconds=n) for n in range(20)]
    assert next_try_at([*old, START], FAILURES_PER_ACCOUNT) is None
    assert next_try_at([], FAILURES_PER_ACCOUNT) is None


def test_more_failures_than_the_limit_wait_for_the_tenth_newest():
    tried = failures(14)
    assert next_try_at(tried[::-1], FAILURES_PER_ACCOUNT) == tried[4] + WINDOW
