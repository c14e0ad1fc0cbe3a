"""Answers that the gateway ends at a text, because their model refuses to: what clients read, and what is charged."""

import json

import anthropic
import pytest
from google import genai

from tests.contract.conftest import config
from tests.support.keys import SECRET
from tests.support.upstream import response, stream

PIECES = ("one E", "N", "D t", "wo")
COST = 9 * 1250 + 20 * 10_000
RATES = "{input_usd_per_mtok: 1.25, output_usd_per_mtok: 10}"
PRICES = f"prices: {{openai/gpt-5: {RATES}, openai/gpt-5-pro: {RATES}}}\n"


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url).replace("virtual_keys:", PRICES + "virtual_keys:"))


def _chunk(delta, reason=None, **more):
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {"id": "c", "object": "chat.completion.chunk", "model": "gpt-5", "choices": choices, **more}


def _by_chat(streams):
    usage = {"prompt_tokens": 9, "completion_tokens": 20, "total_tokens": 29}
    if streams:
        said = [*(_chunk({"content": piece}) for piece in PIECES), _chunk({}, "stop"), {"choices": [], "usage": usage}]
        return stream([*(b"data: %s\n\n" % json.dumps(one).encode() for one in said), b"data: [DONE]\n\n"])
    message = {"role": "assistant", "content": "".join(PIECES)}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return response(json.dumps({"id": "c", "model": "gpt-5", "choices": choices, "usage": usage}).encode())


def _by_responses(streams):
    said = {"type": "message", "id": "m", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "".join(PIECES), "annotations": []}]}  # fmt: skip
    usage = {"input_tokens": 9, "output_tokens": 20, "total_tokens": 29}
    whole = {
        "id": "r",
        "object": "response",
        "status": "completed",
        "model": "gpt-5-pro",
        "output": [said],
        "usage": usage,
    }
    if not streams:
        return response(json.dumps(whole).encode())
    at = {"output_index": 0, "content_index": 0, "item_id": "m"}
    part = {"type": "output_text", "text": "", "annotations": []}
    events = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**said, "content": []}},
        {"type": "response.content_part.added", **at, "part": part},
        *({"type": "response.output_text.delta", **at, "delta": piece} for piece in PIECES),
        {"type": "response.output_text.done", **at, "text": "".join(PIECES)},
        {"type": "response.output_item.done", "output_index": 0, "item": said},
        {"type": "response.completed", "response": whole},
    ]
    return stream([b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events])


def _anthropics(url, model, streams):
    with anthropic.Anthropic(base_url=url, api_key=SECRET, max_retries=0) as client:
        wanted = {"model": f"openai/{model}", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
        if streams:
            with client.messages.stream(**wanted, stop_sequences=["END"]) as said:
                answer, asked = said.get_final_message(), said.response
        else:
            asked = client.messages.with_raw_response.create(**wanted, stop_sequences=["END"])
            answer = asked.parse()
    (block,) = answer.content
    return asked, block.text, (answer.stop_reason, answer.stop_sequence), answer.usage.output_tokens


def _googles(url, model, streams):
    client = genai.Client(api_key=SECRET, http_options={"base_url": url})
    asked = {"model": f"openai%2F{model}", "contents": "hi", "config": {"stop_sequences": ["END"]}}
    models = client.models
    chunks = list(models.generate_content_stream(**asked)) if streams else [models.generate_content(**asked)]
    said = "".join(chunk.text or "" for chunk in chunks)
    reason = chunks[-1].candidates[0].finish_reason.value
    return chunks[-1].sdk_http_response, said, reason, chunks[-1].usage_metadata.candidates_token_count


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("model", "answer"), [("gpt-5", _by_chat), ("gpt-5-pro", _by_responses)])
@pytest.mark.parametrize(("client", "reason"), [(_anthropics, ("stop_sequence", "END")), (_googles, "STOP")])
def test_the_client_gets_what_stands_before_it_and_all_is_charged(
    gateway, upstream, client, reason, model, answer, streams
):
    upstream.play = lambda _: answer(streams)

    asked, said, why, tokens = client(gateway.url, model, streams)

    assert (said, why, tokens) == ("one ", reason, 20)
    assert gateway.record_of(asked)["cost_nano_usd"] == COST
    (sent,) = upstream.requests
    assert not {"stop", "stop_sequences"} & json.loads(sent.body).keys()
