"""A session token yields three values that do not yield each other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.accounts.session import ABSOLUTE, IDLE, SessionToken, StoredSession
from node.crypto.sessionbox import open_values, seal_values
from node.errors import MalformedMessageError
from node.ids import AccountId

NOW = datetime(2026, 12, 3, 13, 5, tzinfo=UTC)
TOKEN = SessionToken("A" * 43)
OTHER = SessionToken("A" * 42 + "E")


def stored(began_at: datetime, seen_at: datetime) -> StoredSession:
    account = AccountId.of(b"a" * 16)
    return StoredSession(TOKEN.stored_hash, account, began_at, seen_at, b"")


def test_what_is_stored_is_not_what_is_shown_and_neither_is_the_token():
    values = {TOKEN.stored_hash.hex(), TOKEN.form_token, TOKEN.value_key.hex()}
    assert len(values) == 3
    assert not any(str(TOKEN) in value for value in values)


def test_another_token_yields_other_values():
    assert TOKEN.stored_hash != OTHER.stored_hash
    assert TOKEN.form_token != OTHER.form_token
    assert TOKEN.value_key != OTHER.value_key


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "ä" + "A" * 42]
)
def test_a_text_that_is_no_token_is_refused(text):
    with pytest.raises(MalformedMessageError):
        SessionToken(text)


@pytest.mark.spec("SR-B2")
@pytest.mark.parametrize(
    ("began", "seen", "alive"),
    [
        (timedelta(), timedelta(), True),
        (IDLE, IDLE - timedelta(seconds=1), True),
        (IDLE, IDLE, False),
        (ABSOLUTE - timedelta(seconds=1), timedelta(), True),
        (ABSOLUTE, timedelta(), False),
    ],
)
def test_a_session_ends_after_idle_and_after_absolute_time(began, seen, alive):
    assert stored(NOW - began, NOW - seen).is_alive(NOW) is alive


@pytest.mark.spec("SR-B2", "SC-34")
@pytest.mark.parametrize(
    ("began", "seen", "alive"),
    [
        (IDLE * 3, IDLE * 3, True),
        (ABSOLUTE - timedelta(seconds=1), ABSOLUTE - timedelta(seconds=1), True),
        (ABSOLUTE, timedelta(), False),
    ],
)
def test_a_device_that_was_handed_over_ends_by_absolute_time_alone(began, seen, alive):
    away = replace(stored(NOW - began, NOW - seen), handed_over=True)
    assert away.is_alive(NOW) is alive


def test_sealed_values_open_with_their_key_alone():
    sealed = seal_values(b"saved", TOKEN.value_key, lambda n: b"n" * n)
    assert open_values(sealed, TOKEN.value_key) == b"saved"
    assert open_values(sealed, OTHER.value_key) is None
    assert b"saved" not in sealed


@pytest.mark.parametrize("length", [0, 1, 24, 39, 40])
def test_cut_values_do_not_open(length):
    sealed = seal_values(b"saved", TOKEN.value_key, lambda n: b"n" * n)
    assert open_values(sealed[:length], TOKEN.value_key) is None
