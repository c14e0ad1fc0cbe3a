"""What a request holds on the Claude lane: never less than the limit that goes up allows."""

import asyncio
import json

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node, Upstream, WatchedCounters

MODELS = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-3-haiku-20240307", "claude-opus-4-6", "claude-sonnet-5")
NANO_USD_PER_TOKEN = 1000
RATES = "{input_usd_per_mtok: 0, cache_write_usd_per_mtok: 0, cache_read_usd_per_mtok: 0, output_usd_per_mtok: 1}"
PRICES = "\n".join(f"  anthropic/{model}: {RATES}" for model in MODELS)
CONFIG = f"""
version: 1
providers: {{anthropic: {{type: anthropic, api_key: k}}}}
prices:
{PRICES}
budgets: {{cap: {{scope: {{virtual_key: dev}}, window: total, limit_usd: 9000000}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
HI = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
CONVERSATIONS = (
    [HI],
    [HI, {"role": "assistant", "content": "I"}],
    [HI, ASKED, {"role": "tool", "tool_call_id": "call_1", "content": "x"}],
)
LIMITS = st.none() | st.integers(1, 100_000)
BUDGETS = st.sampled_from([1024, 50_000, 50_000.0, 0, -1, None, "9"]) | st.integers(1024, 10**7)
REQUESTS = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS), "messages": st.sampled_from(CONVERSATIONS)},
    optional={
        "thinking": st.none()
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["enabled", "disabled", "adaptive"])}, optional={"budget_tokens": BUDGETS}
        ),
        "reasoning_effort": st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "max_tokens": LIMITS,
        "max_completion_tokens": LIMITS,
        "Max_Tokens": LIMITS,
        "tool_choice": st.sampled_from(["auto", "required"]),
    },
)


def sent_and_held(request, endpoint="chat_completions"):
    """The body that goes up, and the output tokens that are held for it; nothing of a request that is refused."""
    counters, upstream = WatchedCounters(), Upstream()
    node = Node(CONFIG, counters, Ledger(), upstream)
    tools = {} if endpoint == "generate_content" else {"tools": [TOOL]}
    asyncio.run(node.ask({**request, **tools, "model": f"anthropic/{request['model']}"}, endpoint))
    return upstream.body and json.loads(upstream.body), counters.held // NANO_USD_PER_TOKEN


def thinking(type_="enabled", budget=50_000, **more):
    return {"model": MODELS[0], "messages": [HI], "thinking": {"type": type_, "budget_tokens": budget}, **more}


@example(thinking())
@example(thinking(Max_Tokens=1))
@example(thinking(tool_choice="required"))
@given(REQUESTS)
def test_the_limit_that_goes_up_is_never_above_what_is_held(request):
    body, held = sent_and_held(request)
    assume(body is not None)

    assert body["max_tokens"] <= held


def test_a_budget_of_thinking_is_held_and_sent_beside_the_answer_where_there_is_thinking():
    for request, limit in (
        (thinking(), 58_192),
        (thinking("disabled"), 8192),
        (thinking(max_tokens=60_000), 60_000),
    ):
        body, held = sent_and_held(request)
        assert (body["max_tokens"], held) == (limit, limit)

    assert sent_and_held(thinking(tool_choice="required"))[0]["max_tokens"] == 8192


GOOGLE_BUDGETS = BUDGETS | st.sampled_from(["60000", "x", 6e4])
GOOGLE_THINKING = st.fixed_dictionaries(
    {},
    optional={
        "thinkingBudget": GOOGLE_BUDGETS,
        "thinking_budget": GOOGLE_BUDGETS,
        "thinkingLevel": st.sampled_from(["HIGH", "low", "NONE"]),
    },
)
GOOGLE_CONFIGS = st.none() | st.fixed_dictionaries(
    {}, optional={"thinkingConfig": GOOGLE_THINKING, "thinking_config": GOOGLE_THINKING, "maxOutputTokens": LIMITS}
)
GOOGLE_REQUESTS = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS), "contents": st.just([{"role": "user", "parts": [{"text": "hi"}]}])},
    optional={"generationConfig": GOOGLE_CONFIGS, "generation_config": GOOGLE_CONFIGS},
)


def googles(**thinking):
    config = {"thinkingConfig": thinking}
    return {"model": MODELS[0], "contents": [{"parts": [{"text": "hi"}]}], "generationConfig": config}


@example(googles(thinkingBudget=50_000))
@given(GOOGLE_REQUESTS)
def test_the_limit_that_goes_up_for_geminis_clients_is_never_above_what_is_held(request):
    body, held = sent_and_held(request, "generate_content")
    assume(body is not None)

    assert body["max_tokens"] <= held


def test_a_budget_of_geminis_clients_is_held_and_sent_beside_the_answer():
    for request, limit in (
        (googles(thinkingBudget=50_000), 58_192),
        (googles(thinking_budget="50000"), 58_192),
        (googles(thinkingBudget=-1), 8192),
        (googles(thinkingBudget=0), 8192),
    ):
        body, held = sent_and_held(request, "generate_content")
        assert (body["max_tokens"], held) == (limit, limit)
