"""A provider that runs batches, of OpenAI's kind and of Anthropic's: each ends once a test says so."""

import json
import re
from collections.abc import Sequence
from typing import Any

from tests.support.keeper import Keeper
from tests.support.upstream import Recorded, Step, response

_FILE = re.compile(rb'name="(?:file|data)"[^\r]*\r\n(?:[^\r]+\r\n)*\r\n(.*)\r\n--', re.DOTALL)
_USAGE = {
    "chat": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    "messages": {"input_tokens": 100, "output_tokens": 10},
    "responses": {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110},
}


class BatchKeeper(Keeper):
    """`contents` are those of files, by id; `ends` says whether what is asked for now has come to its end."""

    def __init__(self, name: str, url: str = "") -> None:
        super().__init__(name)
        self.url = url
        self.contents: dict[str, bytes] = {}
        self.ends = False
        self.asked: list[str] = []

    def __call__(self, asked: Recorded) -> Sequence[Step]:
        method, target, _ = asked.request_line.split(" ")
        path = target.partition("?")[0]
        self.asked.append(f"{method} {path}")
        noun, _, rest = path.removeprefix("/v1/").partition("/")
        if path == "/v1/files" and method == "POST":
            id_ = self._keep("files", {"object": "file", "purpose": "batch"})["id"]
            found = _FILE.search(asked.body)
            assert found is not None
            self.contents[id_] = found[1]
            return response(json.dumps(self.kept[id_]).encode())
        if noun == "files" and rest.endswith("/content"):
            content = self.contents.get(rest.removesuffix("/content"))
            return response(b"{}", 404) if content is None else response(content, content_type="application/jsonl")
        if path == "/v1/batches":
            return self._made(json.loads(asked.body))
        if noun == "batches":
            return self._batch(*rest.split("/"))
        if path.startswith("/v1/messages/batches"):
            return self._messages(method, path.removeprefix("/v1/messages/batches").strip("/"), asked.body)
        if noun == "responses" and method == "POST" and json.loads(asked.body).get("background"):
            members = {"object": "response", "status": "queued", "output": [], "usage": None, "created_at": 1}
            members["model"] = json.loads(asked.body)["model"]
            return response(json.dumps(self._keep("responses", members)).encode())
        if noun == "responses" and method == "GET" and rest in self.kept:
            status = {"status": "completed", "usage": _USAGE["responses"]} if self.ends else {"status": "in_progress"}
            return response(json.dumps({**self.kept[rest], **status}).encode())
        return super().__call__(asked)

    def _made(self, said: dict[str, Any]) -> Sequence[Step]:
        id_ = f"batch_{self.name}{len(self.kept)}"
        members = {"object": "batch", "endpoint": said["endpoint"], "input_file_id": said["input_file_id"]}
        members |= {"completion_window": "24h", "created_at": 1, "status": "in_progress"}
        self.kept[id_] = {"id": id_, **members}
        return response(json.dumps(self.kept[id_]).encode())

    def _batch(self, id_: str, cancel: str = "") -> Sequence[Step]:
        batch = self.kept[id_]
        if cancel or self.ends:
            batch["status"] = "cancelled" if cancel else batch["status"].replace("in_progress", "completed")
            if "output_file_id" not in batch:
                output = f"file-out{len(self.kept)}{self.name}"
                self.kept[output] = {"id": output, "object": "file", "purpose": "batch_output"}
                batch["output_file_id"] = output
                lines = [
                    json.loads(line) for line in self.contents[batch["input_file_id"]].splitlines() if line.strip()
                ]
                self.contents[output] = b"".join(map(self._line, lines))
        return response(json.dumps(batch).encode())

    def _line(self, line: dict[str, Any]) -> bytes:
        answer = {"id": "c", "object": "chat.completion", "model": line["body"]["model"], "usage": _USAGE["chat"]}
        body = {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": answer}, "error": None}
        return json.dumps(body).encode() + b"\n"

    def _messages(self, method: str, rest: str, body: bytes) -> Sequence[Step]:
        id_, _, action = rest.partition("/")
        if not id_:
            id_ = f"msgbatch_{self.name}{len(self.kept)}"
            requests = json.loads(body)["requests"]
            self.kept[id_] = {
                "id": id_,
                "type": "message_batch",
                "processing_status": "in_progress",
                "n": len(requests),
            }
            self.kept[id_] |= {"results_url": None, "model": requests[0]["params"]["model"]}
        batch = self.kept[id_]
        if method == "DELETE":
            return response(json.dumps({"id": id_, "type": "message_batch_deleted"}).encode())
        if action == "results":
            message = {"id": "m", "type": "message", "model": batch["model"], "usage": _USAGE["messages"]}
            lines = [
                {"custom_id": str(n), "result": {"type": "succeeded", "message": message}} for n in range(batch["n"])
            ]
            lines.append({"custom_id": "x", "result": {"type": "errored", "error": {}}})
            content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
            return response(content, content_type="application/x-jsonl")
        if action == "cancel" or self.ends:
            batch["processing_status"] = "ended"
            batch["results_url"] = f"{self.url}/v1/messages/batches/{id_}/results"
        return response(json.dumps(batch).encode())
