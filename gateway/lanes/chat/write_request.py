"""A request for OpenAI's Chat Completions, at OpenAI, Azure and whoever speaks it.

Sources: https://platform.openai.com/docs/api-reference/chat/create,
https://platform.openai.com/docs/guides/function-calling and
https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.base import Target
from gateway.lanes.chat.write_turns import messages_of
from gateway.lanes.conversation import Choice, Conversation, Tool
from gateway.lanes.losses import Losses
from gateway.lanes.openai_models import effort_of, end_user, family_of, sampling
from gateway.lanes.reading import wrong
from gateway.lanes.stopping import texts_to_stop_at
from gateway.lanes.strict_schema import NOT_STRICT, fits_strict_mode, held_format, with_properties

_MAX_STOPS: Final = 4
_HAS_VERBOSITY: Final = re.compile(r"gpt-([6-9]|5(?!(\.\d+)?-chat))")


def write_request(conversation: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """See `ProviderSide.write_request`."""
    limit = conversation.output_limit
    return {
        "model": target.model,
        "messages": messages_of(conversation, target, losses),
        **({} if limit is None else {"max_completion_tokens": limit.value}),
        **({"stream": True, "stream_options": {"include_usage": True}} if conversation.streams else {}),
        **_stop(conversation, losses),
        **_reasoning_and_sampling(conversation, target.model, losses),
        **_tools_and_choice(conversation, losses),
        **_response_format(conversation, losses),
        # Every provider of the shape knows it; the newer `safety_identifier` only OpenAI's own API does.
        **end_user(conversation, "user"),
        **({} if conversation.service_tier is None else {"service_tier": conversation.service_tier.value}),
    }


def _stop(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    stops = texts_to_stop_at(conversation, losses)
    if conversation.stops is not None and len(stops) > _MAX_STOPS:
        path = conversation.stops.path
        raise losses.table.unsupported(path, f"OpenAI takes {_MAX_STOPS} at most, and these are {len(stops)}.")
    return {"stop": stops} if stops else {}


def _reasoning_and_sampling(conversation: Conversation, model: str, losses: Losses) -> dict[str, Any]:
    """`reasoning_effort`, `verbosity`, and parameters of sampling, as far as the model takes them."""
    family = family_of(model)
    tools_forbid = family.tools_or_reasoning and bool(conversation.tools)
    effort = effort_of(conversation, family, losses, tools_forbid=tools_forbid)
    members: dict[str, Any] = {} if effort is None else {"reasoning_effort": effort}
    for name, given, usual in (
        ("temperature", conversation.temperature, 1),
        ("top_p", conversation.top_p, 1),
        ("frequency_penalty", conversation.frequency_penalty, 0),
        ("presence_penalty", conversation.presence_penalty, 0),
    ):
        value = sampling(given, family, effort, usual, losses)
        if value is not None:
            members[name] = value
    if conversation.seed is not None:
        members["seed"] = conversation.seed.value
    if conversation.verbosity is not None and _HAS_VERBOSITY.match(model.lower()):
        members["verbosity"] = conversation.verbosity.value
    elif conversation.verbosity is not None and conversation.verbosity.value != "medium":
        losses.lose(conversation.verbosity.path, "This model takes none.")
    return members


def _tools_and_choice(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`; OpenAI takes the latter two only beside tools."""
    choice = conversation.choice or Choice("", "tool_choice")
    allowed = [tool for tool in conversation.tools if choice.allowed is None or tool.name in choice.allowed]
    if not allowed:
        if choice.mode == "required":
            raise wrong(choice.path, "met by a function of `tools`")
        return {}
    members: dict[str, Any] = {"tools": [_tool(tool, losses) for tool in allowed]}
    if choice.name is not None:
        is_custom = any(tool.grammar is not None and tool.name == choice.name for tool in allowed)
        kind = "custom" if is_custom else "function"
        members["tool_choice"] = {"type": kind, kind: {"name": choice.name}}
    elif choice.mode:
        members["tool_choice"] = choice.mode
    if conversation.parallel is not None and not conversation.parallel.value:
        members["parallel_tool_calls"] = False
    return members


def _tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    if tool.grammar is not None:
        format_ = _format_of(tool.grammar)
        return {"type": "custom", "custom": {"name": tool.name, **described, **format_}}
    function: dict[str, Any] = {"name": tool.name, **described}
    if tool.schema is not None:
        function["parameters"] = with_properties(tool.schema)
    if tool.strict and fits_strict_mode(function.get("parameters", {})):
        function["strict"] = True
    elif tool.strict:
        losses.lose(f"{tool.path}.strict", NOT_STRICT)
    return {"type": "function", "function": function}


def _format_of(grammar: Mapping[str, Any]) -> dict[str, Any]:
    """The format of a custom tool, whose grammar is an object of its own in this API."""
    if grammar.get("type") != "grammar":
        return {"format": dict(grammar)} if grammar else {}
    held = {name: value for name, value in grammar.items() if name != "type"}
    return {"format": {"type": "grammar", "grammar": held}}


def _response_format(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The member `response_format`, if the request asks for a format."""
    wanted = conversation.format
    if wanted is None:
        return {}
    if wanted.schema is None:
        return {"response_format": {"type": "json_object"}}
    held = held_format(wanted, wanted.schema, losses)
    return {"response_format": {"type": "json_schema", "json_schema": held}}
