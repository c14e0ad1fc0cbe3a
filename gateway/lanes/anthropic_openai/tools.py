"""Tools become functions, and the choice between them follows.

Sources: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview,
https://platform.openai.com/docs/guides/function-calling.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.anthropic_openai.strict_schemas import fits_strict_mode
from gateway.lanes.losses import Losses
from gateway.lanes.reading import flag, mapping, optional_text, sequence, text, wrong

_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none"}
_NOT_STRICT: Final = "OpenAI's strict mode cannot hold the schema."


def tools_and_choice(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`; OpenAI takes the latter two only beside tools."""
    declared = [] if body.get("tools") is None else sequence(body["tools"], "tools")
    functions = [_function(tool, f"tools[{index}]", losses) for index, tool in enumerate(declared)]
    choice = _choice(body, losses)
    if functions:
        return {"tools": functions, **choice}
    if choice.get("tool_choice", "auto") not in ("auto", "none"):
        raise wrong("tools", "an array of at least one tool, since `tool_choice` demands one")
    return {}


def _function(tool: Any, path: str, losses: Losses) -> dict[str, Any]:
    tool = mapping(tool, path)
    optional_text(tool.get("type"), f"{path}.type")
    losses.judge(tool, "tools[]", path)
    function: dict[str, Any] = {"name": text(tool.get("name"), f"{path}.name")}
    description = optional_text(tool.get("description"), f"{path}.description")
    if description:
        function["description"] = description
    schema = mapping(tool.get("input_schema"), f"{path}.input_schema")
    function["parameters"] = _with_properties(schema)
    if flag(tool.get("strict"), f"{path}.strict"):
        if fits_strict_mode(function["parameters"]):
            function["strict"] = True
        else:
            losses.drop("tools[].strict", f"{path}.strict", _NOT_STRICT)
    return {"type": "function", "function": function}


def _with_properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI refuses an object without `properties`; Anthropic takes it as one without any."""
    if schema.get("type") == "object" and schema.get("properties") is None:
        return {**schema, "properties": {}}
    return dict(schema)


def _choice(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    if body.get("tool_choice") is None:
        return {}
    choice = mapping(body["tool_choice"], "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    members: dict[str, Any] = {}
    if kind == "tool":
        name = text(choice.get("name"), "tool_choice.name")
        members["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind in _CHOICES:
        members["tool_choice"] = _CHOICES[kind]
    else:
        raise wrong("tool_choice.type", "one of auto, any, tool, none")
    if flag(choice.get("disable_parallel_tool_use"), "tool_choice.disable_parallel_tool_use"):
        members["parallel_tool_calls"] = False
    return members
