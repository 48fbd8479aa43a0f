"""The quick way of the strict reader refuses what the careful one refuses, and says why."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node import strictjson
from node.errors import MalformedMessageError

LONG = st.text("abc", min_size=125, max_size=131)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=8)
    | LONG,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=130), inner, max_size=4)
    ),
    max_leaves=12,
)


def outcome(raw, **bounds):
    try:
        return strictjson.parse(raw, **bounds)
    except MalformedMessageError as error:
        return str(error)


def careful(raw, monkeypatch, **bounds):
    """The outcome with the quick way closed."""
    with monkeypatch.context() as closed:
        closed.setattr(strictjson, "_parts", lambda text: None)
        return outcome(raw, **bounds)


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as found:
        yield found


@given(
    value=VALUES,
    ascii_only=st.booleans(),
    depth=st.integers(1, 6),
    members=st.integers(0, 12),
    cut=st.integers(0, 30),
)
@settings(max_examples=400, deadline=None)
@example(value={"a" * 129: 1}, ascii_only=True, depth=2, members=9, cut=0)
@example(value={"a": "b" * 129}, ascii_only=True, depth=2, members=9, cut=0)
@example(value=["\x7f"], ascii_only=False, depth=2, members=9, cut=0)
@example(value=[10**17], ascii_only=True, depth=2, members=9, cut=0)
@example(value=["[[[[[[,,,,,,"], ascii_only=True, depth=1, members=1, cut=0)
@example(value=["a"], ascii_only=True, depth=1, members=1, cut=2)
def test_both_ways_of_reading_agree(patch, value, ascii_only, depth, members, cut):
    text = json.dumps(value, ensure_ascii=ascii_only)
    raw = text[: len(text) - cut].encode("utf-8", "surrogatepass")
    bounds = {"depth": depth, "members": members}
    assert outcome(raw, **bounds) == careful(raw, patch, **bounds)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b"[1.5]",
        b"[NaN]",
        b"[-0]",
        b'["a]',
        b'"',
        b'{"a":"b"',
        b"[[[[[1]]]]]",
        b'{"' + b"a" * 129 + b'" :1}',
        b'{"\\u00e4":1,"\\u00E4":2}',
        b'["\\u0007"]',
        b'["\\u007f"]',
        b'["\\ud800"]',
        b'["\\uDFFF\\u00e4"]',
        b'["\\u00e"]',
        b'["\\U00e4"]',
        b"[\\u00e4]",
        b"[9007199254740992]",
        b"[-9007199254740992]",
        b"[{]}",
        b"]" * 9 + b"[" * 9,
        b"[{[{[]}]}]",
    ],
)
def test_the_quick_way_lets_nothing_through(patch, raw):
    found = outcome(raw, depth=4, members=9)
    assert isinstance(found, str)
    assert found.startswith("json-")
    assert found == careful(raw, patch, depth=4, members=9)


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("\\u00fc", "\u00fc"),
        ("\\u0080", "\x80"),
        ("\\u2014\\n", "\u2014\n"),
        ("\\uD7FF", "\ud7ff"),
        ("\\uE000", "\ue000"),
        ("\\uffff", "\uffff"),
        ("\\ud83d\\ude00", "\U0001f600"),
        ("\\\\u00fc", "\\u00fc"),
        ('\\"\\u00fc', '"\u00fc'),
    ],
)
def test_a_spelled_character_is_read_as_meant_in_both_ways(patch, spelled, meant):
    raw = f'{{"{spelled}":"{spelled}"}}'.encode()
    assert outcome(raw) == careful(raw, patch) == {meant: meant}


@given(text=st.text("[]{}", max_size=12), depth=st.integers(0, 4))
def test_nesting_is_judged_alike_in_few_passes_and_step_by_step(patch, text, depth):
    level = deepest = 0
    for bracket in text:
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    found = outcome(text.encode(), depth=depth)
    assert (found == "json-depth") == (deepest > depth)
