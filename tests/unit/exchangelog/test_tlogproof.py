"""`.tlog-proof` files: the public form, one spelling, nothing beside it."""

import pytest

from node.crypto.commit import leaf_input
from node.crypto.merkle import inclusion_proof
from node.errors import MalformedMessageError
from node.exchangelog.standalone import verify
from node.exchangelog.tlogproof import TlogProof
from tests.support.exchangelog import MemoryLog, opened, recorded


@pytest.fixture
def proof():
    log = MemoryLog("wehr.example", 1)
    opened(log)
    recorded(log)
    item = recorded(log, "consent:b")
    log.sign()
    note = log.newest().note
    path = inclusion_proof(item.index, 3, log.tree)
    return TlogProof(item.index, path, note), leaf_input(item.c)


def small_reader(text):
    return verify.read_note(verify.read_proof(text.encode())[2])


@pytest.mark.spec("EL-10", "EL-17")
def test_what_is_written_is_read_and_holds(proof):
    made, leaf = proof
    found = TlogProof.parse(made.encode())
    assert found == made
    found.check(leaf)
    assert made.encode().startswith("c2sp.org/tlog-proof@v1\nindex 2\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 2", "index 02"),
        ("index 2", "index -2"),
        ("index 2", "extra AAAA\nindex 2"),
        ("index 2\n", ""),
        ("\n\n", "\n"),
        ("=\n", "\n"),
        ("index 2\n", "index 2\nAAAA\n"),
        ("index 2\n", "index 2\n" + 64 * (43 * "A" + "=\n")),
        ("wehr.example/log/1\n3\n", "wehr.example/log/1\n03\n"),
    ],
)
@pytest.mark.spec("EL-17")
def test_another_spelling_is_refused_by_both_readers(proof, old, new):
    text = proof[0].encode().replace(old, new, 1)
    assert text != proof[0].encode()
    with pytest.raises(MalformedMessageError):
        TlogProof.parse(text)
    with pytest.raises(verify.WrongError):
        small_reader(text)


def test_a_proof_holds_for_its_leaf_alone(proof):
    made, leaf = proof
    with pytest.raises(MalformedMessageError):
        made.check(leaf[:-1] + bytes([leaf[-1] ^ 1]))
