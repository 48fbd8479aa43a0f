"""Week keys in their folder: made once, locked, destroyed for good."""

import secrets
from datetime import date
from pathlib import Path

import pytest

from node.crypto.casekey import CaseKey
from node.errors import ConfigError, SealError, UsageError
from node.store.weekkeys import WeekKeys, week_of

MASTER = b"\x21" * 32


@pytest.fixture
def keys(tmp_path: Path) -> WeekKeys:
    return WeekKeys(tmp_path / "week", MASTER)


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2026, 2, 9), "2026-W07"),
        (date(2026, 2, 15), "2026-W07"),
        (date(2025, 12, 29), "2026-W01"),
        (date(2021, 1, 3), "2020-W53"),
    ],
)
def test_weeks_are_named_after_iso_8601(day: date, week: str) -> None:
    assert week_of(day) == week


def test_an_empty_folder_has_no_newest_key_and_says_what_to_do(keys: WeekKeys) -> None:
    with pytest.raises(ConfigError, match="init"):
        _ = keys.newest


@pytest.mark.spec("SR-K5")
def test_the_newest_key_is_the_one_of_the_last_week(keys: WeekKeys) -> None:
    for week in ("2026-W07", "2026-W09", "2026-W08"):
        keys.make(week, secrets.token_bytes)
    assert keys.newest.week == "2026-W09"
    assert keys.weeks == ("2026-W07", "2026-W08", "2026-W09")


def test_making_a_week_twice_keeps_the_first_key(keys: WeekKeys) -> None:
    first = keys.make("2026-W07", secrets.token_bytes)
    assert keys.make("2026-W07", secrets.token_bytes) == first


def test_another_process_finds_the_keys_of_the_first(
    keys: WeekKeys, tmp_path: Path
) -> None:
    other = WeekKeys(tmp_path / "week", MASTER)
    made = keys.make("2026-W07", secrets.token_bytes)
    assert other.get("2026-W07") == made
    assert WeekKeys(tmp_path / "week", MASTER).newest == made


@pytest.mark.spec("SR-K1")
def test_no_key_lies_in_clear_and_nobody_else_may_read_it(
    keys: WeekKeys, tmp_path: Path
) -> None:
    made = keys.make("2026-W07", secrets.token_bytes)
    (path,) = (tmp_path / "week").iterdir()
    assert made.raw not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "week").stat().st_mode & 0o077 == 0


def test_another_master_key_opens_nothing(keys: WeekKeys, tmp_path: Path) -> None:
    keys.make("2026-W07", secrets.token_bytes)
    with pytest.raises(ConfigError):
        WeekKeys(tmp_path / "week", b"\x22" * 32)


def test_a_key_under_the_name_of_another_week_is_refused(
    keys: WeekKeys, tmp_path: Path
) -> None:
    keys.make("2026-W07", secrets.token_bytes)
    (path,) = (tmp_path / "week").iterdir()
    path.rename(path.with_name("2026-W09.weekkey"))
    with pytest.raises(ConfigError, match="another week"):
        WeekKeys(tmp_path / "week", MASTER)


def test_half_a_key_from_a_crash_is_not_read(keys: WeekKeys, tmp_path: Path) -> None:
    keys.make("2026-W07", secrets.token_bytes)
    (tmp_path / "week" / "2026-W08.unfinished").write_bytes(b"half")
    again = WeekKeys(tmp_path / "week", MASTER)
    assert again.weeks == ("2026-W07",)
    assert again.make("2026-W08", secrets.token_bytes).week == "2026-W08"


@pytest.mark.spec("SR-K5")
def test_an_erased_key_is_gone_from_memory_and_disk(
    keys: WeekKeys, tmp_path: Path
) -> None:
    old = keys.make("2026-W07", secrets.token_bytes)
    keys.make("2026-W08", secrets.token_bytes)
    wrapped = CaseKey(b"\x31" * 32).wrap(old, b"place", secrets.token_bytes)
    keys.erase("2026-W07")
    assert keys.get("2026-W07") is None
    assert [path.stem for path in (tmp_path / "week").iterdir()] == ["2026-W08"]
    remade = keys.make("2026-W07", secrets.token_bytes)
    with pytest.raises(SealError):
        CaseKey.unwrap(remade, b"place", wrapped)


def test_the_newest_key_cannot_be_erased(keys: WeekKeys) -> None:
    keys.make("2026-W07", secrets.token_bytes)
    with pytest.raises(UsageError):
        keys.erase("2026-W07")


def test_erasing_what_is_not_there_is_fine(keys: WeekKeys) -> None:
    keys.make("2026-W07", secrets.token_bytes)
    keys.erase("2020-W01")
