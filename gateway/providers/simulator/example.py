"""The least value that a JSON schema lets pass, as far as the schemas of tools and of structured answers go.

Which keywords those use: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
"""

from collections.abc import Iterator
from typing import Any, Final

_MAX_DEPTH: Final = 12
_MAX_VALUES: Final = 1000
_MAX_LENGTH: Final = 1000
_FORMATS: Final = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "someone@example.com",
    "hostname": "example.com",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example_of(schema: Any) -> Any:
    """A value for the schema; an object where it says nothing. Schemas without end are cut off with `None`."""
    if not isinstance(schema, dict):
        return {}
    return _value(schema or {"type": "object"}, schema, 0, iter(range(_MAX_VALUES)))


def _value(schema: Any, root: Any, depth: int, steps: Iterator[int]) -> Any:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH or next(steps, None) is None:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    inner = _inner(schema, root)
    if inner is not None:
        return _value(inner, root, depth + 1, steps)
    return _of_type(schema, root, depth, steps)


def _of_type(schema: dict[str, Any], root: Any, depth: int, steps: Iterator[int]) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "object":
            properties = schema.get("properties") or {}
            names = [name for name in schema.get("required") or () if isinstance(name, str)]
            return {name: _value(properties.get(name, {}), root, depth + 1, steps) for name in names}
        case "array":
            count = min(int(schema.get("minItems") or 0), 10)
            return [_value(schema.get("items", {}), root, depth + 1, steps) for _ in range(count)]
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "string":
            return _text(schema)
    return None


def _inner(schema: dict[str, Any], root: Any) -> Any:
    """The schema that stands for this one: a reference within the document, or the first choice."""
    if isinstance(schema.get("$ref"), str):
        found = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found.get(name) if isinstance(found, dict) else None
        return found
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    return choices[0] if choices else None


def _number(schema: dict[str, Any]) -> Any:
    if "minimum" in schema:
        return schema["minimum"]
    if "exclusiveMinimum" in schema:
        return schema["exclusiveMinimum"] + 1
    return min(1, schema.get("maximum", 1))


def _text(schema: dict[str, Any]) -> str:
    text = _FORMATS.get(str(schema.get("format")), "example")
    length = schema.get("minLength") or 0
    return text.ljust(min(int(length), _MAX_LENGTH), ".")[: schema.get("maxLength")]
