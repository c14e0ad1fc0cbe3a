"""Where a request declares MCP servers: Anthropic's `mcp_servers[]`, and tools of type `mcp` in OpenAI's Responses.

Judged are `mcp_servers[].name` and `.url`, and of such tools `server_label`, `server_url` and `connector_id`.
"""

from collections.abc import Iterator
from typing import Any

from gateway.errors import GatewayError

Value = tuple[str, str]


def values(mcp_servers: Any, tools: Any) -> Iterator[Value]:
    """(JSON path, value) of everything to judge. Raises `bad_request` for what cannot be judged for certain."""
    for index, server in enumerate(_list(mcp_servers, "mcp_servers")):
        yield from _fields(server, f"mcp_servers[{index}]", ("name", "url"))
    for index, tool in enumerate(_list(tools, "tools")):
        if isinstance(tool, dict) and tool.get("type") == "mcp":
            yield from _fields(tool, f"tools[{index}]", ("server_label", "server_url", "connector_id"))


def _fields(server: Any, path: str, names: tuple[str, ...]) -> Iterator[Value]:
    if not isinstance(server, dict):
        raise _unreadable(path, "it is not an object")
    for name in names:
        value = server.get(name)
        if isinstance(value, str):
            yield f"{path}.{name}", value
        elif value is not None:
            raise _unreadable(f"{path}.{name}", "it is not a string")


def _list(value: Any, path: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _unreadable(path, "it is not a list")
    return value


def _unreadable(path: str, why: str) -> GatewayError:
    return GatewayError("bad_request", f"{path} cannot be judged by this key's rules: {why}.", param=path)
