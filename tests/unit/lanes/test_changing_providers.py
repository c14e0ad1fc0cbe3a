"""A conversation that changes providers in any order goes on: each gets back what it gave, and nobody else's."""

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lanes.base import Asked
from gateway.lanes.pairs import CLIENTS, TRANSLATIONS
from gateway.lanes.sealing import PREFIX, Seal
from gateway.wire.json_splice import apply
from gateway.wire.sealed_reasoning import without_sealed_reasoning
from gateway.wire.sealed_signatures import without_sealed_signatures
from gateway.wire.sealed_thoughts import without_sealed_thoughts
from gateway.wire.unsigned_thinking import without_unsigned_thinking

SEAL = Seal((b"k" * 32,))
USAGE = {"input_tokens": 1, "output_tokens": 1}
TOOL = "weather"


class Provider(NamedTuple):
    """A provider: the API that it speaks, the model that is asked there, and who takes its state back."""

    endpoint: str
    model: str
    family: str


PROVIDERS = {
    "claude": Provider("messages", "claude-sonnet-4-5", "claude"),
    "cloud": Provider("messages", "eu.anthropic.claude-sonnet-4-6", "claude"),
    "vllm": Provider("chat_completions", "qwen3", "vllm"),
    "deepseek": Provider("chat_completions", "deepseek-reasoner", "deepseek"),
    "gemini": Provider("chat_completions", "gemini-3-pro-preview", "gemini"),
    "google": Provider("generate_content", "gemini-3-pro-preview", "gemini"),
    "vertex": Provider("generate_content", "gemini-2.5-pro", "gemini"),
    "plain": Provider("chat_completions", "gpt-4o", "plain"),
    "gpt": Provider("responses", "gpt-5.2", "gpt"),
    "azure": Provider("responses", "gpt-5.2", "azure"),
    "nova": Provider("converse", "us.amazon.nova-2-lite-v1:0", "nova"),
}


def answered(name: str, turn: int) -> dict[str, Any]:
    """What a provider answers: a thought or a signed call, with what it wants back."""
    secret, endpoint = secret_of(name, turn), PROVIDERS[name].endpoint
    if endpoint == "messages":
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": secret},
                {"type": "redacted_thinking", "data": secret},
                {"type": "text", "text": "So."},
                {"type": "tool_use", "id": f"call_{turn}", "name": TOOL, "input": {"turn": turn}},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": USAGE,
        }
    if endpoint == "generate_content":
        call = {
            "functionCall": {"id": f"call_{turn}", "name": TOOL, "args": {"turn": turn}},
            "thoughtSignature": secret,
        }
        said = [{"text": "hm", "thought": True}, {"text": "So."}, call]
        return {"candidates": [{"content": {"role": "model", "parts": said}, "finishReason": "STOP"}]}
    if endpoint == "converse":
        use = {"toolUseId": f"call_{turn}", "name": TOOL, "input": {"turn": turn}}
        said = [{"reasoningContent": {"reasoningText": {"text": "hm", "signature": secret}}}, {"toolUse": use}]
        return {"output": {"message": {"role": "assistant", "content": said}}, "stopReason": "tool_use"}
    if endpoint == "responses":
        thought = {"type": "reasoning", "id": f"rs_{turn}", "summary": [], "encrypted_content": secret}
        arguments = json.dumps({"turn": turn})
        called = {"type": "function_call", "id": f"fc_{turn}", "call_id": f"call_{turn}", "name": TOOL}
        output = [thought, {**called, "arguments": arguments, "status": "completed"}]
        return {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt", "output": output}
    call: dict[str, Any] = {
        "id": f"call_{turn}",
        "type": "function",
        "function": {"name": TOOL, "arguments": json.dumps({"turn": turn})},
    }
    message: dict[str, Any] = {"role": "assistant", "content": "So.", "tool_calls": [call]}
    if name == "gemini":
        call["extra_content"] = {"google": {"thought_signature": secret}}
    elif name != "plain":
        message["reasoning_content"] = secret
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


def secret_of(name: str, turn: int) -> str:
    """What a provider gave in a turn, and no text of the conversation has."""
    return f"secret.{name}.{turn}."


class Chat:
    """A client of chat completions that sends back what it got."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = [{"role": "user", "content": "Go."}]

    def body(self) -> dict[str, Any]:
        function = {"name": TOOL, "parameters": {"type": "object", "properties": {}}}
        return {"model": "m", "messages": self._messages, "tools": [{"type": "function", "function": function}]}

    def keep(self, answer: dict[str, Any]) -> None:
        message = answer["choices"][0]["message"]
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in message["tool_calls"]]
        self._messages = [*self._messages, message, *results]


class Messages:
    """A client of Anthropic's messages, such as Claude Code."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = [{"role": "user", "content": "Go."}]

    def body(self) -> dict[str, Any]:
        tool = {"name": TOOL, "input_schema": {"type": "object"}}
        return {"model": "m", "max_tokens": 99, "messages": self._messages, "tools": [tool]}

    def keep(self, answer: dict[str, Any]) -> None:
        calls = [block["id"] for block in answer["content"] if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call, "content": "ok"} for call in calls]
        said = {"role": "assistant", "content": answer["content"]}
        self._messages = [*self._messages, said, {"role": "user", "content": results}]


class Responses:
    """A client of responses that keeps the conversation itself, such as Codex."""

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = [{"role": "user", "content": "Go."}]

    def body(self) -> dict[str, Any]:
        tool = {"type": "function", "name": TOOL, "parameters": {"type": "object", "properties": {}}, "strict": False}
        include = ["reasoning.encrypted_content"]
        return {"model": "m", "input": self._items, "tools": [tool], "store": False, "include": include}

    def keep(self, answer: dict[str, Any]) -> None:
        calls = [item["call_id"] for item in answer["output"] if item["type"] == "function_call"]
        results = [{"type": "function_call_output", "call_id": call, "output": "ok"} for call in calls]
        self._items = [*self._items, *answer["output"], *results]


class GenerateContent:
    """A client of Gemini's own API, which names functions and no ids in what they return."""

    def __init__(self) -> None:
        self._contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "Go."}]}]

    def body(self) -> dict[str, Any]:
        return {"contents": self._contents, "tools": [{"functionDeclarations": [{"name": TOOL}]}]}

    def keep(self, answer: dict[str, Any]) -> None:
        content = answer["candidates"][0]["content"]
        called = [part for part in content["parts"] if "functionCall" in part]
        results = [{"functionResponse": {"name": TOOL, "response": {"result": "ok"}}} for _ in called]
        self._contents = [*self._contents, content, {"role": "user", "parts": results}]


KEEPERS = {
    "chat_completions": Chat,
    "messages": Messages,
    "responses": Responses,
    "generate_content": GenerateContent,
}


LEFT_OUT = {
    "chat_completions": without_sealed_thoughts,
    "messages": without_unsigned_thinking,
    "responses": without_sealed_reasoning,
    "generate_content": without_sealed_signatures,
}
"""What is taken out of a body that goes on as it came."""


def asked_of(client: str, name: str, body: dict[str, Any], answer: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the provider gets of the client's body, and what the client gets of its answer."""
    provider = PROVIDERS[name]
    if client == provider.endpoint:
        data = json.dumps(body).encode()
        return apply(data, LEFT_OUT[client](data)).decode(), answer
    lane = TRANSLATIONS[client, provider.endpoint]
    done = lane.request(body, model=provider.model, strict=False, provider=name, seal=SEAL)
    asked = Asked(
        model="m",
        include_usage=False,
        request_id="grq_1",
        created=1,
        provider=name,
        kept=done.kept,
        seal=SEAL,
    )
    return json.dumps(done.body), json.loads(lane.response(json.dumps(answer).encode(), asked))


@pytest.mark.parametrize("client", CLIENTS)
@given(data=st.data())
def test_everybody_gets_back_what_they_gave_and_nothing_of_others(client, data):
    conversation, given_by = KEEPERS[client](), []
    for turn, name in enumerate(data.draw(st.lists(st.sampled_from(sorted(PROVIDERS)), min_size=2, max_size=6))):
        answer = answered(name, turn)
        sent, got = asked_of(client, name, conversation.body(), answer)
        assert PREFIX not in sent
        for earlier, giver in enumerate(given_by):
            own = PROVIDERS[giver].family == PROVIDERS[name].family and giver != "plain"
            is_native = client == PROVIDERS[name].endpoint
            # In the client's own API all but envelopes goes on as it came.
            if client == "messages" or not is_native:
                assert (secret_of(giver, earlier) in sent) == own
            elif own and client == PROVIDERS[giver].endpoint:
                assert secret_of(giver, earlier) in sent
            # Earlier models of Google's know a call by its function.
            assert f"call_{earlier}" in sent or (name == "vertex" and f'"turn": {earlier}' in sent)
        conversation.keep(got)
        given_by.append(name)
