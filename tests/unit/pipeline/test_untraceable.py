"""A request that nothing can be told of to its trace collector is served, settled and let go of like any other."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.resources import Resource

from gateway.counters.memory import MemoryCounters
from gateway.pipeline import relay, settle
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.pipeline.run import run
from gateway.pipeline.services import Services
from gateway.pipeline.states import Received
from gateway.shapes.endpoints import ENDPOINTS
from gateway.telemetry.access_log import Callers
from gateway.telemetry.collector_settings import Bounds
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.otel_variables import Variables
from gateway.telemetry.trace_destination import TraceDestination
from gateway.telemetry.tracing import Tracing
from gateway.upstream.circuit_breaker import CircuitBreakers
from gateway.wire.json_body import JsonBody
from tests.support.collector import Sent
from tests.support.keys import HASH, SECRET
from tests.support.nodes import Ledger
from tests.support.objects import NoJobs, NoUploads, Objects
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers: {{sim: {{type: openai, api_key: k}}}}
prices: {{sim/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
CHUNK = b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n'
CUT_OFF = (
    b'{"id":"r1","status":"incomplete","incomplete_details":{"reason":["x"]},"output":[],"usage":{"input_tokens":9}}'
)


class Answer:
    """Half a stream, or a whole body."""

    status = 200
    was_held_back = False

    def __init__(self, body, streams):
        self.headers = [("content-type", "text/event-stream" if streams else "application/json")]
        self.headers += [] if streams else [("content-length", str(len(body)))]
        self.closed = False
        self._body = body

    async def read_chunk(self):
        return self._body

    async def read_all(self):
        return self._body

    async def close(self):
        self.closed = True


class Upstream:
    def __init__(self, answer):
        self._answer = answer

    async def send(self, _request):
        return self._answer


@pytest.fixture
def ask():
    """Asks once, and leaves a stream after its first piece; tells the status, and what ledger, metrics and collector have."""

    async def asked(endpoint, body, answer):
        ledger, metrics, sent, told = Ledger(), Metrics(), Sent(), SimpleNamespace()
        destination = TraceDestination("default", lambda: sent, Resource({}), Bounds(delay_s=60), metrics)
        services = Services(
            counters=MemoryCounters(),
            on_counter_loss=None,
            ledger=ledger,
            breakers=CircuitBreakers(),
            metrics=metrics,
            decision_log=None,
            tracing=Tracing(destination, Bounds(), metrics, Variables({})),
            objects=Objects(),
            uploads=NoUploads(),
            jobs=NoJobs(),
            guesses=KeyGuesses(0, Callers("node")),
            disconnect_drain_bytes=0,
        )

        async def read_body():
            return JsonBody(body)

        credential = [(b"authorization", f"Bearer {SECRET}".encode())]
        received = Received(snapshot_of(CONFIG, Upstream(answer)), ENDPOINTS[endpoint], credential, b"", "grq_1")
        try:
            reply = await run(received, services, read_body)
            told.status = reply.status
            if reply.stream is not None:
                await anext(aiter(reply.stream))
                await reply.stream.close()
        finally:
            destination.close()
            destination.join(10)
        told.cost, told.spans, told.metrics = ledger.cost, sent.spans, metrics.render(private=True).decode()
        return told

    return lambda *args: asyncio.run(asked(*args))


def chat(streams=False):
    body = {
        "model": "sim/m",
        "stream": streams,
        "temperature": 10**400,
        "messages": [{"role": "user", "content": "hi"}],
    }
    return "chat_completions", json.dumps(body).encode(), Answer(CHUNK if streams else CHUNK[6:].strip(), streams)


@pytest.mark.parametrize("streams", [False, True])
def test_a_number_that_no_float_holds(ask, streams):
    endpoint, body, answer = chat(streams)

    told = ask(endpoint, body, answer)

    assert (told.status, told.cost) == (200, 10_000)
    assert answer.closed
    assert "gen_ai.request.temperature" not in told.spans[1]["attributes"]


def test_a_reason_that_is_no_word(ask):
    told = ask("responses", b'{"model":"sim/m","input":"hi"}', Answer(CUT_OFF, streams=False))

    assert (told.status, told.cost) == (200, 9_000)
    assert told.spans[1]["attributes"]["gen_ai.response.finish_reasons"] == ["error"]


@pytest.mark.parametrize(("long", "kept"), [(500, "m" * 256), (99_999, None)])
def test_a_provider_does_not_say_more_of_its_model_than_can_be_kept(ask, long, kept):
    body = b'{"model":"%b","usage":{"prompt_tokens":9,"completion_tokens":1}}' % (b"m" * long)

    told = ask(*chat()[:2], Answer(body, streams=False))

    assert told.spans[1]["attributes"].get("gen_ai.response.model") == kept


@pytest.mark.parametrize("streams", [False, True])
def test_whatever_keeps_a_request_from_its_collector_costs_its_spans_alone(ask, streams, monkeypatch, caplog):
    def fail(_body):
        raise ZeroDivisionError

    monkeypatch.setattr(settle, "parameters_of", fail)
    endpoint, body, answer = chat(streams)

    told = ask(endpoint, body, answer)

    assert (told.status, told.cost, told.spans) == (200, 10_000, [])
    assert answer.closed
    assert 'gateway_trace_spans_dropped_total{collector="default",reason="export_failed"} 2.0' in told.metrics
    assert "no spans can be made of the request grq_1" in caplog.text


@pytest.mark.looks_inside
def test_the_connection_of_a_stream_is_let_go_of_even_where_its_end_fails(ask, monkeypatch):
    def fail(*_args, **_named):
        raise ZeroDivisionError

    monkeypatch.setattr(relay, "conclude", fail)
    endpoint, body, answer = chat(streams=True)

    with pytest.raises(ZeroDivisionError):
        ask(endpoint, body, answer)

    assert answer.closed
