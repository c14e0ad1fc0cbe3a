"""What answers state beyond tokens in and out: small answers, and what is read of each."""

import json

import pytest

from gateway.shapes import converse, images, messages, openai_usage
from gateway.shapes.audio import SPEECH
from gateway.usage import Iteration, Served, Usage


def read(reader, body):
    return reader.read_body(json.dumps(body).encode())


def openai(usage, **beside):
    return read(openai_usage, {"model": "gpt-5", "usage": usage, **beside})


def claude(usage, **beside):
    return read(messages, {"model": "claude-haiku-4-5", "usage": usage, **beside})


TOKENS = {"input_tokens": 100, "output_tokens": 10}
CHAT_TOKENS = {"prompt_tokens": 1, "completion_tokens": 1}


@pytest.mark.parametrize(
    "answered", [(openai_usage, CHAT_TOKENS), (openai_usage, {**CHAT_TOKENS, "total_tokens": 2}), (messages, TOKENS)]
)
def test_what_is_too_long_for_a_name_is_no_model(answered):
    reader, usage = answered

    served = [read(reader, {"model": "m" * long, "usage": usage}).served for long in (512, 513)]

    assert served == [Served(model="m" * 512), None]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "cache_creation_input_tokens": 70,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 50},
            },
            Usage(input_tokens=170, output_tokens=10, cache_write_tokens=70, further={"cache_write_1h_tokens": 50}),
        ),
        (
            {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 9}},
            Usage(input_tokens=100, output_tokens=10, further={"web_searches": 3}),
        ),
        (
            {"output_tokens_details": {"thinking_tokens": 4}},
            Usage(input_tokens=100, output_tokens=10, reasoning_tokens=4),
        ),
    ],
)
def test_figures_of_messages(usage, expected):
    assert claude({**TOKENS, **usage}).usage == expected


@pytest.mark.parametrize(
    ("usage", "served"),
    [
        (
            {"service_tier": "standard", "speed": "standard", "inference_geo": "global"},
            Served(model="claude-haiku-4-5"),
        ),
        ({"service_tier": "priority"}, Served(model="claude-haiku-4-5", service_tier="priority")),
        ({"speed": "fast", "inference_geo": "us"}, Served(model="claude-haiku-4-5", speed="fast", region="us")),
        ({"inference_geo": "not_available"}, Served(model="claude-haiku-4-5")),
    ],
)
def test_how_messages_were_served(usage, served):
    assert claude({**TOKENS, **usage}).served == served


def step(kind, model=None, **figures):
    return {"type": kind, "input_tokens": 0, "output_tokens": 0, **figures, **({"model": model} if model else {})}


@pytest.mark.parametrize(
    ("iterations", "usage", "served"),
    [
        (
            [step("compaction", input_tokens=180_000, output_tokens=3500), step("message", **TOKENS)],
            Usage(**TOKENS),
            Served(
                model="claude-haiku-4-5",
                iterations=(Iteration("compaction", Usage(input_tokens=180_000, output_tokens=3500)),),
            ),
        ),
        (
            [
                step("message", "claude-haiku-4-5", **TOKENS),
                step(
                    "advisor_message", "claude-opus-4-8", input_tokens=900, output_tokens=90, cache_read_input_tokens=50
                ),
                step("message", "claude-haiku-4-5", input_tokens=300, output_tokens=40),
            ],
            Usage(input_tokens=400, output_tokens=50),
            Served(
                model="claude-haiku-4-5",
                longest_prompt=300,
                iterations=(
                    Iteration(
                        "advisor_message",
                        Usage(input_tokens=950, output_tokens=90, cache_read_tokens=50),
                        "claude-opus-4-8",
                    ),
                ),
            ),
        ),
        (
            [
                step("message", "claude-haiku-4-5", input_tokens=7, output_tokens=1),
                step("fallback_message", "claude-opus-4-8", **TOKENS),
            ],
            Usage(**TOKENS),
            Served(
                model="claude-opus-4-8",
                iterations=(Iteration("message", Usage(input_tokens=7, output_tokens=1), "claude-haiku-4-5"),),
            ),
        ),
        (
            [step("message", "claude-haiku-4-5-20251001", **TOKENS), step("compaction", input_tokens=7)],
            Usage(**TOKENS),
            Served(model="claude-haiku-4-5", iterations=(Iteration("compaction", Usage(input_tokens=7)),)),
        ),
        ([step(["message"])], Usage(**TOKENS), Served(model="claude-haiku-4-5")),
        ([step("something_new")], Usage(**TOKENS), Served(model="claude-haiku-4-5")),
    ],
    ids=["compaction", "advisor", "fallback", "another spelling", "no type", "nothing"],
)
def test_steps_on_the_providers_side_are_billed_each_at_its_model(iterations, usage, served):
    stated = claude({**TOKENS, "iterations": iterations})

    assert (stated.usage, stated.served) == (usage, served)


ONE, TWO = step("message", input_tokens=100, output_tokens=1), step("message", input_tokens=70, output_tokens=1)


@pytest.mark.parametrize(
    ("usage", "iterations", "longest"),
    [
        ({"input_tokens": 100}, [ONE], None),
        ({"input_tokens": 170}, [ONE, TWO], 100),
        ({"input_tokens": 0}, [ONE, TWO], 100),
        ({"input_tokens": 290}, [ONE, TWO], 120),
        ({"input_tokens": 270}, [step("message", input_tokens=30, cache_read_input_tokens=70), ONE, TWO], 100),
        ({"input_tokens": 170}, [ONE, TWO, step("compaction", input_tokens=900)], 100),
        ({"input_tokens": 170}, [step("compaction", input_tokens=900)], None),
        ({"input_tokens": 170}, [ONE, TWO, step("message", input_tokens="many")], None),
        ({"input_tokens": 170}, "many", None),
    ],
    ids=["one", "two", "no sum", "more than their sum", "cached", "compacted", "no step", "unreadable", "no list"],
)
def test_the_longest_prompt_of_several_is_kept(usage, iterations, longest):
    stated = claude({"output_tokens": 2, **usage, "iterations": iterations})

    assert stated.served.longest_prompt == longest


@pytest.mark.parametrize(
    ("later", "longest"),
    [({"output_tokens": 9}, 100), ({"output_tokens": 9, "speed": "fast"}, 100), ({"input_tokens": 500}, None)],
)
def test_in_a_stream_the_longest_prompt_holds_until_the_input_grows(later, longest):
    known = None
    for usage in ({"input_tokens": 100, "speed": "fast"}, {"input_tokens": 170, "iterations": [ONE, TWO]}, later):
        known = messages.read_event(known, json.dumps({"type": "message_delta", "usage": usage}).encode())

    assert known.served.longest_prompt == longest


def test_a_stream_of_messages_says_at_its_end_what_it_cost():
    opening = {**TOKENS, "output_tokens": 1, "service_tier": "priority", "cache_creation_input_tokens": 8}
    opening["cache_creation"] = {"ephemeral_1h_input_tokens": 8}
    start = {"type": "message_start", "message": {"model": "claude-haiku-4-5", "usage": opening}}
    advised = step("advisor_message", "claude-opus-4-8", input_tokens=5, output_tokens=5)
    delta = {"type": "message_delta", "usage": {"output_tokens": 60, "iterations": [advised]}}

    known = messages.read_event(None, json.dumps(start).encode())
    stated = messages.read_event(known, json.dumps(delta).encode())

    assert stated.usage == Usage(
        input_tokens=108, output_tokens=60, cache_write_tokens=8, further={"cache_write_1h_tokens": 8}
    )
    assert stated.served == Served(
        model="claude-haiku-4-5",
        service_tier="priority",
        iterations=(Iteration("advisor_message", Usage(input_tokens=5, output_tokens=5), "claude-opus-4-8"),),
    )


@pytest.mark.parametrize(
    ("usage", "output", "reasoning"),
    [
        ({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}, 74, 62),
        ({"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}, 34, 28),
        ({"prompt_tokens": 66, "completion_tokens": 34, "total_tokens": 100}, 34, 0),
        ({"prompt_tokens": 66, "completion_tokens": 34, "total_tokens": 7}, 34, 0),
        ({"prompt_tokens": 9, "total_tokens": 20}, 11, 11),
    ],
)
def test_thoughts_that_stand_in_the_total_alone_are_output(usage, output, reasoning):
    read = openai(usage).usage

    assert (read.output_tokens, read.reasoning_tokens) == (output, reasoning)


PLAIN = {"prompt_tokens": 100, "completion_tokens": 10}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({**PLAIN, "prompt_cache_hit_tokens": 40, "prompt_cache_miss_tokens": 60}, {"cache_read_tokens": 40}),
        ({**PLAIN, "cached_tokens": 40}, {"cache_read_tokens": 40}),
        ({**PLAIN, "prompt_tokens_details": {"cached_tokens": 40, "image_tokens": 5}}, {"cache_read_tokens": 40, "further": {"input_image_tokens": 5}}),
        (
            {**PLAIN, "input_tokens_details": {"cached_tokens": 9, "cached_tokens_details": {"audio_tokens": 7}}},
            {"cache_read_tokens": 9, "further": {"cache_audio_read_tokens": 7}},
        ),
        ({**PLAIN, "output_tokens_details": {"image_tokens": 8, "text_tokens": 2}}, {"further": {"output_image_tokens": 8}}),
        (
            {**PLAIN, "server_side_tool_usage_details": {"web_search_calls": 2, "x_search_calls": 3}},
            {"further": {"web_searches": 2, "social_searches": 3}},
        ),
        ({**PLAIN, "prompt_tokens": 100.0}, {}),
    ],
)  # fmt: skip
def test_figures_and_dialects_of_openais_shapes(usage, expected):
    assert openai(usage).usage == Usage(input_tokens=100, output_tokens=10, **expected)


def test_perplexitys_research_stands_beside_its_output():
    usage = {**PLAIN, "total_tokens": 110, "citation_tokens": 20, "reasoning_tokens": 5, "num_search_queries": 4}

    assert openai(usage).usage == Usage(
        input_tokens=100,
        output_tokens=35,
        reasoning_tokens=5,
        further={"output_citation_tokens": 20, "web_searches": 4},
    )


def test_a_total_alone_is_that_of_a_prompt():
    assert openai({"total_tokens": 8}).usage == Usage(input_tokens=8)


SEARCH = {"type": "web_search_call", "action": {"type": "search", "query": "x"}}
OPENED = {"type": "web_search_call", "action": {"type": "open_page", "url": "https://x"}}


@pytest.mark.parametrize(
    ("beside", "further"),
    [
        ({"output": [SEARCH, OPENED, {"type": "web_search_call"}]}, {"web_searches": 2}),
        ({"output": [{"type": "web_search_call", "action": {"type": ["open_page"]}}]}, {"web_searches": 1}),
        ({"output": [{"type": "file_search_call"}, {"type": "code_interpreter_call"}]}, {"file_searches": 1, "code_executions": 1}),
        ({"output": [SEARCH, SEARCH], "tool_usage": {"web_search": {"num_requests": 1}}}, {"web_searches": 1}),
        ({"output": [{"type": "message", "content": [{"text": '"type":"web_search_call"'}]}]}, None),
    ],
)  # fmt: skip
def test_calls_that_responses_bill(beside, further):
    expected = Usage(**TOKENS) if further is None else Usage(**TOKENS, further=further)

    assert openai(TOKENS, **beside).usage == expected
    event = {"type": "response.completed", "response": {"usage": TOKENS, "model": "gpt-5", **beside}}
    assert read(openai_usage, event).usage == expected


def test_what_another_model_drew_is_an_iteration_of_its_own():
    drawn = {"input_tokens": 50, "output_tokens": 4160, "output_tokens_details": {"image_tokens": 4160}}
    stated = openai(
        TOKENS,
        output=[],
        tools=[{"type": "web_search"}, {"type": "image_generation", "model": "gpt-image-1.5"}],
        tool_usage={"image_gen": drawn, "web_search": {"num_requests": 0}},
        service_tier="flex",
    )

    usage = Usage(input_tokens=50, output_tokens=4160, further={"output_image_tokens": 4160})
    assert stated.served == Served(
        model="gpt-5", service_tier="flex", iterations=(Iteration("image_generation", usage, "gpt-image-1.5"),)
    )


def test_a_stream_of_groq_states_its_usage_in_its_own_member():
    assert read(openai_usage, {"choices": [], "x_groq": {"usage": PLAIN}}).usage == Usage(
        input_tokens=100, output_tokens=10
    )


PICTURE = {"input_tokens": 50, "output_tokens": 4160, "input_tokens_details": {"image_tokens": 10, "text_tokens": 40}}


def test_each_picture_of_a_stream_is_counted():
    stated = None
    for usage in (PICTURE, {**PICTURE, "input_tokens": 60, "output_tokens": "many"}, PICTURE):
        event = {"type": "image_generation.completed", "b64_json": "eA==", "usage": usage}
        stated = images.read_event(stated, json.dumps(event).encode())

    further = {"input_image_tokens": 30, "output_image_tokens": 8320}
    assert stated.usage == Usage(input_tokens=160, output_tokens=8320, further=further)
    assert stated.unread == ("output_tokens", "output_image_tokens")
    assert {*stated.served.unreadable} == {"usage.output_tokens"}
    assert stated.served.longest_prompt == 60


@pytest.mark.parametrize(
    ("details", "pictures"),
    [
        (None, 100),
        ({}, 100),
        ({"text_tokens": 30}, 70),
        ({"image_tokens": 60, "text_tokens": 40}, 60),
        ({"image_tokens": 0, "text_tokens": 100}, None),
        ([], 100),
    ],
)
def test_output_that_is_not_said_to_be_text_is_of_the_kind_of_its_api(details, pictures):
    usage = {"input_tokens": 5, "output_tokens": 100, "output_tokens_details": details}
    drawn = Usage(
        input_tokens=5, output_tokens=100, **({"further": {"output_image_tokens": pictures}} if pictures else {})
    )
    by_tool = openai(TOKENS, output=[], tool_usage={"image_gen": usage})

    assert read(images, {"data": [], "usage": usage}).usage == drawn
    assert by_tool.served.iterations == (Iteration("image_generation", drawn, "gpt-image-1"),)
    if details is None:
        done = {"type": "speech.audio.done", "usage": {"input_tokens": 5, "output_tokens": 100, "total_tokens": 105}}
        spoken = SPEECH.read_event(None, json.dumps(done).encode())
        assert spoken.usage == Usage(input_tokens=5, output_tokens=100, output_audio_tokens=100)


def test_a_figure_of_another_model_that_cannot_be_read_is_named():
    stated = openai(TOKENS, output=[], tool_usage={"image_gen": {"input_tokens": "many", "output_tokens": 7}})

    assert stated.served.unreadable == ("tool_usage.image_gen.input_tokens",)


def test_pictures_that_are_billed_one_by_one_are_counted():
    assert read(images, {"created": 1, "data": [{"url": "https://x"}, {"b64_json": "x"}]}).usage == Usage(
        further={"images": 2}
    )
    assert read(images, {"created": 1, "data": []}) is None


@pytest.mark.parametrize(
    ("usage", "expected", "unread"),
    [
        ({"prompt_tokens": "7", "completion_tokens": 4}, Usage(output_tokens=4), {"input_tokens": "usage.prompt_tokens"}),
        ({"prompt_tokens": 7, "completion_tokens": 1.5}, Usage(input_tokens=7), {"output_tokens": "usage.completion_tokens"}),
        ({"prompt_tokens": 7, "completion_tokens": -1, "total_tokens": 9}, Usage(input_tokens=7, output_tokens=2, reasoning_tokens=2), {}),
        (
            {"prompt_tokens": 7, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": True}},
            Usage(input_tokens=7, output_tokens=1),
            {"cache_read_tokens": "usage.prompt_tokens_details.cached_tokens"},
        ),
    ],
)  # fmt: skip
def test_a_figure_that_cannot_be_read_is_named_and_the_others_count(usage, expected, unread):
    stated = openai(usage)

    assert stated.usage == expected
    assert dict(zip(stated.unread, stated.served.unreadable, strict=True)) == unread


@pytest.mark.parametrize(
    ("answer", "usage", "served"),
    [
        (
            {
                "usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8},
                "performanceConfig": {"latency": "standard"},
            },
            Usage(input_tokens=5, output_tokens=3),
            None,
        ),
        (
            {
                "usage": {
                    "inputTokens": 5,
                    "outputTokens": 3,
                    "cacheReadInputTokens": 4,
                    "cacheWriteInputTokens": 9,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 6}, {"ttl": "5m", "inputTokens": 3}],
                },
                "performanceConfig": {"latency": "optimized"},
                "serviceTier": {"type": "priority"},
            },
            Usage(
                input_tokens=18,
                output_tokens=3,
                cache_read_tokens=4,
                cache_write_tokens=9,
                further={"cache_write_1h_tokens": 6},
            ),
            Served(service_tier="priority", speed="optimized"),
        ),
    ],
)
def test_what_converse_states(answer, usage, served):
    stated = read(converse, answer)

    assert (stated.usage, stated.served) == (usage, served)


@pytest.mark.parametrize(
    ("beside", "served"),
    [
        ({"serviceTier": "priority"}, Served(service_tier="priority")),
        ({"serviceTier": {"type": "default"}, "performanceConfig": "optimized"}, Served(speed="optimized")),
        ({"serviceTier": 5}, Served(service_tier="unreadable")),
        ({"serviceTier": {"type": ["priority"]}}, Served(service_tier="unreadable")),
        ({"performanceConfig": [1], "serviceTier": {}}, Served(speed="unreadable")),
        ({"serviceTier": None, "performanceConfig": {"latency": None}}, None),
    ],
)
def test_an_odd_service_hides_no_figure_of_converse(beside, served):
    stated = read(converse, {"usage": {"inputTokens": 5, "outputTokens": 3}, **beside})

    assert (stated.usage, stated.served) == (Usage(input_tokens=5, output_tokens=3), served)


@pytest.mark.parametrize("odd", [5, ["priority"], {"type": "priority"}, True])
def test_a_service_in_no_words_is_one_without_a_price(odd):
    assert openai(PLAIN, service_tier=odd).served.service_tier == "unreadable"
    assert claude({**TOKENS, "service_tier": odd, "speed": odd, "inference_geo": odd}).served == Served(
        model="claude-haiku-4-5", service_tier="unreadable", speed="unreadable", region="unreadable"
    )
