"""The tools that a request declares, above and within `input`, and which of them have to be called.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.conversation import Choice, Tool
from gateway.lanes.losses import Losses
from gateway.lanes.reading import flag, mapping, one_of, optional_text, sequence, text, wrong
from gateway.lanes.responses.read_items import crosses

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MODES: Final = ("auto", "none", "required")
_SEARCHES: Final = "web_search"
_STRING: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}

DEFINED: Final[Mapping[str, Tool]] = {
    "apply_patch": Tool(
        name="apply_patch",
        path="",
        description="Creates, updates or deletes a file. The diff is in the V4A format, and empty for a deletion.",
        schema={
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                "path": _STRING,
                "diff": _STRING,
            },
            "required": ["type", "path"],
        },
    ),
    "shell": Tool(
        name="shell",
        path="",
        description="Runs commands in a shell and returns what they print.",
        schema={
            "type": "object",
            "properties": {
                "commands": {"type": "array", "items": _STRING},
                "timeout_ms": _NUMBER,
                "max_output_length": _NUMBER,
            },
            "required": ["commands"],
        },
    ),
    "local_shell": Tool(
        name="local_shell",
        path="",
        description="Runs a command on the user's machine and returns what it prints.",
        schema={
            "type": "object",
            "properties": {
                "command": {"type": "array", "items": _STRING},
                "env": {"type": "object", "additionalProperties": _STRING},
                "timeout_ms": _NUMBER,
                "working_directory": _STRING,
            },
            "required": ["command"],
        },
    ),
}
"""Tools that OpenAI defines and clients run, as functions: the type of the tool is the function's name."""


def read_tools(body: Mapping[str, Any], losses: Losses) -> tuple[Tool, ...]:
    """The tools; one that is declared once more in `input` is the one that was declared before."""
    tools: dict[tuple[str, str], Tool] = {}
    searches: list[str] = []
    for value, path in declared(body):
        tool = mapping(value, path)
        kind = text(tool.get("type"), f"{path}.type")
        if kind.startswith(_SEARCHES):
            searches.append(path)
        if crosses(kind, "tools", path, losses):
            for one in _tools(kind, tool, path, losses):
                tools.setdefault((one.name, one.group), one)
    if searches and not tools:
        note = losses.table.rows["tools[type=web_search]"].note
        raise losses.table.unsupported(f"{searches[0]}.type", note)
    return tuple(tools.values())


def declared(body: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """What is declared as a tool, with its path: in `tools`, then in the items `additional_tools`."""
    if body.get("tools") is not None:
        yield from _within(body["tools"], "tools")
    given = body.get("input")
    for index, item in enumerate(given if isinstance(given, list) else []):
        if isinstance(item, Mapping) and item.get("type") == "additional_tools":
            yield from _within(item.get("tools"), f"input[{index}].tools")


def _within(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    for index, tool in enumerate(sequence(value, path)):
        yield tool, f"{path}[{index}]"


def _tools(kind: str, tool: Mapping[str, Any], path: str, losses: Losses, group: str = "") -> Iterator[Tool]:
    """The tools that a declaration holds; what a namespace is for is said of each of its children."""
    losses.judge(tool, f"tools[type={kind}]", path)
    if kind in DEFINED:
        yield msgspec.structs.replace(DEFINED[kind], path=path)
        return
    name = _name(tool.get("name"), f"{path}.name")
    description = optional_text(tool.get("description"), f"{path}.description")
    if kind == "function":
        schema = tool.get("parameters")
        schema = None if schema is None else mapping(schema, f"{path}.parameters")
        strict = tool.get("strict")
        strict = None if strict is None else flag(strict, f"{path}.strict")
        yield Tool(name=name, path=path, description=description, schema=schema, strict=strict, group=group)
    elif kind == "custom":
        yield Tool(name=name, path=path, description=description, grammar=_grammar(tool, path), group=group)
    else:
        for index, value in enumerate(sequence(tool.get("tools"), f"{path}.tools")):
            at = f"{path}.tools[{index}]"
            child = mapping(value, at)
            held = one_of(("function", "custom"), child.get("type"), f"{at}.type")
            for one in _tools(held, child, at, losses, name):
                yield msgspec.structs.replace(
                    one, description="\n\n".join(filter(None, (one.description, description)))
                )


def _grammar(tool: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The form of a custom tool's text, empty for any text."""
    if tool.get("format") is None:
        return {}
    at = f"{path}.format"
    format_ = mapping(tool["format"], at)
    if one_of(("text", "grammar"), format_.get("type"), f"{at}.type") == "text":
        return {}
    text(format_.get("definition"), f"{at}.definition")
    return format_


def read_choice(body: Mapping[str, Any], losses: Losses) -> Choice | None:
    """`tool_choice`."""
    given = body.get("tool_choice")
    if given is None:
        return None
    if isinstance(given, str):
        return Choice(one_of(_MODES, given, "tool_choice"), "tool_choice")
    choice = mapping(given, "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    if kind == "allowed_tools":
        mode = one_of(("auto", "required"), choice.get("mode"), "tool_choice.mode")
        tools = enumerate(sequence(choice.get("tools"), "tool_choice.tools"))
        named = [_chosen(tool, f"tool_choice.tools[{index}]", losses) for index, tool in tools]
        return Choice(mode, "tool_choice", None, tuple(named))
    return Choice("required", "tool_choice", _chosen(choice, "tool_choice", losses))


def _chosen(value: Any, path: str, losses: Losses) -> str:
    """The name of a tool that a choice points at. Raises for those that OpenAI's servers run."""
    tool = mapping(value, path)
    kind = text(tool.get("type"), f"{path}.type")
    if kind in DEFINED:
        return kind
    if kind not in ("function", "custom"):
        raise losses.table.unsupported(f"{path}.type", losses.table.rows["tool_choice.server_label"].note)
    return _name(tool.get("name"), f"{path}.name")


def _name(value: Any, path: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise wrong(path, "a name of 1 to 128 letters, digits, underscores and hyphens")
    return value
