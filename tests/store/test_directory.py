"""The directory as rows: whole or not at all, first sights kept."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from node.failpoints import NoFailpoints, Point
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.trust.directory import Directory
from node.trust.head import Head
from node.trust.holdings import FileKind
from node.trust.renewal import Fetched, renew
from node.trust.revocations import RetiredMember, Revocations
from node.trust.routes import Routes
from tests.support.acts import rows, write
from tests.support.town import DAY, NOON, SAECKINGEN, Town, make_town


class PowerCut:
    """Fails at one point."""

    def reach(self, point: Point) -> None:
        assert point is Point.DIRECTORY_HALF_WRITTEN
        raise KeyboardInterrupt


def fetched(
    version: int,
    at: datetime,
    towns: Iterable[Town],
    *,
    serial: int = 1,
    revocations: Revocations | None = None,
) -> Fetched:
    towns = list(towns)
    records = [town.record(NOON) for town in towns]
    return Fetched(
        Head(
            root=1,
            timestamp=version,
            snapshot=version,
            signed_at=at,
            expires_at=at + timedelta(days=7),
            mark=f"m{version}",
            demo=True,
        ),
        None if revocations is None else revocations.encode(),
        {"08337": Routes.of("08337", records).encode()},
        {record.id: record.encode() for record in records},
        {town.id: town.signed(town.sheet(serial, at)) for town in towns},
    )


def save(store: Store, directory: Directory) -> None:
    write(store, lambda uow: uow.directory.save(directory, NoFailpoints()))


def load(store: Store) -> Directory:
    found = store.read_sync(lambda uow: uow.directory.load())
    assert found is not None
    return found


def test_before_the_first_refresh_there_is_no_directory(store: Store) -> None:
    assert store.read_sync(lambda uow: uow.directory.load()) is None


def test_a_directory_comes_back_whole(store: Store) -> None:
    directory = renew(None, fetched(1, NOON, [make_town()]), NOON)
    save(store, directory)
    again = load(store)
    assert set(again.files) == set(directory.files)
    assert again.head == directory.head
    assert again.refreshed_at == NOON
    assert again.holdings == directory.holdings


@pytest.mark.spec("HO-98")
def test_the_instant_of_the_first_sight_survives_later_refreshes(store: Store) -> None:
    town, other = make_town(), make_town(SAECKINGEN)
    first = renew(None, fetched(1, NOON, [town]), NOON)
    save(store, first)
    later = NOON + DAY
    save(store, renew(load(store), fetched(2, later, [town, other], serial=2), later))

    again = load(store)
    seen = {file.place: file.first_seen_at for file in again.files}
    assert seen[FileKind.RECORD, town.id, 1] == NOON
    assert seen[FileKind.SHEET, town.id, 1] == NOON
    assert seen[FileKind.SHEET, town.id, 2] == later
    assert seen[FileKind.RECORD, other.id, 1] == later
    assert (again.refreshed_at, again.head.timestamp) == (later, 2)


def test_a_refresh_without_news_moves_the_instant_of_the_refresh_only(
    store: Store,
) -> None:
    directory = renew(None, fetched(1, NOON, [make_town()]), NOON)
    save(store, directory)
    later = NOON + DAY
    save(store, load(store).with_head(directory.head, later))
    assert load(store).refreshed_at == later
    assert load(store).holdings.records == directory.holdings.records


def test_a_deny_list_that_was_replaced_leaves_its_row(store: Store) -> None:
    town = make_town()
    struck = RetiredMember(make_town(SAECKINGEN).id, NOON, "test")
    lists = Revocations(serial=1), Revocations(serial=2, members=(struck,))
    first = renew(None, fetched(1, NOON, [town], revocations=lists[0]), NOON)
    save(store, first)
    save(store, renew(first, fetched(2, NOON, [town], revocations=lists[1]), NOON))
    query = "SELECT serial FROM directory_file WHERE kind = 'revocations'"
    assert rows(store, query) == [(2,)]
    assert load(store).is_retired(make_town(SAECKINGEN).id)


@pytest.mark.spec("P16", "DIR-8")
def test_a_crash_half_way_leaves_the_last_directory(store: Store) -> None:
    town = make_town()
    first = renew(None, fetched(1, NOON, [town]), NOON)
    save(store, first)
    second = renew(
        first, fetched(2, NOON + DAY, [town, make_town(SAECKINGEN)]), NOON + DAY
    )

    def act(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.directory.save(second, PowerCut())
            uow.commit()

    with pytest.raises(KeyboardInterrupt):
        store.write_sync(act)
    assert set(load(store).files) == set(first.files)
