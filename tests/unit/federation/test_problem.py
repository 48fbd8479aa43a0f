"""Problem documents: what they say, what they never say, and what a client makes of one."""

import asyncio
import json
import ssl
from datetime import timedelta
from types import SimpleNamespace

import pytest

from node import errors
from node.config import Settings
from node.federation import caller, listener
from node.federation.problem import TABLE, Problem, code_of, parse_problem
from node.sync import limits


def document(**changes):
    said = json.loads(Problem("rate", "0" * 16).encode()) | changes
    return json.dumps({k: v for k, v in said.items() if v is not None}).encode()


@pytest.mark.spec("API-10")
@pytest.mark.parametrize("retryable", [True, False])
def test_an_unknown_code_is_judged_by_its_own_word(retryable):
    error = parse_problem(document(code="of-tomorrow", retryable=retryable))
    assert (error.problem, error.can_retry) == ("rejected", retryable)


@pytest.mark.spec("API-10")
def test_a_known_code_does_not_overrule_what_the_peer_says():
    assert not parse_problem(document(retryable=False)).can_retry


@pytest.mark.parametrize(
    "changes",
    [{"code": None}, {"code": 7}, {"retryable": None}, {"retryable": "yes"}],
)
def test_something_else_is_no_problem_document(changes):
    with pytest.raises(errors.MalformedMessageError):
        parse_problem(document(**changes))


@pytest.mark.parametrize(
    ("wait", "obeyed"), [(3600, 3600), (3601, None), (-1, None), ("9", None)]
)
def test_only_a_bounded_wait_is_obeyed(wait, obeyed):
    assert parse_problem(document(retry_after=wait)).retry_after_s == obeyed


@pytest.mark.spec("API-9")
@pytest.mark.parametrize(
    "error",
    [
        errors.MalformedMessageError("Amina Demo-Ulme, 1990-05-04"),
        errors.SignatureError("Amina Demo-Ulme"),
        errors.UsageError("Amina Demo-Ulme"),
        errors.NodeError("Amina Demo-Ulme"),
    ],
)
def test_no_text_of_an_error_reaches_the_document(error):
    code = code_of(error)
    said = json.loads(Problem(code, "0" * 16).encode())
    assert set(said) == {"type", "title", "status", "code", "retryable", "trace"}
    assert said["title"] == TABLE[code][2]
    assert "Ulme" not in str(said)


@pytest.mark.spec("HO-2")
@pytest.mark.parametrize("kind", [errors.SignatureError, errors.MalformedMessageError])
def test_a_sender_that_is_not_the_keys_owner_is_told_so(kind):
    assert code_of(kind("identity-mismatch")) == "identity-mismatch"


@pytest.mark.spec("HO-73")
def test_no_older_tls_is_spoken():
    assert caller._tls().minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.spec("LIM-2")
def test_two_limits_can_be_set_and_no_other():
    settable = {name for name in Settings.model_fields if name.startswith("peer_")}
    assert settable - {"peer_url", "peer_host", "peer_port"} == {
        "peer_requests_per_s",
        "peer_open_transfers",
    }
    others = {name.lower() for name in vars(limits) if name.isupper()}
    assert not others & set(Settings.model_fields)


class Slow:
    """A body that comes in pieces, each after a pause."""

    def __init__(self, *pieces, pause=0.0):
        self.pieces = [*pieces, b""]
        self.pause = pause

    async def readany(self):
        await asyncio.sleep(self.pause)
        return self.pieces.pop(0)


async def read(content, most=10**6):
    return await listener.read_body(SimpleNamespace(content=content), most)


@pytest.mark.spec("SR-F3")
async def test_a_body_that_stands_still_is_given_up(monkeypatch):
    monkeypatch.setattr(limits, "BODY_GRACE", timedelta(seconds=0.02))
    with pytest.raises(listener.ProblemError, match="too-slow"):
        await read(Slow(b"x", pause=1))


@pytest.mark.spec("SR-F3")
async def test_a_body_that_trickles_is_given_up_after_its_grace(monkeypatch):
    monkeypatch.setattr(limits, "BODY_GRACE", timedelta(seconds=0.05))
    with pytest.raises(listener.ProblemError, match="too-slow"):
        await read(Slow(*[b"x"] * 50, pause=0.02))


@pytest.mark.spec("SR-F3", "LIM-1")
async def test_a_quick_body_is_read_up_to_its_limit():
    assert await read(Slow(b"ab", b"c"), most=3) == b"abc"
    with pytest.raises(listener.ProblemError, match="too-large"):
        await read(Slow(b"ab", b"cd"), most=3)
