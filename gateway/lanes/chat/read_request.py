"""What a request for OpenAI's Chat Completions asks.

Source: https://platform.openai.com/docs/api-reference/chat/create. Texts that are blank say nothing, and are left out.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from gateway.lanes.base import Json
from gateway.lanes.chat.read_turns import TurnReader
from gateway.lanes.conversation import (
    EFFORTS,
    Choice,
    Conversation,
    Format,
    Given,
    Reasoning,
    Tool,
)
from gateway.lanes.losses import Losses
from gateway.lanes.reading import (
    count,
    flag,
    mapping,
    number,
    number_up_to,
    one_of,
    optional_text,
    parameter,
    sequence,
    text,
    tool_name,
    whole_number,
    wrong,
)
from gateway.lanes.sealing import Seal

_MODES: Final = ("enabled", "adaptive", "disabled")
_TIERS: Final = ("auto", "default", "flex", "scale", "priority", "fast")
_VERBOSITIES: Final = ("low", "medium", "high")
_CHOICES: Final = ("auto", "none", "required")
_FORMATS: Final = ("text", "json_object", "json_schema")
_NO_SUCH_TOOL: Final = "Only functions and custom tools can cross."


def read_request(body: Json, losses: Losses, seal: Seal | None) -> Conversation:
    """See `ClientSide.read_request`."""
    _judge_stream_options(body, losses)
    return Conversation(
        turns=TurnReader(losses, seal).turns(body),
        tools=tuple(_tools(body, losses)),
        choice=_choice(body, losses),
        parallel=parameter(flag, body, "parallel_tool_calls"),
        output_limit=_output_limit(body),
        temperature=parameter(partial(number_up_to, 2), body, "temperature"),
        top_p=parameter(partial(number_up_to, 1), body, "top_p"),
        seed=_seed(body, losses),
        frequency_penalty=_penalty("frequency_penalty", body, losses),
        presence_penalty=_penalty("presence_penalty", body, losses),
        stops=_stops(body),
        format=_format(body, losses),
        reasoning=_reasoning(body, losses),
        verbosity=parameter(partial(one_of, _VERBOSITIES), body, "verbosity"),
        end_user=_end_user(body),
        metadata=parameter(mapping, body, "metadata"),
        service_tier=parameter(partial(one_of, _TIERS), body, "service_tier"),
        cache_key=_cache_key(body, losses),
        streams=flag(body.get("stream"), "stream"),
    )


def _judge_stream_options(body: Json, losses: Losses) -> None:
    if body.get("stream_options") is not None:
        options = mapping(body["stream_options"], "stream_options")
        losses.judge(options, "stream_options", "stream_options")
        flag(options.get("include_usage"), "stream_options.include_usage")


def _output_limit(body: Json) -> Given[int] | None:
    """How many tokens the answer may have; `max_completion_tokens` goes before `max_tokens`."""
    newer, older = (parameter(count, body, name) for name in ("max_completion_tokens", "max_tokens"))
    return newer or older


def _penalty(name: str, body: Json, losses: Losses) -> Given[float] | None:
    return parameter(number, body, name) if losses.takes(name) else None


def _seed(body: Json, losses: Losses) -> Given[int] | None:
    given = body.get("seed")
    if given is None or not losses.takes("seed"):
        return None
    if isinstance(given, bool) or not isinstance(given, int):
        raise wrong("seed", "a whole number")
    return Given(given, "seed")


def _stops(body: Json) -> Given[tuple[str, ...]] | None:
    """The texts that are not empty; a string stands for one."""
    stop = body.get("stop")
    if stop is None:
        return None
    given = [stop] if isinstance(stop, str) else sequence(stop, "stop")
    stops = tuple(one for index, value in enumerate(given) if (one := text(value, f"stop[{index}]")))
    return Given(stops, "stop") if stops else None


def _cache_key(body: Json, losses: Losses) -> Given[str] | None:
    return parameter(text, body, "prompt_cache_key") if losses.takes("prompt_cache_key") else None


def _end_user(body: Json) -> Given[str] | None:
    """`safety_identifier`, else the older `user`, else what many clients write into `metadata`."""
    for name in ("safety_identifier", "user"):
        if user := optional_text(body.get(name), name):
            return Given(user, name)
    entries = body.get("metadata")
    named = entries.get("user_id") if isinstance(entries, Mapping) else None
    user = optional_text(named, "metadata.user_id")
    return Given(user, "metadata.user_id") if user else None


def _reasoning(body: Json, losses: Losses) -> Reasoning:
    effort = parameter(partial(one_of, EFFORTS), body, "reasoning_effort")
    if body.get("thinking") is None or not losses.takes("thinking"):
        return Reasoning(effort=effort)
    thinking = mapping(body["thinking"], "thinking")
    losses.judge(thinking, "thinking", "thinking")
    mode = one_of(_MODES, thinking.get("type"), "thinking.type")
    return Reasoning(
        effort=effort,
        mode=Given(mode, "thinking"),
        budget=parameter(whole_number, thinking, "budget_tokens", "thinking.budget_tokens"),
        shown=parameter(text, thinking, "display", "thinking.display"),
    )


def thinking_budget(member: Callable[[str], Any]) -> int:
    """See `ClientSide.thinking_budget`: what the extension `thinking` says."""
    thinking = member("thinking")
    if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
        return 0
    budget = thinking.get("budget_tokens")
    return budget if type(budget) is int and budget > 0 else 0


def _format(body: Json, losses: Losses) -> Format | None:
    if body.get("response_format") is None:
        return None
    wanted = mapping(body["response_format"], "response_format")
    losses.judge(wanted, "response_format", "response_format")
    kind = one_of(_FORMATS, wanted.get("type"), "response_format.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format(path="response_format")
    path = "response_format.json_schema"
    members = mapping(wanted.get("json_schema"), path)
    losses.judge(members, path, path)
    schema, strict = members.get("schema"), members.get("strict")
    return Format(
        path="response_format",
        schema=None if schema is None else mapping(schema, f"{path}.schema"),
        name=optional_text(members.get("name"), f"{path}.name"),
        description=optional_text(members.get("description"), f"{path}.description"),
        strict=None if strict is None else flag(strict, f"{path}.strict"),
    )


def _tools(body: Json, losses: Losses) -> list[Tool]:
    declared = [] if body.get("tools") is None else sequence(body["tools"], "tools")
    return [_tool(value, f"tools[{index}]", losses) for index, value in enumerate(declared)]


def _tool(value: Any, path: str, losses: Losses) -> Tool:
    tool = mapping(value, path)
    kind = text(tool.get("type"), f"{path}.type")
    if kind not in ("function", "custom"):
        raise losses.table.unsupported(f"{path}.type", _NO_SUCH_TOOL)
    losses.judge(tool, "tools[]", path)
    members, at = mapping(tool.get(kind), f"{path}.{kind}"), f"{path}.{kind}"
    losses.judge(members, f"tools[].{kind}", at)
    schema, strict = members.get("parameters"), members.get("strict")
    is_function = kind == "function"
    return Tool(
        name=tool_name(members.get("name"), f"{at}.name"),
        path=path,
        description=optional_text(members.get("description"), f"{at}.description"),
        schema=mapping(schema, f"{at}.parameters") if is_function and schema is not None else None,
        strict=flag(strict, f"{at}.strict") if is_function and strict is not None else None,
        grammar=None if is_function else _grammar(members.get("format"), f"{at}.format"),
        cache=_mark(members, at, losses) or _mark(tool, path, losses),
    )


def _mark(holder: Mapping[str, Any], path: str, losses: Losses) -> Mapping[str, Any] | None:
    mark = holder.get("cache_control")
    if mark is None or not losses.takes("tools[].cache_control"):
        return None
    return mapping(mark, f"{path}.cache_control")


def _grammar(value: Any, path: str) -> Mapping[str, Any]:
    """The format of a custom tool's text, as OpenAI's Responses API states it: without an object of its own."""
    if value is None:
        return {}
    format_ = mapping(value, path)
    if format_.get("type") != "grammar":
        return format_
    return {"type": "grammar", **mapping(format_.get("grammar"), f"{path}.grammar")}


def _choice(body: Json, losses: Losses) -> Choice | None:
    given = body.get("tool_choice")
    if given is None:
        return None
    if isinstance(given, str):
        if given not in _CHOICES:
            raise wrong("tool_choice", f"one of {', '.join(_CHOICES)}, or an object")
        return Choice(given, "tool_choice")
    choice = mapping(given, "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    if kind in ("function", "custom"):
        return Choice("required", "tool_choice", _named(choice, kind, "tool_choice", losses))
    if kind != "allowed_tools":
        raise wrong("tool_choice.type", "one of function, custom, allowed_tools")
    path = "tool_choice.allowed_tools"
    allowed = mapping(choice.get("allowed_tools"), path)
    losses.judge(allowed, path, path)
    mode = one_of(("auto", "required"), allowed.get("mode"), f"{path}.mode")
    named = []
    for index, value in enumerate(sequence(allowed.get("tools"), f"{path}.tools")):
        at = f"{path}.tools[{index}]"
        tool = mapping(value, at)
        kind = "custom" if tool.get("type") == "custom" else "function"
        named.append(_named(tool, kind, at, losses))
    return Choice(mode, "tool_choice", None, tuple(named))


def _named(holder: Mapping[str, Any], kind: str, path: str, losses: Losses) -> str:
    tool = mapping(holder.get(kind), f"{path}.{kind}")
    losses.judge(tool, f"tool_choice.{kind}", f"{path}.{kind}")
    return tool_name(tool.get("name"), f"{path}.{kind}.name")
