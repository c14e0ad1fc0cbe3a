"""Functions become tools, and the choice between them follows.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.losses import Losses
from gateway.lanes.openai_converse.content import Block
from gateway.lanes.openai_converse.parameters import TABLE
from gateway.lanes.reading import flag, mapping, optional_text, sequence, text, tool_name, wrong

_CHOICES: Final[Mapping[str, Block]] = {"auto": {"auto": {}}, "required": {"any": {}}}
_NONE_IMPOSSIBLE: Final = "Converse wants the tools that the conversation calls declared, and cannot forbid their use."


class _Choice(NamedTuple):
    """What may be called: `choice` is Converse's, `None` where nothing may; `allowed` names the tools if not all."""

    choice: Block | None
    allowed: frozenset[str] | None = None


def tool_config(body: Mapping[str, Any], called: Sequence[str], losses: Losses) -> dict[str, Any]:
    """The member `toolConfig`; `called` are the tools that the conversation has called before."""
    declared = [] if body.get("tools") is None else sequence(body["tools"], "tools")
    specs = [_spec(tool, f"tools[{index}]", losses) for index, tool in enumerate(declared)]
    choice, allowed = _choice(body.get("tool_choice"), losses)
    if allowed is not None:
        specs = [spec for spec in specs if spec["name"] in allowed]
    if choice not in (None, _CHOICES["auto"]) and not specs:
        raise wrong("tools", "an array with the tools that `tool_choice` demands")
    if choice is None and not called:
        return {}
    if choice is None:
        losses.drop("tool_choice", "tool_choice", _NONE_IMPOSSIBLE)
    specs = specs or [{"name": name, "inputSchema": _schema({})} for name in called]
    if not specs:
        return {}
    config: dict[str, Any] = {"tools": [{"toolSpec": spec} for spec in specs]}
    if choice not in (None, _CHOICES["auto"]):
        config["toolChoice"] = choice
    return {"toolConfig": config}


def _spec(value: Any, path: str, losses: Losses) -> dict[str, Any]:
    tool = mapping(value, path)
    text(tool.get("type"), f"{path}.type")
    losses.judge(tool, "tools[]", path)
    function, path = mapping(tool.get("function"), f"{path}.function"), f"{path}.function"
    losses.judge(function, "tools[].function", path)
    spec: dict[str, Any] = {"name": tool_name(function.get("name"), f"{path}.name")}
    description = optional_text(function.get("description"), f"{path}.description")
    if description.strip():
        spec["description"] = description
    schema = function.get("parameters")
    spec["inputSchema"] = _schema({} if schema is None else mapping(schema, f"{path}.parameters"))
    if flag(function.get("strict"), f"{path}.strict"):
        spec["strict"] = True
    return spec


def _schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A function without parameters takes none."""
    return {"json": dict(parameters) or {"type": "object", "properties": {}}}


def _choice(value: Any, losses: Losses) -> _Choice:
    if value is None:
        return _Choice(_CHOICES["auto"])
    if isinstance(value, str):
        if value == "none":
            return _Choice(None)
        return _Choice(_simple(value, "tool_choice"))
    choice = mapping(value, "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    if kind == "function":
        function = mapping(choice.get("function"), "tool_choice.function")
        return _Choice({"tool": {"name": tool_name(function.get("name"), "tool_choice.function.name")}})
    if kind == "allowed_tools":
        return _allowed(mapping(choice.get("allowed_tools"), "tool_choice.allowed_tools"))
    if kind == "custom":
        raise TABLE.unsupported("tool_choice.type", TABLE.rows["tools[].type"].note)
    raise wrong("tool_choice.type", "one of function, allowed_tools")


def _allowed(members: Mapping[str, Any]) -> _Choice:
    path = "tool_choice.allowed_tools"
    choice = _simple(text(members.get("mode"), f"{path}.mode"), f"{path}.mode")
    names: list[str] = []
    for index, value in enumerate(sequence(members.get("tools"), f"{path}.tools")):
        here = f"{path}.tools[{index}]"
        function = mapping(mapping(value, here).get("function"), f"{here}.function")
        names.append(tool_name(function.get("name"), f"{here}.function.name"))
    return _Choice(choice, frozenset(names))


def _simple(name: str, path: str) -> Block:
    if name not in _CHOICES:
        raise wrong(path, f"one of {', '.join(_CHOICES)}")
    return _CHOICES[name]
