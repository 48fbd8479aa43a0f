"""Consent texts in SQL: every version stays, the newest counts, two people are two."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.accounts.model import Account, Role
from node.cases.consenttext import GERMAN, TONGUES, shipped_text
from node.cases.ports import KeptText, Recording
from node.errors import UsageError
from node.ids import AccountId
from node.store.runner import Store

AT = datetime(2026, 12, 3, 13, 5, tzinfo=UTC)
ANNA, BERND = AccountId("a" * 32), AccountId("b" * 32)
SHIPPED = shipped_text(GERMAN)


def reworded(words):
    first, *rest = SHIPPED.blocks
    return replace(SHIPPED, blocks=(replace(first, text=words), *rest))


def write(store, act):
    def unit(uow):
        with uow:
            found = act(uow.consent_texts)
            uow.commit()
        return found

    return store.write_sync(unit)


def read(store, act):
    return store.read_sync(lambda uow: act(uow.consent_texts))


@pytest.fixture(autouse=True)
def staff(store: Store):
    def add(uow):
        with uow:
            for number in (ANNA, BERND):
                uow.accounts.add(
                    Account(
                        id=number,
                        login=number[:4],
                        name=number[:4],
                        roles=frozenset({Role.ADMINISTRATOR}),
                        active_from=date(2020, 1, 1),
                    )
                )
            uow.commit()

    store.write_sync(add)


def test_before_anybody_worded_one_the_shipped_texts_count(store):
    current = read(store, lambda texts: texts.current())
    assert {tag: kept.text for tag, kept in current.items()} == {
        tag: shipped_text(tag) for tag in TONGUES
    }
    assert all(kept.put_by is None for kept in current.values())


@pytest.mark.spec("SC-38")
def test_the_newest_counts_and_every_older_version_stays(store):
    kept = [
        KeptText(reworded(f"Fassung {n}"), AT + timedelta(hours=n), ANNA)
        for n in range(3)
    ]
    for one in reversed(kept):
        write(store, lambda texts, one=one: texts.put(one))
    assert read(store, lambda texts: texts.current())[GERMAN] == kept[2]
    for one in kept:
        digest = one.text.digest
        assert read(store, lambda texts, d=digest: texts.version(d)) == one


def test_a_shipped_version_is_found_and_an_unknown_one_is_none(store):
    found = read(store, lambda texts: texts.version(shipped_text("ti").digest))
    assert found == KeptText(shipped_text("ti"))
    assert read(store, lambda texts: texts.version("0" * 64)) is None
    assert read(store, lambda texts: texts.version("")) is None


@pytest.mark.spec("SC-38")
def test_the_database_knows_that_two_people_are_two(store):
    text = SHIPPED.verified_by("Demo", date(2026, 12, 3))
    with pytest.raises(UsageError, match="two_people"):
        write(store, lambda texts: texts.put(KeptText(text, AT, ANNA, ANNA)))
    write(store, lambda texts: texts.put(KeptText(text, AT, ANNA, BERND)))
    assert read(store, lambda texts: texts.current())[GERMAN].verified_by == BERND


def test_the_same_words_worded_again_lose_their_verification(store):
    text = SHIPPED.verified_by("Demo", date(2026, 12, 3))
    write(store, lambda texts: texts.put(KeptText(text, AT, ANNA, BERND)))
    again = KeptText(SHIPPED, AT + timedelta(days=1), BERND)
    write(store, lambda texts: texts.put(again))
    assert read(store, lambda texts: texts.current())[GERMAN] == again


@pytest.mark.spec("SC-39")
def test_a_recording_replaces_the_one_before_and_is_known_by_its_words(store):
    for sound in (b"one", b"two"):
        made = Recording("ti", "yes", "a" * 64, "audio/ogg", sound)
        write(store, lambda texts, made=made: texts.record(made))
    assert read(store, lambda texts: texts.recording("ti", "yes")).sound == b"two"
    assert read(store, lambda texts: texts.recording("ti", "no")) is None
    assert read(store, lambda texts: texts.recordings()) == {("ti", "yes"): "a" * 64}
