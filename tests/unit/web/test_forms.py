"""Forms are read strictly and never lose what somebody typed."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import MalformedMessageError
from node.web.forms import MAX_FIELDS, Form

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"))


@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_a_form_gives_back_every_value_in_its_order(pairs):
    form = Form.parse(urlencode(pairs).encode())
    for name, _ in pairs:
        assert form.all(name) == tuple(value for n, value in pairs if n == name)


def test_line_ends_of_browsers_become_ours():
    assert Form.parse(b"note=a%0D%0Ab").text("note") == "a\nb"


@pytest.mark.parametrize(
    "body",
    [b"a=%FF", b"a=%C3", b"a=%00", b"%00=a", b"a=%1b", b"a=%7f", b"a=b\xff", b"a=%0Db"],
)
def test_bytes_that_are_no_text_are_refused(body):
    with pytest.raises(MalformedMessageError):
        Form.parse(body)


def test_more_fields_than_any_page_has_are_refused():
    with pytest.raises(MalformedMessageError):
        Form.parse(b"&".join([b"a=1"] * (MAX_FIELDS + 1)))


def test_an_absent_field_is_empty():
    form = Form.parse(b"")
    assert (form.text("a"), form.all("a"), form.error("a")) == ("", (), "")


def test_errors_leave_the_values_alone():
    form = Form.parse(b"a=1").with_errors({"a": "zu klein"})
    assert (form.text("a"), form.error("a")) == ("1", "zu klein")


def test_typed_texts_hold_no_secret_no_choice_and_nothing_of_the_frame():
    form = Form.parse(
        urlencode(
            {
                "_token": "Das Wort",
                "password": "Geheim 1",
                "code": "123 456",
                "shape": "talk",
                "case": "0123456789abcdef0123456789abcdef",
                "empty": "  ",
                "note": "Bitte anrufen",
                "place": "Wehr",
            }
        ).encode()
    )
    assert form.typed() == ["Bitte anrufen", "Wehr"]
