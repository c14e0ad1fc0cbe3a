"""A request for OpenAI's Responses, at OpenAI and Azure.

Source: https://platform.openai.com/docs/api-reference/responses/create. Nothing is stored: what a model thought comes
encrypted and goes back with the conversation. `strict` is always said, since it is true where it is not.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.base import Target
from gateway.lanes.conversation import Choice, Conversation, Tool
from gateway.lanes.losses import Losses
from gateway.lanes.openai_models import Family, effort_of, end_user, family_of, sampling
from gateway.lanes.reading import wrong
from gateway.lanes.responses.write_items import ItemWriter
from gateway.lanes.stopping import texts_to_stop_at
from gateway.lanes.strict_schema import NOT_STRICT, fits_strict_mode, held_format, with_properties

_LEAST_LIMIT: Final = 16
_NO_PARAMETERS: Final = {"type": "object", "properties": {}}
_SUMMARIES: Final[Mapping[str, str]] = {
    "summarized": "auto",
    "auto": "auto",
    "concise": "concise",
    "detailed": "detailed",
}
_NO_VERBOSITY: Final = re.compile(r"gpt-[34]|chatgpt-|gpt-5(\.\d+)?-chat|o[1-9]\b")


def write_request(conversation: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """See `ProviderSide`."""
    writer = ItemWriter(target, losses)
    instructions, leading = writer.instructions(conversation.instructions)
    items = leading + writer.items(conversation)
    if not items:
        raise wrong(conversation.turns[0].path if conversation.turns else "input", "something that somebody says")
    limit, family = conversation.output_limit, family_of(target.model)
    return {
        "model": target.model,
        **({"instructions": instructions} if instructions else {}),
        "input": items,
        "store": False,
        **({"stream": True} if conversation.streams else {}),
        # No member of this API: it is taken off, and the gateway ends the answer there.
        **({} if conversation.stops is None else {"stop": texts_to_stop_at(conversation, losses)}),
        **({} if limit is None else {"max_output_tokens": max(limit.value, _LEAST_LIMIT)}),
        **_reasoning_and_sampling(conversation, family, losses),
        **_tools_and_choice(conversation, losses),
        **_text(conversation, target.model, losses),
        **end_user(conversation, "safety_identifier"),
        **({} if conversation.service_tier is None else {"service_tier": conversation.service_tier.value}),
        **({} if conversation.cache_key is None else {"prompt_cache_key": conversation.cache_key.value}),
    }


def _reasoning_and_sampling(conversation: Conversation, family: Family, losses: Losses) -> dict[str, Any]:
    """`reasoning`, the wish for what was thought, and parameters of sampling, as far as the model takes them."""
    effort = effort_of(conversation, family, losses)
    members: dict[str, Any] = {}
    if family.efforts:
        shown = conversation.reasoning.shown
        reasoning = {"effort": effort, "summary": _SUMMARIES.get(shown.value) if shown is not None else None}
        reasoning = {name: value for name, value in reasoning.items() if value is not None}
        members = {"reasoning": reasoning} if reasoning else {}
        members["include"] = ["reasoning.encrypted_content"]
    for name, given in (("temperature", conversation.temperature), ("top_p", conversation.top_p)):
        value = sampling(given, family, effort, 1, losses)
        if value is not None:
            members[name] = value
    return members


def _tools_and_choice(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`, as far as there are tools."""
    choice = conversation.choice or Choice("", "tool_choice")
    tools = [_tool(tool, losses) for tool in conversation.tools]
    allowed = [tool for tool in tools if choice.allowed is None or tool["name"] in choice.allowed]
    if choice.mode == "required" and not any(choice.name in (None, tool["name"]) for tool in allowed):
        raise wrong(choice.path, "met by a function of `tools`")
    if not allowed:
        return {}
    members: dict[str, Any] = {"tools": tools}
    if choice.name is not None:
        members["tool_choice"] = next(_named(tool) for tool in tools if tool["name"] == choice.name)
    elif choice.allowed is not None:
        members["tool_choice"] = {
            "type": "allowed_tools",
            "mode": choice.mode,
            "tools": [_named(tool) for tool in allowed],
        }
    elif choice.mode:
        members["tool_choice"] = choice.mode
    if conversation.parallel is not None and not conversation.parallel.value:
        members["parallel_tool_calls"] = False
    return members


def _named(tool: Mapping[str, Any]) -> dict[str, str]:
    return {"type": tool["type"], "name": tool["name"]}


def _tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    if tool.grammar is not None:
        format_ = {"format": dict(tool.grammar)} if tool.grammar else {}
        return {"type": "custom", "name": tool.name, **described, **format_}
    schema = with_properties(_NO_PARAMETERS if tool.schema is None else tool.schema)
    strict = bool(tool.strict) and fits_strict_mode(schema)
    if tool.strict and not strict:
        losses.lose(f"{tool.path}.strict", NOT_STRICT)
    return {"type": "function", "name": tool.name, **described, "parameters": schema, "strict": strict}


def _text(conversation: Conversation, model: str, losses: Losses) -> dict[str, Any]:
    """The member `text`: the form of the answer, and how much is said."""
    members: dict[str, Any] = {}
    wanted, verbosity = conversation.format, conversation.verbosity
    if wanted is not None and wanted.schema is None:
        members["format"] = {"type": "json_object"}
    elif wanted is not None:
        members["format"] = {"type": "json_schema", **held_format(wanted, wanted.schema or {}, losses)}
    if verbosity is not None and _NO_VERBOSITY.match(model) is None:
        members["verbosity"] = verbosity.value
    elif verbosity is not None and verbosity.value != "medium":
        losses.lose(verbosity.path, "This model takes none.")
    return {"text": members} if members else {}
