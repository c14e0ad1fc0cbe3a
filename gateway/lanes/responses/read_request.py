"""A request for OpenAI's Responses, read as a conversation.

Source: https://platform.openai.com/docs/api-reference/responses/create.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from gateway.lanes.base import Json
from gateway.lanes.conversation import EFFORTS, Conversation, Format, Given, Part, Reasoning, Text
from gateway.lanes.losses import Losses
from gateway.lanes.reading import (
    count,
    flag,
    mapping,
    number_up_to,
    one_of,
    optional_text,
    parameter,
    sequence,
    text,
    wrong,
)
from gateway.lanes.responses.read_items import read_items
from gateway.lanes.responses.read_tools import read_choice, read_tools
from gateway.lanes.sealing import Seal
from gateway.lanes.strict_schema import fits_strict_mode

_TIERS: Final = ("auto", "default", "flex", "scale", "priority", "fast")
_SUMMARIES: Final = ("auto", "concise", "detailed")
_VERBOSITIES: Final = ("low", "medium", "high")
_LOGPROBS: Final = "message.output_text.logprobs"
_NO_LOGPROBS: Final = "There are no log probabilities."
NO_CONTENT: Final = "a text, or an array with at least one message of a user that says something"


def read_request(body: Json, losses: Losses, seal: Seal | None) -> Conversation:
    """See `ClientSide`."""
    _judge_extras(body, losses)
    turns = read_items(body.get("input"), losses, seal)
    instructions = _instructions(body)
    if not turns:
        raise wrong("input", NO_CONTENT)
    metadata = _metadata(body)
    return Conversation(
        turns=turns,
        instructions=instructions,
        tools=read_tools(body, losses),
        choice=read_choice(body, losses),
        parallel=parameter(flag, body, "parallel_tool_calls"),
        output_limit=parameter(count, body, "max_output_tokens"),
        temperature=parameter(partial(number_up_to, 2), body, "temperature"),
        top_p=parameter(partial(number_up_to, 1), body, "top_p"),
        format=_format(body, losses),
        reasoning=_reasoning(body, losses),
        verbosity=_verbosity(body, losses),
        end_user=_text(body, "safety_identifier") or _text(body, "user") or _named_in(metadata),
        metadata=metadata,
        service_tier=parameter(partial(one_of, _TIERS), body, "service_tier"),
        cache_key=_text(body, "prompt_cache_key"),
        streams=flag(body.get("stream"), "stream"),
    )


def _judge_extras(body: Json, losses: Losses) -> None:
    """`stream_options`, and of `include` what cannot be."""
    if body.get("stream_options") is not None:
        options = mapping(body["stream_options"], "stream_options")
        losses.judge(options, "stream_options", "stream_options")
    if body.get("include") is not None:
        for index, value in enumerate(sequence(body["include"], "include")):
            if text(value, f"include[{index}]") == _LOGPROBS:
                losses.lose(f"include[{index}]", _NO_LOGPROBS)


def _instructions(body: Json) -> tuple[Part, ...]:
    words = optional_text(body.get("instructions"), "instructions")
    return (Text(path="instructions", text=words),) if words.strip() else ()


def _text(body: Json, name: str) -> Given[str] | None:
    words = optional_text(body.get(name), name)
    return Given(words, name) if words else None


def _members(body: Json, name: str, losses: Losses) -> Mapping[str, Any]:
    """The members of a top-level object, judged; none where it is not there."""
    if body.get(name) is None:
        return {}
    members = mapping(body[name], name)
    losses.judge(members, name, name)
    return members


def _format(body: Json, losses: Losses) -> Format | None:
    given = {} if body.get("text") is None else mapping(body["text"], "text")
    if given.get("format") is None:
        return None
    path = "text.format"
    members = mapping(given["format"], path)
    losses.judge(members, path, path)
    kind = one_of(("text", "json_object", "json_schema"), members.get("type"), f"{path}.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format(path=path)
    schema = mapping(members.get("schema"), f"{path}.schema")
    strict = members.get("strict")
    return Format(
        path=path,
        schema=schema,
        name=text(members.get("name"), f"{path}.name"),
        description=optional_text(members.get("description"), f"{path}.description"),
        strict=fits_strict_mode(schema) if strict is None else flag(strict, f"{path}.strict"),
    )


def _reasoning(body: Json, losses: Losses) -> Reasoning:
    members = _members(body, "reasoning", losses)
    name = "generate_summary" if members.get("summary") is None else "summary"
    return Reasoning(
        effort=parameter(partial(one_of, EFFORTS), members, "effort", "reasoning.effort"),
        shown=parameter(partial(one_of, _SUMMARIES), members, name, f"reasoning.{name}"),
    )


def _verbosity(body: Json, losses: Losses) -> Given[str] | None:
    return parameter(partial(one_of, _VERBOSITIES), _members(body, "text", losses), "verbosity", "text.verbosity")


def _metadata(body: Json) -> Given[Mapping[str, Any]] | None:
    if body.get("metadata") is None:
        return None
    metadata = mapping(body["metadata"], "metadata")
    for key, value in metadata.items():
        text(value, f"metadata.{key}")
    return Given(metadata, "metadata") if metadata else None


def _named_in(metadata: Given[Mapping[str, Any]] | None) -> Given[str] | None:
    """The end user that metadata name, as some clients do."""
    user = None if metadata is None else metadata.value.get("user_id")
    return Given(user, "metadata.user_id") if user else None
