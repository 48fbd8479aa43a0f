"""Letters open for one member under one key, and tell a relay nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from node.crypto.container import padme
from node.crypto.hpke import OVERHEAD_BYTES
from node.errors import MalformedMessageError, PacketUnreadableError
from node.sync.letter import open_letter, seal_letter
from node.sync.message import Envelope
from node.trust.keysheet import KemKey
from tests.support.town import NOON, SAECKINGEN, WEHR, make_town

READER = make_town(SAECKINGEN)
ENVELOPES = (Envelope("a.b.c", None), Envelope("d.e.f", {"v": 1}))


def key_of(town) -> KemKey:
    ((kid, opening),) = town.keyring.openings.items()
    return KemKey(kid, opening.public, NOON, NOON + timedelta(1), NOON + timedelta(2))


def letter() -> bytes:
    return seal_letter(READER.id, key_of(READER), ENVELOPES)


def test_a_letter_brings_its_statements():
    assert open_letter(READER.keyring, letter()) == ENVELOPES


def test_a_letter_does_not_open_at_another_member_that_has_the_same_key():
    thief = replace(READER.keyring, member=make_town(WEHR).id)
    with pytest.raises(PacketUnreadableError):
        open_letter(thief, letter())


def test_a_letter_to_a_key_that_is_gone_does_not_open():
    with pytest.raises(PacketUnreadableError):
        open_letter(replace(READER.keyring, openings={}), letter())


def test_a_letter_does_not_open_under_another_key_of_that_name():
    other = make_town(SAECKINGEN, keys="x").keyring
    renamed = {"k1": next(iter(other.openings.values()))}
    with pytest.raises(PacketUnreadableError):
        open_letter(replace(READER.keyring, openings=renamed), letter())


@pytest.mark.parametrize("place", [3, 700, -1])
@pytest.mark.spec("API-49")
def test_a_changed_letter_does_not_open(place):
    raw = bytearray(letter())
    raw[place] ^= 1
    with pytest.raises(PacketUnreadableError):
        open_letter(READER.keyring, bytes(raw))


@pytest.mark.parametrize(
    "raw", [b"", b"\x02", b"\x02k1", b"\xffk1", b"\x02k1" + b"x" * 90]
)
@pytest.mark.spec("API-49")
def test_what_is_no_letter_is_one_of_two_errors(raw):
    with pytest.raises((MalformedMessageError, PacketUnreadableError)):
        open_letter(READER.keyring, raw)


@pytest.mark.spec("HO-89")
def test_letters_of_similar_length_look_alike():
    lengths = {
        len(seal_letter(READER.id, key_of(READER), [Envelope("a" * n, None)]))
        for n in range(900, 930)
    }
    assert len(lengths) <= 2
    assert all(
        length - 3 - OVERHEAD_BYTES == padme(length - 3 - OVERHEAD_BYTES)
        for length in lengths
    )
