"""Exports at rest: who they are for is sealed, a code is a hash, an import comes once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.errors import ConflictError, NotFoundError
from node.ids import AccountId, Ags, MemberId
from node.store.engine import Engines
from node.store.runner import Store
from node.store.upkeep import SealedAt
from node.store.work import Means
from node.sync.exportports import Address, Export, TakenIn
from node.sync.transfer import Outbound
from tests.support.transfers import outbound, transfer_id

T1 = transfer_id(1)
AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
TOWN = Address("Stadt Beispielhausen", ("Rathausplatz 1", "12345 Ort"), Ags("08337096"))
TAKEN = TakenIn(T1, MemberId("08337116-stadt-wehr"), b"m" * 32, AT, None, b"e" * 32)


def do(store: Store, *acts):
    def unit(uow):
        with uow:
            for act in acts:
                act(uow)
            uow.commit()

    store.write_sync(unit)


@pytest.fixture
def kept(store: Store) -> Export:
    """A transfer of an export, with what is beside it."""
    export = Export(
        T1,
        replace(TOWN, told=("Frau Muster",)),
        code=b"c" * 32,
        failures=3,
        next_try_at=AT,
        shown_until=AT,
        shown_to=AccountId("a" * 32),
        asked="filed",
        asked_by=AccountId("b" * 32),
    )
    transfer = replace(outbound(1), recipient=None, body=Ags("08337096"))
    do(
        store,
        lambda uow: uow.outbound.add(transfer),
        lambda uow: uow.exports.add(export),
    )
    return export


def test_what_is_kept_comes_back(store: Store, kept: Export):
    assert store.read_sync(lambda uow: uow.exports.get(T1)) == kept
    assert store.read_sync(lambda uow: uow.outbound.get(T1)).body == "08337096"


@pytest.mark.spec("SR-K1")
def test_neither_the_office_nor_who_was_on_the_phone_is_readable(
    engines: Engines, kept: Export
):
    with engines.reader.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM export").fetchall()
    stored = repr(
        [tuple(bytes(v) if isinstance(v, memoryview) else v for v in r) for r in rows]
    )
    assert kept.transfer in stored
    for secret in ("Beispielhausen", "Rathausplatz", "Muster"):
        assert secret not in stored


def test_a_second_one_beside_a_transfer_is_refused(store: Store, kept: Export):
    with pytest.raises(ConflictError):
        do(store, lambda uow: uow.exports.add(kept))


def test_an_export_that_is_not_there_is_not_found(store: Store):
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.exports.get(T1))


@pytest.mark.spec("SR-K5")
def test_its_address_moves_to_the_new_week_key(
    store: Store, means: Means, kept: Export
):
    means.week_keys.make("2026-W08")
    stale = store.read_sync(lambda uow: uow.upkeep.stale())
    assert SealedAt("export", T1) in stale
    do(store, lambda uow: uow.upkeep.rewrap(stale))
    del means.week_keys.keys["2026-W07"]
    assert store.read_sync(lambda uow: uow.exports.get(T1)) == kept


@pytest.mark.spec("HO-5")
@pytest.mark.parametrize("state", [Outbound.EXPORTED, Outbound.TOLD])
def test_an_export_and_a_packet_never_hold_one_case_together(store: Store, state):
    first = outbound(1)
    held = replace(first, recipient=None, body=Ags("08337096"))
    exported = replace(held, state=state)
    second = replace(outbound(2), members=first.members)
    queued = replace(second, state=Outbound.QUEUED)
    do(
        store,
        lambda uow: uow.outbound.add(held),
        lambda uow: uow.outbound.add(second),
        lambda uow: uow.outbound.replace(held, exported),
    )
    with pytest.raises(ConflictError):
        do(store, lambda uow: uow.outbound.replace(second, queued))


@pytest.mark.spec("HO-117")
def test_an_import_leaves_one_tombstone(store: Store):
    do(store, lambda uow: uow.exports.take_in(TAKEN))
    assert store.read_sync(lambda uow: uow.exports.taken_in(T1)) == TAKEN
    with pytest.raises(ConflictError):
        do(store, lambda uow: uow.exports.take_in(TAKEN))


def test_an_import_waits_for_a_backup_made_after_it(store: Store):
    do(store, lambda uow: uow.exports.take_in(TAKEN))

    def waiting(before):
        return store.read_sync(lambda uow: list(uow.exports.not_durable(before)))

    assert waiting(AT) == []
    assert waiting(AT + timedelta(seconds=1)) == [TAKEN]
    do(store, lambda uow: uow.exports.durable(T1, AT))
    assert waiting(AT + timedelta(seconds=1)) == []
