"""A provider that keeps what it is given: responses, files, conversations ... each under an id of its own."""

import json
import re
from collections.abc import Sequence
from typing import Any

from tests.support.upstream import Recorded, Step, response, stream

_KINDS = {
    "responses": "resp_",
    "conversations": "conv_",
    "files": "file-",
    "vector_stores": "vs_",
    "containers": "cntr_",
    "skills": "skill_",
    "uploads": "upload_",
    "chat/completions": "chatcmpl-",
}
_PATH = re.compile(r"/v1/(chat/completions|[a-z_]+)(?:/([^/?]+))?([^?]*)")


class Keeper:
    """What a `PlayedUpstream` plays; `kept` is everything by its id, `name` begins every id."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kept: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Recorded) -> Sequence[Step]:
        method, target, _ = asked.request_line.split(" ")
        matched = _PATH.match(target)
        assert matched is not None, target
        noun, id_, rest = matched.groups()
        if id_ is None and method == "POST":
            return self._make(noun, asked)
        if id_ not in self.kept:
            return response(b'{"error":{"message":"no such object"}}', 404)
        if method == "DELETE" and not rest:
            del self.kept[id_]
            return response(json.dumps({"id": id_, "deleted": True}).encode())
        if rest == "/complete":
            file = self._keep("files", {"object": "file"})
            return response(json.dumps({**self.kept[id_], "status": "completed", "file": file}).encode())
        if rest:
            listed = {"object": "list", "data": [], "has_more": False, "first_id": "", "last_id": "", "of": id_ + rest}
            return response(json.dumps(listed).encode())
        return response(json.dumps(self.kept[id_]).encode())

    def _keep(self, noun: str, members: dict[str, Any]) -> dict[str, Any]:
        id_ = f"{_KINDS[noun]}{self.name}{len(self.kept)}"
        self.kept[id_] = {"id": id_, **members}
        return self.kept[id_]

    def _make(self, noun: str, asked: Recorded) -> Sequence[Step]:
        if noun == "responses":
            return self._respond(json.loads(asked.body))
        if noun == "chat/completions":
            return response(json.dumps(self._completion(json.loads(asked.body))).encode())
        if noun == "files":
            purpose = b"batch" if b"batch" in asked.body else b"user_data"
            return response(json.dumps(self._keep(noun, {"object": "file", "purpose": purpose.decode()})).encode())
        return response(json.dumps(self._keep(noun, {"object": noun.removesuffix("s")})).encode())

    def _completion(self, said: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": "kept"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        members = {"object": "chat.completion", "created": 1, "model": said["model"], "choices": [choice]}
        return self._keep("chat/completions", {**members, "metadata": said.get("metadata"), "usage": usage})

    def _respond(self, said: dict[str, Any]) -> Sequence[Step]:
        item = {
            "id": f"msg_{self.name}{len(self.kept)}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "kept", "annotations": []}],
        }
        members: dict[str, Any] = {
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": said["model"],
            "output": [item],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }
        made = self._keep("responses", members)
        if not said.get("stream"):
            return response(json.dumps(made).encode())
        begun = {**made, "status": "in_progress", "output": [], "usage": None}
        events = [
            {"type": "response.created", "sequence_number": 0, "response": begun},
            {"type": "response.completed", "sequence_number": 1, "response": made},
        ]
        return stream([f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events])
