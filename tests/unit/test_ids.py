"""Identifiers have one form each, and one spelling."""

import pytest

from node.errors import MalformedMessageError
from node.ids import Ags, Identifier, KeyId, MemberId, MessageId, TransferId

GOOD = {
    Ags: "08337116",
    MemberId: "08337116-stadt-wehr",
    KeyId: "08337116-stadt-wehr#s1",
    TransferId: "0" * 31 + "a",
    MessageId: "A" * 22,
}


def bad():
    """Near misses of every form."""
    for kind, good in GOOD.items():
        for text in ("", good + " ", " " + good, good + "\n", good + "\0", good[:3]):
            yield kind, text
        if good.upper() != good:
            yield kind, good.upper()
    yield from (
        (Ags, "00337116"),
        (Ags, "17337116"),
        (Ags, "8337116"),
        (Ags, "٠٨٣٣٧١١٦"),
        (MemberId, "0833711-stadt-wehr"),
        (MemberId, "08337116_stadt"),
        (MemberId, "08337116-" + "a" * 41),
        (MemberId, "08337116-städt"),
        (KeyId, "08337116-stadt-wehr"),
        (KeyId, "08337116-stadt-wehr#S1"),
        (KeyId, "08337116-stadt-wehr#s1#s2"),
        (TransferId, "0" * 31 + "g"),
    )


@pytest.mark.spec("HO-96")
@pytest.mark.parametrize("kind", GOOD)
def test_each_form_is_taken_and_given_back(kind):
    assert str(kind(GOOD[kind])) == GOOD[kind]


@pytest.mark.spec("IDN-1", "IDN-2")
@pytest.mark.parametrize(("kind", "text"), list(bad()))
def test_a_near_miss_is_refused_and_never_shown(kind, text):
    with pytest.raises(MalformedMessageError) as refused:
        kind(text)
    assert str(refused.value) == f"not a {kind.__name__}"


@pytest.mark.spec("IDN-3")
def test_only_one_spelling_of_sixteen_bytes_is_a_message_id():
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    taken = set()
    for last in alphabet:
        try:
            taken.add(MessageId("A" * 21 + last)[-1])
        except MalformedMessageError:
            continue
    assert taken == set("AQgw")
    assert str(MessageId.of(bytes(16))) == "A" * 22


def test_two_kinds_of_the_same_text_are_told_apart_by_type():
    assert not isinstance(TransferId("0" * 32), MessageId)
    assert all(issubclass(kind, Identifier) for kind in GOOD)
