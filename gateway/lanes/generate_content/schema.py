"""Google's `Schema` as JSON Schema (https://ai.google.dev/api/caching#Schema)."""

from collections.abc import Mapping
from typing import Any, Final

_COUNTS: Final = frozenset(
    ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "min_items", "max_items")
)
_NAMES: Final = {"anyOf": "anyOf", "any_of": "anyOf", "min_items": "minItems", "max_items": "maxItems"}
_NOT_OF_JSON_SCHEMA: Final = frozenset(("nullable", "propertyOrdering", "property_ordering", "example"))
_BY_NAME: Final = ("properties", "defs", "$defs")


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same in JSON Schema: types in small letters, counts as numbers, and what may be null among the types."""
    made = {
        _NAMES.get(name, name): _value(name, value) for name, value in schema.items() if name not in _NOT_OF_JSON_SCHEMA
    }
    if schema.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _value(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _COUNTS and isinstance(value, str) and value.isdigit():
        return int(value)
    if name in _BY_NAME and isinstance(value, Mapping):
        return {key: json_schema(one) if isinstance(one, Mapping) else one for key, one in value.items()}
    if name == "items" and isinstance(value, Mapping):
        return json_schema(value)
    if name in ("anyOf", "any_of") and isinstance(value, list):
        return [json_schema(one) if isinstance(one, Mapping) else one for one in value]
    return value
