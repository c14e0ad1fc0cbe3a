"""A fast upstream: a fixed answer of about 0.7 KB, or, when the request asks, a stream of events of about 245 bytes.

`python -m bench.upstream PORT EVENTS`; a request may ask for another stream by `"bench":"<events>x<bytes of each>"`.
"""

import asyncio
import itertools
import re
import sys
from functools import lru_cache

import uvloop

BODY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + b"a" * 450 + b'"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":200,"completion_tokens":100,"total_tokens":300}}'
)
MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"'
    + b"a" * 450
    + b'"}],"stop_reason":"end_turn","usage":{"input_tokens":200,"output_tokens":100}}'
)
RESPONSE = (
    b'{"id":"resp_0000000000","object":"response","status":"completed","model":"gpt-5-mini-2025-08-07",'
    b'"output":[{"id":"msg_0000000000","type":"message",'
    b'"role":"assistant","content":[{"type":"output_text","text":"' + b"a" * 450 + b'"}]}],'
    b'"usage":{"input_tokens":200,"output_tokens":100,"total_tokens":300}}'
)


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


ANSWER = _whole(BODY)
ANSWERS = {b"/v1/messages": _whole(MESSAGE), b"/v1/responses": _whole(RESPONSE)}
EVENT = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"delta":{"content":"' + b"a" * 150
EVENT += b'"}}]}\n\n'
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":'
    b'{"prompt_tokens":200,"completion_tokens":200,"total_tokens":400}}\n\ndata: [DONE]\n\n'
)
"""A stream that ended without its last event would be one that broke off."""

LAST_CHUNK = b"%x\r\n%s\r\n" % (len(LAST), LAST)


_ASKED = re.compile(rb'"bench":"([0-9]+)x([0-9]+)"')


@lru_cache
def chunk_of(size: int) -> bytes:
    """An event of so many bytes as it goes over the wire; the shortest has one letter."""
    event = EVENT.replace(b"a" * 150, b"a" * max(1, size - len(EVENT) + 150)) if size else EVENT
    return b"%x\r\n%s\r\n" % (len(event), event)


class Upstream(asyncio.Protocol):
    """One connection."""

    events = 0
    answered = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answers every whole request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            if b'"stream":true' in body:
                asked = _ASKED.search(body, len(body) - 256 if len(body) > 256 else 0)
                events, size = (self.events, 0) if asked is None else (int(asked[1]), int(asked[2]))
                asyncio.get_running_loop().create_task(self._stream(events, chunk_of(size)))
            else:
                answer = ANSWERS.get(head.split(b" ", 2)[1], ANSWER)
                if b'"store":true' in body:  # what is stored has an id of its own
                    answer = answer.replace(b"_0000000000", b"_%010d" % next(self.answered))
                self._transport.write(answer)  # type: ignore[attr-defined] # a stream transport it is

    async def _stream(self, events: int, chunk: bytes) -> None:
        write = self._transport.write  # type: ignore[attr-defined] # a stream transport it is
        write(STREAM_HEAD)
        for _ in range(events):
            write(chunk)
            await asyncio.sleep(0)
        write(LAST_CHUNK + b"0\r\n\r\n")


async def serve(port: int, events: int) -> None:
    """Until the process is ended."""
    Upstream.events = events
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
