"""The turns of a conversation as messages of OpenAI's Chat Completions.

OpenAI wants every result of a tool right behind the assistant's message that called it, before anything else that the
user says. Its tool messages are text only, so images and files of a result go into the user message that follows, led
by a line that says whose they are.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.lanes.base import Target
from gateway.lanes.chat.opaque import extra_content
from gateway.lanes.chat.parameters import TARGET
from gateway.lanes.conversation import (
    Audio,
    Call,
    Conversation,
    Document,
    Feature,
    Image,
    Inline,
    Linked,
    Origin,
    Part,
    PlainText,
    Result,
    Role,
    SearchResult,
    Text,
    Thought,
    Turn,
    Video,
)
from gateway.lanes.data_url import PDF
from gateway.lanes.losses import Losses

_ERROR: Final = "Error: "
_ATTACHED: Final = "The result is attached to the next message."
_DEFAULT_FILE_NAME: Final = "document"
_NO_URL: Final = "Chat Completions fetches no documents; send it along as base64."
_SOUNDS: Final[Mapping[str, str]] = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}

Message = dict[str, Any]
Written = dict[str, Any]


def messages_of(conversation: Conversation, target: Target, losses: Losses) -> list[Message]:
    """The messages for a provider, which gets back what it gave: as `reasoning_content`, or beside Gemini's calls."""
    writer = _Parts(losses)
    messages = _system(conversation.instructions, writer)
    for turn in conversation.turns:
        if turn.role is Role.USER:
            messages.extend(_user(turn, writer))
        elif turn.role is Role.ASSISTANT:
            messages.extend(_assistant(turn, writer, target))
        else:
            messages.extend(_system(turn.parts, writer))
    return messages


def _system(parts: Sequence[Part], writer: "_Parts") -> list[Message]:
    return [{"role": "system", "content": _content_of(writer.written(parts))}] if parts else []


def _user(turn: Turn, writer: "_Parts") -> list[Message]:
    results = [_result(part, writer) for part in turn.parts if isinstance(part, Result)]
    parts = [part for _, attached in results for part in attached]
    parts += writer.written([part for part in turn.parts if not isinstance(part, Result)])
    messages = [message for message, _ in results]
    if parts:
        messages.append({"role": "user", "content": _content_of(parts)})
    return messages


def _assistant(turn: Turn, writer: "_Parts", target: Target) -> list[Message]:
    said = [part for part in turn.parts if not isinstance(part, Thought)]
    if not said:
        return []
    origin, is_signed = Origin.REASONING_CONTENT + target.provider, "gemini" in target.model.lower()
    calls = [_call(part, is_signed=is_signed) for part in said if isinstance(part, Call)]
    parts = writer.written([part for part in said if not isinstance(part, Call)])
    message: Message = {"role": "assistant", "content": _content_of(parts) if parts else None}
    thoughts = [
        part.text
        for part in turn.parts
        if isinstance(part, Thought) and part.opaque is not None and part.opaque.origin == origin
    ]
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return [message]


def _call(call: Call, *, is_signed: bool) -> Written:
    """A call; what Gemini wants back with it has a place of its own, which others refuse."""
    if call.is_custom:
        tool = {"type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    else:
        tool = {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    return {"id": call.id, **tool, **(extra_content(None, call.opaque, call.name) if is_signed else {})}


def _result(result: Result, writer: "_Parts") -> tuple[Message, Sequence[Written]]:
    """The message of one result, and the parts that go into the user message behind all results of the turn.

    That the tool failed is said in the text, since OpenAI has no field for it.
    """
    held = writer.written(result.parts)
    said = "\n".join(part["text"] for part in held if part["type"] == "text")
    attachments = [part for part in held if part["type"] != "text"]
    if attachments:
        said = f"{said}\n{_ATTACHED}" if said else _ATTACHED
        attachments.insert(0, _text(f"Attached to the result of tool call {result.call_id}:"))
    if result.failed:
        said = _ERROR + said
    return {"role": "tool", "tool_call_id": result.call_id, "content": said}, attachments


def _text(said: str) -> Written:
    return {"type": "text", "text": said}


def _content_of(parts: Sequence[Written]) -> str | list[Written]:
    """The shortest form of a message's content: text where it is all there is."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return list(parts)


def _data_url(source: Inline) -> str:
    return f"data:{source.media_type};base64,{source.data}"


class _Parts:
    """Writes what is said and shown. Raises `GatewayError` for what the shape has no place for."""

    def __init__(self, losses: Losses) -> None:
        self._table = losses.table

    def written(self, parts: Sequence[Part]) -> list[Written]:
        """The parts of a message that says the same."""
        return [written for part in parts for written in _WRITERS[type(part)](self, part)]

    def text(self, part: Text) -> list[Written]:
        """A text."""
        return [_text(part.text)]

    def image(self, part: Image) -> list[Written]:
        """An image, by a URL of any kind."""
        url = part.source.url if isinstance(part.source, Linked) else _data_url(part.source)
        return [{"type": "image_url", "image_url": {"url": url, **({"detail": part.detail} if part.detail else {})}}]

    def audio(self, part: Audio) -> list[Written]:
        """Speech that is sent along."""
        if isinstance(part.source, Linked) or part.source.media_type not in _SOUNDS:
            raise self._table.unsupported(part.path, "Chat Completions hears WAV and MP3 that are sent along.")
        heard = {"data": part.source.data, "format": _SOUNDS[part.source.media_type]}
        return [{"type": "input_audio", "input_audio": heard}]

    def video(self, part: Video) -> list[Written]:
        """Videos do not cross."""
        raise self._table.unsupported(part.path, TARGET[Feature.VIDEO].note)

    def document(self, part: Document) -> list[Written]:
        """A file; one that is text, or made of parts, is these, behind its title."""
        source = part.source
        if isinstance(source, Linked):
            raise self._table.unsupported(part.path, _NO_URL)
        context = [_text(part.context)] if part.context else []
        if isinstance(source, Inline):
            is_pdf = source.media_type in ("", PDF)
            name = part.name or _DEFAULT_FILE_NAME
            if is_pdf and not name.lower().endswith(".pdf"):
                name += ".pdf"
            data = _data_url(Inline(PDF, source.data) if is_pdf else source)
            return [*context, {"type": "file", "file": {"filename": name, "file_data": data}}]
        words = [_text(source.text)] if isinstance(source, PlainText) else self.written(source)
        return [*([_text(part.name)] if part.name else []), *context, *words]

    def search_result(self, part: SearchResult) -> list[Written]:
        """A passage, as text."""
        return [_text("\n".join((part.title, part.source, *part.texts)))]

    def nothing(self, _part: Part) -> list[Written]:
        """What has its place elsewhere, or none."""
        return []


_WRITERS: Final[Mapping[type[Part], Callable[[_Parts, Any], list[Written]]]] = {
    Text: _Parts.text,
    Image: _Parts.image,
    Audio: _Parts.audio,
    Video: _Parts.video,
    Document: _Parts.document,
    SearchResult: _Parts.search_result,
    Thought: _Parts.nothing,
    Call: _Parts.nothing,
    Result: _Parts.nothing,
}
