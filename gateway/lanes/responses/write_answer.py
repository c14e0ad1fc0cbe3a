"""A whole answer as a response object, and an error in its place.

Source: https://platform.openai.com/docs/api-reference/responses/object.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.lanes.answer import Answer, Block, Called, Refused, SaidText, Thought
from gateway.lanes.base import Asked, no_words
from gateway.lanes.provider_error import ProviderError
from gateway.lanes.responses.items import (
    COMPLETED,
    INCOMPLETE,
    CallItem,
    Item,
    ended,
    envelope,
    message,
    reasoning,
    refusal_part,
    response,
    text_part,
)
from gateway.shapes.responses import code_in

_SERVER_ERROR: Final = 500
_CODES: Final = {
    402: "insufficient_quota",
    429: "rate_limit_exceeded",
    503: "server_overloaded",
    529: "server_overloaded",
}
"""OpenAI's code, which its clients go by, where the provider says none."""


def write_answer(answer: Answer, asked: Asked) -> bytes:
    """See `ClientSide`."""
    end = ended(answer.stop, refuses=any(isinstance(block, Refused) for block in answer.blocks))
    output = _items(answer.blocks, asked, cut=end.status == INCOMPLETE)
    return msgspec.json.encode(response(asked, end.status, output, end.reason, answer.usage))


def _items(blocks: Sequence[Block], asked: Asked, *, cut: bool) -> list[Item]:
    """The items; what is said in a row is one message. `cut` is an answer that was not to end where it does."""
    output: list[Item] = []
    saying = [block for block in blocks if _says_something(block, asked)]
    for place, block in enumerate(saying):
        is_cut = cut and place == len(saying) - 1
        if isinstance(block, Thought):
            output.append(reasoning(asked, len(output), block.text, envelope(asked, block.opaque, block.text)))
        elif isinstance(block, Called):
            output += _call(block, asked, len(output), cut=is_cut)
        else:
            if not output or output[-1]["type"] != "message":
                output.append(message(asked, len(output), [], COMPLETED))
            said = output[-1]["content"]
            if said and isinstance(block, Refused) and said[-1]["type"] == "refusal":
                said[-1]["refusal"] += block.text  # a refusal is one part, in however many pieces it comes
            else:
                said.append(_part(block))
            output[-1]["status"] = INCOMPLETE if is_cut else COMPLETED
    return output


def _says_something(block: Block, asked: Asked) -> bool:
    """Whether there is an item for a block: a thought without a text is there for its provider alone."""
    if isinstance(block, Thought):
        return bool(block.text) or (block.opaque is not None and asked.seal is not None)
    return isinstance(block, Called) or bool(block.text)


def _part(block: SaidText | Refused) -> Item:
    return text_part(block.text, block.citations) if isinstance(block, SaidText) else refusal_part(block.text)


def _call(block: Called, asked: Asked, index: int, *, cut: bool) -> list[Item]:
    """The item of a call, and behind it the one that holds what the provider wants back with it."""
    call = CallItem(asked, index, block)
    if not call.arguments and not block.is_custom:
        call.arguments = "{}"
    item = call.made(INCOMPLETE if cut and not call.is_whole() else COMPLETED)
    sealed = call.envelope()
    return [item] if sealed is None else [item, reasoning(asked, index + 1, "", sealed)]


def write_error(status: int, error: ProviderError) -> bytes:
    """See `ClientSide`."""
    kind = error.type or ("server_error" if status >= _SERVER_ERROR else "invalid_request_error")
    stated = {
        "message": error.message or no_words(status),
        "type": kind,
        "param": error.param,
        "code": error.code or code_in(error.message) or _CODES.get(status),
    }
    return msgspec.json.encode({"error": stated})
