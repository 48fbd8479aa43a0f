"""The body that answers a peer: results, statements on the way back, how far we got.

One closed JSON object, written by ``routes`` and read by ``transport``; unknown members are
refused. Implements handover 9.1 and HO-47.
"""

from node import strictjson
from node.crypto.base64url import b64u, unb64u
from node.errors import MalformedMessageError
from node.sync.chain import Position
from node.sync.courier import StatementsAnswer
from node.sync.limits import MESSAGE_DEPTH, MESSAGE_MEMBERS, STATEMENTS_PER_LIST
from node.sync.message import Envelope, encode_envelopes, parse_envelopes

_MEMBERS = {"results", "got", "seen", "statements"}


def encode_answer(answer: StatementsAnswer) -> bytes:
    """Write an answer: ``results`` by jti, ``got``, ``seen``, ``statements``."""
    got = answer.got
    return strictjson.encode(
        {
            "results": dict(answer.results),
            "got": {"inc": got.inc, "seq": got.seq, "h": b64u(got.digest)}
            if got
            else None,
            "seen": answer.seen,
            "statements": strictjson.parse(
                encode_envelopes(answer.statements),
                members=MESSAGE_MEMBERS * STATEMENTS_PER_LIST,
            )
            if answer.statements
            else [],
        }
    )


def parse_answer(body: bytes) -> StatementsAnswer:
    """Read a verified answer.

    Raises:
        MalformedMessageError: Not this object.
    """
    value = strictjson.parse_object(
        body, depth=MESSAGE_DEPTH + 1, members=MESSAGE_MEMBERS * STATEMENTS_PER_LIST
    )
    if set(value) != _MEMBERS:
        raise MalformedMessageError("answer")
    results, got, seen = value["results"], value["got"], value["seen"]
    listed = value["statements"]
    good = (
        isinstance(results, dict)
        and all(isinstance(code, str) for code in results.values())
        and (seen is None or (isinstance(seen, int) and seen >= 0))
        and isinstance(listed, list)
    )
    if not good:
        raise MalformedMessageError("answer")
    statements: tuple[Envelope, ...] = ()
    if listed:
        statements = parse_envelopes(strictjson.encode(listed))
    return StatementsAnswer(results, statements, _position(got), seen)


def _position(value: strictjson.Json) -> Position | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"inc", "seq", "h"}:
        raise MalformedMessageError("answer")
    inc, seq, digest = value["inc"], value["seq"], value["h"]
    if not (isinstance(inc, int) and isinstance(seq, int) and isinstance(digest, str)):
        raise MalformedMessageError("answer")
    return Position(inc, seq, unb64u(digest))
