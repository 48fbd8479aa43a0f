"""What opens a packet: sealed at rest, registered before it goes, gone when it is gone."""

import hashlib
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.errors import (
    ConflictError,
    ErasedError,
    LogError,
    NotFoundError,
    SealError,
    StoreError,
)
from node.store.engine import Engines
from node.store.register import DeletionRegister, Destroyed, RegisterLine
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.upkeep import SealedAt
from node.store.work import Means
from node.sync.rows import SealedPart, StoredFile
from node.sync.transfer import Refusal
from tests.support.transfers import digest, inbound, outbound, transfer_id

T1, T2 = transfer_id(1), transfer_id(2)
SHARE_B = b"share B of the sender, 32 bytes."
KEY = b"transfer key of 32 bytes, drawn."
GRANT = b"wrapped share B" * 70


def _do(store: Store, *acts: Callable[[SqlUnitOfWork], object]) -> None:
    def unit(uow: SqlUnitOfWork) -> None:
        with uow:
            for act in acts:
                act(uow)
            uow.commit()

    store.write_sync(unit)


@pytest.fixture
def container(store: Store, means: Means) -> StoredFile:
    """A sender with share B and container of transfer 1."""
    file = means.files.keep([b"container"])
    _do(
        store,
        lambda uow: uow.outbound.add(outbound(1)),
        lambda uow: uow.secrets.keep_share_b(T1, SHARE_B, file),
    )
    return file


@pytest.fixture
def arrived(store: Store, means: Means) -> SealedPart:
    """A recipient with the packet of transfer 1."""
    file = means.files.keep_sealed(KEY, T1, 0, [b"container"])
    _do(
        store,
        lambda uow: uow.inbound.add(inbound(1)),
        lambda uow: uow.secrets.keep_received(T1, key=KEY, parts=[file]),
    )
    return file


def _read(store: Store, look: Callable[[SqlUnitOfWork], Any]) -> Any:
    return store.read_sync(look)


def _everything(engines: Engines) -> bytes:
    tables = ("outbound_secret", "received_packet", "received_part")
    with engines.reader.connect() as connection:
        return b"".join(
            cell if isinstance(cell, bytes) else str(cell).encode()
            for table in tables
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            for cell in row
        )


class TestShareB:
    @pytest.mark.spec("SR-K1")
    def test_it_comes_back_and_is_not_readable_in_the_database(
        self, store: Store, engines: Engines, container: StoredFile
    ) -> None:
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) == SHARE_B
        assert _read(store, lambda uow: uow.secrets.container(T1)) == container
        assert SHARE_B not in _everything(engines)

    def test_there_is_none_before_it_was_kept(self, store: Store) -> None:
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) is None
        assert _read(store, lambda uow: uow.secrets.container(T1)) is None

    def test_it_is_kept_once(self, store: Store, container: StoredFile) -> None:
        with pytest.raises(ConflictError):
            _do(store, lambda uow: uow.secrets.keep_share_b(T1, SHARE_B, container))

    def test_none_is_kept_without_a_transfer(self, store: Store) -> None:
        file = StoredFile(digest("x"), 1)
        with pytest.raises(ConflictError):
            _do(store, lambda uow: uow.secrets.keep_share_b(T2, SHARE_B, file))

    @pytest.mark.spec("HO-19", "P16")
    def test_destroying_writes_the_line_and_removes_row_and_file(
        self, store: Store, means: Means, container: StoredFile
    ) -> None:
        _do(store, lambda uow: uow.secrets.destroy_share_b(T1))
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) is None
        assert _read(store, lambda uow: uow.secrets.container(T1)) is None
        with pytest.raises(NotFoundError):
            next(means.files.read(container.name))
        assert list(means.register.replay()) == [
            RegisterLine(Destroyed.SHARE_B, T1, hashlib.sha256(SHARE_B).digest())
        ]

    def test_destroying_twice_or_nothing_is_fine(
        self, store: Store, means: Means, container: StoredFile
    ) -> None:
        for transfer in (T1, T1, T2):
            _do(store, lambda uow, t=transfer: uow.secrets.destroy_share_b(t))
        assert len(list(means.register.replay())) == 1

    @pytest.mark.spec("HO-19")
    def test_the_line_is_there_before_the_commit(
        self, store: Store, means: Means, container: StoredFile
    ) -> None:
        def destroy_and_stop(uow: SqlUnitOfWork) -> None:
            with uow:
                uow.secrets.destroy_share_b(T1)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.write_sync(destroy_and_stop)
        lines = list(means.register.replay())
        assert [line.id for line in lines] == [T1]
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) == SHARE_B
        assert b"".join(means.files.read(container.name)) == b"container"
        assert _read(store, lambda uow: uow.upkeep.outlived(lines)) == [T1]

    @pytest.mark.spec("HO-19")
    def test_without_a_line_nothing_is_destroyed(
        self, store: Store, means: Means, container: StoredFile
    ) -> None:
        means.register._path.mkdir()
        with pytest.raises(StoreError, match="register"):
            _do(store, lambda uow: uow.secrets.destroy_share_b(T1))
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) == SHARE_B

    @pytest.mark.spec("SR-K5")
    def test_it_is_gone_with_its_week_key(
        self, store: Store, means: Means, container: StoredFile
    ) -> None:
        del means.week_keys.keys["2026-W07"]
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) is None
        _do(store, lambda uow: uow.secrets.destroy_share_b(T1))
        assert _read(store, lambda uow: uow.secrets.container(T1)) is None
        assert list(means.register.replay()) == []

    def test_one_moved_to_another_transfer_does_not_open(
        self, store: Store, engines: Engines, container: StoredFile
    ) -> None:
        _do(store, lambda uow: uow.outbound.add(outbound(2)))
        with engines.writer.begin() as connection:
            connection.exec_driver_sql(f"UPDATE outbound_secret SET transfer = '{T2}'")
        with pytest.raises(SealError):
            _read(store, lambda uow: uow.secrets.share_b(T2))


class TestReceived:
    @pytest.mark.spec("HO-16", "SR-K1")
    def test_it_comes_back_and_is_not_readable_in_the_database(
        self, store: Store, engines: Engines, arrived: SealedPart
    ) -> None:
        assert _read(store, lambda uow: uow.secrets.received(T1)) == (KEY, (arrived,))
        _do(store, lambda uow: uow.secrets.keep_grant(T1, GRANT))
        assert _read(store, lambda uow: uow.secrets.grant(T1)) == GRANT
        found = _everything(engines)
        assert KEY not in found
        assert GRANT not in found

    def test_there_is_none_before_it_came(
        self, store: Store, arrived: SealedPart
    ) -> None:
        assert _read(store, lambda uow: uow.secrets.received(T2)) is None
        assert _read(store, lambda uow: uow.secrets.grant(T1)) is None
        with pytest.raises(NotFoundError):
            _do(store, lambda uow: uow.secrets.keep_grant(T2, GRANT))

    def test_one_packet_at_a_time(self, store: Store, arrived: SealedPart) -> None:
        with pytest.raises(ConflictError):
            _do(
                store,
                lambda uow: uow.secrets.keep_received(T1, key=KEY, parts=[arrived]),
            )

    @pytest.mark.spec("HO-16")
    def test_shredding_removes_key_grant_and_file(
        self, store: Store, means: Means, arrived: SealedPart
    ) -> None:
        _do(store, lambda uow: uow.secrets.keep_grant(T1, GRANT))
        _do(store, lambda uow: uow.secrets.shred(T1))
        assert _read(store, lambda uow: uow.secrets.received(T1)) is None
        assert _read(store, lambda uow: uow.secrets.grant(T1)) is None
        with pytest.raises(NotFoundError):
            next(means.files.read(arrived.name))
        _do(store, lambda uow: uow.secrets.shred(T1))

    def test_shredding_that_is_undone_keeps_the_file(
        self, store: Store, means: Means, arrived: SealedPart
    ) -> None:
        def change_of_mind(uow: SqlUnitOfWork) -> None:
            with uow:
                uow.secrets.shred(T1)

        store.write_sync(change_of_mind)
        assert b"".join(means.files.read_sealed(KEY, T1, [arrived])) == b"container"

    def test_after_shredding_the_packet_may_come_again(
        self, store: Store, means: Means, arrived: SealedPart
    ) -> None:
        _do(store, lambda uow: uow.secrets.shred(T1))
        again = means.files.keep_sealed(KEY, T1, 0, [b"container"])
        _do(store, lambda uow: uow.secrets.keep_received(T1, key=KEY, parts=[again]))
        assert _read(store, lambda uow: uow.secrets.received(T1)) == (KEY, (again,))

    @pytest.mark.spec("SR-K5")
    def test_it_is_gone_with_its_week_key(
        self, store: Store, means: Means, arrived: SealedPart
    ) -> None:
        _do(store, lambda uow: uow.secrets.keep_grant(T1, GRANT))
        del means.week_keys.keys["2026-W07"]
        assert _read(store, lambda uow: uow.secrets.received(T1)) is None
        assert _read(store, lambda uow: uow.secrets.grant(T1)) is None
        with pytest.raises(ErasedError):
            _do(store, lambda uow: uow.secrets.keep_grant(T1, GRANT))


class TestUpkeep:
    @pytest.mark.spec("SR-K5")
    def test_everything_moves_to_the_new_week_key(
        self, store: Store, means: Means, container: StoredFile, arrived: SealedPart
    ) -> None:
        refusal = Refusal("refuse", "other", "Kommentar")
        before, there = outbound(1), inbound(1)
        _do(
            store,
            lambda uow: uow.outbound.replace(before, replace(before, refusal=refusal)),
            lambda uow: uow.inbound.replace(there, replace(there, refusal=refusal)),
        )
        means.week_keys.make("2026-W08")
        stale = _read(store, lambda uow: uow.upkeep.stale())
        assert {value.table for value in stale} == {
            "outbound_secret",
            "outbound_transfer",
            "received_packet",
            "inbound_transfer",
        }
        counts: list[int] = []
        _do(store, lambda uow: counts.append(uow.upkeep.rewrap(stale)))
        assert counts == [4]
        assert _read(store, lambda uow: uow.upkeep.stale()) == []
        del means.week_keys.keys["2026-W07"]
        assert _read(store, lambda uow: uow.secrets.share_b(T1)) == SHARE_B
        assert _read(store, lambda uow: uow.secrets.received(T1)) == (KEY, (arrived,))
        assert _read(store, lambda uow: uow.outbound.get(T1)).refusal == refusal
        assert _read(store, lambda uow: uow.inbound.get(T1)).refusal == refusal

    def test_what_is_gone_meanwhile_is_left_alone(
        self, store: Store, container: StoredFile
    ) -> None:
        _do(store, lambda uow: uow.secrets.destroy_share_b(T1))
        values = [SealedAt("outbound_secret", t) for t in (T1, T2)]
        counts: list[int] = []
        _do(store, lambda uow: counts.append(uow.upkeep.rewrap(values)))
        assert counts == [0]

    def test_what_no_key_opens_any_more_is_left_alone(
        self, store: Store, means: Means, container: StoredFile
    ) -> None:
        means.week_keys.make("2026-W08")
        del means.week_keys.keys["2026-W07"]
        values = [SealedAt("outbound_secret", T1)]
        counts: list[int] = []
        _do(store, lambda uow: counts.append(uow.upkeep.rewrap(values)))
        assert counts == [0]

    @pytest.mark.spec("P16")
    def test_only_the_very_share_of_a_line_counts_as_outlived(
        self, store: Store, container: StoredFile
    ) -> None:
        right = hashlib.sha256(SHARE_B).digest()
        lines = [
            RegisterLine(Destroyed.SHARE_B, T1, digest("another share")),
            RegisterLine(Destroyed.SHARE_B, T2, right),
            RegisterLine(Destroyed.CASE_KEY, T1, right),
        ]
        assert _read(store, lambda uow: uow.upkeep.outlived(lines)) == []

    def test_files_with_a_row_are_named(
        self, store: Store, container: StoredFile, arrived: SealedPart
    ) -> None:
        names = {container.name, arrived.name}
        assert _read(store, lambda uow: uow.upkeep.named_files()) == names
        _do(
            store,
            lambda uow: uow.secrets.destroy_share_b(T1),
            lambda uow: uow.secrets.shred(T1),
        )
        assert _read(store, lambda uow: uow.upkeep.named_files()) == set()


class TestRegister:
    LINE = RegisterLine(Destroyed.CASE_KEY, T1, digest("key"))

    @pytest.fixture
    def register(self, tmp_path: Path) -> DeletionRegister:
        return DeletionRegister(tmp_path / "register")

    def test_lines_come_back_in_order(self, register: DeletionRegister) -> None:
        second = RegisterLine(Destroyed.SHARE_B, T2, digest("share"))
        for line in (self.LINE, second, self.LINE):
            register.append(line)
        assert list(register.replay()) == [self.LINE, second, self.LINE]

    def test_there_are_none_before_the_first(self, register: DeletionRegister) -> None:
        assert list(register.replay()) == []

    def test_only_its_owner_may_read_it(
        self, register: DeletionRegister, tmp_path: Path
    ) -> None:
        register.append(self.LINE)
        mode = (tmp_path / "register").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600

    @pytest.mark.parametrize("length", range(1, 106, 8))
    def test_a_line_cut_short_by_a_crash_is_passed_over(
        self, register: DeletionRegister, tmp_path: Path, length: int
    ) -> None:
        register.append(self.LINE)
        register.append(self.LINE)
        path = tmp_path / "register"
        path.write_bytes(path.read_bytes()[:-length])
        register.append(self.LINE)
        found = list(register.replay())
        assert set(found) == {self.LINE}
        assert len(found) == (3 if length == 1 else 2)

    @pytest.mark.parametrize(
        "damage",
        [
            b"share-b " + b"0" * 32 + b" " + b"g" * 64 + b"\n",
            b"share-c " + b"0" * 32 + b" " + b"0" * 64 + b"\n",
            b"share-b " + b"0" * 32 + b" " + b"0" * 65 + b"\n",
            b"\xff\n",
        ],
    )
    def test_a_line_we_never_wrote_stops_everything(
        self, register: DeletionRegister, tmp_path: Path, damage: bytes
    ) -> None:
        register.append(self.LINE)
        with (tmp_path / "register").open("ab") as file:
            file.write(damage)
        with pytest.raises(LogError):
            list(register.replay())
