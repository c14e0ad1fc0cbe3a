"""What a call costs, by the catalogue and by the file, to the billionth of a dollar."""

import json

import genai_prices
import pytest

from tests.contract.conftest import config
from tests.support.upstream import CHAT, response, stream

PRICES = """
prices:
  openai/of-the-file: {input_usd_per_mtok: 0.30, output_usd_per_mtok: "1.1", per_request_usd: 0.01}
  openai/gpt-5-mini: {output_usd_per_mtok: 100}
"""


SELLERS = """  groq: {{type: custom, base_url: "{url}/v1"}}
  ours: {{type: custom, base_url: "{url}/v1", prices_of: groq}}
"""
GEMINI = '  gemini: {{type: gemini, api_key: sk-up, base_url: "{url}"}}\n'


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    text = config(upstream.url).replace("  simulator:", (GEMINI + SELLERS).format(url=upstream.url) + "  simulator:")
    return module_gateway(text.replace("virtual_keys:", PRICES + "virtual_keys:"))


# The upstream reports 11 tokens in and 7 out.
COSTS = {
    "of the catalogue": ("openai/gpt-5", (11 * 1250 + 7 * 10_000), "genai-prices"),
    "of the file": ("openai/of-the-file", 11 * 300 + 7 * 1100 + 10_000_000, "file"),
    "of both": ("openai/gpt-5-mini", 11 * 250 + 7 * 100_000, "file: output; genai-prices"),
    "unknown": ("openai/made-up", None, None),
    "of nobody, whatever the provider is called": ("groq/llama-3.3-70b-versatile", None, None),
    "of the list that the file names": (
        "ours/llama-3.3-70b-versatile",
        11 * 590 + 7 * 790,
        f"genai-prices {genai_prices.__version__}: groq/llama-3.3-70b-versatile, by prices_of",
    ),
}


@pytest.mark.parametrize(("model", "cost", "source"), COSTS.values(), ids=COSTS.keys())
def test_the_decision_record_has_the_cost_and_where_its_price_comes_from(gateway, model, cost, source):
    record = gateway.record_of(gateway.chat(model))

    assert record["cost_nano_usd"] == cost
    assert record["price_source"] == source or record["price_source"].startswith(source)


def test_a_stream_costs_what_it_reports(gateway, upstream):
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
    upstream.play = lambda _: stream([usage, b"data: [DONE]\n\n"])

    body = {"model": "openai/gpt-5", "messages": [], "stream": True}
    record = gateway.record_of(gateway.post(body))

    assert record["cost_nano_usd"] == 9 * 1250 + 2 * 10_000


def test_a_failed_request_costs_nothing(gateway, upstream):
    upstream.play = lambda _: response(b"{}", 500)

    assert gateway.record_of(gateway.chat("openai/gpt-5"))["cost_nano_usd"] is None


def test_the_sum_is_a_metric(gateway, upstream):
    upstream.play = lambda _: response(CHAT)
    gateway.record_of(gateway.chat("openai/of-the-file"))

    text = gateway.metrics()

    line = next(
        line
        for line in text.splitlines()
        if line.startswith('gateway_cost_usd_total{model="of-the-file",provider="openai"}')
    )
    assert float(line.split()[1]) >= 0.01


REPORTS = {
    "cache writes for an hour": (
        "/v1/messages",
        "anthropic/claude-sonnet-4-5",
        {
            "input_tokens": 100,
            "cache_creation_input_tokens": 100_000,
            "cache_read_input_tokens": 0,
            "output_tokens": 10,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 100_000},
        },
        {},
        600_450_000,
    ),
    "searches of Anthropic": (
        "/v1/messages",
        "anthropic/claude-sonnet-4-5",
        {"input_tokens": 100, "output_tokens": 10, "server_tool_use": {"web_search_requests": 10}},
        {},
        100_450_000,
    ),
    "searches of OpenAI": (
        "/v1/responses",
        "openai/gpt-5.4",
        {"input_tokens": 1000, "output_tokens": 1000, "total_tokens": 2000},
        {"output": [{"type": "web_search_call", "id": f"ws_{n}"} for n in range(10)]},
        117_500_000,
    ),
    "the flex tier": (
        "/v1/chat/completions",
        "openai/gpt-5",
        {"prompt_tokens": 100_000, "completion_tokens": 100_000, "total_tokens": 200_000},
        {"service_tier": "flex"},
        562_500_000,
    ),
    "the priority tier": (
        "/v1/chat/completions",
        "openai/gpt-5",
        {"prompt_tokens": 100_000, "completion_tokens": 100_000, "total_tokens": 200_000},
        {"service_tier": "priority"},
        2_250_000_000,
    ),
    "fast mode": (
        "/v1/messages",
        "anthropic/claude-opus-4-8",
        {"input_tokens": 1_000_000, "output_tokens": 1_000_000, "speed": "fast"},
        {},
        60_000_000_000,
    ),
    "inference in the US": (
        "/v1/messages",
        "anthropic/claude-opus-4-8",
        {"input_tokens": 1_000_000, "output_tokens": 1_000_000, "inference_geo": "us"},
        {},
        33_000_000_000,
    ),
    "pictures": (
        "/v1/images/generations",
        "openai/gpt-image-1.5",
        {
            "input_tokens": 1000,
            "output_tokens": 100_000,
            "total_tokens": 101_000,
            "output_tokens_details": {"image_tokens": 100_000, "text_tokens": 0},
        },
        {"data": [{"b64_json": "eA=="}]},
        3_205_000_000,
    ),
    "thoughts in the total alone": (
        "/v1/chat/completions",
        "gemini/gemini-2.5-pro",
        {"completion_tokens": 12, "prompt_tokens": 35, "total_tokens": 109},
        {},
        35 * 1250 + 74 * 10_000,
    ),
    "a compaction": (
        "/v1/messages",
        "anthropic/claude-opus-4-8",
        {
            "input_tokens": 23_000,
            "output_tokens": 1000,
            "iterations": [
                {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
                {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
            ],
        },
        {},
        1_127_500_000,
    ),
    "several short prompts": (
        "/v1/messages",
        "anthropic/claude-sonnet-4-5",
        {
            "input_tokens": 270_000,
            "output_tokens": 30,
            "iterations": [{"type": "message", "input_tokens": 90_000, "output_tokens": 10}] * 3,
        },
        {},
        270_000 * 3000 + 30 * 15_000,
    ),
    "a long prompt among short ones": (
        "/v1/messages",
        "anthropic/claude-sonnet-4-5",
        {
            "input_tokens": 290_001,
            "output_tokens": 20,
            "iterations": [
                {"type": "message", "input_tokens": 90_000, "output_tokens": 10},
                {"type": "message", "input_tokens": 1, "cache_read_input_tokens": 200_000, "output_tokens": 10},
            ],
        },
        {},
        90_001 * 6000 + 200_000 * 600 + 20 * 22_500,
    ),
    "an advisor": (
        "/v1/messages",
        "anthropic/claude-haiku-4-5",
        {
            "input_tokens": 10,
            "output_tokens": 10,
            "iterations": [
                {"type": "message", "input_tokens": 10, "output_tokens": 10},
                {
                    "type": "advisor_message",
                    "model": "claude-opus-4-8",
                    "input_tokens": 1_000_000,
                    "output_tokens": 100_000,
                },
            ],
        },
        {},
        7_500_060_000,
    ),
    "a fallback of the provider": (
        "/v1/messages",
        "anthropic/claude-haiku-4-5",
        {"input_tokens": 1_000_000, "output_tokens": 100_000},
        {"model": "claude-opus-4-8"},
        7_500_000_000,
    ),
    "a fine-tuned model": (
        "/v1/chat/completions",
        "openai/ft:gpt-4o-mini-2024-07-18:org::id",
        {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000},
        {},
        1_500_000,
    ),
}


@pytest.mark.parametrize(("path", "model", "usage", "beside", "cost"), REPORTS.values(), ids=REPORTS.keys())
def test_everything_that_is_billed_is_counted(gateway, upstream, path, model, usage, beside, cost):
    answer = {"id": "x", "model": model.partition("/")[2], "usage": usage, **beside}
    upstream.play = lambda _: response(json.dumps(answer).encode())

    reply = gateway.post({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}, path=path)

    assert gateway.record_of(reply)["cost_nano_usd"] == cost


def test_the_price_in_a_record_is_that_of_the_longest_prompt(gateway, upstream):
    step = {"type": "message", "input_tokens": 90_000, "output_tokens": 10}
    usage = {"input_tokens": 270_000, "output_tokens": 30, "iterations": [step] * 3}
    upstream.play = lambda _: response(json.dumps({"model": "claude-sonnet-4-5", "usage": usage}).encode())

    body = {"model": "anthropic/claude-sonnet-4-5", "max_tokens": 9, "messages": []}
    record = gateway.record_of(gateway.post(body, path="/v1/messages"))

    assert record["price"]["input"] == 3_000_000_000
    assert record["served"]["longest_prompt"] == 90_000
    assert record["usage"]["input_tokens"] == 270_000


def test_seconds_of_audio_are_billed_by_the_hour(gateway, upstream):
    upstream.play = lambda _: response(b'{"text":"hi","usage":{"type":"duration","seconds":27}}')

    reply = gateway.client.post(
        "/v1/audio/transcriptions", data={"model": "openai/whisper-1"}, files={"file": ("a.mp3", b"xx", "audio/mpeg")}
    )

    assert gateway.record_of(reply)["cost_nano_usd"] == 27 * 360_000_000 // 3600


def speak(gateway, model, text="h\u00e9llo"):
    reply = gateway.post({"model": f"openai/{model}", "input": text, "voice": "alloy"}, path="/v1/audio/speech")
    return gateway.record_of(reply)


def test_speech_is_billed_by_the_characters_of_the_request(gateway, upstream):
    upstream.play = lambda _: response(b"sound", content_type="audio/mpeg")

    record = speak(gateway, "tts-1")

    assert record["cost_nano_usd"] == 5 * 15_000
    assert record["usage"]["further"] == {"input_characters": 5}
    assert record["usage_warning"] == "usage-not-reported"


TEN_SECONDS = b"\xff\xfb\x90\xc4" + b"\x00" * 159_996
"""MPEG layer III of 128,000 bits a second: 1250 tokens a minute are 209."""


@pytest.mark.parametrize("streams", [False, True])
def test_speech_that_states_no_usage_is_billed_by_its_length(gateway, upstream, streams):
    pieces = [TEN_SECONDS[:100], TEN_SECONDS[100:90_000], TEN_SECONDS[90_000:]]
    whole, in_pieces = response(TEN_SECONDS, content_type="audio/mpeg"), stream(pieces, content_type="audio/mpeg")
    upstream.play = lambda _: in_pieces if streams else whole

    record = speak(gateway, "gpt-4o-mini-tts")

    usage = record["usage"]
    assert (usage["output_tokens"], usage["output_audio_tokens"]) == (209, 209)
    assert record["cost_nano_usd"] == 209 * 12_000 + usage["input_tokens"] * 600
    assert record["usage_warning"] == "usage-not-reported"


@pytest.mark.parametrize(("text", "tokens"), [("a" * 1300, 2084), ("\u4f60" * 433, 2082)])
def test_speech_whose_length_cannot_be_told_is_billed_by_its_text(gateway, upstream, text, tokens):
    upstream.play = lambda _: response(b"OggS" + b"\x00" * 50_000, content_type="audio/ogg")

    assert speak(gateway, "gpt-4o-mini-tts", text)["usage"]["output_tokens"] == tokens


def test_speech_as_events_costs_what_it_states(gateway, upstream):
    delta = b'data: {"type":"speech.audio.delta","audio":"eA=="}\n\n'
    usage = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
    done = f"data: {json.dumps({'type': 'speech.audio.done', 'usage': usage})}\n\n".encode()
    upstream.play = lambda _: stream([delta, done])
    stated = speak(gateway, "gpt-4o-mini-tts")
    upstream.play = lambda _: stream([delta])
    cut = speak(gateway, "gpt-4o-mini-tts", "a" * 130)

    assert stated["cost_nano_usd"] == 14 * 600 + 101 * 12_000
    assert (cut["outcome"], cut["usage"]["output_tokens"]) == ("failed", 209)


DRAWN = {
    "model": "gpt-5.4",
    "service_tier": "flex",
    "output": [
        {"type": "image_generation_call", "result": "x" * 2_000_000},
        {"type": "web_search_call", "action": {"type": "search", "query": 'y"' * 9}},
    ],
    "tools": [{"type": "image_generation", "model": "gpt-image-1.5"}, {"type": "web_search"}],
    "tool_usage": {"image_gen": {"input_tokens": 100, "output_tokens": 1000}},
    "usage": {"input_tokens": 100_000, "output_tokens": 1000, "total_tokens": 101_000},
}


@pytest.mark.parametrize("streams", [False, True])
def test_a_large_answer_costs_all_that_it_states(gateway, upstream, streams):
    if streams:
        event = f"data: {json.dumps({'type': 'response.completed', 'response': DRAWN})}\n\n".encode()
        upstream.play = lambda _: stream([event[:500_000], event[500_000:1_900_000], event[1_900_000:]])
    else:
        upstream.play = lambda _: response(json.dumps(DRAWN).encode())

    body = {"model": "openai/gpt-5.4", "input": "a cat", "stream": streams}
    record = gateway.record_of(gateway.post(body, path="/v1/responses"))

    flex = 100_000 * 1250 + 1000 * 7500
    assert record["cost_nano_usd"] == flex + 10_000_000 + 100 * 5000 + 1000 * 32_000
    assert record["served"]["service_tier"] == "flex"


def test_a_large_answer_of_claude_costs_all_that_it_states(gateway, upstream):
    steps = [{"type": "message", "input_tokens": 100, "cache_read_input_tokens": 100_000, "output_tokens": 1}] * 2
    usage = {"input_tokens": 200, "cache_read_input_tokens": 200_000, "output_tokens": 2, "iterations": steps}
    answer = {"model": "claude-sonnet-4-5", "content": [{"type": "text", "text": "z" * 2_000_000}], "usage": usage}
    upstream.play = lambda _: response(json.dumps(answer).encode())

    body = {"model": "anthropic/claude-sonnet-4-5", "max_tokens": 9, "messages": []}
    record = gateway.record_of(gateway.post(body, path="/v1/messages"))

    assert record["cost_nano_usd"] == 200 * 3000 + 200_000 * 300 + 2 * 15_000


def test_every_picture_of_a_stream_is_billed(gateway, upstream):
    usage = {"input_tokens": 100, "output_tokens": 1000, "total_tokens": 1100}
    done = {"type": "image_generation.completed", "b64_json": "x" * 2_000_000, "usage": usage}
    event = f"event: image_generation.completed\ndata: {json.dumps(done)}\n\n".encode()
    upstream.play = lambda _: stream([event[:1_000_000], event[1_000_000:], event, event])

    body = {"model": "openai/gpt-image-1.5", "prompt": "three cats", "n": 3, "stream": True}
    record = gateway.record_of(gateway.post(body, path="/v1/images/generations"))

    assert record["usage"] == {**record["usage"], "input_tokens": 300, "output_tokens": 3000}
    assert record["cost_nano_usd"] == 300 * 5000 + 3000 * 32_000


def test_a_stream_costs_what_its_steps_cost_at_their_own_models(gateway, upstream):
    start = {"type": "message_start", "message": {"model": "claude-haiku-4-5", "usage": {"input_tokens": 10}}}
    step = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 1000, "output_tokens": 100}
    delta = {"type": "message_delta", "usage": {"output_tokens": 10, "iterations": [step]}}
    events = [
        f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode()
        for one in (start, delta, {"type": "message_stop"})
    ]
    upstream.play = lambda _: stream(events)

    body = {"model": "anthropic/claude-haiku-4-5", "max_tokens": 9, "messages": [], "stream": True}
    record = gateway.record_of(gateway.post(body, path="/v1/messages"))

    assert record["cost_nano_usd"] == 10 * 1000 + 10 * 5000 + 1000 * 5000 + 100 * 25_000
    assert record["served"]["iterations"][0]["model"] == "claude-opus-4-8"


@pytest.mark.parametrize(
    ("usage", "beside", "cost", "warning"),
    [
        ({"prompt_tokens": "many", "completion_tokens": 7}, {}, None, "unreadable: usage.prompt_tokens"),
        (
            {"prompt_tokens": 11, "completion_tokens": 7},
            {"service_tier": "turbo"},
            83_750,
            "unpriced: service_tier turbo",
        ),
        (
            {"prompt_tokens": 11, "completion_tokens": 7},
            {"service_tier": ["priority"]},
            83_750,
            "unpriced: service_tier unreadable",
        ),
        (
            {"prompt_tokens": 11, "completion_tokens": 7, "server_side_tool_usage_details": {"x_search_calls": 2}},
            {},
            83_750,
            "unpriced: social_searches",
        ),
    ],
)
def test_what_cannot_be_read_or_priced_is_told_and_marked(gateway, upstream, usage, beside, cost, warning):
    upstream.play = lambda _: response(json.dumps({"usage": usage, **beside}).encode())

    reply = gateway.chat("openai/gpt-5")

    record = gateway.record_of(reply)
    assert reply.headers["x-langwatch-usage-warning"] == record["usage_warning"] == warning
    if cost is None:
        assert record["served"]["unreadable"] == ["usage.prompt_tokens"]
        assert record["cost_nano_usd"] > 7 * 10_000 + 11 * 1250
    else:
        assert record["cost_nano_usd"] == cost


def test_the_served_model_prices_the_answer_and_says_so(gateway, upstream):
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    upstream.play = lambda _: response(json.dumps({"model": "gpt-5-2025-08-07", "usage": usage}).encode())
    dearer = gateway.record_of(gateway.chat("openai/gpt-5-nano"))
    unknown = gateway.record_of(gateway.chat("openai/made-up"))
    upstream.play = lambda _: response(json.dumps({"model": "nobody-knows", "usage": usage}).encode())
    asked = gateway.record_of(gateway.chat("openai/gpt-5"))

    assert [one["cost_nano_usd"] for one in (dearer, unknown, asked)] == [83_750] * 3
    assert dearer["price_source"].endswith("openai/gpt-5")
    assert asked["price_source"].endswith("openai/gpt-5, as asked")
