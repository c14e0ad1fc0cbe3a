"""Blocks that a user's turn can hold become parts of a chat message.

Sources: https://docs.anthropic.com/en/api/messages#body-messages-content,
https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.anthropic_openai.parameters import TABLE
from gateway.lanes.losses import Losses
from gateway.lanes.parameter import Treatment
from gateway.lanes.reading import mapping, optional_text, sequence, text, wrong

_PDF: Final = "application/pdf"
_DEFAULT_FILE_NAME: Final = "document"
_NO_URL: Final = "Chat Completions fetches no documents; send it along as base64."
_UNKNOWN_BLOCK: Final = "this kind of block is not known."

Part = Mapping[str, Any]


class Block(NamedTuple):
    """A block of content with its kind, and where it stands in the body."""

    kind: str
    members: Mapping[str, Any]
    path: str


def blocks_of(content: Any, path: str, losses: Losses, name: str = "messages[].content[]") -> Sequence[Block]:
    """The blocks of a content; a string stands for one block of text. Refuses kinds that have no counterpart."""
    if isinstance(content, str):
        return (Block("text", {"type": "text", "text": content}, path),)
    if not isinstance(content, list):
        raise wrong(path, "a string or an array of blocks")
    return tuple(_block(block, f"{path}[{index}]", losses, name) for index, block in enumerate(content))


def parts_of(blocks: Sequence[Block], losses: Losses) -> list[Part]:
    """The parts of a message that says what the blocks say."""
    return [part for block in blocks for part in _parts(block, losses)]


def text_part(said: str) -> Part:
    """A part that is text."""
    return {"type": "text", "text": said}


def content_of(parts: Sequence[Part]) -> str | list[Part]:
    """The shortest form of a message's content: text where it is all there is."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return list(parts)


def _block(value: Any, path: str, losses: Losses, name: str) -> Block:
    members = mapping(value, path)
    kind = text(members.get("type"), f"{path}.type")
    row = TABLE.rows.get(f"messages[].content[type={kind}]")
    if row is None:
        raise TABLE.unsupported(f"{path}.type", _UNKNOWN_BLOCK)
    if row.treatment is Treatment.REFUSED:
        raise TABLE.unsupported(f"{path}.type", row.note)
    if row.treatment is not Treatment.IGNORED:
        losses.judge(members, name, path)
    return Block(kind, members, path)


def _parts(block: Block, losses: Losses) -> Iterator[Part]:
    kind, members, path = block
    if kind == "text":
        yield text_part(text(members.get("text"), f"{path}.text"))
    elif kind == "image":
        yield _image(members, path, losses)
    elif kind == "document":
        yield from _document(members, path, losses)
    elif kind == "search_result":
        yield _search_result(members, path, losses)
    elif kind == "tool_reference":
        yield text_part(f"Tool: {text(members.get('tool_name'), f'{path}.tool_name')}")
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
            yield text_part(context)
        name = title or _DEFAULT_FILE_NAME
        yield {
            "type": "file",
            "file": {
                "filename": name if name.lower().endswith(".pdf") else f"{name}.pdf",
                "file_data": _data_url(source, path),
            },
        }
        return
    yield from (text_part(said) for said in (title, context) if said)
    if kind == "text":
        yield text_part(text(source.get("data"), f"{path}.data"))
    elif kind == "content":
        yield from parts_of(blocks_of(source.get("content"), f"{path}.content", losses), losses)
    else:
        raise wrong(f"{path}.type", "one of base64, text, content")


def _search_result(members: Mapping[str, Any], path: str, losses: Losses) -> Part:
    title = text(members.get("title"), f"{path}.title")
    source = text(members.get("source"), f"{path}.source")
    sequence(members.get("content"), f"{path}.content")
    texts = texts_of(blocks_of(members["content"], f"{path}.content", losses))
    return text_part("\n".join((title, source, *texts)))


def texts_of(blocks: Sequence[Block]) -> list[str]:
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
