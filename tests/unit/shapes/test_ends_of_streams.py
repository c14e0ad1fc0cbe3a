"""A stream is over by its API's own last event, and by nothing that only looks like one."""

import pytest

from gateway.shapes.audio import TRANSCRIPTIONS
from gateway.shapes.chat import CHAT
from gateway.shapes.ending import How
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import MESSAGES
from gateway.shapes.progress import Progress
from gateway.shapes.responses import RESPONSES

FIRST = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'


@pytest.mark.parametrize(
    ("shape", "last", "is_over"),
    [
        (CHAT, b"data: [DONE]\n\n", True),
        (CHAT, b"data: [DONE]\n\n: bye\n\n", True),
        (CHAT, b"data:[DONE]", True),
        (RESPONSES, b'data: {"type":"response.completed"}\n\n', True),
        (RESPONSES, b'event: response.failed\ndata: {"type":"response.failed"}\n\n', True),
        (RESPONSES, b'data: {"type":"response.incomplete"}\n\n', True),
        (IMAGES, b'data: {"type":"image_generation.completed"}\n\n', True),
        (TRANSCRIPTIONS, b'data: {"type":"transcript.text.done"}\n\n', True),
        (MESSAGES, b'data: {"type":"message_stop"}\n\n', True),
        (RESPONSES, b'data: {"type":"response.output_text.done"}\n\n', False),
        (CHAT, b'data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n', False),
        (MESSAGES, b'data: {"delta":"message_stop response.completed"}\n\n', False),
        (CHAT, b"data: [DO", False),
        (CHAT, b"", False),
    ],
)
def test_a_stream_is_over_by_its_own_last_event_only(shape, last, is_over):
    for chunks in ([FIRST + last], [FIRST, last], [bytes([byte]) for byte in FIRST + last]):
        progress = Progress(shape.events)
        for chunk in chunks:
            progress.feed(chunk)
        progress.end()
        assert progress.ended is is_over


@pytest.mark.parametrize("shape", [MESSAGES, RESPONSES], ids=["messages", "responses"])
def test_a_part_that_is_whole_may_have_been_the_last_until_another_begins(shape):
    whole, more = {
        "messages": (b'{"type":"content_block_stop"}', b'{"type":"content_block_start"}'),
        "responses": (b'{"type":"response.output_text.done"}', b'{"type":"response.output_item.added"}'),
    }[shape.name]
    progress = Progress(shape.events)
    seen = []
    for data in (more, whole, b'{"type":"ping"}' if shape is MESSAGES else b'{"type":"keepalive"}', more):
        progress.event("", data)
        seen.append((progress.content_may_be_complete, progress.ending(client_left=True).how is not How.LEFT))

    assert seen == [(False, False), (True, False), (True, False), (False, False)]
