"""JSON schemas as OpenAI's APIs take them, and what their strict mode can hold.

Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.lanes.conversation import Format
from gateway.lanes.losses import Losses

NOT_STRICT: Final = "OpenAI's strict mode cannot hold the schema."
_NOT_HELD: Final = f"{NOT_STRICT[:-1]}; the model is asked to keep to it, but not held to it."
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEFAULT_NAME: Final = "answer"
_UNSUPPORTED: Final = frozenset(
    (
        "allOf",
        "default",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "not",
        "oneOf",
        "patternProperties",
        "prefixItems",
        "then",
    )
)


def held_format(wanted: Format, schema: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members of a format by this schema, which OpenAI's APIs want a name for; strict where it can be."""
    strict = wanted.strict is not False and fits_strict_mode(schema)
    if not strict and wanted.strict is not False:
        losses.drop(wanted.path, f"{wanted.path}.schema", _NOT_HELD)
    return {
        "name": wanted.name if _NAME.fullmatch(wanted.name) else _DEFAULT_NAME,
        **({"description": wanted.description} if wanted.description else {}),
        "schema": dict(schema),
        "strict": strict,
    }


def with_properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI refuses an object without `properties`; others take it as one without any."""
    if schema.get("type") == "object" and schema.get("properties") is None:
        return {**schema, "properties": {}}
    return dict(schema)


def fits_strict_mode(schema: Mapping[str, Any]) -> bool:
    """Whether OpenAI's strict mode can hold a JSON schema; Anthropic's takes optional properties and more keywords.

    It can where every object is closed, with all properties required, and no keyword is beyond the mode.
    """
    if schema.get("type") != "object" or "anyOf" in schema:
        return False
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or not _fits(node):
            return False
        waiting.extend(_schemas_in(node))
    return True


def _fits(node: Mapping[str, Any]) -> bool:
    if not _UNSUPPORTED.isdisjoint(node):
        return False
    kinds = node.get("type")
    if "properties" not in node and kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        return True
    properties, required = node.get("properties", {}), node.get("required", [])
    return (
        node.get("additionalProperties") is False
        and isinstance(properties, dict)
        and isinstance(required, list)
        and properties.keys() <= {name for name in required if isinstance(name, str)}
    )


def _schemas_in(node: Mapping[str, Any]) -> Iterator[Any]:
    for name in ("properties", "$defs", "definitions"):
        held = node.get(name)
        if isinstance(held, dict):
            yield from held.values()
    if isinstance(node.get("anyOf"), list):
        yield from node["anyOf"]
    if "items" in node:
        yield node["items"]
