"""Our own reading of a signature says yes to nothing that the library would refuse."""

from datetime import timedelta

import pytest

from node.errors import NodeError
from node.federation import auth
from node.federation.spelling import read_plain
from tests.unit.federation.test_auth import (
    AT,
    answered,
    asked,
    check_answer,
    check_request,
)


def judged(check, *args, **how):
    try:
        return check(*args, **how)
    except NodeError as error:
        return type(error)


def by_the_library(monkeypatch, check, *args, **how):
    with monkeypatch.context() as patch:
        patch.setattr(auth, "read_plain", lambda _: None)
        return judged(check, *args, **how)


def changed(view, field, old, new):
    line = view.headers[field]
    assert old in line
    view.headers[field] = line.replace(old, new, 1)
    return view


def doubled(view, field, value=None):
    view.headers.add(field, value or view.headers[field])
    return view


INPUT, SIGNATURE = "signature-input", "signature"
SPOILT = {
    "label": lambda view: changed(view, INPUT, "sst=", "sig="),
    "tag": lambda view: changed(view, INPUT, "staffelstab-1", "staffelstab-2"),
    "algorithm": lambda view: changed(view, INPUT, "ed25519", "rsa-pss-sha512"),
    "a foreign key": lambda view: changed(view, INPUT, "#s1", "#s2"),
    "a space": lambda view: changed(view, INPUT, '" "', '"  "'),
    "a parameter more": lambda view: changed(view, INPUT, ";alg=", ";x=1;alg="),
    "zeros before a number": lambda view: changed(view, INPUT, "=1", "=01"),
    "a component less": lambda view: changed(view, INPUT, '"content-type" ', ""),
    "a component twice": lambda view: changed(
        view, INPUT, '"content-type"', '"content-type" "content-type"'
    ),
    "a parameter of a component": lambda view: changed(
        view, INPUT, '"content-type"', '"content-type";sf'
    ),
    "later": lambda view: changed(view, INPUT, "created=17", "created=18"),
    "another letter": lambda view: changed(view, SIGNATURE, "=:", "=:A"),
    "no padding": lambda view: changed(view, SIGNATURE, "==:", ":"),
    "a second signature": lambda view: doubled(view, SIGNATURE),
    "a second input": lambda view: doubled(view, INPUT),
    "a field twice": lambda view: doubled(view, "content-type"),
    "another value": lambda view: changed(view, "content-type", "json", "jose"),
    "a line more": lambda view: changed(view, "content-type", "json", 'json\n"x": y'),
    "a blank at the end": lambda view: changed(view, "content-type", "json", "json "),
}


def test_what_we_sign_is_read_without_the_library():
    request = asked()
    for view in (request, answered(request)):
        plain = read_plain(view)
        assert plain is not None
        assert len(plain.signature) == 64


@pytest.mark.spec("HO-66", "HO-67")
@pytest.mark.parametrize("late_s", [-301, -300, 0, 300, 301])
def test_the_window_is_that_of_the_library(monkeypatch, late_s):
    at = AT + timedelta(seconds=late_s)
    expected = by_the_library(monkeypatch, check_request, asked(), at=at)
    assert judged(check_request, asked(), at=at) == expected


@pytest.mark.spec("HO-66", "HO-70")
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_message_is_judged_as_the_library_judges_it(monkeypatch, spoil):
    for check, view in (
        (check_request, spoil(asked())),
        (check_answer, spoil(answered(asked()))),
        (check_answer, answered(spoil(asked()))),
    ):
        expected = by_the_library(monkeypatch, check, view)
        assert judged(check, view) == expected
