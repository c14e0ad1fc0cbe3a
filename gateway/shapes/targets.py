"""What targets take of a request that a lane has made, by type of provider and family of model.

Output limits: https://platform.openai.com/docs/models, https://docs.claude.com/en/docs/about-claude/models and
https://ai.google.dev/gemini-api/docs/models. Claude's schemas:
https://docs.claude.com/en/docs/build-with-claude/structured-outputs#json-schema-limitations.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_MOST_OUTPUT: Final[tuple[tuple[str, int], ...]] = (
    (r"gpt-4o-2024-05-13|gpt-4-turbo|gpt-4-\d{4}-preview|gpt-3\.5-turbo", 4_096),
    (r"gpt-4(-0613|-0314)?$", 8_192),
    (r"(chat)?gpt-4o|gpt-5(\.\d+)?-chat", 16_384),
    (r"gpt-4\.1|o1-preview", 32_768),
    (r"o1-mini", 65_536),
    (r"o[134](-|$)", 100_000),
    (r"gpt-5", 128_000),
    (r"claude-(instant|2|3-(opus|sonnet|haiku)\b)", 4_096),
    (r"claude-3[-.]5", 8_192),
    (r"claude-opus-4([-.][01])?(?=$|[-@]\d{8}|-v\d)", 32_000),
    (r"claude-3[-.]7|claude-(sonnet|haiku|opus)-4([-.]5)?(?=$|[-@]\d{8}|-v\d)", 64_000),
    (r"gemini-(1\.5|2\.0)", 8_192),
    (r"gemini-2\.5", 65_536),
)
"""Output tokens of one answer at most; the first pattern that a model's name has counts. Of others nothing is known."""

_MODELS: Final = tuple((re.compile(pattern), most) for pattern, most in _MOST_OUTPUT)
_AT_THE_BEGINNING: Final = ("gpt", "chatgpt", "o")
_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "chat_completions": ("max_completion_tokens", "max_tokens"),
    "messages": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "generate_content": ("maxOutputTokens",),
}
_OPENAI: Final = ("openai", "azure")
_REFUSES_STOP: Final = re.compile(r"o[34](-|$)|gpt-5(?!(\.\d+)?-chat)|gpt-[6-9]")
"""https://platform.openai.com/docs/api-reference/chat/create: `stop` is not there for the latest reasoning models."""

_REASONS: Final = re.compile(
    r"(^|[/:._-])(o[1-9]|gpt-5|gpt-oss|deepseek|qwq|qwen3|glm-[4-9]|kimi|grok-[3-9]|magistral|minimax|nemotron|claude|gemini)"
)
"""Models of compatible servers that know `reasoning_effort`; all others may refuse it, as llama and Mistral's do."""

_LEAST_BUDGET: Final = 1_024


def most_output(model: str) -> int | None:
    """The output tokens of one answer at most, by the model's name; `None` where nobody knows."""
    name = model.lower()
    last = name.rpartition("/")[2]
    for pattern, most in _MODELS:
        begins = pattern.pattern.startswith(_AT_THE_BEGINNING) or pattern.pattern.startswith("(chat)")
        if (pattern.match(last) if begins else pattern.search(name)) is not None:
            return most
    return None


def limit_name(provider_type: str) -> str:
    """What the limit of a chat completion is called: OpenAI's newer name is refused by Mistral's servers and others."""
    return "max_tokens" if provider_type == "custom" else "max_completion_tokens"


def stops_beside(provider_type: str, endpoint: str, model: str, body: dict[str, Any]) -> tuple[str, ...]:
    """Takes the texts at which an answer is to end off a body whose target refuses them, and gives them back."""
    if endpoint == "responses" or (
        endpoint == "chat_completions" and provider_type in _OPENAI and _REFUSES_STOP.match(model.lower()) is not None
    ):
        return tuple(stop for stop in body.pop("stop", ()) if stop)
    return ()


def takes_effort(provider_type: str, model: str) -> bool:
    """Whether a model may be told how hard to reason; at OpenAI that is told where the lane knows its models."""
    return provider_type != "custom" or _REASONS.search(model.lower()) is not None


def fit(provider_type: str, endpoint: str, model: str, body: dict[str, Any]) -> list[str]:
    """Makes a fresh body what its target takes; says what was left out or lowered, as rules of the file do."""
    told: list[str] = []
    if endpoint == "chat_completions":
        _fit_chat(provider_type, model, body, told)
    elif endpoint == "messages":
        _declare_called(body)
        _fit_schemas(body, told)
    config = body.get("generationConfig") if endpoint == "generate_content" else body
    if config is not None:
        _lower(endpoint, most_output(model), config, told)
    return told


def _fit_chat(provider_type: str, model: str, body: dict[str, Any], told: list[str]) -> None:
    if limit_name(provider_type) == "max_tokens" and "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if "reasoning_effort" in body and not takes_effort(provider_type, model):
        del body["reasoning_effort"]
        told.append("reasoning_effort")


def _lower(endpoint: str, most: int | None, body: dict[str, Any], told: list[str]) -> None:
    for name in _LIMITS.get(endpoint, ()):
        limit = body.get(name)
        if most is not None and isinstance(limit, int) and limit > most:
            body[name] = most
            told.append(f"{name}:max")
            thinking = body.get("thinking")
            if isinstance(thinking, dict) and thinking.get("budget_tokens", 0) >= most:
                body["thinking"] = {**thinking, "budget_tokens": max(most // 2, _LEAST_BUDGET)}
                told.append("thinking.budget_tokens:max")


def _declare_called(body: dict[str, Any]) -> None:
    """Declares the tools that a conversation has called and a request does not declare: Anthropic refuses it else."""
    if body.get("tools"):
        return
    called = {
        str(block.get("name")): {"type": "object"}
        for message in body.get("messages", ())
        for block in (message["content"] if isinstance(message.get("content"), list) else ())
        if isinstance(block, Mapping) and block.get("type") == "tool_use"
    }
    if called:
        body["tools"] = [{"name": name, "input_schema": schema} for name, schema in called.items()]
        body["tool_choice"] = {"type": "none"}


def _fit_schemas(body: dict[str, Any], told: list[str]) -> None:
    """Schemas to which Claude is held: what it takes of them as constraints, the rest in their descriptions."""
    config = body.get("output_config")
    wanted = config.get("format") if isinstance(config, Mapping) else None
    if isinstance(config, Mapping) and isinstance(wanted, Mapping) and isinstance(wanted.get("schema"), Mapping):
        schema, lost = held_schema(wanted["schema"])
        body["output_config"] = {**config, "format": {**wanted, "schema": schema}}
        told += [f"output_config.format.schema.{one}" for one in lost]
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, Mapping) and tool.get("strict") and isinstance(tool.get("input_schema"), Mapping):
            schema, lost = held_schema(tool["input_schema"])
            body["tools"][index] = {**tool, "input_schema": schema}
            told += [f"tools[{index}].input_schema.{one}" for one in lost]


_KEPT: Final = frozenset(
    (
        *("type", "properties", "required", "items", "prefixItems", "anyOf", "allOf", "enum", "const"),
        *("description", "title", "default", "$ref", "$defs", "definitions", "additionalProperties"),
    )
)
_FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_NESTED: Final = ("properties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "allOf", "prefixItems")


def held_schema(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A JSON schema as Claude can be held to it, and the keywords that became words of descriptions.

    Objects are closed, which Claude wants; a choice of `oneOf` is one of `anyOf`.
    """
    lost: dict[str, None] = {}
    return _held(schema, lost), list(lost)


def _held(schema: Any, lost: dict[str, None]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    held: dict[str, Any] = {}
    said: list[str] = []
    for name, value in schema.items():
        if name in _NESTED and isinstance(value, Mapping):
            held[name] = {key: _held(inner, lost) for key, inner in value.items()}
        elif (name in _LISTS or name == "oneOf") and isinstance(value, list):
            held["anyOf" if name == "oneOf" and "anyOf" not in schema else name] = [_held(one, lost) for one in value]
        elif name == "items":
            held[name] = _held(value, lost)
        elif name in _KEPT or (name == "format" and value in _FORMATS) or (name == "minItems" and value in (0, 1)):
            held[name] = value
        else:
            said.append(f"{name}: {value}")
            lost[name] = None
    if schema.get("type") == "object" or "properties" in schema:
        if held.get("additionalProperties") is not False and "additionalProperties" in held:
            lost["additionalProperties"] = None
        held["additionalProperties"] = False
    if said:
        words = f"{{{', '.join(said)}}}"
        held["description"] = f"{held['description']}\n\n{words}" if held.get("description") else words
    return held
