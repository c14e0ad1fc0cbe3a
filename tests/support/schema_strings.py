"""Every field of the configuration's schema that takes a string."""

from collections.abc import Iterator
from typing import Any

from gateway.config.schema import generate

NAME = "a"
"""In a path, a name of our own."""


def strings() -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """A path to each, through names of our own and first items of lists, with what the schema says there."""
    schema = generate()
    found: dict[tuple[str | int, ...], dict[str, Any]] = {}

    def walk(node: dict[str, Any], path: tuple[str | int, ...], above: tuple[str, ...]) -> None:
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            if name not in above:
                walk(schema["$defs"][name], path, (*above, name))
            return
        if node.get("type") == "string" or any(isinstance(one, str) for one in node.get("enum", ())):
            found.setdefault(path, node)
        for choice in ("anyOf", "oneOf"):
            for one in node.get(choice, ()):
                walk(one, path, above)
        for one in node.get("allOf", ()):
            walk(one["then"], path, above)
        for name, one in node.get("properties", {}).items():
            walk(one, (*path, name), above)
        if isinstance(node.get("items"), dict):
            walk(node["items"], (*path, 0), above)
        if isinstance(node.get("additionalProperties"), dict):
            walk(node["additionalProperties"], (*path, NAME), above)

    walk(schema, (), ())
    yield from found.items()


def is_at(field: tuple[str | int, ...], path: tuple[str | int, ...]) -> bool:
    """Whether a path of a tree leads to a field."""
    return len(field) == len(path) and all(
        step == there or (step == NAME and isinstance(there, str)) or (step == 0 and isinstance(there, int))
        for step, there in zip(field, path, strict=True)
    )


def leaves(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every string of a tree, with its path."""
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(tree, list):
        for index, inner in enumerate(tree):
            yield from leaves(inner, (*path, index))
    elif isinstance(tree, str):
        yield path, tree
