"""Where a request declares tools: `tools[]` and the older `functions[]`.

Judged are `tools[].function.name`, `tools[].name`, `tools[].custom.name`, `functions[].name`, and the `type` of tools
that the provider hosts (everything but `function`, `custom`, `namespace` and `mcp`; MCP has rules of its own). Tools
inside a namespace (`tools[].tools[]`) are judged as well. A tool that says its name twice is judged by both, and one
that has to have a name and has none is refused.

Not judged is what can only point at a tool that is declared as well (`tool_choice`, `allowed_tools`), and what tells of
earlier calls (messages and input items).
"""

from collections.abc import Iterator
from typing import Any

from gateway.policy.declared import Value, as_list, as_object, check_nesting, text_of, unreadable

_NAMED = ("function", "custom")
_NOT_HOSTED = (*_NAMED, "mcp", "namespace")


def values(tools: Any, functions: Any) -> Iterator[Value]:
    """(JSON path, value) of everything to judge. Raises `bad_request` for what cannot be judged for certain."""
    if tools is not None:
        yield from _tools(tools, "tools", 0)
    if functions is not None:
        for index, function in enumerate(as_list(functions, "functions")):
            yield _name(function, f"functions[{index}]")


def _tools(tools: Any, at: str, nesting: int) -> Iterator[Value]:
    check_nesting(nesting, at)
    for index, item in enumerate(as_list(tools, at)):
        path = f"{at}[{index}]"
        tool = as_object(item, path)
        inner = [name for name in _NAMED if name in tool]
        for name in inner:
            yield _name(tool[name], f"{path}.{name}")
        kind = text_of(tool, "type", path)
        if tool.get("name") is not None or (not inner and (kind is None or kind in _NAMED)):
            yield _name(tool, path)
        if kind is not None and kind not in _NOT_HOSTED:
            yield f"{path}.type", kind
        if "tools" in tool:
            yield from _tools(tool["tools"], f"{path}.tools", nesting + 1)


def _name(declared: Any, path: str) -> Value:
    name = text_of(as_object(declared, path), "name", path)
    if name is None:
        raise unreadable(f"{path}.name", "it is missing")
    return f"{path}.name", name
