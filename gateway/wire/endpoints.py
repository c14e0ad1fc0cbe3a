"""The one table of LLM endpoints: path, shape, body form, usage readers. A new endpoint is a new row."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.usage import Usage
from gateway.wire.shape import Shape
from gateway.wire.usage import anthropic, converse, openai

ReadBody = Callable[[bytes], Usage | None]
ReadEvent = Callable[[Usage | None, bytes], Usage | None]


class BodyForm(enum.StrEnum):
    """How the request body is written."""

    JSON = "json"
    MULTIPART = "multipart"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One path of the data plane.

    `read_usage` reads a whole response body. `read_event` folds the `data` of one server-sent event into the usage
    known so far. `include_usage` says that a stream reports usage only when `stream_options.include_usage` asks for it.
    `metered` is false where calls consume no tokens. `default_model` is what the API takes when the body names none.
    """

    name: str
    path: str
    shape: Shape
    body: BodyForm = BodyForm.JSON
    read_usage: ReadBody
    read_event: ReadEvent
    include_usage: bool = False
    metered: bool = True
    default_model: str | None = None

    @property
    def suffix(self) -> str:
        """The path below `/v1`, as an OpenAI-compatible base URL continues: `/chat/completions`."""
        return self.path.removeprefix("/v1")


_TABLE = (
    Endpoint(
        name="chat_completions",
        path="/v1/chat/completions",
        shape=Shape.OPENAI,
        read_usage=openai.read_body,
        read_event=openai.read_event,
        include_usage=True,
    ),
    Endpoint(
        name="completions",
        path="/v1/completions",
        shape=Shape.OPENAI,
        read_usage=openai.read_body,
        read_event=openai.read_event,
        include_usage=True,
    ),
    Endpoint(
        name="embeddings",
        path="/v1/embeddings",
        shape=Shape.OPENAI,
        read_usage=openai.read_body,
        read_event=openai.read_event,
    ),
    Endpoint(
        name="responses",
        path="/v1/responses",
        shape=Shape.OPENAI,
        read_usage=openai.read_body,
        read_event=openai.read_event,
    ),
    Endpoint(
        name="moderations",
        path="/v1/moderations",
        shape=Shape.OPENAI,
        read_usage=openai.read_body,
        read_event=openai.read_event,
        metered=False,
        default_model="omni-moderation-latest",
    ),
    Endpoint(
        name="images_generations",
        path="/v1/images/generations",
        shape=Shape.OPENAI,
        default_model="dall-e-2",
        read_usage=openai.read_body,
        read_event=openai.read_event,
    ),
    Endpoint(
        name="audio_speech",
        path="/v1/audio/speech",
        shape=Shape.OPENAI,
        read_usage=openai.read_body,
        read_event=openai.read_event,
    ),
    Endpoint(
        name="audio_transcriptions",
        path="/v1/audio/transcriptions",
        shape=Shape.OPENAI,
        body=BodyForm.MULTIPART,
        read_usage=openai.read_body,
        read_event=openai.read_event,
    ),
    Endpoint(
        name="messages",
        path="/v1/messages",
        shape=Shape.ANTHROPIC,
        read_usage=anthropic.read_body,
        read_event=anthropic.read_event,
    ),
    Endpoint(
        name="messages_count_tokens",
        path="/v1/messages/count_tokens",
        shape=Shape.ANTHROPIC,
        read_usage=anthropic.read_body,
        read_event=anthropic.read_event,
        metered=False,
    ),
)

CONVERSE = Endpoint(
    name="converse",
    path="/model/converse",
    shape=Shape.CONVERSE,
    read_usage=converse.read_body,
    read_event=converse.read_event,
)
"""Bedrock's Converse: the other end of a lane, never called by clients."""

ENDPOINTS: Mapping[str, Endpoint] = {endpoint.name: endpoint for endpoint in _TABLE}
