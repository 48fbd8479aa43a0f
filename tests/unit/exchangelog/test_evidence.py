"""Tiles of every level are rebuilt and compared, one at a time."""

from dataclasses import replace

import pytest

from node.crypto.merkle import leaf_hash
from node.exchangelog.evidence import Evidence, Tiles
from node.exchangelog.finding import Code, Ledger
from node.exchangelog.structure import Structure
from tests.support.exchangelog import digest
from tests.support.logexport import tiles

LEAVES = [i.to_bytes(4, "big") for i in range(65536)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
STORED = tiles(LEAVES)


def check(stored, count=65536):
    found = Tiles(lambda level, n: stored.get((level, n)))
    for start in range(0, count, 256):
        found.extend(HASHES[start : min(start + 256, count)])
    return found


def test_a_whole_tree_of_tiles_is_clean():
    found = check(STORED)
    assert (found.absent, found.high, found.evidence.actual) == ([], [], {})
    assert len(STORED) == 257


@pytest.mark.spec("EL-1")
def test_a_changed_hash_above_the_leaves_is_found_with_its_span():
    row = STORED[1, 0]
    data = bytearray(row.data)
    data[32 * 7] ^= 1
    found = check(STORED | {(1, 0): replace(row, data=bytes(data))})
    assert found.high == [(7 * 256, 256)]


def test_a_changed_root_of_the_highest_tile_is_found():
    found = check(STORED | {(1, 0): replace(STORED[1, 0], root=digest("x"))})
    assert found.high == [(0, 65536)]


def test_a_tile_above_leaves_that_no_head_confirms_is_not_blamed():
    wrong = replace(STORED[0, 0], root=digest("x"))
    ledger = Ledger()
    structure = Structure(iter(()), lambda *_: wrong, ledger)
    structure.add(HASHES[:256])
    structure.finish(Evidence(), unconfirmed=-1, whole=True)
    assert ledger.findings() == ()


def test_an_open_tile_is_not_asked_for():
    assert check({(0, 0): STORED[0, 0]}, 511).absent == []
    assert check({(0, 0): STORED[0, 0]}, 512).absent == [256]


@pytest.mark.parametrize(
    ("actual", "expected", "code"),
    [
        ({3: "b", 4: "a"}, {3: "a", 4: "b"}, Code.ORDER_CHANGED),
        ({3: "b", 9: "a"}, {3: "a", 9: "b"}, Code.ORDER_CHANGED),
        ({3: "b", 4: "c"}, {3: "a", 4: "b", 5: "c"}, Code.LEAF_MISSING),
        ({3: "x", 4: "a"}, {3: "a", 4: "b"}, Code.LEAF_EXTRA),
        ({3: "x", 4: "y"}, {3: "a", 4: "b"}, Code.LEAF_CHANGED),
        ({3: "x"}, {3: "a"}, Code.LEAF_CHANGED),
    ],
)
def test_the_neighbours_of_the_first_difference_tell_its_kind(actual, expected, code):
    evidence = Evidence()
    for index, text in expected.items():
        here = actual.get(index)
        evidence.note(index, here and digest(here), digest(text))
    assert evidence.first(0, 99) == 3
    assert evidence.kind(3) is code


def test_evidence_has_a_bound():
    evidence = Evidence()
    for index in range(5000):
        evidence.note(index, digest("a"), digest("b"))
    assert len(evidence.actual) == len(evidence.expected) == 1024
