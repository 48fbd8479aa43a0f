"""The turn of week keys: backed up before use, all wrapped anew, the old destroyed."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.crypto.casekey import wrapped_week
from node.errors import ConfigError, ErasedError, UsageError
from node.failpoints import NoFailpoints, Point
from node.store.engine import Engines
from node.store.runner import Store
from node.store.weekkeys import WeekKeys, unwrap, wrap
from node.store.weekturn import NO_BACKUPS, Backups, WeekTurn
from node.store.work import Means
from tests.support.acts import rows, write
from tests.support.databases import Wakes
from tests.support.erasures import (
    DAY,
    BrokenError,
    FailAt,
    Keeper,
    keeper,
    number,
)

MASTER = b"\x31" * 32
FIRST, SECOND = "2026-W07", "2026-W08"


@dataclass
class Vault:
    """Backups that hold what they are told to hold."""

    keys: WeekKeys
    held: set[str] = field(default_factory=set)
    made: list[str] = field(default_factory=list)
    works: bool = True
    forgotten: list[str] = field(default_factory=list)

    def ports(self) -> Backups:
        return Backups(
            self.held.__contains__,
            self.key_backup,
            self.content_backup,
            self.forgotten.extend,
        )

    def key_backup(self) -> None:
        self.made.append("keys")
        if self.works:
            self.held.update(self.keys.weeks)

    def content_backup(self) -> None:
        if not self.works:
            raise ConfigError("the backup could not be verified")
        self.made.append("content")


@dataclass
class Stage:
    node: Keeper
    keys: WeekKeys
    vault: Vault

    def turn(self, failpoints=None) -> WeekTurn:
        return WeekTurn(
            self.node.store,
            self.keys,
            self.vault.ports(),
            clock=self.node.means.clock,
            randomness=secrets.token_bytes,
            failpoints=failpoints or NoFailpoints(),
        )

    def weeks(self) -> set[str]:
        """The week keys that rows of ``log_key`` name."""
        found = rows(self.node.store, "SELECT wrapped FROM log_key")
        return {wrapped_week(bytes(row[0])) for row in found}

    def opens(self) -> int:
        """How many keys open; every one with exactly the one key that it names."""
        found = rows(self.node.store, "SELECT wrapped FROM log_key")
        for (wrapped,) in found:
            assert self.keys.get(wrapped_week(bytes(wrapped))) is not None
        assert "missing" not in dict(self.node.codes())
        return len(found)


@pytest.fixture
def stage(engines: Engines, means: Means, tmp_path: Path, wakes: Wakes):
    keys = WeekKeys(tmp_path / "week", MASTER)
    keys.make(FIRST, secrets.token_bytes)
    means = replace(means, week_keys=keys)
    store = Store(engines, means, listener=wakes)
    node = keeper(store, means, tmp_path)
    for n in range(4):
        node.deny(number(n), 1)
    yield Stage(node, keys, Vault(keys))
    store.close()


@pytest.mark.spec("SR-K5")
def test_a_new_week_key_waits_until_a_key_backup_holds_it(stage: Stage) -> None:
    stage.node.pass_time(7 * DAY)
    turned = stage.turn()()
    assert (turned.in_use, turned.waiting, turned.is_late) == (FIRST, SECOND, False)
    assert stage.weeks() == {FIRST}
    stage.node.deny(number(9), 1)
    assert stage.weeks() == {FIRST}
    stage.vault.held.add(SECOND)
    turned = stage.turn()()
    assert (turned.in_use, turned.waiting, turned.rewrapped) == (SECOND, None, 6)
    assert stage.weeks() == {SECOND}


@pytest.mark.spec("SR-K5")
def test_without_a_key_backup_the_old_key_stays_and_a_person_is_told(
    stage: Stage,
) -> None:
    turn = WeekTurn(
        stage.node.store,
        stage.keys,
        NO_BACKUPS,
        clock=stage.node.means.clock,
        randomness=secrets.token_bytes,
        failpoints=NoFailpoints(),
    )
    stage.node.pass_time(8 * DAY)
    assert turn().is_late
    stage.node.pass_time(60 * DAY)
    assert turn().in_use == FIRST
    assert turn().is_late
    assert FIRST in stage.keys.weeks
    with pytest.raises(ConfigError):
        turn.at_once()
    assert stage.opens() == 5


@pytest.mark.spec("SR-K5")
def test_an_old_key_is_destroyed_28_days_after_it_was_replaced(stage: Stage) -> None:
    turn = stage.turn()
    stage.node.pass_time(7 * DAY)
    stage.vault.held.add(SECOND)
    turn()
    stage.node.pass_time(28 * DAY - timedelta(seconds=1))
    assert turn().erased == ()
    stage.node.pass_time(timedelta(seconds=1))
    assert turn().erased == (FIRST,)
    assert stage.vault.forgotten == [FIRST]
    assert stage.keys.get(FIRST) is None
    assert not (stage.keys._folder / f"{FIRST}.weekkey").exists()
    assert stage.opens() == 5


@pytest.mark.spec("SR-K5")
def test_a_key_that_was_never_used_is_destroyed_with_the_older_ones(
    stage: Stage,
) -> None:
    turn = stage.turn()
    for _ in range(3):
        stage.node.pass_time(7 * DAY)
        turn()
    stage.vault.held.add("2026-W10")
    assert turn().in_use == "2026-W10"
    assert stage.keys.weeks == (FIRST, SECOND, "2026-W09", "2026-W10")
    stage.node.pass_time(28 * DAY)
    assert turn().erased == (FIRST, SECOND, "2026-W09")


@pytest.mark.spec("SR-K5")
def test_a_key_that_a_row_still_needs_is_not_destroyed(stage: Stage) -> None:
    turn = stage.turn()
    stage.node.pass_time(7 * DAY)
    stage.vault.held.add(SECOND)
    turn()
    assert turn().rewrapped == 0
    old = stage.keys.get(FIRST)
    assert old is not None
    tag = stage.node.tag(number(1))

    def straggler(uow) -> None:
        work = uow._work
        place = b"log_key\0wrapped\0" + tag
        (row,) = work.rows(_wrapped(tag))
        key = unwrap(work, row.wrapped, place)
        from node.crypto.casekey import CaseKey

        wrapped = CaseKey(key).wrap(old, place, work.randomness)
        work.change(_set(tag, wrapped))

    write(stage.node.store, straggler)
    stage.node.pass_time(28 * DAY)
    assert turn().erased == ()
    assert FIRST in stage.keys.weeks
    assert stage.turn()().erased == (FIRST,)
    assert stage.opens() == 5


def _wrapped(tag: bytes):
    from sqlalchemy import select

    from node.store.logtables import log_key

    return select(log_key.c.wrapped).where(log_key.c.key_id == tag)


def _set(tag: bytes, wrapped: bytes):
    from sqlalchemy import update

    from node.store.logtables import log_key

    return update(log_key).where(log_key.c.key_id == tag).values(wrapped=wrapped)


@pytest.mark.parametrize(
    "point",
    [
        Point.WEEKKEY_WRITTEN,
        Point.WEEKKEY_REWRAPPED_SOME,
        Point.WEEKKEY_BEFORE_OLD_ERASED,
    ],
)
@pytest.mark.spec("SR-K5")
def test_after_a_failure_every_key_opens_with_exactly_one_week_key(
    stage: Stage, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.store.weekturn.BATCH", 2)
    stage.vault.held.update({SECOND, "2026-W13"})
    failing = stage.turn(FailAt(point))
    broken = 0
    for days in (7, 35):
        stage.node.pass_time(days * DAY)
        try:
            failing()
        except BrokenError:
            broken += 1
            assert stage.opens() == 5
            again = WeekKeys(stage.keys._folder, MASTER)
            assert again.newest == stage.keys.newest
            stage.turn()()
        assert stage.opens() == 5
    assert broken == 1
    assert stage.weeks() == {"2026-W13"}


class TestAtOnce:
    @pytest.mark.spec("LR-38")
    def test_all_older_keys_go_after_both_backups(self, stage: Stage) -> None:
        turned = stage.turn().at_once()
        assert (turned.in_use, turned.erased) == (f"{FIRST}.01", (FIRST,))
        assert stage.vault.made == ["keys", "content"]
        assert stage.weeks() == {f"{FIRST}.01"}
        assert stage.opens() == 5
        assert stage.turn().at_once().in_use == f"{FIRST}.02"
        stage.node.pass_time(7 * DAY)
        assert stage.turn()().waiting == SECOND

    @pytest.mark.spec("LR-38")
    def test_a_backup_that_does_not_work_keeps_the_older_keys(
        self, stage: Stage
    ) -> None:
        stage.vault.works = False
        with pytest.raises(ConfigError, match="holds"):
            stage.turn().at_once()
        assert stage.keys.newest.week == FIRST
        stage.vault.held.add(f"{FIRST}.01")
        with pytest.raises(ConfigError, match="verified"):
            stage.turn().at_once()
        assert FIRST in stage.keys.weeks
        assert stage.opens() == 5


class TestFolder:
    def test_an_older_or_absent_key_is_not_put_in_use(self, stage: Stage) -> None:
        stage.keys.make_aside(SECOND, secrets.token_bytes)
        stage.keys.use(SECOND, stage.node.clock.now())
        for week in (FIRST, "2026-W99"):
            with pytest.raises(UsageError):
                stage.keys.use(week, stage.node.clock.now())

    def test_a_damaged_list_of_turns_is_refused(self, stage: Stage) -> None:
        (stage.keys._folder / "turns").write_text("2026-W07 yesterday\n")
        with pytest.raises(ConfigError, match="damaged"):
            _ = stage.keys.newest

    def test_another_process_sees_the_turn_and_the_end_of_a_key(
        self, stage: Stage
    ) -> None:
        other = WeekKeys(stage.keys._folder, MASTER)
        stage.keys.make_aside(SECOND, secrets.token_bytes)
        assert (other.newest.week, other.waiting) == (FIRST, SECOND)
        stage.keys.use(SECOND, stage.node.clock.now())
        assert other.newest.week == SECOND
        stage.keys.erase(FIRST)
        assert other.get(FIRST) is None


def test_nothing_opens_after_its_week_key_is_gone(stage: Stage) -> None:
    wrapped: list[bytes] = []
    write(
        stage.node.store,
        lambda uow: wrapped.append(wrap(uow._work, b"\x07" * 32, b"place")),
    )
    stage.keys.make_aside(SECOND, secrets.token_bytes)
    stage.keys.use(SECOND, stage.node.clock.now())
    stage.keys.erase(FIRST)

    def read(uow) -> bytes:
        return unwrap(uow._work, wrapped[0], b"place")

    with pytest.raises(ErasedError):
        stage.node.store.read_sync(read)
