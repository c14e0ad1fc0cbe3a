"""Where the usage stands in answers of OpenAI's shapes, decoded without looking at the rest."""

from typing import Any

import msgspec

from gateway.shapes.figures import ABSENT


class Answer(msgspec.Struct, gc=False):
    """A whole body, a chunk, or an event whose `response` carries the rest."""

    usage: Any = None
    model: Any = None
    service_tier: Any = None
    response: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT
    tool_usage: Any = None
    svg_usage: Any = None
    x_groq: Any = None


class Item(msgspec.Struct, gc=False):
    """An item of `output`, as far as it may be a billed call."""

    type: Any = None
    action: Any = None


class Tool(msgspec.Struct, gc=False):
    """A tool that the request declared, as the answer repeats it."""

    type: Any = None
    model: Any = None


decode_answer = msgspec.json.Decoder(Answer).decode
decode_items = msgspec.json.Decoder(list[Item]).decode
decode_tools = msgspec.json.Decoder(list[Tool]).decode
decode_usage = msgspec.json.Decoder(dict[str, Any]).decode
