"""Reading what a request declares: what has the wrong form cannot be judged, and is refused rather than let pass."""

from typing import Any

from gateway.errors import GatewayError

Value = tuple[str, str]
"""A JSON path, and the text there that the rules judge."""

_MAX_NESTING = 4


def as_list(value: Any, path: str) -> list[Any]:
    """The list that has to stand here; raises `bad_request`."""
    if not isinstance(value, list):
        raise unreadable(path, "it is not a list")
    return value


def as_object(value: Any, path: str) -> dict[str, Any]:
    """The object that has to stand here; raises `bad_request`."""
    if not isinstance(value, dict):
        raise unreadable(path, "it is not an object")
    return value


def text_of(declared: dict[str, Any], name: str, path: str) -> str | None:
    """The text of a field, `None` where it is absent or null; raises `bad_request` for anything else."""
    value = declared.get(name)
    if value is not None and not isinstance(value, str):
        raise unreadable(f"{path}.{name}", "it is not a string")
    return value


def check_nesting(nesting: int, path: str) -> None:
    """Raises `bad_request` for tools in tools in tools: no API has them, and looking must end."""
    if nesting > _MAX_NESTING:
        raise unreadable(path, "tools are nested too deep")


def unreadable(path: str, why: str) -> GatewayError:
    """The refusal of what the rules cannot judge for certain."""
    return GatewayError("bad_request", f"{path} cannot be judged by this key's rules: {why}.", param=path)
