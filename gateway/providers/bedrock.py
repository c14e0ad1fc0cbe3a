"""Amazon Bedrock (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html).

Claude is spoken to in Anthropic's own shape, by InvokeModel and InvokeModelWithResponseStream; other families by
Converse and ConverseStream. Streams arrive in AWS's framing and go on as server-sent events.
"""

import re
from collections.abc import Iterable

from gateway.config.sections.providers import BedrockProvider
from gateway.providers.base import is_path_segment, path_segment
from gateway.providers.credentials.aws import AwsSigner
from gateway.providers.credentials.base import Signer
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.secret import Secret
from gateway.shapes.cloud_messages import BEDROCK, CloudForm
from gateway.shapes.embeddings import COUNTED, EMBEDS
from gateway.shapes.endpoints import Endpoint
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Content, Headers, Transport, UpstreamRequest, UpstreamResponse
from gateway.wire.aws_event_stream import EventStreamDecoder, EventStreamError, StreamFailed, event_of
from gateway.wire.bedrock_anthropic import AnthropicEvents, betas_of, invoke_model_body

_CLAUDE = "anthropic.claude"
_BETA = "anthropic-beta"
_OF_ANTHROPIC_HEADERS = "anthropic-"
_COUNT = "x-amzn-bedrock-input-token-count"
_COUNTED_IN_HEADER = re.compile(r"(cohere\.embed-|nova-2-multimodal-embeddings)[^/]*/invoke$")
_EVENT_STREAM = "application/vnd.amazon.eventstream"


class Bedrock:
    """One AWS account in one region."""

    adapts: bool = True
    signs_thinking: bool = True
    form: CloudForm | None = BEDROCK
    models_url: str | None = None

    def __init__(self, name: str, section: BedrockProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.transport: Transport = BedrockTransport(transport)
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        self.signer: Signer | None = None
        if section.api_key is None:
            self.signer = AwsSigner(region=section.region, profile=section.profile, role_arn=section.role_arn)
        base_url = section.base_url or f"https://bedrock-runtime.{section.region}.amazonaws.com"
        self._base_url = base_url.rstrip("/")
        self._headers = HeaderSet(_credentials(section), section.headers)

    def serves(self, endpoint: Endpoint, model: str) -> bool:
        """Messages and their tokens for Claude, Converse for all else; profiles' ARNs that name no family are that."""
        if not is_path_segment(model):
            return False
        if endpoint.name in ("messages", "invoke_count"):
            return _CLAUDE in model
        if endpoint.name == "invoke_embeddings":
            return EMBEDS.search(model) is not None
        return endpoint.name == "converse" and _CLAUDE not in model

    def url(self, endpoint: Endpoint, model: str, *, stream: bool) -> str:
        """The action's URL; the model id, profile or ARN stands in it."""
        if endpoint.name == "invoke_count":
            # Models alone count, by their own names: profiles for several regions do not.
            model, action = model[model.index(_CLAUDE) :], "count-tokens"
        elif endpoint.name == "invoke_embeddings":
            action = "invoke"
        elif endpoint.name == "converse":
            action = "converse-stream" if stream else "converse"
        else:
            action = "invoke-with-response-stream" if stream else "invoke"
        return f"{self._base_url}/model/{path_segment(model)}/{action}"

    def is_named_in_url(self, _endpoint: Endpoint) -> bool:
        """Always, and whether it streams too."""
        return True

    def wire_model(self, _endpoint: Endpoint, model: str) -> str:
        """Models keep their names, which stand in the URL."""
        return model

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """A Bedrock API key, if there is one, and what the file adds. The body is always JSON."""
        headers[:] = [header for header in headers if header[0] != "content-type"]
        headers.append(("content-type", "application/json"))
        self._headers.apply(headers)

    def adapt(self, endpoint: Endpoint, body: bytes, headers: Headers, *, stream: bool) -> bytes:  # noqa: ARG002
        """Anthropic's body as InvokeModel wants it, the betas of the header inside it."""
        if endpoint.name != "messages":
            return body
        betas = betas_of(value for name, value in headers if name == _BETA)
        headers[:] = [header for header in headers if not header[0].startswith(_OF_ANTHROPIC_HEADERS)]
        return invoke_model_body(body, betas)


class BedrockTransport:
    """Turns event streams into server-sent events on their way in."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """See `Transport`."""
        response = await self._transport.send(request)
        if not Content(response.headers).media_type.startswith(_EVENT_STREAM):
            if _COUNTED_IN_HEADER.search(request.url) is not None:
                return _with_count(response)
            return response
        events = _ConverseEvents() if request.url.endswith("/converse-stream") else AnthropicEvents()
        return _EventStreamResponse(response, events)


def _with_count(response: UpstreamResponse) -> UpstreamResponse:
    """An answer with the tokens of its texts in its body, where other models state them: some state a header alone."""
    counted = next((value for name, value in response.headers if name == _COUNT and value.isdigit()), None)
    return response if counted is None else _CountedResponse(response, int(counted))


async def _whole(response: UpstreamResponse) -> bytes:
    pieces: list[bytes] = []
    while (piece := await response.read_chunk()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


class _CountedResponse:
    """A response whose object has one member more."""

    def __init__(self, response: UpstreamResponse, tokens: int) -> None:
        self._response = response
        self._member: bytes | None = b'{"%b":%d,' % (COUNTED.encode(), tokens)
        self.status = response.status
        self.headers: Headers = [header for header in response.headers if header[0] != "content-length"]

    @property
    def was_held_back(self) -> bool:
        """See `UpstreamResponse`."""
        return self._response.was_held_back

    async def read_chunk(self) -> bytes | None:
        """See `UpstreamResponse`."""
        chunk = await self._response.read_chunk()
        if not chunk or self._member is None:
            return chunk
        member, self._member = self._member, None
        return member + chunk[1:] if chunk[:2] == b'{"' else chunk

    async def read_all(self) -> bytes:
        """See `UpstreamResponse`."""
        return await _whole(self)

    async def close(self) -> None:
        """See `UpstreamResponse`."""
        await self._response.close()


class _ConverseEvents:
    """Each message as a server-sent event of its name, the payload as it is."""

    def __init__(self) -> None:
        self._decoder = EventStreamDecoder()

    def feed(self, chunk: bytes) -> bytes:
        """The events that this piece completes."""
        events = []
        for message in self._decoder.feed(chunk):
            name, payload = event_of(message)
            events.append(b"event: " + name.encode() + b"\ndata: " + payload.replace(b"\n", b" ") + b"\n\n")
        return b"".join(events)

    def end(self) -> None:
        """The stream is over."""
        self._decoder.end()


class _EventStreamResponse:
    """A response whose frames were turned into events."""

    def __init__(self, response: UpstreamResponse, events: AnthropicEvents | _ConverseEvents) -> None:
        self._response = response
        self._events = events
        self.status = response.status
        dropped = ("content-type", "content-length")
        self.headers: Headers = [header for header in response.headers if header[0] not in dropped]
        self.headers.append(("content-type", "text/event-stream"))

    @property
    def was_held_back(self) -> bool:
        """See `UpstreamResponse`."""
        return self._response.was_held_back

    async def read_chunk(self) -> bytes | None:
        """Whole events; see `UpstreamResponse`."""
        while True:
            chunk = await self._response.read_chunk()
            try:
                if chunk is None:
                    self._events.end()
                    return None
                events = self._events.feed(chunk)
            except StreamFailed as failure:
                raise UpstreamFailure(FailureKind.NETWORK, str(failure)) from failure
            except EventStreamError as failure:
                raise UpstreamFailure(FailureKind.PROTOCOL, str(failure)) from failure
            if events:
                return events

    async def read_all(self) -> bytes:
        """All events; see `UpstreamResponse`."""
        return await _whole(self)

    async def close(self) -> None:
        """See `UpstreamResponse`."""
        await self._response.close()


def _credentials(section: BedrockProvider) -> Iterable[tuple[str, Secret]]:
    if section.api_key is not None:
        yield "authorization", Secret(f"Bearer {section.api_key.reveal()}")
