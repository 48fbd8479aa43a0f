"""The tree against a naive recursion, and every proof against every lie."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto.merkle import (
    EMPTY_ROOT,
    Frontier,
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from node.errors import LogError, MalformedMessageError, UsageError

LARGEST = 300
LEAVES = [leaf_hash(b"%d" % i) for i in range(LARGEST)]
TREE = MemoryTree(LEAVES)


def naive(leaves):
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + naive(leaves[:k]) + naive(leaves[k:])).digest()


ROOTS = [naive(LEAVES[:size]) for size in range(LARGEST + 1)]


def refused(verify, *arguments):
    with pytest.raises(MalformedMessageError):
        verify(*arguments)


def test_frontier_and_reader_agree_with_the_recursion():
    frontier = Frontier()
    assert TREE.size == LARGEST
    for size in range(LARGEST + 1):
        assert frontier.root() == root_of(size, TREE) == ROOTS[size]
        assert Frontier.decode(frontier.encode()) == frontier
        if size < LARGEST:
            frontier = frontier.append(LEAVES[size])


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_extending_is_appending_often(first, second):
    first, second = sorted((first, second))
    frontier = Frontier().extend(LEAVES[:first]).extend(LEAVES[first:second])
    assert frontier.root() == ROOTS[second]


def test_the_empty_tree_and_one_leaf():
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()
    assert leaf_hash(b"") == hashlib.sha256(b"\0").digest()
    assert root_of(1, TREE) == LEAVES[0]
    assert inclusion_proof(0, 1, TREE) == ()
    verify_inclusion(0, 1, LEAVES[0], (), LEAVES[0])


def test_every_inclusion_proof_verifies():
    for size in [*range(1, 70), 127, 128, 129, 255, 256, 257, LARGEST]:
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])


def test_every_consistency_proof_verifies():
    for n in [*range(1, 70), 127, 128, 129, 255, 256, 257, LARGEST]:
        for m in range(1, n + 1):
            proof = consistency_proof(m, n, TREE)
            verify_consistency(m, n, ROOTS[m], ROOTS[n], proof)


def test_no_inclusion_proof_fits_elsewhere():
    for size in range(1, 24):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            for other in range(size):
                if other != index:
                    refused(
                        verify_inclusion, other, size, LEAVES[index], proof, ROOTS[size]
                    )
                    refused(
                        verify_inclusion, index, size, LEAVES[other], proof, ROOTS[size]
                    )
            for other in range(1, 26):
                if other != size:
                    refused(
                        verify_inclusion,
                        index,
                        size,
                        LEAVES[index],
                        proof,
                        ROOTS[other],
                    )


def test_no_consistency_proof_fits_elsewhere():
    for n in range(2, 20):
        for m in range(1, n):
            proof = consistency_proof(m, n, TREE)
            for other in range(1, 20):
                if other != m:
                    refused(verify_consistency, m, n, ROOTS[other], ROOTS[n], proof)
                if other != n:
                    refused(verify_consistency, m, n, ROOTS[m], ROOTS[other], proof)
                if other not in (m, n) and other < n:
                    refused(verify_consistency, other, n, ROOTS[m], ROOTS[n], proof)


def test_a_path_of_another_shape_is_refused():
    # Sizes with paths of one shape are told apart by the signed checkpoint alone.
    for size in range(2, 40):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            for other in range(index + 1, 40):
                if len(inclusion_proof(index, other, TREE)) != len(proof):
                    refused(
                        verify_inclusion,
                        index,
                        other,
                        LEAVES[index],
                        proof,
                        ROOTS[size],
                    )


@given(st.data())
@settings(max_examples=300)
def test_no_bit_of_an_inclusion_proof_may_change(data):
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, TREE))
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(proof[at])
    changed[bit // 8] ^= 1 << bit % 8
    proof[at] = bytes(changed)
    refused(verify_inclusion, index, size, LEAVES[index], proof, ROOTS[size])


@given(st.data())
@settings(max_examples=300)
def test_no_bit_of_a_consistency_proof_may_change(data):
    n = data.draw(st.integers(2, LARGEST))
    m = data.draw(st.integers(1, n - 1))
    proof = list(consistency_proof(m, n, TREE))
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(proof[at])
    changed[bit // 8] ^= 1 << bit % 8
    proof[at] = bytes(changed)
    refused(verify_consistency, m, n, ROOTS[m], ROOTS[n], proof)


@given(st.data())
def test_a_proof_has_one_length(data):
    n = data.draw(st.integers(2, LARGEST))
    m = data.draw(st.integers(1, n - 1))
    for proof in (
        consistency_proof(m, n, TREE)[:-1],
        (*consistency_proof(m, n, TREE), ROOTS[1]),
        (ROOTS[1], *consistency_proof(m, n, TREE)),
        (b"short", *consistency_proof(m, n, TREE)[1:]),
    ):
        refused(verify_consistency, m, n, ROOTS[m], ROOTS[n], proof)
    path = inclusion_proof(m, n, TREE)
    for proof in (path[:-1], (*path, ROOTS[1]), (*path[:-1], b"")):
        refused(verify_inclusion, m, n, LEAVES[m], proof, ROOTS[n])


def test_nothing_proves_consistency_from_the_empty_tree():
    refused(verify_consistency, 0, 3, EMPTY_ROOT, ROOTS[3], ())
    refused(verify_consistency, 0, 3, EMPTY_ROOT, ROOTS[3], (ROOTS[3],))
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
    refused(verify_consistency, 0, 0, ROOTS[1], ROOTS[1], ())
    with pytest.raises(UsageError):
        consistency_proof(0, 3, TREE)


def test_the_same_size_needs_the_same_root_and_no_proof():
    verify_consistency(5, 5, ROOTS[5], ROOTS[5], ())
    refused(verify_consistency, 5, 5, ROOTS[5], ROOTS[4], ())
    refused(verify_consistency, 5, 5, ROOTS[5], ROOTS[5], (ROOTS[5],))


@pytest.mark.parametrize(
    ("index", "size"), [(-1, 3), (3, 3), (4, 3), (0, 0), (0, -1), (0, 2**63)]
)
def test_an_impossible_index_is_refused(index, size):
    refused(verify_inclusion, index, size, LEAVES[0], (), LEAVES[0])
    if size < 100:
        with pytest.raises(UsageError):
            inclusion_proof(index, size, TREE)


@pytest.mark.parametrize(("m", "n"), [(-1, 3), (4, 3), (1, 2**63), (-2, -1), (3, 0)])
def test_impossible_sizes_are_refused(m, n):
    refused(verify_consistency, m, n, LEAVES[0], LEAVES[0], ())


def test_a_shrinking_tree_is_no_consistency():
    refused(verify_consistency, 5, 3, ROOTS[5], ROOTS[3], consistency_proof(3, 5, TREE))
    with pytest.raises(UsageError):
        consistency_proof(5, 3, TREE)


def test_an_inner_node_is_no_leaf():
    # The second-preimage attack that the two prefixes are for.
    inner = LEAVES[0] + LEAVES[1]
    assert leaf_hash(inner) != node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        bytes(7),
        bytes(9),
        (1).to_bytes(8, "big"),
        (1).to_bytes(8, "big") + bytes(64),
        (3).to_bytes(8, "big") + bytes(32),
        b"\xff" * 8 + bytes(64 * 32),
    ],
)
def test_a_frontier_that_does_not_fit_is_refused(text):
    with pytest.raises(LogError):
        Frontier.decode(text)


def test_a_frontier_holds_whole_hashes():
    with pytest.raises(LogError):
        Frontier(1, (b"short",))
    with pytest.raises(LogError):
        Frontier(-1, ())
