"""The OpenAPI 3.1 document of the API, written from its operations and their models.

Enters: operations. Leaves: a document, the same at each call. Must never happen: a route
that the document does not know, or a promise without a route. Source: OpenAPI 3.1.1.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from node.api import problem
from node.api.operations import BASE, Operation
from node.strictjson import JsonObject
from node.version import SOFTWARE

_JSON: Final = "application/json"
_SCHEMAS: Final = "#/components/schemas/{model}"
_OF_THE_GATE: Final = ("token", "scope", "rate", "internal")
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_NUMBER: Final[JsonObject] = {"schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
_IDEMPOTENCY: Final[JsonObject] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Chosen by the caller; the same key and body give the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
_IF_MATCH: Final[JsonObject] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag under which the case was read.",
    "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,8}[.][1-9][0-9]{0,8}"$'},
}
_IF_NONE_MATCH: Final[JsonObject] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that is known already; then 304 without a body.",
    "schema": {"type": "string"},
}
_ETAG: Final[JsonObject] = {
    "ETag": {
        "description": "Changes with everything that the answer could tell.",
        "schema": {"type": "string"},
    }
}
_PROBLEM: Final[JsonObject] = {
    "type": "object",
    "description": "RFC 9457 problem document.",
    "required": ["type", "title", "status", "code", "retryable", "trace"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": list(problem.TABLE)},
        "retryable": {"type": "boolean"},
        "trace": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code"],
                "properties": {
                    "pointer": {"type": "string", "format": "json-pointer"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}


def document(operations: Iterable[Operation]) -> JsonObject:
    """The whole document."""
    listed = tuple(operations)
    models = {
        model for o in listed for model in (o.takes, *o.answers.values()) if model
    }
    named, schemas = models_json_schema(
        [
            (model, "validation")
            for model in sorted(models, key=lambda model: model.__name__)
        ],
        ref_template=_SCHEMAS,
    )
    refs = {model: schema for (model, _), schema in named.items()}
    paths: dict[str, JsonObject] = {}
    for operation in listed:
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = (
            _operation(operation, refs)
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Staffelstab",
            "version": SOFTWARE,
            "summary": "What a town's own software may tell its node.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "API token of this node, made for a scope.",
                }
            },
        },
    }


def _operation(operation: Operation, refs: dict[Any, JsonObject]) -> JsonObject:
    parameters: list[JsonObject] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            **operation.parts.get(name, _NUMBER),
        }
        for name in _PARAMETER.findall(operation.path)
    ]
    written: JsonObject = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [{"token": [str(operation.scope)]}],
        "parameters": parameters,
        "responses": {
            **{
                str(status): {
                    "description": "done" if status == 201 else "found",
                    **({"headers": _ETAG} if operation.tagged else {}),
                    "content": {_JSON: {"schema": refs[model]}},
                }
                for status, model in sorted(operation.answers.items())
            },
            **_problems(operation),
        },
    }
    parameters += [
        {"name": name, "in": "query", **told} for name, told in operation.query.items()
    ]
    if operation.tagged and operation.takes is None:
        parameters.append(_IF_NONE_MATCH)
        written["responses"]["304"] = {"description": "not changed"}
    if operation.tagged and operation.takes is not None:
        parameters.append(_IF_MATCH)
    if operation.takes is not None:
        parameters.append(_IDEMPOTENCY)
        written["requestBody"] = {
            "required": True,
            "content": {_JSON: {"schema": refs[operation.takes]}},
        }
    return written


def _problems(operation: Operation) -> JsonObject:
    """The bad answers by status; one status may stand for several codes."""
    codes: dict[int, list[str]] = {}
    for code in (*operation.problems, *_OF_THE_GATE):
        codes.setdefault(problem.TABLE[code][0], []).append(code)
    return {
        str(status): {
            "description": ", ".join(names),
            "content": {
                problem.MEDIA_TYPE: {
                    "schema": {"$ref": _SCHEMAS.format(model="Problem")}
                }
            },
        }
        for status, names in sorted(codes.items())
    }
