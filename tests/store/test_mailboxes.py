"""What a relay keeps, and what of ours lies at one, on both databases."""

from datetime import timedelta

import pytest

from node.errors import ConflictError
from node.ids import MessageId
from node.store.relaytables import relay_item, relay_quota
from node.sync.limits import RELAY_LONGEST_WAIT
from node.sync.mailports import Item, Owed, Parcel, Turn, Used
from node.sync.rows import StoredFile
from tests.support.transfers import (
    NOON,
    SAECKINGEN,
    WEHR,
    message_id,
    statement,
)

HOUR = timedelta(hours=1)
TAG, OTHER_TAG = b"t" * 32, b"u" * 32


def do(store, act):
    def unit(uow):
        with uow:
            result = act(uow)
            uow.commit()
        return result

    return store.write_sync(unit)


def item(number, *, size=100, queue=WEHR, ends=NOON + HOUR):
    name = bytes([number]) * 32
    return Item(queue, 0, message_id(number), "s", name, size, name, NOON, ends)


def put(store, *items, tag=TAG):
    def act(uow):
        for one in items:
            uow.shelf.add(one)
            uow.shelf.charge(one.queue, tag, one.size)

    do(store, act)


def page(store, after=0, now=NOON, queue=WEHR):
    found = store.read_sync(lambda uow: uow.shelf.page(queue, after, now, 10))
    return [(one.n, one.id) for one in found]


@pytest.mark.spec("API-47")
def test_items_come_in_order_of_arrival_and_a_number_is_never_used_twice(store):
    put(store, item(1), item(2))
    last = store.read_sync(lambda uow: uow.shelf.get(WEHR, message_id(2), NOON))
    do(store, lambda uow: uow.shelf.remove(last))
    put(store, item(3))
    assert page(store) == [(1, message_id(1)), (3, message_id(3))]
    assert page(store, after=1) == [(3, message_id(3))]


@pytest.mark.spec("HO-91")
def test_a_stored_item_names_no_sender():
    assert set(relay_item.c.keys()) == {
        *("queue", "n", "id", "kind", "digest", "size", "file"),
        *("arrived_at", "expires_at"),
    }
    assert set(relay_quota.c.keys()) == {"queue", "tag", "pieces", "size"}


def test_a_queue_shows_nothing_of_another_one_and_nothing_that_has_ended(store):
    put(store, item(1), item(2, queue=SAECKINGEN), item(3, ends=NOON))
    assert page(store) == [(1, message_id(1))]
    assert page(store, now=NOON + HOUR) == []
    get = store.read_sync(lambda uow: uow.shelf.get(WEHR, message_id(2), NOON))
    assert get is None


def test_the_same_bytes_lie_in_a_queue_once(store):
    put(store, item(1))
    again = item(2)
    with pytest.raises(ConflictError):
        put(
            store,
            Item(WEHR, 0, again.id, "s", item(1).digest, 1, b"f" * 32, NOON, NOON),
        )


def test_a_quota_falls_to_what_lies_in_the_queue_and_never_below(store):
    put(store, item(1), item(2))
    put(store, item(3), tag=OTHER_TAG)
    first = store.read_sync(lambda uow: uow.shelf.get(WEHR, message_id(1), NOON))
    do(store, lambda uow: uow.shelf.remove(first))
    used = lambda tag: store.read_sync(lambda uow: uow.shelf.used(WEHR, tag))  # noqa: E731
    # Two are left, so the first sender's two may be these.
    assert used(TAG) == Used(2, 200)
    assert used(OTHER_TAG) == Used(1, 100)
    for number in (2, 3):
        one = store.read_sync(
            lambda uow, number=number: uow.shelf.get(WEHR, message_id(number), NOON)
        )
        do(store, lambda uow, one=one: uow.shelf.remove(one))
    assert used(TAG) == used(OTHER_TAG) == Used(0, 0)


def test_an_upload_goes_on_where_it_stopped_and_moves_once(store):
    parcel = Parcel(message_id(1), WEHR, TAG, "p", b"d" * 32, 300, 0, (), NOON + HOUR)
    part = StoredFile(b"p" * 32, 116)
    do(store, lambda uow: uow.shelf.start(parcel, NOON))
    do(store, lambda uow: uow.shelf.add_part(parcel, part, 100, NOON))
    with pytest.raises(ConflictError):
        do(store, lambda uow: uow.shelf.add_part(parcel, part, 100, NOON))
    found = store.read_sync(lambda uow: uow.shelf.parcel_of(WEHR, TAG, b"d" * 32))
    assert (found.received, found.parts) == (100, (part,))
    assert store.read_sync(lambda uow: uow.shelf.uploads(TAG)) == 1
    assert store.read_sync(lambda uow: uow.shelf.named_files()) == {part.name}
    assert store.read_sync(lambda uow: uow.shelf.stale(NOON)) == []
    assert len(store.read_sync(lambda uow: uow.shelf.stale(NOON + HOUR))) == 1


def say(store, *places):
    def act(uow):
        for place in places:
            uow.outbox.add_statement(statement(place))

    do(store, act)


def unsent(store):
    rows = store.read_sync(lambda uow: uow.outbox.to_send(SAECKINGEN, 10))
    return [row.seq for row in rows]


@pytest.mark.spec("HO-92")
def test_what_lies_at_a_relay_stays_in_the_outbox_and_goes_again_later(store, means):
    say(store, 1, 2)
    rows = store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 10))
    assert unsent(store) == [1, 2]
    now = means.clock.now()
    note = lambda at: do(  # noqa: E731
        store, lambda uow: uow.mail.note(SAECKINGEN, [rows[0].jti], "r1", at)
    )
    note(now)
    assert unsent(store) == [2]
    turn = lambda at: store.read_sync(lambda uow: uow.mail.turn(SAECKINGEN, at))  # noqa: E731
    assert turn(now) == Turn("r1", 0)
    assert len(store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 10))) == 2
    # An hour without an answer: it is due again, and the next relay's turn.
    assert turn(now + HOUR) == Turn("r1", 1)
    note(now - HOUR)
    assert unsent(store) == [2], "twice as long the second time"
    note(now - 5 * HOUR)
    assert unsent(store) == [1, 2]


@pytest.mark.spec("HO-92")
def test_since_when_no_relay_takes_anything_is_kept_until_one_does(store):
    now = NOON
    turn = lambda: store.read_sync(lambda uow: uow.mail.turn(SAECKINGEN, now + HOUR))  # noqa: E731
    do(store, lambda uow: uow.mail.reached(SAECKINGEN, "r1", now))
    assert turn() == Turn("r1", 0)
    do(store, lambda uow: uow.mail.missed(SAECKINGEN, now))
    do(store, lambda uow: uow.mail.missed(SAECKINGEN, now + HOUR))
    # A letter of the peer came by another way: it cures nothing here.
    do(store, lambda uow: uow.mail.heard(SAECKINGEN))
    do(store, lambda uow: uow.outbox.succeeded(SAECKINGEN, now))
    assert turn() == Turn("r1", 0, now)
    do(store, lambda uow: uow.mail.note(SAECKINGEN, [], "r2", now))
    assert turn() == Turn("r2", 0)


def test_a_wait_at_a_relay_has_an_end():
    from node.sync.schedule import post_again

    waits = [post_again(n, NOON) - NOON for n in range(1, 40)]
    assert waits[0] == HOUR
    assert waits == sorted(waits)
    assert waits[-1] == RELAY_LONGEST_WAIT


@pytest.mark.spec("API-52")
def test_what_the_peer_lacks_is_due_again_at_the_instant_it_said(store, means):
    say(store, 1)
    row = store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 1))[0]
    now = means.clock.now()
    do(store, lambda uow: uow.mail.note(SAECKINGEN, [row.jti], "r1", now))
    do(store, lambda uow: uow.mail.hasten(SAECKINGEN, now + HOUR / 2))
    assert unsent(store) == []
    do(store, lambda uow: uow.mail.hasten(SAECKINGEN, now))
    assert unsent(store) == [1]


@pytest.mark.spec("API-50", "API-51")
def test_a_reply_is_owed_until_that_very_one_is_said(store):
    first = MessageId(message_id(1))
    do(store, lambda uow: uow.mail.owe(SAECKINGEN, {first: "chain-gap"}))
    owed = store.read_sync(lambda uow: uow.mail.owed(SAECKINGEN))
    assert owed == Owed({first: "chain-gap"}, 1)
    do(store, lambda uow: uow.mail.owe(SAECKINGEN, {message_id(2): "taken"}))
    do(store, lambda uow: uow.mail.paid(SAECKINGEN, owed.version))
    owed = store.read_sync(lambda uow: uow.mail.owed(SAECKINGEN))
    assert owed.results == {first: "chain-gap", message_id(2): "taken"}
    assert store.read_sync(lambda uow: uow.outbox.waiting_peers()) == [SAECKINGEN]
    do(store, lambda uow: uow.mail.paid(SAECKINGEN, owed.version))
    assert store.read_sync(lambda uow: uow.outbox.waiting_peers()) == []


def test_the_relay_that_worked_stays_until_it_brings_nothing():
    relays = ("r1", "r2")
    assert Turn("", 0).among(relays) == "r1"
    assert Turn("r2", 0).among(relays) == "r2"
    assert Turn("r2", 1).among(relays) == "r1"
    assert Turn("r2", 1).among(("r2",)) == "r2"
    assert Turn("gone", 0).among(relays) == "r1"
