"""Closed schemas: what a declaration reads, writes and describes."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import MalformedMessageError
from node.sync import schema as s
from node.sync.words import Band


@dataclass(frozen=True)
class Pair:
    a: int
    b: str | None = None


PAIR = s.record(Pair, a=s.number(), b=s.optional(s.text("x+")))


@pytest.mark.parametrize("value", [{"a": 1}, {"a": 1, "b": "xx"}])
def test_a_record_reads_back_as_it_was_written(value):
    assert PAIR.write(PAIR.read(value, "p")) == value


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([], "p"),
        (None, "p"),
        ({"a": 1, "c": 2}, "p"),
        ({}, "p.a"),
        ({"a": "1"}, "p.a"),
        ({"a": True}, "p.a"),
        ({"a": 1, "b": None}, "p.b"),
        ({"a": 1, "b": "y"}, "p.b"),
        ({"a": 1, "b": "x\n"}, "p.b"),
        ({"a": 1, "b": 257 * "x"}, "p.b"),
    ],
)
def test_a_record_takes_nothing_else(value, where):
    with pytest.raises(MalformedMessageError) as caught:
        PAIR.read(value, "p")
    assert str(caught.value) == where


@given(st.binary(min_size=3, max_size=9))
def test_bytes_read_back_as_they_were_written(raw):
    form = s.binary(3, 9)
    assert form.read(form.write(raw), "x") == raw


@pytest.mark.parametrize(
    "text", ["", "AA", "AAAA=", "AA A", "AAA+", "AAAB\u00e4", 16 * "A", 1, None]
)
def test_bytes_of_another_length_or_spelling_are_refused(text):
    with pytest.raises(MalformedMessageError):
        s.binary(3, 9).read(text, "x")


@pytest.mark.parametrize("text", ["AB" * 16, "ab" * 15, "ab" * 17, "zz" * 16, 5])
def test_hex_is_lower_case_and_whole(text):
    with pytest.raises(MalformedMessageError):
        s.hexadecimal(16).read(text, "x")


@given(st.integers(0, 253_402_300_799))
def test_an_instant_is_whole_unix_seconds(second):
    assert s.INSTANT.write(s.INSTANT.read(second, "x")) == second


@pytest.mark.spec("MSG-9")
def test_a_fraction_of_a_second_is_cut():
    instant = datetime(2026, 4, 20, 9, 30, 1, 999_999, tzinfo=UTC)
    assert s.INSTANT.read(s.INSTANT.write(instant), "x") == instant.replace(
        microsecond=0
    )


@pytest.mark.parametrize("day", ["2026-2-1", "2026-02-30", "20260201", "", None, 1])
def test_a_day_is_a_calendar_day(day):
    with pytest.raises(MalformedMessageError):
        s.DAY.read(day, "x")


LIST = s.ascending(s.number(), least=1, most=3)


def test_writing_sorts_a_list():
    assert LIST.write((3, 1, 2)) == [1, 2, 3]


@pytest.mark.parametrize("value", [[], [2, 1], [1, 1], [1, 2, 3, 4], {}, "12", [None]])
def test_a_list_is_sorted_without_repeats_and_bounded(value):
    with pytest.raises(MalformedMessageError):
        LIST.read(value, "x")


def test_a_list_may_repeat_where_that_is_declared():
    form = s.ascending(s.number(), most=3, repeats=True)
    assert form.read([1, 1], "x") == (1, 1)


@pytest.mark.parametrize("value", [[], {"a": "1"}, {"b": 1}, {"a": 1, "aa": 2}, None])
def test_a_table_has_declared_names_and_values(value):
    with pytest.raises(MalformedMessageError):
        s.table(s.text("a+"), s.number(), most=1).read(value, "x")


@pytest.mark.parametrize("value", ["0-6", "TO_5", 5, None, ["0-5"]])
def test_a_code_stands_in_its_list(value):
    with pytest.raises(MalformedMessageError):
        s.code(*Band).read(value, "x")


def test_a_record_describes_itself_as_a_closed_schema():
    assert PAIR.schema == {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
            "b": {"type": "string", "pattern": "^(x+)$", "maxLength": 256},
        },
        "required": ["a"],
        "additionalProperties": False,
    }
