"""As much of JSON Schema 2020-12 as the published schemas use; another word is an error."""

import re
from typing import Any

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
_KNOWN = {
    "$ref", "type", "const", "enum", "anyOf", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "items", "minItems", "maxItems", "uniqueItems", "properties",
    "required", "additionalProperties", "propertyNames", "patternProperties",
    "minProperties", "maxProperties", "format",
}  # fmt: skip


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value is what the schema allows; ``root`` holds ``$defs``."""
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if "anyOf" in schema:
        return any(fits(value, one, root) for one in schema["anyOf"])
    if "const" in schema:
        return type(value) is type(schema["const"]) and value == schema["const"]
    if "enum" in schema:
        return any(value == word for word in schema["enum"])
    kind = _TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return False
    if isinstance(value, dict):
        return _object(value, schema, root)
    if isinstance(value, list):
        bounds = schema.get("minItems", 0) <= len(value) <= schema["maxItems"]
        return bounds and all(fits(item, schema["items"], root) for item in value)
    if isinstance(value, str):
        length = schema.get("minLength", 0) <= len(value)
        length = length and len(value) <= schema.get("maxLength", len(value))
        return length and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int):
        least, most = schema.get("minimum", value), schema.get("maximum", value)
        return bool(least <= value <= most)
    return True


def _object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]
) -> bool:
    properties, more = schema.get("properties", {}), schema["additionalProperties"]
    if not set(schema.get("required", ())) <= set(value):
        return False
    for name, inner in value.items():
        patterns = schema.get("patternProperties", {}).items()
        fitting = (one for pattern, one in patterns if re.search(pattern, name))
        known = properties.get(name) or next(fitting, more)
        if known is False or not fits(inner, known, root):
            return False
    return True
