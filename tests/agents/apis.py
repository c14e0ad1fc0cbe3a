"""The APIs that scripted models speak: what each offers, refuses and answers, by its reference."""

import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from tests.agents.script import PROOF, THOUGHT, Call

Json = dict[str, Any]


class Api(ABC):
    """One API of a provider."""

    call_id: str
    """How it spells the id of a call; `{}` stands for the number."""

    @abstractmethod
    def offered(self, body: Json) -> set[str]:
        """The names of the functions that a request offers."""

    @abstractmethod
    def refusal(self, body: Json) -> str | None:
        """Why this API refuses a conversation: a call without its result, a proof that is not its own."""

    @abstractmethod
    def whole(self, turn: Call | str, body: Json) -> Json:
        """The answer as one object."""

    @abstractmethod
    def events(self, turn: Call | str, body: Json) -> Iterator[Json | str]:
        """The answer as a stream, by event."""

    def error(self, message: str) -> Json:
        """The body of a refusal."""
        return {"error": {"type": "invalid_request_error", "code": None, "message": message, "param": None}}

    def is_stream(self, body: Json, _path: str) -> bool:
        """Whether a stream is asked for."""
        return bool(body.get("stream"))


def _unanswered(calls: Sequence[str], results: Sequence[str]) -> str | None:
    if orphans := set(results) - set(calls):
        return f"No tool call found for the output {min(orphans)}."
    if waiting := set(calls) - set(results):
        return f"No tool output found for the call {min(waiting)}."
    return None


def _identity(body: Json) -> str:
    """What tells one answer from another: LangChain takes messages of one id for one message."""
    return f"{zlib.crc32(json.dumps(body).encode()):08x}"


def _halves(text: str) -> tuple[str, str]:
    half = len(text) // 2
    return text[:half], text[half:]


class Messages(Api):
    """Anthropic's Messages API, which takes back no thought without the signature that it gave."""

    call_id = "toolu_01script{}"

    def offered(self, body: Json) -> set[str]:
        return {tool["name"] for tool in body.get("tools", ())}

    def refusal(self, body: Json) -> str | None:
        blocks = [
            block
            for message in body["messages"]
            for block in (message["content"] if isinstance(message["content"], list) else ())
        ]
        if any(block["type"] == "thinking" and block.get("signature") != PROOF for block in blocks):
            return "messages.1.content.0: Invalid `signature` in `thinking` block"
        return _unanswered(
            [block["id"] for block in blocks if block["type"] == "tool_use"],
            [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"],
        )

    def whole(self, turn: Call | str, body: Json) -> Json:
        return {**self._opening(body), "content": self._blocks(turn, body), **self._ending(turn)}

    def events(self, turn: Call | str, body: Json) -> Iterator[Json | str]:
        yield {"type": "message_start", "message": {**self._opening(body), "content": [], "stop_reason": None}}
        yield {"type": "ping"}
        for index, block in enumerate(self._blocks(turn, body)):
            empty, deltas = self._in_pieces(block)
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for delta in deltas:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        ending = self._ending(turn)
        usage = {"output_tokens": ending.pop("usage")["output_tokens"]}
        yield {"type": "message_delta", "delta": ending, "usage": usage}
        yield {"type": "message_stop"}

    def error(self, message: str) -> Json:
        return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}

    @staticmethod
    def _opening(body: Json) -> Json:
        usage = {"input_tokens": 100, "output_tokens": 1}
        return {
            "id": f"msg_{_identity(body)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "usage": usage,
        }

    @staticmethod
    def _ending(turn: Call | str) -> Json:
        reason = "tool_use" if isinstance(turn, Call) else "end_turn"
        return {"stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 100, "output_tokens": 20}}

    @staticmethod
    def _blocks(turn: Call | str, body: Json) -> list[Json]:
        if isinstance(turn, str):
            return [{"type": "text", "text": turn}]
        thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        thought = [{"type": "thinking", "thinking": THOUGHT, "signature": PROOF}] if thinks else []
        return [*thought, {"type": "tool_use", "id": turn.id, "name": turn.name, "input": turn.arguments}]

    @staticmethod
    def _in_pieces(block: Json) -> tuple[Json, list[Json]]:
        if block["type"] == "text":
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": one} for one in _halves(block["text"])]
        if block["type"] == "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            thought = {"type": "thinking_delta", "thinking": block["thinking"]}
            return empty, [thought, {"type": "signature_delta", "signature": block["signature"]}]
        written = _halves(json.dumps(block["input"]))
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in written]
        return {**block, "input": {}}, pieces


class Chat(Api):
    """Chat Completions, of a server that shows its thoughts as `reasoning_content`."""

    call_id = "call_script{}"

    def offered(self, body: Json) -> set[str]:
        return {tool["function"]["name"] for tool in body.get("tools") or ()}

    def refusal(self, body: Json) -> str | None:
        messages = body["messages"]
        return _unanswered(
            [call["id"] for message in messages for call in message.get("tool_calls") or ()],
            [message["tool_call_id"] for message in messages if message["role"] == "tool"],
        )

    def whole(self, turn: Call | str, body: Json) -> Json:
        message, finish = self._message(turn)
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        return {**self._opening(body), "object": "chat.completion", "choices": [choice], "usage": self._usage()}

    def events(self, turn: Call | str, body: Json) -> Iterator[Json | str]:
        message, finish = self._message(turn)
        for call in message.get("tool_calls", ()):
            call["index"] = 0
        said = [{"content": piece} for piece in _halves(turn)] if isinstance(turn, str) else [message]
        for delta in ({"role": "assistant", "content": ""}, *said, {}):
            choice = {"index": 0, "delta": delta, "finish_reason": None if delta else finish}
            yield {**self._opening(body), "object": "chat.completion.chunk", "choices": [choice]}
        yield {**self._opening(body), "object": "chat.completion.chunk", "choices": [], "usage": self._usage()}
        yield "[DONE]"

    @staticmethod
    def _opening(body: Json) -> Json:
        return {"id": f"chatcmpl-{_identity(body)}", "created": 1, "model": body["model"]}

    @staticmethod
    def _usage() -> Json:
        return {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}

    @staticmethod
    def _message(turn: Call | str) -> tuple[Json, str]:
        if isinstance(turn, str):
            return {"content": turn}, "stop"
        function = {"name": turn.name, "arguments": json.dumps(turn.arguments)}
        call = {"id": turn.id, "type": "function", "function": function}
        return {"content": None, "reasoning_content": THOUGHT, "tool_calls": [call]}, "tool_calls"


class Responses(Api):
    """OpenAI's Responses API, without state: what it encrypted comes back, and nothing else in its place."""

    call_id = "call_script{}"

    def offered(self, body: Json) -> set[str]:
        return {tool["name"] for tool in body.get("tools") or () if "name" in tool}

    def refusal(self, body: Json) -> str | None:
        items = body["input"] if isinstance(body["input"], list) else []
        thoughts = [item for item in items if item.get("type") == "reasoning"]
        if any(item.get("encrypted_content") not in (None, PROOF) for item in thoughts):
            return "The encrypted content for item rs_script could not be verified."
        return _unanswered(
            [item["call_id"] for item in items if item.get("type") in ("function_call", "custom_tool_call")],
            [item["call_id"] for item in items if item.get("type", "").endswith("call_output")],
        )

    def whole(self, turn: Call | str, body: Json) -> Json:
        return self._response(body, self._items(turn, body))

    def events(self, turn: Call | str, body: Json) -> Iterator[Json | str]:
        for sequence, event in enumerate(self._unnumbered(turn, body)):
            yield {**event, "sequence_number": sequence}

    def _unnumbered(self, turn: Call | str, body: Json) -> Iterator[Json]:
        started = {**self._response(body, []), "status": "in_progress", "usage": None}
        yield {"type": "response.created", "response": started}
        yield {"type": "response.in_progress", "response": started}
        items = self._items(turn, body)
        for index, item in enumerate(items):
            at = {"output_index": index}
            yield {"type": "response.output_item.added", **at, "item": self._emptied(item)}
            yield from ({**event, **at, "item_id": item["id"]} for event in self._in_pieces(item))
            yield {"type": "response.output_item.done", **at, "item": item}
        yield {"type": "response.completed", "response": self._response(body, items)}

    @staticmethod
    def _emptied(item: Json) -> Json:
        empty = {"message": {"content": []}, "function_call": {"arguments": ""}, "reasoning": {"summary": []}}
        return {**item, **empty[item["type"]], "status": "in_progress"}

    @staticmethod
    def _in_pieces(item: Json) -> Iterator[Json]:
        if item["type"] == "function_call":
            yield {"type": "response.function_call_arguments.delta", "delta": item["arguments"]}
            done = {"name": item["name"], "arguments": item["arguments"]}
            yield {"type": "response.function_call_arguments.done", **done}
        if item["type"] == "message":
            part, at = item["content"][0], {"content_index": 0}
            yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
            for piece in _halves(part["text"]):
                yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
            yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
            yield {"type": "response.content_part.done", **at, "part": part}
        if item["type"] == "reasoning":
            part, at = item["summary"][0], {"summary_index": 0}
            yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
            yield {"type": "response.reasoning_summary_text.delta", **at, "delta": part["text"]}
            yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
            yield {"type": "response.reasoning_summary_part.done", **at, "part": part}

    @staticmethod
    def _items(turn: Call | str, body: Json) -> list[Json]:
        if isinstance(turn, str):
            part = {"type": "output_text", "text": turn, "annotations": [], "logprobs": []}
            return [
                {
                    "type": "message",
                    "id": f"msg_{_identity(body)}",
                    "role": "assistant",
                    "status": "completed",
                    "content": [part],
                }
            ]
        wants_proof = "reasoning.encrypted_content" in (body.get("include") or ())
        proof = {"encrypted_content": PROOF} if wants_proof else {}
        thought = {"type": "summary_text", "text": THOUGHT}
        arguments = json.dumps(turn.arguments)
        called = {"type": "function_call", "id": f"fc_{turn.id}", "call_id": turn.id, "status": "completed"}
        return [
            {"type": "reasoning", "id": f"rs_{turn.id}", "summary": [thought], **proof},
            {**called, "name": turn.name, "arguments": arguments},
        ]

    @staticmethod
    def _response(body: Json, output: list[Json]) -> Json:
        usage = {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 120,
        }
        return {
            "id": f"resp_{_identity(body)}",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": body["model"],
            "output": output,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": body.get("tools") or [],
            "top_p": 1.0,
            "usage": usage,
        }


class GenerateContent(Api):
    """Gemini's own API, which wants the signature of each of its calls back, and takes no other."""

    call_id = "script{}"

    def offered(self, body: Json) -> set[str]:
        tools = body.get("tools") or ()
        return {function["name"] for tool in tools for function in tool.get("functionDeclarations") or ()}

    def refusal(self, body: Json) -> str | None:
        parts = [part for content in body["contents"] for part in content.get("parts", ())]
        calls = [part for part in parts if "functionCall" in part]
        if any(call.get("thoughtSignature", None if self._is_own(call) else PROOF) != PROOF for call in calls):
            return "Function call is missing a thought_signature in functionCall parts."
        answered = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        return _unanswered([call["functionCall"]["name"] for call in calls], answered)

    def whole(self, turn: Call | str, body: Json) -> Json:
        parts = [{"text": turn}] if isinstance(turn, str) else self._parts(turn)
        return self._chunk(parts, body, finish={"finishReason": "STOP"})

    def events(self, turn: Call | str, body: Json) -> Iterator[Json | str]:
        pieces = [[{"text": piece}] for piece in _halves(turn)] if isinstance(turn, str) else [self._parts(turn)]
        for number, parts in enumerate(pieces, 1):
            yield self._chunk(parts, body, finish={"finishReason": "STOP"} if number == len(pieces) else {})

    def error(self, message: str) -> Json:
        return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}

    def is_stream(self, _body: Json, path: str) -> bool:
        return ":streamGenerateContent" in path

    @staticmethod
    def _is_own(call: Json) -> bool:
        return str(call["functionCall"].get("id", "")).startswith("script")

    @staticmethod
    def _chunk(parts: list[Json], body: Json, finish: Json) -> Json:
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **finish}
        about = {"modelVersion": "gemini-2.5-pro", "responseId": _identity(body)}
        return {"candidates": [candidate], "usageMetadata": usage, **about}

    @staticmethod
    def _parts(turn: Call) -> list[Json]:
        call = {"name": turn.name, "args": turn.arguments, "id": turn.id}
        return [{"text": THOUGHT, "thought": True}, {"functionCall": call, "thoughtSignature": PROOF}]


BY_PATH: dict[str, Api] = {
    "/v1/messages": Messages(),
    "/v1/responses": Responses(),
    "/chat/completions": Chat(),
    "enerateContent": GenerateContent(),
}
"""What is asked, by how its path goes on or ends."""
