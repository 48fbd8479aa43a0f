"""Sealing at rest: a value opens in its one place only."""

import hashlib
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.casekey import (
    CaseKey,
    FieldContext,
    WrapKey,
    open_field,
    open_file,
    open_small,
    seal_field,
    seal_file,
    seal_small,
    wrapped_week,
)
from node.errors import SealError, UsageError

KEY = CaseKey(bytes(range(32)))
WEEK = WrapKey("2026-W07", b"w" * 32)
PLACE = FieldContext("person", "family_name", "ab" * 16, "cd" * 16, 3)


def fresh():
    """Randomness that never repeats, as the real one."""
    counter = count()
    return lambda size: hashlib.shake_256(bytes([next(counter)])).digest(size)


def changes(sealed):
    """Every cut, one flipped bit in every byte, one byte more."""
    yield from (sealed[:end] for end in range(len(sealed)))
    yield sealed + b"\0"
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1 << position % 8
        yield bytes(changed)


@given(st.binary(max_size=200))
def test_a_field_opens_in_its_place(plaintext):
    sealed = seal_field(KEY, PLACE, plaintext, fresh())
    assert len(sealed) == len(plaintext) + 41
    assert open_field(KEY, PLACE, sealed) == plaintext


@pytest.mark.spec("SR-K2")
@pytest.mark.parametrize(
    "place",
    [
        replace(PLACE, table="consent"),
        replace(PLACE, column="given_name"),
        replace(PLACE, row="ac" * 16),
        replace(PLACE, case="ce" * 16),
        replace(PLACE, epoch=4),
        replace(PLACE, table="personf", column="amily_name"),
    ],
)
def test_a_moved_field_does_not_open(place):
    with pytest.raises(SealError):
        open_field(KEY, place, seal_field(KEY, PLACE, b"Ahmadi", fresh()))


@pytest.mark.spec("SR-K2")
def test_a_field_of_another_case_key_does_not_open():
    with pytest.raises(SealError):
        open_field(
            CaseKey(bytes(32)), PLACE, seal_field(KEY, PLACE, b"Ahmadi", fresh())
        )


def test_a_damaged_field_does_not_open():
    for changed in changes(seal_field(KEY, PLACE, b"Ahmadi", fresh())):
        with pytest.raises(SealError):
            open_field(KEY, PLACE, changed)


def test_equal_values_are_sealed_differently():
    randomness = fresh()
    first = seal_field(KEY, PLACE, b"x", randomness)
    assert seal_field(KEY, PLACE, b"x", randomness) != first


def test_a_place_cannot_blur_into_another():
    with pytest.raises(UsageError):
        seal_field(KEY, replace(PLACE, table="a\0b"), b"x", fresh())


@pytest.mark.spec("SR-K3")
def test_a_field_does_not_open_as_a_file():
    sealed = seal_field(KEY, PLACE, b"x" * 100, fresh())
    with pytest.raises(SealError):
        list(open_file(KEY, PLACE, [sealed]))


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200000])
@pytest.mark.parametrize("portion", [1000, 65536, 10**6])
def test_a_file_of_any_size_opens(size, portion):
    plaintext = bytes(i * 7 & 255 for i in range(size))
    parts = [plaintext[i : i + portion] for i in range(0, size, portion)]
    sealed = b"".join(seal_file(KEY, PLACE, parts))
    cut = [b"", *(sealed[i : i + portion] for i in range(0, len(sealed), portion))]
    assert b"".join(open_file(KEY, PLACE, cut)) == plaintext


def test_a_file_is_given_out_in_authentic_portions():
    sealed = bytearray(b"".join(seal_file(KEY, PLACE, [bytes(200000)])))
    sealed[-1] ^= 1
    portions = open_file(KEY, PLACE, [bytes(sealed)])
    assert [len(next(portions)) for _ in range(3)] == [65536] * 3
    with pytest.raises(SealError):
        next(portions)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[: 1 + 24 + 65553],
        lambda s: s[: 1 + 24 + 2 * 65553],
        lambda s: s[:-1],
        lambda s: s + b"\0",
        lambda s: s + s[25:],
        lambda s: s[:25] + s[25 + 65553 : 25 + 2 * 65553] + s[25 : 25 + 65553],
        lambda s: s[: 25 + 65553] + s[25:],
        lambda s: s[:25] + s[25 + 65553 :],
        lambda s: b"\2" + s[1:],
        lambda s: b"",
        lambda s: s[:1],
        lambda s: s[:24],
        lambda s: s[:25],
        lambda s: s[:30],
    ],
)
def test_a_cut_or_shuffled_file_is_noticed(change):
    sealed = b"".join(seal_file(KEY, PLACE, [bytes(131072), b"tail"]))
    with pytest.raises(SealError):
        list(open_file(KEY, PLACE, [change(sealed)]))


def test_a_damaged_small_file_does_not_open():
    for changed in changes(b"".join(seal_file(KEY, PLACE, [b"document"]))):
        with pytest.raises(SealError):
            list(open_file(KEY, PLACE, [changed]))


def test_a_moved_file_does_not_open():
    sealed = b"".join(seal_file(KEY, PLACE, [b"document"]))
    with pytest.raises(SealError):
        list(open_file(KEY, replace(PLACE, row="00"), [sealed]))


def test_a_case_key_survives_its_wrapping():
    wrapped = KEY.wrap(WEEK, b"case", fresh())
    assert wrapped_week(wrapped) == "2026-W07"
    assert CaseKey.unwrap(WEEK, b"case", wrapped) == KEY


@given(st.binary(max_size=100), st.binary(max_size=30))
def test_a_small_value_survives(plaintext, context):
    sealed = seal_small(WEEK, context, plaintext, fresh())
    assert wrapped_week(sealed) == "2026-W07"
    assert open_small(WEEK, context, sealed) == plaintext


@pytest.mark.spec("SR-K5")
def test_a_value_under_another_week_or_context_does_not_open():
    sealed = seal_small(WEEK, b"share-b", b"x" * 32, fresh())
    for key, context in [
        (WrapKey("2026-W08", b"w" * 32), b"share-b"),
        (WrapKey("2026-W07", b"v" * 32), b"share-b"),
        (WEEK, b"share-a"),
        (WEEK, b""),
    ]:
        with pytest.raises(SealError):
            open_small(key, context, sealed)


@pytest.mark.spec("SR-K3")
def test_a_small_value_does_not_open_as_a_case_key():
    with pytest.raises(SealError):
        CaseKey.unwrap(WEEK, b"case", seal_small(WEEK, b"case", b"x" * 32, fresh()))


def test_a_damaged_case_key_does_not_open():
    for changed in changes(KEY.wrap(WEEK, b"case", fresh())):
        with pytest.raises(SealError):
            CaseKey.unwrap(WEEK, b"case", changed)


@pytest.mark.parametrize(
    "blob", [b"", b"\1", b"\1\0", b"\2\1a", b"\1\2a", b"\1\1\xff", b"\1\1 ", b"\1\x29"]
)
def test_what_names_no_week_is_refused(blob):
    with pytest.raises(SealError):
        wrapped_week(blob)


@pytest.mark.parametrize(
    ("week", "raw"),
    [("", bytes(32)), ("a b", bytes(32)), ("x" * 33, bytes(32)), ("w", bytes(31))],
)
def test_a_week_key_has_a_short_name_and_32_bytes(week, raw):
    with pytest.raises(UsageError):
        WrapKey(week, raw)


def test_no_key_shows_itself():
    assert "\\x" not in repr(KEY)
    assert "www" not in repr(WEEK)
    with pytest.raises(UsageError):
        CaseKey(bytes(31))
    assert CaseKey.generate(fresh()) == CaseKey(fresh()(32))


def test_libsodium_reads_its_own_header_as_we_do():
    # The stream room feeds its own header to init_pull for both directions.
    from nacl import bindings as b

    from node.crypto.stream import push_stream

    state = b.crypto_secretstream_xchacha20poly1305_state()
    header = b.crypto_secretstream_xchacha20poly1305_init_push(state, KEY.raw)
    theirs = [
        b.crypto_secretstream_xchacha20poly1305_push(state, bytes(65536), b"ad", 0),
        b.crypto_secretstream_xchacha20poly1305_push(state, b"end", b"ad", 3),
    ]
    ours = list(push_stream(KEY.raw, header, b"ad", [bytes(65536), b"end"]))
    assert ours == [header, *theirs]


def test_one_plaintext_has_one_stream_length():
    from nacl import bindings as b

    from node.crypto.stream import pull_stream

    state = b.crypto_secretstream_xchacha20poly1305_state()
    header = b.crypto_secretstream_xchacha20poly1305_init_push(state, KEY.raw)
    full = b.crypto_secretstream_xchacha20poly1305_push(state, bytes(65536), b"", 0)
    empty = b.crypto_secretstream_xchacha20poly1305_push(state, b"", b"", 3)
    with pytest.raises(SealError):
        list(pull_stream(KEY.raw, b"", [header, full, empty]))
