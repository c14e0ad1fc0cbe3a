"""What is held of a budget that blocks: the dearest that a request allows; what cannot be told is refused."""

import json
import re

import pytest

from tests.contract.conftest import config
from tests.support.objects import adopt
from tests.support.upstream import CHAT, response

BUDGET = """
prices:
  openai/fixed: {input_usd_per_mtok: 0, output_usd_per_mtok: 0, web_search_usd: 0.01, file_search_usd: 0.002}
  openai/plain: {input_usd_per_mtok: 0, output_usd_per_mtok: 0}
  openai/long: {input_usd_per_mtok: 1, output_usd_per_mtok: 0}
  openai/most: {input_usd_per_mtok: 0, output_usd_per_mtok: 1}
  openai/said: {input_usd_per_mtok: 0, output_usd_per_mtok: 1}
  openai/tiered:
    input_usd_per_mtok: 0
    output_usd_per_mtok: 1
    service_tiers: {priority: {times: 2}, flex: {times: 0.5}}
reservations:
  models:
    openai/long: {context_window: 150000}
    openai/most: {max_output_tokens: 64000, assumed_output_tokens: max}
budgets:
  cap: {scope: {team: engineering}, window: total, limit_usd: 0.000000001}
"""

MESSAGE = [{"role": "user", "content": "hi"}]
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-8"}


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    started = module_gateway(config(upstream.url).replace("virtual_keys:", BUDGET + "virtual_keys:"))
    adopt(started, "openai", "resp_1", "conv_1", "pmpt_1", "file-1", "cachedContents/1")
    return started


def held(reply):
    """US dollars that the refused request would have taken."""
    assert reply.status_code == 402, reply.text
    return float(re.search(r"may take \$([0-9.]+);", reply.json()["error"]["message"])[1])


def chat(model, **more):
    return {"model": f"openai/{model}", "messages": MESSAGE, "max_tokens": 1000, **more}


def responses(model, **more):
    return {"model": f"openai/{model}", "input": "hi", "max_output_tokens": 1000, **more}


def messages(**more):
    return {"model": "anthropic/claude-haiku-4-5", "messages": MESSAGE, "max_tokens": 1000, **more}


HELD = {
    "searches up to the cap of the request": (
        "/v1/responses",
        responses("fixed", tools=[{"type": "web_search"}], max_tool_calls=7),
        0.07,
    ),
    "searches up to a bound": ("/v1/responses", responses("fixed", tools=[{"type": "web_search"}]), 0.2),
    "searches in files": ("/v1/responses", responses("fixed", tools=[{"type": "file_search"}], max_tool_calls=5), 0.01),
    "searches that chat asks for": ("/v1/chat/completions", chat("fixed", web_search_options={}), 0.2),
    "a dearer tier": ("/v1/chat/completions", chat("tiered", service_tier="priority"), 0.002),
    "a cheaper tier that may not be had": ("/v1/chat/completions", chat("tiered", service_tier="flex"), 0.001),
    "choices": ("/v1/chat/completions", chat("said", n=3), 0.003),
    "a limit in another spelling": ("/v1/chat/completions", chat("said", max_tokens=5e5), 0.5),
    "prompts in a list": (
        "/v1/completions",
        {"model": "openai/said", "prompt": ["a", "b", "c"], "max_tokens": 1000, "n": 2},
        0.006,
    ),
    "one prompt of tokens": (
        "/v1/completions",
        {"model": "openai/said", "prompt": [1, 2, 3], "max_tokens": 1000},
        0.001,
    ),
}


@pytest.mark.parametrize(("path", "body", "usd"), HELD.values(), ids=HELD.keys())
def test_what_a_request_allows_is_held(gateway, path, body, usd):
    assert held(gateway.post(body, path=path)) == pytest.approx(usd)


def test_a_picture_of_a_tool_is_held_whatever_the_limit_of_the_text(gateway):
    tool = {"type": "image_generation", "model": "gpt-image-1"}

    assert held(gateway.post(responses("said", tools=[tool], max_output_tokens=1), path="/v1/responses")) > 3 * 0.64


@pytest.mark.parametrize(
    "members", ['"previous_response_id": "r", "previous_response_id": null', '"Conversation": "c"']
)
def test_what_is_held_for_may_not_repeat(gateway, members):
    body = json.dumps(responses("long"))[:-1] + f", {members}" + "}"

    assert gateway.post(body.encode(), path="/v1/responses").status_code == 400


POINTS = {
    "a response": responses("long", previous_response_id="resp_1"),
    "a conversation": responses("long", conversation={"id": "conv_1"}),
    "a prompt": responses("long", prompt={"id": "pmpt_1"}),
    "a file": responses("long", input=[{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]),
    "a cache": chat("long", extra_body={"google": {"cached_content": "cachedContents/1"}}),
    "a document": chat(
        "long", messages=[{"role": "user", "content": [{"type": "file", "file_url": "https://x/a.pdf"}]}]
    ),
}


@pytest.mark.parametrize("body", POINTS.values(), ids=POINTS.keys())
def test_what_a_request_only_points_at_is_held(gateway, body):
    path = "/v1/responses" if "input" in body else "/v1/chat/completions"

    assert held(gateway.post(body, path=path)) == pytest.approx(0.15)


def test_a_picture_that_is_pointed_at_is_held_as_a_picture(gateway):
    content = [{"type": "input_image", "detail": "high", "file_id": "file-1"}]

    assert (
        held(gateway.post(responses("long", input=[{"role": "user", "content": content}]), path="/v1/responses")) < 0.01
    )


def test_what_nobody_can_tell_is_refused_or_held_as_the_file_says(start_gateway, upstream):
    def start(reservations):
        text = BUDGET[: BUDGET.index("reservations:")] + reservations + BUDGET[BUDGET.index("budgets:") :]
        return start_gateway(config(upstream.url).replace("virtual_keys:", text + "virtual_keys:"))

    file = {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}

    def ask(gateway, **more):
        return gateway.post(responses("long", **more), path="/v1/responses")

    silent = start("")
    adopt(silent, "openai", "resp_1", "file-1")
    for reply in (ask(silent, previous_response_id="resp_1"), ask(silent, input=[file])):
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unbounded_reference")
        assert "`context_window` of openai/long" in reply.json()["error"]["message"]
    said = start("reservations: {stored_tokens: 30000, file_tokens: refuse}\n")
    adopt(said, "openai", "resp_1", "file-1")
    assert held(ask(said, previous_response_id="resp_1")) == pytest.approx(0.03, rel=0.01)
    refused = ask(said, input=[file, file])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unbounded_reference")


def test_a_request_without_a_limit_holds_what_is_assumed_of_the_model(gateway):
    assert held(gateway.post(chat("said", max_tokens=None))) == pytest.approx(0.008192)
    assert held(gateway.post(chat("most", max_tokens=None))) == pytest.approx(0.064)


def test_the_most_that_a_model_gives_may_be_assumed_of_all_and_is_refused_where_nobody_knows_it(
    start_gateway, upstream
):
    text = BUDGET.replace("reservations:", "assumed_output_tokens: max\nreservations:")
    gateway = start_gateway(config(upstream.url).replace("virtual_keys:", text + "virtual_keys:"))

    assert held(gateway.post(chat("most", max_tokens=None))) == pytest.approx(0.064)
    unknown = gateway.post(chat("said", max_tokens=None))
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (400, "bad_request")
    assert "`max_output_tokens`" in unknown.json()["error"]["message"]
    assert gateway.post(chat("said", max_tokens=None, service_tier="priority")).status_code == 400
    assert held(gateway.post(chat("said"))) == pytest.approx(0.001)


def test_what_tools_of_the_provider_bring_into_the_prompt_is_held(gateway):
    def asking(*tools):
        return held(gateway.post(messages(tools=list(tools)), path="/v1/messages"))

    plain = asking()

    assert asking({"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 4}) == pytest.approx(
        plain + 0.04, rel=0.1
    )
    servers = [{"type": "url", "url": "https://mcp.example.com", "name": "a"}]
    of_server = messages(tools=[{"type": "mcp_toolset", "mcp_server_name": "a"}], mcp_servers=servers)
    assert held(gateway.post(of_server, path="/v1/messages")) == pytest.approx(plain + 0.2, rel=0.1)


def test_other_models_and_dearer_service_are_held(gateway):
    def asking(**more):
        return held(gateway.post(messages(**more), path="/v1/messages"))

    plain = asking()

    assert asking(fallbacks=[{"model": "claude-opus-4-8"}]) >= 4.9 * plain
    assert asking(tools=[{**ADVISOR, "max_uses": 2}]) > plain + 2 * 0.025
    assert asking(tools=[ADVISOR]) > plain + 3 * 0.025
    assert asking(inference_geo="us") == pytest.approx(plain, rel=0.05)
    assert asking(tools=[{**SEARCH, "max_uses": 4}]) == pytest.approx(plain + 0.04 + 0.04, rel=0.1)
    marked = {
        "role": "user",
        "content": [{"type": "text", "text": "hi " * 9000, "cache_control": {"type": "ephemeral"}}],
    }
    hour = {"role": "user", "content": [{**marked["content"][0], "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}
    assert asking(messages=[hour]) > 1.2 * asking(messages=[marked])


def inline(tool):
    return {
        "role": "system",
        "content": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}}],
    }


def test_limits_and_speeds_of_tools_and_fallbacks_are_held(gateway):
    def asking(**more):
        return held(gateway.post(messages(**more), path="/v1/messages"))

    plain, opus = asking(), asking(fallbacks=[{"model": "claude-opus-4-8"}])

    assert asking(fallbacks=[{"model": "claude-opus-4-8", "max_tokens": 64_000}]) > 64 * plain
    assert asking(fallbacks=[{"model": "claude-haiku-4-5", "max_tokens": 2000}]) == pytest.approx(2 * plain, rel=0.1)
    assert asking(fallbacks=[{"model": "claude-opus-4-8", "speed": "fast"}]) == pytest.approx(2 * opus, rel=0.01)
    assert asking(tools=[{**ADVISOR, "max_uses": 1}]) > plain + 8192 * 0.000025, "the request's limit is not its own"
    assert asking(tools=[{**ADVISOR, "max_uses": 1, "max_tokens": 20_000}]) > plain + 20_000 * 0.000025
    assert asking(tools=[{**SEARCH, "max_uses": 2e2}]) > 2
    assert asking(messages=[*MESSAGE, inline({**SEARCH, "max_uses": 200})]) > 2
    assert asking(messages=[*MESSAGE, inline({**ADVISOR, "max_uses": 10})]) > plain + 10 * 0.025


def test_the_amounts_are_exact(gateway):
    reply = gateway.post(chat("said", max_tokens=1), path="/v1/chat/completions")

    assert "$0.000000001 in one" in reply.json()["error"]["message"]
    assert "may take $0.000001;" in reply.json()["error"]["message"]


UNREADABLE = {
    "text": '{"max_tokens": "600000"}',
    "twice": '{"max_tokens": 1, "max_tokens": 600000}',
    "in another case": '{"Max_Tokens": 600000}',
    "out of range": '{"max_tokens": 99999999999999999999}',
    "true": '{"max_tokens": true}',
    "half": '{"max_tokens": 1.5}',
}


@pytest.mark.parametrize("limit", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_limit_that_cannot_be_read_is_refused(gateway, limit):
    body = '{"model": "openai/said", "messages": [{"role": "user", "content": "hi"}], ' + limit[1:]

    reply = gateway.post(body.encode())

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "max_tokens"


UNREADABLE_WITHIN = {
    "text": ({"tools": [{**SEARCH, "max_uses": "200"}]}, "tools[0].max_uses"),
    "in another case": ({"tools": [SEARCH, {**SEARCH, "Max_Uses": 200}]}, "tools[1].max_uses"),
    "of an inline tool": ({"messages": [*MESSAGE, inline({**SEARCH, "max_uses": "200"})]}, "max_uses"),
    "of an inline tool, behind an escape": (
        {"messages": [*MESSAGE, inline({**SEARCH, "max_us\\e": 200})]},
        "max_uses",
    ),
    "of a fallback": ({"fallbacks": [{"model": "claude-opus-4-8", "max_tokens": "9"}]}, "fallbacks[0].max_tokens"),
}


@pytest.mark.parametrize(("more", "param"), UNREADABLE_WITHIN.values(), ids=UNREADABLE_WITHIN.keys())
def test_a_limit_of_a_tool_or_a_fallback_that_cannot_be_read_is_refused(gateway, more, param):
    body = json.dumps(messages(**more)).replace("max_us\\\\e", "max_us\\u0065s")

    reply = gateway.post(body.encode(), path="/v1/messages")

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_a_limit_of_a_tool_may_not_repeat(gateway):
    body = json.dumps(messages(tools=[{**SEARCH, "max_uses": 1}])).replace(
        '"max_uses": 1', '"max_uses": 200, "max_uses": 1'
    )

    reply = gateway.post(body.encode(), path="/v1/messages")

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "tools[0].max_uses")


def test_a_bound_of_calls_that_cannot_be_read_is_refused_where_calls_cost(gateway):
    searching = gateway.post(
        responses("fixed", tools=[{"type": "web_search"}], max_tool_calls="7"), path="/v1/responses"
    )

    assert (searching.status_code, searching.json()["error"]["param"]) == (400, "max_tool_calls")


UNPRICED = {
    "searches": ("/v1/responses", responses("plain", tools=[{"type": "web_search"}]), "tools"),
    "an advisor": ("/v1/messages", messages(tools=[{**ADVISOR, "model": "nobody"}]), "tools[0].model"),
    "a fallback": ("/v1/messages", messages(fallbacks=[{"model": "nobody"}]), "fallbacks[0].model"),
}


@pytest.mark.parametrize(("path", "body", "param"), UNPRICED.values(), ids=UNPRICED.keys())
def test_what_has_no_price_is_refused_where_the_request_asks_for_it(gateway, path, body, param):
    reply = gateway.post(body, path=path)

    assert reply.status_code == 403
    assert (reply.json()["error"].get("code"), reply.json()["error"].get("param")) in (
        ("model_unpriced", param),
        (None, None),
    )
    assert gateway.record_of(reply)["error_code"] == "model_unpriced"


def test_a_function_of_the_client_that_is_called_like_a_tool_is_none(gateway, upstream):
    upstream.play = lambda _: response(CHAT)
    tool = {"type": "function", "function": {"name": "web_search", "parameters": {"type": "object"}}}

    assert held(gateway.post(chat("said", tools=[tool]))) == 0.001
