"""Where a request declares tools: `tools[]` and the older `functions[]`.

Judged are `tools[].function.name`, `tools[].name`, `tools[].custom.name`, `functions[].name`, and the `type` of tools
that
the provider hosts (everything but `function`, `custom` and `mcp`; MCP has rules of its own). Tools inside a namespace
(`tools[].tools[]`) are judged as well. A tool that says its name twice is judged by both.
"""

from collections.abc import Iterator
from typing import Any

from gateway.errors import GatewayError

_NOT_HOSTED = ("function", "custom", "mcp", "namespace")
_MAX_NESTING = 4

Value = tuple[str, str]


def values(tools: Any, functions: Any) -> Iterator[Value]:
    """(JSON path, value) of everything to judge. Raises `bad_request` for what cannot be judged for certain."""
    if tools is not None:
        yield from _tools(tools, "tools", 0)
    if functions is not None:
        for index, function in enumerate(_list(functions, "functions")):
            path = f"functions[{index}]"
            yield from _name(_mapping(function, path), path, required=True)


def _tools(tools: Any, at: str, nesting: int) -> Iterator[Value]:
    if nesting > _MAX_NESTING:
        raise _unreadable(at, "tools are nested too deep")
    for index, item in enumerate(_list(tools, at)):
        path = f"{at}[{index}]"
        tool = _mapping(item, path)
        for inner in ("function", "custom"):
            if inner in tool:
                yield from _name(_mapping(tool[inner], f"{path}.{inner}"), f"{path}.{inner}", required=True)
        kind = tool.get("type")
        if kind is not None and not isinstance(kind, str):
            raise _unreadable(f"{path}.type", "it is not a string")
        yield from _name(tool, path, required=kind is None and not ({"function", "custom"} & tool.keys()))
        if kind is not None and kind not in _NOT_HOSTED:
            yield f"{path}.type", kind
        if "tools" in tool:
            yield from _tools(tool["tools"], f"{path}.tools", nesting + 1)


def _name(mapping: dict[str, Any], path: str, *, required: bool) -> Iterator[Value]:
    name = mapping.get("name")
    if isinstance(name, str):
        yield f"{path}.name", name
    elif name is not None or required:
        raise _unreadable(f"{path}.name", "it is not a string")


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _unreadable(path, "it is not a list")
    return value


def _mapping(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unreadable(path, "it is not an object")
    return value


def _unreadable(path: str, why: str) -> GatewayError:
    return GatewayError("bad_request", f"{path} cannot be judged by this key's rules: {why}.", param=path)
