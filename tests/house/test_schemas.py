"""The published schemas take what the program writes, and nothing more or less."""

import copy
import json
from pathlib import Path

import pytest

from node import strictjson
from node.crypto.container import PacketHeader
from node.federation.answers import encode_answer
from node.federation.problem import TABLE, Problem
from node.sync.chain import Position
from node.sync.courier import StatementsAnswer
from node.sync.message import FORMS, Envelope, encode_envelopes
from tests.support.jsonschema import fits
from tests.support.print_schemas import samples
from tests.support.print_spec import SPEC
from tests.support.statements import payload_of

ROOT = json.loads((SPEC / "documents.schema.json").read_text())
STATEMENTS = json.loads((SPEC / "statements.schema.json").read_text())
VECTORS = Path(__file__).parents[1] / "vectors"
ATTACHMENT = {
    "checkpoint": "a\n1\n",
    "entries": [{"index": 0, "path": [], "c": "0" * 64, "opening": "AA=="}],
    "history": None,
    "since": {"from": 0, "path": []},
    "seen_note": None,
    "gossip": [],
}


def written():
    """Something the program wrote, of each kind."""
    vectors = json.loads((VECTORS / "packet.json").read_text())
    header = next(
        case["in"]["text"]
        for case in vectors["cases"]
        if case["do"] == "header" and "error" not in case["expect"]
    )
    assert PacketHeader.parse(header.encode())
    answer = StatementsAnswer({"A" * 22: "taken"}, (), Position(1, 2, bytes(32)), 7)
    return {
        "packet-header": strictjson.encode(
            {k: v for k, v in json.loads(header).items() if k in _HEADER}
        ),
        "attachment": strictjson.encode(ATTACHMENT),
        "statements": encode_envelopes([Envelope("a.b.c", ATTACHMENT)]),
        "answer": encode_answer(answer),
        "problem": Problem("clock-skew", "0" * 16, {"now": 1}).encode(),
        **samples(),
    }


_HEADER = ROOT["$defs"]["packet-header"]["properties"]


def holds(name, value):
    return fits(value, ROOT["$defs"][name], ROOT)


def objects(value, path=()):
    """Every object inside a value, by its path."""
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            yield from objects(inner, (*path, name))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from objects(inner, (*path, place))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def test_every_kind_is_tried():
    assert set(written()) | {"manifest"} == set(ROOT["$defs"])


@pytest.mark.parametrize("name", sorted(written()))
def test_what_the_program_writes_is_taken(name):
    assert holds(name, json.loads(written()[name]))


@pytest.mark.parametrize("name", sorted(set(written()) - {"statements"}))
def test_no_object_takes_a_member_more_or_lacks_one(name):
    good = json.loads(written()[name])
    for path in objects(good):
        if name == "answer" and path == ("results",):
            continue
        wider = copy.deepcopy(good)
        at(wider, path)["unknown"] = 1
        assert not holds(name, wider), path
        optional = {"opening", "now"}
        for member in set(at(good, path)) - optional:
            narrower = copy.deepcopy(good)
            del at(narrower, path)[member]
            assert not holds(name, narrower), (path, member)


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_a_payload_of_each_type_fits_its_schema_and_no_wider_one_does(kind):
    schema, payload = STATEMENTS["$defs"][str(kind)], payload_of(kind)
    assert fits(payload, schema, STATEMENTS)
    assert not fits({**payload, "opt": []}, schema, STATEMENTS)
    assert not fits({**payload, "v": 2}, schema, STATEMENTS)


def test_the_tables_for_programs_are_those_of_the_pages():
    problems = json.loads((SPEC / "problems.json").read_text())["problems"]
    assert {p["code"]: p["status"] for p in problems} == {
        code: status for code, (status, _, _) in TABLE.items()
    }
    limits = json.loads((SPEC / "limits.json").read_text())["limits"]
    page = (SPEC / "95-limits.md").read_text()
    assert all(f"`{name.removesuffix('_S')}" in page for name in limits)
    assert (limits["STATEMENT_BYTES"], limits["SIGNATURE_WINDOW_S"]) == (16384, 300)
