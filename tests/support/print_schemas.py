"""Closed JSON Schemas of everything but statements, and two tables, as the program has them.

``documents.schema.json``: header and manifest of a container, list and attachment of
statements, answer, problem, and the four files of the directory. What the directory's parsers
ask for is recorded while they read a sample, so a member that they take more or less is seen
at once. ``problems.json`` and ``limits.json`` are the tables of pages 90 and 95 for programs.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from unittest.mock import patch

from node.crypto import container
from node.exchangelog import attachment, witness
from node.federation.problem import TABLE
from node.ids import Ags, MemberId, TransferId
from node.strictjson import MAX_INTEGER, Json
from node.sync import bodies, limits, manifest, message
from node.trust import fields, keysheet, member, revocations, routes
from tests.support.town import NOON, make_town

Schema = dict[str, Any]
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_ALSO_OF: Final = {
    # Members that the parsers hand to a type of ``node.ids`` when they have read a text.
    "id": MemberId,
    "iss": MemberId,
    "member": MemberId,
    "successor": MemberId,
    "ags": Ags,
}


class Recorder(fields.Fields):
    """Reads like ``Fields``, and notes what was asked for."""

    def __init__(self, value: Json, where: str) -> None:
        super().__init__(value, where)
        self.schema: Schema = {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        }

    def note(self, name: str, schema: Schema) -> None:
        """One member was asked for."""
        self.schema["properties"].setdefault(name, schema)
        self.schema["required"] = sorted(self.schema["properties"])

    def text(self, name: str, *, least: int = 1, most: int = 256) -> str:
        self.note(name, _text(name, least, most))
        return super().text(name, least=least, most=most)

    def text_or_none(self, name: str) -> str | None:
        self.note(name, _or_null(_text(name, 1, 256)))
        return super().text_or_none(name)

    def kid(self, name: str) -> str:
        self.note(name, {"type": "string", "pattern": f"^{fields._KID.pattern}$"})
        return super().kid(name)

    def version(self) -> None:
        self.note("v", {"const": 1})
        super().version()

    def number(self, name: str, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        self.note(name, {"type": "integer", "minimum": least, "maximum": most})
        return super().number(name, least=least, most=most)

    def instant(self, name: str) -> Any:
        self.note(name, {"type": "string", "pattern": f"^{fields._INSTANT.pattern}$"})
        return super().instant(name)

    def day(self, name: str) -> Any:
        self.note(name, _DAY)
        return super().day(name)

    def day_or_none(self, name: str) -> Any:
        self.note(name, _or_null(_DAY))
        return super().day_or_none(name)

    def texts(self, name: str, *, least: int = 0, most: int) -> tuple[str, ...]:
        if name != "opt":
            items = {"type": "string", "minLength": 1, "maxLength": 256}
            self.note(name, _list(items, least, most))
        return super().texts(name, least=least, most=most)

    def numbers(self, name: str, *, least: int = 0, most: int) -> tuple[int, ...]:
        self.note(name, _list({"type": "integer", "minimum": 0}, least, most))
        return super().numbers(name, least=least, most=most)

    def inner(self, name: str) -> Any:
        found = super().inner(name)
        self.note(name, found.schema)
        return found

    def inners(self, name: str, *, least: int = 0, most: int) -> list[Any]:
        found = super().inners(name, least=least, most=most)
        # A list whose sample is empty would leave its items unsaid.
        assert found, f"the sample has no {name}"
        self.note(name, _list(found[0].schema, least, most))
        return found


_DAY: Final = {
    "type": "string",
    "format": "date",
    "pattern": f"^{fields._DAY.pattern}$",
}


def _text(name: str, least: int, most: int) -> Schema:
    if name in _ALSO_OF:
        return {"type": "string", "pattern": f"^({_ALSO_OF[name].pattern.pattern})$"}
    return {"type": "string", "minLength": least, "maxLength": most}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Schema, least: int, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _object(**members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": members,
        "required": sorted(members),
        "additionalProperties": False,
    }


def recorded(parse: Callable[[bytes], object], sample: bytes) -> Schema:
    """What a parser of the directory asks for while it reads a sample."""
    first: list[Recorder] = []

    def record(value: Json, where: str) -> Recorder:
        made = Recorder(value, where)
        first.append(made)
        return made

    with (
        patch.object(member, "Fields", record),
        patch.object(keysheet, "Fields", record),
        patch.object(routes, "Fields", record),
        patch.object(revocations, "Fields", record),
    ):
        parse(sample)
    return first[0].schema


def samples() -> dict[str, bytes]:
    """One file of the directory of each kind, of an invented town."""
    town = make_town()
    key = town.keyring.sign.public
    retired = revocations.Revocations(
        serial=1,
        keys=(revocations.RetiredKey(town.id, "s0", key.raw, NOON),),
        members=(revocations.RetiredMember(town.id, NOON, "lost"),),
    )
    return {
        "member": town.record().encode(),
        "key-sheet": town.sheet().encode(),
        "routes": routes.Routes.of("08337", [town.record()]).encode(),
        "revocations": retired.encode(),
    }


def directory() -> dict[str, Schema]:
    """The four files of the directory."""
    parsers: dict[str, Callable[[bytes], object]] = {
        "member": member.Member.parse,
        "key-sheet": keysheet.KeySheet.parse,
        "routes": routes.Routes.parse,
        "revocations": revocations.Revocations.parse,
    }
    return {name: recorded(parsers[name], raw) for name, raw in samples().items()}


def packet_header() -> Schema:
    """The clear header of a container; members that ``opt`` names may stand besides."""
    whole = _object(
        v={"const": 1},
        id={"type": "string", "pattern": f"^{TransferId.pattern.pattern}$"},
        to={"type": "string", "pattern": f"^({MemberId.pattern.pattern})$"},
        kid={"type": "string", "pattern": f"^{container._KEM_KEY.pattern}$"},
        suite={"const": 1},
        exp={"type": "integer", "minimum": 1, "maximum": MAX_INTEGER},
        pad={"type": "integer", "minimum": 1, "maximum": container.MAX_PAD_BYTES},
    )
    assert set(whole["properties"]) == container._MEMBERS
    return whole


def attached() -> Schema:
    """The attachment beside a statement."""
    base64 = {"type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$"}
    step = {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"}
    path = _list(step, 0, witness.MAX_PROOF_LINES)
    size = {"type": "integer", "minimum": 0}
    extension = _or_null(_object(**{"from": size, "path": path}))
    entry = _object(
        index=size, path=path, c={"type": "string", "pattern": "^[0-9a-f]{64}$"}
    )
    entry["properties"] = {**entry["properties"], "opening": base64}
    note = {"type": "string"}
    whole = _object(
        checkpoint=note,
        entries=_list(entry, 0, attachment.MAX_ENTRIES),
        history=extension,
        since=extension,
        seen_note=_or_null(note),
        gossip=_list(note, 0, attachment.MAX_GOSSIP),
    )
    assert set(whole["properties"]) == attachment._KEYS
    return whole


def listed() -> Schema:
    """A list of statements, as a request or an answer carries it."""
    item = _object(jws={"type": "string"}, att=_or_null({"$ref": "#/$defs/attachment"}))
    assert set(item["properties"]) == set(message._ENVELOPE.schema["properties"])
    return _list(item, 1, limits.STATEMENTS_PER_LIST)


def answer() -> Schema:
    """The body of a successful answer; ``hello`` is there on that route only."""
    results = {"type": "object", "additionalProperties": {"type": "string"}}
    statements = {**listed(), "minItems": 0}
    whole = _object(
        results=results,
        got=_or_null(dict(bodies.MEMORY.schema)),
        seen=_or_null({"type": "integer", "minimum": 0}),
        statements=statements,
    )
    whole["properties"] = {**whole["properties"], "hello": {"type": "string"}}
    return whole


def problem() -> Schema:
    """A problem document. Codes are those of this version: API-10 says what of others."""
    whole = _object(
        type={"type": "string"},
        title={"type": "string"},
        status={"type": "integer", "minimum": 400, "maximum": 599},
        code={"type": "string"},
        retryable={"type": "boolean"},
        trace={"type": "string"},
    )
    more = {
        "retry_after": {"type": "integer", "minimum": 0},
        "now": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "minimum": 0},
    }
    whole["properties"] = {**whole["properties"], **more}
    return whole


def definitions() -> dict[str, Schema]:
    """Every schema by its name."""
    return {
        "packet-header": packet_header(),
        "manifest": dict(manifest._MANIFEST.schema),
        "attachment": attached(),
        "statements": listed(),
        "answer": answer(),
        "problem": problem(),
        **directory(),
    }


def documents() -> str:
    """``documents.schema.json``."""
    data = {
        "$schema": _DRAFT,
        "title": "Headers, manifests, lists, answers, problems and files of the directory",
        "$defs": definitions(),
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def problems() -> str:
    """``problems.json``: page 90, section 5."""
    listed_codes = [
        {"code": code, "status": status, "retryable": retryable, "title": title}
        for code, (status, retryable, title) in TABLE.items()
    ]
    return json.dumps({"v": 1, "problems": listed_codes}, indent=1) + "\n"


def bounds() -> str:
    """``limits.json``: page 95; periods in seconds."""
    found: dict[str, Json] = {}
    for name, value in vars(limits).items():
        if not name.isupper() or name in {"KIB", "MIB"}:
            continue
        if isinstance(value, timedelta):
            found[f"{name}_S"] = int(value.total_seconds())
        else:
            found[name] = list(value) if isinstance(value, tuple) else value
    return json.dumps({"v": 1, "limits": found}, indent=1) + "\n"
