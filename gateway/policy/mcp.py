"""Where a request declares MCP servers: Anthropic's `mcp_servers[]`, and tools of type `mcp` in OpenAI's Responses.

Judged are `mcp_servers[].name` and `.url`, and of tools, those inside a namespace included, `server_label`,
`server_url` and `connector_id` wherever they stand. A server that says none of them is refused.
"""

from collections.abc import Iterator
from typing import Any

from gateway.policy.declared import Value, as_list, as_object, check_nesting, text_of, unreadable

_OF_SERVER = ("name", "url")
_OF_TOOL = ("server_label", "server_url", "connector_id")


def values(mcp_servers: Any, tools: Any) -> Iterator[Value]:
    """(JSON path, value) of everything to judge. Raises `bad_request` for what cannot be judged for certain."""
    if mcp_servers is not None:
        for index, server in enumerate(as_list(mcp_servers, "mcp_servers")):
            path = f"mcp_servers[{index}]"
            yield from _fields(as_object(server, path), path, _OF_SERVER, required=True)
    if tools is not None:
        yield from _tools(tools, "tools", 0)


def _tools(tools: Any, at: str, nesting: int) -> Iterator[Value]:
    check_nesting(nesting, at)
    for index, item in enumerate(as_list(tools, at)):
        path = f"{at}[{index}]"
        tool = as_object(item, path)
        yield from _fields(tool, path, _OF_TOOL, required=tool.get("type") == "mcp")
        if "tools" in tool:
            yield from _tools(tool["tools"], f"{path}.tools", nesting + 1)


def _fields(declared: dict[str, Any], path: str, names: tuple[str, ...], *, required: bool) -> Iterator[Value]:
    silent = True
    for name in names:
        value = text_of(declared, name, path)
        if value is not None:
            silent = False
            yield f"{path}.{name}", value
    if silent and required:
        raise unreadable(path, f"it has none of {', '.join(names)}")
