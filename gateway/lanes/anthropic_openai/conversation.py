"""The conversation: system prompt and turns become chat messages, and their blocks the parts of those.

Anthropic combines consecutive turns of one role, and so does this module: OpenAI wants every result of a tool right
behind the assistant's message that called it, before anything else that the user says. Its tool messages are text only,
so images and files of a result go into the user message that follows, led by a line that says whose they are.

Sources: https://docs.anthropic.com/en/api/messages#body-messages-content,
https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from gateway.lanes.anthropic_openai.parameters import TABLE
from gateway.lanes.call_arguments import no_object
from gateway.lanes.losses import Losses, Treatment
from gateway.lanes.reading import flag, mapping, one_of, optional_text, sequence, text, wrong

_ROLES: Final = ("user", "assistant", "system")
_EARLIER_REASONING: Final = ("thinking", "redacted_thinking")
_PREFILL: Final = "the model cannot be made to continue a text that the request begins for it."
_ERROR: Final = "Error: "
_ATTACHED: Final = "The result is attached to the next message."
_PDF: Final = "application/pdf"
_DEFAULT_FILE_NAME: Final = "document"
_NO_URL: Final = "Chat Completions fetches no documents; send it along as base64."
_UNKNOWN_BLOCK: Final = "this kind of block is not known."

Message = dict[str, Any]
Part = Mapping[str, Any]


class _Block(NamedTuple):
    """A block of content with its kind, and where it stands in the body."""

    kind: str
    members: Mapping[str, Any]
    path: str


def conversation(body: Mapping[str, Any], losses: Losses, returned: str) -> list[Message]:
    """The chat messages for `system` and `messages`; `returned` is the signature of thinking that goes back."""
    turns = sequence(body.get("messages"), "messages")
    if not turns:
        raise wrong("messages", "an array of at least one message")
    located = [_turn(turn, f"messages[{index}]", losses) for index, turn in enumerate(turns)]
    if located[-1][0] == "assistant":
        raise TABLE.unsupported(f"messages[{len(located) - 1}]", _PREFILL)
    messages = _system_prompt(body.get("system"), losses)
    for role, same_role in groupby(located, key=itemgetter(0)):
        blocks = [block for _, held in same_role for block in held]
        if role == "user":
            messages.extend(_user(blocks, losses))
        elif role == "assistant":
            messages.extend(_assistant(blocks, returned))
        else:
            messages.extend(_system(blocks))
    return messages


def _turn(value: Any, path: str, losses: Losses) -> tuple[str, Sequence[_Block]]:
    message = mapping(value, path)
    losses.judge(message, "messages[]", path)
    role = one_of(_ROLES, message.get("role"), f"{path}.role")
    blocks = _blocks_of(message.get("content"), f"{path}.content", losses)
    if not blocks:
        raise wrong(f"{path}.content", "a string or an array of at least one block")
    return role, blocks


def _system_prompt(value: Any, losses: Losses) -> list[Message]:
    return [] if value is None or value == "" else _system(_blocks_of(value, "system", losses, "system[]"))


def _system(blocks: Sequence[_Block]) -> list[Message]:
    parts = [_text_part(said) for said in _texts_of(blocks)]
    return [{"role": "system", "content": _content_of(parts)}] if parts else []


def _user(blocks: Sequence[_Block], losses: Losses) -> list[Message]:
    results = [_tool_result(block, losses) for block in blocks if block.kind == "tool_result"]
    parts: list[Part] = [part for _, attached in results for part in attached]
    parts += _parts_of([block for block in blocks if block.kind != "tool_result"], losses)
    messages = [message for message, _ in results]
    if parts:
        messages.append({"role": "user", "content": _content_of(parts)})
    return messages


def _assistant(blocks: Sequence[_Block], returned: str) -> list[Message]:
    said = [block for block in blocks if block.kind not in _EARLIER_REASONING]
    calls = [_tool_call(block) for block in said if block.kind == "tool_use"]
    parts = [_text_part(words) for words in _texts_of([block for block in said if block.kind != "tool_use"])]
    if not said:
        return []
    message: Message = {"role": "assistant", "content": _content_of(parts) if parts else None}
    thoughts = [
        optional_text(block.members.get("thinking"), f"{block.path}.thinking")
        for block in blocks
        if block.kind == "thinking" and block.members.get("signature") == returned
    ]
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return [message]


def _tool_call(block: _Block) -> dict[str, Any]:
    members, path = block.members, block.path
    identifier, name = text(members.get("id"), f"{path}.id"), text(members.get("name"), f"{path}.name")
    given = mapping(members.get("input"), f"{path}.input")
    try:
        arguments = no_object(given) or json.dumps(given, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise wrong(f"{path}.input", "JSON of reasonable depth") from None
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def _tool_result(block: _Block, losses: Losses) -> tuple[Message, Sequence[Part]]:
    """The message of one result, and the parts that go into the user message behind all results of the turn.

    `is_error` is said in the text, since OpenAI has no field for it.
    """
    call = text(block.members.get("tool_use_id"), f"{block.path}.tool_use_id")
    content = block.members.get("content")
    held = [] if content is None else _parts_of(_blocks_of(content, f"{block.path}.content", losses), losses)
    said = "\n".join(part["text"] for part in held if part["type"] == "text")
    attachments = [part for part in held if part["type"] != "text"]
    if attachments:
        said = f"{said}\n{_ATTACHED}" if said else _ATTACHED
        attachments.insert(0, _text_part(f"Attached to the result of tool call {call}:"))
    if flag(block.members.get("is_error"), f"{block.path}.is_error"):
        said = _ERROR + said
    return {"role": "tool", "tool_call_id": call, "content": said}, attachments


def _blocks_of(content: Any, path: str, losses: Losses, name: str = "messages[].content[]") -> Sequence[_Block]:
    """The blocks of a content; a string stands for one block of text. Refuses kinds that have no counterpart."""
    if isinstance(content, str):
        return (_Block("text", {"type": "text", "text": content}, path),)
    if not isinstance(content, list):
        raise wrong(path, "a string or an array of blocks")
    return tuple(_block(block, f"{path}[{index}]", losses, name) for index, block in enumerate(content))


def _parts_of(blocks: Sequence[_Block], losses: Losses) -> list[Part]:
    """The parts of a message that says what the blocks say."""
    return [part for block in blocks for part in _parts(block, losses)]


def _text_part(said: str) -> Part:
    """A part that is text."""
    return {"type": "text", "text": said}


def _content_of(parts: Sequence[Part]) -> str | list[Part]:
    """The shortest form of a message's content: text where it is all there is."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return list(parts)


def _block(value: Any, path: str, losses: Losses, name: str) -> _Block:
    members = mapping(value, path)
    kind = text(members.get("type"), f"{path}.type")
    row = TABLE.rows.get(f"messages[].content[type={kind}]")
    if row is None:
        raise TABLE.unsupported(f"{path}.type", _UNKNOWN_BLOCK)
    if row.treatment is Treatment.REFUSED:
        raise TABLE.unsupported(f"{path}.type", row.note)
    if row.treatment is not Treatment.IGNORED:
        losses.judge(members, name, path)
    return _Block(kind, members, path)


def _parts(block: _Block, losses: Losses) -> Iterator[Part]:
    kind, members, path = block
    if kind == "text":
        yield _text_part(text(members.get("text"), f"{path}.text"))
    elif kind == "image":
        yield _image(members, path, losses)
    elif kind == "document":
        yield from _document(members, path, losses)
    elif kind == "search_result":
        yield _search_result(members, path, losses)
    elif kind == "tool_reference":
        yield _text_part(f"Tool: {text(members.get('tool_name'), f'{path}.tool_name')}")
    else:
        raise wrong(f"{path}.type", "one of text, image, document, search_result in this place")


def _image(members: Mapping[str, Any], path: str, losses: Losses) -> Part:
    kind, source, path = _source(members, path, losses)
    if kind == "base64":
        url = _data_url(source, path)
    elif kind == "url":
        url = text(source.get("url"), f"{path}.url")
    else:
        raise wrong(f"{path}.type", "one of base64, url")
    return {"type": "image_url", "image_url": {"url": url}}


def _document(members: Mapping[str, Any], path: str, losses: Losses) -> Iterator[Part]:
    title = optional_text(members.get("title"), f"{path}.title")
    context = optional_text(members.get("context"), f"{path}.context")
    kind, source, path = _source(members, path, losses)
    if kind == "url":
        raise TABLE.unsupported(f"{path}.type", _NO_URL)
    if kind == "base64":
        if source.get("media_type") != _PDF:
            raise wrong(f"{path}.media_type", _PDF)
        if context:
            yield _text_part(context)
        name = title or _DEFAULT_FILE_NAME
        yield {
            "type": "file",
            "file": {
                "filename": name if name.lower().endswith(".pdf") else f"{name}.pdf",
                "file_data": _data_url(source, path),
            },
        }
        return
    yield from (_text_part(said) for said in (title, context) if said)
    if kind == "text":
        yield _text_part(text(source.get("data"), f"{path}.data"))
    elif kind == "content":
        yield from _parts_of(_blocks_of(source.get("content"), f"{path}.content", losses), losses)
    else:
        raise wrong(f"{path}.type", "one of base64, text, content")


def _search_result(members: Mapping[str, Any], path: str, losses: Losses) -> Part:
    title = text(members.get("title"), f"{path}.title")
    source = text(members.get("source"), f"{path}.source")
    sequence(members.get("content"), f"{path}.content")
    texts = _texts_of(_blocks_of(members["content"], f"{path}.content", losses))
    return _text_part("\n".join((title, source, *texts)))


def _texts_of(blocks: Sequence[_Block]) -> list[str]:
    """What blocks say that have to be text."""
    for block in blocks:
        if block.kind != "text":
            raise wrong(f"{block.path}.type", '"text" in this place')
    return [text(block.members.get("text"), f"{block.path}.text") for block in blocks]


def _source(members: Mapping[str, Any], path: str, losses: Losses) -> tuple[str, Mapping[str, Any], str]:
    path = f"{path}.source"
    source = mapping(members.get("source"), path)
    losses.judge(source, "messages[].content[].source", path)
    kind = text(source.get("type"), f"{path}.type")
    row = TABLE.rows.get(f"messages[].content[].source[type={kind}]")
    if row is not None and row.treatment is Treatment.REFUSED:
        raise TABLE.unsupported(f"{path}.type", row.note)
    return kind, source, path


def _data_url(source: Mapping[str, Any], path: str) -> str:
    media_type = text(source.get("media_type"), f"{path}.media_type")
    return f"data:{media_type};base64,{text(source.get('data'), f'{path}.data')}"
