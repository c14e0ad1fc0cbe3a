"""Handing the provider's answer on, byte for byte, while its usage is read off in passing."""

from gateway.dispatch.outcome import Outcome, answer_for, classify, failed
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.relay_stream import EventRelay, KeptAlive, RawRelay
from gateway.pipeline.relay_translated import relay_translated
from gateway.pipeline.reply import Reply
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import UpstreamResponse
from gateway.wire.headers import response_headers
from gateway.wire.sse import StreamTap

WHOLE_BODY_BYTES = 1024 * 1024
"""Up to this size a body is read to its end before the status goes out, so that a failure is still an error."""

_ANSWERS = (Outcome.SUCCESS, Outcome.CLIENT_FAULT)

USAGE_NOT_REPORTED = "usage-not-reported"


async def relay(exchange: Exchange, services: Services) -> Reply:
    """The reply to a request whose provider has answered. Raises `GatewayError` in place of answers that stay here.

    Closes the upstream's response itself, unless it returns a stream: then the stream's `close` does.
    """
    response = exchange.upstream_response
    assert response is not None  # noqa: S101 - `dispatch` came before
    streams = False
    try:
        outcome = classify(response.status)
        if outcome not in _ANSWERS:
            raise answer_for(outcome, exchange.provider_name, response.status, response.headers)
        if exchange.candidate.lane.translation is not None:
            reply = await relay_translated(exchange, services, response, outcome)
            streams = reply.stream is not None
            return reply
        content_type, length, encoded = _body_facts(response)
        if content_type.startswith("text/event-stream") and not encoded:
            streams = True
            return _events(exchange, services, response)
        if length is None or length > WHOLE_BODY_BYTES or encoded:
            reply = await _unknown_length(exchange, services, response, content_type)
            streams = reply.stream is not None
            return reply
        try:
            body = await response.read_all()
        except UpstreamFailure as failure:
            raise failed(failure, exchange.provider_name) from failure
        return _whole(exchange, services, response, body)
    finally:
        if not streams:
            await response.close()


async def _unknown_length(
    exchange: Exchange, services: Services, response: UpstreamResponse, content_type: str
) -> Reply:
    """JSON is gathered while it is small, anything else (audio, say) goes on as it arrives."""
    gathered: list[bytes] = []
    size = 0
    if content_type.startswith("application/json"):
        try:
            while size <= WHOLE_BODY_BYTES:
                chunk = await response.read_chunk()
                if chunk is None:
                    return _whole(exchange, services, response, b"".join(gathered))
                gathered.append(chunk)
                size += len(chunk)
        except UpstreamFailure as failure:
            raise failed(failure, exchange.provider_name) from failure
    headers = response_headers(response.headers)
    return Reply(response.status, headers, stream=RawRelay(exchange, services, response, gathered))


def _whole(exchange: Exchange, services: Services, response: UpstreamResponse, body: bytes) -> Reply:
    if exchange.content is not None:
        exchange.content.add(body)
    if response.status < 400:  # noqa: PLR2004 - RFC 9110, section 15
        exchange.state(exchange.endpoint.shape.read_usage(body))
        if exchange.usage is None and exchange.endpoint.metered:
            exchange.usage_warning = USAGE_NOT_REPORTED
        settle(exchange, services, status=response.status, outcome="ok")
    else:
        settle(exchange, services, status=response.status, outcome="failed")
    return Reply(response.status, response_headers(response.headers), data=body)


def _events(exchange: Exchange, services: Services, response: UpstreamResponse) -> Reply:
    key = exchange.key
    assert key is not None  # noqa: S101 - `authenticate` came before
    tap = StreamTap(exchange.endpoint.shape.read_event, withhold_usage=exchange.withholds_usage)
    stream = EventRelay(exchange, services, response, tap)
    headers = response_headers(response.headers)
    if key.stream_keepalive_s:
        return Reply(response.status, headers, stream=KeptAlive(stream, key.stream_keepalive_s))
    return Reply(response.status, headers, stream=stream)


def _body_facts(response: UpstreamResponse) -> tuple[str, int | None, bool]:
    """Content type in lower case, the stated length, and whether the body is compressed."""
    content_type, length, encoded = "", None, False
    for name, value in response.headers:
        if name == "content-type":
            content_type = value.lower()
        elif name == "content-length" and value.isdigit():
            length = int(value)
        elif name == "content-encoding" and value.lower() != "identity":
            encoded = True
    return content_type, length, encoded
