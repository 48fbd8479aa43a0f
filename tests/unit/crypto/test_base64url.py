"""The quick reader of base64url takes exactly the one spelling that the writer gives."""

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from node.crypto.base64url import b64u, unb64u
from node.errors import MalformedMessageError

CHARACTERS = string.ascii_letters + string.digits + "-_+/=! \n\x00ü"


def by_spelling_again(text):
    """What the text means, if spelling that again gives the text; None otherwise."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return raw if urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


@given(st.text(CHARACTERS, max_size=9) | st.binary(max_size=9).map(b64u))
@example("")
@example("A")
@example("AA=")
@example("AB")
@example("AAB")
@example("AAAA=")
@example("AAAAA")
def test_a_text_is_read_if_and_only_if_it_is_the_one_spelling(text):
    wanted = by_spelling_again(text)
    if wanted is None:
        with pytest.raises(MalformedMessageError):
            unb64u(text)
    else:
        assert unb64u(text) == wanted


@given(st.binary(max_size=70))
def test_what_is_spelled_is_read_again(raw):
    assert unb64u(b64u(raw)) == raw
