"""The signer's mark: written whole or not at all, read strictly, never moved back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.merkle import Frontier, leaf_hash
from node.errors import LogError
from node.store.mark import Mark, encode_mark, parse_mark, read_mark, write_mark

ORIGIN = "wehr.example/log/1"


def frontier(size, salt=b""):
    return Frontier().extend(leaf_hash(salt + bytes([i])) for i in range(size))


@given(st.integers(0, 200), st.integers(1, 9))
@pytest.mark.spec("LR-11")
def test_a_mark_survives_its_file(size, incarnation):
    mark = Mark(ORIGIN, incarnation, frontier(size))
    assert parse_mark(encode_mark(mark)) == mark
    assert mark.head.size == size


def test_the_first_mark_is_the_empty_log():
    lines = encode_mark(Mark(ORIGIN, 1, Frontier())).decode().splitlines()
    assert lines[:4] == ["staffelstab-mark/1", ORIGIN, "1", "0"]
    assert len(lines) == 6


@pytest.mark.spec("LR-11", "EL-17")
def test_any_changed_byte_is_noticed():
    written = encode_mark(Mark(ORIGIN, 1, frontier(5)))
    for place in range(len(written)):
        for bit in (1, 0x80):
            changed = bytearray(written)
            changed[place] ^= bit
            with pytest.raises(LogError):
                parse_mark(bytes(changed))


@pytest.mark.parametrize("size", [0, 1, 7])
def test_any_cut_or_addition_is_noticed(size):
    written = encode_mark(Mark(ORIGIN, 1, frontier(size)))
    for place in range(len(written)):
        with pytest.raises(LogError):
            parse_mark(written[:place])
    for more in (b"\n", b" ", b"x", b"\n" * 9000):
        with pytest.raises(LogError):
            parse_mark(written + more)


@given(st.binary(max_size=400))
def test_random_bytes_are_our_own_error(written):
    with pytest.raises(LogError):
        parse_mark(written)


def test_an_origin_that_is_none_is_refused():
    with pytest.raises(LogError, match="origin"):
        parse_mark(encode_mark(Mark("two words", 1, frontier(1))))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "log.mark"
    assert read_mark(path) is None
    for size in (0, 3, 4):
        mark = Mark(ORIGIN, 1, frontier(size))
        write_mark(path, mark)
        assert read_mark(path) == mark
    assert [file.name for file in tmp_path.iterdir()] == ["log.mark"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_draft_left_by_a_crash_is_overwritten(tmp_path):
    path = tmp_path / "log.mark"
    write_mark(path, Mark(ORIGIN, 1, frontier(1)))
    (tmp_path / "log.mark.new").write_bytes(b"half" * 1000)
    assert read_mark(path).frontier.size == 1
    write_mark(path, Mark(ORIGIN, 1, frontier(2)))
    assert read_mark(path).frontier.size == 2


def test_a_disk_that_refuses_stops_the_signer(tmp_path):
    with pytest.raises(LogError):
        write_mark(tmp_path / "absent" / "log.mark", Mark(ORIGIN, 1, frontier(1)))
    with pytest.raises(LogError):
        read_mark(tmp_path)
    (tmp_path / "log.mark").write_bytes(b"")
    with pytest.raises(LogError):
        read_mark(tmp_path / "log.mark")


@pytest.mark.spec("LR-10")
def test_a_mark_moves_forward_only():
    mark = Mark(ORIGIN, 2, frontier(5))
    assert mark.advance(frontier(5)) == mark
    assert mark.advance(frontier(6)) == Mark(ORIGIN, 2, frontier(6))
    with pytest.raises(LogError, match="smaller"):
        mark.advance(frontier(4))
    with pytest.raises(LogError, match="differs"):
        mark.advance(frontier(5, b"x"))
