"""Commitments of log entries: nothing links, nothing opens elsewhere."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.commit import (
    GroupKey,
    blind_actor,
    blind_consent,
    blind_consent_with,
    check_opening,
    commitment,
    consent_salt,
    leaf_input,
    open_body,
    opening,
    salt,
    seal_body,
)
from node.errors import MalformedMessageError, SealError, UsageError

KEY = GroupKey(bytes(range(32)))
OTHER = GroupKey(bytes(32))
ID = b"\x12" * 16
ORIGIN = "wehr.example/log/1"


def drawn(size):
    return hashlib.shake_256(b"drawn").digest(size)


@pytest.mark.spec("LR-1")
def test_equal_entries_give_unequal_leaves():
    leaves = {
        leaf_input(commitment(key, entry_id, b"{}"))
        for key in (KEY, OTHER)
        for entry_id in (ID, bytes(16))
    }
    assert len(leaves) == 4
    assert {len(leaf) for leaf in leaves} == {33}


@given(st.binary(min_size=1, max_size=1200).filter(lambda e: not e.endswith(b"\0")))
def test_a_body_survives_and_hides_its_length(entry):
    sealed = seal_body(KEY, ID, entry, origin=ORIGIN, randomness=drawn)
    assert (len(sealed) - 24 - 16) % 512 == 0
    assert open_body(KEY, ID, sealed, origin=ORIGIN) == entry


def test_a_body_opens_in_its_place_only():
    sealed = seal_body(KEY, ID, b"{}", origin=ORIGIN, randomness=drawn)
    for key, entry_id, origin in [
        (OTHER, ID, ORIGIN),
        (KEY, bytes(16), ORIGIN),
        (KEY, ID, "wehr.example/log/2"),
    ]:
        with pytest.raises(SealError):
            open_body(key, entry_id, sealed, origin=origin)
    for changed in (b"", sealed[:10], sealed[:30], sealed[:-1], sealed + b"\0"):
        with pytest.raises(SealError):
            open_body(KEY, ID, changed, origin=ORIGIN)
    for position in range(0, len(sealed), 7):
        flipped = bytearray(sealed)
        flipped[position] ^= 4
        with pytest.raises(SealError):
            open_body(KEY, ID, bytes(flipped), origin=ORIGIN)


@pytest.mark.parametrize("entry", [b"", b"\0", b"{}\0"])
def test_an_entry_is_text(entry):
    with pytest.raises(UsageError):
        seal_body(KEY, ID, entry, origin=ORIGIN, randomness=drawn)


@pytest.mark.parametrize("entry_id", [b"", bytes(15), bytes(17)])
def test_an_id_has_16_bytes(entry_id):
    with pytest.raises(UsageError):
        salt(KEY, entry_id)


@pytest.mark.spec("LR-2")
def test_an_opening_shows_neither_actor_nor_second():
    actor = blind_actor(KEY, ID, "actor", "account-7")
    assert actor != blind_actor(KEY, ID, "second", "account-7")
    assert actor != blind_actor(KEY, bytes(16), "actor", "account-7")
    # Who holds the opening holds the entry's salt, which is not the actor's.
    assert (
        actor
        != hashlib.sha256(
            b"staffelstab/log/actor/v1\0" + salt(KEY, ID) + b"account-7"
        ).digest()
    )


def test_a_consent_is_checked_with_its_salt_alone():
    assert blind_consent_with(consent_salt(KEY), b"doc") == blind_consent(KEY, b"doc")
    assert blind_consent(KEY, b"doc") != blind_consent(OTHER, b"doc")
    assert blind_consent(KEY, b"doc") != blind_consent(KEY, b"dog")


@given(st.binary(max_size=300))
def test_an_opening_fits_its_commitment(entry):
    c = commitment(KEY, ID, entry)
    assert check_opening(c, opening(salt(KEY, ID), entry)) == entry


@given(st.data())
def test_no_bit_of_an_opening_may_change(data):
    c = commitment(KEY, ID, b'{"type":"transfer.sent"}')
    shown = bytearray(opening(salt(KEY, ID), b'{"type":"transfer.sent"}'))
    shown[data.draw(st.integers(0, len(shown) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MalformedMessageError):
        check_opening(c, bytes(shown))


@pytest.mark.parametrize("shown", [b"", b"\1", bytes(33), b"\1" + bytes(31)])
def test_an_opening_of_another_form_is_refused(shown):
    with pytest.raises(MalformedMessageError):
        check_opening(commitment(KEY, ID, b""), shown)


def test_a_group_key_shows_nothing():
    assert "\\x" not in repr(KEY)
    assert GroupKey.generate(drawn) == GroupKey(drawn(32))
    with pytest.raises(UsageError):
        GroupKey(b"")
