"""A second name for a file: the same bytes, whole, and untouched by what comes later."""

from pathlib import Path

import pytest

from node.federation.wholefile import link_all, write_whole


def test_a_second_name_keeps_its_bytes_when_the_first_gets_others(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_whole(first, b"old")
    link_all({second: first})
    write_whole(first, b"new")
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"old")
    assert second.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [PermissionError, FileExistsError, OSError])
def test_a_disk_without_second_names_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
):
    def refuse(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first, second = tmp_path / "first", tmp_path / "second"
    write_whole(first, b"old")
    link_all({second: first})
    assert second.read_bytes() == b"old"
    assert second.stat().st_ino != first.stat().st_ino


def test_a_missing_file_gives_no_name_to_any(tmp_path: Path):
    first = tmp_path / "first"
    write_whole(first, b"old")
    with pytest.raises(FileNotFoundError):
        link_all({tmp_path / "second": first, tmp_path / "third": tmp_path / "none"})
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
