"""Sealed files: a name only for what is durable, nothing readable, nothing left behind."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from node.errors import NotFoundError, SealError
from node.store.files import CHUNK_BYTES, SealedFiles
from node.sync.rows import SealedPart
from tests.support.transfers import digest, transfer_id

T1, T2 = transfer_id(1), transfer_id(2)
KEY = b"k" * 32
ROOT = Path(__file__).parents[2]
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> SealedFiles:
    return SealedFiles(tmp_path / "files")


def _all(files: SealedFiles) -> list[Path]:
    return [path for path in files._folder.rglob("*") if path.is_file()]


def test_a_file_is_named_by_its_digest_and_comes_back(files: SealedFiles) -> None:
    chunks = [b"a" * CHUNK_BYTES, b"", b"b"]
    kept = files.keep(chunks)
    assert kept.name == hashlib.sha256(b"".join(chunks)).digest()
    assert kept.length == CHUNK_BYTES + 1
    assert list(files.read(kept.name)) == [b"a" * CHUNK_BYTES, b"b"]


def test_an_empty_file_is_a_file(files: SealedFiles) -> None:
    kept = files.keep([])
    assert kept.length == 0
    assert list(files.read(kept.name)) == []


def test_the_same_bytes_twice_are_one_file(files: SealedFiles) -> None:
    assert files.keep([b"ab"]) == files.keep([b"a", b"b"])
    assert len(_all(files)) == 1


def test_an_absent_file_is_not_found(files: SealedFiles) -> None:
    with pytest.raises(NotFoundError):
        next(files.read(digest("x")))


def test_removing_is_final_and_repeatable(files: SealedFiles) -> None:
    kept = files.keep([b"x"])
    files.remove(kept.name)
    files.remove(kept.name)
    assert _all(files) == []


@pytest.mark.spec("P18")
@pytest.mark.parametrize("error", [ConnectionError, SealError, KeyboardInterrupt])
def test_a_source_that_fails_leaves_nothing(
    files: SealedFiles, error: type[BaseException]
) -> None:
    def cut() -> Iterator[bytes]:
        yield b"half"
        raise error

    with pytest.raises(error):
        files.keep(cut())
    assert _all(files) == []


@pytest.mark.spec("P18")
def test_a_full_disk_is_said_and_leaves_nothing(
    files: SealedFiles, tmp_path: Path
) -> None:
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from node.errors import StoreError\n"
        "from node.store.files import SealedFiles\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        "    SealedFiles(Path(sys.argv[1])).keep([b'x'] * 100_000)\n"
        "except StoreError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "files")],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "file not kept: errno 27\n"
    assert _all(files) == []


@pytest.mark.spec("P18")
def test_a_kill_in_the_middle_leaves_no_name(
    files: SealedFiles, tmp_path: Path
) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from node.store.files import SealedFiles\n"
        "def chunks():\n"
        "    yield b'x' * 100000\n"
        "    os.kill(os.getpid(), 9)\n"
        "SealedFiles(Path(sys.argv[1])).keep(chunks())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "files")],
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == -9
    left = _all(files)
    assert [path.parent for path in left] == [files._unfinished]
    assert files.sweep(set(), before=FUTURE) == 1
    assert _all(files) == []


def test_files_are_closed_to_others(files: SealedFiles) -> None:
    kept = files.keep([b"x"])
    path = files._path(kept.name)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


class TestSweep:
    def test_named_files_stay_and_the_others_go(self, files: SealedFiles) -> None:
        named, other = files.keep([b"named"]), files.keep([b"other"])
        assert files.sweep({named.name}, before=FUTURE) == 1
        assert list(files.read(named.name)) == [b"named"]
        with pytest.raises(NotFoundError):
            next(files.read(other.name))

    def test_a_young_file_may_belong_to_a_unit_about_to_commit(
        self, files: SealedFiles
    ) -> None:
        kept = files.keep([b"young"])
        changed_at = files._path(kept.name).stat().st_mtime
        an_hour_ago = datetime.fromtimestamp(changed_at, UTC) - timedelta(hours=1)
        assert files.sweep(set(), before=an_hour_ago) == 0
        os.utime(files._path(kept.name), (0, 0))
        assert files.sweep(set(), before=an_hour_ago) == 1


class TestSealed:
    @pytest.mark.spec("HO-16")
    def test_what_arrived_comes_back_and_is_not_readable_on_disk(
        self, files: SealedFiles
    ) -> None:
        text = b"Amira Haddad" * 20_000
        kept = files.keep_sealed(KEY, T1, 0, [text[:5], text[5:]])
        assert b"".join(files.read_sealed(KEY, T1, [kept])) == text
        on_disk = b"".join(files.read(kept.name))
        assert b"Amira" not in on_disk

    @pytest.mark.spec("HO-16")
    def test_parts_come_back_one_after_the_other(self, files: SealedFiles) -> None:
        first = files.keep_sealed(KEY, T1, 0, [b"Amira "])
        second = files.keep_sealed(KEY, T1, 6, [b"Haddad"])
        parts = [first, second]
        assert b"".join(files.read_sealed(KEY, T1, parts)) == b"Amira Haddad"

    @pytest.mark.spec("HO-16")
    def test_a_part_opens_at_its_own_place_alone(self, files: SealedFiles) -> None:
        first = files.keep_sealed(KEY, T1, 0, [b"Amira "])
        second = files.keep_sealed(KEY, T1, 6, [b"Haddad"])
        for start, name in ((0, second.name), (6, first.name), (1, first.name)):
            with pytest.raises(SealError):
                list(files.read_sealed(KEY, T1, [SealedPart(start, name)]))

    @pytest.mark.spec("HO-88")
    def test_nothing_readable_is_on_disk_half_way(self, files: SealedFiles) -> None:
        def look() -> Iterator[bytes]:
            yield b"Amira Haddad" * 20_000
            assert b"Amira" not in b"".join(path.read_bytes() for path in _all(files))
            yield b"end"

        files.keep_sealed(KEY, T1, 0, look())

    @pytest.mark.parametrize(
        ("key", "transfer"), [(b"x" * 32, T1), (KEY, T2)], ids=["key", "transfer"]
    )
    def test_another_key_or_transfer_opens_nothing(
        self, files: SealedFiles, key: bytes, transfer: str
    ) -> None:
        kept = files.keep_sealed(KEY, T1, 0, [b"text"])
        with pytest.raises(SealError):
            list(files.read_sealed(key, transfer, [kept]))

    @pytest.mark.parametrize("where", [0, 1, 30, -1])
    def test_a_changed_byte_is_noticed(self, files: SealedFiles, where: int) -> None:
        kept = files.keep_sealed(KEY, T1, 0, [b"text"])
        path = files._path(kept.name)
        content = bytearray(path.read_bytes())
        content[where] ^= 1
        path.write_bytes(content)
        with pytest.raises(SealError):
            list(files.read_sealed(KEY, T1, [kept]))

    def test_a_cut_file_is_noticed(self, files: SealedFiles) -> None:
        kept = files.keep_sealed(KEY, T1, 0, [b"x" * 200_000])
        path = files._path(kept.name)
        path.write_bytes(path.read_bytes()[:70_000])
        with pytest.raises(SealError):
            list(files.read_sealed(KEY, T1, [kept]))

    def test_an_absent_file_is_not_found(self, files: SealedFiles) -> None:
        with pytest.raises(NotFoundError):
            list(files.read_sealed(KEY, T1, [SealedPart(0, digest("x"))]))
