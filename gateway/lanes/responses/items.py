"""The items of an answer's `output`, and the response object around them.

Source: https://platform.openai.com/docs/api-reference/responses/object.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.answer import Called, Citation
from gateway.lanes.base import Asked, call_id
from gateway.lanes.call_arguments import as_mapping, is_json_object
from gateway.lanes.conversation import Opaque
from gateway.lanes.responses.read_items import beside_call
from gateway.lanes.responses.read_tools import DEFINED, declared
from gateway.shapes.ending import Stop
from gateway.usage import Usage

Item = dict[str, Any]

COMPLETED: Final = "completed"
INCOMPLETE: Final = "incomplete"
IN_PROGRESS: Final = "in_progress"
_REASONS: Final[Mapping[Stop | None, str]] = {Stop.LENGTH: "max_output_tokens", Stop.FILTERED: "content_filter"}
_CALL: Final = "call"
_ECHOED: Final = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "temperature",
    "text",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
_UNSAID: Final[Mapping[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
}
_OF_FUNCTIONS: Final[Mapping[str, Any]] = {"description": None, "parameters": None, "strict": False}


def echo(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """See `ClientSide.echo`: members as they stand, and all tools that the request declares."""
    said = {name: body[name] for name in _ECHOED if body.get(name) is not None}
    if body.get("parallel_tool_calls") is False:
        said["parallel_tool_calls"] = False
    tools = [tool for tool, _ in declared(body)]
    if tools:
        said["tools"] = [{**_OF_FUNCTIONS, **tool} if tool.get("type") == "function" else tool for tool in tools]
    return said


class Ended(NamedTuple):
    """Why an answer ended: its status, and the reason of one that is not complete."""

    status: str
    reason: str | None = None


def ended(stop: Stop | None, *, refuses: bool) -> Ended:
    """The end of an answer; one that the model refuses is complete."""
    reason = _REASONS.get(stop)
    if reason is None or (stop is Stop.FILTERED and refuses):
        return Ended(COMPLETED)
    return Ended(INCOMPLETE, reason)


def response(asked: Asked, status: str, output: Sequence[Item], reason: str | None, usage: Usage | None) -> Item:
    """The response object."""
    said = {} if asked.kept is None else asked.kept.echo
    return {
        "id": f"resp_{_stem(asked)}",
        "object": "response",
        "created_at": asked.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "model": asked.model,
        "output": output,
        **_UNSAID,
        **said,
        "usage": None if usage is None else _usage_of(usage),
    }


def _stem(asked: Asked) -> str:
    return asked.request_id.removeprefix("grq_")


def _id(asked: Asked, prefix: str, index: int) -> str:
    """The id of an item: the request's, and its place in the output."""
    return f"{prefix}_{_stem(asked)}_{index}"


def _usage_of(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def message(asked: Asked, index: int, parts: Sequence[Item], status: str) -> Item:
    """What the model says."""
    identifier = _id(asked, "msg", index)
    return {"id": identifier, "type": "message", "status": status, "role": "assistant", "content": list(parts)}


def text_part(text: str, citations: Sequence[Citation]) -> Item:
    """A text, with where it comes from."""
    annotations = [annotation(one, len(text)) for one in citations]
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def annotation(citation: Citation, length: int) -> Item:
    """A source; one that does not say of what is one of all the text so far, which has that many characters."""
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.start or 0,
        "end_index": length if citation.end is None else citation.end,
    }


def refusal_part(text: str) -> Item:
    """What the model says in place of an answer."""
    return {"type": "refusal", "refusal": text}


def reasoning(asked: Asked, index: int, text: str, envelope: str | None) -> Item:
    """What the model thought; `envelope` is its encrypted content."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item: Item = {"id": _id(asked, "rs", index), "type": "reasoning", "summary": summary}
    return item if envelope is None else {**item, "encrypted_content": envelope}


def envelope(asked: Asked, opaque: Opaque | None, beside: str) -> str | None:
    """What has to come back with a thought. One that nobody wants back has an envelope too, by which it is known."""
    return None if asked.seal is None else asked.seal.sealed(opaque or Opaque("", {}), beside)


class CallItem:
    """A call as an item, of the kind that the client's tool has.

    `is_written_at_once` says that the item says nothing before the call is whole, `has_ended` that its provider has
    ended it.
    """

    __slots__ = (
        "_asked",
        "_index",
        "arguments",
        "call_id",
        "group",
        "has_ended",
        "id",
        "is_custom",
        "is_written_at_once",
        "name",
        "opaque",
    )

    def __init__(self, asked: Asked, index: int, call: Called) -> None:
        tools = [] if asked.kept is None else asked.kept.echo.get("tools", [])
        self._asked = asked
        self._index = index
        self.call_id = call_id(call.id, asked, index, _CALL)
        self.name = call.name
        self.group = call.group
        self.is_custom = call.is_custom
        self.arguments = call.arguments
        self.opaque = call.opaque
        self.has_ended = False
        self.is_written_at_once = call.name in DEFINED and any(tool.get("type") == call.name for tool in tools)
        self.id = _id(asked, "ctc" if call.is_custom else "fc", index)

    def is_whole(self) -> bool:
        """Whether the arguments are all that they should be."""
        return self.is_custom or is_json_object(self.arguments)

    def envelope(self) -> str | None:
        """What the provider wants back with the call, for the item behind it."""
        if self.opaque is None or self._asked.seal is None:
            return None
        return self._asked.seal.sealed(self.opaque, beside_call(self.call_id, self.name, self.arguments))

    def made(self, status: str) -> Item:
        """The item."""
        if self.is_written_at_once and (item := self._of_defined(status)) is not None:
            return item
        group = {"namespace": self.group} if self.group else {}
        named = {"status": status, "call_id": self.call_id, "name": self.name, **group}
        if self.is_custom:
            return {"id": self.id, "type": "custom_tool_call", **named, "input": self.arguments}
        return {"id": self.id, "type": "function_call", **named, "arguments": self.arguments}

    def _of_defined(self, status: str) -> Item | None:
        """The item of a tool that OpenAI defines; `None` where the arguments are not those of the tool."""
        given, kind = as_mapping(self.arguments), self.name
        head = {"type": f"{kind}_call", "status": status, "call_id": self.call_id}
        if kind == "apply_patch" and isinstance(given.get("type"), str) and isinstance(given.get("path"), str):
            operation = {"type": given["type"], "path": given["path"]}
            if given["type"] != "delete_file":
                operation["diff"] = given["diff"] if isinstance(given.get("diff"), str) else ""
            return {"id": _id(self._asked, "apc", self._index), **head, "operation": operation}
        if kind == "shell" and isinstance(given.get("commands"), list):
            numbers = {name: given.get(name) for name in ("timeout_ms", "max_output_length")}
            action: dict[str, Any] = {"commands": given["commands"], **numbers}
            return {"id": _id(self._asked, "sh", self._index), **head, "action": action, "environment": None}
        if kind == "local_shell" and isinstance(given.get("command"), list):
            action = {"type": "exec", "command": given["command"], "env": given.get("env") or {}}
            more = {name: given[name] for name in ("timeout_ms", "working_directory") if given.get(name) is not None}
            return {"id": _id(self._asked, "lsh", self._index), **head, "action": {**action, **more}}
        return None
