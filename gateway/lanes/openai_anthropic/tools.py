"""Functions become tools, and which of them the model has to call.

Sources: https://platform.openai.com/docs/api-reference/chat/create#chat_create-tools and
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.lanes.losses import Losses
from gateway.lanes.openai_anthropic.parameters import TABLE
from gateway.lanes.reading import flag, mapping, optional_text, sequence, text, tool_name, wrong

_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "none": "none", "required": "any"}
_NO_PARAMETERS: Final = {"type": "object", "properties": {}}


def tools_and_choice(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members `tools` and `tool_choice`, as far as there are any."""
    declared = [] if body.get("tools") is None else sequence(body["tools"], "tools")
    tools = [_tool(value, f"tools[{index}]", losses) for index, value in enumerate(declared)]
    choice, allowed = _choice(body, losses)
    if allowed is not None:
        tools = [tool for tool in tools if tool["name"] in allowed]
    if choice is not None and choice["type"] in ("any", "tool"):
        _require(tools, choice.get("name"))
    parallel = body.get("parallel_tool_calls")
    one_at_a_time = parallel is not None and not flag(parallel, "parallel_tool_calls")
    if not tools:
        return {}
    if one_at_a_time and choice is None:
        choice = {"type": "auto"}
    if one_at_a_time and choice is not None and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, **({} if choice is None else {"tool_choice": choice})}


def _require(tools: Sequence[Mapping[str, Any]], name: str | None) -> None:
    """A call that is forced needs a tool to call: the named one, or any."""
    if not any(name is None or tool["name"] == name for tool in tools):
        raise wrong("tool_choice", "met by a function of `tools`")


def _tool(value: Any, path: str, losses: Losses) -> dict[str, Any]:
    tool = mapping(value, path)
    losses.judge(tool, "tools[]", path)
    if text(tool.get("type"), f"{path}.type") != "function":
        raise TABLE.unsupported(f"{path}.type", TABLE.rows["tools[].type"].note)
    function, at = mapping(tool.get("function"), f"{path}.function"), f"{path}.function"
    losses.judge(function, "tools[].function", at)
    given = function.get("parameters")
    schema = _NO_PARAMETERS if given is None else {"type": "object", **mapping(given, f"{at}.parameters")}
    translated: dict[str, Any] = {"name": tool_name(function.get("name"), f"{at}.name")}
    description = optional_text(function.get("description"), f"{at}.description")
    if description:
        translated["description"] = description
    translated["input_schema"] = schema
    if flag(function.get("strict"), f"{at}.strict"):
        translated["strict"] = True
    if tool.get("cache_control") is not None:
        translated["cache_control"] = dict(mapping(tool["cache_control"], f"{path}.cache_control"))
    return translated


def _choice(body: Mapping[str, Any], losses: Losses) -> tuple[dict[str, Any] | None, Sequence[str] | None]:
    """The choice, and the only tools that may be called where the request says so."""
    given = body.get("tool_choice")
    if given is None:
        return None, None
    if isinstance(given, str):
        if given not in _CHOICES:
            raise wrong("tool_choice", f"one of {', '.join(_CHOICES)}, or an object")
        return {"type": _CHOICES[given]}, None
    choice = mapping(given, "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    if kind == "function":
        function = mapping(choice.get("function"), "tool_choice.function")
        return {"type": "tool", "name": tool_name(function.get("name"), "tool_choice.function.name")}, None
    if kind == "custom":
        raise TABLE.unsupported("tool_choice.type", TABLE.rows["tool_choice.custom"].note)
    if kind != "allowed_tools":
        raise wrong("tool_choice.type", "one of function, allowed_tools")
    path = "tool_choice.allowed_tools"
    allowed = mapping(choice.get("allowed_tools"), path)
    mode = text(allowed.get("mode"), f"{path}.mode")
    if mode not in ("auto", "required"):
        raise wrong(f"{path}.mode", "one of auto, required")
    names = [
        tool_name(mapping(one.get("function"), at).get("name"), f"{at}.function.name")
        for index, value in enumerate(sequence(allowed.get("tools"), f"{path}.tools"))
        for at in (f"{path}.tools[{index}]",)
        for one in (mapping(value, at),)
    ]
    return {"type": _CHOICES[mode]}, names
