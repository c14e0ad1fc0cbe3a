"""What OpenAI's strict mode can hold of a JSON schema.

Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

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
