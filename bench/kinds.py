"""Requests of the kinds that gateways see, each with what it consumes: made up, and the same in every run."""

import base64
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

CONFIG: Final = """
version: 1
providers: {{openai: {{type: openai, api_key: k}}, claude: {{type: anthropic, api_key: k}}}}
prices:
  openai/small: {{input_usd_per_mtok: 0.25, output_usd_per_mtok: 2, cache_read_usd_per_mtok: 0.025}}
  openai/large: {{input_usd_per_mtok: 1.25, output_usd_per_mtok: 10, cache_read_usd_per_mtok: 0.125}}
  openai/embedding: {{input_usd_per_mtok: 0.02, output_usd_per_mtok: 0}}
  claude/claude-sonnet-4-5:
    input_usd_per_mtok: 3
    output_usd_per_mtok: 15
    cache_read_usd_per_mtok: 0.3
    cache_write_usd_per_mtok: 3.75
    cache_write_1h_usd_per_mtok: 6
reservations:
  models:
    openai/small: {{context_window: 400000}}
    openai/large: {{context_window: 400000}}
    claude/claude-sonnet-4-5: {{context_window: 200000}}
budgets: {{cap: {{scope: {{virtual_key: dev}}, window: total, {budget}}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{hash}"}}}}
"""

_TEXT: Final = "the most that a request can cost is reserved before it is sent and settled when its answer is over"
_WORDS: Final = _TEXT.split()
_PAGES, _TOKENS_PER_PAGE = 16, 2_700


class Request(NamedTuple):
    """One request, with what it consumes: tokens of the whole prompt, those read from a cache, and of the answer."""

    kind: str
    endpoint: str
    body: dict[str, Any]
    prompt: int
    cached: int
    output: int
    seconds: float


Make = Callable[[random.Random, int], tuple[str, dict[str, Any], int, int, int]]


def requests(kind: str, count: int) -> Iterator[Request]:
    """So many requests of a kind."""
    chance = random.Random(kind)  # noqa: S311 - the same in every run
    for number in range(count):
        endpoint, body, prompt, cached, output = KINDS[kind](chance, number)
        yield Request(kind, endpoint, body, prompt, cached, output, 0.5 + output / 80)


def _words(chance: random.Random, tokens: int) -> str:
    """English, of 4.4 bytes to a token."""
    return " ".join(chance.choices(_WORDS, k=tokens))


def _output(chance: random.Random, median: int, most: int) -> int:
    """Most answers are short, a few are many times as long."""
    return min(most, max(1, round(chance.lognormvariate(0, 0.8) * median)))


def _chat(text: Any, limit: int | None, model: str = "small") -> dict[str, Any]:
    body = {"model": f"openai/{model}", "messages": [{"role": "user", "content": text}]}
    return body if limit is None else {**body, "max_tokens": limit}


def _short(limit: int | None) -> Make:
    def make(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
        tokens = chance.randint(40, 400)
        return "chat_completions", _chat(_words(chance, tokens), limit), tokens + 10, 0, _output(chance, 200, 1_000)

    return make


def _retrieval(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    return "chat_completions", _chat(_words(chance, 5_000), 1_000), 5_010, 0, _output(chance, 250, 1_000)


def _agent(chance: random.Random, number: int) -> tuple[str, dict[str, Any], int, int, int]:
    tokens = 60_000 + 400 * (number % 20)
    system = [{"type": "text", "text": "code " * tokens, "cache_control": {"type": "ephemeral"}}]
    messages = [{"role": "user", "content": _words(chance, 300)}]
    tools = [{"name": "edit", "description": "Edits.", "input_schema": {"type": "object"}}]
    body = {"model": "claude/claude-sonnet-4-5", "max_tokens": 32_000, "system": system, "messages": messages}
    return "messages", {**body, "tools": tools}, tokens + 800, tokens, _output(chance, 300, 32_000)


def _script(text: str, bytes_per_token: float) -> Make:
    def make(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
        times = chance.randint(20, 200)
        tokens = round(len(text.encode()) * times / bytes_per_token)
        return "chat_completions", _chat(text * times, 1_000), tokens, 0, _output(chance, 250, 1_000)

    return make


def _image(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    url = "data:image/png;base64," + base64.b64encode(chance.randbytes(200_000)).decode()
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return "chat_completions", _chat(content, 500, "large"), 1_120, 0, _output(chance, 120, 500)


def _pdf(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    pages = b"".join(b"%d 0 obj <</Type /Page /Parent 2 0 R>> endobj\n" % number for number in range(_PAGES))
    data = base64.b64encode(b"%PDF-1.7\n" + pages + chance.randbytes(750_000)).decode()
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    messages = [{"role": "user", "content": [{"type": "document", "source": source}]}]
    body = {"model": "claude/claude-sonnet-4-5", "max_tokens": 2_000, "messages": messages}
    return "messages", body, _PAGES * _TOKENS_PER_PAGE, 0, _output(chance, 400, 2_000)


def _embeddings(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    return "embeddings", {"model": "openai/embedding", "input": [_words(chance, 500) for _ in range(8)]}, 4_000, 0, 0


def _long(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    text = _words(chance, 1_000) * 150
    return "chat_completions", _chat(text, 2_000, "large"), 150_000, 0, _output(chance, 500, 2_000)


def _logs(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    lines = [
        f"2026-11-03 10:15:02.{chance.randrange(1000):03} INFO req={uuid.UUID(int=chance.getrandbits(128))} "
        f"trace={chance.getrandbits(128):032x} took={chance.randrange(9999)}ms"
        for _ in range(150)
    ]
    text = "\n".join(lines)
    return "chat_completions", _chat(text, 1_000), round(len(text) / 1.9), 0, _output(chance, 250, 1_000)


def _stored(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    body = {"model": "openai/small", "input": _words(chance, 60), "previous_response_id": "resp_1"}
    return "responses", {**body, "max_output_tokens": 1_000}, 30_000, 27_000, _output(chance, 250, 1_000)


def _reasoning(chance: random.Random, _: int) -> tuple[str, dict[str, Any], int, int, int]:
    body = {"model": "openai/large", "input": _words(chance, 1_500), "max_output_tokens": 32_000}
    return "responses", body, 1_510, 0, chance.randint(15_000, 30_000)


def _attacker(chance: random.Random, number: int) -> tuple[str, dict[str, Any], int, int, int]:
    body = _chat(_words(chance, 200), 16_000, "large")
    return "chat_completions", body, 210, 0, 20 if number < _TRAINS else 16_000


_TRAINS = 64

KINDS: Final[dict[str, Make]] = {
    "short chat": _short(1_000),
    "short chat without a limit": _short(None),
    "retrieval": _retrieval,
    "coding agent": _agent,
    "Chinese": _script("人工智能正在改变世界。我们需要理解它的影响。", 4.5),
    "Japanese": _script("これは日本語の文章です。東京は今日も良い天気ですね。", 4.2),
    "one image": _image,
    "a PDF of 1 MB": _pdf,
    "embeddings": _embeddings,
    "a prompt of 150,000": _long,
    "logs of hex and UUIDs": _logs,
    "previous_response_id": _stored,
    "reasoning": _reasoning,
    "trains short, bursts long": _attacker,
}
