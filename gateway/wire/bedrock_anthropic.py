"""Anthropic's Messages API as Bedrock carries it: the request's body, and streamed events inside an AWS event stream.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from gateway.errors import GatewayError
from gateway.wire.aws_event_stream import EventStreamDecoder, EventStreamError, Message, StreamFailed, event_of
from gateway.wire.json_body import JsonBody
from gateway.wire.native_anthropic import versioned, with_members, without_members
from gateway.wire.unreadable import UNREADABLE

_VERSION: Final = "bedrock-2023-05-31"
_NOT_IN_THE_BODY: Final = ("model", "stream")
_EVENT_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def invoke_model_body(data: bytes, betas: Sequence[str] = ()) -> bytes:
    """The InvokeModel body for a Messages body; what is not named here stays as it was, byte for byte.

    `model` and `stream` go (the URL says both), `anthropic_version` comes where there is none, and `betas` join
    `anthropic_beta`. Raises `bad_request` where one of these repeats or `anthropic_beta` is no array of strings.
    """
    data = without_members(data, _NOT_IN_THE_BODY)
    if betas:
        joined = _joined(JsonBody(data).decoded("anthropic_beta"), betas)
        data = with_members(without_members(data, ("anthropic_beta",)), {"anthropic_beta": joined})
    return versioned(data, _VERSION)


def betas_of(values: Iterable[str]) -> list[str]:
    """The betas that a request's `anthropic-beta` headers name, each once."""
    names = (name.strip() for value in values for name in value.split(","))
    return list(dict.fromkeys(name for name in names if name))


class AnthropicEvents:
    """Server-sent events of Anthropic's shape out of the bytes of InvokeModelWithResponseStream.

    Each message holds one event's JSON in base64; the JSON goes on exactly as it was.
    """

    __slots__ = ("_decoder", "_failure")

    def __init__(self) -> None:
        self._decoder = EventStreamDecoder()
        self._failure: StreamFailed | EventStreamError | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The events that this piece completes.

        Raises `StreamFailed` for an exception of the service and `EventStreamError` for bytes that are no such
        stream; where good events stand before, they are returned first and the next call raises.
        """
        if self._failure is not None:
            raise self._failure
        events: list[bytes] = []
        try:
            events.extend(map(_server_sent_event, self._decoder.feed(chunk)))
        except (StreamFailed, EventStreamError) as failure:
            self._failure = failure
            if not events:
                raise
        return b"".join(events)

    def end(self) -> None:
        """The stream is over. Raises what `feed` still owes, or `EventStreamError` when it broke off in a frame."""
        if self._failure is not None:
            raise self._failure
        self._decoder.end()


class _Part(msgspec.Struct):
    """`PayloadPart` of the API; msgspec reads base64 where bytes are declared."""

    held: bytes = msgspec.field(name="bytes", default=b"")


class _Typed(msgspec.Struct):
    type: str


_decode_part = msgspec.json.Decoder(_Part).decode
_decode_typed = msgspec.json.Decoder(_Typed).decode


def _server_sent_event(message: Message) -> bytes:
    name, payload = event_of(message)
    if name != "chunk":
        return b""  # an event that a later version of the API adds
    try:
        data = _decode_part(payload).held
        type_ = _decode_typed(data).type
    except UNREADABLE:
        raise EventStreamError("a message holds no event of Anthropic's shape") from None
    if not _EVENT_NAME.fullmatch(type_):
        raise EventStreamError("an event's type is no name")
    return b"event: " + type_.encode() + b"\ndata: " + _LINE_END.sub(b"\ndata: ", data) + b"\n\n"


def _joined(stated: object, betas: Sequence[str]) -> list[str]:
    if stated is None:
        return list(betas)
    if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
        raise GatewayError("bad_request", "`anthropic_beta` has to be an array of strings.", param="anthropic_beta")
    return list(dict.fromkeys((*stated, *betas)))
