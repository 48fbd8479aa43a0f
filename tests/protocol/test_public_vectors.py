"""Vectors that others published: their notes, checkpoints and proofs mean the same to us."""

import json
from base64 import b64decode

import pytest

from node.crypto.checkpoint import Checkpoint, NoteKey, signature_lines
from node.crypto.keys import SigningKey
from node.crypto.merkle import (
    EMPTY_ROOT,
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from node.crypto.sign import sign, verify
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.witness import encode_add_checkpoint, parse_add_checkpoint
from tests.vectors.drawn import FOLDER
from tests.vectors.tree_vectors import LEAVES

MERKLE = json.loads((FOLDER / "public_merkle.json").read_text("utf-8"))
NOTES = json.loads((FOLDER / "public_notes.json").read_text("utf-8"))
GO = NOTES["golang"]
TREE = MemoryTree(leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES)
BASE = [*MERKLE["inclusion"], *MERKLE["consistency"]]
GARBAGE = b64decode("q6yroAAAAAAAAAAAAAAAAAAAAAAAAAAAAGAGHgASNFY=")


def read(case):
    """A case as (kind, place, size, start, proof, root)."""
    proof = [b64decode(item) for item in case["proof"] or []]
    if "leafIdx" in case:
        start, root = b64decode(case["leafHash"]), b64decode(case["root"])
        return "inclusion", case["leafIdx"], case["treeSize"], start, proof, root
    start, root = b64decode(case["root1"]), b64decode(case["root2"])
    return "consistency", case["size1"], case["size2"], start, proof, root


def accepts(kind, place, size, start, proof, root):
    try:
        if kind == "inclusion":
            verify_inclusion(place, size, start, proof, root)
        else:
            verify_consistency(place, size, start, root, proof)
    except MalformedMessageError:
        return False
    return True


def spoiled(kind, place, size, start, proof, root):
    """The reject cases of the folder, made by the rules of their names."""
    for other in (place + 1, place - 1, place ^ 2):
        yield kind, other, size, start, proof, root
    for other in (size * 2, size // 2):
        yield kind, place, other, start, proof, root
    for other in (EMPTY_ROOT, GARBAGE, b"WrongRoot", b""):
        yield kind, place, size, start, proof, other
        yield kind, place, size, other, proof, root
    yield kind, place, size, root, proof, start
    for item in (b"", GARBAGE, root, start, bytes(31), bytes(33)):
        yield kind, place, size, start, [item, *proof], root
        yield kind, place, size, start, [*proof, item], root
        if proof:
            yield kind, place, size, start, [proof[0], item, *proof[1:]], root
    for index, item in enumerate(proof):
        for bit in (3, 4):
            changed = bytes([item[0] ^ 1 << bit]) + item[1:]
            new = [*proof[:index], changed, *proof[index + 1 :]]
            yield kind, place, size, start, new, root
        yield kind, place, size, start, [*proof[:index], *proof[index + 1 :]], root


@pytest.mark.spec("EL-10")
@pytest.mark.parametrize("case", BASE, ids=lambda case: case["path"])
def test_published_proofs_are_accepted_and_rejected_as_published(case):
    assert accepts(*read(case)) is not case["wantErr"]


@pytest.mark.spec("EL-10")
@pytest.mark.parametrize(
    "case", [c for c in BASE if not c["wantErr"]], ids=lambda case: case["path"]
)
def test_each_published_way_to_spoil_a_proof_is_refused(case):
    kind, place, size, start, proof, root = read(case)
    for other in spoiled(kind, place, size, start, proof, root):
        # In a tree of one leaf, root and leaf are the same.
        if other != (kind, place, size, start, proof, root):
            assert not accepts(*other), other


@pytest.mark.spec("EL-10")
@pytest.mark.parametrize(
    "case", [c for c in BASE if not c["wantErr"]], ids=lambda case: case["path"]
)
def test_published_proofs_are_generated_byte_for_byte(case):
    kind, place, size, start, proof, root = read(case)
    assert root == root_of(size, TREE)
    if kind == "inclusion":
        assert start == leaf_hash(bytes.fromhex(LEAVES[place]))
        assert list(inclusion_proof(place, size, TREE)) == proof
    else:
        assert start == root_of(place, TREE)
        assert list(consistency_proof(place, size, TREE)) == proof


@pytest.mark.spec("EL-10")
@pytest.mark.parametrize("text", GO["vkeys"])
def test_published_keys_are_read_and_written_back(text):
    assert str(NoteKey.parse(text)) == text


@pytest.mark.parametrize("text", GO["bad_vkeys"])
def test_published_bad_keys_are_refused(text):
    with pytest.raises(MalformedMessageError):
        NoteKey.parse(text)


def test_no_mangling_of_a_published_key_is_a_key():
    text = GO["vkeys"][0]
    for i in range(len(text)):
        for j in range(i + 1, len(text) + 1):
            if (i, j) != (0, len(text)):
                with pytest.raises(MalformedMessageError):
                    NoteKey.parse(text[i:j])
        with pytest.raises(MalformedMessageError):
            NoteKey.parse(text[:i] + chr(ord(text[i]) + 1) + text[i + 1 :])


@pytest.mark.spec("EL-10")
@pytest.mark.parametrize("index", [0, 1])
def test_the_published_note_verifies_under_both_of_its_keys(index):
    key, line = NoteKey.parse(GO["vkeys"][index]), signature_lines(GO["note"])[index]
    text = (GO["note"].rpartition("\n\n")[0] + "\n").encode()
    raw = b64decode(line.rstrip("\n").rpartition(" ")[2])
    assert (line.split(" ")[1], raw[:4]) == (key.name, key.id)
    verify(key.key, text, raw[4:])
    with pytest.raises(SignatureError):
        verify(key.key, text + b"\n", raw[4:])


@pytest.mark.spec("EL-10")
def test_the_published_secret_key_signs_the_published_note():
    seed = b64decode(GO["skey"].split("+", 4)[4])[1:]
    text = (GO["note"].rpartition("\n\n")[0] + "\n").encode()
    key = NoteKey.parse(GO["vkeys"][0])
    made = key.id + sign(SigningKey.from_seed(seed), text)
    line = signature_lines(GO["note"])[0]
    assert b64decode(line.rstrip("\n").rpartition(" ")[2]) == made


@pytest.mark.parametrize("note", GO["bad_notes"])
def test_published_bad_notes_are_refused(note):
    with pytest.raises(MalformedMessageError):
        signature_lines(note)


@pytest.mark.spec("EL-10")
def test_the_published_tree_note_has_our_leaf_hash_and_another_kind_of_origin():
    head = leaf_hash(GO["record"].encode())
    _, size, root = GO["tree"].splitlines()
    ours = f"go.sum-database-tree\n{size}\n{root}\n"
    assert Checkpoint.parse_body(ours) == Checkpoint(
        "go.sum-database-tree", int(size), head
    )
    with pytest.raises(MalformedMessageError):  # an origin has no spaces here
        Checkpoint.parse_body(GO["tree"])


@pytest.mark.parametrize("text", GO["bad_trees"])
def test_published_bad_tree_notes_are_refused(text):
    with pytest.raises(MalformedMessageError):
        Checkpoint.parse_body(text.replace("go.sum database tree", "go.sum"))


@pytest.mark.spec("EL-10")
def test_the_example_of_signed_note_is_a_note_whose_text_has_an_empty_line():
    note = NOTES["signed_note"]["note"]
    (line,) = signature_lines(note)
    assert line.startswith("\u2014 quasimodo.example/salvatore ")
    assert note.endswith("ed \u00e8 subito sera.\n\n" + line)


@pytest.mark.spec("EL-10")
def test_the_example_of_tlog_cosignature_carries_its_time():
    case = NOTES["tlog_cosignature"]
    own, cosigned = signature_lines(case["note"])
    assert own.startswith("\u2014 example.com/behind-the-sofa ")
    raw = b64decode(cosigned.rstrip("\n").rpartition(" ")[2])
    assert len(raw) == 4 + 8 + 64
    assert int.from_bytes(raw[4:12], "big") == case["time"]
    head = Checkpoint.parse_body(case["note"].partition("\n\n")[0] + "\n")
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)


@pytest.mark.spec("EL-10", "LR-15")
def test_the_examples_of_tlog_witness_are_read():
    case = NOTES["tlog_witness"]
    body = case["request"].encode()
    found = parse_add_checkpoint(body)
    assert (found.old_size, len(found.path)) == (20852014, 4)
    assert encode_add_checkpoint(found) == body
    lines = signature_lines(found.note + "".join(case["answer"]))
    assert [line.split(" ")[1] for line in lines[2:]] == [
        "witness.example/w1",
        "witness.example/w1",
        "witness.example/w2",
    ]
