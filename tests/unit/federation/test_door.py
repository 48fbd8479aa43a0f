"""The first look at a peer's bytes: what lies behind a header is no part of it."""

import pytest

from node.federation.door import DoorError, Gate

HOST = "wehr.example"
HEAD = (
    b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: wehr.example\r\n"
    b"Content-Length: %d\r\n\r\n"
)
BODY = b"old 3\n\nwehr.example/log/1\n4\n"


@pytest.mark.spec("SR-F2")
@pytest.mark.parametrize("cut", [0, 1, 20, 80, -1])
def test_lines_of_a_body_are_none_of_the_header(cut):
    whole = HEAD % len(BODY) + BODY
    gate = Gate(HOST)
    passed = gate.feed(whole[:cut]) + gate.feed(whole[cut:])
    assert passed == whole


@pytest.mark.spec("SR-F2")
def test_a_bare_line_feed_in_a_header_is_refused():
    with pytest.raises(DoorError):
        Gate(HOST).feed(HEAD.replace(b"1.1\r\n", b"1.1\n") % 0)
