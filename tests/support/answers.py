"""Whole answers of every API, made up as their references have them, each with what its provider bills for it.

What is billed is drawn first and written down second, so that it is known without reading the answer.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from gateway.shapes.endpoints import CONVERSE, ENDPOINTS, Endpoint
from tests.support import aws_frames
from tests.support.price_oracle import INPUT, Charge, has_service

COUNT = st.integers(0, 9) | st.integers(0, 3_000) | st.integers(50_000, 400_000)
SOME = st.integers(1, 9) | st.integers(1, 3_000) | st.integers(50_000, 400_000)
FEW = st.integers(0, 3)
LIES = ('"usage":{"prompt_tokens":7}', '{"usage":', "data: [DONE]\n\n", '\\"', "\\", "é\u2028😀", "</s>", "x" * 1500)
TEXT = st.text(max_size=12) | st.sampled_from(LIES)
PLACES = st.lists(st.integers(1, 400), max_size=12)


@dataclass(frozen=True)
class Answer:
    """An answer: to which endpoint, of which provider's type to which model asked, its bytes, and what is billed for it.

    `cuts` are sizes of the pieces in which it comes.
    """

    name: str
    type: str
    asked: str
    data: bytes
    is_stream: bool
    charges: tuple[Charge, ...]
    cuts: Sequence[int] = ()

    @property
    def endpoint(self) -> Endpoint:
        """Where it comes from."""
        return ENDPOINTS.get(self.name, CONVERSE)


def mixed(draw: Callable[..., Any], members: dict[str, Any]) -> dict[str, Any]:
    """The members in any order, with others among them that no reference knows, some of them large."""
    others = draw(
        st.dictionaries(
            st.sampled_from(["x_note", "metadata", "seed", "extra"]), TEXT | st.lists(TEXT, max_size=2), max_size=2
        )
    )
    items = draw(st.permutations([*members.items(), *others.items()]))
    return dict(items)


def written(draw: Callable[..., Any], value: Any) -> str:
    """JSON in one spelling or another."""
    is_ascii, separators = draw(st.booleans()), draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    return json.dumps(value, ensure_ascii=is_ascii, separators=separators)


def events(draw: Callable[..., Any], data: Sequence[Any], *, names: bool = False, done: bool = False) -> bytes:
    """A stream of events with these data, as servers write them."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    pieces: list[str] = []
    for one in data:
        if draw(st.integers(0, 5)) == 0:
            pieces.append(f": a comment{end}{end}")
        name = f"event: {one['type']}{end}" if names else ""
        pieces.append(f"{name}data: {written(draw, one)}{end}{end}")
    return "".join((*pieces, f"data: [DONE]{end}{end}" if done else "")).encode()


def answer(
    draw: Callable[..., Any], name: str, type_: str, asked: str, data: bytes | str, is_stream: bool, *charges: Charge
) -> Answer:
    """An answer with the pieces in which it comes."""
    raw = data if isinstance(data, bytes) else data.encode()
    return Answer(name, type_, asked, raw, is_stream, charges, draw(PLACES))


def tier_of(draw: Callable[..., Any], model: str) -> str | None:
    """A tier of OpenAI's that the catalogue prices, an ordinary one, or none."""
    priced = [tier for tier in ("flex", "priority") if has_service("openai", model, service_tier=tier)]
    return draw(st.sampled_from([None, "default", *priced]))


def in_tier(tier: str | None) -> dict[str, str]:
    """The context of a price."""
    return {} if tier in (None, "default") else {"service_tier": tier}


def total(leaves: dict[str, int], *names: str) -> int:
    """Of several leaves together."""
    return sum(leaves.get(name, 0) for name in names)


def details(draw: Callable[..., Any], figures: dict[str, int]) -> dict[str, int]:
    """An object of details: what is zero may be left out."""
    return {name: count for name, count in figures.items() if count or draw(st.booleans())}


@st.composite
def chats(draw: Callable[..., Any]) -> Answer:
    """Chat, also of servers whose total alone has the thoughts, and whose cache is spelled another way."""
    model = draw(st.sampled_from(["gpt-5", "gpt-5.4", "gpt-audio", "gemini-2.5-pro"]))
    leaves = {"fresh": draw(COUNT), "cache_read": draw(COUNT), "text": draw(COUNT), "reasoning": draw(COUNT)}
    if model == "gpt-audio":
        leaves |= {"input_audio": draw(COUNT), "cache_audio_read": draw(FEW), "output_audio": draw(COUNT)}
    prompt = sum(leaves.get(name, 0) for name in INPUT)
    said = total(leaves, "text", "reasoning", "output_audio")
    is_google = model.startswith("gemini")
    stated = said - leaves["reasoning"] if is_google else said
    cached, heard = total(leaves, "cache_read", "cache_audio_read"), total(leaves, "input_audio", "cache_audio_read")
    read = {"cached_tokens": cached, "audio_tokens": heard}
    given: dict[str, Any] = details(draw, read)
    if leaves.get("cache_audio_read"):
        given["cached_tokens_details"] = {"audio_tokens": leaves["cache_audio_read"]}
    usage = {"prompt_tokens": prompt, "completion_tokens": stated, "total_tokens": prompt + said}
    if any(given.values()) or draw(st.booleans()):
        usage["prompt_tokens_details"] = given
    of_output = {"audio_tokens": leaves.get("output_audio", 0)} | (
        {} if is_google else {"reasoning_tokens": leaves["reasoning"]}
    )
    if any(of_output.values()) or draw(st.booleans()):
        usage["completion_tokens_details"] = details(draw, of_output)
    if not prompt + said and not draw(st.booleans()):
        usage.pop("total_tokens")
    tier = None if is_google else tier_of(draw, model)
    charge = Charge("google" if is_google else "openai", model, leaves, context=in_tier(tier))
    beside = {"model": model} | ({} if tier is None else {"service_tier": tier})
    type_ = "gemini" if is_google else "openai"
    if draw(st.booleans()):
        choice = {"index": 0, "message": {"role": "assistant", "content": draw(TEXT)}, "finish_reason": "stop"}
        body = mixed(
            draw,
            {"id": "c", "object": "chat.completion", "choices": [choice], "usage": mixed_usage(draw, usage), **beside},
        )
        return answer(draw, "chat_completions", type_, model, written(draw, body), False, charge)
    chunks: list[dict[str, Any]] = [
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": draw(TEXT)}}],
            **({"usage": None} if draw(st.booleans()) else {}),
            **beside,
        }
        for _ in range(draw(FEW))
    ]
    chunks.append({"object": "chat.completion.chunk", "choices": [], "usage": mixed_usage(draw, usage), **beside})
    return answer(draw, "chat_completions", type_, model, events(draw, chunks, done=True), True, charge)


def mixed_usage(draw: Callable[..., Any], usage: dict[str, Any]) -> dict[str, Any]:
    """Figures in any order, perhaps with one that nobody knows."""
    unknown = {"queue_time": 0.25} if draw(st.booleans()) else {}
    return dict(draw(st.permutations([*usage.items(), *unknown.items()])))


@st.composite
def completions(draw: Callable[..., Any]) -> Answer:
    """The completions of before chat."""
    model, leaves = "gpt-3.5-turbo-instruct", {"fresh": draw(COUNT), "text": draw(SOME)}
    usage = {
        "prompt_tokens": leaves["fresh"],
        "completion_tokens": leaves["text"],
        "total_tokens": sum(leaves.values()),
    }
    body = {"model": model, "choices": [{"text": draw(TEXT), "index": 0}], "usage": mixed_usage(draw, usage)}
    charge = Charge("openai", model, leaves)
    if draw(st.booleans()):
        return answer(draw, "completions", "openai", model, written(draw, mixed(draw, body)), False, charge)
    return answer(
        draw, "completions", "openai", model, events(draw, [{**body, "usage": None}, body], done=True), True, charge
    )


@st.composite
def embeddings(draw: Callable[..., Any]) -> Answer:
    """Embeddings: a prompt and nothing else."""
    model, prompt = "text-embedding-3-small", draw(SOME)
    usage = draw(st.sampled_from([{"prompt_tokens": prompt, "total_tokens": prompt}, {"total_tokens": prompt}]))
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.1, -0.2] * draw(FEW)}]
    body = mixed(draw, {"object": "list", "data": vectors, "model": model, "usage": usage})
    return answer(
        draw, "embeddings", "openai", model, written(draw, body), False, Charge("openai", model, {"fresh": prompt})
    )


@st.composite
def responses(draw: Callable[..., Any]) -> Answer:
    """Responses, with searches, and pictures that another model drew."""
    model = draw(st.sampled_from(["gpt-5.4", "gpt-5-mini"]))
    leaves = {"fresh": draw(COUNT), "cache_read": draw(COUNT), "text": draw(COUNT), "reasoning": draw(COUNT)}
    searches, opened, filed = draw(FEW), draw(FEW), draw(FEW)
    said = total(leaves, "text", "reasoning")
    prompt = total(leaves, "fresh", "cache_read")
    usage = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": leaves["cache_read"], "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": leaves["reasoning"]},
        "total_tokens": prompt + said,
    }
    found = [{"type": "web_search_call", "action": {"type": "search", "query": draw(TEXT)}} for _ in range(searches)]
    found += [{"type": "web_search_call", "action": {"type": "open_page", "url": "https://x"}} for _ in range(opened)]
    found += [{"type": "file_search_call", "queries": [draw(TEXT)]} for _ in range(filed)]
    found.append({"type": "message", "content": [{"type": "output_text", "text": draw(TEXT)}]})
    tier = tier_of(draw, model)
    leaves |= {"web_searches": searches, "file_searches": filed}
    charges = [Charge("openai", model, leaves, context=in_tier(tier))]
    body = {
        "object": "response",
        "model": model,
        "output": draw(st.permutations(found)),
        "usage": mixed_usage(draw, usage),
    }
    body |= {} if tier is None else {"service_tier": tier}
    if draw(st.booleans()):
        drawn, figures = picture(draw)
        body |= {"tool_usage": {"image_gen": figures, "web_search": {"num_requests": searches}}}
        painter = draw(st.sampled_from(["gpt-image-1", "gpt-image-1.5"]))
        body |= {"tools": [{"type": "web_search"}, {"type": "image_generation", "model": painter}]}
        charges.append(Charge("openai", painter, drawn))
    if draw(st.booleans()):
        return answer(draw, "responses", "openai", model, written(draw, mixed(draw, body)), False, *charges)
    created = {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "model": model, "usage": None}}
    delta = {"type": "response.output_text.delta", "sequence_number": 1, "delta": draw(TEXT)}
    completed = {"type": "response.completed", "sequence_number": 2, "response": mixed(draw, body)}
    return answer(
        draw, "responses", "openai", model, events(draw, [created, delta, completed], names=True), True, *charges
    )


def picture(draw: Callable[..., Any]) -> tuple[dict[str, int], dict[str, Any]]:
    """One picture: what it took, and its figures, with or without the details of the output."""
    leaves = {"fresh": draw(SOME), "input_image": draw(COUNT), "output_image": draw(SOME)}
    figures: dict[str, Any] = {
        "input_tokens": total(leaves, "fresh", "input_image"),
        "input_tokens_details": {"text_tokens": leaves["fresh"], "image_tokens": leaves["input_image"]},
        "output_tokens": leaves["output_image"],
        "total_tokens": sum(leaves.values()),
    }
    if draw(st.booleans()):
        leaves["text"] = draw(COUNT)
        figures["output_tokens"] += leaves["text"]
        figures["total_tokens"] += leaves["text"]
        figures["output_tokens_details"] = {"image_tokens": leaves["output_image"], "text_tokens": leaves["text"]}
    return leaves, figures


@st.composite
def images(draw: Callable[..., Any]) -> Answer:
    """Pictures: in one body, or each with the last event of its own."""
    model = draw(st.sampled_from(["gpt-image-1", "gpt-image-1.5", "gpt-image-2"]))
    if draw(st.booleans()):
        leaves, figures = picture(draw)
        charges = [Charge("openai", model, leaves)]
        body = {"created": 1, "data": [{"b64_json": draw(TEXT)}], "usage": figures}
        if draw(st.booleans()):
            given, said = draw(SOME), draw(SOME)
            body["svg_usage"] = {
                "model": "gpt-5-mini",
                "input_tokens": given,
                "output_tokens": said,
                "reasoning_tokens": 0,
                "total_tokens": given + said,
            }
            charges.append(Charge("openai", "gpt-5-mini", {"fresh": given, "text": said}))
        return answer(draw, "images_generations", "openai", model, written(draw, mixed(draw, body)), False, *charges)
    pictures = [picture(draw) for _ in range(draw(st.integers(1, 3)))]
    parts: list[dict[str, Any]] = []
    for _, figures in pictures:
        parts += [{"type": "image_generation.partial_image", "b64_json": draw(TEXT)} for _ in range(draw(FEW))]
        parts.append(mixed(draw, {"type": "image_generation.completed", "b64_json": draw(TEXT), "usage": figures}))
    charges = [Charge("openai", model, leaves) for leaves, _ in pictures]
    return answer(draw, "images_generations", "openai", model, events(draw, parts, names=True), True, *charges)


@st.composite
def recordings(draw: Callable[..., Any]) -> Answer:
    """Transcriptions by the second and by the token, and speech as events."""
    kind = draw(st.sampled_from(["seconds", "tokens", "speech"]))
    if kind == "seconds":
        seconds = draw(st.integers(1, 90_000))
        body = {
            "text": draw(TEXT),
            "usage": {"type": "duration", "seconds": draw(st.sampled_from([seconds, float(seconds)]))},
        }
        charge = Charge("openai", "whisper-1", {"audio_s": seconds})
        return answer(
            draw, "audio_transcriptions", "openai", "whisper-1", written(draw, mixed(draw, body)), False, charge
        )
    leaves = {"fresh": draw(COUNT), "text": draw(SOME)}
    usage: dict[str, Any] = {"output_tokens": leaves["text"]}
    if kind == "speech":
        model = "gpt-4o-mini-tts"
        usage |= {"input_tokens": leaves["fresh"], "total_tokens": sum(leaves.values())}
        done = [{"type": "speech.audio.delta", "audio": "eA=="}, {"type": "speech.audio.done", "usage": usage}]
        return answer(draw, "audio_speech", "openai", model, events(draw, done), True, Charge("openai", model, leaves))
    model, leaves["input_audio"] = "gpt-4o-transcribe", draw(COUNT)
    heard = {"text_tokens": leaves["fresh"], "audio_tokens": leaves["input_audio"]}
    given = total(leaves, "fresh", "input_audio")
    usage |= {
        "type": "tokens",
        "input_tokens": given,
        "input_token_details": heard,
        "total_tokens": sum(leaves.values()),
    }
    charge = Charge("openai", model, leaves)
    if draw(st.booleans()):
        return answer(
            draw,
            "audio_transcriptions",
            "openai",
            model,
            written(draw, mixed(draw, {"text": draw(TEXT), "usage": usage})),
            False,
            charge,
        )
    last = {"type": "transcript.text.done", "text": draw(TEXT), "usage": usage}
    delta = {"type": "transcript.text.delta", "delta": draw(TEXT)}
    return answer(draw, "audio_transcriptions", "openai", model, events(draw, [delta, last]), True, charge)


def of_claude(leaves: dict[str, int]) -> dict[str, Any]:
    """The figures of Messages: input without what the cache was used for."""
    usage: dict[str, Any] = {"input_tokens": leaves["fresh"], "output_tokens": leaves["text"]}
    usage["cache_read_input_tokens"] = leaves["cache_read"]
    usage["cache_creation_input_tokens"] = total(leaves, "cache_write", "cache_write_1h")
    lifetimes = {
        "ephemeral_5m_input_tokens": leaves["cache_write"],
        "ephemeral_1h_input_tokens": leaves["cache_write_1h"],
    }
    usage["cache_creation"] = lifetimes
    return usage


def claude_leaves(draw: Callable[..., Any]) -> dict[str, int]:
    """What one prompt of Claude took."""
    leaves = {name: draw(COUNT) for name in ("fresh", "cache_read", "cache_write", "cache_write_1h")}
    return {**leaves, "text": draw(SOME)}


TIERED = {"claude-haiku-5-5": 100_000, "claude-sonnet-4-5": 200_000}
NO_CACHE = {"cache_read": 0, "cache_write": 0, "cache_write_1h": 0}


@st.composite
def messages(draw: Callable[..., Any]) -> Answer:
    """Messages of several steps, with compactions and advisors, in fast mode, in the US."""
    model = draw(st.sampled_from(["claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-4-5", "claude-opus-4-8"]))
    steps = [claude_leaves(draw) for _ in range(draw(st.integers(1, 3)))]
    if model in TIERED and draw(st.booleans()):
        # Each below the length from which a prompt costs more, all together above it.
        lengths = st.lists(st.integers(40, 95), min_size=2, max_size=3).filter(lambda shares: sum(shares) > 100)
        steps = [{**NO_CACHE, "fresh": TIERED[model] * share // 100, "text": draw(SOME)} for share in draw(lengths)]
    own = {name: sum(step[name] for step in steps) for name in steps[0]}
    prompts = [sum(step[name] for name in INPUT if name in step) for step in steps]
    service: dict[str, str] = {"service_tier": "standard"} if draw(st.booleans()) else {}
    context, times = {}, Fraction(1)
    if model == "claude-opus-4-8" and draw(st.booleans()):
        service["speed"] = context["speed"] = "fast"
    if model in ("claude-opus-4-8", "claude-haiku-5-5") and draw(st.booleans()):
        service["inference_geo"], times = "us", Fraction(11, 10)
    usage = of_claude(own)
    searches = draw(FEW)
    if searches or draw(st.booleans()):
        usage["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": draw(FEW)}
    own["web_searches"] = searches
    iterations = [{"type": "message", "model": model, **of_claude(step)} for step in steps]
    charges: list[Charge] = []
    if draw(st.booleans()):
        beside = claude_leaves(draw)
        iterations.insert(0, {"type": "compaction", **of_claude(beside)})
        charges.append(Charge("anthropic", model, beside, times=times, context=context))
    if not context and times == 1 and draw(st.booleans()):
        beside = claude_leaves(draw)
        iterations.append({"type": "advisor_message", "model": "claude-opus-4-8", **of_claude(beside)})
        charges.append(Charge("anthropic", "claude-opus-4-8", beside))
    longest: int | None = None
    if len(iterations) > 1 or draw(st.booleans()):
        usage["iterations"] = iterations
        longest = max(prompts)
    charges.append(Charge("anthropic", model, own, longest=longest, times=times, context=context))
    named = draw(st.sampled_from([model, "claude-haiku-4-5-20251001"])) if model == "claude-haiku-4-5" else model
    if draw(st.booleans()):
        content = [{"type": "text", "text": draw(TEXT)}]
        body = {"type": "message", "model": named, "content": content, "usage": mixed_usage(draw, {**usage, **service})}
        return answer(draw, "messages", "anthropic", model, written(draw, mixed(draw, body)), False, *charges)
    opening = {**of_claude(steps[0]), "output_tokens": 1, **service}
    start = {"type": "message_start", "message": {"type": "message", "model": named, "content": [], "usage": opening}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": draw(TEXT)}}
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": mixed_usage(draw, usage)}
    parts = [start, {"type": "ping"}, delta, last, {"type": "message_stop"}]
    return answer(draw, "messages", "anthropic", model, events(draw, parts, names=True), True, *charges)


@st.composite
def conversations(draw: Callable[..., Any]) -> Answer:
    """Bedrock's Converse, in tiers and optimized for latency."""
    model = draw(st.sampled_from(["amazon.nova-pro-v1:0", "us.anthropic.claude-haiku-4-5-20251001-v1:0"]))
    leaves = {name: draw(COUNT) for name in ("fresh", "cache_read", "cache_write", "cache_write_1h")}
    leaves["text"] = draw(SOME)
    written_to = total(leaves, "cache_write", "cache_write_1h")
    usage: dict[str, Any] = {
        "inputTokens": leaves["fresh"],
        "outputTokens": leaves["text"],
        "totalTokens": sum(leaves.values()),
    }
    usage |= {"cacheReadInputTokens": leaves["cache_read"], "cacheWriteInputTokens": written_to}
    lifetimes = [
        {"ttl": "5m", "inputTokens": leaves["cache_write"]},
        {"ttl": "1h", "inputTokens": leaves["cache_write_1h"]},
    ]
    usage["cacheDetails"] = draw(st.permutations(lifetimes))
    times = Fraction(1)
    stated: dict[str, Any] = {"usage": mixed_usage(draw, usage), "metrics": {"latencyMs": 9}}
    if model.startswith("amazon"):
        tier, factor = draw(st.sampled_from([("default", 1), ("flex", Fraction(1, 2)), ("priority", Fraction(7, 4))]))
        stated["serviceTier"] = {"type": tier}
        latency, more = draw(st.sampled_from([("standard", 1), ("optimized", Fraction(5, 4))]))
        stated["performanceConfig"] = {"latency": latency}
        times *= factor * more
    charge = Charge("aws", model, leaves, times=times)
    if draw(st.booleans()):
        output = {"message": {"role": "assistant", "content": [{"text": draw(TEXT)}]}}
        body = mixed(draw, {"output": output, "stopReason": "end_turn", **stated})
        return answer(draw, "converse", "bedrock", model, written(draw, body), False, charge)
    frames = [
        aws_frames.event("messageStart", {"role": "assistant"}),
        aws_frames.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": draw(TEXT)}}),
        aws_frames.event("messageStop", {"stopReason": "end_turn"}),
        aws_frames.event("metadata", stated),
    ]
    return answer(draw, "converse", "bedrock", model, b"".join(frames), True, charge)


OF_EVERY_API = {
    "chat": chats(),
    "completions": completions(),
    "embeddings": embeddings(),
    "responses": responses(),
    "messages": messages(),
    "converse": conversations(),
    "images": images(),
    "audio": recordings(),
}
