"""What a request for Anthropic's Messages asks (https://docs.anthropic.com/en/api/messages)."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.lanes.base import Json
from gateway.lanes.conversation import Choice, Conversation, Format, Given, Reasoning, Tool
from gateway.lanes.losses import Losses
from gateway.lanes.messages.read_turns import TurnReader
from gateway.lanes.reading import (
    flag,
    mapping,
    number,
    one_of,
    optional_text,
    parameter,
    sequence,
    text,
    whole_number,
    wrong,
)
from gateway.lanes.sealing import Seal

_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "standard_only": "default"}
_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none"}
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_THINKING: Final = ("adaptive", "between_tools", "disabled", "enabled")
_FILLS_CACHE: Final = "0 only fills Anthropic's prompt cache; others fill theirs by themselves."


def read_request(body: Json, losses: Losses, seal: Seal | None) -> Conversation:
    """See `ClientSide`."""
    reader = TurnReader(losses, seal)
    turns = reader.turns(body.get("messages"))
    limit = whole_number(body.get("max_tokens"), "max_tokens")
    if limit == 0:
        raise losses.table.unsupported("max_tokens", _FILLS_CACHE)
    reasoning = _reasoning(body, losses)
    tools = _tools(body, losses)
    choice = _choice(body, losses)
    if choice is not None and choice.mode == "required" and not tools:
        raise wrong("tools", "an array of at least one tool, since `tool_choice` demands one")
    return Conversation(
        turns=turns,
        instructions=reader.instructions(body.get("system")),
        tools=tools,
        choice=choice,
        parallel=_parallel(body),
        output_limit=Given(limit, "max_tokens"),
        temperature=parameter(number, body, "temperature"),
        top_p=parameter(number, body, "top_p"),
        top_k=_top_k(body, losses),
        stops=_stops(body),
        format=_format(body, losses),
        reasoning=reasoning,
        end_user=_end_user(body, losses),
        service_tier=_service_tier(body),
        streams=flag(body.get("stream"), "stream"),
    )


def _top_k(body: Json, losses: Losses) -> Given[int] | None:
    return parameter(whole_number, body, "top_k") if losses.takes("top_k") else None


def _stops(body: Json) -> Given[tuple[str, ...]] | None:
    if body.get("stop_sequences") is None:
        return None
    stops = enumerate(sequence(body["stop_sequences"], "stop_sequences"))
    return Given(tuple(text(stop, f"stop_sequences[{index}]") for index, stop in stops), "stop_sequences")


def _end_user(body: Json, losses: Losses) -> Given[str] | None:
    if body.get("metadata") is None:
        return None
    metadata = mapping(body["metadata"], "metadata")
    losses.judge(metadata, "metadata", "metadata")
    user = optional_text(metadata.get("user_id"), "metadata.user_id")
    return Given(user, "metadata.user_id") if user else None


def _service_tier(body: Json) -> Given[str] | None:
    if body.get("service_tier") is None:
        return None
    return Given(_TIERS[one_of(_TIERS, body["service_tier"], "service_tier")], "service_tier")


def _reasoning(body: Json, losses: Losses) -> Reasoning:
    mode: Given[str] | None = None
    budget: Given[int] | None = None
    shown: Given[str] | None = None
    effort: Given[str] | None = None
    if body.get("thinking") is not None:
        thinking = mapping(body["thinking"], "thinking")
        losses.judge(thinking, "thinking", "thinking")
        mode = Given(one_of(_THINKING, thinking.get("type"), "thinking.type"), "thinking")
        if mode.value == "enabled":
            path = "thinking.budget_tokens"
            budget = Given(whole_number(thinking.get("budget_tokens"), path), path)
        if isinstance(thinking.get("display"), str):
            shown = Given(thinking["display"], "thinking.display")
    if body.get("output_config") is not None:
        config = mapping(body["output_config"], "output_config")
        losses.judge(config, "output_config", "output_config")
        if config.get("effort") is not None:
            path = "output_config.effort"
            effort = Given(one_of(_EFFORTS, config["effort"], path), path)
    return Reasoning(effort=effort, mode=mode, budget=budget, shown=shown)


def _tools(body: Json, losses: Losses) -> tuple[Tool, ...]:
    declared = [] if body.get("tools") is None else sequence(body["tools"], "tools")
    return tuple(_tool(tool, f"tools[{index}]", losses) for index, tool in enumerate(declared))


def _tool(value: Any, path: str, losses: Losses) -> Tool:
    tool = mapping(value, path)
    optional_text(tool.get("type"), f"{path}.type")
    losses.judge(tool, "tools[]", path)
    mark = tool.get("cache_control")
    return Tool(
        name=text(tool.get("name"), f"{path}.name"),
        path=path,
        description=optional_text(tool.get("description"), f"{path}.description"),
        schema=mapping(tool.get("input_schema"), f"{path}.input_schema"),
        strict=None if tool.get("strict") is None else flag(tool["strict"], f"{path}.strict"),
        cache=None if mark is None else mapping(mark, f"{path}.cache_control"),
    )


def _choice(body: Json, losses: Losses) -> Choice | None:
    if body.get("tool_choice") is None:
        return None
    choice = mapping(body["tool_choice"], "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    if kind == "tool":
        return Choice("required", "tool_choice", text(choice.get("name"), "tool_choice.name"))
    if kind not in _CHOICES:
        raise wrong("tool_choice.type", "one of auto, any, tool, none")
    return Choice(_CHOICES[kind], "tool_choice")


def _parallel(body: Json) -> Given[bool] | None:
    choice, path = body.get("tool_choice"), "tool_choice.disable_parallel_tool_use"
    if not isinstance(choice, Mapping) or not flag(choice.get("disable_parallel_tool_use"), path):
        return None
    return Given(False, path)


def _format(body: Json, losses: Losses) -> Format | None:
    """The format of the answer, if the request asks for one; it has no name but the schema's title."""
    config = body.get("output_config")
    newer = None if config is None else mapping(config, "output_config").get("format")
    older = body.get("output_format")
    if newer is not None and older is not None:
        raise GatewayError(
            "bad_request", "Both `output_config.format` and `output_format` are set; keep one.", param="output_format"
        )
    if newer is None and older is None:
        return None
    path = "output_format" if newer is None else "output_config.format"
    wanted = mapping(older if newer is None else newer, path)
    losses.judge(wanted, path, path)
    if wanted.get("type") != "json_schema":
        raise wrong(f"{path}.type", '"json_schema"')
    schema = mapping(wanted.get("schema"), f"{path}.schema")
    title = schema.get("title")
    return Format(path=path, schema=schema, name=title if isinstance(title, str) else "")
