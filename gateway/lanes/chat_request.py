"""What a request for OpenAI's Chat Completions says, wherever it is translated to.

Source: https://platform.openai.com/docs/api-reference/chat/create.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.call_arguments import as_mapping
from gateway.lanes.losses import Losses
from gateway.lanes.reading import flag, mapping, number, one_of, optional_text, sequence, text, tool_name, wrong

Block = dict[str, Any]
"""A piece of a turn, or a whole turn, in the target's shape."""

_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_TIERS: Final = ("auto", "default", "flex", "scale", "priority", "fast")
_CHOICES: Final = ("auto", "none", "required")
NO_CONTENT: Final = "an array with at least one message of a user that says something"

_PART: Final = "messages[].content[]"
_TEXT: Final = ("text",)
_SAID: Final = ("text", "refusal")
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_RETURNED: Final = ("text", "image_url", "file")
_ASKED: Final = ("text", "image_url", "input_audio", "file")
PDF: Final = "application/pdf"
IMAGES: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
"""The formats of images that models see, by the media types that clients give them."""


def streams(body: Mapping[str, Any], losses: Losses) -> bool:
    """Whether the answer is to be a stream."""
    streamed = flag(body.get("stream"), "stream")
    if body.get("stream_options") is not None:
        options = mapping(body["stream_options"], "stream_options")
        losses.judge(options, "stream_options", "stream_options")
        flag(options.get("include_usage"), "stream_options.include_usage")
    return streamed


def output_limit(body: Mapping[str, Any]) -> int | None:
    """How many tokens the answer may have; `max_completion_tokens` goes before `max_tokens`."""
    limits: list[int] = []
    for name in ("max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise wrong(name, "a whole number from 1 on")
        limits.append(limit)
    return limits[0] if limits else None


def temperature(body: Mapping[str, Any]) -> float | None:
    """`temperature`, from 0 to 2."""
    return _up_to(2, body, "temperature")


def top_p(body: Mapping[str, Any]) -> float | None:
    """`top_p`, from 0 to 1."""
    return _up_to(1, body, "top_p")


def _up_to(most: int, body: Mapping[str, Any], name: str) -> float | None:
    if body.get(name) is None:
        return None
    given = number(body[name], name)
    if not 0 <= given <= most:
        raise wrong(name, f"a number from 0 to {most}")
    return given


def stops(body: Mapping[str, Any]) -> list[str]:
    """The texts of `stop` that are not empty; a string stands for one."""
    stop = body.get("stop")
    if stop is None:
        return []
    given = [stop] if isinstance(stop, str) else sequence(stop, "stop")
    return [one for index, value in enumerate(given) if (one := text(value, f"stop[{index}]"))]


def effort(body: Mapping[str, Any]) -> str | None:
    """`reasoning_effort`."""
    given = body.get("reasoning_effort")
    return None if given is None else one_of(_EFFORTS, given, "reasoning_effort")


def service_tier(body: Mapping[str, Any]) -> str | None:
    """`service_tier`."""
    given = body.get("service_tier")
    return None if given is None else one_of(_TIERS, given, "service_tier")


def answer_schema(body: Mapping[str, Any], losses: Losses, no_schema: str) -> Mapping[str, Any] | None:
    """`response_format.json_schema` with a schema and maybe a description; `None` where the answer's form is open.

    JSON without a schema is a loss, for the reason `no_schema`.
    """
    if body.get("response_format") is None:
        return None
    wanted = mapping(body["response_format"], "response_format")
    losses.judge(wanted, "response_format", "response_format")
    kind = one_of(("text", "json_object", "json_schema"), wanted.get("type"), "response_format.type")
    if kind == "text":
        return None
    if kind == "json_object":
        losses.drop("response_format", "response_format.type", no_schema)
        return None
    path = "response_format.json_schema"
    members = mapping(wanted.get("json_schema"), path)
    losses.judge(members, path, path)
    optional_text(members.get("description"), f"{path}.description")
    if members.get("schema") is None:
        losses.drop("response_format", f"{path}.schema", no_schema)
        return None
    mapping(members["schema"], f"{path}.schema")
    return members


class Function(NamedTuple):
    """A function that the model may call; `tool` is all that was said of it, at `path`, `members` its own part."""

    name: str
    description: str
    parameters: Mapping[str, Any] | None
    strict: bool
    tool: Mapping[str, Any]
    members: Mapping[str, Any]
    path: str


def functions(body: Mapping[str, Any], losses: Losses) -> Iterator[Function]:
    """The functions of `tools`."""
    for index, value in enumerate([] if body.get("tools") is None else sequence(body["tools"], "tools")):
        path = f"tools[{index}]"
        tool = mapping(value, path)
        text(tool.get("type"), f"{path}.type")
        losses.judge(tool, "tools[]", path)
        function, at = mapping(tool.get("function"), f"{path}.function"), f"{path}.function"
        losses.judge(function, "tools[].function", at)
        name = tool_name(function.get("name"), f"{at}.name")
        description = optional_text(function.get("description"), f"{at}.description")
        schema = function.get("parameters")
        parameters = None if schema is None else mapping(schema, f"{at}.parameters")
        yield Function(
            name, description, parameters, flag(function.get("strict"), f"{at}.strict"), tool, function, path
        )


class Choice(NamedTuple):
    """What may be called: `mode` is `auto`, `none` or `required`, and "" where the request does not say.

    `name` is the only function that has to be called, `allowed` names those that may be, if not all.
    """

    mode: str
    name: str | None = None
    allowed: Sequence[str] | None = None


def tool_choice(body: Mapping[str, Any], losses: Losses) -> Choice:
    """`tool_choice`."""
    given = body.get("tool_choice")
    if given is None:
        return Choice("")
    if isinstance(given, str):
        if given not in _CHOICES:
            raise wrong("tool_choice", f"one of {', '.join(_CHOICES)}, or an object")
        return Choice(given)
    choice = mapping(given, "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    if kind == "function":
        return Choice("required", _function_name(choice, "tool_choice", losses))
    if kind == "custom":
        raise losses.table.unsupported("tool_choice.type", losses.table.rows["tool_choice.custom"].note)
    if kind != "allowed_tools":
        raise wrong("tool_choice.type", "one of function, allowed_tools")
    path = "tool_choice.allowed_tools"
    allowed = mapping(choice.get("allowed_tools"), path)
    losses.judge(allowed, path, path)
    mode = one_of(("auto", "required"), allowed.get("mode"), f"{path}.mode")
    tools = enumerate(sequence(allowed.get("tools"), f"{path}.tools"))
    return Choice(mode, None, [_function_name(tool, f"{path}.tools[{index}]", losses) for index, tool in tools])


def _function_name(value: Any, path: str, losses: Losses) -> str:
    function = mapping(mapping(value, path).get("function"), f"{path}.function")
    losses.judge(function, "tool_choice.function", f"{path}.function")
    return tool_name(function.get("name"), f"{path}.function.name")


class Conversation(ABC):
    """Walks the messages of a request. A target's own class says what it makes of a text, an image, a call.

    Turns alternate in every target, and what tools returned is part of the user's turn. `usable_id` are the ids that
    calls may have there.
    """

    usable_id: re.Pattern[str]

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.table = losses.table

    def read(self, body: Mapping[str, Any]) -> tuple[list[Block], list[Block]]:
        """The members `system` and `messages`; neither has a block that says nothing."""
        system: list[Block] = []
        turns: list[Block] = []
        latest: list[Block] = []
        for index, value in enumerate(sequence(body.get("messages"), "messages")):
            path = f"messages[{index}]"
            message = mapping(value, path)
            role = self._role(message, path)
            self._losses.judge(message, "messages[]", path)
            if role in ("system", "developer"):
                said = self.marked(self._blocks(message.get("content"), f"{path}.content", _TEXT), message, path)
                latest = said or latest
                system += said
            elif role == "assistant":
                say(turns, "assistant", self.marked(self._answer(message, path), message, path))
            else:
                said = (
                    self._blocks(message.get("content"), f"{path}.content", _ASKED)
                    if role == "user"
                    else [self._returned(message, path)]
                )
                say(turns, "user", self.marked(said, message, path))
        if latest and not turns:
            # OpenAI answers instructions alone; what was said last stands in for the user's words.
            turns, system = [{"role": "user", "content": latest}], system[: -len(latest)]
        if not turns:
            raise wrong("messages", NO_CONTENT)
        return system, turns

    def _role(self, message: Mapping[str, Any], path: str) -> str:
        if message.get("role") == "function":
            raise self.table.unsupported(f"{path}.role", self.table.rows["functions"].note)
        return one_of(_ROLES, message.get("role"), f"{path}.role")

    def _answer(self, message: Mapping[str, Any], path: str) -> list[Block]:
        said = self.thoughts(message, path)
        content = message.get("content")
        if content is not None:
            said += self._blocks(content, f"{path}.content", (*_SAID, *_THOUGHTS))
        said += self._texts(optional_text(message.get("refusal"), f"{path}.refusal"))
        calls = message.get("tool_calls")
        declared = [] if calls is None else sequence(calls, f"{path}.tool_calls")
        return said + [self._called(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(declared)]

    def _called(self, value: Any, path: str) -> Block:
        call = mapping(value, path)
        self._losses.judge(call, "messages[].tool_calls[]", path)
        kind = optional_text(call.get("type"), f"{path}.type") or "function"
        if kind == "custom":
            raise self.table.unsupported(f"{path}.type", self.table.rows["tools[].type"].note)
        if kind != "function":
            raise wrong(f"{path}.type", '"function"')
        identifier = self._call_id(call.get("id"), f"{path}.id")
        function, at = mapping(call.get("function"), f"{path}.function"), f"{path}.function"
        self._losses.judge(function, "messages[].tool_calls[].function", at)
        called = self.call(identifier, tool_name(function.get("name"), f"{at}.name"), _arguments(function, at))
        return self.marked([called], call, path)[0]

    def _returned(self, message: Mapping[str, Any], path: str) -> Block:
        identifier = self._call_id(message.get("tool_call_id"), f"{path}.tool_call_id")
        return self.result(identifier, self._blocks(message.get("content"), f"{path}.content", _RETURNED))

    def _call_id(self, value: Any, path: str) -> str:
        """The id, or a digest of it where the target's may not be like it."""
        identifier = text(value, path)
        if self.usable_id.fullmatch(identifier):
            return identifier
        return "call_" + hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _blocks(self, content: Any, path: str, kinds: Sequence[str]) -> list[Block]:
        """The blocks of a content that may hold parts of these kinds; a string stands for one text."""
        if isinstance(content, str):
            return self._texts(content)
        if not isinstance(content, list):
            raise wrong(path, "a string or an array of parts")
        return [
            block
            for index, part in enumerate(content)
            for block in self._of_part(mapping(part, f"{path}[{index}]"), f"{path}[{index}]", kinds)
        ]

    def _of_part(self, part: Mapping[str, Any], path: str, kinds: Sequence[str]) -> list[Block]:
        kind = text(part.get("type"), f"{path}.type")
        if kind not in kinds:
            raise wrong(f"{path}.type", f"one of {', '.join(kinds)} in this place")
        self._losses.judge(part, _PART, path)
        at = f"{path}.{kind}"
        if kind in _THOUGHTS:
            thought = self.thought(kind, part, path)
            return [] if thought is None else [thought]
        if kind in _SAID:
            return self.marked(self._texts(text(part.get(kind), at)), part, path)
        members = mapping(part.get(kind), at)
        self._losses.judge(members, f"{_PART}.{kind}", at)
        if kind == "image_url":
            block = self.image(text(members.get("url"), f"{at}.url"), f"{at}.url")
        elif kind == "input_audio":
            block = self.audio(members, at)
        else:
            name = optional_text(members.get("filename"), f"{at}.filename")
            block = self.file(name, text(members.get("file_data"), f"{at}.file_data"), f"{at}.file_data")
        return self.marked([block], part, path)

    def _texts(self, said: str) -> list[Block]:
        """A text as a block; every target refuses texts that are blank, and they say nothing."""
        return [self.text(said)] if said.strip() else []

    def marked(self, said: list[Block], holder: Mapping[str, Any], path: str) -> list[Block]:  # noqa: ARG002 - for targets
        """Blocks with the cache mark that their part or message carries, for a target that has such marks."""
        return said

    def thoughts(self, message: Mapping[str, Any], path: str) -> list[Block]:  # noqa: ARG002 - likewise
        """The thinking that an answer goes on from, for a target that wants it back."""
        return []

    def thought(self, kind: str, part: Mapping[str, Any], path: str) -> Block | None:  # noqa: ARG002 - likewise
        """The thinking that a part or an entry of `thinking_blocks` holds, for a target that wants it back."""
        return None

    @abstractmethod
    def text(self, said: str) -> Block:
        """A text."""

    @abstractmethod
    def image(self, url: str, path: str) -> Block:
        """An image, by a URL of any kind."""

    def audio(self, members: Mapping[str, Any], path: str) -> Block:
        """Speech; the table of a target that does not listen refuses it before."""
        raise NotImplementedError

    @abstractmethod
    def file(self, name: str, data: str, path: str) -> Block:
        """A document: a data URL, or base64."""

    @abstractmethod
    def call(self, identifier: str, name: str, arguments: dict[str, Any]) -> Block:
        """A call of a function."""

    @abstractmethod
    def result(self, identifier: str, content: list[Block]) -> Block:
        """What a function returned."""


def say(turns: list[Block], role: str, said: list[Block]) -> None:
    """Adds blocks to the turn of a role, a new one where the last is another's."""
    if said and turns and turns[-1]["role"] == role:
        turns[-1]["content"].extend(said)
    elif said:
        turns.append({"role": role, "content": said})


def _arguments(function: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The object that a call's `arguments` are the JSON text of, as far as the model wrote one; some send that."""
    given = function.get("arguments")
    return dict(given) if isinstance(given, Mapping) else as_mapping(optional_text(given, f"{path}.arguments"))
