"""Others judge our notes and proofs as we do: golang.org/x/mod, and a second reader."""

import os
import random
import re
from base64 import b64decode, b64encode

import pytest

from node.crypto.checkpoint import (
    COSIGNATURE,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    sign_checkpoint,
    verify_cosignature,
)
from node.crypto.keys import SigningKey
from node.errors import MalformedMessageError, SignatureError
from tests.support.cosigned import BadNoteError, when_cosigned
from tests.support.oracle import ORIGIN, Inventor, ask, build, missing

COUNT = int(os.environ.get("ORACLE_COUNT", "10000"))
SEED = int(os.environ.get("ORACLE_SEED", "1"))
WITNESS = "bad-saeckingen.example/witness/1"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    if lacks := missing():
        pytest.skip(lacks)
    return build(tmp_path_factory.mktemp("oracle"))


def is_loose(text):
    """Whether base64 of a signature line is spelled in a way that only Go's reader takes."""
    for line in text.decode("utf-8", "replace").rpartition("\n\n")[2].split("\n"):
        blob = line.rpartition(" ")[2]
        try:
            if b64encode(b64decode(blob, validate=True)).decode() != blob:
                return True
        except ValueError:
            if re.search(r"[\r\n]", blob):
                return True
    return False


@pytest.mark.spec("EL-10")
def test_an_independent_implementation_agrees_on_notes_and_proofs(oracle):
    questions = list(Inventor(SEED).questions(COUNT))
    answers = ask(oracle, questions)
    differing = [
        (question.job, theirs)
        for question, theirs in zip(questions, answers, strict=True)
        if question.ours != theirs
        # Go reads base64 whose last bits are not zero; we know one spelling only.
        and not (theirs and question.note is not None and is_loose(question.note))
    ]
    assert differing == []
    good = sum(answers)
    assert COUNT // 5 < good < COUNT * 4 // 5


@pytest.mark.spec("EL-10")
def test_the_oracle_is_no_yes_man(oracle):
    questions = list(Inventor(3).questions(300))
    for question in questions:
        if question.job["Do"] == "note":
            question.job["Keys"] = []
        else:
            question.job["Root"] = b64encode(bytes(32)).decode()
    assert not any(ask(oracle, questions))


def verdict(note, key):
    try:
        return verify_cosignature(note, key)
    except (MalformedMessageError, SignatureError):
        return "refused"


def second_verdict(note, key):
    try:
        return when_cosigned(note, key.name, key.key.raw)
    except BadNoteError:
        return "refused"


@pytest.mark.spec("EL-10")
def test_a_second_reader_agrees_on_cosignatures():
    chance, inventor = random.Random(SEED), Inventor(SEED)
    seen = set()
    for number in range(1500):
        log = SigningKey.from_seed(chance.randbytes(32))
        witness = SigningKey.from_seed(chance.randbytes(32))
        other = SigningKey.from_seed(chance.randbytes(32))
        head = Checkpoint(ORIGIN, number + 1, chance.randbytes(32))
        note = sign_checkpoint(head, log)
        key = NoteKey(WITNESS, witness.public, COSIGNATURE)
        lines = [
            cosign(note, WITNESS, witness, chance.randrange(2**40)),
            cosign(note, WITNESS, other, 5),
            cosign(note, "x/witness/1", witness, 5),
        ]
        text = add_lines(note, chance.sample(lines, chance.randrange(4))).encode()
        if chance.random() < 0.6:
            text = inventor.spoil(text)
        try:
            note = text.decode("utf-8")
        except UnicodeDecodeError:
            continue
        ours = verdict(note, key)
        assert ours == second_verdict(note, key), note
        seen.add(type(ours))
    assert seen == {int, str, type(None)}
