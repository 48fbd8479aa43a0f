"""A peer's key card after its recovery: taken, known, or an alarm (LR-27, LR-28)."""

from dataclasses import replace

import pytest

from node.crypto.checkpoint import COSIGNATURE, ED25519, Checkpoint, NoteKey
from node.crypto.keys import SigningKey
from node.errors import MalformedMessageError
from node.exchangelog.keycard import (
    Judged,
    KeyCard,
    encode_card,
    judge_card,
    parse_card,
)
from node.exchangelog.witness import WitnessMemory

LOG = SigningKey.from_seed(b"\x01" * 32).public
WITNESS = SigningKey.from_seed(b"\x02" * 32).public
ELSE = SigningKey.from_seed(b"\x03" * 32).public
HOST = "wehr.example"


def card(inc=1, number=1, *, size=None, root=b"\x05" * 32, log=LOG):
    head = None if size is None else Checkpoint(f"{HOST}/log/{number - 1}", size, root)
    return KeyCard(
        inc,
        NoteKey(f"{HOST}/log/{number}", log, ED25519),
        NoteKey(f"{HOST}/witness/{inc}", WITNESS, COSIGNATURE),
        head,
    )


HELD = card()
MEMORY = WitnessMemory(f"{HOST}/log/1", 5, b"\x05" * 32, "note")


@pytest.mark.spec("LR-28", "HO-50", "LR-27")
@pytest.mark.parametrize(
    ("offered", "memory", "expected"),
    [
        (HELD, MEMORY, Judged.KNOWN),
        (card(2), MEMORY, Judged.TAKEN),
        (card(2, 2, size=5), MEMORY, Judged.TAKEN),
        (card(2, 2, size=7), MEMORY, Judged.TAKEN),
        (card(2, 2, size=3), None, Judged.TAKEN),
        # An older head than we remember: what we relied on would be cut off.
        (card(2, 2, size=4), MEMORY, Judged.REFUSED),
        (card(2, 2, size=5, root=b"\x06" * 32), MEMORY, Judged.REFUSED),
        # A new number that names no head, or the head of a log that is not the one held.
        (card(2, 2), MEMORY, Judged.REFUSED),
        (card(2, 3, size=5), MEMORY, Judged.REFUSED),
        # Another log key: the directory alone can change it.
        (card(2, log=ELSE), MEMORY, Judged.REFUSED),
        (card(1, 2, size=5), MEMORY, Judged.REFUSED),
    ],
)
def test_how_a_card_is_judged(offered, memory, expected):
    assert judge_card(offered, HELD, memory) is expected


@pytest.mark.spec("P13")
def test_a_card_of_a_former_incarnation_changes_nothing():
    assert judge_card(HELD, card(3, 2, size=5), MEMORY) is Judged.KNOWN


def test_a_card_of_another_host_is_refused():
    moved = replace(card(2), log=NoteKey("other.example/log/1", LOG, ED25519))
    assert judge_card(moved, HELD, MEMORY) is Judged.REFUSED


@pytest.mark.parametrize("made", [HELD, card(2, 2, size=5)])
def test_a_card_is_read_as_it_was_written(made):
    assert parse_card(encode_card(made)) == made


@pytest.mark.parametrize(
    "change",
    [
        {"inc": 0},
        {"inc": True},
        {"inc": "1"},
        {"log": "no key"},
        {"log": str(HELD.witness)},
        {"witness": str(HELD.log)},
        {"continues": {"origin": "x", "size": 1, "root": "00"}},
        {"continues": []},
        {"more": 1},
        {"log": str(NoteKey("wehr.example/log/x", LOG, ED25519))},
    ],
)
def test_another_form_is_refused(change):
    with pytest.raises(MalformedMessageError):
        parse_card(encode_card(HELD) | change)
