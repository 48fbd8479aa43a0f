"""Eight towns of one process: everybody moves, towns fail and come back, nobody is lost."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support import land
from tests.support.landcheck import Expected, judge
from tests.support.landfound import Land, Seat, read_towns

TOWNS = 8


@dataclass(frozen=True)
class Lived:
    """A Land after its run, at rest and stopped."""

    folder: Path
    land: Land
    report: land.Report
    expected: list[Expected]

    def copy(self, folder: Path) -> "Lived":
        """The same in another place, for a test that spoils it."""
        shutil.copytree(self.folder, folder)

        def moved(seat: Seat) -> Seat:
            return replace(seat, folder=folder / seat.folder.relative_to(self.folder))

        there = replace(
            self.land,
            published=folder / "directory",
            seats=tuple(map(moved, self.land.seats)),
        )
        expected = [
            replace(one, at=moved(one.at), to=moved(one.to)) for one in self.expected
        ]
        return replace(self, folder=folder, land=there, expected=expected)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("land")
    seen: list[tuple[Land, list[Expected]]] = []
    campaign = land.Campaign(TOWNS, limit_s=60, watch=lambda *a: seen.append(a))
    report = asyncio.run(land.run(folder, campaign))
    return Lived(folder, seen[0][0], report, seen[0][1])


def spoil(seat: Seat, *statements: tuple[str, tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(seat.folder / "node.db")) as database, database:
        for sql, values in statements:
            assert database.execute(sql, values).rowcount != 0


@pytest.mark.spec("I1", "I2", "I6", "I13")
def test_after_outages_everybody_is_at_exactly_one_town(lived: Lived) -> None:
    report = lived.report
    assert report.outages > 0
    assert (report.relocations, report.closed) == (TOWNS, TOWNS)
    assert (report.lost, report.doubled, report.findings) == (0, 0, [])
    assert report.broken_jobs == 0
    assert report.is_good


def test_each_town_verified_the_directory_itself(lived: Lived) -> None:
    roots = [
        (seat.folder / "directory" / "cache" / "timestamp.json").exists()
        for seat in lived.land.seats
    ]
    assert roots == [True] * TOWNS == [True] * lived.report.directory_verified_by


def test_a_case_that_vanished_is_called_lost(lived: Lived, tmp_path: Path) -> None:
    spoilt = lived.copy(tmp_path / "land")
    one = spoilt.expected[0]
    spoil(one.to, ("DELETE FROM record WHERE case_id = ?", (one.case,)))
    verdict = judge(spoilt.land, spoilt.expected)
    assert (verdict.lost, verdict.doubled) == (1, 0)
    assert any("is at: " in finding for finding in verdict.findings)


def test_a_case_that_its_sender_keeps_is_called_doubled(
    lived: Lived, tmp_path: Path
) -> None:
    spoilt = lived.copy(tmp_path / "land")
    one = spoilt.expected[0]
    again = "UPDATE case_file SET baton = 'active' WHERE id = ?"
    spoil(one.at, (again, (one.case,)))
    verdict = judge(spoilt.land, spoilt.expected)
    assert (verdict.lost, verdict.doubled) == (0, 1)


def test_a_case_at_another_town_than_the_person_moved_to_is_a_finding(
    lived: Lived,
) -> None:
    one = lived.expected[0]
    wrong = next(s for s in lived.land.seats if s not in {one.to, one.at})
    verdict = judge(lived.land, [replace(one, to=wrong), *lived.expected[1:]])
    assert [f for f in verdict.findings if f"should be at {wrong.member}" in f]


def test_a_log_under_another_key_is_a_finding(lived: Lived, tmp_path: Path) -> None:
    spoilt = lived.copy(tmp_path / "land")
    mine, theirs = spoilt.land.seats[:2]
    with closing(sqlite3.connect(theirs.folder / "node.db")) as database:
        (note,) = database.execute(
            "SELECT note FROM log_checkpoint ORDER BY size DESC"
        ).fetchone()
    newest = "WHERE size = (SELECT max(size) FROM log_checkpoint)"
    with closing(sqlite3.connect(mine.folder / "node.db")) as database, database:
        for (trigger,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(f"UPDATE log_checkpoint SET note = ? {newest}", (note,))
    verdict = judge(spoilt.land, spoilt.expected)
    assert any("newest head" in finding for finding in verdict.findings)


@pytest.mark.parametrize("count", [0, 99])
def test_without_a_list_the_shipped_towns_are_the_land(count: int) -> None:
    assert len(read_towns(None, count, 1)) == 32


def test_a_list_gives_its_towns_of_the_land_alone(tmp_path: Path) -> None:
    path = tmp_path / "towns.csv"
    path.write_text("ags,name,land\n08337116,Wehr,BW\n01001000,Flensburg,SH\n", "utf-8")
    assert list(read_towns(path, 0, 1)) == ["08337116"]


def test_one_seed_draws_the_same_towns() -> None:
    drawn = [list(read_towns(None, 5, seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
