"""Gemini's own API: an answer whole or in chunks, counts of tokens, and embeddings."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.providers.simulator.directives import Directives
from gateway.providers.simulator.openai_media import unit_vector
from gateway.providers.simulator.reply import Prompt, Reply, compose, tokens, tokens_of
from gateway.providers.simulator.stream import identity

Json = dict[str, Any]

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP"}


def text_of(content: Any) -> str:
    """The text of a content: its parts, or what a function answered."""
    return " ".join(map(_text_of_part, _parts(content)))


def _text_of_part(part: Json) -> str:
    answered = _member(part, "functionResponse", "function_response")
    if isinstance(answered, dict):
        response = answered.get("response")
        said = response.get("result", response.get("output", response)) if isinstance(response, dict) else response
        return said if isinstance(said, str) else msgspec.json.encode(said).decode()
    return part["text"] if isinstance(part.get("text"), str) else ""


def whole(body: Json, size: int, wishes: Directives) -> Json:
    """A `GenerateContentResponse`."""
    reply = compose(prompt_of(body), wishes)
    parts = [{"text": reply.text}] if reply.call is None else [_call(reply)]
    return {"candidates": [_candidate(parts, _FINISH[reply.finish])], **_head(body), **_usage(size, reply)}


def stream(body: Json, size: int, wishes: Directives) -> Iterator[Json]:
    """The chunks: a part each, the last with the reason why it ends; every one states what was used so far."""
    reply = compose(prompt_of(body), wishes)
    parts = [{"text": piece} for piece in reply.pieces] if reply.call is None else [_call(reply)]
    for part in parts or [{"text": ""}]:
        yield {"candidates": [_candidate([part], None)], **_head(body), **_usage(size, None)}
    yield {"candidates": [_candidate([{"text": ""}], _FINISH[reply.finish])], **_head(body), **_usage(size, reply)}


def count(size: int) -> Json:
    """A `CountTokensResponse`."""
    return {"totalTokens": tokens_of(size), "promptTokensDetails": [_text_tokens(tokens_of(size))]}


def embed(body: Json) -> Json:
    """An `EmbedContentResponse`."""
    text = text_of(body["content"])
    length = _member(body, "outputDimensionality", "output_dimensionality") or 8
    return {"embedding": {"values": unit_vector(text, length)}, "usageMetadata": {"promptTokenCount": tokens(text)}}


def embed_batch(body: Json) -> Json:
    """A `BatchEmbedContentsResponse`."""
    answers = [embed(one) for one in body["requests"]]
    used = sum(one["usageMetadata"]["promptTokenCount"] for one in answers)
    embeddings = [one["embedding"] for one in answers]
    return {"embeddings": embeddings, "usageMetadata": {"promptTokenCount": used}}


def prompt_of(body: Json) -> Prompt:
    """What a request asks for."""
    contents = _listed(body["contents"])
    last = contents[-1] if contents else {}
    settings = _member(body, "generationConfig", "generation_config") or {}
    return Prompt(
        last_text=text_of(last),
        answers_tool=any(_member(part, "functionResponse", "function_response") for part in _parts(last)),
        tools=dict(_functions(body)),
        forced_tool=_forced(body),
        json_schema=_schema(settings),
        max_tokens=_member(settings, "maxOutputTokens", "max_output_tokens"),
        stops=tuple(_member(settings, "stopSequences", "stop_sequences") or ()),
    )


def _head(body: Json) -> Json:
    return {"modelVersion": body["model"], "responseId": identity(body)[:22]}


def _candidate(parts: list[Json], finish: str | None) -> Json:
    ending = {} if finish is None else {"finishReason": finish}
    return {"content": {"parts": parts, "role": "model"}, **ending, "index": 0}


def _usage(size: int, reply: Reply | None) -> Json:
    prompt = tokens_of(size)
    usage: Json = {"promptTokenCount": prompt}
    said = 0
    if reply is not None:
        said = max(1, len(reply.pieces)) if reply.call is None else tokens(reply.call.arguments) + 4
        usage["candidatesTokenCount"] = said
    return {"usageMetadata": {**usage, "totalTokenCount": prompt + said, "promptTokensDetails": [_text_tokens(prompt)]}}


def _text_tokens(number: int) -> Json:
    return {"modality": "TEXT", "tokenCount": number}


def _call(reply: Reply) -> Json:
    assert reply.call is not None  # noqa: S101 - only asked for calls
    return {"functionCall": {"name": reply.call.name, "args": msgspec.json.decode(reply.call.arguments)}}


def _functions(body: Json) -> Iterator[tuple[str, Json]]:
    if _mode(body) == "NONE":
        return
    for tool in _listed(body.get("tools")):
        for one in _listed(_member(tool, "functionDeclarations", "function_declarations")):
            schema = one.get("parameters") or _member(one, "parametersJsonSchema", "parameters_json_schema")
            yield one["name"], _plain(schema or {})


def _plain(schema: Any) -> Any:
    """A schema with the names of types that JSON Schema has: Google's are in capitals."""
    if isinstance(schema, dict):
        return {
            name: value.lower() if name == "type" and isinstance(value, str) else _plain(value)
            for name, value in schema.items()
        }
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


def _calling(body: Json) -> Json:
    config = _member(body, "toolConfig", "tool_config") or {}
    return _member(config, "functionCallingConfig", "function_calling_config") or {}


def _mode(body: Json) -> str:
    return str(_calling(body).get("mode", "AUTO")).upper()


def _forced(body: Json) -> str | None:
    if _mode(body) != "ANY":
        return None
    names = _member(_calling(body), "allowedFunctionNames", "allowed_function_names")
    return str(names[0]) if names else ""


def _schema(settings: Json) -> Json | None:
    kind = _member(settings, "responseMimeType", "response_mime_type")
    schema = _member(settings, "responseJsonSchema", "response_json_schema") or _member(
        settings, "responseSchema", "response_schema"
    )
    if isinstance(schema, dict):
        plain: Json = _plain(schema)
        return plain
    return {} if kind == "application/json" else None


def _parts(content: Any) -> list[Json]:
    return _listed(content.get("parts")) if isinstance(content, dict) else []


def _listed(value: Any) -> list[Json]:
    """A list, or the one object that may stand in its place."""
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]


def _member(of: Json, name: str, field: str) -> Any:
    """A member in either of its spellings."""
    return of.get(name, of.get(field))
